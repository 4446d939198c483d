"""The first sync of two full systems that know many of the same people: nobody is doubled, nobody is mixed up.

`python tests/contacts/test_first_sync.py 5000 3000` does it at full size and prints what came of it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contacts import two_systems
from contacts.memory_crm import MemoryCrm
from contacts.two_sides import Sides, quiet
from support import Clock

from hub.contacts.identity import merging
from hub.store import Store, migrate
from hub.store.people import cards

TOML = """
[contacts]
region = "RU"
[accounts.crm]
platform = "memory"
create = "all"
"""


class Outcome(NamedTuple):
    """What a first sync came to.

    `doubled` are people with two records in the CRM, `mixed` contacts that are two; `joined` of the `common`
    ones were recognised, about `asked` of them a person is asked.
    """

    common: int
    joined: int
    asked: int
    doubled: int
    mixed: int
    created: int
    again: tuple[int, int]
    seconds: float


def first_sync(folder: Path, each: int, common: int) -> Outcome:
    """Fill both sides, bring them in step, and compare what came of it with the truth."""
    systems = two_systems.make(each, common)
    store = Store.open(f"sqlite:///{folder}/hub.db")
    try:
        migrate.upgrade(store)
        crm = MemoryCrm(batch=50)
        sides = Sides(store, Clock(), folder, {"crm": crm}, TOML)
        whose_record: dict[str, int] = {}
        for held in systems.crm:
            shown = two_systems.contact(held, "1")
            remote_id = crm.add(shown.name, *shown.emails, phones=tuple(shown.phones))
            whose_record[remote_id] = held.who
        numbers = store.write(
            lambda connection: cards.create_many(
                connection,
                [held.values for held in systems.hub],
                origin="import",
                source="import",
                now=sides.clock(),
            )
        )
        whose_card = dict(zip(numbers, (held.who for held in systems.hub), strict=True))
        begun = time.perf_counter()
        sides.tick()
        taken = time.perf_counter() - begun
        sides.tick(3)
        before = quiet(sides)
        sides.tick()
        after = quiet(sides)
        with store.read() as connection:
            persons = cards.persons_of(connection, [*whose_card, *(one.contact_id for one in sides.records())])
        truth: dict[int, set[int]] = {}
        for card, who in whose_card.items():
            truth.setdefault(persons[card], set()).add(who)
        for record in sides.records():
            who = whose_record.get(record.remote_id or "")
            if who is not None:
                truth.setdefault(persons[record.contact_id], set()).add(who)
        for record in sides.records():
            if record.remote_id is not None and record.remote_id not in whose_record:
                (whose_record[record.remote_id],) = truth[persons[record.contact_id]]
        times = Counter(whose_record[row.id] for row in crm.live())
        of_record = {
            whose_record[record.remote_id or ""]: persons[record.contact_id] for record in sides.records()
        }
        joined = sum(
            of_record.get(who) == persons[card] for card, who in whose_card.items() if who in systems.common
        )
        asked = {
            who
            for one in merging.proposals(store, 100_000)
            for who in truth.get(one.one.id, set()) & truth.get(one.other.id, set())
        }
        return Outcome(
            common=len(systems.common),
            joined=joined,
            asked=len(asked),
            doubled=sum(count > 1 for count in times.values()),
            mixed=sum(len(who) > 1 for who in truth.values()),
            created=len(crm.live()) - len(systems.crm),
            again=(after[0] - before[0], after[1] - before[1]),
            seconds=taken,
        )
    finally:
        store.close()


def test_two_full_systems_meet_without_a_duplicate_or_a_wrong_join(tmp_path: Path) -> None:
    outcome = first_sync(tmp_path, 400, 240)
    assert (outcome.doubled, outcome.mixed, outcome.again) == (0, 0, (0, 0))
    assert outcome.joined + outcome.asked == outcome.common
    assert outcome.joined >= 0.6 * outcome.common
    # Of whom it is not known whether they are somebody there, nobody is created.
    assert 0.5 * (400 - 240) <= outcome.created <= 400 - 240


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as room:
        print(first_sync(Path(room), *map(int, sys.argv[1:3])))
