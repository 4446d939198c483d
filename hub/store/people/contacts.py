"""Contacts as they are listed: each person with all that their cards, identities and records tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Contact
from hub.store.database import chunks
from hub.store.people import views
from hub.store.people.keys import HANDLES, normal
from hub.store.tables import (
    FIRST,
    authors,
    contact_evidence,
    contact_questions,
    contact_values,
    contacts,
    records,
)


class Record(NamedTuple):
    """A person's record in one CRM, as it was last seen or pushed; `contact_id` is the card that it is on."""

    id: int
    account: str
    remote_id: str | None
    contact_id: int
    state: str
    url: str
    updated_at: datetime
    version: str
    key: str
    error: str
    changed_at: datetime | None


class StoredAuthor(NamedTuple):
    """An identity on a platform; `contact_id` is its card."""

    platform: str
    remote_id: str
    name: str
    handle: str
    url: str
    emails: str
    contact_id: int | None


class Person(NamedTuple):
    """A contact as it is shown. `values` are all fields, `cards` the numbers of what it is made of."""

    id: int
    name: str
    emails: Sequence[str]
    phones: Sequence[str]
    values: Mapping[str, str | tuple[str, ...]]
    authors: Sequence[StoredAuthor]
    records: Sequence[Record]
    cards: Sequence[int]


class After(NamedTuple):
    """Where a page of the listing ended: the last one's name and number."""

    name: str
    id: int


Kind = Literal["record", "no-record", "question", "proposal"]
"""Which people are listed: with a record in a CRM, without one, with an open question, perhaps met twice."""
KINDS: tuple[Kind, ...] = get_args(Kind)

_RECORD = [records.c[field] for field in Record._fields]
_AUTHOR = [authors.c[field] for field in StoredAuthor._fields]


