"""`hub run`: does what is due by itself, leaves when told, and lets nobody work beside it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.testing.world import World

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(hub_command: list[str], tmp_path: Path) -> Iterator[Start]:
    """Start `hub` and leave it running."""
    started: list[subprocess.Popen[str]] = []

    def begin(*args: str) -> subprocess.Popen[str]:
        running = subprocess.Popen(
            [*hub_command, *args],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "HUB_LANG": "en"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(running)
        return running

    yield begin
    for running in started:
        running.kill()
        running.communicate()


def wait_until(what: Callable[[], object], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_lets_what_is_in_flight_finish_and_the_daemon_leaves_well(
    start: Start, hub: Callable[..., Any], small_world: World, name: str
) -> None:
    page = small_world.networks["facebook"]
    assert hub("post", "Hello", "--to", "facebook").code == 0
    page.latency = 0.3
    daemon = start("run", "--json")
    wait_until(lambda: any(call.path.endswith("/feed") and call.method == "POST" for call in page.calls))
    daemon.send_signal(signal.Signals[name])
    out, err = daemon.communicate(timeout=60)
    assert daemon.returncode == 0
    assert json.loads(out) == {"ok": True, "running": True, "stopped_by": name}
    assert "Traceback" not in err
    [delivery] = hub("posts", "--json").json["posts"][0]["deliveries"]
    assert (delivery["state"], len(page.held())) == ("published", 1)


def test_the_log_of_a_daemon_without_a_terminal_is_json_lines_without_secrets(
    start: Start, hub: Callable[..., Any], small_world: World
) -> None:
    assert hub("post", "Hello", "--to", "facebook").code == 0
    daemon = start("run")
    wait_until(lambda: small_world.networks["facebook"].held())
    daemon.terminate()
    _, err = daemon.communicate(timeout=60)
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    published = next(line for line in lines if line["event"] == "post published")
    assert (published["level"], published["account"], published["post"]) == ("info", "facebook", 1)
    for secret in (small_world.folder / "secrets").iterdir():
        assert secret.read_text().strip() not in err


def test_a_second_daemon_says_one_line_and_leaves(start: Start, small_world: World) -> None:
    first = start("run")
    assert first.stderr is not None
    assert "running" in first.stderr.readline()
    second = start("run")
    out, err = second.communicate(timeout=60)
    assert (second.returncode, out) == (0, "")
    assert err == "another `hub run` works on this database; leaving it to that one\n"
    assert first.poll() is None


def test_a_worker_beside_others_needs_postgresql_and_says_so(hub: Callable[..., Any], small_world: World) -> None:
    answer = hub("worker", "--json")
    assert answer.code == 2
    assert "several workers need PostgreSQL" in answer.json["error"]["message"]
    assert "hub db move" in answer.json["error"]["hint"]
