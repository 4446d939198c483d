"""Users: added, changed, shut out; and there is always an owner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from hub import users
from hub.errors import UsageError
from hub.store import Store
from hub.users import people, sessions, tokens
from hub.users.roles import Permission, Role, User

GOOD = "correct horse battery"
Hire = Callable[..., User]


def test_a_user_is_added_and_found_with_role_and_accounts(store: Store, now: datetime) -> None:
    people.add(store, " Anna ", Role.RESPONDER, GOOD, now, display_name="Anna  K.", accounts=["club", "page"])
    anna = people.find(store, "anna").user
    assert (anna.name, anna.role, anna.display_name) == ("anna", Role.RESPONDER, "Anna K.")
    assert anna.accounts == {"club", "page"}
    assert anna.may(Permission.RESPOND, "club")
    assert not anna.may(Permission.RESPOND, "blog")


def test_no_accounts_is_not_all_accounts(store: Store, now: datetime) -> None:
    people.add(store, "anna", Role.READER, GOOD, now, accounts=[])
    assert people.find(store, "anna").user.accounts == frozenset()
    people.set_accounts(store, "anna", None)
    assert people.find(store, "anna").user.accounts is None


def test_a_name_is_given_once(store: Store, now: datetime) -> None:
    people.add(store, "anna", Role.OWNER, GOOD, now)
    with pytest.raises(UsageError, match="a user anna already"):
        people.add(store, "ANNA", Role.READER, GOOD, now)


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 41, "анна", "a\0b", "a\nb"])
def test_a_name_that_would_not_do_is_refused(store: Store, now: datetime, name: str) -> None:
    with pytest.raises(UsageError, match="not a usable name"):
        people.add(store, name, Role.READER, GOOD, now)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_shown_name_that_no_database_holds_is_refused(store: Store, now: datetime, name: str) -> None:
    with pytest.raises(UsageError):
        people.add(store, "anna", Role.READER, GOOD, now, display_name=name)


def test_everybody_leaves_out_who_was_shut_out(store: Store, now: datetime, hire: Hire) -> None:
    for name in ("boris", "anna", "vera"):
        hire(name, Role.OWNER)
    people.disable(store, "boris", now)
    assert [user.name for user in users.everybody(store)] == ["anna", "vera"]
    assert [member.user.name for member in people.members(store)] == ["anna", "boris", "vera"]


def test_the_last_owner_stays_one(store: Store, now: datetime, hire: Hire) -> None:
    hire("anna", Role.OWNER)
    hire("boris", Role.OWNER)
    people.disable(store, "boris", now)
    with pytest.raises(UsageError, match="last owner"):
        people.change_role(store, "anna", Role.READER)
    with pytest.raises(UsageError, match="last owner"):
        people.disable(store, "anna", now)
    people.enable(store, "boris")
    assert people.change_role(store, "anna", Role.READER).role is Role.READER


def test_who_is_shut_out_loses_sessions_and_tokens_at_once(store: Store, now: datetime, hire: Hire) -> None:
    hire("anna", Role.OWNER)
    boris = hire("boris", Role.READER)
    cookie = sessions.begin(store, boris.id, now)
    token = tokens.make(store, boris, "ci", [Permission.READ], now, None).secret
    people.disable(store, boris.id, now)
    assert sessions.find(store, cookie, now) is None
    assert tokens.find(store, token, now) is None
    people.enable(store, boris.id)
    assert sessions.find(store, cookie, now) is None
    assert tokens.find(store, token, now) is None


def test_another_password_ends_the_other_sessions(store: Store, now: datetime, hire: Hire) -> None:
    anna = hire("anna", Role.OWNER)
    here, there = (sessions.begin(store, anna.id, now) for _ in range(2))
    kept = sessions.find(store, here, now)
    assert kept is not None
    with pytest.raises(UsageError, match="present password is wrong"):
        people.change_password(store, anna, "wrong", "another good sentence", kept.id)
    assert sessions.find(store, there, now) is not None
    people.change_password(store, anna, GOOD, "another good sentence", kept.id)
    assert sessions.find(store, here, now) is not None
    assert sessions.find(store, there, now) is None


def test_preferences_that_do_not_exist_follow_the_browser(store: Store, now: datetime, hire: Hire) -> None:
    anna = hire("anna", Role.OWNER)
    assert people.set_preferences(store, anna.id, language="ru", theme="dark")[5:7] == ("ru", "dark")
    assert people.set_preferences(store, anna.id, language="xx", theme="<b>")[5:7] == ("", "")
