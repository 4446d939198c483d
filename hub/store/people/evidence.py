"""Why cards are one person, why not, and who is one for it: the graph that evidence makes of cards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks, upsert
from hub.store.people import cards
from hub.store.tables import contact_apart, contact_evidence, contacts, records

WORD = "word"
"""The kind of evidence that is a person's word."""


class Evidence(NamedTuple):
    """Why two cards may be one person: `value` is what is the same, `source` who says so."""

    id: int
    one_id: int
    other_id: int
    kind: str
    value: str
    source: str
    weight: float
    state: str
    at: datetime
    user_id: int | None
    decided_at: datetime | None


class NewEvidence(NamedTuple):
    """Evidence to be kept, between two cards in any order."""

    one: int
    other: int
    kind: str
    value: str
    source: str
    weight: float
    state: str


class Pair(NamedTuple):
    """Two persons, or two cards; `one` is the lower number."""

    one: int
    other: int


def pair(one: int, other: int) -> Pair:
    return Pair(min(one, other), max(one, other))


_COLUMNS = [contact_evidence.c[name] for name in Evidence._fields]
# The lock of those who join and part people, on PostgreSQL.
_LOCK = 4857396
_ONE = contacts.alias("one")
_OTHER = contacts.alias("other")


def alone(connection: Connection) -> None:
    """Let nobody else join or part people until the transaction ends; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def keep(connection: Connection, found: Sequence[NewEvidence], now: datetime, user_id: int | None = None) -> None:
    """Keep evidence. What is kept of the same is replaced, unless a person or a split decided on it."""
    rows = [
        {
            "one_id": min(each.one, each.other),
            "other_id": max(each.one, each.other),
            "kind": each.kind,
            "value": each.value,
            "source": each.source,
            "weight": each.weight,
            "state": each.state,
            "at": now,
            "user_id": user_id,
        }
        for each in found
    ]
    if rows:
        insert = upsert(connection, contact_evidence)
        statement = insert.on_conflict_do_update(
            index_elements=["one_id", "other_id", "kind", "value"],
            set_={"weight": insert.excluded.weight, "state": insert.excluded.state},
            where=sa.and_(contact_evidence.c.state == "proposed", insert.excluded.state == "joined"),
        )
        connection.execute(statement, rows)


def of_cards(
    connection: Connection, card_ids: Collection[int], states: Collection[str] = ("joined",)
) -> list[Evidence]:
    """Return the evidence that one of these cards has a part in, the oldest first."""
    found: dict[int, Evidence] = {}
    for some in chunks(sorted(card_ids)):
        for column in (contact_evidence.c.one_id, contact_evidence.c.other_id):
            query = sa.select(*_COLUMNS).where(column.in_(some), contact_evidence.c.state.in_(sorted(states)))
            found |= {row.id: Evidence(*row) for row in connection.execute(query)}
    return sorted(found.values())


def get(connection: Connection, evidence_id: int) -> Evidence | None:
    row = connection.execute(sa.select(*_COLUMNS).where(contact_evidence.c.id == evidence_id)).first()
    return None if row is None else Evidence(*row)


def decide(
    connection: Connection, ids: Collection[int], state: str, now: datetime, user_id: int | None = None
) -> None:
    """Set what becomes of evidence: joined, refused or undone."""
    for some in chunks(sorted(ids)):
        connection.execute(
            contact_evidence.update()
            .where(contact_evidence.c.id.in_(some))
            .values(state=state, decided_at=now, user_id=user_id)
        )


def withdraw(connection: Connection, ids: Collection[int]) -> None:
    """Forget proposals that nothing speaks for any more."""
    for some in chunks(sorted(ids)):
        connection.execute(
            contact_evidence.delete().where(
                contact_evidence.c.id.in_(some), contact_evidence.c.state == "proposed"
            )
        )


def components(ids: Iterable[int], edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return for each number the lowest one that it is joined with, itself if it stands alone."""
    heads = {each: each for each in ids}

    def head(of: int) -> int:
        while heads[of] != of:
            heads[of] = heads[heads[of]]
            of = heads[of]
        return of

    for one, other in edges:
        if one in heads and other in heads:
            low, high = sorted((head(one), head(other)))
            heads[high] = low
    return {each: head(each) for each in heads}


