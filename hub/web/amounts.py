"""Says spans of time and sizes as people do, in the reader's language."""

from __future__ import annotations

from datetime import timedelta

from hub.i18n import _, ngettext

_UNITS = ("B", "kB", "MB", "GB", "TB")


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


def size(count: int) -> str:
    """Say a number of bytes: "12.4 MB"."""
    amount = float(count)
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            number = f"{amount:.0f}" if unit == "B" or amount >= 100 else f"{amount:.1f}"
            return f"{number}\N{NO-BREAK SPACE}{unit}"
        amount /= 1000
    raise AssertionError


def expiry(days: int | None) -> str:
    """Say in how many days a token ends; "" where nobody knows."""
    if days is None:
        return ""
    if days < 0:
        return _("it has expired")
    if days == 0:
        return _("within a day")
    return ngettext("in {count} day", "in {count} days", days).format(count=days)
