"""The server restarts, crashes, or another one takes its place, while workers publish."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster.server import Server
from cluster.test_outage import see_that_none_is_lost
from cluster.workers import Cluster, cluster

Trouble = Callable[[Cluster, Server], None]


def restart(running: Cluster, server: Server) -> None:
    """Sessions are ended, what they were about is rolled back."""
    server.stop("fast")
    time.sleep(1)
    server.start()


def crash(running: Cluster, server: Server) -> None:
    """Nobody is told, and the server comes back by its log."""
    server.stop("immediate")
    time.sleep(1)
    server.start()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("trouble", [restart, pytest.param(crash, marks=pytest.mark.faults_long)])
def test_a_server_that_comes_back_finds_each_post_sent_once(
    tmp_path: Path, server: Server, database: str, trouble: Trouble
) -> None:
    with cluster(tmp_path, server, database, workers=2, accounts=8, lease="20s", latency=0.1) as running:
        running.accept(12)
        for out in (20, 60):
            running.wait_until_out(out, 120)
            trouble(running, server)
        running.wait_until_settled(120)
        see_that_none_is_lost(running, server, database)


@pytest.mark.timeout(240)
def test_a_standby_that_was_promoted_goes_on_where_the_first_one_ended(
    tmp_path: Path, server: Server, database: str
) -> None:
    """The standby has confirmed every commit, as `synchronous_standby_names` sees to: nothing is taken back."""
    with (
        server.standby() as second,
        cluster(tmp_path, server, database, workers=2, accounts=8, lease="20s", latency=0.1) as running,
    ):
        server.wait_for_standby()
        running.accept(12)
        running.wait_until_out(30, 120)
        for worker in running.workers:
            worker.proxy.down()
        server.stop("immediate")
        second.promote()
        for worker in running.workers:
            worker.proxy.target = (second.host, second.port)
            worker.proxy.up()
        running.move_to(second, database)
        running.wait_until_settled(120)
        see_that_none_is_lost(running, second, database)
