"""Moves a whole database to another place, of the same kind or the other: `hub db move`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from hub.store import migrate
from hub.store.database import Store
from hub.store.moving import ends, guard
from hub.store.moving.carrying import Carried, Progress, carry, tables
from hub.store.plain import plain_errors
from hub.store.running import switches

UNFINISHED = ".unfinished"
"""What the file of a SQLite database is called more, while it is being filled."""


def move(
    source: Store,
    target: Store,
    now: datetime,
    *,
    alive: Callable[[str], bool],
    reason: str,
    progress: Progress,
    even_so: bool = False,
) -> list[Carried]:
    """Copy everything, compare it, and stop the source, so that what waits there does not go out twice.

    Nobody writes to the source meanwhile: it is held, and `StoreError` is raised if a process is at work on it,
    unless `even_so`. `alive` tells whether a process may still live; `reason` is that of the stop. Whatever
    happens, the source is as it was until all is done, and the target is empty or whole.
    """
    guard.check_source(source)
    guard.check_target(target)
    with held(source) as rows:
        if not even_so:
            guard.refuse_if_at_work(rows, alive, now)
        with receiving(target) as empty:
            carried = carry(rows, empty, progress)
        switches.stop(rows, reason, "hub db move", now)
    return carried


@contextmanager
def held(store: Store) -> Iterator[Connection]:
    """Give one state of the database, which nobody else changes before the end."""
    with plain_errors(), _repeatable(store) as connection, connection.begin():
        ends.patient(store, connection)
        ends.hold_writers_off(connection, tables())
        yield connection


@contextmanager
def snapshot(store: Store) -> Iterator[Connection]:
    """Give one state of the database, whatever others do to it."""
    with plain_errors(), _repeatable(store) as connection, connection.execution_options(hub_reads=True).begin():
        ends.patient(store, connection)
        yield connection


@contextmanager
def _repeatable(store: Store) -> Iterator[Connection]:
    with store.engine.connect() as connection:
        yield connection if store.is_sqlite else connection.execution_options(isolation_level="REPEATABLE READ")


@contextmanager
def receiving(target: Store, *, replace: bool = False) -> Iterator[Connection]:
    """Give a transaction on an empty database of this program's version; it is there once this ends well.

    What it holds goes with `replace`; without that it must hold nothing.
    """
    if target.is_sqlite:
        path = Path(str(target.engine.url.database))
        with file_beside(path) as beside, plain_errors():
            with filled(beside) as connection:
                yield connection
            pour(beside, path)
        return
    migrate.upgrade(target)
    with plain_errors(), target.engine.begin() as connection:
        ends.patient(target, connection)
        if replace:
            ends.empty(connection, tables())
        yield connection
    with plain_errors(), target.engine.connect() as connection:
        target.unhurried(connection)
        # It knows nothing yet of how the rows are spread, and would plan badly.
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")


@contextmanager
def file_beside(path: Path) -> Iterator[Path]:
    beside = path.with_name(path.name + UNFINISHED)
    remove(beside)
    try:
        yield beside
    finally:
        remove(beside)


@contextmanager
def filled(path: Path) -> Iterator[Connection]:
    store = Store.open(f"sqlite:///{path}", connections=1)
    try:
        migrate.upgrade(store)
        with store.engine.connect() as connection:
            # Nobody else has the file, and nobody keeps it if this fails.
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"):
                ends.driver(connection).execute(f"PRAGMA {pragma}")
            with connection.begin():
                yield connection
    finally:
        store.close()


def pour(source: Path, target: Path) -> None:
    """Put a SQLite database in the place of another, whole or not at all, whoever has that one open."""
    content = sqlite3.connect(source)
    try:
        place = sqlite3.connect(target)
        try:
            content.backup(place)
        finally:
            place.close()
    finally:
        content.close()


def remove(path: Path) -> None:
    """Remove a SQLite database that nobody has open, with what belongs to it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
