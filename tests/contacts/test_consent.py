"""Consent: given, taken back, with its history; it stays with the person who gave it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hub.contacts.identity import merging
from hub.contacts.privacy import consent
from hub.errors import UsageError
from hub.store import Store, migrate
from hub.store.people import cards
from hub.store.privacy import consents
from hub.users import people
from hub.users.roles import Role, User

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    for name in ("Anna", "Boris"):
        opened.write(lambda c, name=name: cards.create(c, {"name": name}, origin="typed", source="user", now=NOW))
    yield opened
    opened.close()


def test_the_latest_word_holds_and_the_others_are_kept(store: Store) -> None:
    user = people.add(store, "olga", Role.OWNER, "a long password", NOW, display_name="Olga")
    assert consent.give(store, 1, "news", user, NOW, note="at the fair")
    assert consent.withdraw(store, 1, "news", None, NOW + DAY, source="crm")
    assert consent.give(store, 1, "calls", None, NOW)
    assert [(one.purpose, one.granted) for one in consent.of(store, 1)] == [("calls", True), ("news", False)]
    said = [(one.purpose, one.granted, one.by, one.source, one.note) for one in consent.history(store, 1)]
    assert said[0] == ("news", False, "", "crm", "")
    assert ("news", True, "Olga", "user", "at the fair") in said


def test_the_same_word_again_writes_nothing(store: Store) -> None:
    assert consent.give(store, 1, "news", None, NOW)
    assert not consent.give(store, 1, "news", None, NOW + DAY)
    assert len(consent.history(store, 1)) == 1


def test_who_agreed_is_told_for_many_at_once(store: Store) -> None:
    consent.give(store, 1, "news", None, NOW)
    consent.give(store, 2, "news", None, NOW)
    consent.withdraw(store, 2, "news", None, NOW + DAY)
    with store.read() as connection:
        assert consents.agreed(connection, [1, 2, 3], "news") == {1}
        assert consents.agreed(connection, [1, 2], "calls") == set()


def test_of_two_who_are_joined_the_latest_word_holds_and_a_split_gives_each_their_own(store: Store) -> None:
    consent.give(store, 1, "news", None, NOW)
    consent.withdraw(store, 2, "news", None, NOW + DAY)
    me = User(0, "me", Role.OWNER)
    person = merging.merge(store, 1, 2, me, NOW + DAY)
    with store.read() as connection:
        assert consents.agreed(connection, [person], "news") == set()
    merging.split(store, person, [2], me, NOW + 2 * DAY)
    with store.read() as connection:
        assert consents.agreed(connection, [1, 2], "news") == {1}


@pytest.mark.parametrize("purpose", ["", " ", "a" * 65, "new\nline"])
def test_a_purpose_that_is_no_name_is_refused(store: Store, purpose: str) -> None:
    with pytest.raises(UsageError, match="no usable name of a purpose"):
        consent.give(store, 1, purpose, None, NOW)


def test_nobody_agrees_to_nothing(store: Store) -> None:
    with pytest.raises(UsageError, match="there is no contact 9"):
        consent.give(store, 9, "news", None, NOW)
