"""Whatever is merged, in whatever order and with whatever added since, can be split back to what it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from contacts.graphs import NOW, OLGA, Graph, opened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contacts.identity import merging
from hub.store.people import cards
from hub.store.privacy.consents import agreed
from hub.store.tables import (
    authors,
    consents,
    contact_history,
    contact_notes,
    contact_questions,
    contact_values,
    contacts,
    records,
)

FIELDS = ("name", "city", "title")
LISTS = ("emails", "phones")
WORDS = st.sampled_from(["Anna", "Boris", "Tver", "Omsk", "a@x.org", "b@x.org", "+79123456789", "+79120000000"])
CARDS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(FIELDS, WORDS),
            **dict.fromkeys(LISTS, st.lists(WORDS, min_size=1, max_size=2, unique=True)),
        },
    ),
    min_size=2,
    max_size=7,
)
PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    folder: Path = tmp_path_factory.mktemp("people")
    with opened(f"sqlite:///{folder}/hub.db") as store:
        yield Graph(store)


@pytest.fixture
def few(database_url: str) -> Iterator[Graph]:
    with opened(database_url) as store:
        yield Graph(store)


QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHORT = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def make(graph: Graph, told: Sequence[dict[str, Any]]) -> list[int]:
    """Make cards of all kinds, with a note, a record and a moment of their own."""

    def work(connection: sa.Connection) -> list[int]:
        return [_make_one(connection, number, values) for number, values in enumerate(told)]

    return graph.store.write(work)


def _make_one(connection: sa.Connection, number: int, values: dict[str, Any]) -> int:
    at = NOW + timedelta(minutes=number % 3)
    card = cards.create(connection, values, origin="typed", source=f"s{number}", now=NOW, user_id=1, at=at)
    connection.execute(contact_notes.insert().values(contact_id=card, text=f"note {number}", at=NOW))
    said = {"purpose": "news", "granted": number % 2 == 0, "at": at, "source": "import"}
    connection.execute(consents.insert().values(contact_id=card, **said))
    connection.execute(
        records.insert().values(
            account=f"crm{number}", remote_id=str(card), contact_id=card, updated_at=NOW, base='{"name": ""}'
        )
    )
    voice = {"platform": "agora", "remote_id": f"a{card}", "hash": 1, "known": 1, "contact_id": card}
    connection.execute(authors.insert().values(name="", handle="", url="", emails="", **voice))
    return card


def state(graph: Graph, numbers: Sequence[int]) -> dict[str, Any]:
    """Return all that is held of these cards, whose each is, and what is shown of each person."""
    with graph.store.read() as connection:
        persons = cards.persons_of(connection, numbers)
        found: dict[str, Any] = {"persons": persons}
        for table in (
            contact_values,
            contact_notes,
            contact_questions,
            contact_history,
            consents,
            records,
            authors,
        ):
            # That a record is to be compared again is no part of what is held.
            columns = [column for column in table.c if column.name != "due"]
            rows = connection.execute(sa.select(*columns).where(table.c.contact_id.in_(numbers)))
            found[table.name] = sorted(map(repr, rows))
        names = connection.execute(
            sa.select(contacts.c.id, contacts.c.name).where(contacts.c.id.in_(set(persons.values())))
        )
        found["names"] = sorted(map(tuple, names))
        people = sorted(set(persons.values()))
        found["shown"] = cards.views(connection, people)
        found["agreed"] = agreed(connection, people, "news")
        # A person is listed once, with all cards, under the lowest number.
        for person in set(persons.values()):
            mine = [card for card, whose in persons.items() if whose == person]
            assert person == min(mine)
    return found


def join(graph: Graph, numbers: Sequence[int], pairs: Sequence[tuple[int, int]]) -> None:
    for one, other in pairs:
        first, second = numbers[one % len(numbers)], numbers[other % len(numbers)]
        if not graph.one(first, second):
            merging.merge(graph.store, first, second, OLGA, NOW)


def check_split(
    graph: Graph, told: Sequence[dict[str, Any]], pairs: Sequence[tuple[int, int]], undo: bool
) -> None:
    numbers = make(graph, told)
    join(graph, numbers, pairs)
    before = state(graph, numbers)
    persons = sorted(set(before["persons"].values()))
    if len(persons) < 2:
        return
    one, other = persons[0], persons[-1]
    merged = merging.merge(graph.store, one, other, OLGA, NOW + timedelta(days=1))
    assert graph.one(one, other)
    if undo:
        newest = merging.merges(graph.store, merged)[0]
        merging.undo(graph.store, newest.id, OLGA, NOW + timedelta(days=90))
    else:
        going = [card for card, person in before["persons"].items() if person == other]
        merging.split(graph.store, merged, going, OLGA, NOW + timedelta(days=90))
    assert state(graph, numbers) == before


@given(told=CARDS, pairs=PAIRS, undo=st.booleans())
@QUICK
def test_a_split_takes_a_merge_back(many: Graph, told: Any, pairs: Any, undo: bool) -> None:
    check_split(many, told, pairs, undo)


@given(told=CARDS, pairs=PAIRS, undo=st.booleans())
@SHORT
def test_a_split_takes_a_merge_back_on_both_databases(few: Graph, told: Any, pairs: Any, undo: bool) -> None:
    check_split(few, told, pairs, undo)


@given(told=CARDS, pairs=PAIRS, random=st.randoms(use_true_random=False))
@QUICK
def test_merges_in_any_order_make_the_same_people(many: Graph, told: Any, pairs: Any, random: Any) -> None:
    made = []
    shuffled = [(other, one) if random.random() < 0.5 else (one, other) for one, other in pairs]
    random.shuffle(shuffled)
    for order in (pairs, shuffled):
        numbers = make(many, told)
        join(many, numbers, order)
        found = state(many, numbers)
        places = {number: place for place, number in enumerate(numbers)}
        made.append(
            (
                [places[found["persons"][number]] for number in numbers],
                {places[person]: view.values for person, view in found["shown"].items()},
            )
        )
    assert made[0] == made[1]


@given(told=CARDS, pairs=PAIRS, data=st.data())
@QUICK
def test_what_was_typed_since_is_lost_to_nobody(many: Graph, told: Any, pairs: Any, data: Any) -> None:
    """Typed into a person of two sides, a value is shown of one of them after a split; history has the rest."""
    numbers = make(many, told)
    join(many, numbers, pairs)
    before = state(many, numbers)
    persons = sorted(set(before["persons"].values()))
    if len(persons) < 2:
        return
    one, other = persons[0], persons[-1]
    merging.merge(many.store, one, other, OLGA, NOW + timedelta(days=1))
    typed = data.draw(st.dictionaries(st.sampled_from(FIELDS), WORDS, min_size=1))
    shown = many.values(one)
    later = NOW + timedelta(days=30)
    many.store.write(cards.set_values, one, typed, source="user", now=later, user_id=OLGA.id)
    assert {field: many.values(one)[field] for field in typed} == typed
    going = [card for card, person in before["persons"].items() if person == other]
    merging.split(many.store, one, going, OLGA, NOW + timedelta(days=90))
    sides = (many.values(one), many.values(other))
    with many.store.read() as connection:
        history = [
            change
            for person in (one, other)
            for change in cards.history(connection, person, 1000)
            if change.at == later
        ]
    for field, value in typed.items():
        assert value in (side.get(field) for side in sides)
        if shown.get(field, "") != value:
            assert (field, shown.get(field, ""), value) in {
                (each.field, each.before, each.after) for each in history
            }
    after = state(many, numbers)
    assert after["persons"] == before["persons"]
    for kept in ("contact_notes", "consents", "records", "authors"):
        assert after[kept] == before[kept]


@given(told=CARDS, pairs=PAIRS, data=st.data())
@settings(QUICK, max_examples=15)
def test_matching_never_takes_a_split_back(many: Graph, told: Any, pairs: Any, data: Any) -> None:
    """All cards share an address: whatever a person parted stays so, whoever comes with that address since."""
    numbers = make(many, told)
    many.store.write(
        lambda connection: [
            cards.set_values(connection, number, {"name": ""}, source="user", now=NOW) for number in numbers
        ]
    )
    shared = f"shared{numbers[0]}@x.org"

    def share(connection: sa.Connection) -> None:
        for number in numbers:
            cards.put_values(connection, number, {"emails": [shared]}, source="user", at=NOW, now=NOW)

    many.store.write(share)
    join(many, numbers, [(0, place) for place in range(1, len(numbers))])
    going = data.draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=len(numbers) - 1, unique=True))
    merging.split(many.store, numbers[0], going, OLGA, NOW)
    apart = many.typed(emails=[shared])
    many.store.write(
        lambda connection: connection.execute(
            contacts.update().values(unmatched=1).where(contacts.c.id.in_(numbers))
        )
    )
    many.match()
    staying = [number for number in numbers if number not in going]
    assert many.one(*going)
    assert many.one(*staying)
    assert not many.one(going[0], staying[0])
    assert not (many.one(apart, going[0]) and many.one(apart, staying[0]))
