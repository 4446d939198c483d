"""Does all that is due: once for `hub tick`, for ever for `hub run`."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import structlog
from sqlalchemy.engine import Connection

from hub.errors import HubError, UnavailableError
from hub.lease import Lease, elapsed
from hub.scheduling.caring import Caretaker
from hub.scheduling.digests import Keeper
from hub.scheduling.hub import Hub
from hub.scheduling.turn import Report, take_turn
from hub.scheduling.webhooks import Sender
from hub.store import accounts, beats, changes, switches, threads

log = structlog.get_logger()

# A lease is extended so often in its time: three may fail before it is over.
_BEATS = 4
_LONGEST_SLEEP = 1.0
# A tick that finds new work again and again (a loop that the guard missed) ends after so many rounds.
_ROUNDS = 50
# Seconds that one round of cron may take to let go of what is past its time: as long as it takes.
_ALL_OF_IT = float("inf")
_CHANGES_KEPT = timedelta(days=1)
_REMINDER = timedelta(minutes=1)


@dataclass
class TickReport:
    """What a tick did, over all accounts."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[str, HubError]] = field(default_factory=list)

    def add(self, report: Report) -> None:
        self.counts.update(report.counts)
        self.errors += [(report.account, error) for error in report.errors]


class _Running(NamedTuple):
    """A turn, and the lease that it is under."""

    turn: Future[Report]
    fence: int
    lease: Lease


