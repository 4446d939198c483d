"""Says times and days as people do, in the reader's language: "today 14:05", "22 Nov 14:05", "22 Nov 2025 14:05".

A form of our own and not Babel's: it is two languages, and Babel would take a third of the time of a page.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from hub.i18n import N_, _, ngettext

MONTHS = (
    N_("Jan"),
    N_("Feb"),
    N_("Mar"),
    N_("Apr"),
    N_("May"),
    N_("Jun"),
    N_("Jul"),
    N_("Aug"),
    N_("Sep"),
    N_("Oct"),
    N_("Nov"),
    N_("Dec"),
)
_NEAR = {-1: N_("yesterday {time}"), 0: N_("today {time}"), 1: N_("tomorrow {time}")}


def said(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Say a time as it is in a zone; the year only where it is another than now's."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    time = f"{local:%H:%M}"
    near = _NEAR.get((local.date() - today) // timedelta(days=1))
    if near is not None:
        return _(near).format(time=time)
    return f"{said_day(local.date(), today)} {time}"


def said_day(day: date, today: date) -> str:
    """Say a day; the year only where it is another than today's."""
    # The number goes before the month in both languages, and is never at the end of a line without it.
    text = f"{day.day}\N{NO-BREAK SPACE}{_(MONTHS[day.month - 1])}"
    return text if day.year == today.year else f"{text} {day.year}"


def span(length: timedelta | None) -> str:
    """Say a length of time in its largest unit: "3 minutes"; "" for none."""
    if length is None:
        return ""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 120:
        return ngettext("{count} second", "{count} seconds", seconds).format(count=seconds)
    if seconds < 2 * 3600:
        minutes = seconds // 60
        return ngettext("{count} minute", "{count} minutes", minutes).format(count=minutes)
    if seconds < 2 * 86400:
        hours = seconds // 3600
        return ngettext("{count} hour", "{count} hours", hours).format(count=hours)
    days = seconds // 86400
    return ngettext("{count} day", "{count} days", days).format(count=days)
