"""What the governor knows of an account: when posts went out, and what it holds back until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.prepared import Prepared
from hub.store.tables import accounts, deliveries

HELD = "held"
"""The error code of a delivery that the governor holds back."""


def first_attempts(connection: Connection, account: str, since: datetime, most: int) -> list[datetime]:
    """Return when the last posts were first sent to an account, at most so many, the oldest first.

    A thread is one post: its further parts do not count, nor does what is sent again.
    """
    found = _FIRST_ATTEMPTS.rows(connection, account=account, since=since, most=most)
    return [row[0] for row in reversed(found)]


_FIRST_ATTEMPTS = Prepared(
    lambda _: (
        sa.select(deliveries.c.first_attempt_at)
        .where(
            deliveries.c.account == sa.bindparam("account"),
            deliveries.c.first_attempt_at > sa.bindparam("since"),
            deliveries.c.part == 0,
        )
        .order_by(deliveries.c.first_attempt_at.desc())
        .limit(sa.bindparam("most", type_=sa.Integer()))
    )
)


def held_until(connection: Connection, account: str, now: datetime, most: int) -> list[datetime]:
    """Return when the last ones of those that are held back go out, at most so many, the oldest first."""
    found = _HELD_UNTIL.rows(connection, account=account, now=now, most=most)
    return [row[0] for row in reversed(found)]


_HELD_UNTIL = Prepared(
    lambda _: (
        sa.select(deliveries.c.due_at)
        .where(
            deliveries.c.account == sa.bindparam("account"),
            deliveries.c.due_at > sa.bindparam("now"),
            deliveries.c.state == "queued",
            deliveries.c.error_code == HELD,
        )
        .order_by(deliveries.c.due_at.desc())
        .limit(sa.bindparam("most", type_=sa.Integer()))
    )
)


def planned(connection: Connection, account: str, since: datetime, until: datetime, most: int) -> list[datetime]:
    """Return when posts that wait for an account are to go out in that time, at most so many, the last ones."""
    rows = connection.execute(
        sa.select(deliveries.c.due_at)
        .where(
            deliveries.c.account == account,
            deliveries.c.due_at > since,
            deliveries.c.due_at <= until,
            deliveries.c.part == 0,
            deliveries.c.state == "queued",
            deliveries.c.first_attempt_at.is_(None),
        )
        .order_by(deliveries.c.due_at.desc())
        .limit(most)
    )
    return sorted(rows.scalars())


def hold(connection: Connection, account: str, fence: int, held: Iterable[tuple[int, datetime, str]]) -> bool:
    """Put deliveries (by their ids) off until then, for that reason.

    False, and nothing is changed, if the turn's lease was taken.
    """
    turn = sa.select(accounts.c.fence).where(accounts.c.name == account).with_for_update()
    if connection.execute(turn).scalar() != fence:
        return False
    for delivery, until, why in held:
        _HOLD.run(connection, at_id=delivery, due_at=until, error=why)
    return True


_HOLD = Prepared(
    lambda _: (
        deliveries.update()
        .where(
            deliveries.c.id == sa.bindparam("at_id"),
            deliveries.c.state == "queued",
            deliveries.c.first_attempt_at.is_(None),
        )
        .values(error_code=HELD)
    ),
    columns=("due_at", "error"),
)
