"""Sessions: who a browser's cookie speaks for, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.store import Store
from hub.store.team import users as stored
from hub.store.team.users import StoredSession
from hub.users.people import user_of
from hub.users.randomness import digest_of, make_secret
from hub.users.roles import User

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=14)
# How exactly it is known when a session was used: a write for each click would be too many.
_GRAIN = timedelta(minutes=1)
_LONGEST_AGENT = 200


class Session(NamedTuple):
    """Who is logged in, and the number of their session."""

    user: User
    id: int


def begin(store: Store, user_id: int, now: datetime, *, agent: str = "", address: str = "", old: str = "") -> str:
    """Begin a session and return what the cookie is to say; the one that the browser had before (`old`) ends."""
    secret = make_secret()

    def work(connection: Connection) -> None:
        if old:
            stored.end_session(connection, digest_of(old))
        stored.forget_sessions(connection, now - ABSOLUTE, now - IDLE)
        shown = "".join(char for char in agent if char.isprintable())[:_LONGEST_AGENT]
        stored.begin_session(connection, user_id, digest_of(secret), now, shown, address)

    store.write(work)
    return secret


def find(store: Store, cookie: str, now: datetime, *, touch: bool = True) -> Session | None:
    """Say who a cookie speaks for; None for nobody, or no longer. With `touch` it counts as used."""
    if not cookie:
        return None
    with store.read() as connection:
        found = stored.session(connection, digest_of(cookie), now - ABSOLUTE, now - IDLE)
    if found is None:
        return None
    row, session = found
    if touch and now - session.seen_at >= _GRAIN:
        store.write(stored.touch_session, session.id, row.id, now)
    return Session(user_of(row), session.id)


def end(store: Store, cookie: str) -> None:
    """End a session: its cookie opens nothing from now on."""
    store.write(stored.end_session, digest_of(cookie))


def of_user(store: Store, user_id: int, now: datetime) -> Sequence[StoredSession]:
    """Return a user's sessions that hold, the one used last first."""
    with store.read() as connection:
        return stored.sessions_of(connection, user_id, now - ABSOLUTE, now - IDLE)


def revoke(store: Store, user_id: int, session_id: int) -> bool:
    """End one of a user's sessions; False if it is not theirs or over."""
    return store.write(stored.revoke_session, user_id, session_id)


def revoke_others(store: Store, user_id: int, keep: int | None) -> int:
    """End all of a user's sessions but one; return how many there were."""
    return store.write(stored.revoke_sessions, user_id, keep)
