"""What becomes of a record whose person was deleted here, and of a person whose record was deleted there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy.engine import Connection

from hub.contacts.crm import fields
from hub.store.crm import questions, records
from hub.store.crm.records import Record
from hub.store.people import cards

Deletions = Literal["ask", "keep", "follow"]


def leave(connection: Connection, policy: Deletions, record: Record, now: datetime) -> str:
    """Return the state of a record whose person was deleted here; with the policy `ask` a person is asked."""
    if record.state == records.GONE or record.remote_id is None:
        return record.state
    if policy == "follow":
        return records.DELETING
    if policy == "keep":
        return records.KEPT
    return ask(connection, record, now, record.theirs)


def ask(connection: Connection, record: Record, now: datetime, theirs: str) -> str:
    """Ask whether a record is to be deleted as its person was here; return its state until then."""
    questions.ask(connection, questions.GONE_HERE, record.id, record.contact_id, now, theirs=theirs)
    return records.ASKED


def gone_there(connection: Connection, policy: Deletions, record: Record, now: datetime) -> int | None:
    """Note that a record was deleted there; return the person if they are to be deleted here too."""
    was_ours = record.state in (records.DELETING, records.KEPT) or bool(
        records.deleted_cards(connection, [record.contact_id])
    )
    records.change(connection, record.id, state=records.GONE, missing=0, due=0, sent="", error="", updated_at=now)
    open_ones = questions.of_records(connection, [record.id]).get(record.id, {})
    questions.answered(connection, [one.id for one in open_ones.values()], "gone", now)
    if was_ours or policy == "keep":
        return None
    person = cards.person_of(connection, record.contact_id)
    if policy == "follow":
        return person
    seen = {} if person is None else cards.view(connection, person).values
    questions.ask(
        connection,
        questions.GONE_THERE,
        record.id,
        record.contact_id,
        now,
        ours=fields.write(seen),
        theirs=record.theirs,
    )
    return None
