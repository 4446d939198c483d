"""Writes nested tables as the pairs of a form or a query, the way PHP reads them: `fields[EMAIL][0][VALUE]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote


def pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the pairs of a table; an empty list or table, and null, is an empty text."""
    if isinstance(value, dict):
        items: Any = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        yield name, _text(value)
        return
    if name and not value:
        yield name, ""
    for key, part in items:
        yield from pairs(part, f"{name}[{key}]" if name else str(key))


def query(value: Any) -> str:
    """Return the pairs as the query of an address."""
    return "&".join(f"{quote(name, safe='[]')}={quote(text, safe='')}" for name, text in pairs(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return str(value)
