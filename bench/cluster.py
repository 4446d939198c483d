"""Many workers on one PostgreSQL: `hub worker` as processes, what they got done, and what it cost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import sqlalchemy as sa

from bench.memory import resident
from bench.place import PLUGIN
from bench.processes import busy, children, cpu
from bench.publishing import text
from hub import settings
from hub.publishing.routes import add_post
from hub.scheduling.hub import Hub
from hub.store.outbox.posts import NewPost
from hub.store.running import changes, waking

FILLED = "filled"
"""The database that every other one is a copy of."""
_PATIENCE = 120.0
_ENTRY = "[hub]\nbench_place = bench_place\n"
_WAITS = """
SELECT coalesce(wait_event, 'CPU') FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""
_PLUGIN = "from bench.place import PLUGIN\nregister_adapters = PLUGIN.register_adapters\n"


class Sample(NamedTuple):
    """What was done since the database was made, and what it cost: seconds of CPU, bytes of WAL."""

    at: float
    published: int
    turns: int
    workers: float
    database: float
    everything: float
    wal: int
    commits: int
    rows: int
    connections: int

    def since(self, before: Sample) -> Sample:
        """Return what came between; `connections` are those of now."""
        new = Sample._make(now - then for now, then in zip(self, before, strict=True))
        return new._replace(connections=self.connections)


