"""Merges and splits persons, and asks a person about what evidence does not settle: no card is ever lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.errors import UsageError
from hub.store import Store
from hub.store.people import cards, contacts, evidence, proposing
from hub.store.people.cards import View
from hub.store.people.contacts import Person
from hub.store.people.evidence import WORD, Evidence, NewEvidence
from hub.store.team.who import Who

Split = tuple[int, int]


class Told(NamedTuple):
    """What a CRM would be told of a field of one of its records after a merge."""

    account: str
    remote_id: str
    field: str
    before: str | tuple[str, ...]
    after: str | tuple[str, ...]


class Preview(NamedTuple):
    """What a merge would make of two persons; `both_in` names the CRMs that hold a record of each of them."""

    one: Person
    other: Person
    after: View
    crm: Sequence[Told]
    both_in: Sequence[str]


class Proposal(NamedTuple):
    """Two persons who may be one, and why."""

    id: int
    one: Person
    other: Person
    evidence: Sequence[Evidence]
    weight: float


class Merge(NamedTuple):
    """A merge that stands: when and by whom, and which cards would part if it were undone."""

    id: int
    at: datetime
    by: int | None
    evidence: Evidence
    one: Sequence[int]
    other: Sequence[int]


def merge(store: Store, one: int, other: int, by: Who | None, now: datetime) -> int:
    """Join two persons on a person's word, whatever spoke against it; return the number of the one they are."""
    return store.write(_merge, one, other, _number(by), now)


def _merge(connection: Connection, one: int, other: int, user_id: int | None, now: datetime) -> int:
    evidence.alone(connection)
    ours, theirs = _person(connection, one), _person(connection, other)
    if ours == theirs:
        raise UsageError(
            "{one} and {other} are one contact already", hint="nothing is to be done", one=one, other=other
        )
    held = cards.cards_of(connection, [ours, theirs])
    evidence.allow(connection, held[ours], held[theirs])
    word = NewEvidence(ours, theirs, WORD, now.isoformat(), "user", 1.0, "joined")
    evidence.keep(connection, [word], now, user_id)
    asked = _between(connection, held[ours], held[theirs], ("proposed",))
    evidence.decide(connection, [each.id for each in asked], "joined", now, user_id)
    low = min(ours, theirs)
    evidence.unite(connection, {ours: low, theirs: low}, now)
    return low


def preview(store: Store, one: int, other: int) -> Preview:
    """Return what a merge would show, and what each CRM would be told of it; nothing is written."""
    with store.read() as connection:
        ours, theirs = _person(connection, one), _person(connection, other)
        people = {each.id: each for each in contacts.of_ids(connection, [ours, theirs])}
        for number in (ours, theirs):
            if number not in people:
                raise _no_such(number)
        held = cards.values_of(connection, [ours, theirs])
        both = evidence.accounts_of(connection, [ours, theirs])
    after = cards.shown(
        sorted((value for ones in held.values() for value in ones), key=lambda each: each.contact_id)
    )
    told = [
        Told(record.account, record.remote_id or "", field, people[number].values.get(field, ""), value)
        for number in dict.fromkeys((ours, theirs))
        for record in people[number].records
        for field, value in after.values.items()
        if record.remote_id and people[number].values.get(field, "") != value
    ]
    shared = sorted(both.get(ours, set()) & both.get(theirs, set())) if ours != theirs else []
    return Preview(people[ours], people[theirs], after, told, shared)


def split(store: Store, person_id: int, card_ids: Sequence[int], by: Who | None, now: datetime) -> Split:
    """Part these cards from a person; return who stays and who goes.

    The evidence between the sides is undone and kept, and nothing but a person's word joins them again. Each
    side stays one person, whatever it was that joined its cards.
    """
    return store.write(_split, person_id, card_ids, _number(by), now)


def _split(
    connection: Connection, person_id: int, card_ids: Collection[int], user_id: int | None, now: datetime
) -> Split:
    evidence.alone(connection)
    person = _person(connection, person_id)
    held = cards.cards_of(connection, [person])[person]
    going = sorted(set(card_ids) & set(held))
    staying = sorted(set(held) - set(going))
    strange = sorted(set(card_ids) - set(held))
    if strange:
        raise UsageError(
            "card {card} is not of contact {id}",
            hint="`hub contacts why` lists its cards",
            card=strange[0],
            id=person,
        )
    if not going or not staying:
        raise UsageError("both sides of a split need a card", hint="name the cards that go, not all of them")
    across = _between(connection, going, staying, ("joined", "proposed"))
    evidence.decide(connection, [each.id for each in across], "undone", now, user_id)
    evidence.keep_apart(connection, staying, going, now, user_id)
    for side in (staying, going):
        edges = [(each.one_id, each.other_id) for each in evidence.of_cards(connection, side)]
        heads = sorted(set(evidence.components(side, edges).values()))
        # What only the other side held together stays together on the word of who split.
        words = [NewEvidence(heads[0], head, WORD, now.isoformat(), "user", 1.0, "joined") for head in heads[1:]]
        evidence.keep(connection, words, now, user_id)
    evidence.regroup(connection, held, now)
    return staying[0], going[0]


