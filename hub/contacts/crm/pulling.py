"""Takes in what a CRM holds, page by page: each page with its bookmark in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy.engine import Connection

from hub.bookmarks import read_on
from hub.contacts.crm.exchange import Exchange
from hub.contacts.crm.taking import take_page
from hub.models import Batch, Contact
from hub.store.crm import records
from hub.store.discussions import threads

log = structlog.get_logger()

_VERB, _FULL = "contacts", "full"


class Begin(NamedTuple):
    """Where a read begins: at `cursor`, None for all; `known` if the account was ever read."""

    cursor: str | None
    known: bool


class Taken(NamedTuple):
    """What a page brought."""

    changed: int
    seen: Sequence[str]


def pull(exchange: Exchange) -> None:
    """Store what is new or changed in the CRM; everything, when that is due again, to see what is gone."""
    account, started = exchange.account, exchange.clock()
    with exchange.store.read() as connection:
        cursor, known = begin_at(connection, exchange, started)
    seen: set[str] | None = set() if cursor is None else None
    complete = False
    adapter = exchange.adapter
    for batch, anew in read_on(account, adapter.platform, adapter.pull_contacts, cursor):
        if anew and not complete and seen is None:
            seen = set()
        if batch.items or not known or batch.cursor != cursor:
            taken = exchange.write(_store_page, exchange, batch, cursor, known)
            exchange.counts["pulled"] += taken.changed
            if seen is not None:
                seen.update(taken.seen)
        cursor, known = batch.cursor, True
        complete = batch.complete
    if seen is not None:
        exchange.write(_end_of_all, exchange, seen if complete else None, started)


def begin_at(connection: Connection, exchange: Exchange, started: datetime) -> Begin:
    """Return where to read from: on from the last time, or all of it when that is due again."""
    account = exchange.account
    full = threads.read_cursor(connection, account, _VERB, _FULL)
    known = threads.has_cursor(connection, account, _VERB)
    if full.read_at is None or started - full.read_at >= exchange.options.full:
        return Begin(None, known)
    return Begin(threads.read_cursor(connection, account, _VERB).cursor, known)


def _store_page(
    connection: Connection, exchange: Exchange, batch: Batch[Contact], cursor: str | None, known: bool
) -> Taken:
    now = exchange.clock()
    changed = take_page(connection, exchange, batch.items, now)
    if batch.cursor != cursor or not known:
        threads.write_cursor(connection, exchange.account, _VERB, batch.cursor, read_at=now)
    return Taken(changed, [item.remote_id for item in batch.items if not item.deleted])


def _end_of_all(connection: Connection, exchange: Exchange, seen: set[str] | None, started: datetime) -> None:
    """Count what was missing from a read of all records, if it showed all, and when that was."""
    account = exchange.account
    if seen is not None:
        count_missing(connection, exchange, seen, started)
    before = threads.read_cursor(connection, account, _VERB, _FULL)
    if before.read_at is None or started - before.read_at >= exchange.options.full:
        threads.write_cursor(connection, account, _VERB, "all", subject=_FULL, read_at=started)


def count_missing(connection: Connection, exchange: Exchange, seen: set[str], started: datetime) -> None:
    """Count one look more for each record that a read of all of them did not show, long enough after the last one.

    Two reads one right after the other are one look: both may be of an index that lags behind.
    """
    older = started - exchange.settle_after
    missing = records.unseen(connection, exchange.account, seen, older)
    looked_for = [record.id for record in missing if record.missing < records.LOOKS]
    records.count_missing(connection, looked_for, started)
    if missing:
        log.info("records missing", account=exchange.account, count=len(missing))
