"""Reads hub.toml, resolves secrets; the only place that asks the environment."""

from __future__ import annotations

import difflib
import os
import tomllib
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import regex
from pydantic import BaseModel, ValidationError

from hub.errors import ConfigError, HubError
from hub.secrets import plain_secrets, resolve, secret_values
from hub.sections import (
    AccountOptions,
    ActivitySection,
    AppSection,
    ContactsSection,
    HubSection,
    RetentionSection,
    RouteSection,
    ScheduleSection,
    ServeSection,
)
from hub.webhooks import EVENTS, GROUPS, WebhookSection, read_key

_NAME = regex.compile(r"[a-z0-9][a-z0-9_-]*")
_TABLES = frozenset(
    ("hub", "accounts", "apps", "routes", "schedule", "serve", "webhooks", "contacts", "activities", "retention")
)


class Account:
    """One `[accounts.NAME]` table, its plugin's part not yet checked."""

    def __init__(self, name: str, platform: str, options: AccountOptions, values: Mapping[str, Any]) -> None:
        self.name = name
        self.platform = platform
        self.options = options
        self.values = values


class Settings:
    """The whole of hub.toml. Names in routes are checked against the accounts."""

    def __init__(
        self,
        path: Path,
        hub: HubSection,
        accounts: Mapping[str, Account],
        routes: Mapping[str, RouteSection],
        schedule: ScheduleSection,
        environment: Mapping[str, str],
        webhooks: Mapping[str, WebhookSection] | None = None,
        serve: ServeSection | None = None,
        contacts: ContactsSection | None = None,
        activities: Mapping[str, ActivitySection] | None = None,
        retention: RetentionSection | None = None,
        apps: Mapping[str, AppSection] | None = None,
    ) -> None:
        self.path = path
        self.hub = hub
        self.accounts = accounts
        self.routes = routes
        self.schedule = schedule
        self.environment = environment
        self.webhooks = webhooks or {}
        self.serve = serve or ServeSection()
        self.contacts = contacts or ContactsSection()
        self.activities = activities or {}
        self.retention = retention or RetentionSection()
        self.apps = apps or {}
        self.sources = frozenset(source for route in routes.values() for source in route.sources)

    @property
    def folder(self) -> Path:
        """Where relative paths start: the folder of hub.toml."""
        return self.path.parent

    @property
    def database_url(self) -> str:
        """The database, with a relative SQLite path made absolute."""
        prefix, path = "sqlite:///", self.hub.database.removeprefix("sqlite:///")
        if self.hub.database.startswith(prefix) and path != ":memory:":
            return prefix + str((self.folder / path).resolve())
        return self.hub.database

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.hub.timezone)

    def targets_of(self, source: str) -> Iterator[tuple[str, RouteSection]]:
        """Yield (account, route) for each account that posts of `source` go to, once each."""
        seen = {source}
        for route in self.routes.values():
            if source in route.sources:
                for target in route.targets:
                    if target not in seen:
                        seen.add(target)
                        yield target, route

    def key(self) -> bytes:
        """Return the 32 bytes that the vault is locked with; the key file is made when there is none."""
        from hub.keyfile import load_key

        return load_key(self.environment, self.folder / self.hub.key_file)


def find_path(option: str | None, environment: Mapping[str, str] | None = None) -> Path:
    """Say which hub.toml is meant: the option, HUB_CONFIG, or the one in this folder."""
    named = option or (os.environ if environment is None else environment).get("HUB_CONFIG") or "hub.toml"
    return Path(named)


def load(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check hub.toml; raise `ConfigError` naming the file, the key and the mend."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "there is no {file}",
            hint="make one with `hub init`, or name one with --config or HUB_CONFIG",
            file=path,
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("{file} cannot be read: {why}", file=path, why=error) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            "{file} is no TOML: {why}", hint="mend that line; texts stand in double quotes", file=path, why=error
        ) from None
    for key in raw:
        if key not in _TABLES:
            raise _unknown_key(path, key, _TABLES)
    settings = Settings(
        path=path.resolve(),
        hub=_section(HubSection, raw.get("hub", {}), path, "hub"),
        accounts={name: _account(name, values, path) for name, values in _tables(raw, "accounts", path)},
        routes={
            name: _section(RouteSection, values, path, f"routes.{name}")
            for name, values in _tables(raw, "routes", path)
        },
        schedule=_section(ScheduleSection, raw.get("schedule", {}), path, "schedule"),
        environment=dict(os.environ if environment is None else environment),
        webhooks={name: _webhook(name, values, path) for name, values in _tables(raw, "webhooks", path)},
        serve=_section(ServeSection, raw.get("serve", {}), path, "serve"),
        contacts=_section(ContactsSection, raw.get("contacts", {}), path, "contacts"),
        activities={
            name: _section(ActivitySection, values, path, f"activities.{name}")
            for name, values in _tables(raw, "activities", path)
        },
        retention=_section(RetentionSection, raw.get("retention", {}), path, "retention"),
        apps={
            name: _section(AppSection, values, path, f"apps.{name}") for name, values in _tables(raw, "apps", path)
        },
    )
    _check_routes(settings)
    _check_apps(settings)
    return settings


