"""Deletions on one side, and what follows on the other: by policy, and not many at once without a person."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.engine import Connection

from hub.contacts.crm import leaving
from hub.contacts.crm.exchange import Exchange
from hub.errors import AuthError, HubError, StaleRecord, TransientError
from hub.store.crm import records
from hub.store.crm.records import Record
from hub.store.people import cards

log = structlog.get_logger()

# So few are never taken for an accident.
_FEW = 3


def check(exchange: Exchange) -> None:
    """Raise `HubError` if so many records were deleted, on either side, that it may be an accident."""
    if exchange.accept_deletions:
        return
    account = exchange.account
    with exchange.store.read() as connection:
        there = len(records.vanished(connection, account))
        here = len(records.in_states(connection, account, (records.DELETING,)))
        total = records.totals(connection, account) if there or here else 0
    for count, message in (
        (there, "account {account}: {count} of {total} records are gone there; nothing was deleted here"),
        (here, "account {account}: {count} of {total} records are to be deleted there; none was"),
    ):
        if too_many(count, total, exchange.options.vanish):
            raise HubError(
                message,
                hint="`hub sync {account} --accept-deletions` if that is meant; `vanish` sets the bound",
                account=account,
                count=count,
                total=total,
            )


def too_many(count: int, total: int, percent: int) -> bool:
    """Tell whether that many of all records are more than a person would delete between two looks."""
    return count > _FEW and count * 100 > percent * total


def follow(exchange: Exchange) -> None:
    """Do here what follows from deletions there; `check` comes first."""
    with exchange.store.read() as connection:
        gone = records.vanished(connection, exchange.account)
    for record in gone:
        exchange.counts["gone"] += exchange.write(_one_gone, exchange, record)


def _one_gone(connection: Connection, exchange: Exchange, record: Record) -> int:
    now = exchange.clock()
    fresh = records.get(connection, record.id)
    if fresh is None or fresh.missing < records.LOOKS or fresh.state == records.GONE:
        return 0
    person = leaving.gone_there(connection, exchange.options.deletions, fresh, now)
    if person is not None:
        records.mark_deleted(connection, person, now)
    return 1


def depart(exchange: Exchange) -> None:
    """Do there, by policy, what follows from people who were deleted here."""
    with exchange.store.read() as connection:
        departed = records.departed(connection, exchange.account)
    for record in departed:
        exchange.write(_one_departed, exchange, record.id)


def _one_departed(connection: Connection, exchange: Exchange, record_id: int) -> None:
    for record in records.of_ids(connection, [record_id]):
        now = exchange.clock()
        state = leaving.leave(connection, exchange.options.deletions, record, now)
        records.change(connection, record.id, state=state, due=0, updated_at=now)


def withdraw(exchange: Exchange) -> None:
    """Delete there what is to be deleted; one that the CRM refuses leaves the others their turn."""
    with exchange.store.read() as connection:
        rows = records.in_states(connection, exchange.account, (records.DELETING,))
    if rows and "delete" not in exchange.adapter.abilities:
        for record in rows:
            exchange.write(records.change, record.id, state=records.KEPT, updated_at=exchange.clock())
        exchange.errors.append(
            HubError(
                "account {account}: {count} records cannot be deleted there by the hub",
                hint="delete them there by hand",
                account=exchange.account,
                count=len(rows),
            )
        )
        return
    for record in rows:
        _delete(exchange, record)


def _delete(exchange: Exchange, record: Record) -> None:
    assert record.remote_id is not None
    now = exchange.clock()
    exchange.write(records.begin_update, record.id, attempts=record.attempts + 1)
    try:
        exchange.adapter.delete_contact(record.remote_id, record.version)
    except (AuthError, TransientError):
        raise
    except StaleRecord:
        exchange.write(_ask_again, record, now)
    except HubError as error:
        # Deleting what is gone is success: whatever became of this one, it is tried again.
        exchange.errors.append(error)
        exchange.write(records.change, record.id, error=str(error))
        log.warning("record not deleted", account=exchange.account, record=record.remote_id, reason=str(error))
    else:
        exchange.write(leaving.gone_there, "keep", record, now)
        exchange.counts["deleted contacts"] += 1


def _ask_again(connection: Connection, record: Record, now: datetime) -> None:
    state = leaving.ask(connection, record, now, record.theirs)
    records.change(connection, record.id, state=state, hash=0, updated_at=now)


def restore(connection: Connection, person_id: int, now: datetime) -> None:
    """Let a person who was deleted here be there again, with the records that follow them."""
    records.mark_deleted(connection, person_id, None)
    cards.refresh(connection, [person_id], now)
    for record in records.of_person(connection, person_id):
        if record.state in (records.KEPT, records.DELETING, records.ASKED) and record.remote_id is not None:
            records.change(connection, record.id, state=records.SYNCED, due=1, hash=0)
