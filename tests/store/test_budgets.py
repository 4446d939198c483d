"""Budgets of calls in the store: what several processes take of one, and who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.pace import Rate
from hub.store import Store
from hub.store.running import accounts, budgets, leases, rounds
from hub.store.tables import jobs

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def stores(database_url: str) -> Iterator[list[Store]]:
    """Two processes on one database."""
    opened = [Store.open(database_url) for _ in range(2)]
    yield opened
    for store in opened:
        store.close()


def test_what_one_process_took_is_gone_for_the_other(stores: list[Store]) -> None:
    one, other = stores
    assert budgets.reserve(one, "app:news", Rate(10), 5, 2.0, lambda: NOON) == (0.0, 5, "")
    assert budgets.reserve(other, "app:news", Rate(10), 10, 2.0, lambda: NOON) == (0.5, 10, "")
    assert budgets.reserve(one, "app:news", Rate(10), 1, 2.0, lambda: at(1)) == (0.5, 1, "")
    assert budgets.reserve(one, "app:else", Rate(10), 1, 2.0, lambda: NOON) == (0.0, 1, "")


def test_who_will_not_wait_so_long_takes_nothing(stores: list[Store]) -> None:
    one, other = stores
    budgets.reserve(one, "app:news", Rate(10), 30, 2.0, lambda: NOON)
    assert budgets.reserve(other, "app:news", Rate(10), 1, 2.0, lambda: NOON) == (3.0, 0, "")
    assert budgets.reserve(one, "app:news", Rate(10), 1, 2.0, lambda: at(1)) == (2.0, 1, "")


@pytest.mark.parametrize("rate", [Rate(10), Rate(per_hour=100), Rate()])
def test_what_the_network_wants_left_alone_is_left_by_all_and_the_longer_wish_holds(
    stores: list[Store], rate: Rate
) -> None:
    one, other = stores
    budgets.hold(one, "app:news", NOON, at(60), "too many calls")
    budgets.hold(other, "app:news", NOON, at(30), "busy")
    assert budgets.reserve(other, "app:news", rate, 1, 2.0, lambda: NOON) == (60.0, 0, "too many calls")
    with one.read() as connection:
        assert budgets.holdings(connection, NOON) == [("app:news", at(60), "too many calls")]
        assert budgets.holdings(connection, at(60)) == []
    one.write(budgets.release)
    assert budgets.reserve(other, "app:news", rate, 1, 2.0, lambda: at(2)).calls == 1


def test_a_budget_without_a_bound_is_looked_at_and_not_written(stores: list[Store]) -> None:
    assert budgets.reserve(stores[0], "app:news", Rate(), 64, 2.0, lambda: NOON) == (0.0, 64, "")
    with stores[0].read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM buckets")).scalar() == 0


def test_however_many_threads_take_at_once_no_call_is_given_twice(stores: list[Store]) -> None:
    given: list[float] = []

    def take(store: Store) -> None:
        taken = [budgets.reserve(store, "app:news", Rate(10), 1, 100.0, lambda: NOON) for _ in range(10)]
        given.extend(found.wait for found in taken)

    threads = [threading.Thread(target=take, args=(store,)) for store in stores for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == pytest.approx([number / 10 for number in range(80)])


def test_nothing_makes_work_due_that_the_network_does_not_answer_yet(stores: list[Store]) -> None:
    store = stores[0]
    store.write(accounts.register, {"club": "vk"}, {"club": ["publish", "listen"]}, NOON)
    store.write(accounts.reschedule, "club", {"publish": at(3600), "listen": at(3600)}, NOON)
    store.write(rounds.wait_until, "club", "publish", at(900))
    for kind, due_at in (("publish", at(900)), ("listen", at(5))):
        store.write(accounts.hasten, ["club"], kind, at(5))
        with store.read() as connection:
            assert accounts.jobs_of(connection, "club")[kind] == due_at
    store.write(accounts.hasten, ["club"], "publish", at(899))
    store.write(accounts.make_all_due, at(10))
    store.write(accounts.reschedule, "club", {"publish": at(3600)}, NOON)
    store.write(accounts.hasten, ["club"], "publish", at(20))
    with store.read() as connection:
        assert accounts.jobs_of(connection, "club")["publish"] == at(20)


def test_ten_thousand_accounts_are_registered_by_few_statements(stores: list[Store]) -> None:
    store = stores[0]
    names = [f"a{number}" for number in range(10_000)]
    seen: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    firsts = {name: at(number) for number, name in enumerate(names)}
    for _ in range(2):
        store.write(
            accounts.register,
            dict.fromkeys(names, "vk"),
            dict.fromkeys(names, ("publish", "listen")),
            NOON,
            lambda missing: {name: firsts[name] for name in missing},
        )
    assert len([statement for statement in seen if "INSERT" in statement]) <= 40
    with store.read() as connection:
        rows = connection.execute(sa.select(jobs.c.account, jobs.c.due_at)).all()
    assert len(rows) == 20_000
    assert all(row.due_at == firsts[row.account] for row in rows)


def test_work_on_accounts_that_wait_is_out_of_the_way_of_what_can_be_done(stores: list[Store]) -> None:
    store = stores[0]
    names = ["paused", "left", "free"]
    store.write(accounts.register, dict.fromkeys(names, "vk"), dict.fromkeys(names, ("publish", "listen")), NOON)
    store.write(accounts.reschedule, "left", {"listen": at(9000)}, None)
    store.write(accounts.pause, "paused", "no entry", NOON)
    store.write(rounds.leave_alone, "left", at(600))
    assert store.write(leases.set_aside, at(60)) == 3
    assert store.write(leases.set_aside, at(60)) == 0
    with store.read() as connection:
        assert accounts.jobs_of(connection, "free") == {"listen": NOON, "publish": NOON}
        assert accounts.jobs_of(connection, "left") == {"listen": at(9000), "publish": at(600)}
        assert min(accounts.jobs_of(connection, "paused").values()) > at(3600)
        assert leases.due(connection, at(600), 10) == ["free", "left"]
    store.write(accounts.resume, "paused", "1", "Club", at(700))
    with store.read() as connection:
        assert set(accounts.jobs_of(connection, "paused").values()) == {at(700)}
        assert "paused" in leases.due(connection, at(700), 10)


def test_an_account_that_goes_on_just_then_is_not_put_away(stores: list[Store]) -> None:
    one, other = stores
    if one.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    one.write(accounts.register, {"club": "vk"}, {"club": ("publish", "listen")}, NOON)
    one.write(accounts.pause, "club", "no entry", NOON)
    aside = threading.Thread(target=other.write, args=(leases.set_aside, at(60)))
    with one.engine.begin() as connection:
        accounts.resume(connection, "club", "1", "Club", at(30))
        aside.start()
        aside.join(1)
    aside.join(30)
    with one.read() as connection:
        assert leases.due(connection, at(60), 10) == ["club"]
