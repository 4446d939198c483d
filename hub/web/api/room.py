"""What the routes of the API share."""

from __future__ import annotations

from hub.discussions import desk
from hub.discussions.desk import Item
from hub.errors import UsageError
from hub.scheduling.hub import Hub
from hub.users.roles import Permission, User
from hub.web.routes import ApiRoom, Forbidden, Missing

PREFIX = "/api/v1"


def api_room(tag: str) -> ApiRoom:
    """Make the room for one topic."""
    return ApiRoom(prefix=PREFIX, tags=[tag])


def item_of(hub: Hub, mention_id: int, user: User) -> Item:
    """Return a mention that the user may see; raise `Missing`."""
    try:
        return desk.item(hub.store, mention_id, user, hub.clock())
    except UsageError as error:
        raise Missing(error.message, hint=error.hint, **error.facts) from None


def sees(user: User, account: str) -> bool:
    """Tell whether an account is one of the user's."""
    return user.accounts is None or account in user.accounts


def demand(user: User, permission: Permission, account: str) -> None:
    """Raise `Forbidden`, unless the user may do this on the account."""
    if not user.may(permission, account):
        raise Forbidden("{account} is not one of your accounts", account=account)
