"""Reads the dates that feeds are found to carry; what cannot be read is None, never today."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# No parser that guesses: dateutil and feedparser fill what is missing from today's date.
_YEAR_MONTH = re.compile(r"(\d{4})(?:-(\d\d))?")
_DAY_OF_YEAR = re.compile(r"(\d{4})-?(\d{3})")
_NUMBERS = re.compile(
    r"(?:\w+,?\s+)?(\d{4})[/.년-]\s*(\d{1,2})[/.월-]\s*(\d{1,2})일?"
    r"(?:[T\s]+(오전|오후)?\s*(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_WORDS = re.compile(r"[^\W\d_]{3,}")
_DAY_MONTH = re.compile(r"(?:\w+\.?,?\s+)?\d{1,2}\s+[A-Za-z]{3,9}\s+\d{4}")
# Those that RFC 822 does not name; any other counts as UTC, as RFC 2822 says.
_ZONES = {
    "MSK": "+0300",
    "CET": "+0100",
    "CEST": "+0200",
    "EET": "+0200",
    "EEST": "+0300",
    "BST": "+0100",
    "JST": "+0900",
    "AEST": "+1000",
    "ET": "-0500",
    "CT": "-0600",
    "MT": "-0700",
    "PT": "-0800",
}
# Beginnings of the names of months, in Greek, Hungarian and Russian.
_MONTHS = (
    ("ιαν", "jan", "янв"),
    ("φεβ", "feb", "фев"),
    ("μαρ", "μάρ", "márc", "мар"),
    ("απρ", "ápr", "апр"),
    ("μαι", "μαϊ", "μάι", "máj", "май", "мая"),
    ("ιούν", "ιουν", "ιον", "jún", "июн"),
    ("ιούλ", "ιουλ", "ιολ", "júl", "июл"),
    ("αύγ", "αυγ", "aug", "авг"),
    ("σεπ", "szept", "сен"),
    ("οκτ", "okt", "окт"),
    ("νοέ", "νοε", "nov", "ноя"),
    ("δεκ", "dec", "дек"),
)
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def read_date(text: str) -> datetime | None:
    """Return the moment in UTC; one without a zone is taken for UTC. None for what is no date."""
    text = " ".join(text.split())
    if not 4 <= len(text) <= 64:  # no date is longer, and the patterns need not see what is
        return None
    try:
        found = _iso(text) or _rfc822(text) or _numbers(text) or _translated(text)
        if found is None or found.year < 1900:  # "0001-01-01T00:00:00Z" is a program's empty date
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> datetime | None:
    if match := _YEAR_MONTH.fullmatch(text):
        return datetime(int(match[1]), int(match[2] or 1), 1, tzinfo=UTC)
    if match := _DAY_OF_YEAR.fullmatch(text):
        found = datetime(int(match[1]), 1, 1, tzinfo=UTC) + timedelta(days=int(match[2]) - 1)
        return found if found.year == int(match[1]) else None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _rfc822(text: str) -> datetime | None:
    head, _, zone = text.rpartition(" ")
    if zone in _ZONES:
        text = f"{head} {_ZONES[zone]}"
    elif _DAY_MONTH.fullmatch(text):
        text += " 00:00:00 +0000"
    try:
        return parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None


def _numbers(text: str) -> datetime | None:
    """Read year, month, day in numbers: Perforce, Korean, and ISO with a time that fromisoformat refuses."""
    match = _NUMBERS.fullmatch(text)
    if match is None:
        return None
    year, month, day, half, hour, minute, second, zone = match.groups()
    hours = int(hour or 0)
    if half:
        hours, zone = hours % 12 + (12 if half == "오후" else 0), zone or "+0900"
    moment = f"{year}-{int(month):02}-{int(day):02}T{hours:02}:{minute or '00'}:{second or '00'}"
    return datetime.fromisoformat(moment + (zone or ""))


def _translated(text: str) -> datetime | None:
    """Read a date whose month is spelt in full, or in Greek, Hungarian or Russian."""
    for word in _WORDS.findall(text):
        for number, names in enumerate(_MONTHS):
            if word.lower().startswith((*names, _ENGLISH[number].lower())):
                day = text[max(text.find(word) - 3, 0) :].replace(word, _ENGLISH[number], 1).strip()
                return _numbers(text.replace(word, f"{number + 1:02}", 1)) or _rfc822(day)
    return None
