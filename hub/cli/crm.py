"""`hub crm`: tries what an account of a CRM can do, step by step, and lets a person log in to one."""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import Any, Protocol, runtime_checkable

import click

from hub.adapter import ContactSync
from hub.cli.output import Output, command, one_line
from hub.errors import HubError, UsageError
from hub.i18n import _, ngettext, words_of
from hub.models import Contact, OAuth, OAuthClient

_BODY = 600  # characters of an answer that a person is shown
_SHOWN = ("emails", "phones", "handles", "fields")


@runtime_checkable
class LogsIn(Protocol):
    """An adapter whose account says how a person logs in to it."""

    def login(self) -> tuple[OAuth, OAuthClient] | None:
        """Return how, None where nobody does."""

    def keep_login(self, access: str, refresh: str) -> None:
        """Keep the tokens that the login brought."""


@click.group("crm", help=_("Try an account of a CRM, or log in to it."))
def crm() -> None:
    """Gather the commands for one CRM's account."""


@command(
    "try",
    help=_("Walk through all that an account of a CRM can do, on a test record, and show what came."),
    epilog=_("The test record is deleted at the end; what could not be deleted is named."),
)
@click.argument("account")
@click.option("--read-only", is_flag=True, help=_("Write nothing: check and read two pages."))
@click.option(
    "--email", metavar="ADDRESS", help=_("The e-mail of the test record, where the CRM refuses example.com.")
)
@click.option("--verbose", is_flag=True, help=_("Show every answer whole."))
def try_account(out: Output, account: str, read_only: bool, email: str | None, verbose: bool) -> None:
    """Try one account; exit with the code of the first step that failed."""
    from hub.cli.opening import open_hub
    from hub.contacts.trial.steps import Step
    from hub.contacts.trial.trying import Trial
    from hub.store.running import switches

    with open_hub(out) as hub:
        adapter = _crm(hub.adapter(account))
        if not read_only:
            with hub.store.read() as connection:
                switches.refuse_if_stopped(connection)
        mark = secrets.token_hex(4)
        trial = Trial(adapter, mark, email or f"crosshub-trial-{mark}@example.com")
        steps: list[Step] = []
        for step in trial.walk(write=not read_only):
            _print(out, step, verbose=verbose)
            steps.append(step)
        failed = [step for step in steps if step.state == "failed"]
        left = trial.left
        if left is not None:
            out.warn(_("the record {id} stays in the CRM: delete it there").format(id=left.url or left.remote_id))
        count = len(failed)
        if count:
            out.line(ngettext("{count} step failed.", "{count} steps failed.", count).format(count=count))
        else:
            out.line(_("All is well."))
        errors = [step.error for step in failed if step.error is not None]
        code = (errors[0].exit_code if errors else HubError.exit_code) if failed else 0
        document = {
            "account": account,
            "steps": [_shape(step) for step in steps],
            "left": None if left is None else {"remote_id": left.remote_id, "url": left.url},
        }
        out.done(document, code)


@command("login", help=_("Log in to an account of a CRM with your browser; the tokens go into the vault."))
@click.argument("account")
@click.option("--port", type=click.IntRange(0, 65535), help=_("Where on 127.0.0.1 the browser comes back to."))
@click.option(
    "--wait",
    type=click.IntRange(1, 3600),
    default=300,
    show_default=True,
    help=_("How many seconds the login in the browser may take."),
)
def log_in(out: Output, account: str, port: int | None, wait: int) -> None:
    """Let a person log in, and keep what the CRM grants."""
    from hub import oauth
    from hub.cli.opening import open_hub
    from hub.http import Http

    with open_hub(out) as hub:
        adapter = hub.adapter(account)
        declared = adapter.login() if isinstance(adapter, LogsIn) else None
        if declared is None or not isinstance(adapter, LogsIn):
            raise UsageError(
                "{account} needs no login with a browser",
                hint="that is for accounts whose auth says grant = 'authorization_code' and authorize_url",
                account=account,
            )
        how, client = declared
        deadline = hub.settings.hub.deadline.total_seconds()
        with (
            closing(Http(adapter.settings.api_url, deadline=deadline)) as http,
            oauth.Loopback(_page, how.port if port is None else port) as loopback,
        ):
            login = oauth.Login(how, adapter.settings.api_url, client, loopback.redirect_uri)
            url = login.url()
            loopback.begin(login)
            out.say(_("Open this address in your browser, and log in:"))
            out.say(url)
            grant = login.exchange(loopback.wait(wait), http)
        adapter.keep_login(grant.access_token, grant.refresh_token)
        identity = hub.check(account)
        out.line(
            _("{account}: logged in, we are {name}.").format(
                account=account, name=identity.name or identity.remote_id
            )
        )
        out.done({"account": account, "remote_id": identity.remote_id, "name": identity.name})


def _page(error: HubError | None) -> str:
    """Say in the browser how it went."""
    if error is None:
        return _("You are logged in.") + "\n" + _("Close this page and go back to the terminal.")
    return _("This did not work.") + "\n" + ". ".join(filter(None, words_of(error)))


def _crm(adapter: object) -> ContactSync:
    if not isinstance(adapter, ContactSync):
        raise UsageError(
            "{account} is no CRM",
            hint="`hub plugins` says which platforms hold contacts",
            account=getattr(adapter, "account", "?"),
        )
    return adapter


def _print(out: Output, step: Any, *, verbose: bool) -> None:
    marks = {"ok": _("ok"), "failed": _("FAILED"), "skipped": _("skipped")}
    message, hint = _words(step)
    out.line(f"{_(step.name)}: {marks[step.state]}" + (f" – {message}" if message else ""))
    if hint:
        out.line(f"    {hint}")
    if step.state == "failed" or verbose or step.mapped:
        for came in step.came if verbose or step.state == "failed" else step.came[-1:]:
            body = came.body if verbose else came.body[:_BODY] + ("…" if len(came.body) > _BODY else "")
            out.line(f"    < {came.method} {came.url}: {came.status} {one_line(body)}")
    for contact in step.mapped:
        out.line(f"    = {_told(contact)}")


def _words(step: Any) -> tuple[str, str]:
    if step.error is not None:
        return words_of(step.error)
    return _(step.told).format_map(step.facts) if step.told else "", ""


def _told(contact: Contact) -> str:
    parts = [f"{contact.remote_id} {contact.name or '?'}"]
    parts += [f"{name}: {_plain(getattr(contact, name))}" for name in _SHOWN if getattr(contact, name)]
    for name in ("url", "link", "key", "version", "updated_at"):
        if getattr(contact, name):
            parts.append(f"{name}: {getattr(contact, name)}")
    return " · ".join([*parts, *([_("deleted")] if contact.deleted else [])])


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "items"):
        return "{" + ", ".join(f"{name}: {_plain(part)}" for name, part in value.items()) + "}"
    return ", ".join(value)


def _shape(step: Any) -> dict[str, Any]:
    from msgspec import to_builtins

    message, hint = _words(step)
    return {
        "step": step.name,
        "state": step.state,
        "message": message,
        "hint": hint,
        "code": step.error.code if step.error is not None else None,
        "came": [came._asdict() for came in step.came],
        "mapped": [to_builtins(contact) for contact in step.mapped],
    }


crm.add_command(try_account)
crm.add_command(log_in)
