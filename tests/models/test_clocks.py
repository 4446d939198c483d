"""Over every change of the clocks in seven years and many zones, each local slot of a schedule runs once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from models.trying import trying

from hub.scheduling.due import next_run

# Gaps and folds of one hour, half an hour and two; at midnight; in either half of the year; in and after Ramadan.
ZONES = (
    "Europe/Berlin", "Europe/Moscow", "Europe/London", "America/New_York", "America/Santiago", "America/Havana",
    "America/Sao_Paulo", "Asia/Beirut", "Asia/Kolkata", "Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe",
    "Australia/Sydney", "Antarctica/Troll", "Pacific/Chatham", "Pacific/Easter", "Atlantic/Azores", "UTC",
)  # fmt: skip
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2030, 12, 31, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@cache
def changes(zone: str) -> Sequence[datetime]:
    """Return the first moment after each change of the zone's clocks, in UTC."""
    local = ZoneInfo(zone)

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(local).utcoffset()

    found = []
    day = FIRST
    while day < LAST:
        after = day + timedelta(days=1)
        if offset(day) != offset(after):
            low, high = day, after
            while high - low > MINUTE:
                middle = low + (high - low) // 2 // MINUTE * MINUTE
                low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
            found.append(high)
        day = after
    return found


def slot(day: date, hour: int, minute: int, zone: str) -> datetime:
    """Return when a local time comes: the first time if it comes twice, right after the gap if it never does."""
    local = ZoneInfo(zone)
    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=local).astimezone(UTC)
    shown = at.astimezone(local)
    if (shown.hour, shown.minute) == (hour, minute):
        return at
    return min((change for change in changes(zone)), key=lambda change: abs(change - at))


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a moment near one of its changes, or anywhere."""
    zone = draw(st.sampled_from(ZONES))
    near = draw(st.sampled_from([*changes(zone), FIRST + timedelta(days=200)]))
    return zone, near + timedelta(minutes=draw(st.integers(-3 * 1440, 1440)))


hours = st.integers(0, 23) | st.integers(0, 4)


def runs(schedule: str, start: datetime, zone: str, end: datetime) -> list[datetime]:
    found = []
    at = next_run(schedule, start, ZoneInfo(zone))
    while at <= end:
        found.append(at)
        later = next_run(schedule, at, ZoneInfo(zone))
        assert later > at
        at = later
    return found


@trying(400)
@given(moments(), hours, st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True))
def test_each_local_slot_runs_once(moment: tuple[str, datetime], hour: int, minutes: list[int]) -> None:
    """Wherever the hub starts: in a gap, between the two halves of a fold, on the slot itself."""
    zone, start = moment
    end = start + timedelta(days=4)
    schedule = f"{','.join(map(str, sorted(minutes)))} {hour} * * *"
    first = start.astimezone(ZoneInfo(zone)).date() - timedelta(days=2)
    slots = {slot(first + timedelta(days=number), hour, minute, zone) for number in range(9) for minute in minutes}
    assert runs(schedule, start, zone, end) == sorted(at for at in slots if start < at <= end)


@trying(100)
@given(moments(), st.sampled_from([1, 5, 15, 30]))
def test_what_is_to_run_all_the_time_never_pauses(moment: tuple[str, datetime], every: int) -> None:
    """A schedule for every hour of the day goes on at its own pace, whatever the clocks do."""
    zone, start = moment
    found = runs(f"*/{every} * * * *", start, zone, start + timedelta(hours=8))
    assert {later - earlier for earlier, later in pairwise(found)} <= {timedelta(minutes=every)}
