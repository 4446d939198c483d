"""The tick: all that is due, every account on its own, nobody waiting for a slow or broken one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support import Clock, TestHub, Village, VillageDouble, open_hub, write_config

from hub import Batch, Identity, Mention, Post, Receipt, TransientError, hookimpl
from hub.publishing import routes
from hub.scheduling.hub import Hub
from hub.scheduling.process import DaemonLock, alive, process_name
from hub.scheduling.tick import Scheduler
from hub.settings import load
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts, leases


class Raising(Village):
    platform = "raising"

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        raise ZeroDivisionError("a bug")


class Rubbish(Village):
    platform = "rubbish"

    def publish(self, post: Post) -> Receipt:
        return "12"  # type: ignore[return-value]

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        yield [1, 2, 3]  # type: ignore[misc]


class Slow(Village):
    platform = "slow"
    gate = threading.Event()

    def check(self) -> Identity:
        self.gate.wait(10)
        return super().check()


class Down(Village):
    platform = "down"

    def check(self) -> Identity:
        raise TransientError("no network", retry_after=3600)


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


def accept(hub: TestHub, *targets: str) -> None:
    now = hub.clock()
    routes.add_post(hub.store, NewPost(key="1", text="Hello", publish_at=now), targets, now)


@pytest.mark.parametrize("bad", [Raising, Rubbish, Down])
def test_a_broken_plugin_leaves_the_other_accounts_their_work(
    tmp_path: Path, double: VillageDouble, bad: type[Village]
) -> None:
    configured = {name: {"platform": name, **double.account()} for name in ("village", bad.platform)}
    with open_hub(write_config(tmp_path, configured), Village, bad) as hub:
        accept(hub, "village", bad.platform)
        report = hub.tick()
        assert {account for account, _ in report.errors} == {bad.platform}
        held = [
            state
            for state, name in (
                (row["state"], row["account"]) for row in hub.rows("SELECT state, account FROM deliveries")
            )
            if name == "village"
        ]
        assert held == ["published"]


def test_a_bug_names_the_plugin_and_the_account(tmp_path: Path, double: VillageDouble) -> None:
    with open_hub(write_config(tmp_path, {"bad": {"platform": "raising", **double.account()}}), Raising) as hub:
        (_, error), *_ = hub.tick().errors
    assert str(error) == "account bad: ZeroDivisionError in plugin raising: a bug"


def test_a_slow_account_holds_up_no_other(tmp_path: Path, double: VillageDouble) -> None:
    configured = {name: {"platform": name, **double.account()} for name in ("slow", "village")}
    Slow.gate.clear()
    with open_hub(write_config(tmp_path, configured), Village, Slow) as hub:
        accept(hub, "village")
        started = hub.begin_due()
        deadline = time.monotonic() + 8
        while not double.held() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [held.text for held in double.held()] == ["Hello"]
        assert not all(future.done() for future in started)
        Slow.gate.set()


def test_an_account_whose_turn_runs_gets_no_second_one(tmp_path: Path, double: VillageDouble) -> None:
    Slow.gate.clear()
    with open_hub(write_config(tmp_path, {"slow": {"platform": "slow", **double.account()}}), Slow) as hub:
        first = hub.begin_due()
        hub.clock.forward(minutes=1)
        second = Scheduler(hub.hub)
        assert (len(first), second.turns.claim(9), hub.scheduler.turns.claim(9)) == (1, [], [])
        Slow.gate.set()
        second.close()


def test_a_network_that_asks_to_wait_is_left_alone_that_long(tmp_path: Path, double: VillageDouble) -> None:
    with open_hub(write_config(tmp_path, {"down": {"platform": "down", **double.account()}}), Down) as hub:
        assert len(hub.tick().errors) == 1
        assert hub.tick(minutes=30).errors == []
        assert len(hub.tick(minutes=31).errors) == 1


def test_missed_rounds_are_made_up_for_by_one(tmp_path: Path, double: VillageDouble) -> None:
    with open_hub(write_config(tmp_path, {"one": {"platform": "village", **double.account()}}), Village) as hub:
        hub.tick()
        calls = len(double.calls)
        hub.tick(days=2)
        assert len([call for call in double.calls[calls:] if call.path == "/remarks"]) == 1


def test_a_publish_schedule_of_slots_waits_for_the_next_slot(tmp_path: Path, double: VillageDouble) -> None:
    path = write_config(
        tmp_path, {"one": {"platform": "village", **double.account()}}, '[schedule]\npublish = "0 9 * * *"\n'
    )
    clock = Clock()
    clock.now = clock.now.replace(hour=10, minute=0)
    with open_hub(path, Village, clock=clock) as hub:
        hub.tick()
        accept(hub, "one")
        hub.tick(hours=3)
        assert double.held() == []
        hub.tick(hours=20)
        assert [held.text for held in double.held()] == ["Hello"]


def test_a_turn_leaves_a_row_that_tells_what_it_did(tmp_path: Path, double: VillageDouble) -> None:
    with open_hub(write_config(tmp_path, {"one": {"platform": "village", **double.account()}}), Village) as hub:
        accept(hub, "one")
        hub.tick()
        with hub.store.read() as connection:
            run = accounts.recent_runs(connection, "one")[0]
    assert (run["outcome"], json.loads(str(run["counts"]))) == ("ok", {"published": 1})


def test_events_are_told_after_they_are_stored_and_their_trouble_changes_nothing(
    tmp_path: Path, double: VillageDouble
) -> None:
    told: list[str] = []

    class Ears:
        @hookimpl
        def register_adapters(self) -> list[type[Village]]:
            return [Village]

        @hookimpl
        def post_published(self, account: str, receipt: Receipt) -> None:
            told.append(f"{account} {receipt.remote_id}")
            raise RuntimeError("not interested")

        @hookimpl
        def mention_received(self, mention: Mention) -> None:
            told.append(mention.text)

    path = write_config(tmp_path, {"one": {"platform": "village", **double.account()}})
    with Hub.open(load(path, {}), clock=Clock(), plugins={"ears": Ears()}) as hub:
        scheduler = Scheduler(hub)
        now = hub.clock()
        routes.add_post(hub.store, NewPost(key="1", text="Hello", publish_at=now), ["one"], now)
        assert scheduler.tick().errors == []
        double.say(double.add_person("Anna", "anna"), double.held()[0].id, "Hi")
        hub.clock.forward(minutes=6)  # type: ignore[attr-defined]  # a test's clock
        scheduler.tick()
        scheduler.close()
    assert told == [f"one {double.held()[0].id}", "Hi"]


def test_a_dead_process_gives_its_accounts_back_at_once(tmp_path: Path, double: VillageDouble) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "from hub.scheduling.process import process_name; print(process_name())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert (alive(process_name()), alive(dead), alive("elsewhere:1:2")) == (True, False, True)
    with open_hub(write_config(tmp_path, {"one": {"platform": "village", **double.account()}}), Village) as hub:
        hub.store.write(leases.claim, "one", dead, hub.clock(), timedelta(hours=1))
        accept(hub, "one")
        hub.tick()
        assert [held.text for held in double.held()] == ["Hello"]


def test_a_turn_that_cannot_be_written_down_is_reported_and_stops_nobody(
    tmp_path: Path, double: VillageDouble
) -> None:
    with open_hub(write_config(tmp_path, {"one": {"platform": "village", **double.account()}}), Village) as hub:
        hub.tick()
        accept(hub, "one")
        # The table of runs is gone: what the turn did can no longer be written down at its end.
        hub.store.write(lambda c: c.exec_driver_sql("ALTER TABLE runs RENAME TO lost"))
        report = hub.tick()
        assert [account for account, _ in report.errors] == ["one"]
        hub.store.write(lambda c: c.exec_driver_sql("ALTER TABLE lost RENAME TO runs"))
        assert hub.tick(minutes=5).errors == []
        assert [held.text for held in double.held()] == ["Hello"]


def test_only_one_daemon_holds_the_lock_and_its_death_frees_it(tmp_path: Path) -> None:
    lock = tmp_path / "hub.db.lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from hub.scheduling.process import DaemonLock\n"
            "lock = DaemonLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); time.sleep(60)",
            str(lock),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    mine = DaemonLock(lock)
    assert mine.acquire() is False
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert mine.acquire() is True
    mine.release()
