"""What is done beside the turns: digests, webhooks, people's data, and what nobody asks for any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from hub.errors import HubError
from hub.scheduling.caring import Caretaker
from hub.scheduling.hub import Hub
from hub.scheduling.keeping import Keeper
from hub.scheduling.webhooks import Sender
from hub.store.running import changes, leases, switches, ticks, workers

log = structlog.get_logger()

# Seconds between two looks, and after the database could not be used.
_LOOK = 1.0
_TROUBLE = 5.0
# Seconds that one round of cron may take to let go of what is past its time: as long as it takes.
_ALL_OF_IT = float("inf")
_KEPT = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def beginning(now: datetime, interval: timedelta) -> datetime:
    """Return where the interval began that `now` is in: the same for every process that asks."""
    return now - (now - _EPOCH) % interval


class Chores:
    """The work of one process beside its turns; what is for one of many is begun by one, each time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._keeper = Keeper(hub)
        self._caretaker = Caretaker(hub)
        self._sender = Sender(hub)
        self._reminded: float | None = None
        self._swept: datetime | None = None
        self._set_aside: datetime | None = None

    def refresh_digests(self) -> bool:
        """Bring every digest up to date, whoever else does; True if accounts have work to do because of it."""
        return self._keeper.refresh()

    def finish_round(self) -> None:
        """Do all that is due now, and wait for it: the end of a round of cron."""
        self._caretaker.work(_ALL_OF_IT)
        self._sender.send_due()

    @contextmanager
    def going_on(self, stop: threading.Event) -> Iterator[None]:
        """Do what is due in a thread of its own, until `stop` is set."""
        thread = threading.Thread(target=self._go_on, args=(stop,), name="chores", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_TROUBLE)

    def close(self, patience: timedelta) -> None:
        """Tell webhooks nothing more; wait for the calls that are on their way."""
        self._sender.close(patience)

    def _go_on(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._look()
            except HubError as error:
                log.error("the scheduler cannot work", reason=str(error), mend=error.hint)
                stop.wait(_TROUBLE)
            except Exception:
                # A defect in one of them is no reason to leave the others undone.
                log.exception("the scheduler cannot work")
                stop.wait(_TROUBLE)
            stop.wait(_LOOK)

    def _look(self) -> None:
        self._sender.start_due()
        self._remind()
        self._keeper.refresh(self._is_mine)
        self._caretaker.work(begin=self._is_mine)
        minute = beginning(self._hub.clock(), _MINUTE)
        if minute != self._set_aside:
            self._set_aside = minute
            if self._is_mine("aside"):
                self._hub.store.write(leases.set_aside, self._hub.clock())
        hour = beginning(self._hub.clock(), _HOUR)
        if hour != self._swept:
            self._swept = hour
            if self._is_mine("sweep", _HOUR):
                self._hub.store.write(_sweep, self._hub.clock())

    def _is_mine(self, name: str, interval: timedelta = _MINUTE) -> bool:
        """Take on a piece of work for the interval that we are in; False if another process has."""
        at = beginning(self._hub.clock(), interval)
        mine = self._hub.store.write(ticks.once, name, at)
        if mine:
            log.debug("chore begun", chore=name, interval=at.isoformat())
        return mine

    def _remind(self) -> None:
        """Say in the log, every minute, that the hub is stopped, and once that it goes on."""
        with self._hub.store.read() as connection:
            held = switches.stopped(connection)
        if held is None:
            if self._reminded is not None:
                log.info("hub goes on")
            self._reminded = None
        elif self._reminded is None or time.monotonic() - self._reminded >= _MINUTE.total_seconds():
            self._reminded = time.monotonic()
            log.warning(
                "hub stopped", since=held.since.isoformat(), reason=held.reason, by=held.who, mend="hub resume"
            )


def _sweep(connection: Connection, now: datetime) -> None:
    """Forget what nobody asks for any more."""
    changes.forget(connection, now - _KEPT)
    workers.forget(connection, now - _KEPT)
    ticks.forget(connection, now - _KEPT)
