"""Tokens of the API: made once, shown once, and bound to a user and some permissions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from hub.errors import UsageError
from hub.models import check_text
from hub.store import Store
from hub.store.team import users as stored
from hub.store.team.users import StoredToken
from hub.users.people import user_of
from hub.users.randomness import digest_of, looks_like_token, make_token
from hub.users.roles import MAY, Permission, User

# How exactly it is known when a token was used.
_GRAIN = timedelta(minutes=1)
_LONGEST_NAME = 80


class Made(NamedTuple):
    """A new token: its row, and the secret, which is never seen again."""

    token: StoredToken
    secret: str


def make(
    store: Store, user: User, name: str, scopes: Iterable[Permission], now: datetime, expires_at: datetime | None
) -> Made:
    """Make a token of a user's; raise `UsageError` for one that could do nothing, or more than its user."""
    name = " ".join(name.split())[:_LONGEST_NAME]
    wanted = frozenset(scopes)
    try:
        check_text("name", name)
    except ValueError as error:
        raise UsageError("{why}", hint="take it out", why=str(error)) from None
    if not name:
        raise UsageError("the token has no name", hint="say what it is for")
    if not wanted:
        raise UsageError("the token may do nothing", hint="choose at least one permission")
    beyond = wanted - MAY[user.role]
    if beyond:
        raise UsageError(
            "the role {role} has no permission {scope}",
            hint="choose among those of the role",
            role=user.role.value,
            scope=", ".join(sorted(beyond)),
        )
    if expires_at is not None and expires_at <= now:
        raise UsageError("the token would be over before it begins", hint="choose a later time")
    secret = make_token()
    scope_names = [scope.value for scope in wanted]
    row = store.write(stored.add_token, user.id, name, digest_of(secret), scope_names, now, expires_at)
    return Made(row, secret)


def find(store: Store, secret: str, now: datetime) -> User | None:
    """Say who a token speaks for, with its scopes; None for nobody, or no longer."""
    if not looks_like_token(secret):
        return None
    with store.read() as connection:
        found = stored.token(connection, digest_of(secret), now)
    if found is None:
        return None
    row, token = found
    if token.used_at is None or now - token.used_at >= _GRAIN:
        store.write(stored.touch_token, token.id, now)
    return user_of(row, token.scopes)


def of_user(store: Store, user_id: int | None = None) -> Sequence[StoredToken]:
    """Return a user's tokens, or everybody's; the newest first."""
    with store.read() as connection:
        return stored.tokens_of(connection, user_id)


def revoke(store: Store, token_id: int, user_id: int | None = None) -> bool:
    """End a token; False if there is none such, or it is not that user's."""
    return store.write(stored.revoke_token, token_id, user_id)
