"""Row 18: machines on one PostgreSQL whose clocks differ by minutes go by the database's."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from cluster.server import Server
from cluster.workers import Worker, cluster

from hub.store import Store
from hub.store.vault import StoreVault

MINUTES = 7
_SOURCE = Path(__file__).parent / "skewed.c"


def ahead(worker: Worker) -> timedelta:
    """Return by how much a worker's machine is ahead, by the time that it writes into its log."""
    last = json.loads(worker.said().splitlines()[-1])
    return datetime.fromisoformat(last["timestamp"]) - datetime.now(UTC)


@pytest.mark.skipif(shutil.which("cc") is None, reason="NOT RUN: a machine's clock is put ahead by a C compiler")
@pytest.mark.timeout(240)
def test_workers_whose_clocks_differ_take_nothing_from_each_other(
    tmp_path: Path, server: Server, database: str
) -> None:
    """By its own clock each lease of one is long over, or not yet begun, for the other."""
    library = tmp_path / "skewed.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True)
    skewed = [{"LD_PRELOAD": str(library), "SKEW": str(minutes * 60)} for minutes in (MINUTES, -MINUTES)]
    with cluster(
        tmp_path,
        server,
        database,
        workers=2,
        accounts=8,
        lease="8s",
        latency=0.2,
        extra="workers = 4",
        surroundings=skewed,
    ) as running:
        running.wait_until_they_run(60)
        running.accept(10)
        running.wait_until_settled(120)
        assert running.wrong() == []
        assert set(running.states()) == {"published"}
        said = [worker.said() for worker in running.workers]
        assert ["lease lost" in words for words in said] == [False, False]
        assert ["post published" in words for words in said] == [True, True]
        differences = [ahead(worker) for worker in running.workers]
        for difference, minutes in zip(differences, (MINUTES, -MINUTES), strict=True):
            assert abs(difference - timedelta(minutes=minutes)) < timedelta(minutes=2)
        assert [worker.stop() for worker in running.workers] == [0, 0]


def test_a_secret_is_renewed_once_though_the_clocks_differ(server: Server, database: str) -> None:
    """Row 16: a network takes the old secret once, so that a second renewal would lock the account out."""
    stores = [Store.open(server.url(database)) for _ in range(2)]
    first, second = (StoreVault(store, "one", lambda: bytes(32)) for store in stores)
    first.write("token", "old")
    renewing, go_on = threading.Event(), threading.Event()
    renewed: list[str] = []

    def slowly(seen: str | None) -> str:
        renewing.set()
        go_on.wait(20)
        renewed.append("by the first")
        return "new"

    def at_once(seen: str | None) -> str:
        renewed.append("by the second")
        return "newer"

    results: list[str] = []
    one = threading.Thread(target=lambda: results.append(first.rotate("token", "old", slowly)))
    one.start()
    renewing.wait(20)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=MINUTES)):
        two = threading.Thread(target=lambda: results.append(second.rotate("token", "old", at_once)))
        two.start()
        two.join(1)
        go_on.set()
        one.join(20)
        two.join(20)
    assert (renewed, results) == (["by the first"], ["new", "new"])
    for store in stores:
        store.close()
