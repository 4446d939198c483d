"""Times as people say them, in both languages and in the hub's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hub import i18n
from hub.dates import said, said_day

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)  # 23:30 in Moscow


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 22, 8, 5, tzinfo=UTC), "today 11:05"),
        (datetime(2026, 11, 21, 20, 59, tzinfo=UTC), "yesterday 23:59"),
        (datetime(2026, 11, 21, 21, 0, tzinfo=UTC), "today 00:00"),
        (datetime(2026, 11, 22, 21, 0, tzinfo=UTC), "tomorrow 00:00"),
        (datetime(2026, 11, 20, 9, 0, tzinfo=UTC), "20\N{NO-BREAK SPACE}Nov 12:00"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "24\N{NO-BREAK SPACE}Nov 12:00"),
        (datetime(2025, 12, 31, 21, 0, tzinfo=UTC), "1\N{NO-BREAK SPACE}Jan 00:00"),
        (datetime(2025, 12, 31, 20, 59, tzinfo=UTC), "31\N{NO-BREAK SPACE}Dec 2025 23:59"),
    ],
)
def test_a_time_is_said_in_the_zone_as_near_as_it_is(moment: datetime, words: str) -> None:
    i18n.speak("en")
    assert said(moment, NOW, MOSCOW) == words


def test_the_hour_that_comes_twice_is_said_by_the_clock_on_the_wall() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 10, 25, 12, tzinfo=UTC)
    i18n.speak("en")
    hours = [said(datetime(2026, 10, 25, hour, 30, tzinfo=UTC), now, berlin) for hour in (0, 1, 2)]
    assert hours == ["today 02:30", "today 02:30", "today 03:30"]


def test_every_month_has_a_name() -> None:
    i18n.speak("en")
    names = {said_day(datetime(2026, month, 1, tzinfo=UTC).date(), NOW.date()) for month in range(1, 13)}
    assert len(names) == 12
