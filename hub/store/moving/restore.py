"""Puts a backup in the place of a database, and keeps what was there: `hub db restore`."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from hub.errors import StoreError, UsageError
from hub.store import migrate
from hub.store.database import Store
from hub.store.moving import backup, guard, restored
from hub.store.moving.carrying import Progress, carry
from hub.store.moving.move import pour, receiving, remove, snapshot
from hub.store.moving.restored import Doubts
from hub.store.plain import plain_errors


class Restored(NamedTuple):
    """What is in doubt of what was put back (None if nothing can be), and where the database of before is kept."""

    doubts: Doubts | None
    kept: Path | None


def restore(
    file: Path,
    target: Store,
    folder: Path,
    now: datetime,
    *,
    alive: Callable[[str], bool],
    reason: str,
    progress: Progress,
    replace: bool = False,
    as_it_was: bool = False,
    even_so: bool = False,
) -> Restored:
    """Check the backup, bring it to this program's version, mark what is in doubt, and put it in place.

    A database that holds something is replaced only with `replace`, and kept in `folder`. Unless the backup is of
    a hub that has done nothing since (`as_it_was`), the hub is stopped, for `reason`. Raises `StoreError` if a
    process is at work on the database, unless `even_so`. Whatever happens, the database is the old one or the new.
    """
    with _prepared(file, folder / f"{file.name}.restoring") as path:
        content = Store.open(f"sqlite:///{path}", connections=2)
        try:
            migrate.refuse_newer(content)
            migrate.upgrade(content)
            with plain_errors(), content.engine.begin() as connection:
                restored.forget_processes(connection)
                doubts = None if as_it_was else restored.doubt(connection, now, reason)
            kept = _make_room(target, folder, now, alive, progress, replace=replace, even_so=even_so)
            if not target.is_sqlite:
                with snapshot(content) as rows, receiving(target, replace=True) as empty:
                    carry(rows, empty, progress)
        finally:
            content.close()
        if target.is_sqlite:
            with plain_errors():
                pour(path, _file_of(target))
    return Restored(doubts, kept)


@contextmanager
def _prepared(file: Path, copy: Path) -> Iterator[Path]:
    """Give a copy of the backup, which is sound; the backup itself is only read."""
    if not file.is_file():
        raise UsageError("there is no file {file}", file=file)
    try:
        remove(copy)
        try:
            with closing(sqlite3.connect(f"file:{_quoted(file)}?mode=ro", uri=True)) as source:
                _check(source, file)
                with closing(sqlite3.connect(copy)) as target:
                    source.backup(target)
        except sqlite3.DatabaseError as error:
            raise _no_backup(file, str(error)) from error
        yield copy
    finally:
        remove(copy)


def _quoted(file: Path) -> str:
    from urllib.parse import quote

    return quote(str(file.resolve()))


def _check(source: sqlite3.Connection, file: Path) -> None:
    if not source.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        raise _no_backup(file, "it has no version")
    faults = [line for (line,) in source.execute("PRAGMA integrity_check") if line != "ok"]
    faults += [f"a row of {table} points to nothing" for table, *_ in source.execute("PRAGMA foreign_key_check")]
    if faults:
        raise _no_backup(file, faults[0])


def _no_backup(file: Path, why: str) -> StoreError:
    return StoreError(
        "{file} is no sound backup of a hub's database: {why}",
        hint="nothing was changed; take another backup",
        file=file,
        why=why,
    )


def _make_room(
    target: Store,
    folder: Path,
    now: datetime,
    alive: Callable[[str], bool],
    progress: Progress,
    *,
    replace: bool,
    even_so: bool,
) -> Path | None:
    """Keep what the database holds in a file of its own, if that may be; None if it holds nothing."""
    kept = _free_name(folder, f"before-restore-{now:%Y%m%d-%H%M%S}")
    try:
        if not guard.there(target):
            guard.check_target(target)
            return None
        if not guard.contents(target):
            return None
        if not replace:
            raise UsageError(
                "there is a database at {place}",
                hint="--replace puts the backup in its place, and keeps it in a file",
                place=guard.place(target),
            )
        if not target.is_sqlite:
            migrate.upgrade(target)
        if not even_so and migrate.version(target) == migrate.head():
            with target.read() as connection:
                guard.refuse_if_at_work(connection, alive, now)
        backup.copy(target, kept, progress)
    except StoreError:
        if not target.is_sqlite or not replace or not _is_damaged(target):
            raise
        remove(kept)
        _set_aside(target, kept)
    return kept


def _free_name(folder: Path, name: str) -> Path:
    """Return the path of a file that is not there yet."""
    paths = (folder / f"{name}{f'-{number}' if number else ''}.db" for number in itertools.count())
    return next(path for path in paths if not path.exists())


def _is_damaged(target: Store) -> bool:
    """Tell whether the file cannot be read as a database: that may be why a backup is put back."""
    try:
        with closing(sqlite3.connect(f"file:{_quoted(_file_of(target))}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as error:
        return "malformed" in str(error) or "not a database" in str(error)


def _set_aside(target: Store, kept: Path) -> None:
    """Keep a damaged database as it is, with its log."""
    target.close()
    path = _file_of(target)
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))


def _file_of(store: Store) -> Path:
    return Path(str(store.engine.url.database))
