"""Three-way merging: one side's change goes to the other, of two the policy decides, and nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contacts.crm.threeway import Fields, Lost, Merged, Value, merge, same, tidied
from hub.sections import Policy

EARLY = datetime(2026, 5, 1, tzinfo=UTC)
LATE = EARLY + timedelta(hours=1)
NAMES = ("name", "city", "emails")


def merged(
    base: Fields | None,
    ours: Fields,
    theirs: Fields,
    policies: Mapping[str, Policy] | None = None,
    *,
    ours_at: datetime = EARLY,
    theirs_at: datetime = EARLY,
    before: Fields | None = None,
) -> Merged:
    return merge(base, ours, theirs, policies or {}, dict.fromkeys(NAMES, ours_at), theirs_at, before=before)


def test_what_one_side_changed_goes_to_the_other() -> None:
    base = {"name": "Anna", "city": "Tula"}
    found = merged(base, {"name": "Anna", "city": "Omsk"}, {"name": "Anna I", "city": "Tula"})
    assert (found.ours, found.theirs, found.conflicts) == ({"name": "Anna I"}, {"city": "Omsk"}, [])
    assert found.lost == []


@pytest.mark.parametrize("cleared", ["ours", "theirs"])
def test_what_one_side_cleared_is_cleared_on_the_other(cleared: str) -> None:
    sides = {"ours": {"city": "Tula"}, "theirs": {"city": "Tula"}, cleared: {"city": ""}}
    found = merged({"city": "Tula"}, sides["ours"], sides["theirs"])
    assert {**found.ours, **found.theirs} == {"city": ""}


def test_the_newest_value_holds_and_the_other_is_kept_as_lost() -> None:
    base, ours, theirs = {"city": "Tula"}, {"city": "Omsk"}, {"city": "Perm"}
    here = merged(base, ours, theirs, ours_at=LATE)
    there = merged(base, ours, theirs, theirs_at=LATE)
    assert (here.theirs, here.ours, here.lost) == ({"city": "Omsk"}, {}, [Lost("city", "Perm", "theirs")])
    assert (there.ours, there.theirs, there.lost) == ({"city": "Perm"}, {}, [Lost("city", "Omsk", "ours")])


@pytest.mark.parametrize(("policy", "winner"), [("ours", "Omsk"), ("theirs", "Perm")])
def test_a_policy_beats_the_clock(policy: Policy, winner: str) -> None:
    for late in ("ours_at", "theirs_at"):
        found = merged({"city": ""}, {"city": "Omsk"}, {"city": "Perm"}, {"city": policy}, **{late: LATE})
        assert {*found.ours.values(), *found.theirs.values()} == {winner}


def test_what_is_asked_changes_neither_side_until_it_is_answered() -> None:
    base, ours, theirs = {"city": "Tula"}, {"city": "Omsk"}, {"city": "Perm"}
    found = merged(base, ours, theirs, {"city": "ask"})
    assert (found.ours, found.theirs, found.conflicts, found.lost) == ({}, {}, ["city"], [])
    again = merged(found.base, ours, theirs, {"city": "ask"})
    assert again.conflicts == ["city"]


def test_lists_merge_by_their_elements() -> None:
    base = {"emails": ("a@x.org", "b@x.org")}
    found = merged(base, {"emails": ("b@x.org", "c@x.org")}, {"emails": ("a@x.org", "B@x.org", "d@x.org")})
    assert found.ours == {"emails": ("b@x.org", "c@x.org", "d@x.org")}
    assert found.theirs == {"emails": ("b@x.org", "c@x.org", "d@x.org")}


def test_a_list_in_another_order_or_spelling_is_the_same() -> None:
    found = merged({"emails": ()}, {"emails": ("A@x.org", "b@x.org")}, {"emails": ("b@x.org", "a@x.org")})
    assert (found.ours, found.theirs) == ({}, {})


def test_two_that_meet_first_take_what_the_other_lacks() -> None:
    found = merged(None, {"name": "Anna", "city": ""}, {"name": "", "city": "Omsk"})
    assert (found.ours, found.theirs) == ({"city": "Omsk"}, {"name": "Anna"})


def test_two_that_meet_first_do_not_fight_over_spelling() -> None:
    found = merged(None, {"name": "Anna Ivanova"}, {"name": "ANNA  IVANOVA"}, {"name": "ask"})
    assert (found.ours, found.theirs, found.conflicts) == ({}, {}, [])
    again = merged(found.base, {"name": "Anna Ivanova"}, {"name": "Anna Petrova"}, before={"name": "ANNA IVANOVA"})
    assert again.ours == {"name": "Anna Petrova"}


def test_an_element_that_the_crm_did_not_take_is_neither_removed_nor_offered_again() -> None:
    base, before = {"emails": ("a@x.org", "b@x.org")}, {"emails": ("a@x.org",)}
    quiet = merged(base, {"emails": ("a@x.org", "b@x.org")}, before, before=before)
    assert (quiet.ours, quiet.theirs) == ({}, {})
    more = merged(base, {"emails": ("a@x.org", "b@x.org", "c@x.org")}, before, before=before)
    assert (more.ours, more.theirs) == ({}, {"emails": ("a@x.org", "c@x.org")})


def test_a_list_whose_policy_names_a_side_is_taken_whole() -> None:
    base = {"emails": ("a@x.org",)}
    found = merged(base, {"emails": ("a@x.org", "b@x.org")}, {"emails": ("c@x.org",)}, {"emails": "theirs"})
    assert found.ours == {"emails": ("c@x.org",)}
    assert found.lost == [Lost("emails", ("a@x.org", "b@x.org"), "ours")]


@pytest.mark.parametrize(
    ("given", "found", "is_so"),
    [
        ("anna", "ANNA", True),
        ("Anna  Ivanova ", "Anna Ivanova", True),
        ("Alexandra Konstantinova", "Alexandra Ko", True),
        ("Anna", "Ann", False),
        ("Anna", "", False),
        ("+", "-", False),
    ],
)
def test_what_a_crm_makes_of_a_value_is_told_from_what_somebody_typed(given: str, found: str, is_so: bool) -> None:
    assert tidied(given, found) is is_so


scalars = st.sampled_from(["", "Anna", "ANNA", " Anna ", "Boris", "Vera"])
lists = st.lists(st.sampled_from(["a@x.org", "A@X.org", "b@x.org", "c@x.org"]), max_size=3).map(tuple)
sides: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries(
    {}, optional={"name": scalars, "city": scalars, "emails": lists}
)
policies = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(["ours", "theirs", "newest", "union", "ask"]), max_size=3
)
moments = st.sampled_from([EARLY, LATE])


@settings(max_examples=200, deadline=None)
@given(st.none() | sides, sides, sides, policies, moments, moments)
def test_a_merge_agrees_in_one_step_and_loses_nothing(
    base: Fields | None,
    ours: Fields,
    theirs: Fields,
    rules: Mapping[str, Policy],
    ours_at: datetime,
    theirs_at: datetime,
) -> None:
    found = merged(base, ours, theirs, rules, ours_at=ours_at, theirs_at=theirs_at)
    here, there = {**ours, **found.ours}, {**theirs, **found.theirs}
    asked = set(found.conflicts)
    agreed = {**there, **{name: (base or {}).get(name, "") for name in asked}}
    again = merged(found.base, here, there, rules, before=agreed, ours_at=ours_at, theirs_at=theirs_at)
    assert (again.ours, again.theirs, again.lost) == ({}, {}, [])
    assert set(again.conflicts) == asked
    pending = merged(found.base, here, theirs, rules, before=theirs, ours_at=ours_at, theirs_at=theirs_at)
    assert {name: value for name, value in pending.theirs.items() if name not in asked} == found.theirs
    for name in {*ours, *theirs} - asked:
        for side, before in ((ours, base), (theirs, base)):
            value = side.get(name, "")
            if not value or not isinstance(value, str) or same(name, value, (before or {}).get(name, "")):
                continue
            held = [here.get(name, ""), there.get(name, ""), *(one.value for one in found.lost)]
            assert any(isinstance(one, str) and same(name, one, value) for one in held)
    for name in asked:
        assert (here.get(name), there.get(name)) == (ours.get(name), theirs.get(name))
