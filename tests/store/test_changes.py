"""Changes: numbered in the order of their commits, once a transaction, and none is ever missed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Connection

from hub.store import Store, migrate, tables
from hub.store.running import changes
from hub.store.running.watching import Watch


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    yield opened
    opened.close()


def kinds(store: Store, after: int = 0) -> list[tuple[str, int]]:
    with store.read() as connection:
        return [(one.kind, one.ref) for one in changes.since(connection, after)]


def test_the_same_change_twice_in_a_transaction_is_one(store: Store) -> None:
    def work(connection: Connection) -> None:
        for ref in (7, 7, 8):
            changes.note(connection, "posts", ref)

    store.write(work)
    assert kinds(store) == [("posts", 7), ("posts", 8)]


def test_what_a_failed_unit_noted_is_forgotten_and_its_neighbours_keep_theirs(store: Store) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        inside.set()
        go_on.wait(10)

    def fail(connection: Connection) -> None:
        changes.note(connection, "posts", 1)
        changes.note(connection, "posts", 2)
        raise ZeroDivisionError

    def refused() -> None:
        with suppress(ZeroDivisionError):
            store.write(fail)

    # All that come while the first one holds the door go into one transaction.
    threads = [threading.Thread(target=store.write, args=(hold,))]
    threads[0].start()
    inside.wait(10)
    threads += [
        threading.Thread(target=store.write, args=(changes.note, "posts", 1)),
        threading.Thread(target=refused),
        threading.Thread(target=store.write, args=(changes.note, "posts", 3)),
    ]
    for thread in threads[1:]:
        thread.start()
    while len(store._waiting) < 3:
        pass
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert sorted(kinds(store)) == [("posts", 1), ("posts", 3)]


def test_a_kind_that_is_none_is_a_mistake(store: Store) -> None:
    with pytest.raises(ValueError, match="no kind of change"):
        store.write(changes.note, "weather")


def test_numbers_go_on_when_all_that_is_old_was_forgotten(store: Store) -> None:
    for ref in (1, 2, 3):
        store.write(changes.note, "posts", ref)
    old = datetime.now(UTC) - timedelta(days=2)
    store.write(lambda connection: connection.execute(tables.changes.update().values(at=old)))
    store.write(changes.forget, old + timedelta(days=1))
    assert kinds(store) == [("posts", 3)]
    store.write(changes.note, "posts", 4)
    with store.read() as connection:
        assert [one.id for one in changes.since(connection, 3)] == [4]


def test_what_is_young_is_not_forgotten(store: Store) -> None:
    for ref in (1, 2):
        store.write(changes.note, "posts", ref)
    store.write(changes.forget, datetime.now(UTC) - timedelta(hours=23))
    assert len(kinds(store)) == 2


def test_a_reader_never_sees_a_number_before_a_lower_one(store: Store) -> None:
    """On PostgreSQL numbers are given out at once, and commits come in any order."""
    if store.is_sqlite:
        # There the second writer waits for the first one from the beginning.
        pytest.skip("SQLite has one writer at a time")
    other = Store.open(store.engine.url.render_as_string(hide_password=False))
    try:
        with store.engine.begin() as first:
            changes.note(first, "posts", 1)
            second = threading.Thread(target=other.write, args=(changes.note, "posts", 2))
            second.start()
            second.join(0.5)
            seen = kinds(store)
        second.join(10)
        assert (seen, kinds(store)) == ([], [("posts", 1), ("posts", 2)])
    finally:
        other.close()


def test_a_reader_who_goes_on_from_what_it_saw_misses_nothing_of_many_writers(store: Store) -> None:
    writers, each = 4, 40
    stores = [Store.open(store.engine.url.render_as_string(hide_password=False)) for _ in range(writers)]
    begun = threading.Barrier(writers)

    def write(number: int) -> None:
        begun.wait(10)
        for turn in range(each):
            stores[number].write(changes.note, "posts", number * 1000 + turn + 1)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    after, seen = 0, []
    while True:
        over = not any(thread.is_alive() for thread in threads)
        with store.read() as connection:
            found = changes.since(connection, after, 7)
        if found:
            seen += [one.ref for one in found]
            after = found[-1].id
        elif over:
            break
    for one in stores:
        one.close()
    wanted = {number * 1000 + turn + 1 for number in range(writers) for turn in range(each)}
    assert (len(seen), set(seen)) == (writers * each, wanted)


def test_a_watch_wakes_at_a_commit_of_another_and_at_a_stop(store: Store) -> None:
    watch = Watch(store, pace=0.02)
    watch.wait()
    writer = threading.Timer(0.2, store.write, (changes.note, "posts", 1))
    writer.start()
    begun = datetime.now(UTC)
    watch.wait()
    waited = datetime.now(UTC) - begun
    assert kinds(store) == [("posts", 1)]
    watch.stop()
    watch.wait()
    watch.close()
    assert waited < timedelta(seconds=4)
