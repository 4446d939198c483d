"""When is a thing due: pure functions of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

from hub.models import RateLimit
from hub.ratelimits import LONGEST_WAIT, growing
from hub.times import duration

_SHORTEST = timedelta(minutes=1)
_LONGEST = timedelta(days=1)
# A thread that was quiet for a time is looked at again after an eighth of that time: one that changed a
# minute ago at every round, one that changed a week ago about once a day.
_QUIET_SHARE = 8
# After an account failed n times in a row it is left alone for 30 s · 2ⁿ, at most an hour.
_FIRST_PAUSE = 30.0
# With so many accounts they no longer fall due together; with fewer each keeps its time to the second.
MANY = 50
_JITTER = 0.1
# Accounts that come by the thousand have their first turns within this time, where the schedule names no interval.
_FIRST_ROUND = timedelta(minutes=5)
# A network that says it answers no more for longer than this is asked again then: it may mean something else.
_LONGEST_SPENT = timedelta(hours=1)


def next_run(schedule: str, after: datetime, zone: ZoneInfo, *, share: float = 0.0) -> datetime:
    """Return when `every 5m` or a cron expression is due next, strictly later than `after`; in UTC.

    Cron is read in the zone's wall clock. A time that a change of clocks skips is run right after the gap; one
    that it repeats is run once (cronsim, which does as Debian's cron). An interval is longer by that share of it.
    """
    if is_interval(schedule):
        return after + interval(schedule) * (1 + share)
    from cronsim import CronSim

    # Asked in the second half of a fold, it begins with the first one.
    times: Iterator[datetime] = CronSim(schedule, after.astimezone(zone))
    return next(found for time in times if (found := time.astimezone(UTC)) > after)


def is_interval(schedule: str) -> bool:
    """Tell an interval from a cron expression, whose times are meant to the minute."""
    return schedule.startswith("every ")


def interval(schedule: str) -> timedelta:
    """Return the interval of `every 5m`."""
    every = duration(schedule.removeprefix("every "))
    assert isinstance(every, timedelta)
    return every


def jitter(account: str, kind: str, after: datetime, accounts: int) -> float:
    """Return the share, up to a tenth either way, by which this run's interval is longer; 0 with few accounts.

    It is the same for the same account, work and time, and evenly spread over all of them.
    """
    if accounts < MANY:
        return 0.0
    drawn = crc32(f"{account} {kind} {after.timestamp():.3f}".encode()) / 0xFFFFFFFF
    return _JITTER * (2 * drawn - 1)


def first_runs(accounts: Sequence[str], schedule: str, now: datetime) -> dict[str, datetime]:
    """Return when new accounts are read for the first time: at once, and what is beyond `MANY` one by one."""
    round_ = interval(schedule) if is_interval(schedule) else _FIRST_ROUND
    rest = max(1, len(accounts) - MANY)
    return {name: now + max(0, number - MANY + 1) * round_ / rest for number, name in enumerate(accounts)}


def listen_every(every: timedelta, quiet: timedelta | None, now: datetime, news_at: datetime) -> timedelta:
    """Return how long an account is not listened to on which something was last heard, or sent, at `news_at`."""
    if quiet is None:
        return every
    return max(every, min((now - news_at) / _QUIET_SHARE, quiet))


def spent_until(limits: Iterable[RateLimit], now: datetime) -> datetime | None:
    """Return when the network answers again where one of its limits is used up; None if none is."""
    waits = [
        limit.reset_after
        for limit in limits
        if limit.remaining is not None and limit.remaining <= 0 and limit.limit != 0 and limit.reset_after
    ]
    return now + min(timedelta(seconds=max(waits)), _LONGEST_SPENT) if waits else None


def poll_after(now: datetime, changed_at: datetime) -> datetime:
    """Return when a thread that last changed at `changed_at` is to be looked at again."""
    pause = max(now - changed_at, timedelta(0)) / _QUIET_SHARE
    return now if pause < _SHORTEST else now + min(pause, _LONGEST)


def retry_at(now: datetime, failures: int, retry_after: float | None) -> datetime:
    """Return until when an account is left alone after failing that often; the network's word comes first."""
    if retry_after is not None:
        # "At once" is no wait at all, and what it is said after would be tried in a circle.
        return now + timedelta(seconds=min(max(retry_after, 1.0), LONGEST_WAIT))
    return now + timedelta(seconds=growing(_FIRST_PAUSE, failures))
