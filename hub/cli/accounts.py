"""`hub accounts`: lists the accounts; adds one: asks, logs in, checks, then writes hub.toml and the vault."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

import click
from sqlalchemy.engine import Connection

from hub.adapter import Adapter
from hub.cli import login
from hub.cli.asking import Questions
from hub.cli.opening import open_store
from hub.cli.output import Output, command, iso, shared_options
from hub.cli.writing import Draft, StagedVault, draft
from hub.errors import ConfigError, UsageError
from hub.i18n import _, words_of
from hub.models import Identity
from hub.scheduling.hub import Hub
from hub.secrets import resolve
from hub.settings import Settings, account_settings
from hub.store.running import accounts as rows
from hub.words import word

_LOGIN_SECONDS = 300


@click.group("accounts", invoke_without_command=True, help=_("List the accounts, or add one."))
@click.pass_context
def accounts(context: click.Context) -> None:
    """List them, unless a command is named."""
    if context.invoked_subcommand is None:
        context.invoke(_list)


@command("list", help=_("List the accounts, or add one."))
def _list(out: Output) -> None:
    with open_store(out) as hub:
        with hub.store.read() as connection:
            known = {one.name: one for one in rows.all_health(connection)}
        shapes = []
        for name, account in hub.settings.accounts.items():
            one = known.get(name)
            shape = {"account": name, "platform": account.platform, "state": one.state if one else "active"}
            shapes.append(
                shape | {"name": one.display_name if one else "", "remote_id": one.identity if one else ""}
            )
    if shapes:
        out.table(
            (_("account"), _("platform"), _("state"), _("who we are")),
            [(s["account"], s["platform"], word(s["state"]), s["name"] or s["remote_id"]) for s in shapes],
        )
    else:
        out.line(_("There are no accounts yet; `hub accounts add PLATFORM` adds one."))
    out.done({"accounts": shapes})


@command(
    "add",
    help=_("Add an account: ask for its settings, log in, check, then write hub.toml and the vault."),
    epilog=_(
        "Secrets are asked for without showing them, and kept in the vault; env:NAME or file:PATH in place of one "
        "says where it is. Nothing is written until the network has said who we are."
    ),
)
@click.argument("platform")
@click.option("--name", help=_("What to call it in hub.toml; the platform's name otherwise."))
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    help=_("A setting; a secret as KEY=env:NAME or KEY=file:PATH."),
)
@click.option(
    "--no-browser", is_flag=True, help=_("Show the address to log in at, and ask where it led; for ssh.")
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=_("Where on 127.0.0.1 the browser comes back to; 0: any free one."),
)
@click.option(
    "--wait",
    type=click.IntRange(1, 3600),
    default=_LOGIN_SECONDS,
    show_default=True,
    help=_("How many seconds the login in the browser may take."),
)
@click.option("--yes", is_flag=True, help=_("Log in and go on without asking, also where rights are missing."))
def add(
    out: Output,
    platform: str,
    name: str | None,
    given: Sequence[str],
    no_browser: bool,
    port: int | None,
    wait: int,
    yes: bool,
) -> None:
    """Add one account; on any failure neither hub.toml nor the vault is changed."""
    with open_store(out) as hub:
        adding = _Adding(out, hub, _adapter(hub, platform), yes=yes)
        adding.choose_name(name)
        adding.settings(given)
        missing: list[str] = []
        if adding.by_login:
            deadline = hub.settings.hub.deadline.total_seconds()
            walk = login.Walk(out, adding.adapter, adding.questions, deadline)
            missing = walk.log_in(wait, port=port, browser=not no_browser)
        adding.finish(missing)


class _Adding:
    """One account on its way into hub.toml."""

    def __init__(self, out: Output, hub: Hub, adapter: type[Adapter], *, yes: bool) -> None:
        self.out = out
        self.hub = hub
        self.adapter = adapter
        self.yes = yes
        self.by_login = False
        self.name = adapter.platform
        self.vault = StagedVault()
        ask = out.input and not out.json and sys.stdin.isatty()
        self.questions = Questions(adapter.platform, adapter.Settings, out, self._fetch, ask=ask)
        self.questions.secrets = self.vault.secrets

    def choose_name(self, name: str | None) -> None:
        """Take the name that was given, or ask for one; raise `UsageError` if it is taken."""
        while True:
            if name is None and self.questions.ask:
                free = "" if self.adapter.platform in self.hub.settings.accounts else self.adapter.platform
                name = click.prompt(_("Name of the account in hub.toml"), default=free or None, err=True)
            self.name = name or self.adapter.platform
            try:
                self._check_name()
            except (UsageError, ConfigError) as error:
                if not self.questions.ask:
                    raise
                self.out.say("  " + words_of(error)[0])
                name = None
            else:
                return

    def settings(self, given: Sequence[str]) -> None:
        """Take what was given, and ask for the rest; what a login brings is left to it."""
        questions, declared = self.questions, self.adapter.oauth
        for assignment in given:
            questions.give(assignment)
        if questions.ask and self.adapter.Settings.__doc__:
            self.out.say(" ".join(self.adapter.Settings.__doc__.split()))
        self.by_login = declared is not None and declared.token not in questions.values and self._agrees_to_login()
        filled = login.filled_by(declared) if declared is not None and self.by_login else []
        questions.ask_required(filled)
        questions.ask_optional(filled)
        questions.settle(later=[key for key in filled if key not in questions.values])
        # What hub.toml does not take shows now, and not after the login.
        with self._draft():
            pass

    def finish(self, missing: Sequence[str]) -> None:
        """Ask the network who we are; if all is well, write everything."""
        self.questions.settle()
        with self._draft() as made:
            account = made.settings.accounts[self.name]
            self._refuse_twin(made.settings)
            opened = self.hub.registry.open(account, made.settings, self.vault)
            with closing(opened.http):
                identity = opened.check()
            lacks = list(dict.fromkeys([*missing, *identity.missing]))
            if lacks:
                self.out.warn(_("missing rights: {rights}").format(rights=", ".join(lacks)))
                if not self.yes:
                    self.out.ask(_("Add the account all the same?"), hint=_("log in again, or add it with --yes"))
            made.keep(self.hub.store, self.name, self.vault.secrets, self._register(made.settings, identity))
        self._report(identity, lacks)

    def _check_name(self) -> None:
        if self.name in self.hub.settings.accounts:
            raise UsageError(
                "there is an account {name} already", hint="choose another one with --name", name=self.name
            )
        with self._draft():
            pass

    def _agrees_to_login(self) -> bool:
        if self.yes or not self.questions.ask:
            return True
        question = _("Log in to {platform} with the browser?").format(platform=self.adapter.platform)
        return click.confirm(question, default=True, err=True)

    def _fetch(self, value: Any, key: str = "") -> Any:
        where = f"accounts.{self.name}.{key}".rstrip(".")
        return resolve(value, self.hub.settings, where, self.vault.read)

    def _draft(self) -> AbstractContextManager[Draft]:
        values = {"platform": self.adapter.platform, **self.questions.in_order()}
        return draft(self.hub.settings.path, self.name, values)

    def _refuse_twin(self, settings: Settings) -> None:
        """Raise `UsageError` if another account is the same remote page: each post would be there twice."""
        mine = self._page_in(settings, self.name)
        for name, account in self.hub.settings.accounts.items():
            if mine and account.platform == self.adapter.platform and self._page_in(settings, name) == mine:
                raise UsageError(
                    "{name} is the same page on {platform} already: {page}",
                    hint="use that one, or take it out of hub.toml first",
                    name=name,
                    platform=account.platform,
                    page=mine,
                )

    def _page_in(self, settings: Settings, name: str) -> str:
        vault = self.vault if name == self.name else self.hub.vault(name)
        try:
            checked = account_settings(self.adapter.Settings, settings.accounts[name], settings, vault.read)
        except ConfigError:
            if name == self.name:
                raise
            return ""
        return self.adapter.page(checked)

    def _register(self, settings: Settings, identity: Identity) -> Callable[[Connection], None]:
        new = Hub(settings, self.hub.registry, self.hub.store, self.hub.clock)

        def work(connection: Connection) -> None:
            now = self.hub.clock()
            rows.register(connection, {self.name: self.adapter.platform}, {self.name: new.kinds(self.name)}, now)
            rows.resume(
                connection,
                self.name,
                identity.remote_id,
                identity.name,
                now,
                token_kind=identity.kind,
                missing=identity.missing,
                expires_at=identity.expires_at,
            )

        return work

    def _report(self, identity: Identity, lacks: Sequence[str]) -> None:
        out, file = self.out, self.hub.settings.path
        out.line(
            f"{self.name} ({self.adapter.platform}): "
            + _("ok, we are {name} ({id})").format(name=identity.name or "?", id=identity.remote_id)
        )
        out.line(_("Wrote it to {file}; a hub that runs takes it up when it is started anew.").format(file=file))
        out.done(
            {
                "account": self.name,
                "platform": self.adapter.platform,
                "file": str(file),
                "remote_id": identity.remote_id,
                "name": identity.name,
                "url": identity.url,
                "kind": identity.kind,
                "missing": list(lacks),
                "expires_at": iso(identity.expires_at),
            }
        )


def _adapter(hub: Hub, platform: str) -> type[Adapter]:
    found = hub.registry.adapters.get(platform)
    if found is None:
        import difflib

        close = difflib.get_close_matches(platform, list(hub.registry.adapters), n=1)
        raise UsageError(
            "no plugin knows the platform {platform}",
            hint="did you mean {close}?" if close else "`hub plugins` lists what is installed",
            platform=platform,
            close="".join(close),
        )
    return found


accounts.params += shared_options()
accounts.add_command(add)