class Scheduler:
    """Gives due accounts to a pool of threads, one turn each at a time."""

    def __init__(self, hub: Hub, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._hub = hub
        self._sleep = sleep
        self._owner = process_name()
        self._pool = ThreadPoolExecutor(max_workers=hub.settings.hub.workers, thread_name_prefix="turn")
        self._length = hub.settings.hub.lease
        self._beat = self._length.total_seconds() / _BEATS
        self._running: dict[str, _Running] = {}
        self._guard = threading.Lock()
        self._sender = Sender(hub)
        self._keeper = Keeper(hub)
        self._caretaker = Caretaker(hub)
        self._how: beats.How = "tick"
        self._beaten: datetime | None = None

    def start_due(self) -> list[Future[Report]]:
        """Start a turn for each account that is due and free; return them."""
        hub = self._hub
        now = hub.clock()
        self._show_life(now)
        with hub.store.read() as connection:
            others = accounts.lease_owners(connection)
        dead = [owner for owner in others if owner != self._owner and not alive(owner)]
        if dead:
            hub.store.write(accounts.free, dead)
        with hub.store.read() as connection:
            waiting = accounts.due(connection, hub.settings.accounts, now)
        started = [self._start(account, kinds) for account, kinds in waiting.items()]
        return [future for future in started if future is not None]

    def _start(self, account: str, kinds: Sequence[str]) -> Future[Report] | None:
        """Start a turn of an account; None if it has one already, here or in another process."""
        hub = self._hub
        with self._guard:
            if account in self._running:
                return None
            lease = Lease(self._length, hub.clock)
            term = lease.next_term()
            fence = hub.store.write(accounts.claim, account, self._owner, term.began, self._length)
            if fence is None:
                return None
            lease.hold(term)
            future = self._pool.submit(_safely, hub, account, kinds, fence, lease)
            self._running[account] = _Running(future, fence, lease)
        future.add_done_callback(partial(self._ended, account))
        return future

    def take(self, account: str, kinds: Sequence[str]) -> Report:
        """Give one account its turn at these kinds of work now, due or not.

        Raises `UnavailableError` if it has one already.
        """
        future = self._start(account, kinds)
        if future is None:
            raise UnavailableError(
                "account {account} is being worked on by another process",
                hint="wait until it is done, and try again",
                account=account,
            )
        self._finished([future])
        return future.result()

    def _show_life(self, now: datetime) -> None:
        """Leave a sign of life, now and then: by it others tell that somebody does the work."""
        if self._beaten is None or not timedelta(0) <= now - self._beaten < beats.EVERY:
            self._hub.store.write(beats.beat, _host(), self._how, now)
            self._beaten = now

    def _ended(self, account: str, _turn: Future[Report]) -> None:
        self._running.pop(account, None)

    def tick(self, progress: Callable[[Report], None] = lambda report: None) -> TickReport:
        """Do all that is due now, and what falls due because of it; return what was done."""
        report = TickReport()
        for _ in range(_ROUNDS):
            started = self.start_due()
            if not started and not self._keeper.refresh():
                break
            for future in self._finished(started):
                report.add(future.result())
                progress(future.result())
        self._caretaker.work(_ALL_OF_IT)
        self._sender.send_due()
        return report

    def _finished(self, futures: list[Future[Report]]) -> list[Future[Report]]:
        open_ = set(futures)
        while open_:
            _, open_ = wait(open_, timeout=self._beat)
            self._extend_leases()
        return futures

    def run(self, stop: threading.Event, *, patience: timedelta = timedelta(seconds=30)) -> None:
        """Do what is due until `stop` is set; then let what is in flight finish, at most for `patience`."""
        self._how = "run"
        beat = elapsed()
        swept = 0.0
        reminded: float | None = None
        while not stop.is_set():
            try:
                self.start_due()
                self._keeper.refresh()
                self._caretaker.work()
                self._sender.start_due()
                reminded = self._remind(reminded)
                if elapsed() - beat > self._beat:
                    beat = elapsed()
                    self._extend_leases()
                if time.monotonic() - swept > 3600 or not swept:
                    swept = time.monotonic()
                    self._hub.store.write(_sweep, self._hub.clock())
            except HubError as error:
                log.error("the scheduler cannot work", reason=str(error), mend=error.hint)
                stop.wait(min(5, self._beat))
            stop.wait(min(_LONGEST_SLEEP, self._beat))
        self.close(patience)

    def close(self, patience: timedelta = timedelta(seconds=30)) -> None:
        """Start nothing more; wait for the turns and the webhooks that run."""
        late = {running.turn for running in list(self._running.values())}
        until = time.monotonic() + patience.total_seconds()
        while late and time.monotonic() < until:
            _, late = wait(late, timeout=min(self._beat, until - time.monotonic()))
            try:
                self._extend_leases()
            except HubError as error:
                log.error("leases cannot be extended", reason=str(error), mend=error.hint)
        if late:
            log.warning("turns left to their lease", count=len(late))
        self._pool.shutdown(wait=not late, cancel_futures=True)
        self._sender.close(timedelta(seconds=max(until - time.monotonic(), 0)))

    def _remind(self, said: float | None) -> float | None:
        """Say in the log, every minute, that the hub is stopped, and once that it goes on.

        `said` is when that was said last, None if the hub was going; return the same for now.
        """
        with self._hub.store.read() as connection:
            held = switches.stopped(connection)
        if held is None:
            if said is not None:
                log.info("hub goes on")
            return None
        if said is not None and time.monotonic() - said < _REMINDER.total_seconds():
            return said
        log.warning(
            "hub stopped", since=held.since.isoformat(), reason=held.reason, by=held.who, mend="hub resume"
        )
        return time.monotonic()

    def _extend_leases(self) -> None:
        """Prolong the leases of the turns that run; a turn whose account was taken ends its own at once."""
        for account, running in list(self._running.items()):
            term = running.lease.next_term()
            if self._hub.store.write(accounts.extend, account, running.fence, term.until):
                running.lease.hold(term)
            else:
                running.lease.end()


def _sweep(connection: Connection, now: datetime) -> None:
    """Forget what nobody asks for any more."""
    changes.forget(connection, now - _CHANGES_KEPT)
    beats.forget(connection, now - _CHANGES_KEPT)


def _safely(hub: Hub, account: str, kinds: Sequence[str], fence: int, lease: Lease) -> Report:
    """Take a turn; if even its end cannot be written down, say so and leave the account to its lease."""
    try:
        return take_turn(hub, account, kinds, fence, lease.left)
    except Exception as error:
        log.exception("turn failed", account=account)
        known = error if isinstance(error, HubError) else HubError("{why}", why=f"{type(error).__name__}: {error}")
        return Report(account, kinds, errors=[known])


def make_everything_due(hub: Hub) -> None:
    """Let the next tick do all work, due or not."""
    now = hub.clock()
    hub.store.write(accounts.make_all_due, now)
    hub.store.write(threads.make_all_due, now)


def process_name() -> str:
    """Name this process so that another can tell whether it still lives: host, number, start."""
    return f"{_host()}:{os.getpid()}:{_started(os.getpid())}"


def alive(owner: str) -> bool:
    """Tell whether the process of that name may still live; on another host it may."""
    try:
        host, number, started = owner.rsplit(":", 2)
        pid = int(number)
    except ValueError:
        return True
    if host != _host():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return started == _started(pid)


def _host() -> str:
    """Name the place whose process numbers we see: containers may share a host's name, and not its numbers."""
    try:
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').readlink()}".replace(":", "")
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks: a number given out twice is then no twin."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # Field 22, counted after the name in brackets, which may hold anything.
    return stat.rpartition(")")[2].split()[19]


class DaemonLock:
    """Keeps a second daemon off one SQLite file; the kernel lets go of it when the process ends, however."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[Any] | None = None

    def acquire(self) -> bool:
        import fcntl

        self._file = self._path.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            self._file = None
            return False
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
