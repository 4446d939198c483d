"""Worker processes on one PostgreSQL, each with a way to it of its own, and many accounts of every settle kind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from cluster.proxy import Proxy
from cluster.server import Server
from faults.daemons import install_kinds
from real.serving import free_port
from settle_kinds import KINDS, KindDouble
from support import open_hub, write_config

from hub.publishing import routes
from hub.resemblance import text_key
from hub.store import Store, tables
from hub.store.outbox import deliveries
from hub.store.outbox.posts import NewPost
from hub.store.verify import verify

_STOPPING = 60.0


@dataclass
class Worker:
    """One process, and its way to the database."""

    name: str
    way: Proxy | None
    config: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def proxy(self) -> Proxy:
        assert self.way is not None, "it is in a network of its own"
        return self.way

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        """Ask it to end; return what it ended with."""
        if self.alive:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(_STOPPING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@dataclass
class Cluster:
    """The accounts' networks, the database behind the proxies, and the workers."""

    folder: Path
    store: Store
    networks: dict[str, KindDouble]
    workers: list[Worker] = field(default_factory=list)
    accepted: int = 0

    def accept(self, count: int) -> None:
        """Take so many posts for each account."""
        names = list(self.networks)
        for _ in range(count):
            self.accepted += 1
            now = datetime.now(UTC)
            text = f"Запись номер {self.accepted} 🎈"
            routes.add_post(self.store, NewPost(key=str(self.accepted), text=text, publish_at=now), names, now)

    def out(self) -> int:
        """Count the posts that the networks hold."""
        return sum(len(network.posts) for network in self.networks.values())

    def wait_until_out(self, count: int, seconds: float) -> None:
        """Wait until the networks hold so many posts."""
        until = time.monotonic() + seconds
        while self.out() < count:
            self.see_that_they_live()
            assert time.monotonic() < until, (
                f"{self.out()} of {count} are out: {self.states()}\n{self.end_of_logs()}"
            )
            time.sleep(0.02)

    def wait_until_settled(self, seconds: float) -> None:
        """Wait until every delivery is published, or a person is asked about it."""
        until = time.monotonic() + seconds
        while self.states().keys() - {"published", "asked"}:
            self.see_that_they_live()
            assert time.monotonic() < until, f"{self.states()}\n{self.end_of_logs()}"
            time.sleep(0.5)

    def wait_until_they_run(self, seconds: float) -> None:
        """Wait until every worker has begun to look for work."""
        until = time.monotonic() + seconds
        while not all("running" in worker.said() for worker in self.workers):
            self.see_that_they_live()
            assert time.monotonic() < until, self.end_of_logs()
            time.sleep(0.1)

    def move_to(self, server: Server, database: str) -> None:
        """Ask another server from now on."""
        self.store.close()
        self.store = Store.open(server.local_url(database))

    def see_that_they_live(self) -> None:
        for worker in self.workers:
            assert worker.alive, f"{worker.name} ended with {worker.process.returncode}:\n{worker.said()[-3000:]}"

    def begun_by(self, worker: Worker) -> int:
        """Count the posts that a worker is sending at this moment."""
        deliveries_, accounts_ = tables.deliveries, tables.accounts
        with self.store.read() as connection:
            owners = connection.execute(
                sa.select(accounts_.c.lease_owner)
                .join(deliveries_, deliveries_.c.account == accounts_.c.name)
                .where(deliveries_.c.state == "sending", deliveries_.c.fence == accounts_.c.fence)
            ).scalars()
            return sum(f":{worker.process.pid}:" in owner for owner in owners)

    def wait_until_sending(self, worker: Worker, seconds: float) -> None:
        """Wait for the dangerous moment: a post of this worker is on its way, and no receipt is stored."""
        until = time.monotonic() + seconds
        while not self.begun_by(worker):
            assert time.monotonic() < until, self.end_of_logs()
            time.sleep(0.005)

    def states(self) -> Counter[str]:
        with self.store.read() as connection:
            return Counter(deliveries.count_by_state(connection))

    def end_of_logs(self) -> str:
        return "\n".join(f"--- {worker.name}\n{worker.said()[-2000:]}" for worker in self.workers)

    def wrong(self) -> list[str]:
        """Return what is not as it must be: each post once on each network, and a sound store."""
        found = list(verify(self.store))
        asked = self._asked()
        for account, network in self.networks.items():
            said = Counter(text_key(held.text) for held in network.held())
            found += [f"{account}: {text!r} is there {times} times" for text, times in said.items() if times > 1]
            silent = self.accepted - len({*said, *(text for name, text in asked if name == account)})
            if silent:
                found.append(f"{account}: {silent} posts are not there")
        return found

    def _asked(self) -> set[tuple[str, str]]:
        """Return account and words of each delivery that a person is asked about: it is there, or it is not."""
        table = tables.deliveries
        with self.store.read() as connection:
            rows = connection.execute(
                sa.select(table.c.account, table.c.text).where(table.c.state == "asked")
            ).all()
        return {(account, text_key(text)) for account, text in rows}


