"""When a snoozed mention may come back: the times that the page offers, by the clock of the hub's zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from hub.i18n import _

# When a working day begins.
_MORNING = time(9)
_EVENING = time(18)


class Snooze(NamedTuple):
    """A time that is offered; `at` is in UTC."""

    key: str
    name: str
    at: datetime


def choices_of(now: datetime, zone: tzinfo) -> Sequence[Snooze]:
    """Return what is offered now, soonest first."""
    today = now.astimezone(zone).date()
    monday = today + timedelta(days=7 - today.weekday())

    def on(days: int, clock: time) -> datetime:
        return datetime.combine(today + timedelta(days=days), clock, zone).astimezone(UTC)

    offered = [
        Snooze("hour", _("in an hour"), now + timedelta(hours=1)),
        Snooze("hours", _("in three hours"), now + timedelta(hours=3)),
        Snooze("evening", _("this evening"), on(0, _EVENING)),
        Snooze("tomorrow", _("tomorrow morning"), on(1, _MORNING)),
        Snooze("monday", _("on Monday morning"), on((monday - today).days, _MORNING)),
        Snooze("week", _("in a week"), on(7, _MORNING)),
    ]
    return sorted((one for one in offered if one.at > now), key=lambda one: one.at)
