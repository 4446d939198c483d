"""The records that CRMs hold of people: what both sides agreed on, and what is under way between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.people.views import LOST
from hub.store.running import changes
from hub.store.running.switches import insert_unless_stopped, refuse_if_stopped
from hub.store.tables import (
    MISSING,
    UNSETTLED,
    contact_history,
    contact_values,
    contacts,
    records,
)

SYNCED, SENDING, UNKNOWN, FAILED, ASKED = "synced", "sending", "unknown", "failed", "asked"
DELETING, KEPT, GONE = "deleting", "kept", "gone"
STATES = (SYNCED, SENDING, UNKNOWN, FAILED, ASKED, DELETING, KEPT, GONE)
"""`asked` waits for a person, `deleting` for its deletion there; `kept` stays there and is no longer followed."""

LOOKS = 2
"""So many full reads must lack a record before it counts as deleted; what is told as deleted has them at once."""

_OPEN = (SENDING, UNKNOWN)
_LIVE = (SYNCED, FAILED)


class Record(NamedTuple):
    """A card's record in one CRM; the columns are explained at the table."""

    id: int
    account: str
    remote_id: str | None
    contact_id: int
    state: str
    url: str
    updated_at: datetime
    error: str
    version: str
    changed_at: datetime | None
    hash: int
    key: str
    attempts: int
    missing: int
    due: int
    base: str
    theirs: str
    sent: str
    forms: str


_FIELDS = [records.c[field] for field in Record._fields]
_PERSON = contacts.c.person_id


def of_person(connection: Connection, person_id: int) -> list[Record]:
    """Return the records of all cards of a person."""
    return of_people(connection, [person_id])[person_id]


def of_people(connection: Connection, person_ids: Collection[int]) -> dict[int, list[Record]]:
    """Return the records of each of these persons, oldest first."""
    found: dict[int, list[Record]] = {person: [] for person in person_ids}
    for part in chunks(list(found)):
        rows = connection.execute(
            sa.select(_PERSON, *_FIELDS)
            .join(contacts, contacts.c.id == records.c.contact_id)
            .where(_PERSON.in_(part))
            .order_by(records.c.id)
        )
        for person, *fields in rows:
            found[person].append(Record(*fields))
    return found


def get(connection: Connection, record_id: int) -> Record | None:
    """Return one record, None if there is none of that number."""
    row = connection.execute(sa.select(*_FIELDS).where(records.c.id == record_id)).first()
    return None if row is None else Record(*row)


def of_ids(connection: Connection, record_ids: Sequence[int]) -> list[Record]:
    """Return these records, oldest first."""
    found: list[Record] = []
    for part in chunks(record_ids):
        rows = connection.execute(sa.select(*_FIELDS).where(records.c.id.in_(part)).order_by(records.c.id))
        found += [Record(*row) for row in rows]
    return found


def by_remote_id(connection: Connection, account: str, remote_ids: Iterable[str]) -> dict[str, Record]:
    """Return those records of an account that the hub knows, by their id there."""
    found: dict[str, Record] = {}
    for part in chunks(list(dict.fromkeys(remote_ids))):
        rows = connection.execute(
            sa.select(*_FIELDS).where(records.c.account == account, records.c.remote_id.in_(part))
        )
        found |= {row.remote_id: Record(*row) for row in rows}
    return found


def in_states(connection: Connection, account: str, states: Collection[str]) -> list[Record]:
    """Return the records of an account that are in one of these states, oldest first."""
    these = sa.and_(records.c.account == account, records.c.state.in_(states))
    if SYNCED not in states:
        # SQLite takes the index of what is unsettled only where nothing but the index is asked for.
        these = records.c.id.in_(sa.select(records.c.id).where(these, UNSETTLED))
    return [Record(*row) for row in connection.execute(sa.select(*_FIELDS).where(these).order_by(records.c.id))]


def lose(connection: Connection, card_id: int, fields: Collection[str]) -> None:
    """Let what a card holds in these fields be shown only where nothing else is."""
    connection.execute(
        contact_values.update()
        .where(
            contact_values.c.contact_id == card_id,
            contact_values.c.field.in_(list(fields)),
            contact_values.c.many == 0,
        )
        .values(at=LOST)
    )


