"""Shows what a sync would do: each creation, change, deletion and question, without a write on any side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlalchemy.engine import Connection

from hub.bookmarks import read_on
from hub.contacts.crm import comparing, deleting, drafting, fields, pulling, taking
from hub.contacts.crm.drafting import Draft
from hub.contacts.crm.exchange import Exchange
from hub.models import Batch, Contact
from hub.store import rehearsal
from hub.store.crm import questions, records
from hub.store.crm.records import Record
from hub.store.people import cards

_PAGE = 500

Where = Literal["here", "there"]
What = Literal["create", "join", "change", "delete", "ask", "stop"]


class Step(NamedTuple):
    """One thing that a sync would do. `contact_id` is 0 for somebody whom the hub does not know yet.

    `field`, `before` and `after` are of a change, or of what a person would be asked.
    """

    where: Where
    what: What
    account: str
    remote_id: str | None
    contact_id: int
    name: str
    field: str = ""
    before: str = ""
    after: str = ""


def plan(exchange: Exchange) -> Sequence[Step]:
    """Return what a sync of this account would do now, in this order; the CRM is only read.

    The work itself is done in a transaction that is rolled back, so that what is shown is what would be done.
    """
    adapter, started = exchange.adapter, exchange.clock()
    with exchange.store.read() as connection:
        cursor = pulling.begin_at(connection, exchange, started).cursor
    batches = [batch for batch, _ in read_on(exchange.account, adapter.platform, adapter.pull_contacts, cursor)]
    steps, drafts = rehearsal.rehearse(
        exchange.store, lambda connection: _work(connection, exchange, batches, cursor)
    )
    return [*steps, *(_looked(exchange, step, draft) for step, draft in drafts)]


def _work(
    connection: Connection, exchange: Exchange, batches: Sequence[Batch[Contact]], cursor: str | None
) -> tuple[list[Step], list[tuple[Step, Draft]]]:
    account, now = exchange.account, exchange.clock()
    since = rehearsal.marks(connection)
    for batch in batches:
        taking.take_page(connection, exchange, batch.items, now)
    if cursor is None and batches and batches[-1].complete:
        seen = {item.remote_id for batch in batches for item in batch.items if not item.deleted}
        pulling.count_missing(connection, exchange, seen, now)
    met = rehearsal.records_since(connection, account, since)
    new = {one.person_id for one in met if not one.joined}
    steps = [
        Step("here", "join" if one.joined else "create", account, one.remote_id, one.person_id, one.name)
        for one in met
    ]
    steps += [
        Step("here", "change", account, None, one.person_id, one.name, one.field, one.before, one.after)
        for one in rehearsal.written_since(connection, since)
        if one.person_id not in new and one.why == "sync"
    ]
    steps += _deletions(connection, exchange)
    steps += [
        Step(
            "here", "ask", account, one.remote_id, one.contact_id, _name(connection, one.contact_id), one.field
        )._replace(before=_said(one.ours, one.field), after=_said(one.theirs, one.field))
        for one in questions.open(connection, _PAGE, account=account, after=since.question)
    ]
    if not exchange.options.push:
        return steps, []
    steps += _updates(connection, exchange)
    return steps, _creations(connection, exchange)


def _said(text: str, field: str) -> str:
    return fields.show(fields.read(text).get(field, "")) if field else ""


def _name(connection: Connection, person_id: int) -> str:
    return fields.show(cards.view(connection, person_id).values.get("name", ""))


def _deletions(connection: Connection, exchange: Exchange) -> list[Step]:
    """Say what follows from deletions, or that there are too many of them."""
    account, policy = exchange.account, exchange.options.deletions
    gone = records.vanished(connection, account)
    departed = records.departed(connection, account)
    leaving = records.in_states(connection, account, (records.DELETING,)) + (
        departed if policy == "follow" else []
    )
    total = records.totals(connection, account)
    both: tuple[tuple[list[Record], Where], ...] = ((gone, "here"), (leaving, "there"))
    steps = [
        Step(where, "stop", account, None, 0, "", before=str(total), after=str(len(rows)))
        for rows, where in both
        if not exchange.accept_deletions and deleting.too_many(len(rows), total, exchange.options.vanish)
    ]
    if steps:
        return steps
    if policy != "keep":
        steps += [_of_record(connection, "here", "delete" if policy == "follow" else "ask", one) for one in gone]
    if policy == "ask":
        steps += [_of_record(connection, "there", "ask", one) for one in departed]
    return steps + [_of_record(connection, "there", "delete", one) for one in leaving]


def _of_record(connection: Connection, where: Where, what: What, record: Record) -> Step:
    person = cards.person_of(connection, record.contact_id) or 0
    return Step(where, what, record.account, record.remote_id, person, _name(connection, person))


def _updates(connection: Connection, exchange: Exchange) -> list[Step]:
    steps: list[Step] = []
    after = 0
    while page := records.due(connection, exchange.account, after, _PAGE):
        after = page[-1].id
        for one in comparing.plan(connection, exchange, [record.id for record in page]):
            name = _name(connection, one.person_id)
            steps += [
                Step(
                    "there",
                    "change",
                    exchange.account,
                    one.record.remote_id,
                    one.person_id,
                    name,
                    field,
                    fields.show(sent.before),
                    fields.show(sent.value),
                )
                for field, sent in one.sent.items()
            ]
    return steps


def _creations(connection: Connection, exchange: Exchange) -> list[tuple[Step, Draft]]:
    found: list[tuple[Step, Draft]] = []
    after = 0
    while exchange.options.create != "nobody" and (people := drafting.missing(connection, exchange, after)):
        after = people[-1]
        for draft in drafting.drafts(connection, exchange, people):
            name = fields.show(draft.held.get("name", ""))
            found.append((Step("there", "create", exchange.account, None, draft.person_id, name), draft))
    return found


def _looked(exchange: Exchange, step: Step, draft: Draft) -> Step:
    """Return a creation as it would end: the CRM may have the person, though its feed did not show them."""
    if "find" not in exchange.adapter.abilities:
        return step
    found = [item for item in exchange.adapter.find_contacts(draft.contact("")) if not item.deleted]
    return step._replace(where="here", what="join", remote_id=found[0].remote_id) if found else step
