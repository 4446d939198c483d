"""Measures how well people are recognised on labelled pairs: `python tests/contacts/labelled.py` prints it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hub.contacts.identity.evidence import PROPOSE_FROM, Facts, reasons, weigh
from hub.contacts.identity.matching import facts_of
from hub.store.people.cards import LOST, Value, normal
from hub.store.people.keys import HANDLES, address
from hub.store.people.likely import Known

_PAIRS = Path(__file__).with_name("people.jsonl")
_JOIN_FROM = 0.9
_REGION = "RU"


class Pair(NamedTuple):
    """What two sources say of somebody, and whether that is one person."""

    kind: str
    lang: str
    one: Facts
    other: Facts
    same: bool


class Measured(NamedTuple):
    """What came of some pairs. `missed` are people who were not joined, `asked` those of them who are proposed."""

    pairs: int
    right: int
    wrong: Counter[str]
    missed: Counter[str]
    asked: int
    asked_in_vain: int

    @property
    def precision(self) -> float:
        found = self.right + self.wrong.total()
        return self.right / found if found else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed.total())

    @property
    def recall_with_asking(self) -> float:
        return (self.right + self.asked) / (self.right + self.missed.total())


def pairs() -> Iterator[Pair]:
    for line in _PAIRS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Pair(row["kind"], row["lang"], _facts(1, row["a"]), _facts(2, row["b"]), row["same"])


def _facts(card: int, told: dict[str, Any]) -> Facts:
    """Take a side in as the hub does: a profile's word is a claim, all others' is the company's own."""
    source = "author" if told["by"] == "author" else told["by"]
    values: dict[str, str | Sequence[str]] = {
        field: told[field]
        for field in ("name", "emails", "phones", "url", "links", "verified_links")
        if field in told
    }
    values |= {HANDLES + platform: handle for platform, handle in told.get("handles", {}).items()}
    held = [
        Value(field, value, not isinstance(given, str), normal(field, value, _REGION), LOST, source, None, card)
        for field, given in values.items()
        for value in ([given] if isinstance(given, str) else given)
    ]
    remote = tuple(told["remote"]) if "remote" in told else None
    own = address(told["url"]) if told.get("own") else ""
    return facts_of(card, Known(card, told["by"], remote, frozenset(), own), held)


def measure(some: Sequence[Pair]) -> Measured:
    right, asked, in_vain = 0, 0, 0
    wrong, missed = Counter[str](), Counter[str]()
    for pair in some:
        verdict = weigh(reasons(pair.one, pair.other), _JOIN_FROM)
        right += verdict.joins and pair.same
        wrong[pair.kind] += verdict.joins and not pair.same
        missed[pair.kind] += pair.same and not verdict.joins
        proposed = not verdict.joins and verdict.weight >= PROPOSE_FROM
        asked += proposed and pair.same
        in_vain += proposed and not pair.same
    return Measured(len(some), right, +wrong, +missed, asked, in_vain)


def main() -> None:
    every = list(pairs())
    for lang in ("ru", "en", "both"):
        found = measure([pair for pair in every if lang in (pair.lang, "both")])
        print(
            f"{lang:<5} {found.pairs:>4} pairs  precision {found.precision:.3f}  recall {found.recall:.3f}, "
            f"with asking {found.recall_with_asking:.3f}  asked in vain {found.asked_in_vain}\n"
            f"      missed {dict(found.missed)}  wrong {dict(found.wrong)}"
        )


if __name__ == "__main__":
    main()
