"""Creates in a CRM who is missing there: nobody who is there already, and nobody twice."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from sqlalchemy.engine import Connection

from hub.contacts import applying, echo, fields, matching, taking
from hub.contacts.echo import Sent
from hub.contacts.exchange import Exchange
from hub.contacts.pushing import is_over, results
from hub.contacts.threeway import LISTS, Value
from hub.errors import AuthError, DuplicateError, HubError, PluginError, TransientError, UnknownOutcome
from hub.models import Contact, Push, Receipt
from hub.store import cards, consents, lacking, questions, records
from hub.store.database import chunks
from hub.store.keys import HANDLES
from hub.store.records import Record

log = structlog.get_logger()

_PAGE = 200


class Draft(NamedTuple):
    """A person as they are to be created: what is held here, and what of it is pushed."""

    person_id: int
    card_id: int
    held: Mapping[str, Value]
    pushed: Mapping[str, Value]

    def contact(self, key: str) -> Contact:
        """Return what is handed to the CRM."""
        return fields.as_contact(self.pushed, key=key)


class Begun(NamedTuple):
    """A creation that is noted as about to be sent; `again` if it was tried before."""

    record: Record
    draft: Draft
    again: bool


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
            people = missing(connection, exchange, after)
            found = drafts(connection, exchange, people)
        if not people:
            return
        after = people[-1]
        if "find" in exchange.adapter.abilities:
            for draft in found:
                _look_first(exchange, draft)
        for some in chunks(found, size):
            _push(exchange, exchange.write(_begin, exchange, [draft.person_id for draft in some]))


def missing(connection: Connection, exchange: Exchange, after: int) -> list[int]:
    """Return a page of persons who have no record, and by the account's settings are to have one."""
    return lacking.without_record(
        connection, exchange.account, speakers=exchange.options.create == "speakers", after=after, limit=_PAGE
    )


def drafts(connection: Connection, exchange: Exchange, people: Sequence[int]) -> list[Draft]:
    """Return how these persons are to be created; not those who may turn out to be somebody with a record.

    That may also be the record of a contact that was deleted here.
    """
    waiting = matching.waiting(connection, people, account=exchange.account)
    waiting |= lacking.shadowed(connection, exchange.account, people)
    purpose = exchange.options.consent
    agreed = consents.agreed(connection, people, purpose) if purpose else set(people)
    wanted = [person for person in people if person in agreed and person not in waiting]
    views = cards.views(connection, wanted)
    numbers = cards.cards_of(connection, wanted)
    found = []
    for person in wanted:
        shown = dict(views[person].values)
        if not shown.get("name"):
            shown["name"] = next((value for field, value in shown.items() if field.startswith(HANDLES)), "")
        held = {
            field: value
            for field, value in applying.to_push(exchange, fields.of_view(shown, exchange.reads)).items()
            if value
        }
        pushed = {
            field: value[:1] if field in exchange.adapter.single and isinstance(value, tuple) else value
            for field, value in held.items()
        }
        if pushed:
            found.append(Draft(person, numbers[person][0], held, pushed))
    return found


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
        exchange.write(_take_unknown, exchange, found)


def _take_unknown(connection: Connection, exchange: Exchange, items: Sequence[Contact]) -> int:
    known = records.by_remote_id(connection, exchange.account, [item.remote_id for item in items])
    new = [item for item in items if item.remote_id not in known]
    return taking.take_page(connection, exchange, new, exchange.clock()) if new else 0


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
        for draft in drafts(connection, exchange, still)
    ]


def _begin_again(connection: Connection, exchange: Exchange, record_ids: Sequence[int]) -> list[Begun]:
    begun = []
    for record in records.of_ids(connection, record_ids):
        person = cards.person_of(connection, record.contact_id)
        if person is None or records.deleted_cards(connection, [record.contact_id]):
            records.drop(connection, record.id)
            continue
        for draft in drafts(connection, exchange, [person]):
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
        _is_there(exchange, one, double)
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
            _ask(connection, exchange, one, known[receipt.remote_id])
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


def _is_there(exchange: Exchange, one: Begun, error: DuplicateError) -> None:
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
    _take_unknown(connection, exchange, found)
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
    _ask(connection, exchange, one, next(iter(known.values()), None), receipt)


def _ask(
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
