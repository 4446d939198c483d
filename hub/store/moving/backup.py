"""Copies a database into a file while it is in use: `hub db backup`."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from hub.errors import StoreError, UsageError
from hub.store.database import Store
from hub.store.moving import guard
from hub.store.moving.carrying import Progress, carry
from hub.store.moving.move import file_beside, filled, pour, snapshot
from hub.store.plain import plain_errors


def backup(store: Store, target: Path, progress: Progress) -> None:
    """Copy one state of the database, whole or not at all; refuse to overwrite.

    It is a SQLite database of this program, whatever kind the store is of.
    """
    guard.check_source(store)
    if target.exists():
        raise UsageError("{file} is there already", hint="name another file", file=target)
    try:
        with file_beside(target) as beside:
            # What the folder refuses is said here in the system's words, not in the database's.
            beside.touch()
            copy(store, beside, progress)
            _keep(beside)
            beside.rename(target)
            _keep(target.parent)
    except OSError as error:
        raise StoreError(
            "the backup {file} cannot be written: {why}",
            hint="see that its folder is there, may be written and has room",
            file=target,
            why=error,
        ) from error


def copy(store: Store, target: Path, progress: Progress) -> None:
    """Copy one state of the database into a file that is not there yet."""
    if store.is_sqlite:
        with plain_errors():
            pour(Path(str(store.engine.url.database)), target)
            with closing(sqlite3.connect(target)) as file:
                # One file that needs no others beside it, and can be read where nothing may be written.
                file.execute("PRAGMA journal_mode = DELETE")
        return
    with snapshot(store) as rows, filled(target) as empty:
        carry(rows, empty, progress)


def _keep(path: Path) -> None:
    """Return once the disk has it."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
