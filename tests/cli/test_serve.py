"""`hub serve`: on real sockets it shows out who sends too much or too slowly, and ends when it is told to."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub.scheduling.hub import Hub as WholeHub
from hub.settings import load
from hub.store.team import users as stored
from hub.users import sessions
from hub.users.roles import Role

Start = Callable[..., "Running"]


class Running:
    """`hub serve` in a process of its own."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._log = folder / "stderr"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "HUB_LANG": "en"},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.port = int(self.wait_for(r"the page is at http://127\.0\.0\.1:(\d+)"))
        wait_until(self._answers)

    def wait_for(self, pattern: str) -> str:
        """Wait until stderr has it; return its first group."""
        found: list[str] = []
        wait_until(lambda: found.extend(re.findall(pattern, self.said)) or found)
        return found[0]

    @property
    def said(self) -> str:
        return self._log.read_text()

    def _answers(self) -> bool:
        try:
            return self.ask(b"GET /login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").startswith(
                b"HTTP"
            )
        except OSError:
            return False

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, request: bytes) -> bytes:
        """Send bytes, and return all that comes until the other side closes."""
        with self.open() as line:
            line.sendall(request)
            return read_all(line)

    def end(self, name: str = "SIGTERM") -> tuple[float, str]:
        """Tell it to end; return how many seconds it took, and what it said on stdout."""
        began = time.monotonic()
        self.process.send_signal(signal.Signals[name])
        out, _ = self.process.communicate(timeout=30)
        return time.monotonic() - began, out


def read_all(line: socket.socket) -> bytes:
    found = b""
    with suppress(ConnectionError):
        while part := line.recv(65536):
            found += part
    return found


def wait_until(what: Callable[[], object], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def start(hub_command: list[str], tmp_path: Path) -> Iterator[Start]:
    """Start `hub serve` on a free port, and leave it running."""
    started: list[Running] = []
    (tmp_path / "hub.toml").touch()

    def begin(*args: str) -> Running:
        started.append(Running([*hub_command, "serve", "--port", "0", *args], tmp_path))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.communicate()


def test_it_prints_its_address_and_the_link_for_the_first_owner(start: Start) -> None:
    page = start()
    token = page.wait_for(rf"http://127\.0\.0\.1:{page.port}/setup\?token=([\w-]{{43}})")
    answer = page.ask(
        f"GET /setup?token={token} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 200")
    # The answer is out before the log has it.
    page.wait_for(r'"path": "(/setup)"')
    lines = [json.loads(line) for line in page.said.splitlines() if line.startswith("{")]
    assert {line["path"] for line in lines if line["event"] == "page"} == {"/login", "/setup"}
    assert not any(token in json.dumps(line) for line in lines)
    seconds, _ = page.end("SIGINT")
    assert seconds < 10
    assert page.process.returncode == 0


def test_hostile_clients_are_shown_out_and_others_are_served(start: Start) -> None:
    page = start()
    # Names that are not ours.
    assert page.ask(b"GET /login HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").startswith(
        b"HTTP/1.1 400"
    )
    # Five megabytes of headers.
    with page.open() as line:
        with suppress(ConnectionError):
            line.sendall(b"GET /login HTTP/1.1\r\nhost: localhost\r\nx: " + b"x" * 5_000_000 + b"\r\n\r\n")
        assert b" 200 " not in read_all(line)[:20]
    # A chunked body that says no length and does not end.
    with page.open() as line:
        line.sendall(b"POST /login HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n")
        line.sendall(b"content-type: application/x-www-form-urlencoded\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(100):
                line.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        assert b" 413 " in read_all(line)[:20]
    # Two hundred that begin a request and never end it are gone after a while, and kept nobody waiting.
    half_open = []
    for _ in range(200):
        line = page.open()
        line.sendall(b"GET /login HTTP/1.1\r\nhost: localhost\r\nx-slow: ")
        half_open.append(line)
    began = time.monotonic()
    assert page.ask(b"GET /login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").startswith(
        b"HTTP/1.1 200"
    )
    for line in half_open:
        read_all(line)
        line.close()
    assert time.monotonic() - began < 30


def test_a_signal_ends_it_within_seconds_also_with_open_streams(start: Start, tmp_path: Path) -> None:
    with WholeHub.open(load(tmp_path / "hub.toml", {})) as hub:
        row = hub.store.write(stored.add, "anna", Role.OWNER.value, "", hub.clock())
        assert row is not None
        cookie = sessions.begin(hub.store, row.id, hub.clock())
    page = start("--json")
    streams = [page.open() for _ in range(5)]
    for line in streams:
        line.sendall(f"GET /live HTTP/1.1\r\nhost: localhost\r\ncookie: hub_session={cookie}\r\n\r\n".encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 200")
    seconds, out = page.end()
    for line in streams:
        line.close()
    assert seconds < 10
    assert page.process.returncode == 0
    document = json.loads(out)
    assert (document["ok"], document["stopped_by"]) == (True, "SIGTERM")
    assert "Traceback" not in page.said


def test_a_port_in_use_is_named(start: Start, hub: Callable[..., Any]) -> None:
    page = start()
    said = hub("serve", "--port", str(page.port), "--json")
    assert said.code == 6
    assert said.error["message"] == f"port {page.port} of 127.0.0.1 is in use"
    assert f"--port {page.port + 1}" in said.error["hint"]


def test_with_run_it_does_what_is_due_too(start: Start, hub: Callable[..., Any], tmp_path: Path) -> None:
    page = start("--run")
    wait_until(lambda: (tmp_path / "hub.db.lock").exists())
    said = hub("run", "--json")
    assert said.json == {"ok": True, "running": False}
    seconds, _ = page.end()
    assert seconds < 15
    assert page.process.returncode == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "hub.example.org"])  # noqa: S104
def test_an_address_that_others_reach_wants_https(hub: Callable[..., Any], tmp_path: Path, host: str) -> None:
    (tmp_path / "hub.toml").touch()
    said = hub("serve", "--host", host, "--json")
    assert said.code == 2
    assert "plain text" in said.error["message"]
    assert "--behind-proxy" in said.error["hint"]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('url = "hub.example.org"', "serve.url"),
        ('url = "https://hub.example.org/page"', "serve.url"),
        ('proxies = ["somewhere"]', "serve.proxies"),
        ("port = 70000", "serve.port"),
        ('hots = ["a"]', "serve.hots"),
    ],
)
def test_what_is_wrong_in_serve_is_named(hub: Callable[..., Any], tmp_path: Path, line: str, key: str) -> None:
    (tmp_path / "hub.toml").write_text(f"[serve]\n{line}\n")
    said = hub("serve", "--json")
    assert said.code == 3
    assert key in said.error["message"]
