"""When is a thing due: intervals, cron over changes of the clock, and how often a thread is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.scheduling.due import next_run, poll_after, retry_at

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def runs(schedule: str, start: str, zone: ZoneInfo, count: int) -> list[str]:
    at = datetime.fromisoformat(start).replace(tzinfo=zone).astimezone(UTC)
    found = []
    for _ in range(count):
        at = next_run(schedule, at, zone)
        found.append(at.astimezone(zone).strftime("%m-%d %H:%M %z"))
    return found


def test_an_interval_starts_from_now() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert next_run("every 5m", now, BERLIN) == now + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("schedule", "start", "zone", "expected"),
    [
        # The gap of 2026-03-29: 02:30 does not exist in Berlin, and is run at 03:00.
        ("30 2 * * *", "2026-03-28T12:00", BERLIN, ["03-29 03:00 +0200", "03-30 02:30 +0200"]),
        # The fold of 2026-10-25: 02:30 exists twice, and is run once.
        ("30 2 * * *", "2026-10-24T12:00", BERLIN, ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        ("30 1 * * *", "2026-10-31T12:00", NEW_YORK, ["11-01 01:30 -0400", "11-02 01:30 -0500"]),
        ("0 9 * * *", "2026-03-28T12:00", BERLIN, ["03-29 09:00 +0200", "03-30 09:00 +0200"]),
    ],
)
def test_cron_is_right_over_changes_of_the_clock(
    schedule: str, start: str, zone: ZoneInfo, expected: list[str]
) -> None:
    assert runs(schedule, start, zone, len(expected)) == expected


def test_every_local_noon_of_seven_years_is_run_once() -> None:
    at = datetime(2024, 1, 1, tzinfo=BERLIN).astimezone(UTC)
    days = []
    while at.year < 2031:
        at = next_run("0 12 * * *", at, BERLIN)
        days.append(at.astimezone(BERLIN).date())
    assert len(days) == len(set(days))
    assert (days[-1] - days[0]).days + 1 == len(days)


def test_a_thread_is_looked_at_often_while_it_is_hot_and_rarely_when_it_is_cold() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    waits = [
        poll_after(now, now - timedelta(**quiet)) - now
        for quiet in ({"minutes": 1}, {"hours": 4}, {"days": 4}, {"days": 400})
    ]
    assert waits == [timedelta(0), timedelta(minutes=30), timedelta(hours=12), timedelta(days=1)]


def test_a_failing_account_is_left_alone_longer_and_longer_but_at_most_an_hour() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    waits = [(retry_at(now, failures, None) - now).total_seconds() for failures in (0, 1, 3, 50)]
    assert waits == [30, 60, 240, 3600]
    assert retry_at(now, 9, 5) - now == timedelta(seconds=5)