class Cluster:
    """One database full of posts, of which nothing is due yet, and the workers on it."""

    def __init__(self, url: str, config: Path, environment: dict[str, str]) -> None:
        self.config = config
        self.connection = psycopg.connect(url, autocommit=True)
        self._environment = environment
        self._workers: list[subprocess.Popen[bytes]] = []
        self._ended = 0.0
        row = self._row("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        self._server = int((Path(row[0]) / "postmaster.pid").read_text().split()[0])

    def resize(self, count: int, turns: int) -> None:
        """Have so many workers, each of which carries out so many turns side by side; return once they do."""
        surplus, self._workers = self._workers[count:], self._workers[:count]
        for worker in surplus:
            worker.send_signal(signal.SIGTERM)
        for worker in surplus:
            self._ended += cpu(worker.pid)
            worker.wait(_PATIENCE)
        log = self.config.with_suffix(".log").open("ab")
        with log:
            for _ in range(count - len(self._workers)):
                command = [sys.executable, "-m", "hub", "--config", str(self.config), "worker"]
                self._workers.append(
                    subprocess.Popen(
                        [*command, "--turns", str(turns)], stdout=log, stderr=log, env=self._environment
                    )
                )
        told = f"SELECT count(*) FILTER (WHERE state = 'running') = {count} FROM workers WHERE state <> 'stopped'"
        self._until(lambda: bool(self._row(told)[0]))

    def begin(self, kind: str) -> None:
        """Let this kind of work be due on every account that has any left."""
        left = "AND account IN (SELECT account FROM deliveries WHERE state = 'queued')" * (kind == "publish")
        self._due(f"kind = %s {left}", "0", kind)
        self.connection.execute(f"NOTIFY {waking.CHANNEL}")

    def end(self) -> None:
        """Let nothing be due, and wait for the turns that run."""
        self._until(self._is_over)

    def sample(self) -> Sample:
        published, turns, connections = self._row(
            "SELECT (SELECT count(*) FROM deliveries WHERE state = 'published'),"
            " (SELECT sum(fence) FROM accounts),"
            " (SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid())"
        )
        wal, commits, rows = self._row(
            "SELECT pg_current_wal_insert_lsn() - '0/0', xact_commit, tup_inserted + tup_updated + tup_deleted"
            " FROM pg_stat_database WHERE datname = current_database()"
        )
        return Sample(
            time.monotonic(),
            int(published),
            int(turns),
            self._ended + sum(cpu(worker.pid) for worker in self._workers),
            cpu(self._server) + sum(cpu(pid) for pid in children(self._server)),
            busy(),
            int(wal),
            int(commits),
            int(rows),
            int(connections),
        )

    def measure(self, kind: str, length: float) -> tuple[Sample, Counter[str]]:
        """Return what the workers get done in so many seconds once all of them are at work.

        And what their connections waited for in the middle of a transaction, each time that was looked at.
        """
        waits: Counter[str] = Counter()
        self.begin(kind)
        time.sleep(1.0)
        before = self.sample()
        while time.monotonic() < before.at + length:
            time.sleep(0.1)
            waits.update(name for (name,) in self.connection.execute(_WAITS))
        found = self.sample().since(before)
        self.end()
        return found, waits

    def size(self, *tables: str) -> int:
        """Return how many bytes these tables take, with their indexes."""
        sizes = " + ".join(f"pg_total_relation_size('{table}')" for table in tables)
        return int(self._row(f"SELECT {sizes}")[0])

    def memory(self) -> float:
        """Return the resident set of a worker, in MB, in the middle of all."""
        found = sorted(resident(worker.pid) for worker in self._workers)
        return found[len(found) // 2]

    def close(self) -> None:
        """Stop the workers, whatever they do."""
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self.connection.close()

    def _due(self, condition: str, later: str, kind: str) -> None:
        """Let what nobody is just writing be due so many seconds from now: who waits here waits in a circle."""
        now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        chosen = f"SELECT account, kind FROM jobs WHERE {condition} FOR UPDATE SKIP LOCKED"
        self.connection.execute(
            f"UPDATE jobs SET due_at = {now} + {later}000 WHERE (account, kind) IN ({chosen})".encode(), (kind,)
        )

    def _is_over(self) -> bool:
        self._due("kind <> %s", "86400", "")
        due = "due_at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 3600000"
        return bool(
            self._row(
                "SELECT NOT EXISTS (SELECT FROM accounts WHERE lease_owner <> '')"
                f" AND NOT EXISTS (SELECT FROM jobs WHERE {due})"
            )[0]
        )

    def _row(self, query: str) -> tuple[Any, ...]:
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        return row

    def _until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not true():
            if time.monotonic() > end:
                said = self.config.with_suffix(".log").read_text()[-3000:]
                raise AssertionError(f"it never came to be\n{said}")
            time.sleep(0.05)


class Clusters:
    """Makes copies of one filled database, each with a hub.toml of its own."""

    def __init__(self, folder: Path, server: str, network: str, count: int) -> None:
        self._folder = folder
        self._server = server
        self._network = network
        self.count = count
        self._copies = 0
        path = os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
        self._environment = {**os.environ, "PYTHONPATH": path}
        (folder / "bench_place.py").write_text(_PLUGIN)
        installed = folder / "bench_place-1.dist-info"
        installed.mkdir()
        (installed / "entry_points.txt").write_text(_ENTRY)
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-place\nVersion: 1\n")

    def url(self, database: str) -> str:
        return sa.make_url(self._server).set(database=database).render_as_string(hide_password=False)

    def sql(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def fill(self, posts: int) -> None:
        """Make the first one: every account known, with so many posts, and nothing due before tomorrow."""
        self.sql(f"CREATE DATABASE {FILLED}")
        for engine in ("procrastinate", "local"):
            with self.hub(FILLED, engine) as hub:
                pass
        with self.hub(FILLED) as hub:
            now = hub.clock()
            for number in range(posts):
                post = NewPost(key=f"p{number}", text=text(number), link="https://example.org/p", publish_at=now)
                add_post(hub.store, post, list(hub.settings.accounts), now)
        self.sql("UPDATE accounts SET identity = name", FILLED)
        self.sql("UPDATE jobs SET due_at = due_at + 86400000", FILLED)
        self.sql("VACUUM ANALYZE", FILLED)

    def add_future(self, name: str, posts: int) -> None:
        """Make a copy of the first one that has so many posts for next week besides."""
        self.sql(f"CREATE DATABASE {name} TEMPLATE {FILLED}")
        numbers = f"generate_series(1, {posts}) AS i"
        given = {
            "posts": {"id": "1000000 + i", "key": "'future ' || i"},
            "deliveries": {
                "id": "1000000 + i",
                "post_id": "1000000 + i",
                "account": f"'a' || (i % {self.count})",
                "due_at": "due_at + 604800000",
            },
        }
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            for table, values in given.items():
                columns = connection.execute(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_name = %s AND table_schema = 'public' AND is_generated = 'NEVER'",
                    (table,),
                ).fetchall()
                named = [str(column) for (column,) in columns]
                wanted = {column: values.get(column, column) for column in named}
                connection.execute(
                    f"INSERT INTO {table} ({', '.join(wanted)}) SELECT {', '.join(wanted.values())}"
                    f" FROM (SELECT * FROM {table} LIMIT 1) AS one, {numbers}".encode()
                )
            connection.execute("VACUUM ANALYZE")

    def held(self, times: int) -> list[float]:
        """Tell of so many changes; return for how many milliseconds each held the lock that they all take."""
        found = []
        with self.hub(FILLED) as hub:
            taken = 0.0

            def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
                nonlocal taken
                if "pg_advisory_xact_lock" in statement:
                    taken = time.perf_counter()

            sa.event.listen(hub.store.engine, "after_cursor_execute", note)
            for number in range(times):
                hub.store.write(changes.note, "posts", number)
                found.append((time.perf_counter() - taken) * 1000)
        return found

    @contextmanager
    def hub(self, database: str, engine: str = "local", quantum: str = "0s") -> Iterator[Hub]:
        """Open the hub on a database in this process."""
        loaded = settings.load(self.config(database, engine, quantum), {})
        with Hub.open(loaded, plugins={"place": PLUGIN}) as hub:
            yield hub

    def config(self, database: str, engine: str, quantum: str, network: str = "") -> Path:
        lines = [
            "[hub]",
            f"database = {json.dumps(self.url(database))}",
            f'engine = "{engine}"',
            f'quantum = "{quantum}"',
            "posts_per_hour = 0",
            'log = "warning"',
            "[schedule]",
            'listen = "every 1d"',
        ]
        for number in range(self.count):
            lines += [f"[accounts.a{number}]", 'platform = "place"', f'api_url = "{network or self._network}"']
        path = self._folder / f"{database}.toml"
        path.write_text("\n".join(lines))
        return path

    @contextmanager
    def copy(
        self, engine: str = "local", quantum: str = "0s", template: str = FILLED, network: str = ""
    ) -> Iterator[Cluster]:
        """Make a copy for as long as it is needed; nobody works on it yet."""
        self._copies += 1
        name = f"copy{self._copies}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        with ExitStack() as stack:
            stack.callback(self.sql, f"DROP DATABASE {name} WITH (FORCE)")
            made = Cluster(self.url(name), self.config(name, engine, quantum, network), self._environment)
            stack.callback(made.close)
            yield made
