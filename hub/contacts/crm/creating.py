"""Creates in a CRM who is missing there: nobody who is there already, and nobody twice."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from hub.contacts.crm import drafting, duplicates, echo, fields
from hub.contacts.crm.drafting import Draft
from hub.contacts.crm.duplicates import Begun
from hub.contacts.crm.echo import Sent
from hub.contacts.crm.exchange import Exchange
from hub.contacts.crm.pushing import is_over, results
from hub.contacts.crm.threeway import LISTS
from hub.errors import AuthError, DuplicateError, HubError, PluginError, TransientError, UnknownOutcome
from hub.models import Push, Receipt
from hub.store.crm import lacking, records
from hub.store.database import chunks
from hub.store.people import cards

log = structlog.get_logger()


def create_missing(exchange: Exchange) -> None:
    """Create people in the CRM, those first whom it refused and may take now."""
    exchange.write(_drop_superseded, exchange.account)
    if exchange.options.create == "nobody":
        return
    now = exchange.clock()
    with exchange.store.read() as connection:
        refused = [
            record
            for record in records.failed(connection, exchange.account)
            if record.remote_id is None and (record.due or is_over(record, now))
        ]
    size = max(exchange.adapter.batch_size, 1)
    for part in chunks(refused, size):
        _push(exchange, exchange.write(_begin_again, exchange, [record.id for record in part]))
    after = 0
    while True:
        with exchange.store.read() as connection:
            people = drafting.missing(connection, exchange, after)
            found = drafting.drafts(connection, exchange, people)
        if not people:
            return
        after = people[-1]
        if "find" in exchange.adapter.abilities:
            for draft in found:
                _look_first(exchange, draft)
        for some in chunks(found, size):
            _push(exchange, exchange.write(_begin, exchange, [draft.person_id for draft in some]))


def _drop_superseded(connection: Connection, account: str) -> None:
    """Forget creations of people who came to have a record in another way, such as by being merged."""
    for state in (records.ASKED, records.FAILED):
        for record in records.in_states(connection, account, (state,)):
            if record.remote_id is None and lacking.is_superseded(connection, record):
                records.drop(connection, record.id)


def _look_first(exchange: Exchange, draft: Draft) -> None:
    """Take in the records that may be this person, if the hub has not seen them yet."""
    found = [item for item in exchange.adapter.find_contacts(draft.contact("")) if not item.deleted]
    if found:
        exchange.write(duplicates.take_unknown, exchange, found)


def _begin(connection: Connection, exchange: Exchange, people: Sequence[int]) -> list[Begun]:
    held = records.of_people(connection, people)
    still = [person for person in people if all(one.account != exchange.account for one in held[person])]
    return [
        Begun(
            records.begin_creation(
                connection,
                account=exchange.account,
                contact_id=draft.card_id,
                key=secrets.token_hex(16),
                **_noted(exchange, draft),
            ),
            draft,
            False,
        )
        for draft in drafting.drafts(connection, exchange, still)
    ]


def _begin_again(connection: Connection, exchange: Exchange, record_ids: Sequence[int]) -> list[Begun]:
    begun = []
    for record in records.of_ids(connection, record_ids):
        person = cards.person_of(connection, record.contact_id)
        if person is None or records.deleted_cards(connection, [record.contact_id]):
            records.drop(connection, record.id)
            continue
        for draft in drafting.drafts(connection, exchange, [person]):
            records.begin_update(connection, record.id, state=records.SENDING, due=0, **_noted(exchange, draft))
            begun.append(Begun(record, draft, True))
    return begun


def _noted(exchange: Exchange, draft: Draft) -> dict[str, Any]:
    sent = {field: Sent(value, () if field in LISTS else "") for field, value in draft.pushed.items()}
    return {
        "base": fields.write(draft.held),
        "theirs": fields.write(draft.pushed),
        "sent": echo.write_sent(sent),
        "updated_at": exchange.clock(),
    }


def _push(exchange: Exchange, begun: Sequence[Begun]) -> None:
    stop: HubError | None = None
    pushes = [Push(contact=one.draft.contact(one.record.key)) for one in begun]
    ends: list[Callable[[Connection], None]] = []
    doubles: list[tuple[Begun, DuplicateError]] = []
    came = list(results(exchange, pushes))
    for one, result in zip(begun, came, strict=True):
        if isinstance(result, Receipt):
            ends.append(_created(exchange, one, result))
            continue
        if isinstance(result, DuplicateError):
            doubles.append((one, result))
            continue
        if isinstance(result, AuthError | TransientError):
            stop = result
        else:
            exchange.errors.append(result)
            log.warning("contact not created", account=exchange.account, reason=str(result))
        ends.append(_failed(exchange, one, result))
    if ends:
        exchange.write(_end, ends)
    for one, double in doubles:
        duplicates.settle(exchange, one, double)
    if stop is not None:
        raise stop
    exchange.doubt(came)


def _end(connection: Connection, ends: Sequence[Callable[[Connection], None]]) -> None:
    for end in ends:
        end(connection)


def _created(exchange: Exchange, one: Begun, receipt: Receipt) -> Callable[[Connection], None]:
    def end(connection: Connection) -> None:
        known = records.by_remote_id(connection, exchange.account, [receipt.remote_id])
        if known:
            duplicates.ask(connection, exchange, one, known[receipt.remote_id])
            return
        records.change(
            connection,
            one.record.id,
            remote_id=receipt.remote_id,
            url=receipt.url,
            state=records.SYNCED,
            error="",
            attempts=0,
            hash=0,
            updated_at=exchange.clock(),
        )
        exchange.counts["pushed"] += 1

    return end


def _failed(exchange: Exchange, one: Begun, error: HubError) -> Callable[[Connection], None]:
    def end(connection: Connection) -> None:
        now, number = exchange.clock(), one.record.id
        if isinstance(error, AuthError | TransientError):
            if one.again:
                records.change(connection, number, state=records.FAILED, due=1)
            else:
                records.drop(connection, number)
        elif isinstance(error, UnknownOutcome | PluginError):
            records.change(connection, number, state=records.UNKNOWN, error=str(error), missing=0, updated_at=now)
        else:
            records.change(
                connection,
                number,
                state=records.FAILED,
                error=str(error),
                attempts=one.record.attempts + 1,
                updated_at=now,
            )

    return end
