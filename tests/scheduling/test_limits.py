"""Fairness and limits: no account hides others, budgets hold on all machines, silence is asked about rarely."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import Clock, TestHub, Village, VillageDouble, open_hub, write_config

from hub import Post, Receipt, TransientError
from hub.errors import OverBudget
from hub.http import Http
from hub.lease import elapsed
from hub.models import RateLimit
from hub.publishing import routes
from hub.scheduling.report import Report
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts, budgets
from hub.testing import Reply, Request

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Wall(Clock):
    """The time of day."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


class Metered(Village):
    """A village that says how many posts it still takes, and refuses the whole app when it is cross."""

    platform = "metered"

    def publish(self, post: Post) -> Receipt:
        receipt = super().publish(post)
        left = 2 - int(receipt.remote_id) % 3
        self.http.rate_limits["/posts"] = RateLimit(limit=3, remaining=left, reset_after=900)
        return receipt

    def explain(self, answer: Any) -> TransientError | None:
        if answer.status != 429:
            return None
        return TransientError("the app is known too well", retry_after=600, whole_app=True)


class Cross(VillageDouble):
    """A village that may answer 429, and numbers its posts from 0."""

    cross = False

    def answer(self, request: Request) -> Reply:
        return Reply({}, status=429) if self.cross else super().answer(request)


@pytest.fixture
def double() -> Iterator[Cross]:
    with Cross() as running:
        yield running


def config(folder: Path, double: Cross, names: list[str], **more: Any) -> Path:
    extra = more.pop("extra", "")
    database = more.pop("database", "")
    options = {"platform": "metered", **double.account(), **more}
    return write_config(folder, dict.fromkeys(names, options), database=database, extra=extra)


@contextmanager
def opened(path: Path, count: int = 1, clock: Clock | None = None) -> Iterator[list[TestHub]]:
    """Open a hub as so many machines, which share a clock."""
    clock = clock or Clock()
    if count == 0:
        yield []
        return
    with open_hub(path, Metered, Village, clock=clock) as hub, opened(path, count - 1, clock) as others:
        yield [hub, *others]


def queue(hub: TestHub, account: str, count: int, name: str = "") -> None:
    now = hub.clock()
    for number in range(count):
        text = f"{name or account} {number}"
        routes.add_post(hub.store, NewPost(key=text, text=text, publish_at=now), [account], now)


def due_at(hub: TestHub, account: str, kind: str) -> datetime:
    with hub.store.read() as connection:
        return accounts.jobs_of(connection, account)[kind]


def health(hub: TestHub, account: str) -> accounts.Health:
    with hub.store.read() as connection:
        return next(one for one in accounts.all_health(connection) if one.name == account)


def posts(double: Cross) -> int:
    return sum(call.method == "POST" for call in double.calls)


def test_one_account_with_five_hundred_posts_does_not_hide_twenty_with_one_each(
    tmp_path: Path, double: Cross
) -> None:
    """One thread; the hot account was first, and its posts are the oldest."""
    few = [f"quiet{number}" for number in range(20)]
    path = write_config(
        tmp_path,
        {name: {"platform": "village", **double.account()} for name in ["hot", *few]},
        extra='workers = 1\nquantum = "1s"',
    )
    with opened(path, clock=Wall()) as (hub,):
        hub.tick()
        queue(hub, "hot", 500)
        for name in few:
            queue(hub, name, 1)
        turns: list[Report] = []
        done: Counter[str] = Counter()
        stop = threading.Event()

        def note(report: Report) -> None:
            turns.append(report)
            done[report.account] += report.counts["published"]
            if all(done[name] for name in few):
                stop.set()

        hub.scheduler.tick(note, stop)
        assert [done[name] for name in few] == [1] * 20
        assert len(turns) <= 22
        assert 0 < done["hot"] < 500
        assert turns[0].account == "hot"


