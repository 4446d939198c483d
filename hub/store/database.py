"""One database: readers side by side, and writers whose work is committed together."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import regex
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from hub.errors import ConfigError, StoreError
from hub.store import changes
from hub.store.tables import CONTENT

T = TypeVar("T")
P = ParamSpec("P")
_WRITE = regex.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", regex.IGNORECASE)
# Units that wait while one transaction commits go into the next one together, at most so many.
_GROUP = 256


class Store:
    """The hub's database. `read` gives a snapshot, `write` runs a unit of work and returns once it is durable.

    `writes` counts the rows written per table since the store was opened, `transactions` the commits.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.writes: Counter[str] = Counter()
        self.transactions = 0
        self._waiting: deque[tuple[Callable[[Connection], Any], Future[Any]]] = deque()
        self._turn = threading.Lock()
        sa.event.listen(engine, "after_cursor_execute", self._count)

    @classmethod
    def open(cls, url: str, *, busy_timeout: float = 10.0, connections: int = 32) -> Store:
        """Open the database; make none. `busy_timeout` is in seconds."""
        return cls(make_engine(url, busy_timeout=busy_timeout, connections=connections))

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading."""
        with plain_errors(), self.engine.connect() as connection:
            yield connection.execution_options(hub_reads=True)

    def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, …)` in a transaction and return its result after the commit.

        Whoever comes while another commits waits, and the next one to go takes all that wait into one
        transaction: many small writes cost few commits. Each unit has its own savepoint, so that a failing
        one takes nobody with it. On SQLite the transaction is `BEGIN IMMEDIATE`.
        """
        future: Future[Any] = Future()
        self._waiting.append((lambda connection: work(connection, *args, **kwargs), future))
        with self._turn:
            if not future.done():
                self._commit_waiting()
        result: T = future.result()
        return result

    def content_writes(self) -> int:
        """Count the rows written to what people made or said, leaving out the hub's own bookkeeping."""
        return sum(count for table, count in self.writes.items() if table in CONTENT)

    def close(self) -> None:
        self.engine.dispose()

    def _commit_waiting(self) -> None:
        units: list[tuple[Callable[[Connection], Any], Future[Any]]] = []
        while self._waiting and len(units) < _GROUP:
            units.append(self._waiting.popleft())
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        try:
            with plain_errors(), self.engine.begin() as connection, changes.noting(connection) as mark:
                if not self.is_sqlite or len(units) > 1:
                    for work, future in units:
                        # A savepoint by hand costs a tenth of SQLAlchemy's.
                        connection.exec_driver_sql("SAVEPOINT unit")
                        forget = mark()
                        try:
                            done.append((future, work(connection)))
                        except Exception as error:
                            if connection.invalidated:
                                raise
                            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
                            forget()
                            failed.append((future, error))
                        connection.exec_driver_sql("RELEASE SAVEPOINT unit")
                else:
                    work, future = units[0]
                    done.append((future, work(connection)))
        except BaseException as error:
            for _, future in units:
                future.set_exception(error)
            return
        self.transactions += 1
        for future, result in done:
            future.set_result(result)
        for future, failure in failed:
            future.set_exception(failure)

    def _count(self, _conn: Any, cursor: Any, statement: str, _par: Any, _ctx: Any, _many: bool) -> None:
        match = _WRITE.match(statement)
        if match:
            self.writes[match[1].lower()] += max(cursor.rowcount, 0)


def make_engine(url: str, *, busy_timeout: float = 10.0, connections: int = 32) -> Engine:
    """Return an engine with what each database needs set; raise `ConfigError` if the URL is none."""
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ConfigError(
            "hub.database is not an address of a database",
            hint='write "sqlite:///hub.db" or "postgresql://user@host/name"',
        )
    try:
        if url.startswith("sqlite"):
            return _sqlite(url, busy_timeout, connections)
        return sa.create_engine(
            url,
            pool_size=connections,
            max_overflow=connections,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10},
        )
    except ModuleNotFoundError:
        raise ConfigError(
            "this database needs the package psycopg", hint="pip install 'crosshub[postgresql]'"
        ) from None
    except sa.exc.ArgumentError as error:
        raise ConfigError("hub.database is not an address of a database: {why}", why=error) from None


def _sqlite(url: str, busy_timeout: float, connections: int) -> Engine:
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


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a database says of its own state into a `StoreError` that names the mend."""
    try:
        yield
    except (sa.exc.DatabaseError, sqlite3.Error) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        told = _told(reason)
        if told is None and isinstance(error, sa.exc.IntegrityError | sa.exc.ProgrammingError | sa.exc.DataError):
            raise
        raise (told or StoreError("the database cannot be used: {why}", why=reason)) from error


def _told(reason: str) -> StoreError | None:
    """Recognise what a database says of its state, in SQLite's or PostgreSQL's words."""
    if "disk is full" in reason or "No space left" in reason:
        return StoreError("the disk of the database is full", hint="free some space; nothing was sent")
    if "locked" in reason or "busy" in reason:
        hint = "wait for it, or find out which one has it open"
        return StoreError("the database is held by another program: {why}", hint=hint, why=reason)
    if "no such table" in reason or ("relation" in reason and "does not exist" in reason):
        return StoreError("the database is empty", hint="run `hub db upgrade`")
    if "not a database" in reason or "malformed" in reason:
        return StoreError("the database file is damaged or none: {why}", hint="restore a backup of it", why=reason)
    return None


def upsert(connection: Connection, table: sa.Table) -> Any:
    """Return the INSERT of this database that knows ON CONFLICT."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def chunks(items: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Yield `items` in pieces small enough for an IN list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
