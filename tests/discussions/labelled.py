"""Measures how well repeats are recognised on labelled pairs: `python tests/discussions/labelled.py` prints it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from hub.discussions.repeats import Said, compare, marks, sought

_PAIRS = Path(__file__).with_name("pairs.jsonl")
_START = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


class Pair(NamedTuple):
    """Two remarks, whether they are one person's one remark, and of which family they are."""

    family: str
    kind: str
    lang: str
    one: Said
    other: Said
    same: bool


class Measured(NamedTuple):
    """What came of some pairs; `missed` and `wrong` count by the kind of pair."""

    pairs: int
    right: int
    missed: Counter[str]
    wrong: Counter[str]

    @property
    def precision(self) -> float:
        found = self.right + self.wrong.total()
        return self.right / found if found else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed.total())


def pairs() -> Iterator[Pair]:
    for line in _PAIRS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Pair(row["family"], row["kind"], row["lang"], _said(row["a"], 1), _said(row["b"], 2), row["same"])


def _said(side: dict[str, Any], thread: int) -> Said:
    return Said(
        text=side["text"],
        at=_START + timedelta(minutes=side["minutes"]),
        platform=side["site"],
        thread=thread,
        author_id=f"{thread}:{side['name']}:{side['handle']}",
        name=side["name"],
        handle=side["handle"],
    )


def is_held_out(pair: Pair) -> bool:
    """Tell whether a pair is of the half that nothing was chosen by; a family is in one half as a whole."""
    return blake2b(pair.family.encode(), digest_size=1).digest()[0] % 2 == 1


def measure(half: list[Pair]) -> Measured:
    """Compare as the hub does: only what shares a key is compared at all."""
    right, missed, wrong = 0, Counter[str](), Counter[str]()
    for pair in half:
        meet = set(sought(pair.one)) & set(marks(pair.other))
        found = bool(meet) and compare(pair.one, pair.other) is not None
        right += found and pair.same
        missed[pair.kind] += pair.same and not found
        wrong[pair.kind] += found and not pair.same
    return Measured(len(half), right, +missed, +wrong)


def main() -> None:
    every = list(pairs())
    for name, held in (("development", False), ("held out", True)):
        half = [pair for pair in every if is_held_out(pair) is held]
        for lang in ("ru", "en", "both"):
            found = measure([pair for pair in half if lang in (pair.lang, "both")])
            print(
                f"{name:<12} {lang:<5} {found.pairs:>4} pairs  precision {found.precision:.3f}  "
                f"recall {found.recall:.3f}  missed {dict(found.missed)}  wrong {dict(found.wrong)}"
            )


if __name__ == "__main__":
    main()
