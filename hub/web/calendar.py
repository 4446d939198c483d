"""Lays posts and drafts out on the days when they go out, by the hub's clock: a month, a week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hub.store.outbox.drafts import Draft
from hub.store.outbox.queue import Entry

DAY = timedelta(days=1)


class Span(NamedTuple):
    """The days that are shown, the last one included; `before` and `after` lead to the next such spans."""

    first: date
    last: date
    before: date
    after: date


class Day(NamedTuple):
    """One day, and what goes out on it, in the order of time."""

    date: date
    inside: bool
    items: Sequence[Entry | Draft]


def month_of(day: date) -> Span:
    """Return the whole weeks that a month touches."""
    first = day.replace(day=1)
    after = (first + 31 * DAY).replace(day=1)
    start = first - first.weekday() * DAY
    last = after - DAY
    return Span(start, last + (6 - last.weekday()) * DAY, (first - DAY).replace(day=1), after)


def week_of(day: date) -> Span:
    """Return the week of a day, from Monday on."""
    first = day - day.weekday() * DAY
    return Span(first, first + 6 * DAY, first - 7 * DAY, first + 7 * DAY)


def begins(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins there, in UTC; where midnight is skipped, with the first moment that there is."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def lay_out(
    span: Span, items: Sequence[Entry | Draft], zone: ZoneInfo, month: int | None = None
) -> list[list[Day]]:
    """Put the items on their days, a list of days for each week; days of other months are not `inside`."""
    by_day: dict[date, list[Entry | Draft]] = {}
    for item in sorted(items, key=time_of):
        by_day.setdefault(time_of(item).astimezone(zone).date(), []).append(item)
    days = [span.first + number * DAY for number in range((span.last - span.first).days + 1)]
    shown = [Day(day, month is None or day.month == month, by_day.get(day, [])) for day in days]
    return [shown[start : start + 7] for start in range(0, len(shown), 7)]


def time_of(item: Entry | Draft) -> datetime:
    """Return when something is to go out."""
    if isinstance(item, Entry):
        return item.post.publish_at
    assert item.content.publish_at is not None
    return item.content.publish_at
