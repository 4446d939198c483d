"""Logins: what is wrong is not told apart, and failures are counted where a restart forgets nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from hub.store import Store
from hub.store.team import attempts
from hub.users import people, sessions, setup
from hub.users.logins import BOUNDS, LoginRefused, TooManyLogins, log_in
from hub.users.randomness import digest_of
from hub.users.roles import Role, User

GOOD = "correct horse battery"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def anna(hire: Callable[..., User]) -> None:
    hire("anna")


def fail(store: Store, moment: datetime, name: str = "anna", address: str = "10.0.0.1") -> str:
    """Try a wrong password; say how it went."""
    try:
        log_in(store, name, "wrong password", moment, address=address)
    except (LoginRefused, TooManyLogins) as error:
        return type(error).__name__
    return "let in"


def test_a_login_begins_a_session(store: Store, now: datetime) -> None:
    cookie = log_in(store, " Anna ", GOOD, now, address="10.0.0.1", agent="Firefox")
    found = sessions.find(store, cookie, now)
    assert found is not None
    assert found.user.name == "anna"


def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words(store: Store, now: datetime) -> None:
    said = []
    for name, password in (("anna", "wrong"), ("nobody", GOOD), ("a\0b", GOOD), ("\ud800", GOOD), ("", "")):
        with pytest.raises(LoginRefused) as caught:
            log_in(store, name, password, now, address="10.0.0.1")
        said.append((str(caught.value), caught.value.hint))
    assert len(set(said)) == 1


def test_who_was_shut_out_is_refused_with_the_right_password(
    store: Store, now: datetime, hire: Callable[..., User]
) -> None:
    hire("boris", Role.READER)
    people.disable(store, "boris", now)
    with pytest.raises(LoginRefused):
        log_in(store, "boris", GOOD, now, address="10.0.0.1")


def test_five_failures_for_one_name_from_one_address_and_the_sixth_waits(
    store: Store, now: datetime, database_url: str
) -> None:
    assert fail(store, now) == "LoginRefused"
    assert [count(store, now + n * timedelta(seconds=10), "anna") for n in range(1, 5)] == ["counted"] * 4
    with pytest.raises(TooManyLogins) as caught:
        log_in(store, "anna", GOOD, now + MINUTE, address="10.0.0.1")
    assert caught.value.retry_after == 4 * 60 + 1
    # Anna herself, elsewhere, is not shut out by who guesses; and a new process knows what the old one counted.
    assert log_in(store, "anna", GOOD, now + MINUTE, address="10.0.0.2")
    again = Store.open(database_url)
    with pytest.raises(TooManyLogins):
        log_in(again, "anna", GOOD, now + MINUTE, address="10.0.0.1")
    again.close()
    assert log_in(store, "anna", GOOD, now + 5 * MINUTE + timedelta(seconds=1), address="10.0.0.1")


def count(store: Store, moment: datetime, name: str, address: str = "10.0.0.1") -> str:
    """Begin an attempt that fails, without the cost of a hash; say how it went."""
    attempt, _wait = store.write(attempts.begin, address, digest_of(name), BOUNDS, moment)
    return "counted" if attempt else "refused"


def test_an_unknown_name_is_counted_like_a_known_one(store: Store, now: datetime) -> None:
    assert fail(store, now, "nobody") == "LoginRefused"
    assert [count(store, now, "nobody") for _ in range(5)] == ["counted"] * 4 + ["refused"]


def test_twenty_failures_from_one_address_and_every_name_waits_there(store: Store, now: datetime) -> None:
    assert {count(store, now, f"name{n}") for n in range(20)} == {"counted"}
    assert count(store, now, "another") == "refused"
    assert count(store, now, "another", "10.0.0.2") == "counted"
    assert fail(store, now, "another") == "TooManyLogins"


def test_fifty_failures_for_one_name_from_anywhere_in_an_hour(store: Store, now: datetime) -> None:
    assert {count(store, now + n * MINUTE, "anna", f"10.0.1.{n}") for n in range(50)} == {"counted"}
    assert fail(store, now + 51 * MINUTE, address="10.0.2.1") == "TooManyLogins"
    assert count(store, now + 61 * MINUTE, "anna", "10.0.2.1") == "counted"


def test_a_success_forgets_what_failed_before_it(store: Store, now: datetime) -> None:
    for _ in range(4):
        assert count(store, now, "anna") == "counted"
    log_in(store, "anna", GOOD, now, address="10.0.0.1")
    assert [count(store, now, "anna") for _ in range(6)] == ["counted"] * 5 + ["refused"]


def test_guesses_that_come_at_once_are_counted_like_one_after_another(store: Store, now: datetime) -> None:
    said: list[str] = []
    guessers = [threading.Thread(target=lambda: said.append(count(store, now, "anna"))) for _ in range(10)]
    for guesser in guessers:
        guesser.start()
    for guesser in guessers:
        guesser.join()
    assert sorted(said) == ["counted"] * 5 + ["refused"] * 5


def test_the_first_owner_comes_in_once_by_the_link_of_the_log(database_url: str, now: datetime) -> None:
    from hub.store import migrate
    from hub.store.tables import users

    store = Store.open(database_url)
    migrate.upgrade(store)
    store.write(lambda connection: connection.execute(users.delete()))
    first, second = setup.offer(store, now), setup.offer(store, now)
    assert first is not None
    assert second is not None
    assert setup.holds(store, first, now)
    assert not setup.holds(store, first, now + timedelta(hours=24))
    with pytest.raises(setup.SetupRefused):
        setup.accept(store, "wrong", "anna", GOOD, now)
    owner = setup.accept(store, first, "anna", GOOD, now)
    assert owner.role is Role.OWNER
    for token in (first, second):
        with pytest.raises(setup.SetupRefused):
            setup.accept(store, token, "boris", GOOD, now)
    assert setup.offer(store, now) is None
    store.close()


def test_two_that_use_the_link_at_once_make_one_owner(database_url: str, now: datetime) -> None:
    from hub.store import migrate
    from hub.store.tables import users

    stores = [Store.open(database_url) for _ in range(2)]
    migrate.upgrade(stores[0])
    stores[0].write(lambda connection: connection.execute(users.delete()))
    token = setup.offer(stores[0], now)
    assert token is not None
    came: list[str] = []

    def come(store: Store, name: str) -> None:
        try:
            came.append(setup.accept(store, token, name, GOOD, now).name)
        except setup.SetupRefused:
            came.append("refused")

    both = [threading.Thread(target=come, args=(store, f"owner{n}")) for n, store in enumerate(stores)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert came.count("refused") == 1
    assert len(people.members(stores[0])) == 1
    for store in stores:
        store.close()
