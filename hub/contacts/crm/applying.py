"""Merges a record with its person, and writes what that changes here: to the card, the history, the questions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from hub.contacts.crm import fields
from hub.contacts.crm.exchange import Exchange
from hub.contacts.crm.threeway import Fields, Lost, Merged, Value, merge
from hub.models import Contact
from hub.store.crm import questions, records
from hub.store.crm.records import Record
from hub.store.people import cards
from hub.store.people.cards import View

_TICK = timedelta(milliseconds=1)


def merge_item(
    exchange: Exchange,
    base: Fields | None,
    before: Fields | None,
    ours: Fields,
    theirs: Fields,
    view: View,
    item: Contact,
    now: datetime,
    leaving: Collection[str] = (),
) -> Merged:
    return merge(
        base,
        {field: value for field, value in ours.items() if field not in leaving},
        {field: value for field, value in theirs.items() if field not in leaving},
        exchange.policies,
        {field: min(value.at, now) for field, value in view.chosen.items()},
        moment_of(item, now),
        before=before,
        key=exchange.key,
        single=exchange.adapter.single,
    )


def moment_of(item: Contact, now: datetime) -> datetime:
    """Return when a record was changed: a clock that is ahead of ours says now."""
    return min(item.updated_at or now, now)


def to_push(exchange: Exchange, theirs: Fields, frozen: Collection[str] = ()) -> dict[str, Value]:
    """Return what of the changes for the CRM can and may be pushed."""
    return {
        field: value
        for field, value in theirs.items()
        if fields.base_name(field) in exchange.writes
        and field not in exchange.settings.contacts.never
        and field not in frozen
    }


def apply(
    connection: Connection,
    exchange: Exchange,
    person_id: int,
    card_id: int,
    merged: Merged,
    view: View,
    moment: datetime,
    now: datetime,
) -> None:
    """Write what a merge changes here to the record's card, and what gave way into the history."""
    for field, value in merged.ours.items():
        if isinstance(value, tuple):
            cards.set_values(
                connection, person_id, {field: value}, source=exchange.account, now=now, card=card_id, why="sync"
            )
            continue
        shown = view.chosen.get(field)
        at = moment if shown is None else max(moment, shown.at + _TICK)
        cards.put_values(connection, card_id, {field: value}, source=exchange.account, at=at, now=now, why="sync")
    records.keep_lost(connection, [_lost(exchange, card_id, lost, merged, view, now) for lost in merged.lost])


def _lost(
    exchange: Exchange, card_id: int, lost: Lost, merged: Merged, view: View, now: datetime
) -> dict[str, Any]:
    winner = merged.theirs if lost.side == "theirs" else merged.ours
    return {
        "contact_id": card_id,
        "field": lost.field,
        "before": fields.show(lost.value),
        "after": fields.show(winner.get(lost.field, "")),
        "why": "gave way",
        "source": exchange.account if lost.side == "theirs" else _source(view, lost.field),
        "at": now,
    }


def _source(view: View, field: str) -> str:
    chosen = view.chosen.get(field)
    return "" if chosen is None else chosen.source


def one_value(field: str, value: Value) -> dict[str, Value]:
    return {field: value} if value else {}


def ask(
    connection: Connection,
    record: Record,
    field: str,
    base: Fields | None,
    here: Value,
    there: Value,
    now: datetime,
) -> None:
    questions.ask(
        connection,
        questions.CONFLICT,
        record.id,
        record.contact_id,
        now,
        field=field,
        base=fields.write(one_value(field, (base or {}).get(field, ""))),
        ours=fields.write(one_value(field, here)),
        theirs=fields.write(one_value(field, there)),
    )
