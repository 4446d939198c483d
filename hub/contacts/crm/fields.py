"""Turns a contact as a CRM holds it into named values and back, and says how each is compared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from hub.contacts.crm.threeway import LISTS, Fields, Value, plain_key
from hub.models import Contact
from hub.store.outbox.posts import digest
from hub.store.people.keys import HANDLES, normal

_HANDLES = "handles"
_ENCODER = msgspec.json.Encoder(order="sorted")


def key_of(region: str) -> Callable[[str, str], str]:
    """Return how values are compared, with phone numbers that lack a country read as those of `region`."""

    def key(field: str, value: str) -> str:
        # A profile's address or handle in another spelling is a change that somebody made.
        known = normal(field, value, region) if field in LISTS else ""
        return known or plain_key(field, value)

    return key


def of_contact(contact: Contact, names: Collection[str]) -> dict[str, Value]:
    """Return what a record holds under these names; what it lacks of them is empty."""
    values: dict[str, Value] = {}
    for name in names:
        if name == "name":
            values[name] = contact.name
        elif name == "emails":
            values[name] = _once(contact.emails)
        elif name == "phones":
            values[name] = _once(contact.phones)
        elif name == "url":
            values[name] = contact.url
        elif name == _HANDLES:
            values |= {f"{HANDLES}{platform}": handle for platform, handle in contact.handles.items() if handle}
        else:
            held = contact.fields.get(name, "")
            values[name] = held if isinstance(held, str) else _once(held)
    return values


def of_view(shown: Mapping[str, Value], names: Collection[str]) -> dict[str, Value]:
    """Return what is shown of a person under these names."""
    return {field: value for field, value in shown.items() if base_name(field) in names}


def as_contact(
    values: Fields,
    *,
    changed: Collection[str] | None = None,
    key: str = "",
    version: str = "",
    remote_id: str = "",
) -> Contact:
    """Return values as the contact that is pushed; `changed` names the fields to set."""
    rest = {
        field: value
        for field, value in values.items()
        if field not in ("name", "url", *LISTS) and not field.startswith(HANDLES)
    }
    return Contact(
        remote_id=remote_id,
        name=_text(values.get("name", "")),
        emails=_elements(values.get("emails", ())),
        phones=_elements(values.get("phones", ())),
        url=_text(values.get("url", "")),
        handles={
            field.removeprefix(HANDLES): _text(value)
            for field, value in values.items()
            if field.startswith(HANDLES) and value
        },
        fields=rest,
        key=key,
        version=version,
        changed=None if changed is None else frozenset(base_name(field) for field in changed),
    )


def base_name(field: str) -> str:
    """Return the name by which an adapter knows a field."""
    return _HANDLES if field.startswith(HANDLES) else field


def hash_of(contact: Contact, names: Collection[str]) -> int:
    """Return a number that differs when what a record holds differs."""
    return digest(write(of_contact(contact, names)), contact.version, contact.key)


def write(values: Mapping[str, Any]) -> str:
    """Return values as they are stored; empty ones are left out."""
    return _ENCODER.encode({field: value for field, value in values.items() if value}).decode()


def read(text: str) -> dict[str, Value]:
    """Read what `write` wrote; nothing of nothing."""
    if not text:
        return {}
    return {
        field: value if isinstance(value, str) else tuple(value)
        for field, value in msgspec.json.decode(text).items()
    }


def show(value: Value) -> str:
    """Return a value as one text."""
    return _text(value)


def _once(values: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _elements(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ((value,) if value else ())
