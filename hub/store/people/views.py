"""What the cards of one person show together: the last choice in each field, and of lists all there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.people.keys import UNSHOWN, normal
from hub.store.tables import contact_history, contact_values, contacts

LOST = datetime(1970, 1, 1, tzinfo=UTC)
"""The moment of a value that nobody chose, or that lost: it is shown where nothing else is."""


class Value(NamedTuple):
    """One value on a card; a list has one for each of its elements, which are `many`."""

    field: str
    value: str
    many: bool
    key: str
    at: datetime
    source: str
    user_id: int | None
    contact_id: int


class View(NamedTuple):
    """What is shown of a person; `chosen` tells where each field that is no list comes from."""

    values: Mapping[str, str | tuple[str, ...]]
    chosen: Mapping[str, Value]


class Change(NamedTuple):
    """What a field of a card was before, what it is since `at`, and who changed it; "" is nothing."""

    contact_id: int
    field: str
    before: str
    after: str
    why: str
    source: str
    user_id: int | None
    at: datetime


class Held(NamedTuple):
    """A value, and the number of its row."""

    id: int
    value: Value


COLUMNS = [contact_values.c[name] for name in Value._fields]


def same(field: str, value: str) -> str:
    """Return what two spellings of one element have in common."""
    return normal(field, value) or value.strip().casefold()


def views(connection: Connection, person_ids: Sequence[int]) -> dict[int, View]:
    """Return what is shown of each of these persons."""
    return {person: shown(held) for person, held in values_of(connection, person_ids).items()}


def view(connection: Connection, person_id: int) -> View:
    """Return what is shown of a person; nothing of one that there is not."""
    return views(connection, [person_id])[person_id]


def values_of(connection: Connection, person_ids: Sequence[int]) -> dict[int, list[Value]]:
    """Return what all cards of each of these persons hold, the lowest card first."""
    found: dict[int, list[Value]] = {person: [] for person in person_ids}
    for person, held in held_of(connection, person_ids):
        found[person].append(held.value)
    return found


def held_of(connection: Connection, person_ids: Sequence[int]) -> Iterable[tuple[int, Held]]:
    """Yield each value of these persons with whose it is, the lowest card first."""
    for some in chunks(person_ids):
        rows = connection.execute(
            sa.select(contacts.c.person_id, contact_values.c.id, *COLUMNS)
            .join(contacts, contacts.c.id == contact_values.c.contact_id)
            .where(contacts.c.person_id.in_(some))
            .order_by(contact_values.c.contact_id, contact_values.c.id)
        )
        for person, number, *rest in rows.all():
            yield person, Held(number, as_value(rest))


def as_value(row: Sequence[Any]) -> Value:
    """Read a row of `COLUMNS`."""
    field, value, many, *rest = row
    return Value(field, value, bool(many), *rest)


def shown(held: Iterable[Value]) -> View:
    """Return what values, the lowest card's first, show together: the last choice, and of lists all there is."""
    lists: dict[str, dict[str, str]] = {}
    chosen: dict[str, Value] = {}
    for one in held:
        if one.field in UNSHOWN:
            continue
        if one.many:
            lists.setdefault(one.field, {}).setdefault(one.key or same(one.field, one.value), one.value)
        elif one.field not in chosen or one.at > chosen[one.field].at:
            chosen[one.field] = one
    values: dict[str, str | tuple[str, ...]] = {
        field: one.value for field, one in chosen.items() if one.value and field not in lists
    }
    for field, elements in lists.items():
        if field in chosen and chosen[field].value:
            elements.setdefault(same(field, chosen[field].value), chosen[field].value)
        values[field] = tuple(elements.values())
    return View(values, {field: one for field, one in chosen.items() if field not in lists})


def person_of(connection: Connection, card_id: int) -> int | None:
    """Return the number of the person that a card is of; None if there is no such card."""
    found = connection.execute(sa.select(contacts.c.person_id).where(contacts.c.id == card_id)).scalar()
    return None if found is None else int(found)


def persons_of(connection: Connection, card_ids: Sequence[int]) -> dict[int, int]:
    """Return the person of each of these cards."""
    found: dict[int, int] = {}
    for some in chunks(card_ids):
        rows = connection.execute(sa.select(contacts.c.id, contacts.c.person_id).where(contacts.c.id.in_(some)))
        found |= {row.id: row.person_id for row in rows}
    return found


def cards_of(connection: Connection, person_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the cards of each of these persons, the lowest first."""
    found: dict[int, list[int]] = {person: [] for person in person_ids}
    for some in chunks(person_ids):
        rows = connection.execute(
            sa.select(contacts.c.person_id, contacts.c.id)
            .where(contacts.c.person_id.in_(some))
            .order_by(contacts.c.id)
        )
        for person, card in rows:
            found[person].append(card)
    return found


def history(connection: Connection, person_id: int, limit: int) -> list[Change]:
    """Return what was changed of a person, the newest first."""
    rows = connection.execute(
        sa.select(*(contact_history.c[name] for name in Change._fields))
        .join(contacts, contacts.c.id == contact_history.c.contact_id)
        .where(contacts.c.person_id == person_id)
        .order_by(contact_history.c.id.desc())
        .limit(limit)
    )
    return [Change(*row) for row in rows]
