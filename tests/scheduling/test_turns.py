"""A worker's turns: what it takes, when it lets go, whose time it goes by, and what it does when it is too old."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Post, Receipt
from hub.lease import elapsed, never
from hub.publishing import routes
from hub.scheduling.chores import beginning
from hub.scheduling.heart import Heart
from hub.scheduling.process import process_name
from hub.scheduling.tick import Scheduler
from hub.store import Store
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts, leases, ticks, workers
from hub.store.running.clock import DatabaseClock

HOUR = timedelta(hours=1)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, double: VillageDouble, database_url: str) -> Iterator[TestHub]:
    configured = {name: {"platform": "village", **double.account()} for name in ("one", "two")}
    with open_hub(write_config(tmp_path, configured, database=database_url), Village) as running:
        yield running


def accept(hub: TestHub, account: str, count: int) -> None:
    now = hub.clock()
    for number in range(count):
        new = NewPost(key=f"{account} {number}", text=f"{account} {number}", publish_at=now)
        routes.add_post(hub.store, new, [account], now)


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    end = elapsed() + seconds
    while not true():
        assert elapsed() < end, "it did not come about"


def jobs(hub: TestHub, account: str) -> dict[str, datetime]:
    with hub.store.read() as connection:
        return accounts.jobs_of(connection, account)


def test_a_turn_that_was_enough_leaves_the_rest_due_behind_those_that_wait(
    hub: TestHub, double: VillageDouble
) -> None:
    hub.tick()
    accept(hub, "one", 3)
    (first,) = hub.scheduler.turns.claim(1)
    assert first.account == "one"
    report = first.carry_out(lambda: True)
    assert (report.left, report.counts["published"], report.errors) == (["publish"], 1, [])
    accept(hub, "two", 1)
    hub.clock.forward(seconds=1)
    with hub.store.read() as connection:
        assert leases.owners(connection) == []
        assert leases.due(connection, hub.clock(), 9) == ["two", "one"]
    hub.tick()
    assert sorted(held.text for held in double.held()) == ["one 0", "one 1", "one 2", "two 0"]


def test_what_a_turn_did_not_begin_goes_before_what_it_broke_off(hub: TestHub) -> None:
    hub.tick()
    accept(hub, "one", 2)
    hub.store.write(accounts.hasten, ["one"], "listen", hub.clock())
    (held,) = hub.scheduler.turns.claim(1)
    assert held.claim.kinds == ["listen", "publish"]
    report = held.carry_out(lambda: True)
    assert report.left == ["publish"]
    hub.clock.forward(seconds=1)
    (held,) = hub.scheduler.turns.claim(1)
    report = held.carry_out(lambda: True)
    assert (report.left, report.counts["published"]) == (["publish"], 1)


def test_accounts_that_this_hub_toml_does_not_know_are_in_nobodys_way(hub: TestHub) -> None:
    hub.tick()
    strangers = [f"stranger{number}" for number in range(50)]
    hub.store.write(
        accounts.register,
        dict.fromkeys(strangers, "village"),
        {name: ["publish"] for name in strangers},
        hub.clock() - HOUR,
    )
    accept(hub, "two", 1)
    assert [held.account for held in hub.scheduler.turns.claim(1)] == ["two"]


def test_an_account_is_taken_once_however_many_ask_for_it_at_once(hub: TestHub) -> None:
    taken: list[str] = []
    several = [Scheduler(hub.hub) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda one=one: taken.extend(held.account for held in one.turns.claim(2)))
        for one in several
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ["one", "two"]


def test_accounts_of_a_claim_whose_answer_was_lost_are_given_back(hub: TestHub) -> None:
    """The claim was committed, and nothing of it came back: nobody works on them, and nobody else can."""
    mine = hub.scheduler.turns
    (known,) = mine.claim(1)
    other = "two" if known.account == "one" else "one"
    hub.store.write(leases.claim, other, process_name(), hub.clock(), HOUR)
    assert mine.due(9) == []
    mine._is_unsure = True
    assert mine.due(9) == [other]
    with hub.store.read() as connection:
        assert leases.holds(connection, known.account, known.claim.fence)
    known.carry_out(never)


def test_what_hangs_past_the_patience_falls_silent_and_is_given_back(
    tmp_path: Path, double: VillageDouble, database_url: str
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Hanging(Village):  # type: ignore[misc]
        platform = "hanging"

        def publish(self, post: Post) -> Receipt:
            begun.set()
            go_on.wait(30)
            receipt: Receipt = super().publish(post)
            return receipt

    path = write_config(tmp_path, {"one": {"platform": "hanging", **double.account()}}, database=database_url)
    with open_hub(path, Hanging) as hub:
        hub.tick()
        accept(hub, "one", 1)
        stop = threading.Event()
        hanging = Scheduler(hub.hub)
        patience = {"patience": timedelta(seconds=0.5)}
        daemon = threading.Thread(target=hanging.run, args=(stop,), kwargs=patience)
        daemon.start()
        assert begun.wait(20)
        stop.set()
        daemon.join(20)
        with hub.store.read() as connection:
            assert leases.owners(connection) == []
        go_on.set()
        until(lambda: hanging.turns.running == 0)
        assert double.held() == []
        # Whoever comes next finds it in doubt, looks, and sends it: once.
        for _ in range(5):
            hub.tick(minutes=1)
        assert [held.text for held in double.held()] == ["one 0"]


@POSTGRESQL
@pytest.mark.parametrize("first", ["acceptance", "end"])
def test_what_is_accepted_while_a_turn_ends_is_not_forgotten(hub: TestHub, first: str) -> None:
    """The job is due while the turn runs: who accepts a post has nothing to hasten, and the end must see it."""
    hub.tick()
    now = hub.clock()
    hub.store.write(accounts.reschedule, "one", {"publish": now}, None)
    engine, waited = hub.store.engine, threading.Event()

    def end(connection: Connection) -> None:
        accounts.hold_jobs(connection, "one")
        waiting = connection.exec_driver_sql("SELECT count(*) FROM switches").scalar()
        accounts.reschedule(connection, "one", {"publish": now if waiting else now + HOUR}, now)

    def accept_one(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO switches (name, since, reason, who) VALUES ('a post', 0, '', '')")
        accounts.hasten(connection, ["one"], "publish", now)

    here, there = (accept_one, end) if first == "acceptance" else (end, accept_one)

    def second() -> None:
        with engine.begin() as connection:
            there(connection)
        waited.set()

    other = threading.Thread(target=second)
    with engine.begin() as connection:
        here(connection)
        other.start()
        assert not waited.wait(0.5)
    other.join(20)
    assert jobs(hub, "one")["publish"] <= now


@POSTGRESQL
def test_on_postgresql_all_machines_go_by_the_databases_clock(tmp_path: Path, database_url: str) -> None:
    store = Store.open(database_url)
    clock = DatabaseClock(store)
    told = [clock()]
    with store.read() as connection:
        there: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    assert abs(told[0] - there) < timedelta(seconds=2)
    assert told[0].tzinfo is UTC
    # A clock of this machine that is wrong by an hour is put right at the next question, and not before.
    at, then = clock._at or (told[0], 0.0)
    clock._at = (at - HOUR, then)
    assert there - clock() > HOUR - timedelta(minutes=1)
    clock.ask()
    assert abs(clock() - there) < timedelta(seconds=10)
    # Where the two agree it goes on evenly.
    before = clock._at
    clock.ask()
    assert clock._at == before
    store.close()


def test_a_worker_says_that_it_lives_stops_and_has_stopped(hub: TestHub) -> None:
    def mine() -> list[workers.Worker]:
        with hub.store.read() as connection:
            return workers.latest(connection)

    stop = threading.Event()
    daemon = threading.Thread(target=Scheduler(hub.hub, how="worker", size=3).run, args=(stop,))
    daemon.start()
    until(mine)
    (worker,) = mine()
    assert (worker.name, worker.how, worker.engine, worker.turns) == (process_name(), "worker", "local", 3)
    assert worker.is_alive(hub.clock())
    assert not worker.is_alive(hub.clock() + timedelta(seconds=61))
    stop.set()
    daemon.join(20)
    (worker,) = mine()
    assert (worker.state, worker.is_alive(hub.clock())) == ("stopped", False)


def test_a_worker_that_has_stopped_is_not_shown_as_stopping_afterwards(hub: TestHub) -> None:
    """Its heart beats until the last thing is done, and may hear of the stop only then."""
    stop = threading.Event()
    heart = Heart(hub.hub, hub.scheduler.turns, "mine", "worker", 3)
    with heart.beating(stop):
        heart.stop()
        stop.set()
        until(lambda: heart.stopping_for() > timedelta())
    with hub.store.read() as connection:
        assert [(one.name, one.state) for one in workers.latest(connection)] == [("mine", "stopped")]


def test_a_worker_that_is_older_than_the_database_hands_over_and_ends(
    tmp_path: Path, double: VillageDouble, database_url: str
) -> None:
    path = write_config(
        tmp_path,
        {"one": {"platform": "village", **double.account()}},
        database=database_url,
        extra='lease = "1s"',
    )
    with open_hub(path, Village) as hub:
        scheduler = Scheduler(hub.hub)
        stop = threading.Event()
        daemon = threading.Thread(target=scheduler.run, args=(stop,))
        daemon.start()
        until(lambda: hub.rows("SELECT name FROM workers"))
        assert daemon.is_alive()
        newer = sa.text("UPDATE alembic_version SET version_num = '9999'")
        hub.store.write(lambda connection: connection.execute(newer))
        daemon.join(20)
        stop.set()
        assert (daemon.is_alive(), scheduler.outdated) == (False, True)
        with hub.store.read() as connection:
            assert leases.owners(connection) == []


def test_a_database_of_an_older_version_ends_no_worker(hub: TestHub) -> None:
    """Where it was restored from an older backup, the program says so at its next start, and not in mid-work."""
    older = sa.text("UPDATE alembic_version SET version_num = '0001'")
    hub.store.write(lambda connection: connection.execute(older))
    assert not hub.scheduler._heart._is_outdated()


def test_each_interval_is_begun_by_one(store: Store) -> None:
    at = beginning(datetime(2026, 6, 1, 12, 34, 56, tzinfo=UTC), HOUR)
    assert at == datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    taken: list[bool] = []
    threads = [
        threading.Thread(target=lambda: taken.append(store.write(ticks.once, "sweep", at))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]
    assert store.write(ticks.once, "sweep", at + HOUR) is True
    assert store.write(ticks.once, "care", at) is True
    store.write(ticks.forget, at + HOUR)
    assert store.write(ticks.once, "sweep", at) is True
    assert store.write(ticks.once, "sweep", at + HOUR) is False


@pytest.fixture
def store(database_url: str) -> Iterator[Any]:
    opened = Store.open(database_url)
    yield opened
    opened.close()