def _tables(raw: Mapping[str, Any], key: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    tables = raw.get(key, {})
    if not isinstance(tables, dict):
        raise ConfigError("{file}: {key} is not a table", hint="write [{key}.NAME]", file=path, key=key)
    for name, values in tables.items():
        if not _NAME.fullmatch(name):
            raise ConfigError(
                "{file}: {key}.{name} is not a usable name",
                hint="names are small Latin letters, digits, - and _",
                file=path,
                key=key,
                name=name,
            )
        if not isinstance(values, dict):
            raise ConfigError(
                "{file}: {key}.{name} is not a table", hint="write [{key}.{name}]", file=path, key=key, name=name
            )
        yield name, values


def _account(name: str, values: Mapping[str, Any], path: Path) -> Account:
    platform = values.get("platform")
    if not isinstance(platform, str) or not platform:
        raise ConfigError(
            "{file}: accounts.{name} does not say its platform",
            hint='add platform = "…"; `hub plugins` lists them',
            file=path,
            name=name,
        )
    own = {key: value for key, value in values.items() if key in AccountOptions.model_fields}
    rest = {key: value for key, value in values.items() if key not in own and key != "platform"}
    return Account(name, platform, _section(AccountOptions, own, path, f"accounts.{name}"), rest)


def _check_routes(settings: Settings) -> None:
    for name, route in settings.routes.items():
        for key, accounts in (("from", route.sources), ("to", route.targets)):
            for account in accounts:
                if account not in settings.accounts:
                    raise ConfigError(
                        "{file}: routes.{route}.{key} names {account}, which is no account",
                        hint="did you mean {close}?"
                        if _close(account, settings.accounts)
                        else "add [accounts.{account}] or take it out",
                        close=_close(account, settings.accounts),
                        file=settings.path,
                        route=name,
                        key=key,
                        account=account,
                    )


def _check_apps(settings: Settings) -> None:
    for account in settings.accounts.values():
        app = account.options.app
        if app and app not in settings.apps:
            close = _close(app, settings.apps)
            raise ConfigError(
                "{file}: accounts.{account}.app names {app}, which is no app",
                hint="did you mean {close}?" if close else "add [apps.{app}] or take it out",
                close=close,
                file=settings.path,
                account=account.name,
                app=app,
            )


def _webhook(name: str, values: Mapping[str, Any], path: Path) -> WebhookSection:
    where = f"webhooks.{name}"
    if isinstance(values.get("secret"), str):
        raise _plain_secret(path, where, "secret", name)
    section = _section(WebhookSection, values, path, where)
    for event in section.events:
        if event not in (*EVENTS, *GROUPS):
            raise ConfigError(
                "{file}: {key} names {event}, which is no event",
                hint="did you mean {close}?" if _close(event, EVENTS) else "they are {known}",
                file=path,
                key=f"{where}.events",
                event=event,
                close=_close(event, EVENTS),
                known=", ".join(EVENTS),
            )
    return section


def webhook_secret(settings: Settings, name: str) -> str:
    """Fetch the secret that a webhook is signed with; raise `ConfigError` if there is none, or it is no key."""
    where = f"webhooks.{name}.secret"
    found = resolve(dict(settings.webhooks[name].secret), settings, where, lambda vault: None)
    (secret,) = secret_values(found)
    try:
        read_key(secret)
    except ValueError as error:
        raise ConfigError(
            "{file}: {key} is no key: {why}",
            hint='make one with `echo "whsec_$(openssl rand -base64 32)"`, and give it to the receiver too',
            file=settings.path,
            key=where,
            why=error,
        ) from None
    return secret


M = TypeVar("M", bound=BaseModel)


def _section(model: type[M], values: object, path: Path, where: str) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _first_error(error, model, path, where) from None


def account_settings(
    model: type[M], account: Account, settings: Settings, read_vault: Callable[[str], str | None]
) -> M:
    """Check an account's table against its plugin's settings, every secret fetched from where it is."""
    where = f"accounts.{account.name}"
    values = resolve(account.values, settings, where, read_vault)
    for key in plain_secrets(model, values, ()):
        raise _plain_secret(settings.path, where, key, account.name)
    return _section(model, values, settings.path, where)


def _plain_secret(path: Path, where: str, key: str, owner: str) -> ConfigError:
    name = key.split(".")[-1]
    return ConfigError(
        "{file}: {key} is a secret and stands there as plain text",
        hint='write {key_name} = {{ env = "{variable}" }} or {{ file = "path" }}, and put the secret there',
        file=path,
        key=f"{where}.{key}",
        key_name=name,
        variable=f"{owner}_{name}".upper().replace("-", "_"),
    )


def _first_error(error: ValidationError, model: type[BaseModel], path: Path, where: str) -> HubError:
    first = error.errors(include_url=False, include_input=False)[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join([where, *location])
    if first["type"] == "extra_forbidden":
        return _unknown_key(path, key, model.model_fields if len(location) == 1 else {})
    if first["type"] == "missing":
        hint = "add it; see `hub plugins`" if where.startswith("accounts.") else "add it"
        return ConfigError("{file}: {key} is missing", hint=hint, file=path, key=key)
    why = first["msg"].removeprefix("Value error, ")
    return ConfigError("{file}: {key}: {why}", file=path, key=key, why=why)


def _unknown_key(path: Path, key: str, known: typing.Iterable[str]) -> ConfigError:
    close = _close(key.split(".")[-1], known)
    return ConfigError(
        "{file}: {key} is no known key",
        hint="did you mean {close}?" if close else "take it out",
        file=path,
        key=key,
        close=close,
    )


def _close(name: str, known: typing.Iterable[str]) -> str:
    """Return the known name that looks most like this one, "" if none does."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return found[0] if found else ""
