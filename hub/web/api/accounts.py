"""Accounts by the API: how they fare, and a check."""

from __future__ import annotations

from hub.i18n import _
from hub.scheduling import health
from hub.scheduling.health import AccountFacts
from hub.scheduling.hub import Hub
from hub.users.roles import Permission, User
from hub.web.api import models
from hub.web.api.room import api_room, demand, sees
from hub.web.health import forget_banner
from hub.web.routes import Missing, TheHub, TheUser

room = api_room("accounts")


@room.read("/accounts", may=Permission.READ)
def list_accounts(hub: TheHub, user: TheUser) -> models.Accounts:
    """Return how the accounts fare that the asker may see."""
    return models.Accounts(accounts=[_answer(one) for one in _mine(hub, user)])


@room.write("/accounts/{name}/check", may=Permission.ADMIN, errors=(404,))
def check_account(name: models.Name, hub: TheHub, user: TheUser) -> models.AccountAnswer:
    """Ask the network who we are. A paused account goes on if it lets us in."""
    if name not in hub.settings.accounts or not sees(user, name):
        raise Missing("{name} is no account", name=name)
    demand(user, Permission.ADMIN, name)
    hub.check(name)
    forget_banner(hub)
    return _answer(next(one for one in _mine(hub, user) if one.name == name))


def _mine(hub: Hub, user: User) -> list[AccountFacts]:
    return [one for one in health.facts(hub, hub.clock()).accounts if sees(user, one.name)]


def _answer(one: AccountFacts) -> models.AccountAnswer:
    return models.AccountAnswer.of(one, _(one.why).format_map(dict(one.facts)) if one.why else "")
