"""What the placeholders of `write` stand for: the names that a contact has, and those that it is to lose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hub import Contact
from plugins.crm_generic.filters import EMPTY

CONTACT_NAMES = (
    *("name", "first_name", "last_name", "email", "emails", "emails[]", "phone", "phones", "phones[]"),
    *("url", "key", "handles.*", "fields.*"),
)
_OWNERS = {
    "first_name": "name",
    "last_name": "name",
    "email": "emails",
    "emails[]": "emails",
    "phone": "phones",
    "phones[]": "phones",
}


def owner_of(placeholder: str) -> str:
    """Return the name, as in `Contact.changed`, that a placeholder belongs to."""
    table, dot, rest = placeholder.partition(".")
    if dot:
        return "handles" if table == "handles" else rest.removesuffix("[]")
    return _OWNERS.get(placeholder, placeholder)


def contact_values(contact: Contact, wanted: Iterable[str] = (), *, update: bool = False) -> dict[str, Any]:
    """Return what the placeholders stand for; what is not to be sent is not there.

    `wanted` are the placeholders in use. In an update, one of them whose name was changed and has no value is
    `EMPTY`, and so is a part of the name that another part took over.
    """
    given = _all(contact)
    changed = contact.changed
    if not update:
        return {name: value for name, value in given.items() if value}
    values: dict[str, Any] = {}
    for name in {*given, *wanted}:
        owner = owner_of(name)
        if changed is not None and owner not in changed:
            continue
        if given.get(name):
            values[name] = given[name]
        elif changed is not None or (owner == "name" and contact.name):
            values[name] = EMPTY
    return values


def _all(contact: Contact) -> dict[str, Any]:
    """Return the value of every placeholder that the contact knows.

    The last name is all after the first word, or the only word, since CRMs that have two fields require it.
    """
    first, _, rest = contact.name.strip().partition(" ")
    emails, phones = list(contact.emails), list(contact.phones)
    fields: dict[str, Any] = {}
    for name, value in contact.fields.items():
        whole = value if isinstance(value, str) else list(value)
        fields[f"fields.{name}"] = whole
        fields[f"fields.{name}[]"] = [whole] if isinstance(whole, str) and whole else whole or []
    return {
        "name": contact.name,
        "first_name": first if rest else "",
        "last_name": rest.strip() or first,
        "email": emails[0] if emails else "",
        "emails": emails,
        "emails[]": emails,
        "phone": phones[0] if phones else "",
        "phones": phones,
        "phones[]": phones,
        "url": contact.url,
        "key": contact.key,
        **{f"handles.{platform}": handle for platform, handle in contact.handles.items()},
        **fields,
    }
