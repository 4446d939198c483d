"""The filters of placeholders, `{phone|digits}`: how a text of the hub is written the way a CRM wants it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

EMPTY: Final = object()
"""The value of a name that was emptied."""

KEEP: Final = object()
"""What is left as it is, because the CRM cannot empty it."""

_CALL = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
_OR = {"or_null": None, "or_text": "", "or_false": False, "or_list": [], "or_keep": KEEP}


class FilterError(ValueError):
    """A filter cannot take a value; the message says why."""


def check(chain: Sequence[str]) -> None:
    """Raise ValueError for a filter that there is not, or whose argument is wrong."""
    for step in chain:
        found = _CALL.fullmatch(step)
        name, argument = (found[1], found[2]) if found else (step, None)
        if name in _WITH_PATTERN:
            if not argument or "%" not in argument:
                raise ValueError(f"the filter {name} wants a pattern, such as {name}(%d.%m.%Y)")
        elif name in _PLAIN or name in _OR:
            if argument is not None:
                raise ValueError(f"the filter {name} takes nothing in brackets")
        else:
            known = ", ".join(sorted({*_PLAIN, *_WITH_PATTERN, *_OR}))
            raise ValueError(f"{step!r} is no filter; there are {known}")


def apply(value: Any, chain: Sequence[str]) -> Any:
    """Send a value through filters; `EMPTY` passes all but those that say what stands for it."""
    for step in chain:
        if step in _OR:
            if value is EMPTY:
                value = _OR[step]
        elif value is not EMPTY and value is not None and value is not KEEP:
            found = _CALL.fullmatch(step)
            assert found is not None
            value = _WITH_PATTERN[found[1]](value, found[2]) if found[2] else _PLAIN[found[1]](value)
    return value


def _line(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _int(value: Any) -> int:
    text = _line(value).strip()
    try:
        return int(text)
    except ValueError:
        raise FilterError(f"{text[:40]!r} is no whole number") from None


def _decimal(value: Any) -> Decimal:
    text = _line(value).strip().replace(" ", "").replace(",", ".")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise FilterError(f"{text[:40]!r} is no number") from None


def _bool(value: Any) -> bool:
    return _line(value).strip().lower() not in ("", "0", "n", "no", "false", "off")


def moment(value: Any) -> datetime:
    """Return the time that a text of the hub says; a day begins at midnight UTC."""
    text = _line(value).strip()
    try:
        if len(text) <= len("2026-05-04"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        then = datetime.fromisoformat(text)
    except ValueError:
        raise FilterError(f"{text[:40]!r} is no date such as 2026-05-04") from None
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def _list(value: Any) -> list[str]:
    parts = value if isinstance(value, list | tuple) else re.split(r"[;,]", str(value))
    return [text for part in parts if (text := str(part).strip())]


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "int": _int,
    "float": lambda value: float(_decimal(value)),
    "bool": _bool,
    "cents": lambda value: int((_decimal(value) * 100).to_integral_value()),
    "text": _line,
    "list": _list,
    "first": lambda value: (_list(value) or [""])[0],
    "second": lambda value: [*_list(value), "", ""][1],
    "rest": lambda value: _list(value)[1:],
    "semicolons": lambda value: ";".join(_list(value)),
    "commas": lambda value: ",".join(_list(value)),
    "lower": lambda value: _line(value).lower(),
    "upper": lambda value: _line(value).upper(),
    "digits": lambda value: re.sub(r"\D", "", _line(value)),
    "unix": lambda value: int(moment(value).timestamp()),
    "unix_ms": lambda value: int(moment(value).timestamp()) * 1000,
    "html": lambda value: html.escape(_line(value), quote=False).replace("\n", "<br>"),
    "json": lambda value: json.dumps(value, ensure_ascii=False),
    # Inside the quotes of a query language: SOQL escapes by a backslash, OData and SQL by doubling.
    "escaped": lambda value: re.sub(r"([\\'\"])", r"\\\1", _line(value)),
    "doubled": lambda value: _line(value).replace("'", "''"),
}
_WITH_PATTERN: dict[str, Callable[[Any, str], str]] = {
    "date": lambda value, pattern: moment(value).strftime(pattern),
}
