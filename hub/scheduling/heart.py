"""Shows that a worker lives: extends the leases of its turns and tells others, whatever else the process does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version

import structlog
from sqlalchemy.engine import Connection

from hub.errors import HubError
from hub.lease import elapsed
from hub.scheduling.hub import Hub
from hub.scheduling.process import host
from hub.scheduling.turns import Turns
from hub.store import migrate
from hub.store.running import workers
from hub.store.running.clock import DatabaseClock
from hub.store.running.workers import How, State, Worker

log = structlog.get_logger()

# A lease is extended so often in its time: three may fail before it is over.
_BEATS = 4
# Seconds until a stop is seen.
_STEP = 0.25


def _nothing() -> None:
    """Do nothing."""


class Heart:
    """One worker's signs of life; `size` is how many turns it carries out side by side."""

    def __init__(self, hub: Hub, turns: Turns, name: str, how: How, size: int) -> None:
        self._hub = hub
        self._turns = turns
        self._name = name
        self.how = how
        self._size = size
        self._state: State = "running"
        self._started = hub.clock()
        self._told: datetime | None = None
        self._stopping: float | None = None
        self._guard = threading.Lock()
        self._pace = min(hub.settings.hub.lease / _BEATS, workers.EVERY).total_seconds()

    def beat(self) -> None:
        """Leave a sign of life, unless the last one is fresh."""
        now = self._hub.clock()
        if self._told is None or not timedelta(0) <= now - self._told < workers.EVERY:
            self.tell(self._state)

    def tell(self, state: State) -> None:
        """Leave a sign of life, with what the worker is about to do; none once it is no more."""
        with self._guard:
            if self._state == "stopped":
                return
            self._tell(state)

    def stop(self) -> None:
        """Say that this worker is no more, if it ever said that it is."""
        if self._told is not None:
            self.tell("stopped")

    def _tell(self, state: State) -> None:
        now = self._hub.clock()
        worker = Worker(
            name=self._name,
            host=host(),
            pid=os.getpid(),
            how=self.how,
            engine=self._hub.engine.name,
            turns=self._size,
            running=self._turns.running,
            started_at=self._started,
            beat_at=now,
            version=version("crosshub"),
            state=state,
        )
        is_first = self._told is None

        def work(connection: Connection) -> None:
            if is_first and self.how == "tick":
                workers.replace_rounds(connection, worker.host)
            workers.beat(connection, worker)

        self._state = state
        self._hub.store.write(work)
        self._told = now

    def stopping_for(self) -> timedelta:
        """Return how long ago the worker was told to stop."""
        return timedelta() if self._stopping is None else timedelta(seconds=elapsed() - self._stopping)

    @contextmanager
    def beating(
        self, stop: threading.Event | None = None, outdated: Callable[[], None] = _nothing
    ) -> Iterator[None]:
        """Beat in a thread of its own until what is done here is done, also while the worker stops.

        `outdated` is called if the database becomes newer than this program.
        """
        self.beat()
        done = threading.Event()
        told = stop or threading.Event()
        thread = threading.Thread(target=self._go_on, args=(told, done, outdated), name="heart", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _go_on(self, stop: threading.Event, done: threading.Event, outdated: Callable[[], None]) -> None:
        due = elapsed() + self._pace
        while not done.wait(min(self._pace, _STEP)):
            try:
                if stop.is_set() and self._stopping is None:
                    self._stopping = elapsed()
                    self.tell("stopping")
                if elapsed() >= due:
                    due = elapsed() + self._pace
                    self._go_on_once(outdated)
            except HubError as error:
                log.error("leases cannot be extended", reason=str(error), mend=error.hint)
            except Exception:
                # A defect here would silence every turn of this worker once its lease is over.
                log.exception("leases cannot be extended")

    def _go_on_once(self, outdated: Callable[[], None]) -> None:
        self._turns.extend()
        self.beat()
        if isinstance(self._hub.clock, DatabaseClock):
            self._hub.clock.ask()
        if self._is_outdated():
            outdated()

    def _is_outdated(self) -> bool:
        """Tell whether another program has brought the database to a schema that this one does not know."""
        found = migrate.version(self._hub.store)
        return found is not None and found > migrate.head()
