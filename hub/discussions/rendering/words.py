"""The words that all forms of a digest share: when something was said, how many said it, where it was gathered."""

from __future__ import annotations

from datetime import datetime, tzinfo

from hub.dates import MONTHS
from hub.discussions.digest import Digest, Line
from hub.i18n import _, ngettext


def when(at: datetime, zone: tzinfo) -> str:
    """Say a time with its year: what is published is read for years."""
    local = at.astimezone(zone)
    return f"{local.day} {_(MONTHS[local.month - 1])} {local.year} {local:%H:%M}"


def edited(line: Line, zone: tzinfo) -> str:
    """Say when a remark was changed, "" if it was not; the year only if it is another than the remark's own."""
    if line.edited_at is None or line.place is None:
        return ""
    time = when(line.edited_at, zone)
    year = line.edited_at.astimezone(zone).year
    if year == line.place.at.astimezone(zone).year:
        time = time.replace(f" {year} ", " ")
    return _("edited {time}").format(time=time)


def heading(digest: Digest) -> str:
    return _("What was said about “{title}”").format(title=digest.title)


def summary(digest: Digest) -> str:
    """Say how much was said and where."""
    said = len(digest.said)
    if not said:
        return _("Nobody has said anything yet.")
    count = ngettext("{count} remark", "{count} remarks", said).format(count=said)
    return f"{count}: {', '.join(digest.sites)}"


def ours() -> str:
    return _("our answer")


def gap() -> str:
    return _("A remark that is not shown.")


def also() -> str:
    return _("also on")
