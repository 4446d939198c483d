"""Sweeps what was deleted out of the database's own files: free pages, old words of the index, the log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import Store
from hub.store.plain import plain_errors

# So long a reader may keep the log from being folded in (seconds).
_PATIENCE = 10.0
_PAUSE = 0.1


class Swept(NamedTuple):
    """How large the file was before and is now, in bytes (0 on PostgreSQL), and whether the log is empty."""

    before: int = 0
    after: int = 0
    log_is_empty: bool = True


def sweep(store: Store, patience: float = _PATIENCE) -> Swept:
    """Let nothing that was deleted be left in the database's files; takes as long as copying it.

    SQLite's file is written anew, and its log is cut to nothing. PostgreSQL frees the space of dead rows and
    overwrites it as it is used again; what its archives and replicas hold is out of reach.
    """
    return _sweep_sqlite(store, patience) if store.is_sqlite else _sweep_postgresql(store)


def _sweep_sqlite(store: Store, patience: float) -> Swept:
    file = Path(str(store.engine.url.database))
    before = file.stat().st_size
    # The index keeps the words of a deleted row until its parts are put together.
    store.write(_merge_index)
    with plain_errors():
        raw = store.engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            until = time.monotonic() + patience
            while True:
                busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy or time.monotonic() > until:
                    break
                time.sleep(_PAUSE)
            cursor.close()
        finally:
            raw.close()
    return Swept(before, file.stat().st_size, not busy)


def _merge_index(connection: sa.Connection) -> None:
    connection.exec_driver_sql("INSERT INTO mention_search (mention_search) VALUES ('optimize')")


def _sweep_postgresql(store: Store) -> Swept:
    with plain_errors(), store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        store.unhurried(connection)
        connection.exec_driver_sql("VACUUM")
    return Swept()
