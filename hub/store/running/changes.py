"""What changed, numbered in the order in which it was committed, so that a page can be told of what it missed.

A change is noted in the transaction of the write that it tells of. The rows are written last, just before the
commit, under a lock that PostgreSQL keeps until the commit is visible: there numbers are given out at once and
commits come in any order, so that without it a reader could see number 8, and number 7 only later, which it would
then never ask for. Taken last, the lock is held for the commit alone, and can be in nobody's way who waits for a
row. SQLite has one writer at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import changes

KINDS = (
    *("mentions", "desk", "replies", "claims", "posts", "accounts", "discussions", "drafts", "digests"),
    "contacts",
)
"""What changes are about; `ref` is the number of the one mention, reply, post, discussion or contact, or 0."""

CHANNEL = "hub_changes"
"""What PostgreSQL tells its listeners of at the commit of a change."""

_NOTED = "hub_noted"
_LOCK = 4857393


class Change(NamedTuple):
    """One change; `ref` is 0 where it is about several things or none in particular."""

    id: int
    kind: str
    ref: int


def note(connection: Connection, kind: str, ref: int = 0) -> None:
    """Note a change in the caller's transaction; the same one again, before the commit, is no second one."""
    if kind not in KINDS:
        raise ValueError(f"{kind} is no kind of change")
    noted: dict[tuple[str, int], None] | None = connection.info.get(_NOTED)
    if noted is None:
        _write(connection, [(kind, ref)])
    else:
        noted[kind, ref] = None


@contextmanager
def noting(connection: Connection) -> Iterator[Callable[[], Any]]:
    """Gather what is noted in a transaction, and write it at the end; for `Store.write` alone.

    Gives what to call before a unit of work begins: it returns how to forget what that unit noted.
    """
    noted: dict[tuple[str, int], None] = {}
    # Asked for now: a connection that broke has none any more.
    info = connection.info
    info[_NOTED] = noted

    def mark() -> Callable[[], None]:
        before = dict(noted)

        def forget() -> None:
            noted.clear()
            noted.update(before)

        return forget

    try:
        yield mark
        if noted:
            _write(connection, list(noted))
    finally:
        info.pop(_NOTED, None)


def _write(connection: Connection, noted: list[tuple[str, int]]) -> None:
    rows = [{"b_kind": kind, "b_ref": ref} for kind, ref in noted]
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK}), pg_notify('{CHANNEL}', '')")
        connection.execute(_INSERT_POSTGRESQL, rows)
    else:
        connection.execute(_INSERT_SQLITE, rows)


def _insert(milliseconds: str) -> sa.Insert:
    """The store's own clock says when: these rows live for a day, and nothing else asks."""
    return changes.insert().values(
        kind=sa.bindparam("b_kind"),
        ref=sa.bindparam("b_ref", type_=changes.c.ref.type),
        at=sa.literal_column(milliseconds, sa.BigInteger()),
    )


_INSERT_SQLITE = _insert("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)").inline()
_INSERT_POSTGRESQL = _insert("CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)").inline()


def latest(connection: Connection) -> int:
    """Return the number of the newest change, 0 before the first one."""
    return int(connection.execute(sa.select(sa.func.max(changes.c.id))).scalar() or 0)


def oldest(connection: Connection) -> int:
    """Return the number of the oldest change that is kept, 0 if there is none."""
    return int(connection.execute(sa.select(sa.func.min(changes.c.id))).scalar() or 0)


def since(connection: Connection, after: int, limit: int = 1000) -> list[Change]:
    """Return the changes with a higher number than `after`, in their order, at most so many."""
    rows = connection.execute(
        sa.select(*(changes.c[field] for field in Change._fields))
        .where(changes.c.id > after)
        .order_by(changes.c.id)
        .limit(limit)
    )
    return [Change(*row) for row in rows]


def forget(connection: Connection, before: datetime) -> None:
    """Drop the changes from before that time, but never the newest: numbers must go on from it."""
    newest = sa.select(sa.func.max(changes.c.id)).scalar_subquery()
    connection.execute(changes.delete().where(changes.c.at < before, changes.c.id < newest))
