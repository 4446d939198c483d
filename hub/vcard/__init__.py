"""Reads and writes vCards: people as address books and mail programs hold them."""

from __future__ import annotations

from collections.abc import Iterator

from hub.errors import RejectedError
from hub.models import Contact
from hub.vcard import notes, reading, text
from hub.vcard.lines import Line, made, parse, split
from hub.vcard.writing import Card

FIELDS = (
    "company",
    "title",
    "birthday",
    "address",
    "city",
    "region",
    "postcode",
    "country",
    "nickname",
    "categories",
)
"""What a card holds beyond the names that every CRM has; `categories` is a list, `birthday` an ISO date."""

NAMES = ("name", "emails", "phones", "handles", "url", *FIELDS)
"""All that can be read and written, in the order in which a new card has it."""

_PRODUCT = "-//crosshub//crosshub//EN"


def read(content: str | bytes) -> Iterator[Contact | RejectedError]:
    """Yield the person of each card of a file, or what keeps one from being read; lists of cards are left out.

    vCard 2.1, 3.0 and 4.0. `key` is the card's UID, `updated_at` what it says of its own last change.
    """
    for card in split(content):
        try:
            found = read_card(card)
        except RejectedError as error:
            yield error
        else:
            if found is not None:
                yield found


def read_card(card: str) -> Contact | None:
    """Return the person of one card, None for a list of cards; raise `RejectedError` if it cannot be read."""
    lines = _lines(card)
    return None if reading.is_group(lines) else reading.contact(lines)


def write(contact: Contact, keep: str = "", version: str = "3.0") -> str:
    """Return the contact as a card, or the card `keep` with what `contact.changed` names.

    Every line of `keep` that says nothing of what changes stays byte for byte: what the hub does not know,
    groups, labels, pictures, order. It keeps its version. If `changed` is None, all is set that the contact has.
    Its REV is `updated_at`, if it has one. Raises `RejectedError` if `keep` cannot be read.
    """
    card = Card(_lines(keep) if keep else _blank(contact, version))
    before = str(card)
    wanted = _held(contact) if contact.changed is None else contact.changed
    for name in NAMES:
        if name in wanted:
            card.set(contact, name)
    if not keep and reading.first(card.lines, "FN") is None:
        # No card may be without it.
        named = next(iter((*contact.emails, *contact.phones, *contact.handles.values())), contact.key)
        card.set(Contact(name=named or "?"), "name")
    revised = reading.first(card.lines, "REV")
    if revised is not None and contact.updated_at is not None and str(card) != before:
        card.replace(revised, f"{contact.updated_at:%Y%m%dT%H%M%SZ}")
    return str(card)


def add_note(card: str, key: str, said: str) -> str:
    """Return the card with `said` appended to its note, or as it is if it has what bears this key already."""
    changed = Card(_lines(card))
    return str(changed) if notes.note(changed, key, said) else card


def _lines(card: str) -> list[Line]:
    lines = parse(card)
    said = {line.name for line in lines}
    if not lines or not {"BEGIN", "END"} <= said:
        raise RejectedError("it is no whole vCard: BEGIN:VCARD or END:VCARD is missing")
    if said <= {"BEGIN", "END", "VERSION", ""}:
        raise RejectedError("the vCard says nothing")
    return lines


def _held(contact: Contact) -> frozenset[str]:
    basic = {name for name in ("name", "emails", "phones", "handles", "url") if getattr(contact, name)}
    return frozenset(basic | {name for name, value in contact.fields.items() if value})


def _blank(contact: Contact, version: str) -> list[Line]:
    lines = [made("BEGIN", "VCARD"), made("VERSION", version), made("PRODID", _PRODUCT)]
    if contact.key:
        lines.append(made("UID", text.escaped(contact.key)))
    return [*lines, made("END", "VCARD")]


__all__ = ["FIELDS", "NAMES", "add_note", "read", "read_card", "split", "write"]