@contextmanager
def cluster(
    folder: Path,
    server: Server,
    database: str,
    *,
    workers: int,
    accounts: int,
    lease: str,
    latency: float = 0.05,
    command: Sequence[str] = ("run",),
    extra: str = "",
    way: tuple[str, int] | None = None,
    places: Sequence[Sequence[str]] = (),
    reach: Callable[[KindDouble], str] = lambda double: double.url,
    surroundings: Sequence[Mapping[str, str]] = (),
) -> Iterator[Cluster]:
    """Start workers on accounts that take turns in being of each settle kind; nothing is accepted yet.

    `way` is where the workers' proxies lead, if not to the server itself. With `places`, words that run a command
    in a network of its own, there is one for each worker and no proxy; `reach` says where a double is found there.
    `surroundings` are variables of the environment, for each worker.
    """
    install_kinds(folder)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), *(path for path in sys.path if path)]),
    }
    with ExitStack() as stack:
        kinds = list(KINDS)
        networks = {
            f"{kinds[number % len(kinds)]}{number}": stack.enter_context(KindDouble(latency=latency))
            for number in range(accounts)
        }
        options = {"settle_after": "2s", "calls_per_second": 1000}
        accounts_of = {
            name: {
                "platform": KINDS[name.rstrip("0123456789")].platform,
                **double.account(),
                "api_url": reach(double),
                **options,
            }
            for name, double in networks.items()
        }
        schedule = '[schedule]\npublish = "every 1s"\nlisten = "every 1h"\n'
        whole = f'lease = "{lease}"\ndeadline = "30s"\n{extra}'
        url = server.local_url(database)
        # The accounts are made by a hub that is not in trouble.
        with open_hub(write_config(folder, accounts_of, schedule, database=url, extra=whole), *KINDS.values()):
            pass
        store = stack.enter_context(_opened(url))
        running = Cluster(folder, store, networks)
        try:
            for number in range(workers):
                room = folder / f"worker{number}"
                room.mkdir()
                proxy = None
                inside = places[number] if places else ()
                own_variables = dict(surroundings[number]) if surroundings else {}
                if not places:
                    proxy = stack.enter_context(Proxy(way or (server.host, server.port), free_port()))
                own = server.url(database, port=proxy.port if proxy else 0)
                config = write_config(room, accounts_of, schedule, database=own, extra=whole)
                running.workers.append(
                    _start(
                        f"worker{number}", proxy, config, [*inside, *_HUB], command, environment | own_variables
                    )
                )
            yield running
        finally:
            for worker in running.workers:
                worker.process.kill() if worker.alive else None
                worker.process.wait()


_HUB = [sys.executable, "-m", "hub"]


def _start(
    name: str,
    way: Proxy | None,
    config: Path,
    program: Sequence[str],
    command: Sequence[str],
    environment: dict[str, str],
) -> Worker:
    log = config.parent / "said.log"
    with log.open("ab") as said:
        words = [*program, "--config", str(config), *command]
        process = subprocess.Popen(words, stdout=said, stderr=said, env=environment)
    return Worker(name, way, config, process, log)


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    store = Store.open(url)
    try:
        yield store
    finally:
        store.close()
