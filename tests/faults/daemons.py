"""Real `hub run` and `hub tick` processes, on networks of every settle kind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from settle_kinds import KINDS, KindDouble
from support import open_hub, write_config

from hub import settings
from hub.errors import StoreError
from hub.publishing import routes
from hub.resemblance import text_key
from hub.store import Store
from hub.store.outbox import deliveries
from hub.store.outbox.posts import NewPost
from hub.store.verify import verify
from hub.testing import SocialDouble
from plugins.twitter.sandbox import TwitterDouble
from plugins.vk.sandbox import VKDouble

# A process finds its plugins by what is installed; this makes the settle kinds look so.
_PLUGIN = """
from settle_kinds import KINDS
import hub

@hub.hookimpl
def register_adapters():
    return list(KINDS.values())
"""
_ENTRY = "[hub]\nsettle_kinds = hub_settle_kinds\n"
_METADATA = "Metadata-Version: 2.1\nName: hub-settle-kinds\nVersion: 1\n"


class Fleet:
    """Networks by account, a hub.toml for them, and the processes that work on it."""

    def __init__(self, folder: Path, networks: Mapping[str, SocialDouble], config: Path) -> None:
        self.networks = networks
        self.config = config
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), *(path for path in sys.path if path)]),
        }
        self._accepted = 0

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Start `hub run` or `hub tick`; what it says goes into a file."""
        with (self._folder / "said.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "hub", "--config", str(self.config), command],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        self._running.append(process)
        return process

    def tick(self) -> int:
        return self.start("tick").wait(60)

    def stop(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self._running:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()

    def accept(self, count: int) -> None:
        """Take new posts for all accounts."""
        with self.open() as hub:
            for _ in range(count):
                self._accepted += 1
                now = datetime.now(UTC)
                new = NewPost(key=str(self._accepted), text=f"Запись номер {self._accepted} 🎈", publish_at=now)
                routes.add_post(hub.store, new, list(self.networks), now)

    @contextmanager
    def open(self) -> Iterator[Any]:
        with open_hub(self.config, *KINDS.values()) as hub:
            yield hub

    def states(self) -> Counter[str]:
        """Count the deliveries by state; it reads only, so that no frozen process is in its way."""
        store = Store.open(settings.load(self.config, {}).database_url)
        try:
            with store.read() as connection:
                return Counter(deliveries.count_by_state(connection))
        finally:
            store.close()

    def freeze(self, process: subprocess.Popen[bytes]) -> bool:
        """Stop a process where it stands; False, and it goes on, if it stands in a commit, which holds SQLite."""
        os.kill(process.pid, signal.SIGSTOP)
        store = Store.open(settings.load(self.config, {}).database_url, busy_timeout=0.3)
        try:
            store.write(lambda connection: None)
        except StoreError:
            self.wake(process)
            return False
        finally:
            store.close()
        return True

    def wake(self, process: subprocess.Popen[bytes]) -> None:
        os.kill(process.pid, signal.SIGCONT)

    def wait_until_out(self, seconds: float) -> None:
        """Wait until everything that was accepted is published, or a person is asked about it."""
        deadline = time.monotonic() + seconds
        while self.states().keys() - {"published", "asked"}:
            assert time.monotonic() < deadline, f"{self.states()}\n{self.said()[-3000:]}"
            time.sleep(0.5)

    def said(self) -> str:
        return (self._folder / "said.log").read_text()

    def wrong(self) -> list[str]:
        """Return what is not as it must be: each post once on each network, and a sound store."""
        found = []
        with self.open() as hub:
            found += verify(hub.store)
            asked = {
                (row["account"], text_key(row["text"]))
                for row in hub.rows("SELECT account, text FROM deliveries WHERE state = 'asked'")
            }
        for account, network in self.networks.items():
            said = Counter(text_key(held.text) for held in network.held())
            found += [f"{account}: {text!r} is there {times} times" for text, times in said.items() if times > 1]
            silent = self._accepted - len({*said, *(text for name, text in asked if name == account)})
            if silent:
                found.append(f"{account}: {silent} posts are not there")
        return found


def install_kinds(folder: Path) -> None:
    """Make the settle kinds look installed, for processes that have the folder among their paths."""
    (folder / "hub_settle_kinds.py").write_text(_PLUGIN)
    installed = folder / "hub_settle_kinds-1.dist-info"
    installed.mkdir()
    (installed / "entry_points.txt").write_text(_ENTRY)
    (installed / "METADATA").write_text(_METADATA)


@contextmanager
def fleet(
    folder: Path, *, lease: str, latency: float = 0.0, calls_per_second: float = 1000, database: str = ""
) -> Iterator[Fleet]:
    """Set up VK, X and the village in its four kinds; nothing runs yet."""
    install_kinds(folder)
    with ExitStack() as stack:
        networks: dict[str, SocialDouble] = {
            adapter.platform: stack.enter_context(KindDouble(latency=latency)) for adapter in KINDS.values()
        }
        networks["vk"] = stack.enter_context(VKDouble(latency=latency))
        networks["twitter"] = stack.enter_context(TwitterDouble(latency=latency))
        options: dict[str, Any] = {"settle_after": "1s", "calls_per_second": calls_per_second}
        accounts = {name: {"platform": name, **double.account(), **options} for name, double in networks.items()}
        schedule = '[schedule]\npublish = "every 1s"\nlisten = "every 1h"\n'
        extra = f'lease = "{lease}"\ndeadline = "60s"'
        config = write_config(folder, accounts, schedule, database=database, extra=extra)
        running = Fleet(folder, networks, config)
        try:
            yield running
        finally:
            running.stop()
