"""Deliveries: the rows that make publishing exactly-once, as people read and change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.tables import IN_DOUBT, attempts, copies, deliveries, posts

OPEN = ("queued", "waiting", "sending", "unknown")
"""States that the hub itself will leave."""

ATTENTION = ("asked", "failed", "missed")
"""States that a person must look at."""


class Delivery(NamedTuple):
    id: int
    post_id: int
    account: str
    part: int
    action: str
    state: str
    due_at: datetime | None
    version: int
    text: str | None
    attempts: int
    first_attempt_at: datetime | None
    looked: int
    resend: bool
    fence: int
    remote_id: str | None
    url: str
    error_code: str
    error: str
    updated_at: datetime


FIELDS = [deliveries.c[field] for field in Delivery._fields]
"""The columns of a `Delivery`, in its order."""

# What went out before may bear a later time than our attempt: the look has its tolerance, and clocks are wrong.
_CLOCK_TROUBLE = timedelta(days=1)


def add(
    connection: Connection,
    post_id: int,
    account: str,
    now: datetime,
    *,
    part: int = 0,
    due_at: datetime | None,
    state: str = "queued",
    text: str | None = None,
    version: int = 0,
    error: str = "",
    first_attempt_at: datetime | None = None,
) -> bool:
    """Make a delivery; False if that part of the post has one for the account already.

    `first_attempt_at` is since when it may be out, though nothing here says that it was sent.
    """
    inserted = connection.execute(
        upsert(connection, deliveries)
        .values(
            post_id=post_id,
            account=account,
            part=part,
            action="publish",
            state=state,
            due_at=due_at,
            version=version,
            text=text,
            attempts=0,
            first_attempt_at=first_attempt_at,
            looked=0,
            resend=False,
            fence=0,
            url="",
            error_code="" if not error else state,
            error=error,
            updated_at=now,
        )
        .on_conflict_do_nothing(index_elements=["post_id", "account", "part"])
        .returning(deliveries.c.id)
    ).first()
    return inserted is not None


def get(connection: Connection, delivery_id: int) -> Delivery | None:
    row = connection.execute(sa.select(*FIELDS).where(deliveries.c.id == delivery_id)).first()
    return None if row is None else Delivery(*row)


def of_posts(connection: Connection, post_ids: Iterable[int]) -> dict[int, list[Delivery]]:
    """Return all deliveries of some posts, by post."""
    rows = connection.execute(
        sa.select(*FIELDS)
        .where(deliveries.c.post_id.in_(list(post_ids)))
        .order_by(deliveries.c.post_id, deliveries.c.id)
    )
    found: dict[int, list[Delivery]] = {}
    for row in rows:
        found.setdefault(row.post_id, []).append(Delivery(*row))
    return found


def posts_in_state(connection: Connection, state: str, limit: int) -> list[int]:
    """Return the newest posts that have a delivery in this state."""
    rows = connection.execute(
        sa.select(deliveries.c.post_id)
        .where(deliveries.c.state == state)
        .group_by(deliveries.c.post_id)
        .order_by(deliveries.c.post_id.desc())
        .limit(limit)
    )
    return list(rows.scalars())


def in_state(connection: Connection, post_id: int, state: str) -> set[int]:
    """Return the numbers of a post's deliveries that are in a state."""
    rows = connection.execute(
        sa.select(deliveries.c.id).where(deliveries.c.post_id == post_id, deliveries.c.state == state)
    )
    return set(rows.scalars())


def set_state(
    connection: Connection, delivery_id: int, expected: Sequence[str], now: datetime, **values: Any
) -> bool:
    """Change a delivery that is in one of the expected states, whoever's turn it is."""
    changed = connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(expected))
        .values(updated_at=now, **values)
    )
    return changed.rowcount == 1


def move(connection: Connection, post_id: int, due_at: datetime, now: datetime) -> list[str]:
    """Let what was never tried of a post be sent at another time; return the accounts where that is so."""
    rows = connection.execute(
        deliveries.update()
        .where(
            deliveries.c.post_id == post_id,
            deliveries.c.part == 0,
            deliveries.c.action == "publish",
            deliveries.c.state == "queued",
            deliveries.c.first_attempt_at.is_(None),
        )
        .values(due_at=due_at, error="", error_code="", updated_at=now)
        .returning(deliveries.c.account)
    )
    return sorted(rows.scalars())


def taken_ids(connection: Connection, delivery: Delivery, since: datetime) -> frozenset[str]:
    """Return the remote ids on the account that are known, since then or shortly before, to be something else.

    They belong to other deliveries, or were written there by hand. An edit may have given a copy a new id; the
    old ones count as well.
    """
    since -= _CLOCK_TROUBLE
    other = sa.and_(
        deliveries.c.post_id == copies.c.post_id,
        deliveries.c.account == copies.c.account,
        deliveries.c.part == copies.c.part,
    )
    rows = connection.execute(
        sa.select(copies.c.remote_id)
        .join(deliveries, other)
        .where(
            deliveries.c.account == delivery.account,
            deliveries.c.id != delivery.id,
            deliveries.c.remote_id.is_not(None),
            deliveries.c.updated_at >= since,
        )
    )
    origins = connection.execute(
        sa.select(copies.c.remote_id)
        .join(posts, posts.c.id == copies.c.post_id)
        .where(copies.c.account == delivery.account, copies.c.origin, posts.c.created_at >= since)
    )
    return frozenset(rows.scalars()) | frozenset(origins.scalars())


def unsettled(connection: Connection, account: str) -> list[Delivery]:
    """Return what may have been published on the account without the hub knowing."""
    rows = connection.execute(
        sa.select(*FIELDS).where(deliveries.c.account == account, deliveries.c.action == "publish", IN_DOUBT)
    )
    return [Delivery(*row) for row in rows]


def attempts_of(connection: Connection, delivery_ids: Iterable[int]) -> list[dict[str, Any]]:
    rows = connection.execute(
        sa.select(attempts).where(attempts.c.delivery_id.in_(list(delivery_ids))).order_by(attempts.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def count_by_state(connection: Connection) -> dict[str, int]:
    rows = connection.execute(sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state))
    return dict(rows.all())
