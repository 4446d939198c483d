"""The hub behind a pooler in transaction mode: it notices, and needs nothing that outlives a transaction."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cluster.workers import cluster
from real.pgbouncer import SESSIONS, PgBouncer
from real.report import Note
from sqlalchemy.engine import Connection

from hub.store import Store, migrate, postgresql, tables
from hub.store.running import changes
from hub.store.running.watching import Watch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
THREADS = 12
WRITES = 15


def note_run(connection: Connection, number: int, turn: int) -> None:
    at = NOW
    connection.execute(tables.switches.insert().values(name=f"{number}.{turn}", since=at, reason="", who=""))
    changes.note(connection, "posts", number)


class TestPooler:
    runs = PgBouncer

    @pytest.fixture
    def database(self, server: PgBouncer) -> Iterator[str]:
        """A new database; the first thing that befalls it is its migration, by way of the pooler."""
        name = f"t{uuid.uuid4().hex}"
        with server.database.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        yield name
        with server.database.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @pytest.fixture
    def store(self, server: PgBouncer, database: str) -> Iterator[Store]:
        store = Store.open(server.database.url(database, port=server.port))
        migrate.upgrade(store)
        yield store
        store.close()

    def test_it_is_noticed(self, store: Store, server: PgBouncer, database: str, note: Note) -> None:
        with store.read() as connection:
            assert postgresql.is_pooled(connection)
        direct = Store.open(server.database.url(database))
        with direct.read() as connection:
            assert not postgresql.is_pooled(connection)
        direct.close()

    def test_many_threads_share_few_sessions(
        self, store: Store, server: PgBouncer, database: str, note: Note
    ) -> None:
        """More often than the driver waits before it would prepare a statement."""
        errors: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(WRITES):
                    store.write(note_run, number, turn)
                    with store.read() as connection:
                        connection.execute(
                            sa.select(tables.switches.c.name).where(tables.switches.c.who == "x")
                        ).all()
                        changes.since(connection, 0)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert errors == []
        with store.read() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(tables.switches)).scalar() == 180
        assert server.database.sessions(database) <= SESSIONS

    def test_no_limit_of_ours_is_left_on_a_session(self, store: Store, note: Note) -> None:
        """What is set for a write is over with it: the session is the next one's."""

        def limits(connection: Connection) -> list[Any]:
            names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
            return [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]

        assert store.write(limits) == ["10s", "29s", "10s"]
        for _ in range(3 * SESSIONS):
            with store.read() as connection:
                assert limits(connection) == ["0", "0", "0"]

    def test_a_page_is_told_of_changes_by_looking(self, store: Store, note: Note) -> None:
        watch = Watch(store, pace=0.05)
        watch.wait()
        begun = time.monotonic()
        watch.wait()
        assert 0.5 < time.monotonic() - begun < 3
        watch.close()

    def test_workers_publish_each_post_once(
        self, tmp_path: Path, store: Store, server: PgBouncer, database: str, note: Note
    ) -> None:
        way = ("127.0.0.1", server.port)
        with cluster(tmp_path, server.database, database, workers=2, accounts=8, lease="20s", way=way) as running:
            running.accept(10)
            running.wait_until_settled(120)
            assert running.wrong() == []
            assert set(running.states()) == {"published"}
            assert [worker.stop() for worker in running.workers] == [0, 0]
            said = "".join(worker.said() for worker in running.workers)
            assert "prepared statement" not in said
