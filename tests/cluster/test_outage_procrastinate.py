"""The same loss of PostgreSQL with Procrastinate as the engine: its own connections come back by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster.server import Server
from cluster.test_outage import see_that_none_is_lost, trouble
from cluster.workers import cluster

ENGINE = 'engine = "procrastinate"\n'


@pytest.mark.timeout(240)
def test_workers_live_through_a_lost_and_a_mute_database(tmp_path: Path, server: Server, database: str) -> None:
    with cluster(
        tmp_path, server, database, workers=2, accounts=8, lease="20s", command=("worker",), extra=ENGINE
    ) as running:
        running.accept(20)
        trouble(running, 3, 3, 160)
        see_that_none_is_lost(running, server, database)
        for worker in running.workers:
            assert "taking turns, and begins again" in worker.said()


@pytest.mark.faults_long
@pytest.mark.timeout(900)
def test_four_workers_live_through_it_for_long(tmp_path: Path, server: Server, database: str) -> None:
    with cluster(
        tmp_path, server, database, workers=4, accounts=20, lease="60s", command=("worker",), extra=ENGINE
    ) as running:
        running.accept(100)
        trouble(running, 30, 10, 2000)
        see_that_none_is_lost(running, server, database)
