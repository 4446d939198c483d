"""What somebody takes out at a CRM right after it was given there is told from what the CRM does not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contacts.memory_crm import MemoryCrm, Row
from contacts.two_sides import Sides, quiet
from support import Clock

from hub.adapter import Ability
from hub.errors import HubError, TransientError, UnknownOutcome
from hub.store import Store, migrate

Make = Callable[..., Sides]

ANNA, WORK = "anna@example.org", "work@example.org"


@pytest.fixture
def make(tmp_path: Path, database_url: str) -> Iterator[Make]:
    """Make the hub and two CRMs, of which `one` behaves as told."""
    store = Store.open(database_url)
    migrate.upgrade(store)

    def make(one: MemoryCrm) -> Sides:
        return Sides(store, Clock(), tmp_path, {"one": one, "two": MemoryCrm()})

    yield make
    store.close()


def rest(sides: Sides) -> None:
    """Let all sides come to rest, and see that they stay so."""
    sides.tick(8)
    before = quiet(sides)
    sides.tick()
    assert quiet(sides) == before


def row(sides: Sides, side: str) -> Row:
    (found,) = sides.crms[side].live()
    return found


def emails(sides: Sides) -> dict[str, set[str]]:
    return {
        "here": set(sides.only()["emails"]),
        **{side: set(row(sides, side).values["emails"]) for side in sides.crms},
    }


def everywhere(*held: str) -> dict[str, set[str]]:
    return {side: set(held) for side in ("here", "one", "two")}


def take_out(sides: Sides, side: str) -> None:
    """Let somebody there leave Anna one e-mail."""
    assert set(row(sides, side).values["emails"]) == {ANNA, WORK}
    sides.crms[side].edit(row(sides, side).id, emails=(ANNA,))


def add_everywhere(sides: Sides) -> None:
    """Let Anna be known to all sides, and then get a second e-mail in one CRM, which the other is given."""
    sides.crms["one"].add("Anna", ANNA)
    rest(sides)
    sides.crms["two"].edit(row(sides, "two").id, emails=(ANNA, WORK))
    sides.turn("two")
    sides.turn("one")


@pytest.mark.parametrize("versions", [True, False])
def test_what_is_taken_out_right_after_it_was_given_goes_out_everywhere(make: Make, versions: bool) -> None:
    sides = make(MemoryCrm(versions=versions))
    add_everywhere(sides)
    take_out(sides, "one")
    rest(sides)
    assert emails(sides) == everywhere(ANNA)
    assert WORK in sides.history()


def test_what_is_taken_out_where_no_single_record_can_be_read_goes_out_once_it_was_seen_there(make: Make) -> None:
    """Before that nothing tells it from what the CRM refused: it is given again rather than lost."""
    sides = make(MemoryCrm(abilities=frozenset()))
    add_everywhere(sides)
    take_out(sides, "one")
    rest(sides)
    assert emails(sides) == everywhere(ANNA, WORK)
    take_out(sides, "one")
    rest(sides)
    assert emails(sides) == everywhere(ANNA)


def test_what_is_taken_out_right_after_a_creation_is_given_once_more_and_then_goes_out(make: Make) -> None:
    sides = make(MemoryCrm())
    sides.type(name="Anna", emails=(ANNA, WORK))
    sides.turn("one")
    take_out(sides, "one")
    sides.clock.forward(minutes=1)
    sides.turn("one")
    take_out(sides, "one")
    rest(sides)
    assert emails(sides) == everywhere(ANNA)


@pytest.mark.parametrize("abilities", [frozenset({"get"}), frozenset()])
def test_what_a_crm_does_not_take_is_given_three_times_and_stays_with_the_others(
    make: Make, abilities: frozenset[Ability]
) -> None:
    one = MemoryCrm(abilities=abilities, tidy=lambda name, value: value[:1] if name == "emails" else value)
    sides = make(one)
    add_everywhere(sides)
    rest(sides)
    assert emails(sides) == everywhere(ANNA, WORK) | {"one": {ANNA}}
    assert sum(call.startswith("update") for call in one.calls) == 3


def test_what_a_crm_did_not_take_is_given_again_when_it_was_added_anew(make: Make) -> None:
    one = MemoryCrm(tidy=lambda name, value: value[:1] if name == "emails" else value)
    sides = make(one)
    add_everywhere(sides)
    rest(sides)
    one.tidy = lambda name, value: value
    person = min(sides.people())
    sides.edit(person, emails=(ANNA,))
    rest(sides)
    sides.edit(person, emails=(ANNA, WORK))
    rest(sides)
    assert emails(sides) == everywhere(ANNA, WORK)


def test_what_is_taken_out_there_and_added_again_here_is_there_again(make: Make) -> None:
    sides = make(MemoryCrm())
    add_everywhere(sides)
    take_out(sides, "one")
    sides.tick()
    sides.edit(min(sides.people()), emails=(ANNA, WORK))
    rest(sides)
    assert emails(sides) == everywhere(ANNA, WORK)


@pytest.mark.parametrize("error", [UnknownOutcome("no answer"), TransientError("away")])
def test_what_is_taken_out_while_its_giving_is_in_doubt_leaves_all_sides_with_the_same(
    make: Make, error: HubError
) -> None:
    sides = make(MemoryCrm())
    sides.crms["one"].add("Anna", ANNA)
    rest(sides)
    sides.edit(min(sides.people()), emails=(ANNA, WORK))

    def strike(verb: str, remote_id: str | None) -> None:
        sides.crms["one"].after = lambda verb, remote_id: None
        raise error

    sides.crms["one"].after = strike
    sides.turn("one")
    take_out(sides, "one")
    rest(sides)
    assert emails(sides) == everywhere(ANNA, WORK)
    take_out(sides, "one")
    rest(sides)
    assert emails(sides) == everywhere(ANNA)


def test_what_is_taken_out_goes_from_every_card_of_a_person_that_holds_it(make: Make) -> None:
    sides = make(MemoryCrm())
    sides.type(name="Anna", emails=(ANNA, WORK))
    sides.type(name="Anna", emails=(WORK,))
    sides.crms["one"].add("Anna", ANNA, WORK)
    rest(sides)
    take_out(sides, "two")
    rest(sides)
    assert emails(sides) == everywhere(ANNA)


def companies(sides: Sides) -> tuple[object, object]:
    return sides.only()["company"], row(sides, "one").values["company"]


def test_a_text_that_is_put_back_right_after_it_was_given_is_given_again_and_then_holds(make: Make) -> None:
    sides = make(MemoryCrm())
    anna = sides.crms["one"].add("Anna", ANNA, company="Tula")
    rest(sides)
    for _ in range(4):
        sides.edit(min(sides.people()), company="Omsk")
        sides.turn("one")
        sides.crms["one"].edit(anna, company="Tula")
        sides.tick(2)
        assert companies(sides) == ("Omsk", "Omsk")
        sides.crms["one"].edit(anna, company="Tula")
        sides.tick(2)
        assert companies(sides) == ("Tula", "Tula")


def test_a_field_that_a_crm_sets_by_a_rule_of_its_own_is_given_three_times_and_stays_as_it_is_here(
    make: Make,
) -> None:
    one = MemoryCrm(tidy=lambda name, value: "Tula" if name == "company" else value)
    sides = make(one)
    one.add("Anna", ANNA, company="Tula")
    rest(sides)
    sides.edit(min(sides.people()), company="Omsk")
    rest(sides)
    assert companies(sides) == ("Omsk", "Tula")
    assert sum(call.startswith("update") for call in one.calls) == 3
