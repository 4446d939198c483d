"""Sessions end when they are idle, old, or revoked; a token speaks for its user within its scopes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from hub.errors import UsageError
from hub.store import Store
from hub.users import people, sessions, tokens
from hub.users.randomness import looks_like_token, make_token
from hub.users.roles import Permission, Role, User

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def anna(hire: Callable[..., User]) -> User:
    return hire("anna", Role.PUBLISHER)


def test_a_session_that_is_used_lives_on_until_it_is_fourteen_days_old(
    store: Store, now: datetime, anna: User
) -> None:
    cookie = sessions.begin(store, anna.id, now)
    moment = now
    while moment < now + 14 * DAY - 11 * HOUR:
        moment += 11 * HOUR
        found = sessions.find(store, cookie, moment)
        assert found is not None
        assert found.user == anna
    assert sessions.find(store, cookie, now + 14 * DAY) is None


def test_a_session_that_is_idle_for_twelve_hours_is_over(store: Store, now: datetime, anna: User) -> None:
    cookie = sessions.begin(store, anna.id, now)
    assert sessions.find(store, cookie, now + 12 * HOUR - MINUTE) is not None
    assert sessions.find(store, cookie, now + 24 * HOUR) is None


def test_a_look_that_does_not_count_keeps_no_session_alive(store: Store, now: datetime, anna: User) -> None:
    cookie = sessions.begin(store, anna.id, now)
    for hour in range(1, 12):
        assert sessions.find(store, cookie, now + hour * HOUR, touch=False) is not None
    assert sessions.find(store, cookie, now + 12 * HOUR, touch=False) is None


def test_many_clicks_in_a_minute_write_once(store: Store, now: datetime, anna: User) -> None:
    cookie = sessions.begin(store, anna.id, now)
    before = store.transactions
    for second in range(0, 120, 10):
        sessions.find(store, cookie, now + timedelta(seconds=second))
    assert store.transactions - before == 1


def test_a_login_ends_the_session_from_before(store: Store, now: datetime, anna: User) -> None:
    first = sessions.begin(store, anna.id, now)
    second = sessions.begin(store, anna.id, now, old=first)
    assert first != second
    assert sessions.find(store, first, now) is None
    assert sessions.find(store, second, now) is not None


def test_sessions_are_listed_and_each_is_revoked_by_its_own_user_alone(
    store: Store, now: datetime, anna: User, hire: Callable[..., User]
) -> None:
    boris = hire("boris", Role.READER)
    cookie = sessions.begin(store, anna.id, now, agent="Firefox\x1b[31m", address="10.0.0.1")
    [one] = sessions.of_user(store, anna.id, now)
    assert (one.agent, one.address) == ("Firefox[31m", "10.0.0.1")
    assert sessions.revoke(store, boris.id, one.id) is False
    assert sessions.find(store, cookie, now) is not None
    assert sessions.revoke(store, anna.id, one.id) is True
    assert sessions.find(store, cookie, now) is None


def test_sessions_that_are_over_are_forgotten_at_the_next_login(store: Store, now: datetime, anna: User) -> None:
    import sqlalchemy as sa

    from hub.store.tables import sessions as table

    for day in range(5):
        sessions.begin(store, anna.id, now + day * DAY)
    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 1


def test_a_role_that_was_changed_holds_for_a_session_at_once(store: Store, now: datetime, anna: User) -> None:
    cookie = sessions.begin(store, anna.id, now)
    people.change_role(store, anna.id, Role.READER)
    found = sessions.find(store, cookie, now)
    assert found is not None
    assert not found.user.may(Permission.PUBLISH)


def test_a_token_may_what_its_scopes_and_its_user_may(store: Store, now: datetime, anna: User) -> None:
    secret = tokens.make(store, anna, "ci", [Permission.READ, Permission.PUBLISH], now, None).secret
    found = tokens.find(store, secret, now)
    assert found is not None
    assert [permission for permission in Permission if found.may(permission)] == ["read", "publish"]
    people.change_role(store, anna.id, Role.READER)
    found = tokens.find(store, secret, now)
    assert found is not None
    assert [permission for permission in Permission if found.may(permission)] == ["read"]


def test_a_token_ends_when_its_time_is_over_or_it_is_revoked(store: Store, now: datetime, anna: User) -> None:
    made = tokens.make(store, anna, "ci", [Permission.READ], now, now + DAY)
    assert tokens.find(store, made.secret, now + DAY - MINUTE) is not None
    assert tokens.find(store, made.secret, now + DAY) is None
    other = tokens.make(store, anna, "bot", [Permission.READ], now, None)
    assert tokens.revoke(store, other.token.id, anna.id + 1) is False
    assert tokens.revoke(store, other.token.id, anna.id) is True
    assert tokens.find(store, other.secret, now) is None


def test_when_a_token_was_used_is_written_once_a_minute(store: Store, now: datetime, anna: User) -> None:
    made = tokens.make(store, anna, "ci", [Permission.READ], now, None)
    before = store.transactions
    for second in range(0, 120, 10):
        tokens.find(store, made.secret, now + timedelta(seconds=second))
    assert store.transactions - before == 2
    [kept] = tokens.of_user(store, anna.id)
    assert kept.used_at == now + MINUTE


@pytest.mark.parametrize(
    ("scopes", "name", "why"),
    [
        ([], "x", "may do nothing"),
        ([Permission.ADMIN], "x", "no permission admin"),
        ([Permission.READ], " ", "no name"),
    ],
)
def test_a_token_that_would_be_none_is_refused(
    store: Store, now: datetime, anna: User, scopes: list[Permission], name: str, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        tokens.make(store, anna, name, scopes, now, None)


def test_a_token_that_is_mistyped_is_known_without_the_store() -> None:
    token = make_token()
    assert looks_like_token(token)
    assert len(token) == 53
    assert len({make_token() for _ in range(100)}) == 100
    for wrong in (token[:-1], token + "0", token.replace("hub_", "hup_"), token[:10] + "!" + token[11:], ""):
        assert not looks_like_token(wrong)
    changed = token[:10] + ("a" if token[10] != "a" else "b") + token[11:]
    assert not looks_like_token(changed)
