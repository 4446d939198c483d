"""What is special to Procrastinate behind the port: its messages, its versions, its connections."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import psycopg_to
from sqlalchemy.engine import Connection

from hub.engine import procrastinate_sql
from hub.engine.procrastinate import Procrastinate
from hub.store import Store
from hub.store.engines import messages
from hub.store.running import accounts, leases
from tests.engine.rows import KIND, LEASE, Rows, hasten, now, register, running, tell

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    procrastinate_sql.prepare(opened, now())
    yield opened
    opened.close()


@pytest.fixture
def engine(store: Store) -> Procrastinate:
    made = Procrastinate(store, now, 4)
    tell(store, made)
    return made


def queued(store: Store) -> list[tuple[str, str, Any]]:
    """Return all messages: their queue, state and words."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT queue_name, status::text, args FROM hub_engine.procrastinate_jobs ORDER BY id"
        )
        return [tuple(row) for row in rows]


def waiting(*names: str) -> list[tuple[str, str, Any]]:
    return [("hub-1", "todo", {"account": name}) for name in names]


def later(_account: str) -> Any:
    return now() + HOUR


def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def add(store: Store, queue: str, words: dict[str, Any], status: str = "todo", worker: int | None = None) -> None:
    with store.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO hub_engine.procrastinate_jobs (queue_name, task_name, args, status, worker_id) VALUES"
                " (:queue, 'hub.turn', CAST(:args AS jsonb), CAST(:status AS"
                " hub_engine.procrastinate_job_status), :worker)"
            ),
            {"queue": queue, "args": json.dumps(words), "status": status, "worker": worker},
        )


def add_worker(store: Store, silent_for: str) -> int:
    with store.engine.begin() as connection:
        return int(
            connection.execute(
                sa.text(
                    "INSERT INTO hub_engine.procrastinate_workers (last_heartbeat)"
                    " VALUES (now() - CAST(:silence AS interval)) RETURNING id"
                ),
                {"silence": silent_for},
            ).scalar_one()
        )


def test_a_message_is_queued_by_the_transaction_that_makes_the_account_due(
    store: Store, engine: Procrastinate
) -> None:
    register(store, ["a", "b"], now() + HOUR)

    def fail(connection: Connection) -> None:
        accounts.hasten(connection, ["b"], KIND, now())
        raise KeyError("b")

    hasten(store, ["a"])
    with pytest.raises(KeyError):
        store.write(fail)
    assert queued(store) == waiting("a")


def test_what_is_due_in_the_future_has_no_message(store: Store, engine: Procrastinate) -> None:
    register(store, ["a"], now() + 2 * HOUR)
    store.write(accounts.hasten, ["a"], KIND, now() + HOUR)
    assert queued(store) == []


def test_an_account_has_one_message_however_often_it_becomes_due(store: Store, engine: Procrastinate) -> None:
    register(store, ["a", "b"], now() + HOUR)
    for _ in range(3):
        hasten(store, ["b", "a"])
    assert sorted(queued(store), key=str) == waiting("a", "b")


def test_none_is_queued_for_accounts_that_are_paused_or_worked_on(store: Store, engine: Procrastinate) -> None:
    register(store, ["paused", "taken", "free"], now() + HOUR)
    store.write(accounts.pause, "paused", "why", now())
    store.write(leases.claim, "taken", "somebody", now(), LEASE)
    hasten(store, ["paused", "taken", "free"])
    assert queued(store) == waiting("free")


def test_two_transactions_that_queue_the_same_accounts_do_not_wait_for_each_other(
    store: Store, engine: Procrastinate
) -> None:
    """In any order: a deadlock of two would fail both their writes, the hub's among them."""
    register(store, ["a", "b"], now() + HOUR)
    with store.engine.connect() as one, store.engine.connect() as other:
        other.exec_driver_sql("SET lock_timeout = 1000")
        engine.put(one, ["a"])
        engine.put(other, ["b", "a"])
        engine.put(one, ["b"])
        other.commit()
        one.commit()
    assert sorted(queued(store), key=str) == waiting("a", "b")


