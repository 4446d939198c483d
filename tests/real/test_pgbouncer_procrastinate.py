"""Procrastinate as the engine behind a pooler in transaction mode: it asks instead of listening."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from engine.rows import Rows, hasten, now, register, running, tell
from real.pgbouncer import PgBouncer
from real.report import Note

from hub.engine import procrastinate_sql
from hub.engine.procrastinate import Procrastinate
from hub.store import Store, migrate
from hub.store.running import leases


class TestProcrastinateBehindPooler:
    runs = PgBouncer

    @pytest.fixture
    def store(self, server: PgBouncer) -> Iterator[Store]:
        name = f"t{uuid.uuid4().hex}"
        with server.database.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        store = Store.open(server.database.url(name, port=server.port))
        migrate.upgrade(store)
        yield store
        store.close()
        with server.database.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def test_turns_are_carried_out_through_few_sessions(self, store: Store, note: Note) -> None:
        """More turns than the driver waits for before it would prepare a statement, by more connections."""
        assert procrastinate_sql.prepare(store, now()) is True
        engine = Procrastinate(store, now, 4)
        tell(store, engine)
        names = [f"a{number}" for number in range(10)]
        register(store, names, now() + timedelta(hours=1))
        left = dict.fromkeys(names, 5)

        def act(account: str) -> datetime:
            left[account] -= 1
            return now() if left[account] else now() + timedelta(hours=1)

        rows = Rows(store, act)
        with running(engine, rows):
            hasten(store, names)
            until = time.monotonic() + 60
            while any(left.values()):
                assert time.monotonic() < until, left
                time.sleep(0.05)
            with store.read() as connection:
                listening = connection.exec_driver_sql(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
                ).scalar()
            assert listening == 0
        assert rows.turns == dict.fromkeys(names, 5)
        assert rows.most == 1
        with store.read() as connection:
            assert leases.owners(connection) == []
