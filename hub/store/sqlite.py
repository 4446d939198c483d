"""SQLite's side of the database: its settings, transactions that say at once that they write, and savepoints."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from hub.errors import ConfigError, StoreAway, StoreError


def make_engine(url: str, *, busy_timeout: float, connections: int) -> Engine:
    """Return an engine on a file; `busy_timeout` is in seconds. Raise `ConfigError` if its folder is not there."""
    folder = Path(url.removeprefix("sqlite:///")).parent
    if not folder.is_dir():
        raise ConfigError("the folder of the database, {folder}, is not there", hint="make it", folder=folder)
    engine = sa.create_engine(
        url,
        pool_size=connections,
        max_overflow=connections,
        connect_args={"timeout": busy_timeout, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: they begin below, and IMMEDIATE where they write.
        connection.isolation_level = None
        # SQLite's own knows the letters of English only.
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # A commit has reached the disk when it returns: a power cut loses no accepted post.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        # Pages of 4 KiB: let the log grow to 32 MiB before it is folded in, and cache 64 MiB.
        cursor.execute("PRAGMA wal_autocheckpoint = 8000")
        cursor.execute("PRAGMA cache_size = -65536")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("hub_reads") is None
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


class Frame:
    """The savepoints around the units of one transaction; a single unit needs none."""

    def __init__(self, connection: Connection, units: int) -> None:
        self._connection = connection
        self._alone = units == 1
        self._open = False

    def begin(self) -> None:
        """Begin a unit, and end the one before it."""
        if self._alone:
            return
        self.close()
        self._connection.exec_driver_sql("SAVEPOINT unit")
        self._open = True

    def undo(self) -> bool:
        """Take back what the unit did; False if the whole transaction has to be."""
        if self._alone:
            return False
        self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
        return True

    def close(self) -> None:
        """End the last unit."""
        if self._open:
            self._connection.exec_driver_sql("RELEASE SAVEPOINT unit")
            self._open = False

    def what_became(self, error: StoreAway, _seconds: float, _hurried: threading.Event) -> StoreError | None:
        """Return what to raise for a commit that failed: a file leaves nothing in doubt."""
        return error
