"""PostgreSQL's side of the database: no silence holds a thread up, no lock stays, no commit is left in doubt."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
import sqlalchemy as sa
from psycopg import errors
from sqlalchemy.engine import Connection, Engine

from hub.errors import StoreAway, StoreError, StoreUnsure

# Seconds: how the kernel notices that nobody is at the other end. The address may say otherwise.
_CONNECTING = 10
_KEEPALIVE = {"idle": 15, "interval": 5, "count": 3}
# A connection that was used so many seconds ago is taken as sound; any other is asked first, and must answer soon.
_FRESH = 1.0
_PING = 5.0
# Seconds for which a write of ours may hold locks and say nothing: its process is frozen or cut off.
_IDLE = 10
# Seconds by which the server gives a statement up before we hang up on it: its word says more than its silence.
_EARLIER = 1.0
_ASK_AGAIN = 0.3
_USED = "hub_used"

_INTRODUCTION = "SELECT pg_backend_pid(), current_setting('synchronous_commit')"
# Of this session, so that the server notices when we are gone. Older servers lack some of them.
_SERVER_SIDE = """
    SELECT set_config(s.name, v.value, false) FROM pg_settings s JOIN (VALUES
        ('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'),
        ('tcp_user_timeout', '30000'), ('client_connection_check_interval', '10000')
    ) AS v (name, value) ON v.name = s.name
"""


class Line(psycopg.Connection[Any]):
    """A connection on which no answer is waited for longer than `patience`, in seconds; None waits for ever.

    TCP notices by itself that a machine is gone, but not that what lives on takes our words and gives no answer:
    a proxy whose far side is down, a server that is stopped. `pooled` says that a pooler is in between, which may
    give each transaction another session: nothing of ours may outlive a transaction there.
    """

    patience: float | None = None
    pooled = False
    loses_commits = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None or self.patience is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except errors._WaitTimeout:
            # Whatever came now would be the answer to an old question.
            self.pgconn.finish()
            message = f"the server did not answer within {self.patience:g} s"
            raise psycopg.OperationalError(message) from None

    def introduce(self) -> None:
        """Find out whether a pooler is in between, and let the server notice it when this process is gone."""
        self.autocommit = True
        row = self.execute(_INTRODUCTION, prepare=False).fetchone()
        assert row is not None
        # A pooler gives us a number of its own for cancelling.
        self.pooled = row[0] != self.info.backend_pid
        self.loses_commits = row[1] == "off"
        if self.pooled:
            self.prepare_threshold = None
        else:
            self.execute(_SERVER_SIDE, prepare=False)
        self.autocommit = False


class Pending(NamedTuple):
    """What tells afterwards whether a transaction was committed: its number, and the server's history it is of."""

    number: str
    timeline: str


def connecting(patience: float) -> dict[str, Any]:
    """Return what libpq is told where the address says nothing else."""
    return {
        "connect_timeout": max(int(min(_CONNECTING, patience)), 2),
        "tcp_user_timeout": int(patience * 1000),
        "fallback_application_name": "crosshub",
        **{f"keepalives_{name}": value for name, value in _KEEPALIVE.items()},
    }


