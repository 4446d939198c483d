"""Joins cards that belong together, proposes what a person has to say, and keeps apart what contradicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.contacts.identity import names
from hub.contacts.identity.evidence import Facts, Reason, Verdict
from hub.store.people import cards, evidence
from hub.store.people.evidence import NewEvidence, Pair, pair


class Found(NamedTuple):
    """Two cards that something speaks for: what, and how much."""

    cards: Pair
    reasons: tuple[Reason, ...]
    verdict: Verdict


class Joining:
    """Joins what belongs together, unless something says that it does not."""

    def __init__(
        self,
        connection: Connection,
        known: Mapping[int, Facts],
        implied: Mapping[int, frozenset[tuple[str, str]]],
        now: datetime,
    ) -> None:
        self._connection = connection
        self._known = known
        self._implied = implied
        self._now = now
        self._heads: dict[int, int] = {}
        self._accounts: dict[int, set[str]] = {}
        self._names: dict[int, set[str]] = {}
        self._apart: set[Pair] = set()

    def take(self, found: Sequence[Found], batch: Sequence[int]) -> Counter[str]:
        counts: Counter[str] = Counter()
        before = {
            (pair(each.one_id, each.other_id), each.kind, each.value): each
            for each in evidence.of_cards(self._connection, batch, ("proposed", "refused", "undone"))
        }
        decided = {key[0] for key, each in before.items() if each.state != "proposed"}
        found = [each for each in found if each.cards not in decided]
        self._learn({self._known[card].person for each in found for card in each.cards})
        torn = self._torn(found)
        kept: list[NewEvidence] = []
        still: set[tuple[Pair, str, str]] = set()
        for each in sorted(found, key=lambda one: (-one.verdict.weight, one.cards)):
            one, other = (self._head(self._known[card].person) for card in each.cards)
            state = "joined"
            if one != other:
                if pair(one, other) in self._apart:
                    continue
                same_crm = bool(self._accounts.get(one, set()) & self._accounts.get(other, set()))
                if same_crm and not each.verdict.joins:
                    continue
                if not each.verdict.joins or same_crm or each.cards in torn or self._names_contradict(one, other):
                    state = "proposed"
            if state == "joined" and one != other:
                self._join(one, other)
                counts["joined"] += 1
            for why in each.reasons:
                still.add((each.cards, why.kind, why.value))
                kept.append(NewEvidence(*each.cards, why.kind, why.value, why.source, why.weight, state))
            if state == "proposed" and not any(
                (each.cards, why.kind, why.value) in before for why in each.reasons
            ):
                counts["proposed"] += 1
        stale = [each.id for key, each in before.items() if each.state == "proposed" and key not in still]
        evidence.withdraw(self._connection, stale)
        evidence.keep(self._connection, [each for each in kept if self._is_new(each, before)], self._now)
        evidence.unite(self._connection, {person: self._head(person) for person in self._heads}, self._now)
        return counts

    @staticmethod
    def _is_new(each: NewEvidence, before: Mapping[tuple[Pair, str, str], evidence.Evidence]) -> bool:
        was = before.get((pair(each.one, each.other), each.kind, each.value))
        return was is None or was.state != each.state

    def _learn(self, persons: Collection[int]) -> None:
        """Read what could contradict: which CRMs know these persons, what they are called, who is not the same."""
        self._accounts = evidence.accounts_of(self._connection, persons)
        for card, held in self._implied.items():
            if card in self._known:
                mine = self._accounts.setdefault(self._known[card].person, set())
                mine |= {account for account, _ in held}
        for person, held_values in cards.values_of(self._connection, sorted(persons)).items():
            self._names[person] = {
                one.value for one in held_values if one.field == "name" and one.value and one.source != "author"
            }
        self._apart = evidence.apart(self._connection, persons)

    def _torn(self, found: Sequence[Found]) -> set[Pair]:
        """Return what would join somebody with two who cannot be one: a person has to say with whom."""
        strong: dict[int, list[Found]] = {}
        for each in found:
            if each.verdict.joins:
                for card in each.cards:
                    strong.setdefault(self._known[card].person, []).append(each)
        torn: set[Pair] = set()
        for person, mine in strong.items():
            ends = {each: self._other_end(each, person) for each in mine}
            others = sorted(set(ends.values()) - {person})
            at_odds = {
                one
                for one in others
                for other in others
                if one != other and (self._names_contradict(one, other) or pair(one, other) in self._apart)
            }
            torn |= {each.cards for each, end in ends.items() if end in at_odds}
        return torn

    def _other_end(self, found: Found, person: int) -> int:
        one, other = (self._known[card].person for card in found.cards)
        return other if one == person else one

    def _names_contradict(self, one: int, other: int) -> bool:
        found = {
            names.compare(ours, theirs)
            for ours in self._names.get(one, ())
            for theirs in self._names.get(other, ())
        }
        return found == {"other"}

    def _head(self, person: int) -> int:
        while (up := self._heads.get(person, person)) != person:
            person = up
        return person

    def _join(self, one: int, other: int) -> None:
        low, high = min(one, other), max(one, other)
        self._heads[high] = low
        self._accounts.setdefault(low, set()).update(self._accounts.get(high, ()))
        self._names.setdefault(low, set()).update(self._names.get(high, ()))
        self._apart |= {
            pair(low, far) for each in self._apart if high in each for far in each if far not in (high, low)
        }
