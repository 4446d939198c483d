"""Counts the logins that failed, in windows of time, so that a restart forgets none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import login_attempts


class Bound(NamedTuple):
    """At most so many attempts within a time; `by_address` and `by_name` say what is counted together."""

    most: int
    within: timedelta
    by_address: bool
    by_name: bool


def begin(
    connection: Connection, address: str, name: bytes, bounds: tuple[Bound, ...], now: datetime
) -> tuple[int, timedelta]:
    """Write an attempt down before it is judged, so that a thousand at once are counted like one after another.

    Return its number and no time; or 0 and how long to wait, when there were too many.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE login_attempts IN SHARE ROW EXCLUSIVE MODE"))
    connection.execute(
        login_attempts.delete().where(login_attempts.c.at <= now - max(bound.within for bound in bounds))
    )
    wait = max(_wait(connection, address, name.hex(), bound, now) for bound in bounds)
    if wait > timedelta():
        return 0, wait
    made = login_attempts.insert().values(address=address, name=name.hex(), at=now)
    return connection.execute(made.returning(login_attempts.c.id)).scalar_one(), timedelta()


def _wait(connection: Connection, address: str, name: str, bound: Bound, now: datetime) -> timedelta:
    """Return how long it takes until one more attempt keeps to the bound."""
    same = [login_attempts.c.at > now - bound.within]
    if bound.by_address:
        same.append(login_attempts.c.address == address)
    if bound.by_name:
        same.append(login_attempts.c.name == name)
    # The last but `most` of them must grow old first.
    query = sa.select(login_attempts.c.at).where(*same).order_by(login_attempts.c.at.desc())
    oldest: datetime | None = connection.execute(query.offset(bound.most - 1).limit(1)).scalar()
    return timedelta() if oldest is None else oldest + bound.within - now


def succeeded(connection: Connection, address: str, name: bytes) -> None:
    """Forget what failed for this name from this address before."""
    connection.execute(
        login_attempts.delete().where(login_attempts.c.address == address, login_attempts.c.name == name.hex())
    )


def undo(connection: Connection, attempt: int) -> None:
    """Forget an attempt that was not judged."""
    connection.execute(login_attempts.delete().where(login_attempts.c.id == attempt))