def make_engine(url: str, *, connections: int, patience: float) -> Engine:
    """Return an engine on lines of that patience, in seconds."""
    engine = sa.create_engine(
        _for_sqlalchemy(url), pool_size=connections, max_overflow=connections, pool_use_lifo=True
    )
    parameters = connecting(patience)

    @sa.event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, wanted: dict[str, Any]) -> Line:
        line = Line.connect(*args, **{**parameters, **wanted})
        line.patience = patience
        try:
            line.introduce()
        except BaseException:
            line.close()
            raise
        return line

    @sa.event.listens_for(engine, "checkout")
    def sound(line: Any, record: Any, _fairy: Any) -> None:
        if time.monotonic() - record.info.get(_USED, time.monotonic()) < _FRESH:
            return
        line.patience = min(_PING, patience)
        try:
            line.autocommit = True
            line.execute("", prepare=False)
            line.autocommit = False
        except psycopg.Error as error:
            # What broke this one broke its neighbours.
            raise sa.exc.InvalidatePoolError(str(error)) from error
        line.patience = patience

    @sa.event.listens_for(engine, "checkin")
    def used(line: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()
        if line is not None:
            line.patience = patience

    @sa.event.listens_for(engine, "handle_error")
    def demoted(context: Any) -> None:
        """Leave a server that takes no more writes: another one was promoted."""
        if getattr(context.original_exception, "sqlstate", None) == errors.ReadOnlySqlTransaction.sqlstate:
            context.is_disconnect = True

    return engine


def _for_sqlalchemy(url: str) -> str:
    """Return libpq's address of several servers in SQLAlchemy's form; the hub wants the one that takes writes."""
    scheme, _, rest = url.partition("://")
    place, mark, query = rest.partition("?")
    authority, _, database = place.partition("/")
    person, at, hosts = authority.rpartition("@")
    if "," in hosts:
        several = "&".join(f"host={host}" for host in hosts.split(","))
        url = f"{scheme}://{person}{at}/{database}?{several}" + (f"&{query}" if mark else "")
    if url.count("host=") > 1 and "target_session_attrs=" not in url:
        url += "&target_session_attrs=read-write"
    return url


def is_pooled(connection: Connection) -> bool:
    """Tell whether a pooler is in between: then there is no LISTEN, and nothing that outlives a transaction."""
    return line_of(connection).pooled


def listen(connection: Connection, channel: str) -> bool:
    """Let what is told on a channel be heard on this connection; False behind a pooler, where nothing can be."""
    if is_pooled(connection):
        return False
    connection.exec_driver_sql(f"LISTEN {channel}")
    return True


def heard(connection: Connection, seconds: float) -> bool:
    """Wait so long for a word; tell whether one came. Raises `StoreAway` if the connection is lost."""
    try:
        return bool(list(line_of(connection).notifies(timeout=seconds, stop_after=1)))
    except psycopg.Error as error:
        raise StoreAway("the database cannot be reached: {why}", why=str(error).strip()) from error


def line_of(connection: Connection) -> Line:
    """Return the driver's side of a connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, Line)
    return driver


# Before a transaction has written anything it has no number.
_CLOSING = """
    SELECT pg_current_xact_id_if_assigned()::text, left(pg_walfile_name(pg_current_wal_lsn()), 8);
    RELEASE SAVEPOINT unit
"""
_WHAT_BECAME = "SELECT pg_xact_status(%(number)s::xid8), left(pg_walfile_name(pg_current_wal_lsn()), 8)"


class Frame:
    """The savepoints around the units of one transaction, made by hand: SQLAlchemy's cost ten times as much.

    What belongs together goes to the server together. `lock_timeout` is how many seconds the transaction may wait
    for a lock. Limits go with the transaction, so that no pooler gives them to others.
    """

    def __init__(self, connection: Connection, lock_timeout: float) -> None:
        self._connection = connection
        self._engine = connection.engine
        self._line = line_of(connection)
        self._before = "; ".join(self._limits(lock_timeout))
        self._pending: Pending | None = None

    def _limits(self, lock_timeout: float) -> Iterator[str]:
        limits: dict[str, float] = {"lock_timeout": lock_timeout, "idle_in_transaction_session_timeout": _IDLE}
        patience = self._line.patience
        if patience is not None:
            limits["statement_timeout"] = max(patience - _EARLIER, patience / 2)
            limits["idle_in_transaction_session_timeout"] = min(_IDLE, patience)
        yield from (f"SET LOCAL {name} = {int(seconds * 1000)}" for name, seconds in limits.items())
        if self._line.loses_commits:
            # A crash of the server would take back that a post was sent, and it would be sent again.
            yield "SET LOCAL synchronous_commit = on"

    def begin(self) -> None:
        """Begin a unit, and end the one before it."""
        self._connection.exec_driver_sql(f"{self._before}; SAVEPOINT unit")
        self._before = "RELEASE SAVEPOINT unit"

    def undo(self) -> bool:
        """Take back what the unit did; False if the whole transaction is lost."""
        if self._connection.invalidated:
            return False
        self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
        return True

    def close(self) -> None:
        """End the last unit, and learn by what to ask for the transaction afterwards."""
        number, timeline = self._connection.exec_driver_sql(_CLOSING).one()
        # One that wrote nothing is committed whatever happens.
        self._pending = None if number is None else Pending(number, timeline)

    def what_became(self, error: StoreAway, seconds: float, hurried: threading.Event) -> StoreError | None:
        """Find out what became of a commit on which no answer came: None if it was one, else what to raise.

        A server that was promoted meanwhile has a history of its own, in which our number is another's.
        """
        until = time.monotonic() + seconds
        while self._pending is not None:
            try:
                with self._engine.connect() as connection:
                    row = connection.exec_driver_sql(_WHAT_BECAME, {"number": self._pending.number}).one()
                status, timeline = row
            except sa.exc.SQLAlchemyError:
                # Still away, or not yet taking writes.
                status, timeline = "in progress", self._pending.timeline
            if timeline != self._pending.timeline or status is None:
                return _unsure(error)
            if status == "aborted":
                return error
            if status == "committed":
                return None
            # A commit that never arrived is ended by the server: see `_IDLE`.
            if time.monotonic() > until or hurried.wait(_ASK_AGAIN):
                return _unsure(error)
        return None


def _unsure(error: StoreAway) -> StoreUnsure:
    unsure = StoreUnsure(
        "the database went away while it was storing, and nothing can tell whether it has: {why}",
        hint="see whether it is there before you do it again",
        why=error,
    )
    unsure.__cause__ = error
    return unsure
