"""Fills the templates of what is sent: placeholders in texts, inside tables and lists of any depth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hub import Contact

LEFT_OUT = object()
"""What `fill` makes of a template of which no placeholder has a value."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders(template: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield each placeholder as (key at which it stands, name)."""
    if isinstance(template, str):
        yield from ((where, name) for name in _PLACEHOLDER.findall(template))
    elif isinstance(template, dict):
        for key, part in template.items():
            yield from placeholders(part, f"{where}.{key}" if where else key)
    elif isinstance(template, list):
        for number, part in enumerate(template):
            yield from placeholders(part, f"{where}[{number}]")


def names(template: Any) -> set[str]:
    """Return the names of all placeholders."""
    return {name for _, name in placeholders(template)}


def contact_values(contact: Contact) -> dict[str, Any]:
    """Return what the placeholders of `write` stand for; what the contact lacks is not there.

    The last name is all after the first word, or the only word, since CRMs that have two fields require it.
    """
    first, _, rest = contact.name.strip().partition(" ")
    emails, phones = list(contact.emails), list(contact.phones)
    values: dict[str, Any] = {
        "name": contact.name,
        "first_name": first if rest else "",
        "last_name": rest.strip() or first,
        "email": emails[0] if emails else "",
        "emails": emails,
        "emails[]": emails,
        "phone": phones[0] if phones else "",
        "phones": phones,
        "phones[]": phones,
        **{f"handles.{platform}": handle for platform, handle in contact.handles.items()},
    }
    return {name: value for name, value in values.items() if value}


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Fill a template of nested tables and lists.

    A text that is one placeholder becomes its value, of whatever type; in a longer text a missing one is empty.
    A part of which no placeholder has a value is `LEFT_OUT`. The part of a list that holds `{emails[]}`
    is repeated for each e-mail.
    """
    wanted = names(template)
    if wanted and wanted.isdisjoint(values):
        return LEFT_OUT
    if isinstance(template, str):
        if (whole := _PLACEHOLDER.fullmatch(template)) is not None:
            return values[whole[1]]
        return _PLACEHOLDER.sub(lambda found: _inline(values.get(found[1], "")), template).strip()
    if isinstance(template, dict):
        made = ((key, fill(part, values)) for key, part in template.items())
        return {key: part for key, part in made if part is not LEFT_OUT}
    if isinstance(template, list):
        return [made for part in template for made in _each(part, values) if made is not LEFT_OUT]
    return template


def _each(part: Any, values: Mapping[str, Any]) -> list[Any]:
    # A list nested in the part repeats its own part.
    inner = (name for where, name in placeholders(part) if name.endswith("[]") and "[" not in where)
    many = next(inner, None)
    if many is None:
        return [fill(part, values)]
    return [fill(part, {**values, many: value}) for value in values.get(many, ())]


def _inline(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
