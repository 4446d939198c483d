"""One database: readers side by side, and writers whose work is committed together."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

import regex
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection, Engine

from hub.errors import ConfigError, StoreAway, StoreError
from hub.store import sqlite
from hub.store.plain import beaten, plain, plain_errors
from hub.store.running import changes, waking
from hub.store.tables import CONTENT

T = TypeVar("T")
P = ParamSpec("P")
_WRITE = regex.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", regex.IGNORECASE)
# Units that wait while one transaction commits go into the next one together, at most so many.
_GROUP = 256
# Seconds.
BUSY = 10.0
PATIENCE = 30.0
# How long is waited for a database that is away, in times of the patience; and seconds between two tries.
_KEEPING = 3
_AGAIN = 0.5
# How often a unit that other transactions bring down is run again.
_TRIES = 3


class _Unit(NamedTuple):
    """Something to be written, and where its result is waited for."""

    work: Callable[[Connection], Any]
    future: Future[Any]


class Frame(Protocol):
    """What a database puts around the units of one transaction."""

    def begin(self) -> None:
        """Begin a unit, and end the one before it."""

    def undo(self) -> bool:
        """Take back what the unit did; False if the whole transaction is lost."""

    def close(self) -> None:
        """End the last unit; the commit is next."""

    def what_became(self, error: StoreAway, seconds: float, hurried: threading.Event) -> StoreError | None:
        """Find out what became of a commit that failed: None if it was one, else what to raise."""


class Store:
    """The hub's database. `read` gives a snapshot, `write` runs a unit of work and returns once it is durable.

    `writes` counts the rows written per table since the store was opened, `transactions` the commits. `on_due` is
    told, in the transaction, whose work falls due by it, and when.
    """

    def __init__(self, engine: Engine, *, busy_timeout: float = BUSY, patience: float = PATIENCE) -> None:
        self.engine = engine
        self.writes: Counter[str] = Counter()
        self.transactions = 0
        self.on_due: waking.Tell = waking.nobody
        self._busy_timeout = busy_timeout
        self._patience = patience
        self._waiting: deque[_Unit] = deque()
        self._turn = threading.Lock()
        self._hurried = threading.Event()
        sa.event.listen(engine, "after_cursor_execute", self._count)

    @classmethod
    def open(
        cls, url: str, *, busy_timeout: float = BUSY, connections: int = 32, patience: float = PATIENCE
    ) -> Store:
        """Open the database; make none.

        `busy_timeout` is how many seconds a write waits for what another program holds, `patience` how many an
        answer of a server may take.
        """
        engine = make_engine(url, busy_timeout=busy_timeout, connections=connections, patience=patience)
        return cls(engine, busy_timeout=busy_timeout, patience=patience)

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

        Raises `StoreAway` if the database cannot be reached or is held by others: then nothing was stored. If the
        answer to the commit is lost, the database is asked what became of it; `StoreUnsure` says that even that
        could not be done. A unit that another transaction brought down (a deadlock) is run again.
        """
        future: Future[Any] = Future()
        self._waiting.append(_Unit(lambda connection: work(connection, *args, **kwargs), future))
        with self._turn:
            if not future.done():
                self._commit_waiting()
        result: T = future.result()
        return result

    def write_alone(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what `write` does, on PostgreSQL in a transaction of its own: what it locks is soon free again."""
        if self.is_sqlite:
            return self.write(work, *args, **kwargs)
        future: Future[T] = Future()
        self._commit_alone(_Unit(lambda connection: work(connection, *args, **kwargs), future))
        return future.result()

    def keep(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what `write` does with what must not be forgotten, such as the answer of a network.

        While the database is away it is tried again, three times as long as an answer of it may take; that is less
        than a lease.
        """
        until = time.monotonic() + _KEEPING * self._patience
        while True:
            try:
                return self.write(work, *args, **kwargs)
            except StoreAway:
                if time.monotonic() > until or self._hurried.wait(_AGAIN):
                    raise

    def unhurried(self, connection: Connection) -> None:
        """Let answers on this connection take their time, until it is given back: for a migration, a move."""
        if not self.is_sqlite:
            from hub.store import postgresql

            postgresql.line_of(connection).patience = None

    def hurry(self) -> None:
        """Let nobody wait any longer for a database that is away: the program is to end."""
        self._hurried.set()

    def content_writes(self) -> int:
        """Count the rows written to what people made or said, leaving out the hub's own bookkeeping."""
        return sum(count for table, count in self.writes.items() if table in CONTENT)

    def close(self) -> None:
        self.engine.dispose()

    def _commit_waiting(self) -> None:
        units: list[_Unit] = []
        while self._waiting and len(units) < _GROUP:
            units.append(self._waiting.popleft())
        for unit in self._commit(units):
            # By itself: what it met in the group, it need not meet again.
            self._commit_alone(unit)

    def _commit_alone(self, unit: _Unit) -> None:
        tries = 0
        while self._commit([unit], last=tries == _TRIES):
            tries += 1

    def _commit(self, units: Sequence[_Unit], *, last: bool = False) -> list[_Unit]:
        """Commit units together; return those that another transaction brought down, unless it is the last try."""
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        again: list[_Unit] = []
        closed: Frame | None = None
        try:
            with plain_errors(), self.engine.begin() as connection:
                frame = self._frame(connection, len(units))
                # What falls due is told before the changes are written: those take a lock that must come last.
                with changes.noting(connection) as mark, waking.noting(connection, self.on_due) as mark_due:
                    for unit in units:
                        frame.begin()
                        forget, forget_due = mark(), mark_due()
                        try:
                            done.append((unit.future, unit.work(connection)))
                        except Exception as error:
                            if not frame.undo():
                                raise
                            forget()
                            forget_due()
                            if beaten(error) and not last:
                                again.append(unit)
                            else:
                                failed.append((unit.future, plain(error)))
                frame.close()
                closed = frame
        except BaseException as error:
            lost: BaseException | None = error
            if closed is not None and isinstance(error, StoreAway):
                lost = closed.what_became(error, _KEEPING * self._patience, self._hurried)
            if lost is not None:
                for unit in units:
                    unit.future.set_exception(lost)
                return []
        self.transactions += 1
        for future, result in done:
            future.set_result(result)
        for future, failure in failed:
            future.set_exception(failure)
        return again

    def _frame(self, connection: Connection, units: int) -> Frame:
        if self.is_sqlite:
            return sqlite.Frame(connection, units)
        from hub.store import postgresql

        return postgresql.Frame(connection, self._busy_timeout)

    def _count(self, _conn: Any, cursor: Any, statement: str, _par: Any, _ctx: Any, _many: bool) -> None:
        match = _WRITE.match(statement)
        if match:
            self.writes[match[1].lower()] += max(cursor.rowcount, 0)


def make_engine(
    url: str, *, busy_timeout: float = BUSY, connections: int = 32, patience: float = PATIENCE
) -> Engine:
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
            return sqlite.make_engine(url, busy_timeout=busy_timeout, connections=connections)
        from hub.store import postgresql

        return postgresql.make_engine(url, connections=connections, patience=patience)
    except ModuleNotFoundError:
        raise ConfigError(
            "this database needs the package psycopg", hint="pip install 'crosshub[postgresql]'"
        ) from None
    except sa.exc.ArgumentError as error:
        raise ConfigError("hub.database is not an address of a database: {why}", why=error) from None


def upsert(connection: Connection, table: sa.Table) -> Any:
    """Return the INSERT of this database that knows ON CONFLICT."""
    return (sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert)(table)


def chunks(items: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Yield `items` in pieces small enough for an IN list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
