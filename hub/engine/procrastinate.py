"""Carries out turns as jobs of Procrastinate, on the hub's own PostgreSQL, side by side on many machines.

It is used thinly. The rows of the store are the truth; a message in its queue only says that an account may be
due, so that a repeat, a lost one and one too many do no harm. Its locks, schedules and retries are not used.

- A message is queued in the transaction that makes an account due, the end of a turn included, and by a look at
  the rows every second. An account has one message waiting at most, and none while somebody works on it: what
  became due meanwhile is seen to at the end of that turn.
- A message goes away with its turn, however that ended. What a dead worker took is dropped by a look of the
  others; its account comes back when the lease is over.
- The name of the queue has the version of what a message says. A worker takes the versions that it knows; others
  wait for a worker that knows them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.engine import Connection

from hub.engine import procrastinate_sql
from hub.engine.port import R, Stats, Work
from hub.errors import HubError
from hub.lease import elapsed
from hub.store import Store, postgresql
from hub.store.engines import messages
from hub.store.engines.scripts import SCHEMA
from hub.store.running import leases

if TYPE_CHECKING:
    from hub.engine.procrastinate_worker import Connector, Consumer

log = structlog.get_logger()

QUEUES = ("hub-1",)
"""The queues whose messages this program understands: {"account": name} since version 1. The last is its own."""

_TASK = "hub.turn"
# Seconds between looks at the rows, and between looks for what dead workers left.
_LOOK = 1.0
_REAP = 5.0
# Seconds to wait longer after the database could not be used.
_TROUBLE = 2.0
# A worker shows every 10 s that it lives.
_SILENCE = timedelta(seconds=30)
# Seconds that taking no more messages may need; it needs as long as the database does.
_LETTING_GO = 5.0
# Seconds until a stop is seen.
_STEP = 0.1
# Seconds for which an answer of the database is waited for.
_PATIENCE = 15.0


class Procrastinate:
    """The engine `procrastinate`; see the module. `turns` is how many it carries out side by side."""

    name = procrastinate_sql.NAME

    def __init__(self, store: Store, clock: Callable[[], datetime], turns: int) -> None:
        self._store = store
        self._clock = clock
        self._turns = turns
        self._ending = threading.Event()
        self._guard = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._running: set[Future[None]] = set()
        self._consumer: Consumer | None = None

    def put(self, connection: Connection, accounts: Sequence[str]) -> None:
        messages.put(connection, QUEUES[-1], _TASK, accounts, self._clock())

    def run(self, work: Work[R], stop: threading.Event, patience: timedelta) -> None:
        procrastinate_sql.check(self._store)
        consumer = self._take_messages(work, lambda report: None)
        consumer.start()
        reaped: float | None = None
        try:
            while not (stop.is_set() or self._ending.is_set() or consumer.broken):
                try:
                    self._look(work)
                    if reaped is None or elapsed() - reaped > _REAP:
                        self._reap()
                        reaped = elapsed()
                except HubError as error:
                    log.error("the engine cannot look for work", reason=str(error), mend=error.hint)
                    stop.wait(_TROUBLE)
                stop.wait(_LOOK)
        finally:
            self.stop(patience)
            consumer.join(_LETTING_GO)
        if consumer.broken is not None:
            raise consumer.broken

    def run_once(self, work: Work[R], progress: Callable[[R], None], stop: threading.Event) -> bool:
        procrastinate_sql.check(self._store)
        reports: queue.SimpleQueue[R] = queue.SimpleQueue()
        began = False
        while not stop.is_set() and self._look(work):
            told = self._drain(self._take_messages(work, reports.put), stop, reports, progress)
            if not told:
                # Others have them.
                break
            began = True
        return began

    def _drain(
        self,
        consumer: Consumer,
        stop: threading.Event,
        reports: queue.SimpleQueue[R],
        progress: Callable[[R], None],
    ) -> int:
        """Carry out what is queued; return how many turns that were. What they report is told in this thread."""
        told = 0
        with ThreadPoolExecutor(1, thread_name_prefix="turns") as thread:
            draining = thread.submit(consumer.drain)
            while not draining.done() or not reports.empty():
                if stop.is_set():
                    self._end()
                with suppress(queue.Empty):
                    progress(reports.get(timeout=_STEP))
                    told += 1
            draining.result()
        return told

    def stop(self, patience: timedelta) -> bool:
        self._end()
        with self._guard:
            running = set(self._running)
        _, late = wait(running, timeout=patience.total_seconds())
        if self._pool is not None:
            self._pool.shutdown(wait=not late, cancel_futures=True)
        return not late

    def _end(self) -> None:
        """Begin no more turns, and tell those that run."""
        self._ending.set()
        if self._consumer is not None:
            self._consumer.stop()

    def stats(self, connection: Connection, now: datetime) -> Stats:
        return Stats(*leases.load(connection, now), ready=messages.ready(connection, QUEUES))

    def _look(self, work: Work[R]) -> bool:
        """Queue messages for accounts that are due and have none; False if no account is due."""
        names = work.due(messages.MOST)
        if names:
            self._store.write(messages.put, QUEUES[-1], _TASK, names, self._clock())
        return bool(names)

    def _reap(self) -> None:
        found = self._store.write(messages.reap, QUEUES, _SILENCE)
        if found:
            log.warning("messages of dead workers dropped", count=found)

    def _take_messages(self, work: Work[R], progress: Callable[[R], None]) -> Consumer:
        # To import Procrastinate takes a fifth of a second, and whoever only puts does without.
        from hub.engine.procrastinate_worker import Consumer, quiet

        quiet()
        submit = partial(self._submit, work, progress)
        self._consumer = Consumer(self._connector, QUEUES, _TASK, self._turns, submit)
        return self._consumer

    def _connector(self) -> Connector:
        """Reach the database as the store does; raise `NotPrepared` if somebody made it another version's."""
        from hub.engine.procrastinate_worker import Connector

        procrastinate_sql.check(self._store)
        with self._store.read() as connection:
            pooled = postgresql.is_pooled(connection)
        _, address = self._store.engine.dialect.create_connect_args(self._store.engine.url)
        arguments = {**postgresql.connecting(_PATIENCE), **address}
        arguments.setdefault("application_name", "crosshub procrastinate")
        if pooled:
            # What one session prepared another one does not know.
            arguments["prepare_threshold"] = None
        return Connector(arguments, SCHEMA, _PATIENCE, listens=not pooled)

    def _submit(self, work: Work[R], progress: Callable[[R], None], account: str) -> Future[None]:
        with self._guard:
            if self._pool is None:
                # By this name the daemon knows the threads that it does not wait for when it leaves.
                self._pool = ThreadPoolExecutor(self._turns, thread_name_prefix="turn")
            turn = self._pool.submit(self._carry_out, work, progress, account)
            self._running.add(turn)
        turn.add_done_callback(self._ended)
        return turn

    def _ended(self, turn: Future[None]) -> None:
        with self._guard:
            self._running.discard(turn)

    def _carry_out(self, work: Work[R], progress: Callable[[R], None], account: str) -> None:
        if self._ending.is_set():
            return
        try:
            report = work.take(account, stop=self._ending.is_set)
        except HubError as error:
            # The rows stand as they did: the account is due, or has a lease that will be over.
            log.error("a turn could not be taken", account=account, reason=str(error), mend=error.hint)
            return
        if report is not None:
            progress(report)
