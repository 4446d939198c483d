"""Rows 31, 32, 34 and 35: a disk that is full, a file that is locked, several processes, and the order to stop."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from faults.daemons import fleet
from faults.stage import Stage
from faults.truth import Tally, audit, tally
from settle_kinds import KINDS, TOKEN, is_publish

from hub.errors import StoreError
from hub.testing import faults

Staged = Callable[..., Stage]
Proved = Callable[[Stage, str, str], Tally]


@pytest.mark.parametrize("kind", ["lookup", "none"])
def test_on_a_full_disk_nothing_is_sent_without_its_row(staged: Staged, proved: Proved, kind: str) -> None:
    """Row 31: an attempt that cannot be written down is not made; with room again all goes out, once."""
    stage = staged(kind)
    texts = [f"post {number} " + "x" * 400 for number in range(30)]
    stage.accept(*texts)
    engine = stage.hub.store.engine
    with stage.hub.store.read() as connection:
        pages = connection.execute(sa.text("PRAGMA page_count")).scalar_one()
    full = True

    def limit(connection: Any, _record: Any) -> None:
        if full:
            connection.execute(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(engine, "connect", limit)
    engine.dispose()
    report = stage.hub.tick(minutes=10)
    assert any("full" in str(error) for _, error in report.errors)
    assert len(stage.texts()) < len(texts)
    with pytest.raises(StoreError, match="full"):
        for number in range(200):
            stage.accept(f"more {number} " + "y" * 400)
    known = {
        text for row in stage.hub.rows("SELECT text FROM deliveries WHERE attempts > 0") for text in row.values()
    }
    assert set(stage.texts()) <= known
    full = False
    engine.dispose()
    stage.rest()
    stage.decide()
    assert stage.everything_is_out()
    assert set(texts) <= set(stage.texts())
    proved(stage, "the disk is full", kind)


def test_a_database_that_is_held_for_seconds_is_waited_for(staged: Staged, proved: Proved) -> None:
    """Row 32: another program holds the file; nothing fails, and the post goes out when it lets go."""
    stage = staged("lookup")
    stage.accept("Once")
    other = sqlite3.connect(
        str(stage.hub.store.engine.url.database), isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    letting_go = threading.Timer(3, other.rollback)
    letting_go.start()
    began = time.monotonic()
    report = stage.hub.tick()
    letting_go.join()
    other.close()
    assert time.monotonic() - began > 2
    assert report.errors == []
    assert stage.texts() == ["Once"]
    proved(stage, "the database is locked", "lookup")


def test_a_daemon_told_to_stop_in_mid_send_finishes_it_and_leaves_well(
    tmp_path: Path, record: Callable[[str, str, Tally], None]
) -> None:
    """Row 35: SIGTERM while the networks take a second to answer; what waits is there for the next one."""
    with fleet(tmp_path, lease="120s") as running:
        networks = {kind: running.networks[adapter.platform] for kind, adapter in KINDS.items()}
        for network in networks.values():
            network.inject(faults.late(1.0), is_publish, times=100)
        running.accept(3)
        daemon = running.start("run")
        deadline = time.monotonic() + 60
        while not all(any(is_publish(call) for call in network.calls) for network in networks.values()):
            assert time.monotonic() < deadline, running.said()
            time.sleep(0.005)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(40) == 0
        with running.open() as hub:
            found = {row["state"] for row in hub.rows("SELECT state FROM deliveries")}
        assert found <= {"published", "queued"}
        for network in networks.values():
            network.calm()
        assert running.tick() == 0
        assert running.wrong() == []
        with running.open() as hub:
            for kind, network in networks.items():
                account = KINDS[kind].platform
                assert audit(hub.store, {account: network}, secret=TOKEN, said=running.said()) == []
                record("SIGTERM in mid send", kind, tally(hub.store, account, network))
