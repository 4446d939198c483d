"""How often a network may be called: slices of a budget, used up by many threads and processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import OverBudget
from hub.lease import elapsed
from hub.pace import Level, Rate, Shared, Slice, most_at_once, take

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRESH = Level(NOON, NOON)


def moment(after: timedelta) -> datetime:
    return NOON + after


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def test_calls_of_a_second_are_taken_one_after_the_other() -> None:
    level, first = take(FRESH, Rate(2), 1, NOON)
    level, second = take(level, Rate(2), 2, NOON)
    level, third = take(level, Rate(2), 1, moment(seconds(60)))
    assert [first - NOON, second - NOON, third - NOON] == [seconds(0), seconds(0.5), seconds(60)]
    assert level.next_at == moment(seconds(60.5))


def test_of_an_hours_calls_a_tenth_goes_at_once_and_the_rest_evenly() -> None:
    level, found = FRESH, []
    for _ in range(100):
        level, free = take(level, Rate(per_hour=100), 1, NOON)
        found.append(free - NOON)
    assert found[:10] == [seconds(0)] * 10
    gaps = {round((later - earlier).total_seconds(), 2) for earlier, later in pairwise(found[9:])}
    assert gaps == {40.02}
    assert found[-1] <= HOUR + seconds(10)


@given(
    per_hour=st.integers(1, 40),
    per_second=st.sampled_from([None, 0.01, 1.0]),
    asked=st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 4)), min_size=1, max_size=60),
)
def test_no_hour_sees_more_calls_than_it_may(
    per_hour: int, per_second: float | None, asked: list[tuple[int, int]]
) -> None:
    """Whenever calls are asked for, and however late in its slice each one is made."""
    rate = Rate(per_second, per_hour)
    level, now, made = FRESH, NOON, list[datetime]()
    for pause, calls in asked:
        now += timedelta(seconds=pause)
        calls = min(calls, most_at_once(rate))
        level, free = take(level, rate, calls, now)
        made += [max(free, now) + timedelta(seconds=rate.interval * number) for number in range(calls)]
    made.sort()
    for number, call in enumerate(made):
        assert sum(1 for other in made[number:] if other < call + HOUR) <= per_hour


def test_what_is_held_is_free_when_the_hold_ends() -> None:
    held = FRESH._replace(held_until=moment(seconds(90)))
    level, free = take(held, Rate(2), 1, NOON)
    assert free == moment(seconds(90))
    assert level.held_until == moment(seconds(90))


class Time:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Bucket:
    """A budget in memory, as the store keeps it."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = elapsed) -> None:
        self.rate = rate
        self.clock = clock
        self.level = Level(self.now(), self.now())
        self.asked: list[int] = []
        self.held = ""
        self.guard = threading.Lock()

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.clock())

    def __call__(self, calls: int, patience: float) -> Slice:
        with self.guard:
            now = self.now()
            level, free = take(self.level, self.rate, calls, now)
            wait = (free - now).total_seconds()
            if wait > patience:
                return Slice(wait, 0, self.held)
            self.asked.append(calls)
            self.level = level
            return Slice(wait, calls)

    def put_by(self, until: float, why: str) -> None:
        self.level = self.level._replace(held_until=self.now() + timedelta(seconds=until))
        self.held = why


def shared(bucket: Bucket, *, sharers: int = 1) -> Shared:
    if isinstance(bucket.clock, Time):
        return Shared(
            "app news",
            bucket.rate,
            bucket,
            bucket.put_by,
            sharers=sharers,
            clock=bucket.clock,
            sleep=bucket.clock.sleep,
        )
    return Shared("app news", bucket.rate, bucket, bucket.put_by, sharers=sharers)


