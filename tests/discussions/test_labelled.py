"""How well repeats are recognised, on pairs that nothing was chosen by."""

from __future__ import annotations

from collections import Counter

from discussions.labelled import Pair, is_held_out, measure, pairs

EVERY = list(pairs())
HELD_OUT = [pair for pair in EVERY if is_held_out(pair)]


def shown(half: list[Pair]) -> str:
    found = measure(half)
    return f"missed {dict(found.missed)}, wrong {dict(found.wrong)}"


def test_there_are_enough_pairs_of_each_kind_in_both_languages() -> None:
    assert len(EVERY) >= 320
    assert len(HELD_OUT) >= 150
    by_lang = Counter(pair.lang for pair in EVERY)
    assert min(by_lang["ru"], by_lang["en"]) >= 0.45 * len(EVERY)
    assert min(Counter(pair.same for pair in EVERY).values()) >= 0.4 * len(EVERY)


def test_a_family_is_in_one_half_as_a_whole() -> None:
    held = {pair.family for pair in HELD_OUT}
    assert not held & {pair.family for pair in EVERY if not is_held_out(pair)}


def test_what_is_taken_for_a_repeat_is_one() -> None:
    assert measure(HELD_OUT).precision >= 0.98, shown(HELD_OUT)


def test_most_repeats_are_recognised() -> None:
    assert measure(HELD_OUT).recall >= 0.85, shown(HELD_OUT)


def test_no_short_agreement_or_question_of_two_people_is_a_repeat() -> None:
    short = [pair for pair in EVERY if pair.kind in ("agreement", "namesake", "asked", "template", "half a name")]
    assert len(short) >= 60
    assert measure(short).wrong.total() == 0
