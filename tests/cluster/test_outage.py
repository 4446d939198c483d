"""Row 33: PostgreSQL is lost, then mute, while workers publish: each post is there once, and no worker ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cluster.server import Server
from cluster.workers import Cluster, cluster


def trouble(running: Cluster, lost: float, mute: float, total: int) -> None:
    """Lose the database for a while, and later let it be mute, with publishes under way."""
    begun = time.monotonic()

    def note(what: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {running.out():5} out  {what}")

    running.wait_until_out(total // 6, 120)
    note("lost")
    for worker in running.workers:
        worker.proxy.down()
    time.sleep(lost)
    for worker in running.workers:
        worker.proxy.up()
    note("back")
    running.wait_until_out(total // 2, 240)
    note("mute")
    for worker in running.workers:
        worker.proxy.swallow()
    time.sleep(mute)
    for worker in running.workers:
        worker.proxy.clear()
    note("back")
    running.wait_until_settled(240)
    note("settled")


def see_that_none_is_lost(running: Cluster, server: Server, database: str) -> None:
    running.see_that_they_live()
    assert running.wrong() == []
    # Nobody was asked: the database came back before anything had to be forgotten.
    assert set(running.states()) == {"published"}
    assert [worker.stop() for worker in running.workers] == [0] * len(running.workers)
    running.store.close()
    until = time.monotonic() + 30
    while server.sessions(database):
        assert time.monotonic() < until, "sessions are left on the server"
        time.sleep(0.2)
    assert [worker.proxy.connections for worker in running.workers] == [0] * len(running.workers)


@pytest.mark.timeout(240)
def test_workers_live_through_a_lost_and_a_mute_database(tmp_path: Path, server: Server, database: str) -> None:
    with cluster(tmp_path, server, database, workers=2, accounts=8, lease="20s") as running:
        running.accept(20)
        trouble(running, 3, 3, 160)
        see_that_none_is_lost(running, server, database)


@pytest.mark.timeout(240)
def test_a_worker_that_is_told_to_stop_meanwhile_ends_in_time(
    tmp_path: Path, server: Server, database: str
) -> None:
    """It holds answers that it cannot store; another worker finds out about those posts."""
    with cluster(
        tmp_path, server, database, workers=2, accounts=8, lease="20s", latency=0.2, extra="workers = 4"
    ) as running:
        running.wait_until_they_run(60)
        running.accept(6)
        leaver = running.workers[0]
        running.wait_until_sending(leaver, 60)
        leaver.proxy.down()
        begun = time.monotonic()
        assert leaver.stop() == 0
        assert time.monotonic() - begun < 45
        running.workers.remove(leaver)
        running.wait_until_settled(120)
        assert running.wrong() == []


@pytest.mark.faults_long
@pytest.mark.timeout(900)
def test_four_workers_live_through_it_for_long(tmp_path: Path, server: Server, database: str) -> None:
    with cluster(tmp_path, server, database, workers=4, accounts=20, lease="60s") as running:
        running.accept(100)
        trouble(running, 30, 10, 2000)
        see_that_none_is_lost(running, server, database)
