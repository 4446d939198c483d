"""Carries all rows of one database into another that is empty, and compares what arrived."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoreError
from hub.store.discussions import search
from hub.store.moving import ends
from hub.store.moving.rows import Form, Sum
from hub.store.tables import metadata

# Who works on a database, and what was made ready in it for them, is true of that database only.
LEFT_BEHIND = frozenset({"workers", "ticks", "engine_scripts"})
_ALL = 1_000_000_000


class Progress(Protocol):
    """Is told how far it has come, in rows; the first call says of how many (none done)."""

    def __call__(self, done: int, of: int) -> None: ...


class Carried(NamedTuple):
    """One table as it arrived; `mended` counts the texts, by column, whose NULs became U+FFFD."""

    table: str
    rows: int
    hash: str
    mended: dict[str, int]


def tables() -> list[sa.Table]:
    """Return the tables that are carried, each after those it points to."""
    return [table for table in metadata.sorted_tables if table.name not in LEFT_BEHIND]


def carry(source: Connection, target: Connection, progress: Progress) -> list[Carried]:
    """Copy all rows, compare what the target then holds, and let it number and find as the source does.

    Both connections are in a transaction that sees one state of its database; the target's tables hold nothing.
    Raises `StoreError` if what arrived is not what was sent; the caller then gives up the target's transaction.
    """
    whole = {table: ends.count(source, table) for table in tables()}
    # Each row is copied and read again.
    meter = _Meter(progress, 2 * sum(whole.values()))
    indexes = ends.drop_indexes(target)
    forms = {table: Form(table, _refused(source, target, table)) for table in whole}
    sent = {table: _copy(source, target, form, meter) for table, form in forms.items()}
    for table, form in forms.items():
        _compare(sent[table], _summed(target, form, meter), table)
    search.catch_up(target, _ALL)
    for statement in indexes:
        target.exec_driver_sql(statement)
    _check_keys(target)
    ends.number_on(target, list(whole), ends.numbers_taken(source, list(whole)))
    return [
        Carried(table.name, sent[table].rows, sent[table].hash, forms[table].mended)
        for table in sorted(whole, key=lambda table: table.name)
    ]


class _Meter:
    def __init__(self, progress: Progress, of: int) -> None:
        self._progress = progress
        self._of = of
        self._done = 0
        progress(0, of)

    def add(self, rows: int) -> None:
        self._done += rows
        self._progress(self._done, self._of)


def _refused(source: Connection, target: Connection, table: sa.Table) -> list[str]:
    """Return the columns with texts that the target cannot hold."""
    return [] if ends.is_sqlite(target) else ends.columns_with_nul(source, table)


def _copy(source: Connection, target: Connection, form: Form, meter: _Meter) -> Sum:
    sent = Sum()
    with ends.filling(target, form.table) as put:
        for batch in ends.rows(source, form.table):
            formed = form(batch)
            sent.add(formed)
            put(formed)
            meter.add(len(formed))
    return sent


def _summed(target: Connection, form: Form, meter: _Meter) -> Sum:
    arrived = Sum()
    for batch in ends.rows(target, form.table):
        arrived.add(form(batch))
        meter.add(len(batch))
    return arrived


def _compare(sent: Sum, arrived: Sum, table: sa.Table) -> None:
    if sent.rows != arrived.rows:
        raise StoreError(
            "of {sent} rows of {table} {arrived} arrived",
            hint="nothing was changed; please report it",
            sent=sent.rows,
            arrived=arrived.rows,
            table=table.name,
        )
    if sent.hash != arrived.hash:
        raise StoreError(
            "the rows of {table} did not arrive as they were sent",
            hint="nothing was changed; please report it",
            table=table.name,
        )


def _check_keys(target: Connection) -> None:
    """Find rows that point to missing ones; PostgreSQL found them when its foreign keys were made again."""
    if not ends.is_sqlite(target):
        return
    orphan = target.exec_driver_sql("PRAGMA foreign_key_check").first()
    if orphan is not None:
        raise StoreError(
            "a row of {table} points to a missing row of {other}",
            hint="`hub db verify` on the source lists them",
            table=orphan[0],
            other=orphan[2],
        )
