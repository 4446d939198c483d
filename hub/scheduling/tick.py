"""Does all that is due: once for `hub tick`, for ever for `hub run` and `hub worker`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from hub.engine.choosing import choose
from hub.errors import HubError, UnavailableError
from hub.lease import elapsed
from hub.scheduling.chores import Chores
from hub.scheduling.heart import Heart
from hub.scheduling.hub import Hub
from hub.scheduling.process import process_name
from hub.scheduling.report import Report
from hub.scheduling.turns import Turns
from hub.store.discussions import threads
from hub.store.running import accounts, budgets
from hub.store.running.workers import How

log = structlog.get_logger()

_PATIENCE = timedelta(seconds=30)
# A tick in which digests and turns wake each other again and again ends after so many rounds.
_ROUNDS = 50


@dataclass
class TickReport:
    """What a tick did, over all accounts."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[str, HubError]] = field(default_factory=list)

    def add(self, report: Report) -> None:
        self.counts.update(report.counts)
        self.errors += [(report.account, error) for error in report.errors]


class Scheduler:
    """One worker: the engine that carries out its turns, its signs of life, and its chores.

    `how` is the command that it is, `size` how many turns it carries out side by side, if not as hub.toml says.
    """

    def __init__(self, hub: Hub, *, how: How = "tick", size: int | None = None) -> None:
        self._hub = hub
        self._engine = choose(hub.settings, hub.store, hub.clock, size)
        self.turns = Turns(hub, process_name())
        self._heart = Heart(hub, self.turns, process_name(), how, size or hub.settings.hub.workers)
        self._chores = Chores(hub)
        self.outdated = False

    def take(self, account: str, kinds: Sequence[str]) -> Report:
        """Give one account its turn at these kinds of work now, due or not.

        Raises `UnavailableError` if it has one already.
        """
        with self._heart.beating():
            report = self.turns.take_for(account, kinds)
        if report is None:
            raise UnavailableError(
                "account {account} is being worked on by another process",
                hint="wait until it is done, and try again",
                account=account,
            )
        return report

    def tick(
        self, progress: Callable[[Report], None] = lambda report: None, stop: threading.Event | None = None
    ) -> TickReport:
        """Do all that is due now, and what falls due because of it; return what was done.

        Once `stop` is set it ends as soon as the turns that run can be broken off.
        """
        report = TickReport()
        stop = stop or threading.Event()

        def note(turn: Report) -> None:
            report.add(turn)
            progress(turn)

        self.turns.begin_round()
        with self._heart.beating(stop):
            for _ in range(_ROUNDS):
                if not self._engine.run_once(self.turns, note, stop) and not self._chores.refresh_digests():
                    break
            if not stop.is_set():
                self._chores.finish_round()
        return report

    def run(self, stop: threading.Event, *, patience: timedelta = _PATIENCE) -> None:
        """Do what is due until `stop` is set; then end what is in flight, and hand over what is left of it.

        What does not end within `patience` is left to the others all the same.
        """

        def end_early() -> None:
            log.error("the database is newer than this program", mend="start the newer crosshub")
            self.outdated = True
            stop.set()

        if self._heart.how == "tick":
            self._heart.how = "run"
        with self._heart.beating(stop, end_early):
            with self._chores.going_on(stop):
                self._engine.run(self.turns, stop, patience)
            self.close(patience - self._heart.stopping_for())

    def close(self, patience: timedelta = _PATIENCE) -> None:
        """Begin nothing more; end the turns and the calls of webhooks that run."""
        until = elapsed() + max(patience.total_seconds(), 0.0)
        if not self._engine.stop(timedelta(seconds=max(until - elapsed(), 0.0))):
            # Whoever waits for the database in them is told that it is too late.
            self._hub.store.hurry()
            self._quietly(self.turns.let_go)
        self._chores.close(timedelta(seconds=max(until - elapsed(), 0.0)))
        self._quietly(self._heart.stop)

    def _quietly(self, last: Callable[[], None]) -> None:
        """Do one of the last things, which nobody needs: leases and signs of life end by themselves."""
        try:
            last()
        except HubError as error:
            log.warning("cannot say goodbye", reason=str(error))


def make_everything_due(hub: Hub) -> None:
    """Let the next tick do all work, due or not."""
    now = hub.clock()
    hub.store.write(accounts.make_all_due, now)
    hub.store.write(threads.make_all_due, now)
    hub.store.write(budgets.release)
