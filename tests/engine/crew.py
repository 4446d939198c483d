"""Workers as processes on one database, and a network that counts what they send."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from settle_kinds import KINDS, KindDouble, is_publish
from support import TestHub, open_hub, write_config

from hub import settings
from hub.errors import StoreError
from hub.publishing import routes
from hub.store import Store
from hub.store.outbox import deliveries
from hub.store.outbox.posts import NewPost
from hub.store.running import leases, workers
from hub.store.running.workers import Worker
from hub.store.verify import verify

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


class Crew:
    """A hub.toml with so many accounts on one network, and the processes that work on it."""

    def __init__(self, folder: Path, network: KindDouble, config: Path, accounts: list[str]) -> None:
        self.network = network
        self.config = config
        self.accounts = accounts
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), *(path for path in sys.path if path)]),
        }
        self._accepted: list[str] = []
        self._store = Store.open(settings.load(config, {}).database_url)

    @property
    def is_sqlite(self) -> bool:
        return self._store.is_sqlite

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start `hub …`; what it says goes into a file."""
        with (self._folder / "said.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "hub", "--config", str(self.config), *command],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        self._started.append(process)
        return process

    def start_three(self) -> list[subprocess.Popen[bytes]]:
        """Start three that work side by side: on SQLite, where one daemon is, a daemon and two rounds of cron."""
        if self.is_sqlite:
            return [self.start("run"), self.start("tick"), self.start("tick")]
        return [self.start("worker") for _ in range(3)]

    def until(self, true: Callable[[], bool], seconds: float = 120.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"{self.states()}\n{self.said()[-3000:]}"
            time.sleep(0.02)

    def accept(self, count: int) -> None:
        """Take so many posts for each account, no two of them alike."""
        with self.open() as hub:
            for account in self.accounts:
                for _ in range(count):
                    text = f"{account} {len(self._accepted)}"
                    self._accepted.append(text)
                    now = datetime.now(UTC)
                    routes.add_post(hub.store, NewPost(key=text, text=text, publish_at=now), [account], now)

    @contextmanager
    def open(self) -> Iterator[TestHub]:
        with open_hub(self.config, *KINDS.values()) as hub:
            yield hub

    def states(self) -> Counter[str]:
        with self._store.read() as connection:
            return Counter(deliveries.count_by_state(connection))

    def is_out(self) -> bool:
        return self.states() == {"published": len(self._accepted)}

    def workers(self) -> list[Worker]:
        with self._store.read() as connection:
            return workers.latest(connection)

    def owners(self) -> list[str]:
        """Return the processes that hold an account."""
        with self._store.read() as connection:
            return leases.owners(connection)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def is_writable(self) -> bool:
        """Tell whether nobody stands in the middle of a commit."""
        store = Store.open(settings.load(self.config, {}).database_url, busy_timeout=0.3)
        try:
            store.write(lambda connection: None)
        except StoreError:
            return False
        finally:
            store.close()
        return True

    def sent(self) -> int:
        """Count the posts that the network was given, whatever it made of them."""
        return sum(is_publish(request) for request in list(self.network.calls))

    def said(self) -> str:
        return (self._folder / "said.log").read_text()

    def wrong(self) -> list[str]:
        """Return what is not as it must be: each post once on the network, and a sound store."""
        texts = Counter(held.text for held in self.network.held())
        found = [f"{text!r} is there {times} times" for text, times in texts.items() if times > 1]
        found += [f"{text!r} is not there" for text in self._accepted if text not in texts]
        return found + verify(self._store)

    def stop(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self._started:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
        self._store.close()


@contextmanager
def crew(
    folder: Path,
    database: str,
    engine: str,
    *,
    accounts: int,
    latency: float = 0.02,
    lease: str = "30s",
    quantum: str = "0s",
    kind: str = "lookup",
) -> Iterator[Crew]:
    """Set up the accounts; nothing runs yet. Without a quantum each turn sends one post."""
    (folder / "hub_settle_kinds.py").write_text(_PLUGIN)
    installed = folder / "hub_settle_kinds-1.dist-info"
    installed.mkdir()
    (installed / "entry_points.txt").write_text(_ENTRY)
    (installed / "METADATA").write_text(_METADATA)
    with KindDouble(latency=latency) as network:
        names = [f"a{number:03}" for number in range(accounts)]
        options = {"platform": KINDS[kind].platform, **network.account(), "settle_after": "1s"}
        configured = {name: {**options, "calls_per_second": 1000} for name in names}
        schedule = '[schedule]\npublish = "every 1s"\nlisten = "every 1h"\n'
        extra = f'engine = "{engine}"\nlease = "{lease}"\nquantum = "{quantum}"\ndeadline = "60s"\nlog = "debug"'
        config = write_config(folder, configured, schedule, database=database, extra=extra)
        made = Crew(folder, network, config, names)
        try:
            yield made
        finally:
            made.stop()
