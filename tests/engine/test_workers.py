"""What every engine does, with real processes that die, freeze and are told to stop: each post is sent once."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engine.crew import Crew, crew

Setting = Callable[..., Crew]

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize(
        ("database_url", "engine"),
        [("sqlite", "local"), ("postgresql", "local"), ("postgresql", "procrastinate")],
        ids=["local-sqlite", "local-postgresql", "procrastinate"],
        indirect=["database_url"],
    ),
]


@pytest.fixture
def setting(tmp_path: Path, database_url: str, engine: str) -> Iterator[Setting]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(crew(tmp_path, database_url, engine, **options))


def kill_one_of_three(hub: Crew, posts: int) -> None:
    """Kill one in the middle of it; on SQLite it is the daemon, and another daemon comes after it."""
    hub.accept(posts)
    first, *_others = hub.start_three()
    hub.until(lambda: hub.sent() >= posts * len(hub.accounts) // 4)
    first.kill()
    first.wait()
    assert not hub.is_out(), "it was over before one was killed"
    if hub.is_sqlite:
        hub.start("run")
    hub.until(hub.is_out, 400)
    assert hub.wrong() == []


def test_one_of_three_is_killed_and_each_post_is_sent_once(setting: Setting) -> None:
    kill_one_of_three(setting(accounts=8, latency=0.05), 6)


@pytest.mark.faults_long
@pytest.mark.parametrize("kind", ["lookup", "key", "natural"])
def test_one_of_three_is_killed_in_the_middle_of_five_hundred_turns(setting: Setting, kind: str) -> None:
    kill_one_of_three(setting(accounts=25, latency=0.05, kind=kind), 20)


def test_a_frozen_worker_that_wakes_after_its_lease_sends_nothing_and_writes_nothing(setting: Setting) -> None:
    hub = setting(accounts=4, latency=0.2, lease="2s", quantum="30s")
    hub.accept(6)
    frozen = hub.start("run")
    hub.until(lambda: hub.sent() >= 6)
    freeze(hub, frozen)
    time.sleep(2.3)
    # On SQLite the lock of the one daemon is still held: others come as rounds of cron.
    others = [] if hub.is_sqlite else [hub.start("run")]
    while not hub.is_out():
        if hub.is_sqlite:
            hub.start("tick").wait(60)
        time.sleep(0.2)
    for other in others:
        other.terminate()
        other.wait(40)
    sent, rows = hub.sent(), hub.rows("SELECT * FROM deliveries ORDER BY id")
    frozen.send_signal(signal.SIGCONT)
    time.sleep(2)
    assert frozen.poll() is None
    assert hub.sent() == sent
    assert hub.rows("SELECT * FROM deliveries ORDER BY id") == rows
    assert hub.wrong() == []


def freeze(hub: Crew, process: subprocess.Popen[bytes]) -> None:
    """Stop a process where it stands, but for a commit: there it would hold SQLite."""
    while True:
        process.send_signal(signal.SIGSTOP)
        if not hub.is_sqlite or hub.is_writable():
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)


def test_a_worker_that_is_told_to_stop_hands_over_what_is_left(setting: Setting) -> None:
    """It ends after the call that it is in, though its turns have far more to do, and others go on at once."""
    hub = setting(accounts=4, latency=0.3, quantum="10m", lease="10m")
    leaving = hub.start("run")
    if not hub.is_sqlite:
        hub.start("worker")
    hub.until(lambda: len(hub.workers()) == (1 if hub.is_sqlite else 2))
    hub.accept(20)
    hub.until(lambda: hub.sent() >= 4 and has_work(hub, leaving))
    leaving.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert leaving.wait(40) == 0
    took = time.monotonic() - began
    assert not hub.is_out(), "it was over before one was told to stop"
    assert not has_work(hub, leaving)
    if hub.is_sqlite:
        assert hub.states()["sending"] == 0
        assert hub.start("tick").wait(100) == 0
    hub.until(hub.is_out)
    assert took < 20, f"it took {took:.1f} s to stop"
    assert hub.wrong() == []
    assert "stopped" in {worker.state for worker in hub.workers() if worker.pid == leaving.pid}


def has_work(hub: Crew, process: subprocess.Popen[bytes]) -> bool:
    return any(f":{process.pid}:" in owner for owner in hub.owners())


def test_a_round_does_all_that_is_due_and_ends(setting: Setting) -> None:
    hub = setting(accounts=3)
    hub.accept(4)
    assert hub.start("tick").wait(60) == 0
    assert hub.is_out()
    assert hub.owners() == []
    assert hub.wrong() == []


def test_each_periodic_work_is_begun_by_one_of_three_workers(setting: Setting) -> None:
    hub = setting(accounts=1)
    hub.start_three()
    hub.until(lambda: len(hub.workers()) >= (2 if hub.is_sqlite else 3))
    hub.until(lambda: "care" in hub.said() and "sweep" in hub.said())
    time.sleep(3)
    lines = [json.loads(line) for line in hub.said().splitlines() if line.startswith("{")]
    begun = Counter((line["chore"], line["interval"]) for line in lines if line["event"] == "chore begun")
    stored = hub.rows("SELECT name FROM ticks")
    assert {name for name, _ in begun} >= {"care", "sweep"}
    assert set(begun.values()) == {1}
    assert len(stored) == len(begun)