def merges(store: Store, person_id: int) -> Sequence[Merge]:
    """Return the merges that a person is made of, the newest first, each with its sides as they would part."""
    with store.read() as connection:
        person = _person(connection, person_id)
        held = cards.cards_of(connection, [person])[person]
        edges = [
            each for each in evidence.of_cards(connection, held) if each.other_id in held and each.one_id in held
        ]
    newest: dict[tuple[int, int], Evidence] = {}
    for each in edges:
        best = newest.get((each.one_id, each.other_id))
        if best is None or each.weight > best.weight:
            newest[each.one_id, each.other_id] = each
    found = []
    for each in newest.values():
        one, other = _sides(held, edges, each)
        found.append(Merge(each.id, each.at, each.user_id, each, one, other))
    return sorted(found, key=lambda each: (each.at, each.id), reverse=True)


def undo(store: Store, merge_id: int, by: Who | None, now: datetime) -> Split:
    """Take a merge back by the number of its evidence: what came since goes with the side that it came by."""

    def work(connection: Connection) -> Split:
        evidence.alone(connection)
        each = evidence.get(connection, merge_id)
        if each is None or each.state != "joined":
            raise UsageError(
                "there is no merge {id}", hint="`hub contacts why` lists the merges of a contact", id=merge_id
            )
        person = _person(connection, each.one_id)
        held = cards.cards_of(connection, [person])[person]
        edges = evidence.of_cards(connection, held)
        stays, goes = _sides(held, edges, each)
        if person not in stays:
            stays, goes = goes, stays
        return _split(connection, person, goes, _number(by), now)

    return store.write(work)


def _sides(held: Sequence[int], edges: Sequence[Evidence], merge: Evidence) -> tuple[Sequence[int], Sequence[int]]:
    """Return which cards belong to either end of a merge: each to the end that it is tied to the closest."""
    heads = {card: card for card in held}

    def head(card: int) -> int:
        while heads[card] != card:
            card = heads[card]
        return card

    # The heaviest evidence ties first, of equal weight the oldest; what would tie the ends does not count.
    for each in sorted(edges, key=lambda one: (-one.weight, one.id)):
        if {each.one_id, each.other_id} == {merge.one_id, merge.other_id}:
            continue
        if each.one_id not in heads or each.other_id not in heads:
            continue
        one, other = head(each.one_id), head(each.other_id)
        ends = {head(merge.one_id), head(merge.other_id)}
        if one != other and {one, other} != ends:
            heads[max(one, other)] = min(one, other)
    far = head(merge.other_id)
    other_side = [card for card in held if head(card) == far]
    return [card for card in held if card not in set(other_side)], other_side


def proposals(store: Store, limit: int, after: int | None = None) -> Sequence[Proposal]:
    """Return who may be whom, the oldest question first, those after number `after`."""
    with store.read() as connection:
        asked = proposing.asked(connection, limit, after)
        people = {
            each.id: each
            for each in contacts.of_ids(connection, sorted({end for one in asked for end in (one.one, one.other)}))
        }
    return [
        Proposal(each.id, people[each.one], people[each.other], each.evidence, each.weight)
        for each in asked
        if each.one in people and each.other in people
    ]


def accept(store: Store, proposal_id: int, by: Who | None, now: datetime) -> int:
    """Say that the two of a proposal are one; return the number of the one they are."""

    def work(connection: Connection) -> int:
        evidence.alone(connection)
        each = _asked(connection, proposal_id)
        return _merge(connection, each.one_id, each.other_id, _number(by), now)

    return store.write(work)


def refuse(store: Store, proposal_id: int, by: Who | None, now: datetime) -> None:
    """Say that the two of a proposal are not the same; nothing but a person's word joins them from now on."""

    def work(connection: Connection) -> None:
        evidence.alone(connection)
        each = _asked(connection, proposal_id)
        ours, theirs = _person(connection, each.one_id), _person(connection, each.other_id)
        held = cards.cards_of(connection, [ours, theirs])
        asked = _between(connection, held[ours], held[theirs], ("proposed",))
        evidence.decide(connection, [one.id for one in asked], "refused", now, _number(by))
        evidence.keep_apart(connection, held[ours], held[theirs], now, _number(by))

    store.write(work)


def _asked(connection: Connection, proposal_id: int) -> Evidence:
    each = evidence.get(connection, proposal_id)
    if each is None or each.state != "proposed":
        raise UsageError("there is no proposal {id}", hint="`hub contacts proposals` lists them", id=proposal_id)
    if _person(connection, each.one_id) == _person(connection, each.other_id):
        raise UsageError(
            "the two of proposal {id} are one contact already", hint="nothing is to be done", id=proposal_id
        )
    return each


def why(store: Store, person_id: int) -> Sequence[Evidence]:
    """Return what makes a person one, the oldest evidence first."""
    with store.read() as connection:
        person = _person(connection, person_id)
        return evidence.of_cards(connection, cards.cards_of(connection, [person])[person])


def _between(
    connection: Connection, ours: Collection[int], theirs: Collection[int], states: Collection[str]
) -> list[Evidence]:
    mine, yours = set(ours), set(theirs)
    few = mine if len(mine) <= len(yours) else yours
    return [
        each
        for each in evidence.of_cards(connection, few, states)
        if (each.one_id in mine and each.other_id in yours) or (each.one_id in yours and each.other_id in mine)
    ]


def _number(by: Who | None) -> int | None:
    return None if by is None else by.id


def _person(connection: Connection, card_id: int) -> int:
    person = cards.person_of(connection, card_id)
    if person is None:
        raise _no_such(card_id)
    return person


def _no_such(number: int) -> UsageError:
    return UsageError("there is no contact {id}", hint="`hub contacts` lists them", id=number)
