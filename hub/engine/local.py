"""The engine that needs nothing else: a pool of threads that looks at the rows, every second or when told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from hub.engine.port import Claimed, R, Stats, Work
from hub.errors import HubError
from hub.store import Store
from hub.store.running import leases, waking
from hub.store.running.watching import Watch

log = structlog.get_logger()

# Seconds between two looks at the rows, if nobody tells that something is due.
_LOOK = 1.0
# Seconds until a stop is seen, by whoever waits.
_STEP = 0.1
# Seconds to wait after the database could not be used.
_TROUBLE = 2.0


class Local:
    """Carries out at most `turns` side by side in this process; takes no more accounts than there is room for."""

    name = "local"

    def __init__(self, store: Store, turns: int) -> None:
        self._store = store
        self._turns = turns
        self._pool: ThreadPoolExecutor | None = None
        self._running: set[Future[Any]] = set()
        self._guard = threading.Lock()
        self._look = threading.Event()
        self._ending = threading.Event()

    def put(self, connection: Connection, accounts: Sequence[str]) -> None:
        """On PostgreSQL tell all workers; SQLite tells nobody, and its one daemon looks every second."""
        if connection.dialect.name == "postgresql":
            waking.notify(connection)

    def run(self, work: Work[R], stop: threading.Event, patience: timedelta) -> None:
        with self._listening(stop):
            while not stop.is_set():
                self._look.clear()
                try:
                    self._start(work, stop)
                except HubError as error:
                    log.error("the scheduler cannot work", reason=str(error), mend=error.hint)
                    stop.wait(_TROUBLE)
                self._wait(stop)
        self.stop(patience)

    def run_once(self, work: Work[R], progress: Callable[[R], None], stop: threading.Event) -> bool:
        began = False
        mine: set[Future[R]] = set()
        while not stop.is_set():
            mine.update(self._start(work, stop))
            if not mine:
                break
            began = True
            mine = self._tell(mine, progress)
        while mine:
            mine = self._tell(mine, progress)
        return began

    def stop(self, patience: timedelta) -> bool:
        self._ending.set()
        with self._guard:
            running = set(self._running)
        _, late = wait(running, timeout=patience.total_seconds())
        if late:
            log.warning("turns left to their lease", count=len(late))
        if self._pool is not None:
            self._pool.shutdown(wait=not late, cancel_futures=True)
        return not late

    def stats(self, connection: Connection, now: datetime) -> Stats:
        return Stats(*leases.load(connection, now))

    def _start(self, work: Work[R], stop: threading.Event) -> list[Future[R]]:
        """Take as many accounts as there are threads free, and begin their turns."""
        with self._guard:
            room = self._turns - len(self._running)
        if room <= 0 or self._ending.is_set():
            return []
        return [self._begin(claimed, stop) for claimed in work.claim(room)]

    def _begin(self, claimed: Claimed[R], stop: threading.Event) -> Future[R]:
        with self._guard:
            if self._pool is None:
                # By this name the daemon knows the threads that it does not wait for when it leaves.
                self._pool = ThreadPoolExecutor(max_workers=self._turns, thread_name_prefix="turn")
            future = self._pool.submit(claimed.carry_out, lambda: stop.is_set() or self._ending.is_set())
            self._running.add(future)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: Future[Any]) -> None:
        with self._guard:
            self._running.discard(future)
        # There is room again, and what it left or brought may be due.
        self._look.set()

    def _tell(self, running: set[Future[R]], progress: Callable[[R], None]) -> set[Future[R]]:
        """Wait until one of them has ended; return those that still run."""
        done, still = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            progress(future.result())
        return still

    def _wait(self, stop: threading.Event) -> None:
        until = time.monotonic() + _LOOK
        while not stop.is_set() and time.monotonic() < until:
            if self._look.wait(_STEP):
                return

    @contextmanager
    def _listening(self, stop: threading.Event) -> Iterator[None]:
        """Hear, on PostgreSQL, what is told of work that is due."""
        if self._store.is_sqlite:
            yield
            return
        watch = Watch(self._store, pace=_LOOK, channel=waking.CHANNEL)
        thread = threading.Thread(target=self._listen, args=(watch, stop), name="due", daemon=True)
        thread.start()
        try:
            yield
        finally:
            watch.stop()
            thread.join(_TROUBLE)

    def _listen(self, watch: Watch, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                watch.wait()
                self._look.set()
            except HubError as error:
                log.warning("cannot listen for work; looking every second", reason=str(error))
                stop.wait(_TROUBLE)
        watch.close()
