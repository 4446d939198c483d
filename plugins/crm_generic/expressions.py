"""The expressions over a CRM's answers: JMESPath, with the functions that real records turned out to want."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol, cast

_PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
# Seconds beyond the year 5138 can only be milliseconds.
MILLISECONDS = 100_000_000_000
Get = Callable[[Any], Any]


class _Parsed(Protocol):
    parsed: Any

    def search(self, value: Any, options: Any = None) -> Any: ...


def _functions() -> Any:
    """Make the class of our functions; jmespath is imported by those that need it, and by no other."""
    from jmespath import functions
    from jmespath.functions import signature

    class Functions(functions.Functions):
        @signature({"types": ["string", "null"]}, {"types": ["string"]})
        def _func_split(self, text: str | None, separator: str) -> list[str]:
            parts = (text or "").split(separator) if separator else (text or "").split()
            return [part for each in parts if (part := each.strip())]

        @signature({"types": ["string", "null"]}, {"types": ["string"]}, {"types": ["string"]})
        def _func_replace(self, text: str | None, old: str, new: str) -> str:
            return (text or "").replace(old, new)

        @signature({"types": ["string", "null"]}, {"types": ["string"]})
        def _func_match(self, text: str | None, pattern: str) -> str | None:
            found = re.search(pattern, text or "")
            return None if found is None else found[found.re.groups and 1]

        @signature({"types": ["string", "null"]})
        def _func_lower(self, text: str | None) -> str:
            return (text or "").lower()

        @signature({"types": ["number", "string", "null"]}, {"types": ["number"]})
        def _func_divide(self, number: float | str | None, by: float) -> str | None:
            from decimal import Decimal, InvalidOperation

            if number in (None, ""):
                return None
            try:
                return f"{(Decimal(str(number)) / Decimal(str(by))).normalize():f}"
            except InvalidOperation:
                raise ValueError(f"divide() was given {str(number)[:40]!r}") from None

        @signature({"types": ["number", "string", "null", "boolean"]})
        def _func_iso_date(self, value: float | str | bool | None) -> str | None:
            if value in (None, "", 0, "0") or isinstance(value, bool):
                return None
            return _time_of(value).date().isoformat()

        @signature({"types": ["string", "null", "boolean"]}, {"types": ["string"]})
        def _func_read_date(self, text: str | bool | None, pattern: str) -> str | None:
            if not text or isinstance(text, bool):
                return None
            try:
                return datetime.strptime(text, pattern).date().isoformat()  # noqa: DTZ007  # a day has no zone
            except ValueError:
                raise ValueError(f"read_date(): {text[:40]!r} is not written as {pattern}") from None

    return Functions()


def _time_of(value: float | str | bool) -> datetime:
    try:
        number = float(value)
    except ValueError:
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"iso_date() was given {str(value)[:40]!r}") from None
    return datetime.fromtimestamp(number / 1000 if abs(number) > MILLISECONDS else number, UTC)


_cached: list[Any] = []


def _options() -> Any:
    import jmespath

    if not _cached:
        _cached.append(jmespath.Options(custom_functions=_functions()))
    return _cached[0]


def getter(expression: str | None) -> Get:
    """Compile an expression; a plain dotted path is walked directly, which is ten times as fast."""
    if expression is None:
        return lambda record: None
    if not _PLAIN.fullmatch(expression):
        import jmespath

        compiled, options = cast(_Parsed, jmespath.compile(expression)), _options()
        return lambda value: compiled.search(value, options)
    names = expression.split(".")

    def walk(value: Any) -> Any:
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return walk


def checked(text: str) -> str:
    """Return the expression, or raise ValueError that says what is wrong with it."""
    import jmespath
    from jmespath.exceptions import IncompleteExpressionError, JMESPathError, ParseError

    try:
        parsed = cast(_Parsed, jmespath.compile(text)).parsed
    except IncompleteExpressionError:
        raise ValueError(f"{text!r} is no JMESPath expression: it ends too early") from None
    except ParseError as error:
        at = error.lex_position + 1
        raise ValueError(f"{text!r} is no JMESPath expression: wrong at character {at}") from None
    except JMESPathError:
        raise ValueError("a JMESPath expression cannot be empty") from None
    known = _options().custom_functions.FUNCTION_TABLE
    for name in _called(parsed):
        if name not in known:
            raise ValueError(f"{text!r} is no JMESPath expression: there is no function {name}")
    return text


def _called(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node["type"] == "function_expression":
            yield node["value"]
        for child in node["children"]:
            yield from _called(child)
