"""Says sizes, and what is left of a token's time, as people do, in the reader's language."""

from __future__ import annotations

from hub.i18n import _, ngettext

_UNITS = ("B", "kB", "MB", "GB", "TB")


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
