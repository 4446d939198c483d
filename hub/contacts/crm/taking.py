"""Takes records of a CRM in: each finds its person or becomes one, and what both sides changed is merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from hub.contacts.crm import applying, echo, fields, leaving
from hub.contacts.crm.exchange import Exchange
from hub.contacts.crm.threeway import Fields, Merged, Value, same
from hub.contacts.identity import matching
from hub.models import Contact
from hub.store.crm import questions, records
from hub.store.crm.questions import Question
from hub.store.crm.records import Record
from hub.store.people import cards, evidence
from hub.store.people.cards import View

_TICK = timedelta(milliseconds=1)


class Meeting(NamedTuple):
    """A record that is compared with its person."""

    record: Record
    item: Contact
    person_id: int
    view: View


def take_page(connection: Connection, exchange: Exchange, items: Sequence[Contact], now: datetime) -> int:
    """Store what records say now; return how many were new or had changed."""
    kept = exchange.tombstones.contacts(connection, exchange.account, items)
    evidence.alone(connection)
    exchange.counts["erased"] += len(items) - len(kept)
    # Of two states on one page the later one holds.
    latest = {item.remote_id: item for item in kept}
    known = records.by_remote_id(connection, exchange.account, latest)
    changed = 0
    new: list[Contact] = []
    moved: list[tuple[Record, Contact]] = []
    for item in latest.values():
        record = known.get(item.remote_id)
        if item.deleted:
            changed += _told_gone(connection, record)
        elif record is None:
            new.append(item)
        elif record.hash != fields.hash_of(item, exchange.reads):
            moved.append((record, item))
            changed += 1
        elif record.missing or record.state == records.GONE:
            moved.append((record, item))
    if new:
        adopted = _adopt(connection, exchange, new)
        moved += adopted
        found = {item.remote_id for _, item in adopted}
        new = [item for item in new if item.remote_id not in found]
        changed += len(adopted)
    if moved:
        take_known(connection, exchange, moved, now)
    if new:
        _take_new(connection, exchange, new, now)
    return changed + len(new)


def _told_gone(connection: Connection, record: Record | None) -> int:
    if record is None or record.state == records.GONE or record.missing >= records.LOOKS:
        return 0
    records.change(connection, record.id, missing=records.LOOKS)
    return 1


def _adopt(connection: Connection, exchange: Exchange, items: Sequence[Contact]) -> list[tuple[Record, Contact]]:
    """Give creations whose answer was lost the records that they made."""
    adopted: list[tuple[Record, Contact]] = []
    left = list(items)
    for record in records.open_creations(connection, exchange.account):
        item = is_of(exchange, record, left)
        if item is not None:
            left.remove(item)
            adopted.append((created(record, item.remote_id), item))
    return adopted


def created(record: Record, remote_id: str) -> Record:
    """Return a creation that was found to be this record, as if its answer had come."""
    return record._replace(remote_id=remote_id, state=records.SYNCED)


def is_of(exchange: Exchange, record: Record, items: Sequence[Contact]) -> Contact | None:
    """Return the one of these records, all unknown so far, that a creation has made."""
    given = fields.read(record.theirs)
    for item in items:
        if record.key and item.key == record.key:
            return item
    unmarked = [item for item in items if not item.key]
    for item in unmarked:
        found = fields.of_contact(item, exchange.reads)
        if any(_meet(exchange, name, given.get(name, ()), found.get(name, ())) for name in ("emails", "phones")):
            return item
    if given.get("emails") or given.get("phones"):
        return None
    return next(
        (item for item in unmarked if echo.is_made_of(given, fields.of_contact(item, exchange.reads))), None
    )


def _meet(exchange: Exchange, field: str, one: Value, other: Value) -> bool:
    return bool({exchange.key(field, value) for value in one} & {exchange.key(field, value) for value in other})


def take_known(
    connection: Connection, exchange: Exchange, moved: Sequence[tuple[Record, Contact]], now: datetime
) -> None:
    """Merge what records say now with what is held of their people."""
    on_cards = [record.contact_id for record, _ in moved]
    persons = cards.persons_of(connection, on_cards)
    views = cards.views(connection, sorted(set(persons.values())))
    deleted = records.deleted_cards(connection, on_cards)
    asked = questions.of_records(connection, [record.id for record, _ in moved])
    times = Counter(persons.values())
    for record, item in moved:
        person = persons[record.contact_id]
        open_ones = asked.get(record.id, {})
        if record.contact_id in deleted or record.state in (records.KEPT, records.DELETING):
            _left_alone(connection, exchange, record, item, now)
            continue
        if record.state == records.GONE:
            back = [open_ones[one].id for one in open_ones if one[0] == questions.GONE_THERE]
            questions.answered(connection, back, "returned", now)
        view = views[person]
        _take_one(connection, exchange, Meeting(record, item, person, view), open_ones, now)
        if times[person] > 1:
            # Two records of one person on a page: the second meets what the first has left.
            views[person] = cards.view(connection, person)


def _left_alone(connection: Connection, exchange: Exchange, record: Record, item: Contact, now: datetime) -> None:
    """Keep up with a record whose person was deleted here; one that is to go there too is asked about."""
    theirs = fields.of_contact(item, exchange.reads)
    state = record.state
    edited = not _equal(exchange, theirs, fields.read(record.theirs))
    if edited and state == records.DELETING:
        state = leaving.ask(connection, record, now, fields.write(theirs))
    elif state in (records.SYNCED, records.FAILED):
        state = leaving.leave(connection, exchange.options.deletions, record, now)
    # What it said when both last agreed stays: a person who returns is merged against that.
    _keep(connection, exchange, record, item, now, state=state, theirs=record.theirs, due=0)


def _equal(exchange: Exchange, one: Fields, other: Fields) -> bool:
    return all(same(field, one.get(field, ""), other.get(field, ""), exchange.key) for field in {*one, *other})


def _take_one(
    connection: Connection,
    exchange: Exchange,
    meeting: Meeting,
    open_ones: Mapping[tuple[str, str], Question],
    now: datetime,
) -> None:
    record, item, person, view = meeting
    heard = echo.hear(record, fields.of_contact(item, exchange.reads), exchange.key)
    theirs = heard.theirs
    ours = fields.of_view(view.values, exchange.reads)
    conflicts = {field: question for (kind, field), question in open_ones.items() if kind == questions.CONFLICT}
    base = heard.base
    merged = applying.merge_item(exchange, base, heard.before, ours, theirs, view, item, now, conflicts)
    agreed = dict(merged.base)
    settled = []
    for field, question in conflicts.items():
        here, there = ours.get(field, ""), theirs.get(field, "")
        if same(field, here, there, exchange.key):
            settled.append(question.id)
            agreed[field] = here
            continue
        if base is not None and field in base:
            agreed[field] = base[field]
        if fields.read(question.ours) != applying.one_value(field, here) or fields.read(
            question.theirs
        ) != applying.one_value(field, there):
            applying.ask(connection, record, field, base, here, there, now)
    questions.answered(connection, settled, "agreed", now)
    applying.apply(
        connection, exchange, person, record.contact_id, merged, view, applying.moment_of(item, now), now
    )
    for field in merged.conflicts:
        exchange.counts["conflicts"] += 1
        applying.ask(connection, record, field, base, ours.get(field, ""), theirs.get(field, ""), now)
    frozen = {*conflicts, *merged.conflicts}
    _keep(
        connection,
        exchange,
        record,
        item,
        now,
        state=records.FAILED if record.state == records.FAILED else records.SYNCED,
        base=fields.write(agreed),
        due=int(bool(applying.to_push(exchange, merged.theirs, frozen))),
        sent="",
        forms=heard.forms,
    )


def _keep(
    connection: Connection, exchange: Exchange, record: Record, item: Contact, now: datetime, **values: Any
) -> None:
    seen: dict[str, Any] = {
        "remote_id": item.remote_id,
        "theirs": fields.write(fields.of_contact(item, exchange.reads)),
        "hash": fields.hash_of(item, exchange.reads),
        "version": item.version,
        "changed_at": item.updated_at,
        "missing": 0,
    }
    if item.link:
        seen["url"] = item.link
    records.change(connection, record.id, **(seen | values))


def _take_new(connection: Connection, exchange: Exchange, items: Sequence[Contact], now: datetime) -> None:
    """Give each new record a card, and merge those that evidence joins with somebody who is here."""
    placed = matching.place(connection, exchange.settings, items, exchange.account, now)
    persons = cards.persons_of(connection, placed)
    by_person = cards.cards_of(connection, sorted(set(persons.values())))
    joined = sorted(person for person, numbers in by_person.items() if len(numbers) > 1)
    records.touch(connection, joined)
    held = cards.values_of(connection, joined)
    rows: list[dict[str, Any]] = []
    asked: list[tuple[str, Merged, Fields, Fields]] = []
    for card, item in zip(placed, items, strict=True):
        theirs = fields.of_contact(item, exchange.reads)
        person, due = persons[card], 0
        base: Fields = dict(theirs)
        if person in held:
            others = cards.shown([value for value in held[person] if value.contact_id != card])
            ours = fields.of_view(others.values, exchange.reads)
            merged = applying.merge_item(exchange, None, None, ours, theirs, others, item, now)
            _meet_first(connection, exchange, person, card, merged, others, item, now)
            base = merged.base
            due = int(bool(applying.to_push(exchange, merged.theirs)))
            if merged.conflicts:
                asked.append((item.remote_id, merged, ours, theirs))
            held[person] = cards.values_of(connection, [person])[person]
        rows.append(
            {
                "account": exchange.account,
                "remote_id": item.remote_id,
                "contact_id": card,
                "state": records.SYNCED,
                "hash": fields.hash_of(item, exchange.reads),
                "url": item.link,
                "error": "",
                "updated_at": now,
                "base": fields.write(base),
                "theirs": fields.write(theirs),
                "version": item.version,
                "changed_at": item.updated_at,
                "due": due,
            }
        )
    records.add(connection, rows)
    if asked:
        stored = records.by_remote_id(connection, exchange.account, [remote_id for remote_id, *_ in asked])
        for remote_id, merged, here, there in asked:
            for field in merged.conflicts:
                exchange.counts["conflicts"] += 1
                applying.ask(
                    connection, stored[remote_id], field, None, here.get(field, ""), there.get(field, ""), now
                )


def _meet_first(
    connection: Connection,
    exchange: Exchange,
    person: int,
    card: int,
    merged: Merged,
    others: View,
    item: Contact,
    now: datetime,
) -> None:
    """Let a new card show what the merge chose: where the others' value holds, its own is shown nowhere."""
    own = fields.of_contact(item, exchange.reads)
    beaten = [
        field
        for field, value in own.items()
        if isinstance(value, str) and value and field not in merged.ours and others.values.get(field)
    ]
    if beaten:
        records.lose(connection, card, beaten)
        cards.refresh(connection, [person], now)
    applying.apply(connection, exchange, person, card, merged, others, applying.moment_of(item, now), now)
