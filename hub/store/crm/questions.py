"""What only a person can decide about a record in a CRM: a conflict, a deletion, a creation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.running import changes
from hub.store.tables import contact_questions, contacts, records

CONFLICT, GONE_THERE, GONE_HERE, CREATE = "conflict", "gone_there", "gone_here", "create"
KINDS = (CONFLICT, GONE_THERE, GONE_HERE, CREATE)


class Question(NamedTuple):
    """Something that a person is asked; `base`, `ours` and `theirs` are JSON, "" where there is nothing to say.

    `contact_id` is the number of the person.
    """

    id: int
    kind: str
    account: str
    remote_id: str | None
    record_id: int
    contact_id: int
    field: str
    base: str
    ours: str
    theirs: str
    at: datetime


_COLUMNS = [
    contact_questions.c.id,
    contact_questions.c.kind,
    records.c.account,
    records.c.remote_id,
    contact_questions.c.record_id,
    contacts.c.person_id,
    *(contact_questions.c[name] for name in ("field", "base", "ours", "theirs", "at")),
]
_FROM = contact_questions.join(records, records.c.id == contact_questions.c.record_id).join(
    contacts, contacts.c.id == contact_questions.c.contact_id
)
_IS_OPEN = contact_questions.c.answered_at.is_(None)


def open(  # the word for it, and nobody here opens files
    connection: Connection, limit: int, contact_id: int | None = None, *, account: str = "", after: int = 0
) -> list[Question]:
    """Return the questions that wait for an answer, oldest first; of one person, or of one account."""
    query = sa.select(*_COLUMNS).select_from(_FROM).where(_IS_OPEN, contact_questions.c.id > after)
    if contact_id is not None:
        query = query.where(contacts.c.person_id == contact_id)
    if account:
        query = query.where(records.c.account == account)
    rows = connection.execute(query.order_by(contact_questions.c.id).limit(limit))
    return [Question(*row) for row in rows]


def get(connection: Connection, question_id: int) -> Question | None:
    """Return a question that waits for an answer."""
    row = connection.execute(
        sa.select(*_COLUMNS).select_from(_FROM).where(_IS_OPEN, contact_questions.c.id == question_id)
    ).first()
    return None if row is None else Question(*row)


def of_records(connection: Connection, record_ids: Collection[int]) -> dict[int, dict[tuple[str, str], Question]]:
    """Return what is open about each of these records, by kind and field."""
    found: dict[int, dict[tuple[str, str], Question]] = {}
    for part in chunks(list(record_ids)):
        rows = connection.execute(
            sa.select(*_COLUMNS).select_from(_FROM).where(_IS_OPEN, contact_questions.c.record_id.in_(part))
        )
        for row in rows:
            question = Question(*row)
            found.setdefault(question.record_id, {})[question.kind, question.field] = question
    return found


def ask(connection: Connection, kind: str, record_id: int, card_id: int, now: datetime, **values: str) -> None:
    """Put a question; the same one that waits already says what it says now."""
    changed = connection.execute(
        contact_questions.update()
        .where(
            _IS_OPEN,
            contact_questions.c.record_id == record_id,
            contact_questions.c.kind == kind,
            contact_questions.c.field == values.get("field", ""),
        )
        .values(**values)
    ).rowcount
    if not changed:
        connection.execute(
            contact_questions.insert().values(kind=kind, record_id=record_id, contact_id=card_id, at=now, **values)
        )
    _note(connection, card_id)


def answered(
    connection: Connection, question_ids: Sequence[int], answer: str, now: datetime, user_id: int | None = None
) -> None:
    """Write down what was decided; questions that settled themselves are answered too, by nobody."""
    for part in chunks(question_ids):
        rows: Any = connection.execute(
            contact_questions.update()
            .where(_IS_OPEN, contact_questions.c.id.in_(part))
            .values(answer=answer, answered_at=now, user_id=user_id)
            .returning(contact_questions.c.contact_id)
        )
        for card_id in rows.scalars():
            _note(connection, card_id)


def waiting(connection: Connection, account: str = "") -> int:
    """Count the questions that wait for an answer."""
    query = sa.select(sa.func.count()).select_from(_FROM).where(_IS_OPEN)
    if account:
        query = query.where(records.c.account == account)
    return int(connection.execute(query).scalar_one())


def _note(connection: Connection, card_id: int) -> None:
    person = connection.execute(sa.select(contacts.c.person_id).where(contacts.c.id == card_id)).scalar()
    changes.note(connection, "contacts", person or card_id)
