"""Values of vCard properties: what is escaped in them, their parts, and the days and moments that they say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime

_ESCAPABLE = '\\;,:Nn"'
# Apple writes a birthday without a year as one in this year, and says so in a parameter.
OMITTED_YEAR = "1604"
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ].*)?")
_YEARLESS = re.compile(r"--(\d\d)-?(\d\d)(?:[T ].*)?")
_PART = re.compile(r"\d{4}(-\d\d)?")
_MOMENT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d)(?::?(\d\d))?(?:[.,]\d+)?(Z|[+-]\d\d(?::?\d\d)?)?")


def unescaped(value: str) -> str:
    """Return what an escaped text says."""
    if "\\" not in value:
        return value
    from vobject.icalendar import stringToTextValues

    if (len(value) - len(value.rstrip("\\"))) % 2:
        value += "\\"  # vobject reads beyond the end of a text that ends within an escape
    # No separator: what parts a list or a structure is another function's work.
    said: str = stringToTextValues(value, listSeparator="", charList=_ESCAPABLE)[0]
    return said


def escaped(text: str) -> str:
    """Return a text as a value may hold it."""
    from vobject.base import backslashEscape

    value: str = backslashEscape(text)
    return value


def parts(value: str, separator: str) -> list[str]:
    """Part a value at a separator that is not escaped; the parts stay escaped."""
    if "\\" not in value:
        return value.split(separator)
    found, begin, place = [], 0, 0
    while place < len(value):
        if value[place] == "\\":
            place += 1
        elif value[place] == separator:
            found.append(value[begin:place])
            begin = place + 1
        place += 1
    return [*found, value[begin:]]


def texts(value: str) -> list[str]:
    """Return the texts of a list, without empty ones."""
    return [text for one in parts(value, ",") if (text := unescaped(one).strip())]


def component(value: str) -> str:
    """Return one part of a structure as a text; a list in it stays one text, with its commas."""
    return unescaped(value).strip()


def joined(values: Iterable[str], separator: str) -> str:
    """Return texts as one value."""
    return separator.join(escaped(one) for one in values)


def day(value: str, omitted: bool = False) -> str:
    """Return a date as ISO text: 1980-04-05, --04-05, 1980-04, 1980; what is none of these as it is."""
    value = value.strip()
    if found := _DAY.fullmatch(value):
        year, month, number = found.groups()
        return f"--{month}-{number}" if omitted and year == OMITTED_YEAR else f"{year}-{month}-{number}"
    if found := _YEARLESS.fullmatch(value):
        return f"--{found[1]}-{found[2]}"
    return value


def is_day(text: str) -> bool:
    """Tell whether it is a date with month and day, or a part of one, that a calendar has."""
    if _PART.fullmatch(text):
        return True
    try:
        # A leap year, so that the 29th of February without a year is one.
        date.fromisoformat(f"2000{text[1:]}" if text.startswith("--") else text)
    except ValueError:
        return False
    return True


def moment(value: str) -> datetime | None:
    """Return a time in UTC, None for what is none; one without a zone is taken for UTC."""
    value = value.strip()
    if found := _MOMENT.fullmatch(value):
        year, month, number, hour, minute, second, zone = found.groups()
        text = (
            f"{year}-{month}-{number}T{hour}:{minute}:{second or '00'}{'+00:00' if zone in (None, 'Z') else zone}"
        )
    elif found := _DAY.fullmatch(value):
        text = f"{found[1]}-{found[2]}-{found[3]}T00:00:00+00:00"
    else:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
