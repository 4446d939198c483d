"""What carries out turns of accounts, and what it is given to carry out; neither knows the other's inside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy.engine import Connection

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Claimed(Protocol[R_co]):
    """An account that this process has taken under a lease, for one turn."""

    @property
    def account(self) -> str:
        """The account's name."""

    def carry_out(self, stop: Callable[[], bool]) -> R_co:
        """Take the turn, give the account back, and return the turn's report; never raise.

        Once `stop` says so the turn ends after the call that it is in. What it leaves stays due.
        """


class Work(Protocol[R_co]):
    """The accounts' turns, by rows of the store: these are the truth, whatever an engine queues."""

    def due(self, limit: int) -> Sequence[str]:
        """Return accounts that are due, free and not paused, longest overdue first; it takes none of them.

        What is due again and again in one `run_once` is left out in the end, so that this comes to an end.
        """

    def claim(self, limit: int) -> Sequence[Claimed[R_co]]:
        """Take at most so many of those. Each is to be carried out at once: nobody else can have it meanwhile."""

    def take(self, account: str, *, stop: Callable[[], bool]) -> R_co | None:
        """Take one account and carry out its turn; None if somebody has it, or nothing is due on it any more.

        So a repeat is a no-op.
        """


class Stats(NamedTuple):
    """How much there is to do, on all machines together.

    `depth` are the accounts that are due and wait for a turn, `oldest_due` is for how long the first of them has
    been, `running` are the turns that are under way, `ready` what the engine has queued itself.
    """

    depth: int = 0
    oldest_due: datetime | None = None
    running: int = 0
    ready: int = 0


class Engine(Protocol):
    """Carries out turns. `put` and `stats` work in every process; the others where turns are carried out."""

    @property
    def name(self) -> str:
        """What hub.toml calls it."""

    def put(self, connection: Connection, accounts: Sequence[str]) -> None:
        """Note that these have become due, in the transaction that makes them due.

        It is a hint: what is lost of it is found by the next look at the rows.
        """

    def run(self, work: Work[R], stop: threading.Event, patience: timedelta) -> None:
        """Carry out turns until `stop` is set; then end those that run within `patience`."""

    def run_once(self, work: Work[R], progress: Callable[[R], None], stop: threading.Event) -> bool:
        """Carry out all that is due now and what falls due of it, and return; False if nothing was.

        Each report goes to `progress`, in this thread. Once `stop` is set no more turns begin.
        """

    def stop(self, patience: timedelta) -> bool:
        """Begin no more turns, and end those that run; False if some still run after `patience`."""

    def stats(self, connection: Connection, now: datetime) -> Stats:
        """Say how much there is to do."""
