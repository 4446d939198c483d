"""When is a thing due: intervals, cron over changes of the clock, and how often a thread is looked at."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.models import RateLimit
from hub.scheduling.due import MANY, first_runs, jitter, listen_every, next_run, poll_after, retry_at, spent_until

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


def test_few_accounts_keep_their_time_to_the_second() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert jitter("club", "listen", now, MANY - 1) == 0
    assert set(first_runs([str(number) for number in range(MANY)], "every 5m", now).values()) == {now}


def test_ten_thousand_accounts_are_spread_evenly_and_each_keeps_its_interval_on_average() -> None:
    at = {f"account-{number}": datetime(2026, 5, 1, 12, tzinfo=UTC) for number in range(10_000)}
    for _ in range(3):
        for name, after in at.items():
            share = jitter(name, "listen", after, len(at))
            assert -0.1 <= share <= 0.1
            at[name] = next_run("every 5m", after, BERLIN, share=share)
    first, last = min(at.values()), max(at.values())
    busiest = Counter(due.replace(microsecond=0) for due in at.values()).most_common(1)[0][1]
    assert last - first > timedelta(seconds=120)
    assert busiest < 250
    mean = sum((due - datetime(2026, 5, 1, 12, tzinfo=UTC)).total_seconds() for due in at.values()) / len(at)
    assert mean == pytest.approx(900, abs=2)


def test_the_jitter_of_a_run_is_the_same_on_every_machine() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert jitter("club", "listen", now, 100) == pytest.approx(0.0663, abs=0.0001)
    assert jitter("club", "publish", now, 100) != jitter("club", "listen", now, 100)


def test_cron_keeps_its_minute_however_many_accounts_there_are() -> None:
    now = datetime(2026, 5, 1, 12, 0, 7, tzinfo=UTC)
    assert next_run("0 * * * *", now, BERLIN, share=0.1) == datetime(2026, 5, 1, 13, tzinfo=UTC)


def test_who_comes_with_few_others_is_read_at_once_and_thousands_within_one_interval() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    found = sorted(first_runs([f"a{number}" for number in range(10_050)], "every 10m", now).values())
    assert found[MANY - 1] == now
    assert found[-1] == now + timedelta(minutes=10)
    assert max(Counter(due.replace(microsecond=0) for due in found).values()) <= MANY + 17
    cron = first_runs([str(number) for number in range(100)], "0 * * * *", now)
    assert max(cron.values()) == now + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("silent", "every"),
    [
        (timedelta(0), timedelta(minutes=5)),
        (timedelta(minutes=40), timedelta(minutes=5)),
        (timedelta(hours=4), timedelta(minutes=30)),
        (timedelta(days=9), timedelta(hours=1)),
    ],
)
def test_an_account_that_is_silent_for_long_is_listened_to_more_rarely(
    silent: timedelta, every: timedelta
) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert listen_every(timedelta(minutes=5), timedelta(hours=1), now, now - silent) == every
    assert listen_every(timedelta(minutes=5), None, now, now - silent) == timedelta(minutes=5)
    assert listen_every(timedelta(hours=6), timedelta(hours=1), now, now - silent) == timedelta(hours=6)


@pytest.mark.parametrize(
    ("limits", "wait"),
    [
        ([], None),
        ([RateLimit(limit=300, remaining=1, reset_after=90)], None),
        ([RateLimit(limit=300, remaining=0, reset_after=90)], 90),
        ([RateLimit(limit=3, remaining=0, reset_after=90), RateLimit(limit=9, remaining=0, reset_after=900)], 900),
        # Nobody who answers has no calls at all, and nobody's window is a year.
        ([RateLimit(limit=0, remaining=0, reset_after=90)], None),
        ([RateLimit(limit=300, remaining=0, reset_after=3e7)], 3600),
        ([RateLimit(limit=300, remaining=0)], None),
    ],
)
def test_what_the_network_says_is_used_up_is_not_asked_for_until_it_starts_anew(
    limits: list[RateLimit], wait: float | None
) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert spent_until(limits, now) == (None if wait is None else now + timedelta(seconds=wait))
