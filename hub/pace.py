"""How often an account may call its network: spaced by this process alone, or from a budget that machines share.

A budget is a row in the store. Nobody asks it before every call: a process takes a *slice* of it, the calls of at
most a second, and spaces them by itself. The first slice is one call, and each that is used up makes the next one
twice as large: who calls now and then takes nothing from the others that it does not use.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from hub.errors import OverBudget
from hub.lease import elapsed

# How long a slice is good for, in seconds, and so how much of a budget a process takes at once.
SLICE = 1.0
# A call that is to wait for longer than this (seconds) gives its thread to an account that can go on now.
_PATIENCE = 2.0
# Who comes back so soon (seconds) after a slice was used up is as fast as the budget.
_SOON = 0.02
# Nobody stands longer in line (seconds) for a second's calls: who waits longer waits for the hour's.
_LONGEST_LINE = 10.0
# A bound of calls an hour lets this share of them go at once, and spaces the rest: so no hour sees more.
_AT_ONCE = 10
# What was taken in an hour may be made up to a slice later.
_HOUR = timedelta(seconds=3600 + 2 * SLICE)


class Rate(NamedTuple):
    """How many calls a network takes; None where it says nothing."""

    per_second: float | None = None
    per_hour: int | None = None

    @property
    def interval(self) -> float:
        """The seconds between two calls."""
        return 1 / self.per_second if self.per_second else 0.0


class Level(NamedTuple):
    """What is known of a budget: when the next call is free, how far its hour is used, until when it is held."""

    next_at: datetime
    hour_at: datetime
    held_until: datetime | None = None


class Slice(NamedTuple):
    """Calls that a process may make; `wait` is how many seconds from now the first one is free.

    `calls` is 0 if that is later than was asked for: then nothing was taken. `held` is why the network is to be
    left alone, "" if it is not.
    """

    wait: float
    calls: int
    held: str = ""


class Reserve(Protocol):
    """Takes calls from a budget in the store."""

    def __call__(self, calls: int, patience: float) -> Slice:
        """Take so many calls, if the first is free within `patience` seconds."""


def take(level: Level, rate: Rate, calls: int, now: datetime) -> tuple[Level, datetime]:
    """Return the level after taking so many calls, and when the first of them is free."""
    free = max(now, level.next_at, level.held_until or now)
    hour_at = level.hour_at
    if rate.per_hour:
        at_once = max(1, rate.per_hour // _AT_ONCE)
        gap = _HOUR / max(1, rate.per_hour - at_once)
        free = max(free, hour_at + gap * calls - gap * at_once)
        hour_at = max(hour_at, free) + gap * calls
    taken = timedelta(seconds=rate.interval * calls)
    return Level(free + taken, hour_at, level.held_until), free


def most_at_once(rate: Rate) -> int:
    """Return how many calls a slice may have: those of a second, and never all that an hour lets go at once."""
    most = rate.per_second * SLICE if rate.per_second else 64.0
    if rate.per_hour:
        most = min(most, max(1, rate.per_hour // _AT_ONCE) / 2)
    return max(1, int(most))


class Pace(Protocol):
    """Says when the next call may be made."""

    def wait(self, until: float) -> None:
        """Return when the next call may be made.

        Raises `OverBudget` if that is not before `until` (by `elapsed`), or longer than a thread is to wait.
        """

    def hold(self, seconds: float, why: str) -> None:
        """Note that the network refused an account for what all with the same budget did together."""


class Spaced:
    """The pace of one account in one process."""

    def __init__(self, per_second: float | None) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._next = 0.0

    def wait(self, until: float) -> None:
        if not self._interval:
            return
        now = elapsed()
        pause = self._next - now
        if pause > 0:
            if now + pause >= until:
                raise OverBudget("the account's calls per second are used up", retry_after=pause)
            time.sleep(pause)
        self._next = max(now, self._next) + self._interval

    def hold(self, seconds: float, why: str) -> None:
        """Do nothing: the account is left alone by its own row."""


class Shared:
    """A budget that this process shares with others. Safe to use from many threads.

    `sharers` is how many accounts use it: those that find no room come back as far apart as it can bear. `put_by`
    tells the store for how many seconds the network wants to be left alone, and why. `clock` gives seconds, which
    `sleep` lets pass.
    """

    def __init__(
        self,
        name: str,
        rate: Rate,
        reserve: Reserve,
        put_by: Callable[[float, str], None],
        *,
        sharers: int = 1,
        clock: Callable[[], float] = elapsed,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._clock = clock
        self._sleep = sleep
        self._rate = rate
        self._sharers = sharers
        self._interval = rate.interval
        self._most = most_at_once(rate)
        self._unbounded = rate == Rate()
        self._reserve = reserve
        self._put_by = put_by
        self._guard = threading.Lock()
        self._size = 1
        self._left = 0
        self._next = 0.0
        self._end = 0.0

    def wait(self, until: float) -> None:
        with self._guard:
            slot = self._slot(until)
        pause = slot - self._clock()
        if pause > 0:
            self._sleep(pause)

    def hold(self, seconds: float, why: str) -> None:
        with self._guard:
            self._left = 0
            self._end = 0.0
        self._put_by(seconds, why)

    def _slot(self, until: float) -> float:
        """Return when the next call may be made, by `elapsed`; a new slice is taken when there is none."""
        now = self._clock()
        patience = min(until - now, max(_PATIENCE, 2 * self._interval))
        slot = max(now, self._next)
        if not self._left or slot >= self._end:
            # What was used up in its time was too little; what was not, too much for whoever waits elsewhere.
            hot = not self._left and now < self._end + max(self._interval, _SOON)
            self._size = min(self._size * 2, self._most) if hot else 1
            found = self._reserve(self._size, patience)
            now = self._clock()
            if not found.calls:
                self._left = 0
                raise self._over(found)
            self._left = found.calls
            slot = max(now + found.wait, self._next)
            self._end = now + found.wait + (found.calls * self._interval or SLICE)
        elif slot - now > patience:
            raise self._over(Slice(slot - now, 0))
        if not self._unbounded:
            self._left -= 1
        self._next = slot + self._interval
        return slot

    def _over(self, found: Slice) -> OverBudget:
        """Say when to come back: spread with all others that found no room, so that each finds some."""
        by_hour = self._rate.per_hour and not found.held and found.wait > _LONGEST_LINE
        gap = _HOUR.total_seconds() / self._rate.per_hour if by_hour and self._rate.per_hour else self._interval
        wait = found.wait + random.uniform(0, self._sharers * gap)  # noqa: S311  # no secret
        if found.held:
            return OverBudget("{name} is left alone: {why}", retry_after=wait, name=self._name, why=found.held)
        return OverBudget("the calls of {name} are used up for now", retry_after=wait, name=self._name)


class Both:
    """Two budgets, of which each must have room: the account's and its app's."""

    def __init__(self, own: Pace, apps: Pace) -> None:
        self._own = own
        self._apps = apps

    def wait(self, until: float) -> None:
        self._own.wait(until)
        self._apps.wait(until)

    def hold(self, seconds: float, why: str) -> None:
        self._apps.hold(seconds, why)