def at_once(*paces: Shared) -> tuple[int, float]:
    """Make thirty calls on each pace at once; return how many were made, and in how many seconds."""
    made: list[float] = []

    def call(pace: Shared) -> None:
        for _ in range(30):
            pace.wait(elapsed() + 60)
            made.append(elapsed())

    began = elapsed()
    threads = [threading.Thread(target=call, args=(pace,)) for pace in paces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(made), max(made) - began


def test_two_processes_keep_one_budget_between_them() -> None:
    bucket = Bucket(Rate(40))
    made, took = at_once(shared(bucket), shared(bucket))
    assert made == 60
    assert took >= (made - 3) / 40


def test_threads_of_one_process_share_its_slices() -> None:
    bucket = Bucket(Rate(80))
    pace = shared(bucket)
    made, took = at_once(pace, pace, pace, pace)
    assert made == 120
    assert took >= (made - 2) / 80
    assert len(bucket.asked) < 60


def test_the_store_is_asked_once_for_a_seconds_calls_and_all_of_them_are_made() -> None:
    clock = Time()
    bucket = Bucket(Rate(50), clock)
    pace = shared(bucket)
    for _ in range(300):
        pace.wait(clock() + 5)
    assert bucket.asked == [1, 2, 4, 8, 16, 32, *[50] * 5]
    assert clock() - 1000 == pytest.approx(299 / 50, abs=0.02)


def test_who_calls_now_and_then_takes_no_more_than_it_uses() -> None:
    clock = Time()
    bucket = Bucket(Rate(50), clock)
    pace = shared(bucket)
    for _ in range(3):
        pace.wait(clock() + 5)
        clock.sleep(0.2)
    assert bucket.asked == [1, 1, 1]


def test_what_was_too_much_makes_the_next_slice_small_again() -> None:
    clock = Time()
    bucket = Bucket(Rate(50), clock)
    pace = shared(bucket)
    for _ in range(20):
        pace.wait(clock() + 5)
    clock.sleep(3)
    pace.wait(clock() + 5)
    assert bucket.asked == [1, 2, 4, 8, 16, 1]


def test_who_would_wait_for_long_gives_its_thread_back_and_takes_nothing() -> None:
    bucket = Bucket(Rate(10))
    bucket.level = bucket.level._replace(next_at=bucket.now() + timedelta(seconds=5))
    began = elapsed()
    with pytest.raises(OverBudget, match="app news") as caught:
        shared(bucket).wait(elapsed() + 30)
    assert elapsed() - began < 1
    assert caught.value.retry_after == pytest.approx(5, abs=0.3)
    assert bucket.asked == []


def test_those_that_find_no_room_come_back_as_far_apart_as_it_can_bear() -> None:
    bucket = Bucket(Rate(10))
    bucket.level = bucket.level._replace(next_at=bucket.now() + timedelta(seconds=5))
    pace = shared(bucket, sharers=1000)
    waits = []
    for _ in range(200):
        with pytest.raises(OverBudget) as caught:
            pace.wait(elapsed() + 30)
        waits.append(caught.value.retry_after or 0)
    assert min(waits) < 20
    assert 90 < max(waits) <= 105
    assert sum(waits) / 200 == pytest.approx(55, abs=15)


def test_a_hold_stops_all_that_share_the_budget_and_says_why() -> None:
    bucket = Bucket(Rate(100))
    one, other = shared(bucket), shared(bucket)
    other.wait(elapsed() + 1)
    one.wait(elapsed() + 1)
    one.hold(60, "too many calls by this app")
    for pace in (one, other):
        with pytest.raises(OverBudget, match="too many calls by this app") as caught:
            for _ in range(3):
                pace.wait(elapsed() + 30)
        assert caught.value.retry_after == pytest.approx(60, abs=1)


def test_a_budget_without_a_bound_is_looked_at_once_a_second() -> None:
    bucket = Bucket(Rate())
    pace = shared(bucket)
    began = elapsed()
    for _ in range(5000):
        pace.wait(began + 30)
    assert len(bucket.asked) <= 1 + (elapsed() - began) // 1 + 1


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.0, 0.001, 0.01, 0.3])), min_size=2, max_size=80),
    st.sampled_from([3.0, 20.0, 200.0]),
)
def test_no_second_sees_more_calls_than_the_rate_and_one_for_each_process(
    calls: list[tuple[bool, float]], rate: float
) -> None:
    clock = Time()
    bucket = Bucket(Rate(rate), clock)
    paces = {one: shared(bucket) for one in (True, False)}
    made = []
    for one, pause in calls:
        clock.sleep(pause)
        paces[one].wait(clock() + 60)
        made.append(clock())
    for call in made:
        assert sum(1 for other in made if call <= other < call + 0.999) <= rate + 2
