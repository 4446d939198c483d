"""Passwords: argon2id as strong as was decided, renewed when it was weaker, and the same cost for everybody."""

from __future__ import annotations

import threading
import time
from statistics import median

import pytest
from argon2.low_level import Type
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from hub.errors import UnavailableError, UsageError
from hub.users.passwords import LONGEST_BYTES, check, make_hash

GOOD = "correct horse battery"


def test_a_hash_is_argon2id_with_64_mib_three_passes_and_four_lanes() -> None:
    assert make_hash(GOOD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_the_right_password_is_right_and_another_is_not() -> None:
    stored = make_hash(GOOD)
    assert check(GOOD, stored) == (True, "")
    assert check(GOOD + " ", stored) == (False, "")


def test_a_weaker_hash_is_renewed_at_the_login() -> None:
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8192, parallelism=1, type=Type.ID),)).hash(GOOD)
    right, fresh = check(GOOD, weak)
    assert right
    assert fresh.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert check(GOOD, fresh) == (True, "")
    assert check("wrong", weak) == (False, "")


def test_an_unknown_user_costs_as_much_as_a_known_one() -> None:
    stored = make_hash(GOOD)

    def cost(kept: str) -> float:
        began = time.perf_counter()
        assert not check("wrong password", kept).right
        return time.perf_counter() - began

    times = [(cost(stored), cost("")) for _ in range(5)]
    known, unknown = median(one for one, _ in times), median(other for _, other in times)
    assert 0.5 < unknown / known < 2


def test_the_same_letters_typed_on_another_keyboard_are_the_same_password() -> None:
    assert check("пароль с Йотом".replace("Й", "\u0418\u0306"), make_hash("пароль с Йотом")).right


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "shorter than 10"),
        ("x" * (LONGEST_BYTES + 1), "longer than 1024"),
        ("я" * (LONGEST_BYTES // 2 + 1), "longer than 1024"),
        ("aaaaaaaaaaaa", "easily guessed"),
        ("annaanna12345", "easily guessed"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        make_hash(password, "anna")


@pytest.mark.parametrize("password", ["\ud800" * 12, "x" * 100_000, "я" * 100_000])
def test_what_is_no_password_is_wrong_and_breaks_nothing(password: str) -> None:
    assert not check(password, make_hash(GOOD)).right


def test_more_than_a_few_at_once_are_sent_away_and_take_no_thread() -> None:
    stored = make_hash(GOOD)
    done: list[bool] = []
    refused: list[UnavailableError] = []

    def guess() -> None:
        try:
            done.append(check(GOOD, stored).right)
        except UnavailableError as error:
            refused.append(error)

    guessers = [threading.Thread(target=guess) for _ in range(40)]
    for guesser in guessers:
        guesser.start()
    for guesser in guessers:
        guesser.join()
    assert all(done)
    assert len(done) >= 2
    assert len(refused) == 40 - len(done) > 0
