"""What the team does to a contact by hand: type one, change it, delete it, note something about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from hub.contacts.crm.threeway import LISTS
from hub.errors import UsageError
from hub.models import check_text
from hub.store import Store
from hub.store.crm import records
from hub.store.people import cards, notes
from hub.store.people.keys import EMAILS, HANDLES, normal
from hub.store.privacy.tombstones import Tombstones
from hub.store.team.who import Who

Typed = Mapping[str, str | Sequence[str]]

_FIELD = re.compile(r"[\w-]+(?:\.[\w-]+)?")
_LONGEST = 10_000


def add(store: Store, values: Typed, by: Who | None, now: datetime, tombstones: Tombstones | None = None) -> int:
    """Make a contact of what somebody typed; return its number.

    Raises `UsageError` for values that cannot be, or that are of somebody who was erased.
    """
    typed = {field: value for field, value in checked(values).items() if value}
    if not typed:
        raise UsageError("a contact needs a value", hint="give a name, an e-mail or a phone number")

    def work(connection: Connection) -> int:
        if tombstones is not None:
            tombstones.refuse(connection, typed)
        return cards.create(connection, typed, origin="typed", source="user", now=now, user_id=_number(by))

    return store.write(work)


def edit(
    store: Store,
    person_id: int,
    changes: Typed,
    by: Who | None,
    now: datetime,
    tombstones: Tombstones | None = None,
) -> None:
    """Give a contact these values; an empty one clears its field, a list is the whole new list."""
    typed = checked(changes)

    def work(connection: Connection) -> None:
        person = there_is(connection, person_id)
        if tombstones is not None:
            tombstones.refuse(connection, typed)
        cards.set_values(connection, person, typed, source="user", now=now, user_id=_number(by))

    store.write(work)


def delete(store: Store, person_id: int, by: Who | None, now: datetime) -> None:
    """Delete a contact here; what follows in each CRM is that account's `deletions`, at its next turn."""

    def work(connection: Connection) -> None:
        person = there_is(connection, person_id)
        records.mark_deleted(connection, person, now)
        records.keep_lost(
            connection,
            [
                {
                    "contact_id": person,
                    "field": "",
                    "before": cards.view(connection, person).values.get("name", ""),
                    "after": "",
                    "why": "deleted",
                    "source": "user",
                    "user_id": _number(by),
                    "at": now,
                }
            ],
        )

    store.write(work)


def note(store: Store, person_id: int, text: str, by: Who | None, now: datetime) -> None:
    """Note something about a contact, for the team alone."""
    said = text.strip()
    if not said:
        raise UsageError("the note is empty")
    if len(said) > _LONGEST:
        raise UsageError("the note is longer than {most} characters", most=_LONGEST)
    _check("note", said)

    def work(connection: Connection) -> None:
        notes.add(connection, there_is(connection, person_id), said, _number(by), now)

    store.write(work)


def there_is(connection: Connection, number: int) -> int:
    """Return the person that a number names; raise `UsageError` if there is none, or it was deleted."""
    person = cards.person_of(connection, number)
    if person is None or records.deleted_cards(connection, [number]):
        raise UsageError("there is no contact {id}", hint="`hub contacts` lists them", id=number)
    return person


def checked(values: Typed) -> dict[str, str | Sequence[str]]:
    """Return typed values without spaces around them; raise `UsageError` for one that cannot be held."""
    typed: dict[str, str | Sequence[str]] = {}
    for field, value in values.items():
        if not _FIELD.fullmatch(field) or field == HANDLES:
            raise UsageError("{field} is no name of a field", hint="such as name, emails or company", field=field)
        elements = [value] if isinstance(value, str) else list(value)
        elements = [element.strip() for element in elements]
        for element in elements:
            _check(field, element)
        if field in LISTS or not isinstance(value, str):
            typed[field] = tuple(element for element in elements if element)
        else:
            typed[field] = elements[0]
    return typed


def _check(field: str, text: str) -> None:
    try:
        check_text(field, text)
    except ValueError as error:
        raise UsageError("{why}", why=error) from None
    if len(text) > _LONGEST:
        raise UsageError("{field} is longer than {most} characters", field=field, most=_LONGEST)
    if field == EMAILS and text and not normal(field, text):
        raise UsageError("{text} is no e-mail address", text=text)


def _number(by: Who | None) -> int | None:
    return None if by is None or not by.id else by.id