def test_what_became_due_during_a_turn_is_queued_by_its_end(store: Store, engine: Procrastinate) -> None:
    """Not by the next look: turns of one account would then be a second apart."""
    register(store, ["a"])
    begun = []

    def again(_account: str) -> Any:
        begun.append(time.monotonic())
        return now() if len(begun) < 10 else now() + HOUR

    rows = Rows(store, again)
    with running(engine, rows):
        until(lambda: rows.turns["a"] == 10)
    assert begun[-1] - begun[0] < 5
    assert rows.most == 1


def test_nothing_is_left_of_turns_that_were_carried_out(store: Store, engine: Procrastinate) -> None:
    names = [f"a{number}" for number in range(20)]
    register(store, names)
    left = dict.fromkeys(names, 10)

    def act(account: str) -> Any:
        left[account] -= 1
        return now() if left[account] else now() + HOUR

    rows = Rows(store, act)
    with running(engine, rows):
        until(lambda: not any(left.values()) and not queued(store))
    assert rows.turns == dict.fromkeys(names, 10)
    with store.read() as connection:
        for table in ("jobs", "events", "workers", "periodic_defers"):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM hub_engine.procrastinate_{table}").scalar()
            assert (table, count) == (table, 0)


def test_messages_of_a_version_that_is_not_known_wait(store: Store, engine: Procrastinate) -> None:
    """For whoever comes with the new version; and the account is seen to by this one meanwhile."""
    register(store, ["a"])
    add(store, "hub-2", {"accounts": ["a"], "why": "new"})
    rows = Rows(store, later)
    with running(engine, rows):
        until(lambda: rows.turns["a"] == 1)
        add(store, "hub-1", {"account": "a"})
        until(lambda: len(queued(store)) == 1)
    assert queued(store) == [("hub-2", "todo", {"accounts": ["a"], "why": "new"})]
    assert rows.turns["a"] == 1, "a repeat is a no-op"


def test_what_dead_workers_took_is_dropped_and_nothing_else(store: Store, engine: Procrastinate) -> None:
    living, dead = add_worker(store, "1 second"), add_worker(store, "1 minute")
    for account, worker in (("of the living", living), ("of the dead", dead), ("of nobody", None)):
        add(store, "hub-1", {"account": account}, "doing", worker)
    add(store, "hub-2", {"account": "of another version"}, "doing", dead)
    assert store.write(messages.reap, ["hub-1"], timedelta(seconds=30)) == 2
    assert [words["account"] for _, _, words in queued(store)] == ["of the living", "of another version"]


def test_the_accounts_of_a_dead_worker_are_taken_over_when_its_lease_is_over(
    store: Store, engine: Procrastinate
) -> None:
    register(store, ["a"])
    add(store, "hub-1", {"account": "a"}, "doing", add_worker(store, "1 minute"))
    store.write(leases.claim, "a", "the dead", now(), timedelta(seconds=2))
    rows = Rows(store, later)
    began = time.monotonic()
    with running(engine, rows):
        until(lambda: rows.turns["a"] == 1)
        assert time.monotonic() - began > 1.5
        until(lambda: not queued(store))


def test_what_nobody_told_of_is_found_by_the_next_look(
    store: Store, engine: Procrastinate, database_url: str
) -> None:
    """As when an account becomes due with time, or a message was lost."""
    register(store, ["a"], now() + HOUR)
    rows = Rows(store, later)
    silent = Store.open(database_url)
    with running(engine, rows):
        time.sleep(0.5)
        hasten(silent, ["a"])
        silent.close()
        until(lambda: rows.turns["a"] == 1)


def sessions(store: Store, what: str = "*") -> int:
    """Count by this expression over the engine's connections."""
    with store.read() as connection:
        count = connection.exec_driver_sql(
            f"SELECT count({what}) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'crosshub procrastinate'"
        ).scalar()
    return int(count or 0)


LISTENS = "CASE WHEN query LIKE 'LISTEN%%' THEN 1 END"


def test_a_worker_goes_on_after_all_its_connections_were_cut(store: Store, engine: Procrastinate) -> None:
    """The one that it listens on too."""
    register(store, ["a", "b"], now() + HOUR)
    rows = Rows(store, later)
    with running(engine, rows):
        hasten(store, ["a"])
        until(lambda: rows.turns["a"] == 1 and sessions(store, LISTENS) == 1)
        assert sessions(store, "pg_terminate_backend(pid)") >= 2
        hasten(store, ["b"])
        until(lambda: rows.turns["b"] == 1)
        until(lambda: sessions(store, LISTENS) == 1)
        hasten(store, ["a"])
        until(lambda: rows.turns["a"] == 2)
        until(lambda: not queued(store))
    until(lambda: sessions(store) == 0)


