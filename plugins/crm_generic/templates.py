"""Fills the templates of what is sent: placeholders in texts, inside tables and lists of any depth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from plugins.crm_generic.filters import EMPTY, KEEP, FilterError, apply

LEFT_OUT = object()
"""What `fill` makes of a template of which no placeholder has a value."""

SPREAD = "*"
"""The key whose table is spread into the one in which it stands."""

# Without spaces, so that the braces of a query language stay what they are.
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w.\-]*(?:\[\])?)((?:\|[^{}|]*)*)\}")
_WORDS = {"text": "", "null": None, "list": [], "false": False, "keep": KEEP}


class Empties:
    """What stands for a value that was emptied: of a text, and of a list."""

    def __init__(self, text: str = "text", list: str = "list") -> None:
        self.text = _WORDS[text]
        self.list = _WORDS[list]


_PLAIN = Empties()


def placeholders(template: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield each placeholder as (key at which it stands, name)."""
    yield from ((key, name) for key, name, _ in uses(template, where))


def uses(template: Any, where: str = "") -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield each placeholder as (key at which it stands, name, filters)."""
    if isinstance(template, str):
        yield from ((where, name, _chain(chain)) for name, chain in _PLACEHOLDER.findall(template))
    elif isinstance(template, dict):
        for key, part in template.items():
            yield from uses(part, f"{where}.{key}" if where else key)
    elif isinstance(template, list):
        for number, part in enumerate(template):
            yield from uses(part, f"{where}[{number}]")


def _chain(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|")[1:])


def names(template: Any) -> set[str]:
    """Return the names of all placeholders."""
    return {name for _, name in placeholders(template)}


def fill(template: Any, values: Mapping[str, Any], empties: Empties = _PLAIN) -> Any:
    """Fill a template of nested tables and lists.

    A text that is one placeholder becomes its value, of whatever type; in a longer text a missing one is empty.
    A part of which no placeholder has a value is `LEFT_OUT`, but for a list that has a table or list without any.
    The part of a list that holds `{emails[]}` is repeated for each e-mail. A value that is `EMPTY` becomes what
    `empties` says. Raises `FilterError` for a value that a filter cannot take.
    """
    wanted = names(template)
    if wanted and wanted.isdisjoint(values) and not _stands(template):
        return LEFT_OUT
    if isinstance(template, str):
        return _text(template, values, empties)
    if isinstance(template, dict):
        return _table(template, values, empties)
    if isinstance(template, list):
        filled = [made for part in template for made in _each(part, values, empties) if made is not LEFT_OUT]
        if filled or not wanted:
            return filled
        return LEFT_OUT if empties.list is KEEP else empties.list
    return template


def whole(template: Any, values: Mapping[str, Any]) -> Any:
    """Fill what a call carries: a table of which every placeholder lacks still has what needs none."""
    return _table(template, values, _PLAIN) if isinstance(template, dict) else fill(template, values)


def positional(template: Any, values: Mapping[str, Any]) -> Any:
    """Fill a list of arguments, each of which keeps its place: what is left out is empty there."""
    if not isinstance(template, list):
        return whole(template, values)
    made = [(part, fill(part, values)) for part in template]
    empty: dict[type, Any] = {list: [], dict: {}}
    return [empty.get(type(part)) if one is LEFT_OUT else one for part, one in made]


def _table(template: Mapping[str, Any], values: Mapping[str, Any], empties: Empties) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, part in template.items():
        one = fill(part, values, empties)
        if key == SPREAD and isinstance(one, Mapping):
            made |= one
        elif one is not LEFT_OUT:
            made[key] = one
    return made


def _stands(template: Any) -> bool:
    if not isinstance(template, list):
        return False
    return any(isinstance(part, dict | list) and not names(part) for part in template)


def _text(template: str, values: Mapping[str, Any], empties: Empties) -> Any:
    whole = _PLACEHOLDER.fullmatch(template)
    if whole is not None:
        name, chain = whole[1], _chain(whole[2])
        try:
            made = apply(values[name], chain)
        except FilterError as error:
            raise FilterError(f"{template}: {error}") from None
        if made is EMPTY:
            several = "list" in chain or "rest" in chain or (not chain and name in ("emails", "phones"))
            made = empties.list if several else empties.text
        return LEFT_OUT if made is KEEP else made
    given = [values[name] for name in names(template) if name in values]
    if all(value is EMPTY for value in given) and given:
        return LEFT_OUT if empties.text is KEEP else empties.text

    def inline(found: re.Match[str]) -> str:
        value = values.get(found[1], "")
        try:
            made = apply("" if value is EMPTY else value, _chain(found[2]))
        except FilterError as error:
            raise FilterError(f"{found[0]}: {error}") from None
        return ", ".join(made) if isinstance(made, list) else "" if made in (EMPTY, KEEP, None) else str(made)

    return _PLACEHOLDER.sub(inline, template).strip()


def _each(part: Any, values: Mapping[str, Any], empties: Empties) -> list[Any]:
    # A list nested in the part repeats its own part.
    inner = (name for where, name in placeholders(part) if name.endswith("[]") and "[" not in where)
    many = next(inner, None)
    if many is None:
        return [fill(part, values, empties)]
    several = values.get(many, ())
    return [fill(part, {**values, many: value}, empties) for value in (() if several is EMPTY else several)]
