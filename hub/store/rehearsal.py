"""Runs a unit of work to see what it would write, and takes all of it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import Store
from hub.store.tables import contact_history, contact_questions, contacts, records

T = TypeVar("T")


class Marks(NamedTuple):
    """The last numbers before the work."""

    card: int
    history: int
    question: int


class Written(NamedTuple):
    """A field that changed here; `name` is what the person is called."""

    person_id: int
    name: str
    field: str
    before: str
    after: str
    why: str


class NewRecord(NamedTuple):
    """A record that was not known before; `joined` if it met a person who was there."""

    person_id: int
    name: str
    remote_id: str
    joined: bool


class _Back(Exception):
    """Carries what was seen out of a transaction that is not to be committed."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


def rehearse(store: Store, work: Callable[[Connection], T]) -> T:
    """Return what `work` returns in a transaction that is rolled back."""

    def unit(connection: Connection) -> None:
        raise _Back(work(connection))

    try:
        store.write(unit)
    except _Back as seen:
        result: T = seen.result
        return result
    raise AssertionError("the transaction was committed")


def marks(connection: Connection) -> Marks:
    """Return where the tables end now."""
    last = [
        connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar_one()
        for table in (contacts, contact_history, contact_questions)
    ]
    return Marks(*map(int, last))


def written_since(connection: Connection, since: Marks) -> Sequence[Written]:
    """Return what changed on cards that were there before, oldest first."""
    head = contacts.alias("head")
    rows = connection.execute(
        sa.select(
            contacts.c.person_id,
            head.c.name,
            contact_history.c.field,
            contact_history.c.before,
            contact_history.c.after,
            contact_history.c.why,
        )
        .join(contacts, contacts.c.id == contact_history.c.contact_id)
        .join(head, head.c.id == contacts.c.person_id)
        .where(contact_history.c.id > since.history)
        .order_by(contact_history.c.id)
    )
    return [Written(*row) for row in rows]


def records_since(connection: Connection, account: str, since: Marks) -> Sequence[NewRecord]:
    """Return the records of an account that came on new cards."""
    head = contacts.alias("head")
    rows = connection.execute(
        sa.select(
            contacts.c.person_id,
            head.c.name,
            records.c.remote_id,
            contacts.c.person_id != contacts.c.id,
        )
        .join(contacts, contacts.c.id == records.c.contact_id)
        .join(head, head.c.id == contacts.c.person_id)
        .where(records.c.account == account, contacts.c.id > since.card, records.c.remote_id.is_not(None))
        .order_by(records.c.id)
    )
    return [NewRecord(row[0], row[1], row[2], bool(row[3])) for row in rows]
