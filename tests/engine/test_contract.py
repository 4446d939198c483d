"""What every engine does, with turns that do what a test says: the same on each database and engine."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy.engine import Connection

from hub.engine.local import Local
from hub.engine.port import Engine
from hub.lease import never
from hub.store import Store
from hub.store.running import accounts, leases
from hub.store.running.leases import Claim
from tests.engine.rows import KIND, Rows, hasten, now, register, running, tell

HOUR = timedelta(hours=1)
LONG = 0.1
Make = Callable[..., Engine]

pytestmark = pytest.mark.parametrize(
    ("database_url", "name"),
    [("sqlite", "local"), ("postgresql", "local"), ("postgresql", "procrastinate")],
    ids=["local-sqlite", "local-postgresql", "procrastinate"],
    indirect=["database_url"],
)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def make(store: Store, name: str) -> Iterator[Make]:
    """Make an engine with so many turns side by side."""
    made: list[Engine] = []

    def one(turns: int = 4) -> Engine:
        engine: Engine
        if name == "local":
            engine = Local(store, turns)
        else:
            from hub.engine import procrastinate, procrastinate_sql

            procrastinate_sql.prepare(store, now())
            engine = procrastinate.Procrastinate(store, now, turns)
        tell(store, engine)
        made.append(engine)
        return engine

    yield one
    for engine in made:
        engine.stop(timedelta(seconds=10))


def later(_account: str) -> datetime:
    return now() + HOUR


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def free(store: Store) -> bool:
    """Tell whether nobody has any account."""
    with store.read() as connection:
        return leases.owners(connection) == []


class Slow(Rows):
    """Turns that go on until they are told that it is enough, or the gate opens; what is left stays due."""

    def __init__(self, store: Store, owner: str) -> None:
        self.gate = threading.Event()
        self.begun: list[str] = []
        self.broken_off: list[str] = []
        self._told: Callable[[], bool] = never
        super().__init__(store, self.go_on, owner)

    def carry_out(self, claim: Claim, stop: Callable[[], bool]) -> str:
        self._told = stop
        return super().carry_out(claim, stop)

    def go_on(self, account: str) -> datetime:
        self.begun.append(account)
        while not self.gate.wait(0.01):
            if self._told():
                self.broken_off.append(account)
                return now()
        return later(account)


def test_what_becomes_due_is_carried_out_without_being_asked_for(store: Store, make: Make) -> None:
    register(store, ["a", "b", "c"], now() + HOUR)
    rows = Rows(store, later)
    with running(make(), rows):
        for name in ("a", "c"):
            hasten(store, [name])
            until(lambda name=name: rows.turns[name] == 1)  # type: ignore[misc]  # mypy knows no lambda defaults
        assert rows.turns == {"a": 1, "c": 1}


def test_a_round_does_what_is_due_and_what_falls_due_of_it(store: Store, make: Make) -> None:
    register(store, ["a", "b", "c"], now() + HOUR)
    hasten(store, ["a"])
    after = {"a": "b", "b": "c"}

    def wake(account: str) -> datetime:
        if account in after:
            hasten(store, [after[account]])
        return later(account)

    rows = Rows(store, wake)
    told: list[str] = []
    engine = make()
    assert engine.run_once(rows, told.append, threading.Event()) is True
    assert sorted(told) == ["a", "b", "c"]
    assert engine.run_once(rows, told.append, threading.Event()) is False
    assert len(told) == 3


def test_a_unit_that_fails_makes_nothing_due(store: Store, make: Make) -> None:
    register(store, ["a", "b"], now() + HOUR)
    engine = make()

    def fail(connection: Connection) -> None:
        accounts.hasten(connection, ["a"], KIND, now())
        raise KeyError("a")

    with pytest.raises(KeyError):
        store.write(fail)
    with store.read() as connection:
        found = engine.stats(connection, now())
    assert (found.depth, found.ready) == (0, 0)
    rows = Rows(store, later)
    assert engine.run_once(rows, lambda _: None, threading.Event()) is False
    hasten(store, ["b"])
    engine.run_once(rows, lambda _: None, threading.Event())
    assert rows.turns == {"b": 1}


def test_the_figures_say_how_much_there_is_to_do(store: Store, make: Make) -> None:
    register(store, ["a", "b", "c", "d"], now() + HOUR)
    engine = make()
    since = now() - timedelta(minutes=3)
    store.write(accounts.hasten, ["a", "b"], KIND, since)
    hasten(store, ["c", "d"])
    store.write(accounts.pause, "d", "why", now())
    store.write(leases.claim, "c", "somebody", now(), HOUR)
    with store.read() as connection:
        found = engine.stats(connection, now())
    assert (found.depth, found.running) == (2, 1)
    assert found.oldest_due is not None
    assert abs(found.oldest_due - since) < timedelta(seconds=1)


def test_what_is_due_next_week_holds_back_nothing_that_is_due_now(store: Store, make: Make) -> None:
    """Neither on the same account nor on another."""
    store.write(
        accounts.register,
        {"a": "village", "b": "village"},
        {"a": [KIND, "publish"], "b": [KIND]},
        now() + 168 * HOUR,
    )
    rows = Rows(store, later)
    with running(make(1), rows):
        hasten(store, ["a"])
        until(lambda: rows.turns["a"] == 1, 5)
    with store.read() as connection:
        assert accounts.jobs_of(connection, "a")["publish"] > now() + 167 * HOUR


def test_a_worker_takes_no_more_than_it_has_room_for(store: Store, make: Make) -> None:
    """What one has no room for, another does at once."""
    names = [f"a{number}" for number in range(8)]
    register(store, names, now() + HOUR)
    full, idle = Slow(store, "full"), Rows(store, later, "idle")
    with running(make(2), full):
        hasten(store, names[:4])
        until(lambda: len(full.begun) == 2)
        hasten(store, names[4:])
        with running(make(4), idle):
            until(lambda: sum(idle.turns.values()) == 6)
            assert len(full.begun) == 2
        full.gate.set()
    assert set(full.begun) | set(idle.turns) == set(names)
    assert free(store)


def test_a_stop_breaks_turns_off_and_others_go_on_at_once(store: Store, make: Make) -> None:
    names = ["a", "b", "c"]
    register(store, names, now() + HOUR)
    leaving, staying = Slow(store, "leaving"), Rows(store, later, "staying")
    leaver, stayer = make(3), make(3)
    try:
        with running(leaver, leaving) as thread:
            hasten(store, names)
            until(lambda: len(leaving.begun) == 3)
            with running(stayer, staying):
                assert leaver.stop(timedelta(seconds=10)) is True
                until(lambda: set(staying.turns) == set(names), 10)
    finally:
        leaving.gate.set()
    assert not thread.is_alive()
    assert sorted(leaving.broken_off) == names
    assert free(store)


def test_turns_of_one_account_never_overlap_and_follow_each_other_at_once(store: Store, make: Make) -> None:
    """Ten accounts with twenty turns each, two workers: in 1.6 times of the ideal.

    That is: between two turns of an account there is at most 0.6 of a turn. The middle one of all these pauses
    counts, for which it is no matter that a busy machine stands still now and then.
    """
    names = [f"a{number}" for number in range(10)]
    register(store, names, now() + HOUR)
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in names}

    def act(account: str) -> datetime:
        began = time.monotonic()
        time.sleep(LONG)
        turns[account].append((began, time.monotonic()))
        return now() if len(turns[account]) < 20 else later(account)

    with running(make(5), Rows(store, act, "one")), running(make(5), Rows(store, act, "other")):
        hasten(store, names)
        until(lambda: all(len(done) == 20 for done in turns.values()), 60)
    pauses = [
        after[0] - before[1] for done in turns.values() for before, after in itertools.pairwise(sorted(done))
    ]
    took = max(done[-1][1] for done in turns.values()) - min(done[0][0] for done in turns.values())
    print(f"{took:.2f} s, ideal {20 * LONG:.2f} s; pauses {statistics.median(pauses):.4f} s")
    assert min(pauses) > 0
    assert statistics.median(pauses) <= 0.6 * LONG
