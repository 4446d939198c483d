"""`hub check`: asks each network who we are, and says what is wrong and what mends it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import click

from hub.cli.failures import failure_of
from hub.cli.opening import open_hub
from hub.cli.output import PARTLY, Failure, Output, command, iso
from hub.cli.stop import say_if_stopped
from hub.cli.waiting import waiting_shape, waiting_text, waits
from hub.errors import AuthError, ConfigError
from hub.i18n import _, ngettext
from hub.models import Identity
from hub.scheduling.hub import Hub
from hub.store.running import accounts
from hub.store.running.accounts import Health


class _Finding(NamedTuple):
    account: str
    platform: str
    identity: Identity | None
    failure: Failure | None
    health: Health | None

    @property
    def code(self) -> int:
        return self.failure.exit_code if self.failure else 0


@command("check", help=_("Ask each network who we are, and say what is wrong."))
@click.argument("account", required=False)
def check(out: Output, account: str | None) -> None:
    """Check one account, or all. A paused account whose login works again goes on."""
    with open_hub(out) as hub:
        names = [account] if account else list(hub.settings.accounts)
        if account:
            hub.adapter(account)
        findings = []
        for name in names:
            finding = _look(hub, name, out)
            findings.append(finding)
            _print(out, finding, hub.clock())
        stopped = say_if_stopped(out, hub)
        if not names:
            out.line(
                _("There are no accounts yet; add [accounts.NAME] tables to {file}.").format(
                    file=hub.settings.path
                )
            )
        document = {"accounts": [_shape(finding, hub.clock()) for finding in findings], "stopped": stopped}
        out.done(document, _exit_code(findings))


def _look(hub: Hub, name: str, out: Output) -> _Finding:
    identity = failure = None
    try:
        identity = hub.check(name)
    except Exception as error:
        failure = failure_of(error, out.folder)
    with hub.store.read() as connection:
        health = next((one for one in accounts.all_health(connection) if one.name == name), None)
    return _Finding(name, hub.settings.accounts[name].platform, identity, failure, health)


def _exit_code(findings: list[_Finding]) -> int:
    """A login that only a person can mend comes first; else partly done, or what all failed with."""
    codes = {finding.code for finding in findings}
    if codes <= {0}:
        return 0
    for code in (AuthError.exit_code, ConfigError.exit_code):
        if code in codes:
            return code
    return codes.pop() if len(codes) == 1 else PARTLY


def _print(out: Output, finding: _Finding, now: datetime) -> None:
    _print_finding(out, finding, now)
    if waits(finding.health, now):
        out.line("  " + waiting_text(out, finding.health))


def _print_finding(out: Output, finding: _Finding, now: datetime) -> None:
    head = f"{finding.account} ({finding.platform}): "
    if finding.failure is not None:
        out.line(head + finding.failure.message)
        if finding.failure.hint:
            out.line("  " + finding.failure.hint)
        return
    identity = finding.identity
    assert identity is not None
    out.line(head + _("ok, we are {name} ({id})").format(name=identity.name or "?", id=identity.remote_id))
    if identity.url:
        out.line("  " + identity.url)
    if identity.kind:
        out.line("  " + _("kind of token: {kind}").format(kind=identity.kind))
    if identity.missing:
        out.line("  " + _("missing rights: {rights}").format(rights=", ".join(identity.missing)))
        out.line("  " + _("make a token with these rights, then check again"))
    days = _days_left(identity, now)
    if days is not None:
        out.line("  " + _expiry(days))


def _expiry(days: int) -> str:
    if days < 0:
        return _("the token has expired; make a new one")
    return ngettext("the token expires in {count} day", "the token expires in {count} days", days).format(
        count=days
    )


def _days_left(identity: Identity, now: datetime) -> int | None:
    return None if identity.expires_at is None else (identity.expires_at - now).days


def _shape(finding: _Finding, now: datetime) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "account": finding.account,
        "platform": finding.platform,
        "ok": finding.failure is None,
        "error": None,
        **waiting_shape(finding.health, now),
    }
    if finding.failure is not None:
        failure = finding.failure
        return shape | {"error": {"code": failure.code, "message": failure.message, "hint": failure.hint}}
    identity = finding.identity
    assert identity is not None
    return shape | {
        "remote_id": identity.remote_id,
        "name": identity.name,
        "url": identity.url,
        "kind": identity.kind,
        "missing": list(identity.missing),
        "expires_at": iso(identity.expires_at),
        "expires_in_days": _days_left(identity, now),
    }
