"""Idle: what 10,000 accounts cost a worker while nobody says anything, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from pydantic import SecretStr

from bench.measure import Figure
from bench.memory import resident
from bench.postgresql import server
from hub import AccountSettings, Batch, Identity, Limits, Listener, Post, Publisher, Receipt, settings
from hub.registry import Registry
from hub.scheduling.hub import LISTEN, PUBLISH, Hub
from hub.scheduling.tick import Scheduler
from hub.store.tables import accounts, jobs

ACCOUNTS = 10_000
HEAVIEST = 5.0
"""Percent of one core while nothing is due."""
FATTEST = 250.0
"""MB of a worker that has had a turn of every account that was due."""
_EVERY = timedelta(minutes=5)


class Silent(Publisher, Listener):
    """A network that answers at once and has nothing to say: what is left is the hub's own work."""

    platform = "silent"
    settle: ClassVar[Any] = "none"

    class Settings(AccountSettings):
        api_url: str = "http://127.0.0.1:9"
        token: SecretStr

    def check(self) -> Identity:
        return Identity(remote_id=self.account, name=self.account)

    def limits(self) -> Limits:
        return Limits(unit="grapheme", maximum=500)

    def publish(self, post: Post) -> Receipt:
        return Receipt(remote_id=post.key)

    def find(self, post: Post) -> Receipt | None:
        return None

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Any]]:
        yield Batch([], cursor or "here")


def run(quick: bool) -> Iterator[Figure]:
    """Yield CPU, statements and memory of a worker to whom nothing is due, and of one that reads all in turn."""
    count = 1000 if quick else ACCOUNTS
    for database in ("SQLite", "PostgreSQL"):
        with (
            tempfile.TemporaryDirectory() as folder,
            server() if database == "PostgreSQL" else nullcontext() as url,
        ):
            config = _configure(Path(folder), url or f"sqlite:///{folder}/hub.db", count)
            for mode in ("asleep", "reading"):
                found = _worker(config, mode, 5.0 if quick else 20.0)
                yield from _figures(database, mode, count, found)


def _figures(database: str, mode: str, count: int, found: dict[str, float]) -> Iterator[Figure]:
    what = f"{database}, {count:,} accounts, " + (
        "nothing due" if mode == "asleep" else f"each read every {_EVERY.seconds // 60} min, without news"
    )
    asleep = mode == "asleep"

    def figure(name: str, value: float, unit: str, target: float | None = None, note: str = "") -> Figure:
        aim: Any = None if target is None else "at most"
        made = Figure("idle", f"{what}: {name}", value, value, value, unit=unit, aim=aim, target=target, note=note)
        return made._replace(costs=costs)

    costs = {}
    if database == "PostgreSQL":
        costs = {f"idle.{mode}.{name}": value for name, value in found.items()} | {"idle.accounts": float(count)}

    if asleep:
        yield figure(
            "CPU seconds to start", found["start"], "s", note="read hub.toml, check it, open the database"
        )
    yield figure("CPU of one core", found["cpu"], "%", HEAVIEST if asleep else None)
    yield figure("statements", found["statements"], "/s")
    if not asleep:
        yield figure(
            "turns", found["turns"], "/s", note=f"{found['statements'] / found['turns']:.1f} statements each"
        )
        yield figure("resident set", found["memory"], "MB", FATTEST)


def _configure(folder: Path, database: str, count: int) -> Path:
    (folder / "token").write_text("none")
    lines = ["[hub]", f"database = {json.dumps(database)}"]
    for number in range(count):
        lines += [f"[accounts.a{number}]", 'platform = "silent"', 'token = { file = "token" }']
    path = folder / "hub.toml"
    path.write_text("\n".join(lines))
    return path


def _worker(config: Path, mode: str, length: float) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.idle", str(config), mode, str(length)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(config: Path, mode: str, length: float) -> dict[str, float]:
    """Be a worker for so many seconds; return what it cost."""
    begun = time.process_time()
    loaded = settings.load(config, {})
    with Hub.open(loaded, registry=Registry.of(Silent)) as hub:
        start = time.process_time() - begun
        _set_up(hub, mode)
        counted: Counter[str] = Counter()

        def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            counted[statement.split(maxsplit=1)[0]] += 1

        stop = threading.Event()
        worker = threading.Thread(target=Scheduler(hub, how="run").run, args=(stop,))
        worker.start()
        time.sleep(3)
        sa.event.listen(hub.store.engine, "before_cursor_execute", count)
        turns, cpu, at = _turns(hub), time.process_time(), time.monotonic()
        time.sleep(length)
        took = time.monotonic() - at
        found = {
            "start": start,
            "cpu": (time.process_time() - cpu) / took * 100,
            "statements": sum(counted.values()) / took,
            "turns": (_turns(hub) - turns) / took,
            "memory": _memory(),
        }
        stop.set()
        worker.join()
    return found


def _set_up(hub: Hub, mode: str) -> None:
    """Make it an hour later: who every account is is known, and their turns are spread over their interval."""
    now = hub.clock()
    names = list(hub.settings.accounts)

    def work(connection: sa.Connection) -> None:
        connection.execute(accounts.update().values(identity="known", last_ok_at=now))
        publish = sa.and_(jobs.c.kind == PUBLISH, jobs.c.account == sa.bindparam("at_name"))
        listen = sa.and_(jobs.c.kind == LISTEN, jobs.c.account == sa.bindparam("at_name"))
        hour, span = timedelta(hours=1), _EVERY if mode == "reading" else timedelta(hours=12)
        share = [number / len(names) for number in range(len(names))]
        first = timedelta(0) if mode == "reading" else timedelta(hours=1)
        for condition, length in ((publish, hour), (listen, span)):
            connection.execute(
                jobs.update().where(condition),
                [
                    {"at_name": name, "due_at": now + first + length * part}
                    for name, part in zip(names, share, strict=True)
                ],
            )

    hub.store.write(work)


def _turns(hub: Hub) -> float:
    """Count the turns so far: each one is a number higher."""
    with hub.store.read() as connection:
        return float(connection.execute(sa.select(sa.func.sum(accounts.c.fence))).scalar_one())


def _memory() -> float:
    import os

    return resident(os.getpid())


if __name__ == "__main__":
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(json.dumps(_measure(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))))
