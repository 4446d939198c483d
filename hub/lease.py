"""A turn's right to send: how much of it is left, by clocks that no sleep stops.

The store lets another process take an account once the lease in its row is over. So the turn that had it must be
silent from then on, also if it was frozen (SIGSTOP, a suspended machine, a stalled disk) with a call half made and
knows nothing of the time that passed. Every piece of every call asks `Lease.left` before it goes to the kernel.

Why no byte leaves after the row's lease is over:

- A term is measured before the statement that claims or extends is sent, and held only when it is committed. The
  turn's end is earlier than the row's, by the time that the commit took and by a margin.
- It ends by whichever of two clocks says so first. The steady one goes on while process and machine sleep, and
  nobody sets it: a wall clock that is put back lengthens nothing. The other is the one that the row was written
  with and that others compare it with: if it is put forward, the row is over for them early, and so it is here.
- If an extension changes no row, somebody has taken the account: the lease ends at once.

What others do begins after that: they claim when the row is over, call unknown what was `sending`, and wait
`settle_after` before the first look.

The window that stays: a process that is frozen between the last question and the kernel's `send`, a few
microseconds, or as long as the kernel takes to find room for the piece, sends that piece (16 KiB at most) when it
wakes; the next piece asks again. The margin covers what a busy machine needs for that, not a freeze. On PostgreSQL
all machines go by the database's clock, so that a wrong time of day on one of them takes no account early.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

# Linux has a clock that counts suspended time too; elsewhere the monotonic one is the best there is.
_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# A turn ends its lease this much (seconds, or share of a short lease) before the row does.
_MARGIN = 1.0
_MARGIN_SHARE = 0.1


def elapsed() -> float:
    """Return seconds since some moment, by a clock that nobody sets and that no sleep stops."""
    return time.clock_gettime(_CLOCK)


def unbounded() -> float:
    """Return the seconds that are left where there is no lease: no end of them."""
    return float("inf")


def never() -> bool:
    """Say that it is not enough yet: where a turn has no end but that of its work."""
    return False


class Term(NamedTuple):
    """What is asked of the store: from when and until when. `end` is when the turn falls silent, by `elapsed`."""

    began: datetime
    until: datetime
    end: float


class Lease:
    """One turn's hold on its account. Asked by the turn's thread, extended by the scheduler's.

    `clock` is the one that the row is written with.
    """

    def __init__(self, length: timedelta, clock: Callable[[], datetime]) -> None:
        self.length = length
        self._clock = clock
        self._margin = min(_MARGIN, length.total_seconds() * _MARGIN_SHARE)
        self._term: Term | None = None

    def next_term(self) -> Term:
        """Measure a term that begins now. Ask the store for it, and `hold` it only if the store says yes."""
        end = elapsed() + self.length.total_seconds() - self._margin
        began = self._clock()
        return Term(began, began + self.length, end)

    def hold(self, term: Term) -> None:
        """Have the account until the end of this term."""
        self._term = term

    def end(self) -> None:
        """Have it no more."""
        self._term = None

    def left(self) -> float:
        """Return the seconds in which a byte may still leave; 0 or less when none may."""
        term = self._term
        if term is None:
            return 0.0
        by_wall = (term.until - self._clock()).total_seconds() - self._margin
        return min(term.end - elapsed(), by_wall)
