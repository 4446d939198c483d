"""Budgets of calls that accounts and machines share: one row each, asked once for many calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.pace import Level, Rate, Slice, take
from hub.store.database import Store, upsert
from hub.store.prepared import Prepared
from hub.store.tables import buckets


def reserve(
    store: Store, name: str, rate: Rate, calls: int, patience: float, clock: Callable[[], datetime]
) -> Slice:
    """Take so many calls from a budget if the first of them is free within `patience` seconds.

    In a transaction of its own: with others' work the row would stay locked while that goes on, and two processes
    that take of two budgets in two orders would wait for each other. Without a bound the budget is only looked at.
    """
    if rate == Rate():
        with store.read() as connection:
            row = _LEVEL_READ.rows(connection, at_name=name)
        return _slice(row[0], rate, calls, patience, clock())[0] if row else Slice(0.0, calls)

    def work(connection: Connection) -> Slice:
        row = _LEVEL.rows(connection, at_name=name)
        if not row:
            # Nobody has called yet; of two who come first at once, one waits here for the other.
            start = clock()
            _MAKE.run(connection, name=name, next_at=start, hour_at=start, why="")
            row = _LEVEL.rows(connection, at_name=name)
        found, after = _slice(row[0], rate, calls, patience, clock())
        if found.calls:
            _TAKE.run(connection, at_name=name, next_at=after.next_at, hour_at=after.hour_at)
        return found

    return store.write_alone(work)


def hold(store: Store, name: str, now: datetime, until: datetime, why: str) -> None:
    """Let nobody take from a budget until then; a longer hold that is there already stays."""

    def work(connection: Connection) -> None:
        _MAKE.run(connection, name=name, next_at=now, hour_at=now, why="")
        connection.execute(
            buckets.update()
            .where(buckets.c.name == name, sa.or_(buckets.c.held_until.is_(None), buckets.c.held_until < until))
            .values(held_until=until, why=why)
        )

    store.write_alone(work)


def _slice(row: tuple[Any, ...], rate: Rate, calls: int, patience: float, now: datetime) -> tuple[Slice, Level]:
    """Say what can be taken of the budget in this row, and how it is then."""
    *times, why = row
    level = Level(*times)
    after, free = take(level, rate, calls, now)
    wait = (free - now).total_seconds()
    if wait <= patience:
        return Slice(wait, calls), after
    is_held = level.held_until is not None and level.held_until >= free
    return Slice(wait, 0, why if is_held else ""), level


class Holding(NamedTuple):
    """A budget that the network wants left alone, until when and why."""

    name: str
    until: datetime
    why: str


def holdings(connection: Connection, now: datetime) -> Sequence[Holding]:
    """Return the budgets that are left alone now, the longest last."""
    rows = connection.execute(
        sa.select(buckets.c.name, buckets.c.held_until, buckets.c.why)
        .where(buckets.c.held_until > now)
        .order_by(buckets.c.held_until)
    )
    return [Holding(*row) for row in rows]


def release(connection: Connection) -> None:
    """Let everything that is left alone be called again."""
    connection.execute(buckets.update().where(buckets.c.held_until.is_not(None)).values(held_until=None))


_LEVELS = sa.select(buckets.c.next_at, buckets.c.hour_at, buckets.c.held_until, buckets.c.why).where(
    buckets.c.name == sa.bindparam("at_name")
)
_LEVEL = Prepared(lambda _: _LEVELS.with_for_update())
_LEVEL_READ = Prepared(lambda _: _LEVELS)
_MAKE = Prepared(
    lambda connection: upsert(connection, buckets).on_conflict_do_nothing().inline(),
    columns=("name", "next_at", "hour_at", "why"),
)
_TAKE = Prepared(
    lambda _: buckets.update().where(buckets.c.name == sa.bindparam("at_name")),
    columns=("next_at", "hour_at"),
)
