"""Lets the first owner in: with a token that only who reads the log knows, used once, for a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from hub.errors import HubError
from hub.store import Store
from hub.store.team import setup as tokens
from hub.store.team import users as stored
from hub.store.team.users import StoredUser
from hub.users.passwords import make_hash
from hub.users.people import checked_name, user_of
from hub.users.randomness import digest_of, make_secret
from hub.users.roles import Role, User

LIFE = timedelta(hours=24)


class SetupRefused(HubError):
    """The token of the first run is wrong, was used, or is over; or there is a user already."""

    code = "setup_refused"
    exit_code = 4

    def __init__(self) -> None:
        super().__init__(
            "this link is of no use: it was used, is older than a day, or there is a user already",
            hint="`hub serve` prints a new one while there is no user",
        )


def offer(store: Store, now: datetime) -> str | None:
    """Make a token for the first owner; None if there is a user."""
    secret = make_secret()
    return secret if store.write(tokens.put, digest_of(secret), now, now - LIFE) else None


def holds(store: Store, secret: str, now: datetime) -> bool:
    """Tell whether a token lets the first owner in; it is not used up."""
    with store.read() as connection:
        return tokens.holds(connection, digest_of(secret), now - LIFE)


def accept(store: Store, secret: str, name: str, password: str, now: datetime) -> User:
    """Make the first owner; raise `SetupRefused`, or `UsageError` for a name or password that will not do.

    The token is used up only when there is an owner, in the same transaction.
    """
    if not holds(store, secret, now):
        # Asked first, so that a stranger cannot make us hash.
        raise SetupRefused
    name = checked_name(name)
    hashed = make_hash(password, name)

    def work(connection: Connection) -> StoredUser:
        if not tokens.use(connection, digest_of(secret), now - LIFE):
            raise SetupRefused
        made = stored.add(connection, name, Role.OWNER.value, hashed, now)
        assert made is not None
        return made

    return user_of(store.write(work))
