"""Finds the plugins, opens accounts, and tells plugins what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
import structlog

from hub import hookspecs
from hub.adapter import ROLES, Adapter, Vault
from hub.errors import ConfigError, HubError, PluginError
from hub.http import Http
from hub.models import Post
from hub.secrets import secret_values
from hub.sections import AccountOptions
from hub.settings import Account, Settings, account_settings

GROUP = "hub"
log = structlog.get_logger()


class Registry:
    """The plugins that are installed, by entry point group `hub`. Nothing is opened before it is asked for."""

    def __init__(self, plugins: pluggy.PluginManager, adapters: Mapping[str, type[Adapter]]) -> None:
        self._plugins = plugins
        self.adapters = adapters

    @classmethod
    def discover(cls, extra: Mapping[str, object] | None = None) -> Registry:
        """Load every plugin; `extra` adds modules by name, for tests and for the demo.

        Raises `PluginError` for a plugin that cannot be imported, a hook name that is none, and two classes
        for one platform.
        """
        plugins = pluggy.PluginManager("hub")
        plugins.add_hookspecs(hookspecs)
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
            _register(plugins, _load(entry), entry.name)
        for name, module in (extra or {}).items():
            _register(plugins, module, name)
        try:
            plugins.check_pending()
        except pluggy.PluginValidationError as error:
            raise PluginError(
                "plugin {name}: {why}",
                hint="the hooks are listed in docs/plugins.md",
                name=plugins.get_name(error.plugin) or "?",
                why=str(error).splitlines()[-1],
            ) from None
        return cls(plugins, _adapters(plugins))

    @classmethod
    def of(cls, *adapters: type[Adapter]) -> Registry:
        """Return a registry of these adapters alone, whatever is installed."""
        plugins = pluggy.PluginManager("hub")
        plugins.add_hookspecs(hookspecs)
        return cls(plugins, {adapter.platform: adapter for adapter in adapters})

    def roles(self, platform: str) -> list[str]:
        """Name the roles that a platform's adapter takes."""
        return [role.__name__ for role in ROLES if issubclass(self.adapters[platform], role)]

    def module_of(self, platform: str) -> str:
        return self.adapters[platform].__module__

    def adapter_class(self, account: Account, settings: Settings) -> type[Adapter]:
        """Return the class for an account's platform; raise `ConfigError` if no plugin brings it."""
        found = self.adapters.get(account.platform)
        if found is None:
            import difflib

            close = difflib.get_close_matches(account.platform, self.adapters, n=1)
            hint = "did you mean {close}?" if close else "`hub plugins` lists what is installed"
            raise ConfigError(
                "{file}: accounts.{name}: no plugin knows the platform {platform}",
                hint=hint,
                close="".join(close),
                file=settings.path,
                name=account.name,
                platform=account.platform,
            )
        return found

    def open(self, account: Account, settings: Settings, vault: Vault) -> Adapter:
        """Return the account's adapter, ready to call; no network call is made."""
        adapter = self.adapter_class(account, settings)
        checked = account_settings(adapter.Settings, account, settings, vault.read)
        http = Http(
            checked.api_url,
            deadline=settings.hub.deadline.total_seconds(),
            calls_per_second=account.options.calls_per_second or adapter.calls_per_second,
            secrets=secret_values(checked),
        )
        return adapter(account.name, checked, http, vault)

    def check_accounts(self, settings: Settings, vault: Callable[[str], Vault]) -> None:
        """Check every account's settings; raise `ConfigError` for the first that is wrong.

        Two accounts for one remote page are wrong: each post would be there twice.
        """
        pages: dict[tuple[str, str], str] = {}
        for account in settings.accounts.values():
            adapter = self.adapter_class(account, settings)
            checked = account_settings(adapter.Settings, account, settings, vault(account.name).read)
            page = adapter.page(checked)
            twin = pages.setdefault((account.platform, page), account.name) if page else account.name
            if twin != account.name:
                raise ConfigError(
                    "{file}: accounts.{one} and accounts.{two} are the same page on {platform}: {page}",
                    hint="keep one of them",
                    file=settings.path,
                    one=twin,
                    two=account.name,
                    platform=account.platform,
                    page=page,
                )

    def prepare(self, post: Post, account: str) -> Post:
        """Let every plugin change a post for an account; one may veto it with `RejectedError`."""
        for implementation in self._plugins.hook.prepare_post.get_hookimpls():
            changed = implementation.function(
                **{
                    name: value
                    for name, value in (("post", post), ("account", account))
                    if name in implementation.argnames
                }
            )
            if changed is not None and not isinstance(changed, Post):
                raise PluginError(
                    "plugin {name}: prepare_post returned {kind}, not a Post",
                    name=implementation.plugin_name,
                    kind=type(changed).__name__,
                )
            post = changed or post
        return post

    def tell(self, event: str, **facts: Any) -> None:
        """Tell every plugin a fact that is stored; what one raises is logged and changes nothing."""
        for implementation in getattr(self._plugins.hook, event).get_hookimpls():
            try:
                implementation.function(**{name: facts[name] for name in implementation.argnames})
            except Exception:
                log.exception("hook failed", hook=event, plugin=implementation.plugin_name)

    def register_commands(self, cli: Any) -> None:
        """Let plugins add their commands to the command line."""
        self._plugins.hook.register_commands(cli=cli)


def _register(plugins: pluggy.PluginManager, module: object, name: str) -> None:
    try:
        plugins.register(module, name=name)
    except ValueError:
        raise PluginError(
            "two plugins are installed under the name {name}", hint="uninstall one of them", name=name
        ) from None


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except HubError:
        raise
    except Exception as error:
        raise PluginError(
            "plugin {name} ({module}) cannot be loaded: {why}",
            hint="mend or uninstall it",
            name=entry.name,
            module=entry.value,
            why=f"{type(error).__name__}: {error}",
        ) from error


def _adapters(plugins: pluggy.PluginManager) -> dict[str, type[Adapter]]:
    found: dict[str, type[Adapter]] = {}
    for implementation in plugins.hook.register_adapters.get_hookimpls():
        adapters: list[type[Adapter]] = implementation.function()  # type: ignore[assignment]  # pluggy: object
        for adapter in adapters:
            other = found.get(adapter.platform)
            if other is not None and other is not adapter:
                raise PluginError(
                    "two plugins bring the platform {platform}: {one} and {two}",
                    hint="uninstall one of them",
                    platform=adapter.platform,
                    one=other.__module__,
                    two=adapter.__module__,
                )
            taken = sorted(AccountOptions.model_fields.keys() & adapter.Settings.model_fields.keys())
            if taken:
                raise PluginError(
                    "plugin {module}: its setting {setting} is one of the hub's own for every account",
                    hint="give it another name",
                    module=adapter.__module__,
                    setting=taken[0],
                )
            found[adapter.platform] = adapter
    return found
