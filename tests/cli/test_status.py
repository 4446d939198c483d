"""`hub status`: who does the work, how much is due, who waits longest; exit 5 if nobody works or all is late."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import Village, VillageDouble, open_hub, write_config

from hub.cli.main import main
from hub.cli.output import PARTLY
from hub.scheduling.hub import utc_now
from hub.store import Store
from hub.store.running import accounts, workers
from hub.store.running.workers import Worker


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Iterator[Path]:
    with VillageDouble() as double:
        options = {"platform": "village", **double.account()}
        path = write_config(tmp_path, {"one": options, "two": options}, database=database_url)
        with open_hub(path, Village):  # registers the accounts
            pass
        yield path


@pytest.fixture
def store(config: Path, database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    yield opened
    opened.close()


def status(config: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    code = main(["--config", str(config), "status", "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def beat(store: Store, **changed: Any) -> Worker:
    now = utc_now()
    worker = Worker(
        **{
            "name": "elsewhere:7:1",
            "host": "elsewhere",
            "pid": 7,
            "how": "worker",
            "engine": "local",
            "turns": 8,
            "running": 2,
            "started_at": now,
            "beat_at": now,
            "version": "1.0",
            "state": "running",
            **changed,
        }
    )
    store.write(workers.beat, worker)
    return worker


def put_off(store: Store, by: timedelta) -> None:
    """Let all work be due that long from now."""
    when = utc_now() + by
    kinds = {"publish": when, "listen": when}
    for name in ("one", "two"):
        store.write(accounts.reschedule, name, kinds, None)


def test_it_is_well_while_somebody_works_and_nothing_waits_for_long(
    config: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    put_off(store, timedelta(hours=1))
    beat(store)
    code, found = status(config, capsys)
    assert (code, found["alive"], found["due"], found["behind"]) == (0, 1, 0, 0)
    (worker,) = found["workers"]
    assert (worker["host"], worker["running"], worker["turns"], worker["alive"]) == ("elsewhere", 2, 8, True)


def test_nobody_works(config: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    put_off(store, timedelta(hours=1))
    assert status(config, capsys)[0] == PARTLY
    assert main(["--config", str(config), "status"]) == PARTLY
    assert "nobody does the work" in capsys.readouterr().out


def test_a_worker_that_fell_silent_is_no_worker(
    config: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    put_off(store, timedelta(hours=1))
    beat(store, beat_at=utc_now() - timedelta(minutes=2))
    code, found = status(config, capsys)
    assert (code, found["alive"], found["workers"][0]["alive"]) == (PARTLY, 0, False)
    main(["--config", str(config), "status"])
    assert "silent" in capsys.readouterr().out


def test_work_that_waits_for_long_is_named_by_its_account(
    config: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    put_off(store, timedelta(hours=1))
    store.write(accounts.reschedule, "two", {"publish": utc_now() - timedelta(minutes=20)}, None)
    beat(store)
    code, found = status(config, capsys)
    assert (code, found["due"]) == (PARTLY, 1)
    (waiting,) = found["waiting"]
    assert (waiting["account"], waiting["lag"] >= 1200, waiting["running"]) == ("two", True, False)
    main(["--config", str(config), "status"])
    assert "two: due for 20 minutes" in capsys.readouterr().out


def test_a_paused_account_keeps_nobody_waiting(
    config: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    put_off(store, timedelta(hours=-1))
    for name in ("one", "two"):
        store.write(accounts.pause, name, "revoked", utc_now())
    beat(store)
    code, found = status(config, capsys)
    assert (code, found["waiting"]) == (0, [])


def test_only_the_worst_are_shown_unless_all_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with VillageDouble() as double:
        options = {"platform": "village", **double.account()}
        path = write_config(tmp_path, {f"a{number}": options for number in range(12)})
        with open_hub(path, Village):
            pass
    assert len(status(path, capsys)[1]["waiting"]) == 10
    assert len(status(path, capsys, "--all")[1]["waiting"]) == 12
