"""How the work goes: who does it, how much is due, who waits longest; for `hub status`, the page and /metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.engine.port import Stats
from hub.i18n import _
from hub.scheduling.hub import Hub
from hub.store.running import budgets, figures, switches, workers
from hub.store.running.budgets import Holding
from hub.store.running.figures import Lag
from hub.store.running.switches import Stop
from hub.store.running.workers import Worker

BEHIND = timedelta(minutes=15)
"""Work that has been due for so long is late: by then a round of cron is missed too."""


class Standing(NamedTuple):
    """How the work goes at one moment. `workers` are all that are known, the newest sign of life first.

    `lags` are the accounts that have waited longest for a turn, the worst first; `held` are the budgets that a
    network wants left alone.
    """

    at: datetime
    engine: str
    workers: Sequence[Worker]
    stats: Stats
    lags: Sequence[Lag]
    held: Sequence[Holding]
    stopped: Stop | None

    @property
    def alive(self) -> Sequence[Worker]:
        """Return the workers that do work, as far as their signs of life say."""
        return [worker for worker in self.workers if worker.is_alive(self.at)]

    @property
    def lost(self) -> Sequence[Worker]:
        """Return the workers that fell silent without a word; a round of cron is missed by the next one."""
        return [worker for worker in self.workers if worker.state != "stopped" and not worker.is_alive(self.at)]

    @property
    def behind(self) -> timedelta:
        """Return for how long the oldest work has been due; nothing if none is."""
        oldest = self.stats.oldest_due
        return timedelta() if oldest is None else max(self.at - oldest, timedelta())

    @property
    def is_well(self) -> bool:
        """Tell whether somebody works, and nothing waits for longer than `BEHIND`."""
        return bool(self.alive) and self.behind < BEHIND


def said(worker: Worker, now: datetime) -> str:
    """Say in the reader's language what a worker does."""
    if worker.state == "stopped":
        return _("ended")
    if not worker.is_alive(now):
        return _("silent")
    return _("ends its turns") if worker.state == "stopping" else _("works")


def of(hub: Hub, connection: Connection, now: datetime, most: int | None = 10) -> Standing:
    """Gather it, with at most so many accounts of those that wait; without `most`, all of them."""
    return Standing(
        at=now,
        engine=hub.engine.name,
        workers=workers.latest(connection),
        stats=hub.engine.stats(connection, now),
        lags=figures.lags(connection, now, most),
        held=budgets.holdings(connection, now),
        stopped=switches.stopped(connection),
    )
