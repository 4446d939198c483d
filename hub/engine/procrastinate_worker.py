"""Runs Procrastinate's worker in a thread of its own, and begins anew when the database was lost."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.connector import Notify
from procrastinate.exceptions import ConnectorException, ProcrastinateException
from psycopg import InterfaceError, OperationalError
from psycopg_pool import AsyncConnectionPool

from hub.errors import UnavailableError
from hub.lease import elapsed
from hub.store.engines.scripts import NotPrepared

log = structlog.get_logger()

Row = dict[str, Any]

# To fetch, to end some at once, to show life; who finds none free waits for milliseconds.
_CONNECTIONS = 4
_FREE_CONNECTION = 10.0
# What comes in while the queue is asked is not heard of; it is found at the next asking, after so many seconds.
_ASK = 1.0
# Nobody asks for running messages to be broken off: the hub's own stop goes another way.
_NEVER = 86400.0
# Seconds before work is begun again after the database was lost; what went well for so long starts over.
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0
_WELL = 60.0


class Connector(PsycopgConnector):
    """Talks to Procrastinate's part of the database, on connections that are as they came.

    Each statement names the schema, so that a pooler may give every one to another connection (and `listens` must
    be False). No answer is waited for longer than `patience`, in seconds. `lost` is set when a connection broke:
    what it was used for is undone, and whoever works with this one has to begin anew.
    """

    def __init__(self, arguments: Mapping[str, object], schema: str, patience: float, *, listens: bool) -> None:
        super().__init__(
            kwargs=dict(arguments),
            pool_factory=_pool,
            configure=_commit_each if listens else _commit_each_alike,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_FREE_CONNECTION,
        )
        self.listens = listens
        self.lost = asyncio.Event()
        self._schema = schema
        self._patience = patience

    def _named(self, query: LiteralString) -> LiteralString:
        return query.replace("procrastinate_", f"{self._schema}.procrastinate_")

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        async with self._in_time():
            await super().execute_query_async(self._named(query), **arguments)

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> Row:
        async with self._in_time():
            row: Row = await super().execute_query_one_async(self._named(query), **arguments)
        return row

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[Row]:
        async with self._in_time():
            rows: list[Row] = await super().execute_query_all_async(self._named(query), **arguments)
        return rows

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                yield
        except ConnectorException as error:
            if isinstance(error.__cause__, OperationalError | InterfaceError):
                self.lost.set()
            raise
        except TimeoutError as error:
            self.lost.set()
            raise ConnectorException(f"the server did not answer within {self._patience:g} s") from error

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        # Procrastinate takes up a lost connection once: if the server is not back by then, it listens no more.
        while True:
            try:
                await super().listen_notify(on_notification, channels)
            except ProcrastinateException as error:
                log.warning("the engine cannot listen; it asks instead", reason=_reason(error))
            await asyncio.sleep(_ASK)


def _pool(**arguments: Any) -> AsyncConnectionPool[Any]:
    """Procrastinate would have each connection asked, before each statement, whether it is still there."""
    return AsyncConnectionPool(**{**arguments, "check": None})


async def _commit_each(connection: Any) -> None:
    """Each call of Procrastinate is one statement: none may stay open because its worker is cut off.

    Nor does any of them wait for the disk. A server that crashes then has messages that were taken, or ended:
    repeats, which do no harm.
    """
    await _commit_each_alike(connection)
    await connection.execute("SET synchronous_commit TO off")


async def _commit_each_alike(connection: Any) -> None:
    """Do so where a pooler gives the connection to others, who would find it changed."""
    await connection.set_autocommit(True)


class Consumer:
    """Takes messages from queues, at most so many at once, and has their accounts' turns carried out.

    `submit` begins a turn and returns at once. `broken` is what ended it for good: the database became another
    version's.
    """

    def __init__(
        self,
        connector: Callable[[], Connector],
        queues: Sequence[str],
        task: str,
        turns: int,
        submit: Callable[[str], Future[None]],
    ) -> None:
        self._connector = connector
        self._queues = queues
        self._task = task
        self._turns = turns
        self._submit = submit
        self.broken: NotPrepared | None = None
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._interrupt: Callable[[], object] | None = None
        self._thread = threading.Thread(target=self._forever, name="turns", daemon=True)

    def start(self) -> None:
        """Take messages until `stop`, also after the database was lost."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more, and leave the turns that run to whoever submitted them."""
        self._stop.set()
        with self._guard:
            if self._interrupt is not None:
                self._interrupt()
                self._interrupt = None

    def join(self, patience: float) -> None:
        """Wait, so many seconds at most, until the queue knows that we take no more."""
        self._thread.join(patience)

    def drain(self) -> None:
        """Take messages until there are none, and return when their turns are over; or when told to stop.

        Raises `UnavailableError` if the database is lost.
        """
        try:
            with suppress(asyncio.CancelledError):
                asyncio.run(self._work(wait=False))
        except ProcrastinateException as error:
            raise UnavailableError("the engine lost the database: {why}", why=_reason(error)) from error

    def _forever(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            began = elapsed()
            try:
                asyncio.run(self._work(wait=True))
                reason = "the worker ended"
            except asyncio.CancelledError:
                return
            except NotPrepared as error:
                self.broken = error
                return
            except Exception as error:
                reason = _reason(error)
            if self._stop.is_set():
                return
            pause = _FIRST_PAUSE if elapsed() - began > _WELL else min(2 * pause, _LONGEST_PAUSE)
            log.warning("the engine stopped taking turns, and begins again", reason=reason, seconds=pause)
            self._stop.wait(pause)

    async def _work(self, *, wait: bool) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_tell)
        this = asyncio.current_task()
        assert this is not None
        with self._guard:
            if self._stop.is_set():
                return
            self._interrupt = lambda: loop.call_soon_threadsafe(this.cancel)
        try:
            connector = self._connector()
            app = App(connector=connector)
            app.task(name=self._task)(self._turn)
            async with app.open_async():
                worker = app.run_worker_async(
                    queues=list(self._queues),
                    name="hub",
                    concurrency=self._turns,
                    wait=wait,
                    listen_notify=connector.listens,
                    fetch_job_polling_interval=_ASK,
                    abort_job_polling_interval=_NEVER,
                    # Turns go on without their messages, under their leases.
                    shutdown_graceful_timeout=0 if wait else _NEVER,
                    delete_jobs="always",
                    install_signal_handlers=False,
                )
                await _while_connected(worker, connector)
        finally:
            with self._guard:
                self._interrupt = None

    async def _turn(self, account: str) -> None:
        await asyncio.wrap_future(self._submit(account))


async def _while_connected(worker: Coroutine[Any, Any, None], connector: Connector) -> None:
    """Let it work until it ends, or a connection is lost: Procrastinate's worker goes on without its heartbeat."""
    working, losing = asyncio.create_task(worker), asyncio.create_task(connector.lost.wait())
    try:
        await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ConnectorException("a connection was lost")
        await working
    finally:
        losing.cancel()
        working.cancel()
        await asyncio.gather(working, losing, return_exceptions=True)


def _tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what nobody waited for, such as a message that could not be put away; it does no harm."""
    error = context.get("exception")
    log.debug("the engine came upon an error", reason=_reason(error) if error else str(context.get("message")))


def _reason(error: BaseException) -> str:
    """Say what was wrong, in the words of the database if it was that."""
    cause = error.__cause__ or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def quiet() -> None:
    """Keep what Procrastinate and its pool say of each message and each attempt to connect out of the log."""
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