def regroup(connection: Connection, card_ids: Collection[int], now: datetime) -> dict[int, int]:
    """Make persons anew of these cards, as far as evidence reaches among them; return the person of each card.

    Give all cards of the persons that are concerned.
    """
    edges = [(each.one_id, each.other_id) for each in of_cards(connection, card_ids)]
    found = components(card_ids, edges)
    before = cards.persons_of(connection, sorted(card_ids))
    moved = [{"b_id": card, "b_person": person} for card, person in found.items() if before.get(card) != person]
    if moved:
        connection.execute(_MOVE, moved)
    touched = {before[row["b_id"]] for row in moved} | {row["b_person"] for row in moved}
    cards.refresh(connection, sorted(touched & set(found.values())), now)
    return found


_MOVE = contacts.update().where(contacts.c.id == sa.bindparam("b_id")).values(person_id=sa.bindparam("b_person"))


def unite(connection: Connection, persons: Mapping[int, int], now: datetime) -> None:
    """Let persons be part of others, each by its number of the one that it is part of from now on."""
    rows = [{"b_old": old, "b_new": new} for old, new in persons.items() if old != new]
    if rows:
        connection.execute(_UNITE, rows)
        cards.refresh(connection, sorted(set(persons.values())), now)


_UNITE = (
    contacts.update().where(contacts.c.person_id == sa.bindparam("b_old")).values(person_id=sa.bindparam("b_new"))
)


def keep_apart(
    connection: Connection, ours: Collection[int], theirs: Collection[int], now: datetime, user_id: int | None
) -> None:
    """Note that no card of the ones is the person of the others."""
    rows = [
        {"one_id": min(one, other), "other_id": max(one, other), "at": now, "user_id": user_id}
        for one in ours
        for other in theirs
    ]
    if rows:
        connection.execute(upsert(connection, contact_apart).on_conflict_do_nothing(), rows)


def allow(connection: Connection, ours: Collection[int], theirs: Collection[int]) -> None:
    """Forget that these cards were said not to be the same."""
    rows = [{"b_one": min(one, other), "b_other": max(one, other)} for one in ours for other in theirs]
    if rows:
        connection.execute(_ALLOW, rows)


_ALLOW = contact_apart.delete().where(
    contact_apart.c.one_id == sa.bindparam("b_one"), contact_apart.c.other_id == sa.bindparam("b_other")
)


def apart(connection: Connection, person_ids: Collection[int]) -> set[Pair]:
    """Return which of these persons were said not to be the same as which others."""
    found: set[Pair] = set()
    for some in chunks(sorted(person_ids)):
        for column in (_ONE.c.person_id, _OTHER.c.person_id):
            rows = connection.execute(
                sa.select(_ONE.c.person_id, _OTHER.c.person_id)
                .select_from(contact_apart)
                .join(_ONE, _ONE.c.id == contact_apart.c.one_id)
                .join(_OTHER, _OTHER.c.id == contact_apart.c.other_id)
                .where(column.in_(some))
            )
            found |= {pair(one, other) for one, other in rows}
    return found


def accounts_of(connection: Connection, person_ids: Collection[int]) -> dict[int, set[str]]:
    """Return on which accounts each of these persons has a record; a person with none is left out."""
    found: dict[int, set[str]] = {}
    for some in chunks(sorted(person_ids)):
        rows = connection.execute(
            sa.select(contacts.c.person_id, records.c.account)
            .join(contacts, contacts.c.id == records.c.contact_id)
            .where(contacts.c.person_id.in_(some), records.c.remote_id.is_not(None), records.c.state != "gone")
        )
        for person, account in rows:
            found.setdefault(person, set()).add(account)
    return found
