"""Settles what a CRM calls a duplicate: our own creation, the person's record, or a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.contacts.crm import fields, taking
from hub.contacts.crm.drafting import Draft
from hub.contacts.crm.exchange import Exchange
from hub.errors import DuplicateError
from hub.models import Contact, Receipt
from hub.store.crm import lacking, questions, records
from hub.store.crm.records import Record


class Begun(NamedTuple):
    """A creation that is noted as about to be sent; `again` if it was tried before."""

    record: Record
    draft: Draft
    again: bool


def take_unknown(connection: Connection, exchange: Exchange, items: Sequence[Contact]) -> int:
    """Take in those of these records that the hub has not seen yet; return how many."""
    known = records.by_remote_id(connection, exchange.account, [item.remote_id for item in items])
    new = [item for item in items if item.remote_id not in known]
    return taking.take_page(connection, exchange, new, exchange.clock()) if new else 0


def settle(exchange: Exchange, one: Begun, error: DuplicateError) -> None:
    """Settle what the CRM calls a duplicate: it is our own creation, or a record that belongs to the person.

    A record that nothing joins with the person is asked about: somebody may have given another's e-mail as theirs.
    """
    adapter, found = exchange.adapter, list[Contact]()
    receipt = error.receipt
    if receipt is not None and "get" in adapter.abilities:
        item = adapter.get_contact(receipt.remote_id)
        found = [] if item is None else [item]
    elif "find" in adapter.abilities:
        found = [item for item in adapter.find_contacts(one.draft.contact(one.record.key)) if not item.deleted]
    exchange.write(_settle_duplicate, exchange, one, receipt, found, str(error))


def _settle_duplicate(
    connection: Connection,
    exchange: Exchange,
    one: Begun,
    receipt: Receipt | None,
    found: Sequence[Contact],
    why: str,
) -> None:
    known = records.by_remote_id(connection, exchange.account, [item.remote_id for item in found])
    ours = [item for item in found if item.key == one.record.key and item.remote_id not in known]
    record = records.get(connection, one.record.id)
    assert record is not None
    if ours:
        adopted = taking.created(record, ours[0].remote_id)
        taking.take_known(connection, exchange, [(adopted, ours[0])], exchange.clock())
        return
    take_unknown(connection, exchange, found)
    if lacking.is_superseded(connection, record):
        records.drop(connection, record.id)
        return
    remote_ids = [item.remote_id for item in found] or ([receipt.remote_id] if receipt is not None else [])
    known = records.by_remote_id(connection, exchange.account, remote_ids)
    if one.again and receipt is not None and not found and not known:
        # It was tried before under the same key: the record is the one that the lost answer was about.
        records.change(connection, record.id, remote_id=receipt.remote_id, state=records.SYNCED, hash=0)
        return
    records.change(connection, record.id, error=why)
    ask(connection, exchange, one, next(iter(known.values()), None), receipt)


def ask(
    connection: Connection, exchange: Exchange, one: Begun, other: Record | None, receipt: Receipt | None = None
) -> None:
    """Ask whether a person is the one whom the CRM has already."""
    now = exchange.clock()
    records.change(connection, one.record.id, state=records.ASKED, updated_at=now)
    theirs = fields.read(other.theirs) if other is not None else {}
    if other is not None and other.remote_id:
        theirs["remote_id"] = other.remote_id
    elif receipt is not None:
        theirs["remote_id"] = receipt.remote_id
    questions.ask(
        connection,
        questions.CREATE,
        one.record.id,
        one.draft.card_id,
        now,
        ours=fields.write(one.draft.pushed),
        theirs=fields.write(theirs),
    )
