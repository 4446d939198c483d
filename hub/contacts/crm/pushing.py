"""Gives a CRM what changed here, a page at a time; what it refuses, ever more seldom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from hub.contacts.crm import comparing, echo, fields, taking
from hub.contacts.crm.comparing import Planned
from hub.contacts.crm.exchange import Exchange
from hub.errors import (
    AuthError,
    GoneError,
    HubError,
    PluginError,
    StaleRecord,
    TransientError,
    UnknownOutcome,
)
from hub.models import Push, Receipt
from hub.store.crm import records
from hub.store.crm.records import Record
from hub.store.database import chunks

log = structlog.get_logger()

_PAGE = 500
# What the CRM refused is offered again after this long (seconds), and then ever more seldom, unless it changes.
_RESPITE = timedelta(hours=1)
_LONGEST_RESPITE = timedelta(days=7)


def push_changes(exchange: Exchange) -> None:
    """Push what differs from what was agreed, page by page."""
    exchange.write(_resume, exchange.account)
    after = 0
    while True:
        with exchange.store.read() as connection:
            page = records.due(connection, exchange.account, after, _PAGE)
        if not page:
            break
        after = page[-1].id
        _push_page(exchange, [record.id for record in page])
    with exchange.store.read() as connection:
        refused = [
            record.id
            for record in records.failed(connection, exchange.account)
            if record.remote_id is not None and not record.due and is_over(record, exchange.clock())
        ]
    for part in chunks(refused, _PAGE):
        _push_page(exchange, part)


def is_over(record: Record, now: datetime) -> bool:
    """Tell whether what the CRM refused may be offered again."""
    grown: int = 2 ** min(max(record.attempts - 1, 0), 12)
    return now - record.updated_at >= min(_RESPITE * grown, _LONGEST_RESPITE)


def _resume(connection: Connection, account: str) -> None:
    """Compare again what a crash, or a lost answer, left in doubt: an update may be made twice."""
    for record in records.in_states(connection, account, (records.SENDING, records.UNKNOWN)):
        if record.remote_id is not None:
            records.change(connection, record.id, state=records.SYNCED, due=1)


def _push_page(exchange: Exchange, record_ids: Sequence[int]) -> None:
    planned = exchange.write(comparing.plan, exchange, record_ids)
    size = max(exchange.adapter.batch_size, 1)
    for part in chunks(planned, size):
        if size == 1 and not part[0].record.version and "get" in exchange.adapter.abilities:
            looked = _look_first(exchange, part[0])
            if looked is None:
                continue
            part = [looked]
        _push_batch(exchange, [one.record.id for one in part])


def _look_first(exchange: Exchange, planned: Planned) -> Planned | None:
    """Read a record once more that cannot be written on a condition: a change of this moment is not lost."""
    assert planned.record.remote_id is not None
    item = exchange.adapter.get_contact(planned.record.remote_id)
    if item is None or item.deleted:
        exchange.write(records.change, planned.record.id, missing=records.LOOKS)
        return None
    if planned.record.hash != fields.hash_of(item, exchange.reads):
        exchange.write(_take_again, exchange, planned.record.id, item)
        fresh = exchange.write(comparing.plan, exchange, [planned.record.id])
        return fresh[0] if fresh else None
    return planned


def _take_again(connection: Connection, exchange: Exchange, record_id: int, item: Any) -> None:
    record = records.get(connection, record_id)
    if record is not None and exchange.tombstones.contacts(connection, exchange.account, [item]):
        taking.take_known(connection, exchange, [(record, item)], exchange.clock())


def _push_batch(exchange: Exchange, record_ids: Sequence[int]) -> None:
    planned = exchange.write(_begin, exchange, record_ids)
    if not planned:
        return
    ends: list[Callable[[Connection], None]] = []
    stop: HubError | None = None
    again: list[Planned] = []
    came = list(results(exchange, [one.push for one in planned]))
    for one, result in zip(planned, came, strict=True):
        if isinstance(result, Receipt):
            exchange.counts["pushed"] += 1
            ends.append(_done(one, result))
            if len(planned) == 1 and any(echo.adds(*each, exchange.key) for each in one.sent.items()):
                # What the CRM took of a list is told from what somebody takes out of it only right now.
                again.append(one)
            continue
        if isinstance(result, AuthError | TransientError):
            stop = result
        elif isinstance(result, StaleRecord):
            again.append(one)
        else:
            exchange.errors.append(result)
            log.warning("contact not pushed", account=exchange.account, record=one.record.id, reason=str(result))
        ends.append(_failed(one, result, exchange.clock()))
    exchange.write(_end, ends)
    for one in again:
        _read_again(exchange, one)
    if stop is not None:
        raise stop
    exchange.doubt(came)


def _begin(connection: Connection, exchange: Exchange, record_ids: Sequence[int]) -> list[Planned]:
    """Plan once more in the transaction that notes what is sent: nothing may come between."""
    planned = comparing.plan(connection, exchange, record_ids)
    for one in planned:
        # What was pushed before and is not seen yet stays noted: its echo is still to come.
        sent = echo.write_sent({**echo.read_sent(one.record.sent), **one.sent})
        records.begin_update(connection, one.record.id, sent=sent, state=records.SENDING, due=0)
    return planned


def results(exchange: Exchange, pushes: Sequence[Push]) -> Iterator[Receipt | HubError]:
    """Yield what became of each push; where the plugin says nothing of one, nobody knows."""
    count = 0
    try:
        for result in exchange.adapter.push_contacts(pushes):
            if count < len(pushes):
                yield result
            count += 1
        missing: HubError = UnknownOutcome(
            "account {account}: the plugin says nothing of {count} of the contacts that it was given",
            account=exchange.account,
            count=len(pushes) - count,
        )
    except HubError as error:
        missing = error
    for _ in range(len(pushes) - count):
        yield missing


def _done(one: Planned, receipt: Receipt) -> Callable[[Connection], None]:
    def end(connection: Connection) -> None:
        base = {**fields.read(one.record.base), **one.held}
        theirs = {**fields.read(one.record.theirs), **{field: sent.value for field, sent in one.sent.items()}}
        values: dict[str, Any] = {"url": receipt.url} if receipt.url else {}
        # What it holds now is seen at the next pull: a hash and a version of before are neither.
        records.change(
            connection,
            one.record.id,
            state=records.SYNCED,
            base=fields.write(base),
            theirs=fields.write(theirs),
            hash=0,
            version="",
            attempts=0,
            error="",
            **values,
        )

    return end


def _failed(one: Planned, error: HubError, now: datetime) -> Callable[[Connection], None]:
    values: dict[str, Any]
    if isinstance(error, AuthError | TransientError):
        values = {"state": one.record.state, "due": 1, "sent": one.record.sent}
    elif isinstance(error, StaleRecord):
        values = {"state": one.record.state, "due": 1, "sent": one.record.sent, "hash": 0}
    elif isinstance(error, UnknownOutcome | PluginError):
        values = {"state": records.UNKNOWN, "error": str(error), "updated_at": now}
    elif isinstance(error, GoneError):
        values = {"state": records.SYNCED, "missing": records.LOOKS, "sent": one.record.sent}
    else:
        values = {
            "state": records.FAILED,
            "error": str(error),
            "attempts": one.record.attempts + 1,
            "updated_at": now,
            "sent": one.record.sent,
        }

    return lambda connection: records.change(connection, one.record.id, **values)


def _end(connection: Connection, ends: Sequence[Callable[[Connection], None]]) -> None:
    for end in ends:
        end(connection)


def _read_again(exchange: Exchange, one: Planned) -> None:
    """Merge what the record holds now; what is left to push goes out at the next turn."""
    if "get" not in exchange.adapter.abilities:
        return
    assert one.record.remote_id is not None
    item = exchange.adapter.get_contact(one.record.remote_id)
    if item is None or item.deleted:
        exchange.write(records.change, one.record.id, missing=records.LOOKS)
    else:
        exchange.write(_take_again, exchange, one.record.id, item)