def open_creations(connection: Connection, account: str) -> list[Record]:
    """Return the creations whose answer never came."""
    return [row for row in in_states(connection, account, _OPEN) if row.remote_id is None]


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store records that a CRM showed."""
    if rows:
        connection.execute(records.insert(), list(rows))


def change(connection: Connection, record_id: int, /, **values: Any) -> None:
    """Write these columns of a record."""
    connection.execute(records.update().where(records.c.id == record_id).values(**values))


def drop(connection: Connection, record_id: int) -> None:
    """Forget a record."""
    connection.execute(records.delete().where(records.c.id == record_id))


def touch(connection: Connection, person_ids: Iterable[int]) -> None:
    """Let what CRMs hold of these persons be compared again: what is shown of them may have changed."""
    for part in chunks(list(dict.fromkeys(person_ids))):
        of_them = sa.select(contacts.c.id).where(_PERSON.in_(part))
        connection.execute(
            records.update().where(records.c.contact_id.in_(of_them), records.c.due == 0).values(due=1)
        )


def compared(connection: Connection, record_ids: Sequence[int]) -> None:
    """Note that these were compared, and nothing is to be pushed."""
    for part in chunks(record_ids):
        connection.execute(records.update().where(records.c.id.in_(part)).values(due=0))


def due(connection: Connection, account: str, after: int, limit: int) -> list[Record]:
    """Return the records that are to be compared, from the number after `after`; not of people deleted here."""
    rows = connection.execute(
        sa.select(*_FIELDS)
        .join(contacts, contacts.c.id == records.c.contact_id)
        .where(
            records.c.account == account,
            records.c.due == 1,
            records.c.id > after,
            records.c.remote_id.is_not(None),
            records.c.state.in_(_LIVE),
            contacts.c.deleted_at.is_(None),
        )
        .order_by(records.c.id)
        .limit(limit)
    )
    return [Record(*row) for row in rows]


def departed(connection: Connection, account: str) -> list[Record]:
    """Return the live records of an account whose people were deleted here."""
    rows = connection.execute(
        sa.select(*_FIELDS)
        .join(contacts, contacts.c.id == records.c.contact_id)
        .where(
            records.c.account == account,
            records.c.due == 1,
            records.c.remote_id.is_not(None),
            records.c.state.in_(_LIVE),
            contacts.c.deleted_at.is_not(None),
        )
        .order_by(records.c.id)
    )
    return [Record(*row) for row in rows]


def failed(connection: Connection, account: str) -> list[Record]:
    """Return the pushes that the CRM refused, or that could not be settled."""
    return in_states(connection, account, (FAILED,))


def begin_creation(connection: Connection, **values: Any) -> Record:
    """Note that a person is about to be created in a CRM; raise `StoppedError` while the hub is stopped."""
    row = insert_unless_stopped(
        connection, records, remote_id=None, state=SENDING, hash=0, url="", error="", **values
    )
    return Record(*(getattr(row, field) for field in Record._fields))


def begin_update(connection: Connection, record_id: int, /, **values: Any) -> None:
    """Note what is about to be done to a record; raise `StoppedError` while the hub is stopped."""
    # PostgreSQL lets a stop wait for this row, or this statement for the stop: asked before it, both could pass.
    change(connection, record_id, **values)
    refuse_if_stopped(connection)


def totals(connection: Connection, account: str) -> int:
    """Count the records that an account holds."""
    query = sa.select(sa.func.count()).where(
        records.c.account == account, records.c.remote_id.is_not(None), records.c.state != GONE
    )
    return int(connection.execute(query).scalar_one())


def unseen(connection: Connection, account: str, seen: Collection[str], before: datetime) -> list[Record]:
    """Return the live records that are older than `before` and not among those that were seen."""
    rows = connection.execute(
        sa.select(*_FIELDS)
        .where(
            records.c.account == account,
            records.c.remote_id.is_not(None),
            records.c.state.not_in((GONE,)),
            records.c.updated_at < before,
        )
        .order_by(records.c.id)
    )
    return [Record(*row) for row in rows if row.remote_id not in seen]


def count_missing(connection: Connection, record_ids: Sequence[int], now: datetime) -> None:
    """Note that a full read did not show these records; the next look counts from now."""
    for part in chunks(record_ids):
        connection.execute(
            records.update().where(records.c.id.in_(part)).values(missing=records.c.missing + 1, updated_at=now)
        )


def vanished(connection: Connection, account: str) -> list[Record]:
    """Return the records that were told as deleted, or were missing so often, and are not yet dealt with."""
    rows = connection.execute(
        sa.select(*_FIELDS)
        .where(
            records.c.account == account,
            MISSING,
            records.c.missing >= LOOKS,
            records.c.remote_id.is_not(None),
            records.c.state.not_in((GONE,)),
        )
        .order_by(records.c.id)
    )
    return [Record(*row) for row in rows]


def deleted_cards(connection: Connection, card_ids: Collection[int]) -> set[int]:
    """Return those of these cards whose person was deleted here."""
    found: set[int] = set()
    for part in chunks(list(dict.fromkeys(card_ids))):
        rows = connection.execute(
            sa.select(contacts.c.id).where(contacts.c.id.in_(part), contacts.c.deleted_at.is_not(None))
        )
        found |= set(rows.scalars())
    return found


def keep_lost(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write values that gave way into the history of their cards."""
    if rows:
        connection.execute(contact_history.insert(), list(rows))


def mark_deleted(connection: Connection, person_id: int, at: datetime | None) -> None:
    """Let all cards of a person be deleted since then, or not at all."""
    connection.execute(contacts.update().where(contacts.c.person_id == person_id).values(deleted_at=at))
    touch(connection, [person_id])
    changes.note(connection, "contacts", person_id)
