"""Finds what a CRM's records are to be given: of each the fields that differ from what was agreed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.contacts.crm import applying, echo, fields
from hub.contacts.crm.echo import Sent
from hub.contacts.crm.exchange import Exchange
from hub.contacts.crm.threeway import Value, merge, same, still_held
from hub.models import Push
from hub.store.crm import questions, records
from hub.store.crm.records import Record
from hub.store.people import cards
from hub.store.privacy import consents


class Planned(NamedTuple):
    """An update that is to be pushed. `held` is what is held here of each field, `sent` what is pushed of it."""

    record: Record
    person_id: int
    held: Mapping[str, Value]
    sent: Mapping[str, Sent]
    push: Push


def plan(connection: Connection, exchange: Exchange, record_ids: Sequence[int]) -> list[Planned]:
    """Return what is to be pushed to these records; note of the others that there is nothing."""
    rows = records.of_ids(connection, record_ids)
    persons = cards.persons_of(connection, [record.contact_id for record in rows])
    views = cards.views(connection, sorted(set(persons.values())))
    asked = questions.of_records(connection, [record.id for record in rows])
    deleted = records.deleted_cards(connection, [record.contact_id for record in rows])
    purpose = exchange.options.consent
    agreed = consents.agreed(connection, sorted(set(persons.values())), purpose) if purpose else set(views)
    found: list[Planned] = []
    quiet: list[int] = []
    for record in rows:
        person = persons.get(record.contact_id, 0)
        if record.contact_id in deleted or record.state not in (records.SYNCED, records.FAILED):
            quiet.append(record.id)
            continue
        if person not in agreed:
            continue
        frozen = _frozen(connection, exchange, record, views[person].values, asked.get(record.id, {}))
        one = _compare(connection, exchange, record, person, views[person].values, frozen)
        if one is None:
            quiet.append(record.id)
        else:
            found.append(one)
    records.compared(connection, quiet)
    return found


def _frozen(
    connection: Connection,
    exchange: Exchange,
    record: Record,
    shown: Mapping[str, Value],
    open_ones: Mapping[tuple[str, str], questions.Question],
) -> set[str]:
    """Return the fields about which a person is asked; a question that settled itself is closed."""
    frozen: set[str] = set()
    for (kind, field), question in open_ones.items():
        if kind != questions.CONFLICT:
            continue
        there = fields.read(question.theirs).get(field, "")
        here = shown.get(field, "")
        if same(field, here, there, exchange.key):
            questions.answered(connection, [question.id], "agreed", exchange.clock())
            base = {**fields.read(record.base), field: here}
            records.change(connection, record.id, base=fields.write(base))
            continue
        frozen.add(field)
        if fields.read(question.ours).get(field, "") != here:
            questions.ask(
                connection,
                questions.CONFLICT,
                record.id,
                record.contact_id,
                exchange.clock(),
                field=field,
                ours=fields.write({field: here}),
            )
    return frozen


def _compare(
    connection: Connection,
    exchange: Exchange,
    record: Record,
    person_id: int,
    shown: Mapping[str, Value],
    frozen: set[str],
) -> Planned | None:
    if not record.base and not record.theirs:
        # It was adopted by its id alone: what it holds is not known yet.
        return None
    ours = fields.of_view(shown, exchange.reads)
    theirs = fields.read(record.theirs)
    base = still_held(fields.read(record.base), ours, theirs, exchange.key)
    if fields.write(base) != record.base:
        record = record._replace(base=fields.write(base))
        records.change(connection, record.id, base=record.base)
    merged = merge(
        base,
        ours,
        theirs,
        exchange.policies,
        {},
        exchange.clock(),
        before=theirs,
        key=exchange.key,
        single=exchange.adapter.single,
    )
    forms = echo.read_forms(record.forms)
    wanted = {
        field: value
        for field, value in applying.to_push(exchange, merged.theirs, frozen).items()
        if not echo.refuses(forms, field, value, theirs.get(field, ""))
    }
    if not wanted:
        return None
    # The whole record goes along: some CRMs only take it so. What may not leave, or is asked about, stays.
    whole = {**theirs, **wanted}
    contact = fields.as_contact(
        {field: value for field, value in whole.items() if fields.base_name(field) in exchange.writes},
        changed=wanted,
        key=record.key,
        version=record.version,
        remote_id=record.remote_id or "",
    )
    return Planned(
        record,
        person_id,
        {field: ours.get(field, "") for field in wanted},
        {field: Sent(value, theirs.get(field, "")) for field, value in wanted.items()},
        Push(contact=contact, remote_id=record.remote_id),
    )
