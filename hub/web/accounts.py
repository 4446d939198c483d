"""The Accounts page: how each account fares, what mends it, and a check at the press of a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

import structlog
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from hub import dates
from hub.errors import AuthError, HubError
from hub.i18n import _
from hub.scheduling import health
from hub.scheduling.health import AccountFacts, Mend
from hub.scheduling.hub import Hub
from hub.store.running import accounts
from hub.users.roles import Permission
from hub.web import amounts, pages
from hub.web.health import forget_banner
from hub.web.routes import Forbidden, Missing, Room, TheHub, TheUser

room = Room()
log = structlog.get_logger()


class Step(NamedTuple):
    """One step that mends an account, in the reader's language."""

    text: str
    command: str


class Shown(NamedTuple):
    """One account as the page shows it."""

    facts: AccountFacts
    state: str
    why: str
    steps: Sequence[Step]
    expiry: str
    lag: str


@room.page("/accounts", may=Permission.READ)
def show(request: Request, hub: TheHub, user: TheUser, checked: str = "", failed: str = "") -> HTMLResponse:
    """List the accounts that the user may see, those that need somebody first."""
    now = hub.clock()
    found = [one for one in health.facts(hub, now).accounts if user.accounts is None or one.name in user.accounts]
    order = {"bad": 0, "warning": 1, "good": 2}
    rows = [_shown(hub, one) for one in sorted(found, key=lambda one: (order[one.level], one.name))]
    names = {one.name for one in found}
    return pages.render(
        request,
        "accounts.html",
        rows=rows,
        checked=checked if checked in names else "",
        failed=failed if failed in names else "",
        may_check=user.may(Permission.ADMIN),
    )


@room.action("/accounts/{name}/check", may=Permission.ADMIN)
def check(name: str, hub: TheHub, user: TheUser) -> RedirectResponse:
    """Ask the network who we are; its word stands on the page then. A paused account goes on if it lets us in."""
    if name not in hub.settings.accounts:
        raise Missing("{name} is no account", name=name)
    if not user.may(Permission.ADMIN, name):
        raise Forbidden("this account is not one of yours")
    word = "checked"
    try:
        hub.check(name)
    except AuthError:
        word = "failed"
    except HubError as error:
        word = "failed"
        _keep(hub, name, str(error))
    except Exception as error:
        log.exception("plugin failed", account=name, verb="check")
        word = "failed"
        _keep(hub, name, f"{type(error).__name__}: {error}")
    forget_banner(hub)
    return RedirectResponse(f"/accounts?{word}={quote(name)}#account-{quote(name)}", 303)


def _keep(hub: Hub, name: str, error: str) -> None:
    why = hub.adapter(name).http.redact(error)
    hub.store.write(accounts.note_error, name, why, hub.clock())


def _shown(hub: Hub, one: AccountFacts) -> Shown:
    now = hub.clock()
    waits = one.health.not_before is not None and one.health.not_before > now
    return Shown(
        facts=one,
        state=one.health.state if one.health.state != "active" else "waiting" if waits else "active",
        why=_(one.why).format_map(dict(one.facts)) if one.why else "",
        steps=[Step(said(step), step.command) for step in one.mends],
        expiry=amounts.expiry(one.days_left(now)),
        lag=dates.span(one.lag) if one.lag else "",
    )


def said(step: Mend) -> str:
    """Say a step in the reader's language."""
    facts: Mapping[str, str] = step.facts
    return _(step.text).format_map(dict(facts)) if facts else _(step.text)