@pytest.mark.parametrize("machines", [1, 2])
def test_accounts_of_one_app_share_its_calls_on_all_machines(
    database_url: str, tmp_path: Path, double: Cross, machines: int
) -> None:
    path = config(
        tmp_path,
        double,
        ["one", "other"],
        app="news",
        database=database_url,
        extra="[apps.news]\ncalls_per_second = 20",
    )
    with opened(path, machines, Wall()) as hubs:
        lines = [hub.hub.adapter(name).http for hub in hubs for name in ("one", "other")]

        def call(line: Http) -> None:
            made = 0
            while made < 15:
                try:
                    line.get("/me")
                    made += 1
                except OverBudget as error:
                    time.sleep(error.retry_after or 0)

        began = elapsed()
        threads = [threading.Thread(target=call, args=(line,)) for line in lines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(double.calls) == 15 * len(lines)
        # Each process may be one call ahead, at the edge of a slice.
        assert elapsed() - began >= (len(double.calls) - 1 - len(lines)) / 20


def test_an_app_that_the_network_refuses_is_left_alone_by_all_its_accounts(
    database_url: str, tmp_path: Path, double: Cross
) -> None:
    path = config(tmp_path, double, ["one", "other"], app="news", database=database_url, extra="[apps.news]")
    with opened(path, 2) as (here, there):
        here.tick()
        double.cross = True
        queue(here, "one", 1)
        here.scheduler.take("one", ["publish"])
        calls = len(double.calls)
        assert health(here, "one").failures == 1
        double.cross = False
        queue(there, "other", 1)
        report = there.scheduler.take("other", ["publish"])
        assert len(double.calls) == calls
        assert (report.errors, isinstance(report.over, OverBudget)) == ([], True)
        left = health(there, "other")
        assert (left.failures, left.last_error) == (0, "")
        assert left.not_before == there.clock() + timedelta(seconds=600)
        with there.store.read() as connection:
            assert [held.name for held in budgets.holdings(connection, there.clock())] == ["app:news"]
        there.tick(seconds=599)
        assert len(double.calls) == calls
        there.tick(seconds=61)
        assert {held.text for held in double.held()} == {"one 0", "other 0"}


def test_an_account_that_finds_no_room_in_its_budget_goes_on_where_it_was(tmp_path: Path, double: Cross) -> None:
    path = config(tmp_path, double, ["one"], app="news", extra="[apps.news]\ncalls_per_hour = 10")
    with opened(path) as (hub,):
        report = hub.tick()
        until = health(hub, "one").not_before
        assert [call.path for call in double.calls] == ["/me"]
        assert (report.errors, health(hub, "one").failures) == ([], 0)
        assert due_at(hub, "one", "listen") <= hub.clock() + timedelta(seconds=1)
        assert until is not None
        assert timedelta(minutes=6) < until - hub.clock() < timedelta(minutes=14)
        hub.tick(minutes=6)
        assert len(double.calls) == 1
        hub.tick(seconds=(until - hub.clock()).total_seconds() + 1)
        assert [call.path for call in double.calls] == ["/me", "/remarks"]


def test_what_the_network_says_it_takes_no_more_of_waits_until_it_starts_anew(
    tmp_path: Path, double: Cross
) -> None:
    with opened(config(tmp_path, double, ["one"])) as (hub,):
        hub.tick()
        start = hub.clock()
        queue(hub, "one", 5)
        report = hub.tick()
        sent = report.counts["published"]
        assert (report.errors, 0 < sent < 5) == ([], True)
        assert due_at(hub, "one", "publish") == start + 15 * MINUTE
        hub.tick(minutes=1)
        queue(hub, "one", 1, "new")
        assert due_at(hub, "one", "publish") == start + 15 * MINUTE
        hub.tick(minutes=1)
        assert len(double.held()) == sent
        assert hub.tick(minutes=13).counts["published"] == 3
        assert health(hub, "one").failures == 0


def test_a_silent_account_is_read_rarely_and_one_remark_brings_it_back(tmp_path: Path, double: Cross) -> None:
    path = config(tmp_path, double, ["one"], extra='[schedule]\nlisten = "every 5m"\nquiet = "1h"')
    with opened(path) as (hub,):
        hub.tick()

        def pause() -> timedelta:
            return due_at(hub, "one", "listen") - hub.clock()

        def listen() -> None:
            hub.tick(seconds=pause().total_seconds())

        assert pause() == 5 * MINUTE
        start = hub.clock()
        while hub.clock() - start < timedelta(hours=6):
            listen()
        assert timedelta(minutes=40) < pause() < HOUR
        while hub.clock() - start < timedelta(hours=12):
            listen()
        assert pause() == HOUR
        queue(hub, "one", 1)
        hub.tick()
        assert pause() == 5 * MINUTE
        hub.tick(days=2)
        listen()
        assert pause() == HOUR
        double.say(double.add_person("Анна", "anna"), double.held()[0].id, "Ау!")
        listen()
        assert pause() == 5 * MINUTE


def test_without_a_word_of_it_every_account_keeps_its_schedule(tmp_path: Path, double: Cross) -> None:
    with opened(config(tmp_path, double, ["one"])) as (hub,):
        for _ in range(3):
            hub.tick(days=3)
            assert due_at(hub, "one", "listen") == hub.clock() + 5 * MINUTE


def test_rounds_that_were_missed_are_made_up_for_by_one(tmp_path: Path, double: Cross) -> None:
    with opened(config(tmp_path, double, ["one"])) as (hub,):
        hub.tick()
        hub.tick(minutes=5)
        before = len(double.calls)
        hub.tick(minutes=5)
        one_round = len(double.calls) - before
        before = len(double.calls)
        hub.tick(days=3)
        hub.tick()
        assert len(double.calls) - before == one_round > 0


def test_the_governor_counts_what_other_machines_sent(database_url: str, tmp_path: Path, double: Cross) -> None:
    path = write_config(
        tmp_path,
        {"one": {"platform": "village", **double.account()}},
        database=database_url,
        extra="posts_per_hour = 3",
    )
    with opened(path, 2) as (here, there):
        here.tick()
        queue(here, "one", 2, "early")
        assert here.tick().counts["published"] == 2
        queue(there, "one", 5, "late")
        assert there.tick(minutes=1).counts["published"] == 1
        assert here.tick(minutes=1).counts["published"] == 0
        for number in range(180):
            (here, there)[number % 2].tick(minutes=1)
        sent = sorted(row["at"] for row in here.rows("SELECT first_attempt_at AS at FROM deliveries"))
        assert len(sent) == len(double.held()) == 7
        assert all(later - earlier >= 3_600_000 for later, earlier in zip(sent[3:], sent, strict=False))


def test_a_network_in_trouble_is_left_alone_by_all_machines_and_probed_by_one(
    database_url: str, tmp_path: Path
) -> None:
    class Storm(Cross):
        raging = False

        def answer(self, request: Request) -> Reply:
            return Reply({}, status=500) if self.raging else super().answer(request)

    with Storm() as double:
        path = write_config(tmp_path, {"one": {"platform": "village", **double.account()}}, database=database_url)
        with opened(path, 2) as (here, there):
            here.tick()
            double.raging = True
            queue(here, "one", 10)
            here.scheduler.take("one", ["publish"])
            assert posts(double) == 3
            there.tick(seconds=29)
            assert posts(double) == 3
            assert health(there, "one").failures == 1
            calls = len(double.calls)
            report = there.tick(seconds=1)
            assert len(double.calls) > calls
            assert posts(double) <= 4
            assert [error.code for _, error in report.errors] == ["transient"]
            assert health(here, "one").failures == 2
            calls = len(double.calls)
            here.tick(seconds=59)
            there.tick(seconds=0)
            assert len(double.calls) == calls


def test_many_new_accounts_are_spread_over_one_interval_and_stay_apart(tmp_path: Path, double: Cross) -> None:
    account = {"platform": "village", **double.account()}
    path = write_config(tmp_path, {f"a{number}": account for number in range(60)})
    with opened(path) as (hub,):
        start = hub.clock()
        firsts = Counter(due_at(hub, f"a{number}", "listen") for number in range(60))
        assert firsts[start] == 50
        assert max(firsts) == start + timedelta(minutes=5)
        assert due_at(hub, "a59", "publish") == due_at(hub, "a59", "listen")
        hub.tick()
        again = [due_at(hub, f"a{number}", "listen") for number in range(50)]
        assert start + timedelta(seconds=270) <= min(again) < max(again) <= start + timedelta(seconds=330)
        assert len(set(again)) > 40
        assert len({due_at(hub, f"a{number}", "publish") for number in range(50)}) > 40
        queue(hub, "a59", 1)
        assert hub.tick().counts["published"] == 1
