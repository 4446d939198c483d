"""Rows 18 and 34: processes frozen at random moments, and several of them at once: each post is there once."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.daemons import Fleet, fleet
from faults.truth import Tally, tally

Record = Callable[[str, str, Tally], None]
LEASE = 2.0
ROUNDS = 3
POSTS = 3


def calls(running: Fleet) -> int:
    return sum(len(network.calls) for network in running.networks.values())


def note(running: Fleet, record: Record, fault: str) -> None:
    with running.open() as hub:
        for account, network in running.networks.items():
            record(fault, account, tally(hub.store, account, network))


@pytest.mark.timeout(240)
def test_a_daemon_frozen_past_its_lease_sends_nothing_when_it_wakes(tmp_path: Path, record: Record) -> None:
    """While it is frozen others settle its doubts and send again what is not there."""
    seed = int(os.environ.get("HUB_TEST_SEED", random.SystemRandom().randrange(10**9)))
    print(f"HUB_TEST_SEED={seed}")
    moments = random.Random(seed)
    caught = 0
    # Between the commit and the call lies the wait for the account's pace: there a freeze mostly falls.
    with fleet(tmp_path, lease=f"{LEASE:.0f}s", latency=0.05, calls_per_second=4) as running:
        daemon = running.start("run")
        for _ in range(ROUNDS):
            before = calls(running)
            running.accept(POSTS)
            while calls(running) < before + 6:
                assert daemon.poll() is None, running.said()[-3000:]
                time.sleep(0.002)
            time.sleep(moments.uniform(0, 0.5))
            while not running.freeze(daemon):
                time.sleep(moments.uniform(0, 0.1))
            time.sleep(LEASE + 0.3)
            caught += running.states()["sending"]
            for _ in range(3):
                running.tick()
                time.sleep(1)
            running.wake(daemon)
            running.wait_until_out(60)
        print(f"{caught} deliveries were being sent when their process was frozen")
        assert caught > 0
        note(running, record, "a daemon frozen past its lease")
        assert running.wrong() == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_three_daemons_on_one_postgresql_send_each_post_once(
    tmp_path: Path, database_url: str, record: Record
) -> None:
    """One of them is frozen for longer than its leases in the middle of it."""
    with fleet(
        tmp_path, lease=f"{LEASE:.0f}s", latency=0.02, calls_per_second=8, database=database_url
    ) as running:
        daemons = [running.start("run") for _ in range(3)]
        running.accept(20)
        while calls(running) < 20:
            assert all(daemon.poll() is None for daemon in daemons), running.said()[-3000:]
            time.sleep(0.01)
        for daemon in daemons[:2]:
            while not running.freeze(daemon):
                time.sleep(0.05)
            time.sleep(LEASE + 1)
            running.wake(daemon)
        running.wait_until_out(120)
        note(running, record, "three daemons on one database")
        assert running.wrong() == []


@pytest.mark.timeout(240)
def test_three_loops_of_ticks_on_one_sqlite_file_send_each_post_once(tmp_path: Path, record: Record) -> None:
    with fleet(tmp_path, lease=f"{LEASE:.0f}s", latency=0.02, calls_per_second=8) as running:
        running.accept(15)
        threads = [threading.Thread(target=lambda: [running.tick() for _ in range(3)]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        running.tick()
        running.wait_until_out(60)
        note(running, record, "three loops of ticks on one file")
        assert running.wrong() == []
