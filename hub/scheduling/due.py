"""When is a thing due: pure functions of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hub.ratelimits import LONGEST_WAIT, growing
from hub.times import duration

_SHORTEST = timedelta(minutes=1)
_LONGEST = timedelta(days=1)
# A thread that was quiet for a time is looked at again after an eighth of that time: one that changed a
# minute ago at every round, one that changed a week ago about once a day.
_QUIET_SHARE = 8
# After an account failed n times in a row it is left alone for 30 s · 2ⁿ, at most an hour.
_FIRST_PAUSE = 30.0


def next_run(schedule: str, after: datetime, zone: ZoneInfo) -> datetime:
    """Return when `every 5m` or a cron expression is due next, strictly later than `after`; in UTC.

    Cron is read in the zone's wall clock. A time that a change of clocks skips is run right after the gap; one
    that it repeats is run once (cronsim, which does as Debian's cron).
    """
    if schedule.startswith("every "):
        every = duration(schedule.removeprefix("every "))
        assert isinstance(every, timedelta)
        return after + every
    from cronsim import CronSim

    # Asked in the second half of a fold, it begins with the first one.
    times: Iterator[datetime] = CronSim(schedule, after.astimezone(zone))
    return next(found for time in times if (found := time.astimezone(UTC)) > after)


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
