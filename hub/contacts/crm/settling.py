"""Settles creations whose answer was lost: found by a look, or made again after two looks that found nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from hub.contacts.crm import fields, taking
from hub.contacts.crm.exchange import Exchange
from hub.models import Contact
from hub.store.crm import lacking, questions, records
from hub.store.crm.records import Record

# An index of a CRM may lag behind: so many looks must find nothing.
_LOOKS = 2


def settle(exchange: Exchange, started: datetime) -> None:
    """Settle what the pull that began at `started` has not found."""
    with exchange.store.read() as connection:
        doubted = records.open_creations(connection, exchange.account)
    for record in doubted:
        found: Sequence[Contact] = ()
        if "find" in exchange.adapter.abilities:
            contact = fields.as_contact(fields.read(record.theirs), key=record.key)
            found = [item for item in exchange.adapter.find_contacts(contact) if not item.deleted]
        exchange.write(_settle_one, exchange, record.id, found, started)


def _settle_one(
    connection: Connection, exchange: Exchange, record_id: int, found: Sequence[Contact], started: datetime
) -> None:
    record = records.get(connection, record_id)
    if record is None or record.remote_id is not None:
        return
    known = records.by_remote_id(connection, exchange.account, [item.remote_id for item in found])
    item = taking.is_of(exchange, record, [item for item in found if item.remote_id not in known])
    if item is not None:
        taking.take_known(connection, exchange, [(taking.created(record, item.remote_id), item)], exchange.clock())
    elif lacking.is_superseded(connection, record):
        records.drop(connection, record.id)
    elif started - record.updated_at >= exchange.settle_after:
        _not_found(connection, exchange, record)


def _not_found(connection: Connection, exchange: Exchange, record: Record) -> None:
    looks, now = record.missing + 1, exchange.clock()
    if looks < _LOOKS:
        records.change(connection, record.id, state=records.UNKNOWN, missing=looks, updated_at=now)
        return
    given = fields.read(record.theirs)
    if not given.get("emails") and not given.get("phones") and lacking.strangers_since(connection, record):
        # One of those who came since may be this one under a new name: nothing tells.
        records.change(connection, record.id, state=records.ASKED, missing=0, updated_at=now)
        questions.ask(
            connection,
            questions.CREATE,
            record.id,
            record.contact_id,
            now,
            ours=fields.write(given),
        )
        return
    records.change(connection, record.id, state=records.FAILED, due=1, missing=0, attempts=1, updated_at=now)