def test_a_listener_that_finds_no_connection_tries_on(
    store: Store, engine: Procrastinate, postgresql: str, database_url: str
) -> None:
    """As when the server has no connection left to give: what has one goes on meanwhile."""
    register(store, ["a"], now() + HOUR)
    name = store.engine.url.database
    rows = Rows(store, later)
    with running(engine, rows), psycopg_to(postgresql) as server:
        until(lambda: sessions(store, LISTENS) == 1)
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cut = "CASE WHEN query LIKE 'LISTEN%%' THEN pg_terminate_backend(pid) END"
        assert sessions(store, cut) == 1
        hasten(store, ["a"])
        until(lambda: rows.turns["a"] == 1)
        time.sleep(1.5)
        assert sessions(store, LISTENS) == 0
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        until(lambda: sessions(store, LISTENS) == 1)


def test_run_once_does_what_is_due_and_what_falls_due_of_it_and_ends(store: Store, engine: Procrastinate) -> None:
    register(store, ["a", "b", "later"])
    store.write(accounts.reschedule, "later", {KIND: now() + HOUR}, None)

    def act(account: str) -> Any:
        if rows.turns[account] < 2:
            hasten(store, ["b"])
            return now()
        return now() + HOUR

    rows = Rows(store, act)
    reports: list[str] = []
    thread = threading.current_thread()

    def note(account: str) -> None:
        assert threading.current_thread() is thread
        reports.append(account)

    assert engine.run_once(rows, note, threading.Event()) is True
    assert sorted(reports) == ["a"] * 3 + ["b"] * 3
    assert engine.run_once(rows, note, threading.Event()) is False
    assert queued(store) == []
    assert engine.stop(timedelta(seconds=5)) is True


def test_run_once_leaves_to_others_what_they_have(store: Store, engine: Procrastinate) -> None:
    register(store, ["a"])
    add(store, "hub-1", {"account": "a"})
    store.write(leases.claim, "a", "somebody", now(), LEASE)
    assert engine.run_once(Rows(store, later), lambda account: None, threading.Event()) is False


def test_a_stop_lets_turns_end_and_begins_no_more(store: Store, engine: Procrastinate) -> None:
    register(store, [f"a{number}" for number in range(50)])
    begun = threading.Event()

    def act(_account: str) -> Any:
        begun.set()
        time.sleep(0.5)
        return now() + HOUR

    rows = Rows(store, act)
    with running(engine, rows):
        assert begun.wait(10)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert 1 <= sum(rows.turns.values()) <= 12
    with store.read() as connection:
        assert leases.load(connection, now()).running == 0
    assert all(status == "todo" for _, status, _ in queued(store))


def test_a_turn_that_hangs_keeps_a_stop_no_longer_than_its_patience(store: Store) -> None:
    engine = Procrastinate(store, now, 2)
    register(store, ["a"])
    begun, go = threading.Event(), threading.Event()

    def act(_account: str) -> Any:
        begun.set()
        go.wait(30)
        return now() + HOUR

    rows = Rows(store, act)
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(rows, stop, timedelta(seconds=1)))
    thread.start()
    try:
        assert begun.wait(10)
        stop.set()
        began = time.monotonic()
        thread.join(15)
        assert not thread.is_alive()
        assert time.monotonic() - began < 4
    finally:
        stop.set()
        go.set()
    until(lambda: rows.turns["a"] == 1)


def test_it_says_how_much_there_is_to_do(store: Store, engine: Procrastinate) -> None:
    register(store, ["a", "b", "c"])
    store.write(leases.claim, "c", "somebody", now(), LEASE)
    hasten(store, ["a"])
    with store.read() as connection:
        stats = engine.stats(connection, now())
    assert (stats.depth, stats.running, stats.ready) == (2, 1, 1)
    assert stats.oldest_due is not None
    assert timedelta(0) < now() - stats.oldest_due < timedelta(minutes=1)
