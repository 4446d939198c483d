"""In step with a CRM: what changed goes to the other side once, conflicts follow the policy, none is doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from contacts.memory_crm import MemoryCrm
from contacts.two_sides import Sides, quiet
from support import Clock

from hub.contacts.crm import deciding
from hub.errors import HubError, RejectedError, TransientError, UnknownOutcome
from hub.store import Store, migrate
from hub.store.crm import records

Make = Callable[..., Sides]


@pytest.fixture
def make(tmp_path: Path, database_url: str) -> Iterator[Make]:
    """Make the two sides; `toml` configures the account `crm`, the rest is how the CRM behaves."""
    store = Store.open(database_url)
    migrate.upgrade(store)

    def make(toml: str = "", crms: dict[str, MemoryCrm] | None = None, **manners: Any) -> Sides:
        return Sides(store, Clock(), tmp_path, crms or {"crm": MemoryCrm(**manners)}, toml)

    yield make
    store.close()


def account(**options: object) -> str:
    lines = "\n".join(f"{name} = {value!r}" for name, value in options.items())
    return f'[accounts.crm]\nplatform = "memory"\ncreate = "all"\n{lines}\n'


def rest(sides: Sides) -> None:
    """Let both sides come to rest, and see that they stay so."""
    sides.tick(5)
    before = quiet(sides)
    sides.tick()
    assert quiet(sides) == before


def test_what_somebody_enters_at_the_crm_is_a_contact_here(make: Make) -> None:
    sides = make()
    sides.crms["crm"].add("Anna", "anna@example.org", company="Tulip")
    rest(sides)
    assert sides.only() == {"name": "Anna", "emails": ("anna@example.org",), "company": "Tulip"}
    assert sides.crms["crm"].writes_made() == 0


def test_what_somebody_types_here_is_created_there_once(make: Make) -> None:
    sides = make()
    sides.type(name="Anna", emails=("anna@example.org",), company="Tulip")
    rest(sides)
    (row,) = sides.crms["crm"].live()
    assert (row.values["name"], row.values["emails"], row.values["company"]) == (
        "Anna",
        ("anna@example.org",),
        "Tulip",
    )


def test_a_change_on_either_side_reaches_the_other_and_names_only_its_field(make: Make) -> None:
    sides = make()
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tulip")
    sides.tick()
    crm.edit(anna, name="Anna Ivanova")
    (person,) = sides.people()
    sides.edit(person, company="Rose", phones=("+79161234567",))
    rest(sides)
    assert sides.only()["name"] == "Anna Ivanova"
    values = crm.rows[anna].values
    assert (values["name"], values["company"], values["phones"]) == ("Anna Ivanova", "Rose", ("+79161234567",))
    assert [call for call in crm.calls if call.startswith(("create", "update"))] == ["update 1"]


@pytest.mark.parametrize("side", ["here", "there"])
def test_what_is_cleared_on_one_side_is_cleared_on_the_other(make: Make, side: str) -> None:
    sides = make()
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tulip")
    sides.tick()
    (person,) = sides.people()
    if side == "here":
        sides.edit(person, company="", emails=())
    else:
        crm.edit(anna, company="", emails=())
    rest(sides)
    assert sides.only() == {"name": "Anna"}
    assert (crm.rows[anna].values["company"], crm.rows[anna].values["emails"]) == ("", ())


def test_a_page_that_has_not_changed_writes_nothing(make: Make) -> None:
    sides = make()
    for number in range(150):
        sides.crms["crm"].add(f"Person {number}", f"p{number}@example.org")
    sides.tick(2)
    before = quiet(sides), dict(sides.store.writes)
    sides.tick()
    assert (quiet(sides), dict(sides.store.writes)) == before


@pytest.mark.parametrize(
    ("policy", "winner"), [("ours", "Omsk"), ("theirs", "Perm"), ("newest", "Perm"), ("newest-here", "Omsk")]
)
def test_when_both_sides_change_a_field_the_policy_decides_and_the_history_keeps_the_other(
    make: Make, policy: str, winner: str
) -> None:
    sides = make(account() + f'policies = {{ company = "{policy.removesuffix("-here")}" }}\n')
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tula")
    sides.tick()
    (person,) = sides.people()
    changes = [lambda: sides.edit(person, company="Omsk"), lambda: crm.edit(anna, company="Perm")]
    for change in reversed(changes) if policy == "newest-here" else changes:
        sides.clock.forward(minutes=1)
        change()
    rest(sides)
    assert sides.only()["company"] == crm.rows[anna].values["company"] == winner
    assert {"Omsk", "Perm"} <= {winner, *sides.history()}


@pytest.mark.parametrize(("word", "company"), [("ours", "Omsk"), ("theirs", "Perm"), ("Kazan", "Kazan")])
def test_a_conflict_that_is_asked_waits_and_freezes_only_its_field(make: Make, word: str, company: str) -> None:
    sides = make(account() + 'policies = { company = "ask" }\n')
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tula")
    sides.tick()
    (person,) = sides.people()
    sides.edit(person, company="Omsk")
    crm.edit(anna, company="Perm")
    assert sides.tick()["conflicts"] == 1
    sides.edit(person, name="Anna I")
    rest(sides)
    (question,) = sides.questions()
    assert (question.kind, question.field, question.base, question.ours, question.theirs) == (
        "conflict",
        "company",
        '{"company":"Tula"}',
        '{"company":"Omsk"}',
        '{"company":"Perm"}',
    )
    assert (sides.only()["company"], crm.rows[anna].values["company"]) == ("Omsk", "Perm")
    assert crm.rows[anna].values["name"] == "Anna I"
    deciding.answer(sides.store, question.id, word, None, sides.clock())
    rest(sides)
    assert sides.only()["company"] == crm.rows[anna].values["company"] == company
    assert {"Omsk", "Perm"} <= {company, *sides.history()}
    assert sides.questions() == []


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_conflict_that_the_two_sides_settle_themselves_is_closed(make: Make, where: str) -> None:
    sides = make(account() + 'policies = { company = "ask" }\n')
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tula")
    sides.tick()
    (person,) = sides.people()
    sides.edit(person, company="Omsk")
    crm.edit(anna, company="Perm")
    sides.tick()
    if where == "here":
        sides.edit(person, company="Perm")
    else:
        crm.edit(anna, company="Omsk")
    rest(sides)
    assert sides.questions() == []


def test_the_first_meeting_makes_no_duplicate_and_merges_both(make: Make) -> None:
    sides = make()
    crm = sides.crms["crm"]
    sides.type(name="Anna Ivanova", emails=("anna@example.org",), company="Tulip")
    anna = crm.add("ANNA IVANOVA", "Anna@Example.org", phones=("+79161234567",))
    rest(sides)
    assert len(crm.live()) == len(sides.people()) == 1
    assert crm.rows[anna].values["company"] == "Tulip"
    assert sides.only()["phones"] == ("+79161234567",)
    assert crm.rows[anna].values["name"] == "ANNA IVANOVA"


def test_lists_are_united_when_two_meet_first(make: Make) -> None:
    sides = make()
    crm = sides.crms["crm"]
    sides.type(name="Anna", emails=("anna@example.org", "home@example.org"))
    anna = crm.add("Anna", "anna@example.org", "work@example.org")
    rest(sides)
    all_of_them = {"anna@example.org", "home@example.org", "work@example.org"}
    assert set(sides.only()["emails"]) == set(crm.rows[anna].values["emails"]) == all_of_them


def test_what_one_crm_changed_goes_to_the_other_once_and_does_not_come_back(make: Make) -> None:
    one, two = MemoryCrm(), MemoryCrm(versions=True, feed=True)
    sides = make(crms={"one": one, "two": two})
    anna = one.add("Anna", "anna@example.org")
    rest(sides)
    (copy,) = two.live()
    one.edit(anna, company="Tulip")
    rest(sides)
    two.edit(copy.id, name="Anna I")
    rest(sides)
    assert (one.rows[anna].values["name"], copy.values["company"]) == ("Anna I", "Tulip")
    assert len(one.live()) == len(two.live()) == len(sides.people()) == 1
    assert one.writes_made() + two.writes_made() == 3


def test_a_crm_that_tidies_what_it_is_given_is_not_fought(make: Make) -> None:
    sides = make(tidy=lambda name, value: value.upper() if name in ("name", "company") else value)
    person = sides.type(name="Anna", emails=("anna@example.org",))
    rest(sides)
    sides.edit(person, company="Tulip")
    rest(sides)
    assert sides.only()["name"] == "Anna"
    (row,) = sides.crms["crm"].live()
    assert (row.values["name"], row.values["company"]) == ("ANNA", "TULIP")
    sides.crms["crm"].edit(row.id, name="BORIS")
    rest(sides)
    assert sides.only()["name"] == "BORIS"


def test_two_crms_that_write_a_value_each_in_its_own_way_come_to_rest(make: Make) -> None:
    def prefixed(name: str, value: Any) -> Any:
        return f"Mr {value.removeprefix('Mr ')}" if name == "name" else value

    def bare(name: str, value: Any) -> Any:
        return value.removeprefix("Mr ") if name == "name" else value

    sides = make(crms={"one": MemoryCrm(tidy=prefixed), "two": MemoryCrm(tidy=bare)})
    sides.type(name="Boris", emails=("boris@example.org",))
    sides.tick(12)
    before = quiet(sides)
    sides.tick(3)
    assert quiet(sides) == before


@pytest.mark.parametrize("single", [frozenset({"emails"}), frozenset[str]()])
def test_a_crm_that_keeps_one_e_mail_does_not_take_the_others_from_us(make: Make, single: frozenset[str]) -> None:
    sides = make(single=single, tidy=lambda name, value: value[:1] if name == "emails" else value)
    sides.type(name="Anna", emails=("anna@example.org", "home@example.org"))
    rest(sides)
    assert len(sides.only()["emails"]) == 2


def test_what_a_crm_cannot_write_or_must_not_learn_is_not_pushed(make: Make) -> None:
    sides = make('[contacts]\nnever = ["phones"]\n', writes=frozenset({"name", "emails", "phones"}))
    sides.type(name="Anna", emails=("anna@example.org",), company="Tulip", phones=("+79161234567",))
    rest(sides)
    (row,) = sides.crms["crm"].live()
    assert not row.values.get("company")
    assert not row.values.get("phones")


def strike(crm: MemoryCrm, when: str, error: HubError, verb: str = "create", times: int = 1) -> None:
    left = [times]

    def hit(called: str, _: str | None) -> None:
        if called == verb and left[0]:
            left[0] -= 1
            raise error

    setattr(crm, when, hit)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("finds", [True, False])
@pytest.mark.parametrize("emails", [("anna@example.org",), ()])
def test_a_creation_whose_answer_was_lost_is_made_once(
    make: Make, when: str, finds: bool, emails: tuple[str, ...]
) -> None:
    sides = make(abilities=frozenset({"find"} if finds else ()))
    strike(sides.crms["crm"], when, UnknownOutcome("no answer"))
    sides.type(name="Anna", emails=emails)
    rest(sides)
    assert len(sides.crms["crm"].live()) == len(sides.people()) == 1
    assert [record.state for record in sides.records()] == ["synced"]


def test_a_creation_is_not_repeated_while_the_index_of_the_crm_lags(make: Make) -> None:
    sides = make(feed=True, keys=True)
    crm = sides.crms["crm"]
    strike(crm, "after", UnknownOutcome("no answer"))
    sides.type(name="Anna", emails=("anna@example.org",))
    sides.turn()
    crm.hidden.add("1")
    crm.rows["1"].changed = 0
    sides.clock.forward(seconds=5)
    sides.turn()
    assert len(crm.live()) == 1
    crm.hidden.clear()
    rest(sides)
    assert len(crm.live()) == 1
    assert [record.remote_id for record in sides.records()] == ["1"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_update_whose_answer_was_lost_ends_with_the_new_value(make: Make, when: str) -> None:
    sides = make(account() + 'policies = { company = "ask" }\n')
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tula")
    sides.tick()
    strike(crm, when, UnknownOutcome("no answer"), "update")
    (person,) = sides.people()
    sides.edit(person, company="Omsk")
    rest(sides)
    assert crm.rows[anna].values["company"] == "Omsk"
    assert sides.questions() == []


def test_one_refused_contact_stops_no_other_and_is_tried_again_ever_more_seldom(make: Make) -> None:
    sides = make()
    crm = sides.crms["crm"]
    refused = []

    def refuse(verb: str, _: str | None) -> None:
        if verb == "create" and crm.calls[-1] == "create Boris":
            refused.append(sides.clock())
            raise RejectedError("no room for Boris")

    crm.before = refuse
    boris = sides.type(name="Boris")
    sides.type(name="Vera")
    sides.tick(20)
    assert [row.values["name"] for row in crm.live()] == ["Vera"]
    assert 3 <= len(refused) <= 6
    seen = len(refused)
    sides.edit(boris, company="Rose")
    sides.tick()
    assert len(refused) == seen + 1
    crm.before = lambda verb, remote_id: None
    sides.edit(boris, company="Tulip")
    rest(sides)
    assert sorted(row.values["name"] for row in crm.live()) == ["Boris", "Vera"]


def test_a_crm_that_is_away_ends_the_turn_and_nothing_is_lost(make: Make) -> None:
    sides = make()
    crm = sides.crms["crm"]
    for name in ("Anna", "Boris", "Vera"):
        sides.type(name=name)
    strike(crm, "before", TransientError("away"), times=2)
    sides.tick(2)
    assert crm.live() == []
    assert sides.records() == []
    rest(sides)
    assert len(crm.live()) == len(sides.records()) == 3


def test_a_batch_with_one_bad_contact_takes_the_others(make: Make) -> None:
    sides = make(batch=10)
    crm = sides.crms["crm"]
    for number in range(25):
        sides.type(name=f"Person {number}")
    strike(crm, "before", RejectedError("no"))
    sides.tick()
    assert [call for call in crm.calls if call.startswith("batch")] == ["batch 10", "batch 10", "batch 5"]
    assert len(crm.live()) == 24
    assert sum(record.state == records.FAILED for record in sides.records()) == 1


@pytest.mark.parametrize("versions", [True, False])
def test_a_record_that_changed_under_our_hands_is_merged_and_not_overwritten(make: Make, versions: bool) -> None:
    sides = make(versions=versions)
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tula", url="")
    sides.tick()
    sides.edit(min(sides.people()), company="Omsk")

    class Calls(list[str]):
        """Where it is written or, if it can be, looked at before, somebody edits it at that moment."""

        def append(self, call: str) -> None:
            super().append(call)
            if call == f"{'update' if versions else 'get'} {anna}" and not crm.rows[anna].values["url"]:
                crm.edit(anna, url="https://anna.example")

    crm.calls = Calls(crm.calls)
    rest(sides)
    values = crm.rows[anna].values
    assert (values["company"], values["url"]) == ("Omsk", "https://anna.example")
    assert sides.only()["url"] == "https://anna.example"


@pytest.mark.parametrize(("policy", "left"), [("ask", 1), ("keep", 1), ("follow", 0)])
@pytest.mark.parametrize("tells", [True, False])
def test_what_follows_from_a_deletion_there(make: Make, policy: str, left: int, tells: bool) -> None:
    sides = make(account(deletions=policy), feed=tells, tells_deletions=tells)
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org")
    sides.tick()
    crm.remove(anna)
    rest(sides)
    assert len(sides.people()) == left
    assert crm.live() == []
    assert [question.kind for question in sides.questions()] == (["gone_there"] if policy == "ask" else [])
    assert [record.state for record in sides.records()] == ["gone"]


@pytest.mark.parametrize(("word", "here", "there"), [("ours", 1, 0), ("theirs", 0, 0), ("again", 1, 1)])
def test_a_person_says_what_follows_from_a_deletion_there(make: Make, word: str, here: int, there: int) -> None:
    sides = make()
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org")
    sides.tick()
    crm.remove(anna)
    sides.tick(2)
    (question,) = sides.questions()
    deciding.answer(sides.store, question.id, word, None, sides.clock())
    rest(sides)
    assert (len(sides.people()), len(crm.live())) == (here, there)


@pytest.mark.parametrize(("policy", "left"), [("ask", 1), ("keep", 1), ("follow", 0)])
def test_what_follows_from_a_deletion_here(make: Make, policy: str, left: int) -> None:
    sides = make(account(deletions=policy))
    crm = sides.crms["crm"]
    crm.add("Anna", "anna@example.org")
    sides.tick()
    (person,) = sides.people()
    sides.delete(person)
    rest(sides)
    assert len(crm.live()) == left
    assert sides.people() == {}
    assert [question.kind for question in sides.questions()] == (["gone_here"] if policy == "ask" else [])


@pytest.mark.parametrize(("word", "here", "there"), [("ours", 0, 0), ("theirs", 1, 1), ("keep", 0, 1)])
def test_a_person_says_what_follows_from_a_deletion_here(make: Make, word: str, here: int, there: int) -> None:
    sides = make()
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org")
    sides.tick()
    (person,) = sides.people()
    sides.delete(person)
    sides.tick()
    crm.edit(anna, company="Tulip")
    sides.tick()
    (question,) = sides.questions()
    deciding.answer(sides.store, question.id, word, None, sides.clock())
    rest(sides)
    assert (len(sides.people()), len(crm.live())) == (here, there)
    if here:
        assert sides.only()["company"] == "Tulip"


@pytest.mark.parametrize("side", ["here", "there"])
def test_many_deletions_at_once_stop_the_sync_until_a_person_accepts_them(make: Make, side: str) -> None:
    sides = make(account(deletions="follow"))
    crm = sides.crms["crm"]
    ids = [crm.add(f"Person {number}", f"p{number}@example.org") for number in range(20)]
    sides.tick()
    if side == "there":
        for one in ids[:10]:
            crm.remove(one)
    else:
        for person in list(sides.people())[:10]:
            sides.delete(person)
    sides.tick(2)
    sides.clock.forward(hours=1)
    exchange = sides.turn()
    assert "--accept-deletions" in exchange.errors[-1].hint
    assert len(sides.people()) == (20 if side == "there" else 10)
    assert len(crm.live()) == (10 if side == "there" else 20)
    sides.turn(accept_deletions=True)
    assert len(sides.people()) == len(crm.live()) == 10


def test_a_record_that_returns_is_followed_again(make: Make) -> None:
    sides = make()
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org")
    sides.tick()
    crm.remove(anna)
    sides.tick(2)
    assert len(sides.questions()) == 1
    crm.rows[anna].deleted = False
    crm.edit(anna, company="Tulip")
    rest(sides)
    assert sides.questions() == []
    assert sides.only()["company"] == "Tulip"


def test_a_crm_whose_clock_is_ahead_does_not_win_for_ever(make: Make) -> None:
    sides = make()
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tula")
    sides.tick()
    crm.edit(anna, company="Perm")
    crm.rows[anna].updated_at = sides.clock().replace(year=sides.clock().year + 1)
    sides.tick()
    (person,) = sides.people()
    sides.edit(person, company="Omsk")
    rest(sides)
    assert crm.rows[anna].values["company"] == "Omsk"


def test_what_a_crm_made_of_a_value_is_known_however_late_it_shows_it(make: Make) -> None:
    """Another push in the meantime does not make an edit of it."""
    sides = make(abilities=frozenset(), tidy=lambda name, value: value.upper() if name == "company" else value)
    crm = sides.crms["crm"]
    crm.lag = timedelta(hours=1, minutes=30)
    person = sides.type(name="Anna", company="Tulip")
    sides.turn()
    sides.edit(person, name="Anna I")
    sides.tick()
    assert [call for call in crm.calls if call.startswith("update")] == ["update 1"]
    rest(sides)
    assert (sides.only()["company"], crm.rows["1"].values["company"]) == ("Tulip", "TULIP")


def test_two_reads_right_after_each_other_are_one_look(make: Make) -> None:
    """What a CRM does not show yet is not gone."""
    sides = make(account(deletions="follow"))
    sides.crms["crm"].lag = timedelta(seconds=45)
    sides.type(name="Anna", emails=("anna@example.org",))
    for seconds in (1, 31, 1, 1, 20):
        sides.clock.forward(seconds=seconds)
        sides.turn()
    assert len(sides.people()) == len(sides.crms["crm"].live()) == 1
    assert [(record.state, record.missing) for record in sides.records()] == [("synced", 0)]