def people(
    connection: Connection,
    limit: int,
    *,
    search: str = "",
    after: After | tuple[str, int] | None = None,
    only: Kind | None = None,
) -> list[Person]:
    """Return contacts by name, those after that one; with `search` those of whom a field or a name holds it."""
    query = (
        sa.select(contacts.c.id)
        .where(FIRST, contacts.c.deleted_at.is_(None))
        .order_by(contacts.c.name, contacts.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(contacts.c.name, contacts.c.id) > sa.tuple_(*map(sa.literal, after)))
    if search:
        query = query.where(contacts.c.id.in_(_found(search)))
    if only is not None:
        held = _of_kind(only)
        query = query.where(~held if only == "no-record" else held)
    return of_ids(connection, list(connection.execute(query).scalars()), in_order=True)


def _of_kind(only: Kind) -> sa.ColumnElement[bool]:
    """Say of a listed contact that one of its cards has a record, an open question or a proposal."""
    card = contacts.alias()
    mine = card.c.person_id == contacts.c.id
    if only == "question":
        on = contact_questions.c.contact_id == card.c.id
        return sa.exists().where(mine, on, contact_questions.c.answered_at.is_(None))
    if only == "proposal":
        ends = sa.or_(contact_evidence.c.one_id == card.c.id, contact_evidence.c.other_id == card.c.id)
        return sa.exists().where(mine, ends, contact_evidence.c.state == "proposed")
    return sa.exists().where(mine, records.c.contact_id == card.c.id, records.c.remote_id.is_not(None))


def _found(search: str) -> sa.CompoundSelect[tuple[int]]:
    card = contacts.alias()
    sought = search.strip()
    held = (
        sa.select(card.c.person_id)
        .join(contact_values, contact_values.c.contact_id == card.c.id)
        .where(
            sa.or_(
                sa.func.lower(contact_values.c.value).contains(sought.lower(), autoescape=True),
                contact_values.c.key.contains(_digits(sought) or sought.lower(), autoescape=True),
            )
        )
    )
    voices = (
        sa.select(card.c.person_id)
        .join(authors, authors.c.contact_id == card.c.id)
        .where(
            sa.or_(
                *(
                    sa.func.lower(column).contains(sought.lower(), autoescape=True)
                    for column in (authors.c.name, authors.c.handle)
                )
            )
        )
    )
    return sa.union(held, voices)


def _digits(sought: str) -> str:
    """Return a part of a phone number as numbers are compared, "" if it is something else."""
    bare = "".join(sign for sign in sought if sign not in " ()-+.")
    if not bare.isdigit() or len(bare) < 4:
        return ""
    # What is written with the 8 of a country begins with its number there.
    return bare[1:] if len(bare) == 11 and bare.startswith("8") else bare


def of_ids(connection: Connection, ids: Sequence[int], *, in_order: bool = False) -> list[Person]:
    """Return the persons with these numbers, by number, or in the order of `ids`; a deleted one is none."""
    there: list[int] = []
    for some in chunks(ids):
        query = sa.select(contacts.c.id).where(FIRST, contacts.c.deleted_at.is_(None), contacts.c.id.in_(some))
        there += connection.execute(query).scalars()
    alive = set(there)
    found = [number for number in ids if number in alive] if in_order else sorted(alive)
    cards = views.cards_of(connection, found)
    shown = views.views(connection, found)
    voices = authors_of(connection, found)
    held: dict[int, list[Record]] = {}
    owners = {card: person for person, ones in cards.items() for card in ones}
    for record in records_of(connection, owners):
        held.setdefault(owners[record.contact_id], []).append(record)
    return [
        Person(
            id=person,
            name=_one(shown[person].values.get("name", "")),
            emails=_all(shown[person].values.get("emails", ())),
            phones=_all(shown[person].values.get("phones", ())),
            values=shown[person].values,
            authors=voices[person],
            records=held.get(person, []),
            cards=cards[person],
        )
        for person in found
    ]


def _one(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else next(iter(value), "")


def _all(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if value else ()


def authors_of(connection: Connection, person_ids: Sequence[int]) -> dict[int, list[StoredAuthor]]:
    """Return the identities of each of these persons, those that were known first before others."""
    found: dict[int, list[StoredAuthor]] = {person: [] for person in person_ids}
    for some in chunks(person_ids):
        rows = connection.execute(
            sa.select(contacts.c.person_id, *_AUTHOR)
            .join(contacts, contacts.c.id == authors.c.contact_id)
            .where(contacts.c.person_id.in_(some))
            .order_by(contacts.c.id, authors.c.platform, authors.c.remote_id)
        )
        for person, *author in rows:
            found[person].append(StoredAuthor(*author))
    return found


def records_of(connection: Connection, card_ids: Iterable[int]) -> list[Record]:
    """Return the records that are on these cards."""
    found: list[Record] = []
    for some in chunks(list(card_ids)):
        rows = connection.execute(sa.select(*_RECORD).where(records.c.contact_id.in_(some)).order_by(records.c.id))
        found += [Record(*row) for row in rows]
    return sorted(found)


def authors_by_handle(connection: Connection, item: Contact) -> list[StoredAuthor]:
    """Return the authors that a record names by their handle or id on a platform."""
    found: dict[tuple[str, str], StoredAuthor] = {}
    for platform, handle in item.handles.items():
        field = HANDLES + platform
        key = normal(field, handle)
        if not key:
            continue
        of_card = contact_values.c.contact_id == authors.c.contact_id
        named = sa.select(*_AUTHOR).where(authors.c.platform == platform)
        by_id = named.where(authors.c.remote_id == handle.strip().removeprefix("@"))
        by_name = named.join(contact_values, of_card).where(
            contact_values.c.key == key, contact_values.c.key != "", contact_values.c.field == field
        )
        for query in (by_id, by_name):
            for row in connection.execute(query):
                author = StoredAuthor(*row)
                found[author.platform, author.remote_id] = author
    return list(found.values())
