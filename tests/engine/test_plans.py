"""What is asked every second and in every turn reads by indexes, however many accounts and posts there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store import Store
from hub.store.outbox import sending
from hub.store.running import accounts, leases

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NEXT_WEEK = NOW + timedelta(days=7)


def numbers(store: Store, count: int) -> str:
    if store.is_sqlite:
        return f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    return f"WITH n AS (SELECT generate_series(1, {count}) AS i)"


def fill(store: Store, count: int, posts: int) -> None:
    """Make so many accounts, and posts for next week on the first hundred of them."""
    names = [f"a{number}" for number in range(count)]
    kinds = {name: ["publish", "listen", "contacts"] for name in names}
    store.write(accounts.register, dict.fromkeys(names, "village"), kinds, NEXT_WEEK)
    milliseconds = int(NEXT_WEEK.timestamp() * 1000)

    def work(connection: Connection) -> None:
        _many(connection, "posts", {"key": "'k' || n.i"}, numbers(store, posts), milliseconds)
        values = {
            "post_id": "n.i",
            "account": "'a' || (n.i - n.i / 100 * 100)",
            "state": "'queued'",
            "due_at": str(milliseconds),
        }
        _many(connection, "deliveries", values, numbers(store, posts), milliseconds)

    store.write(work)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")


def _many(connection: Connection, table: str, given: dict[str, str], numbers: str, milliseconds: int) -> None:
    """Write one row for each number; what is not given is empty, 0 or that time."""
    values = {"id": "n.i", **given}
    for column in sa.Table(table, sa.MetaData(), autoload_with=connection).columns:
        if column.name not in values and not column.nullable and column.server_default is None:
            empty = {str: "''", bool: "false"}.get(column.type.python_type, "0")
            values[column.name] = str(milliseconds) if column.name.endswith("_at") else empty
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(values)}) {numbers} SELECT {', '.join(values.values())} FROM n"
    )


@contextmanager
def told(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Gather the statements that read or write."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            found.append((statement, parameters))

    sa.event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", note)


def scans(store: Store, statement: str, parameters: Any) -> list[str]:
    """Return the tables that a statement reads from one end to the other."""
    ask = "EXPLAIN QUERY PLAN " if store.is_sqlite else "EXPLAIN "
    with store.read() as connection:
        rows = connection.exec_driver_sql(ask + statement, parameters).all()
    lines = [str(row[-1]) for row in rows]
    if store.is_sqlite:
        return [line for line in lines if line.startswith("SCAN") and "VIRTUAL TABLE" not in line]
    return [line for line in lines if "Seq Scan" in line]


ASKED: dict[str, Callable[[Connection], object]] = {
    "what is due": lambda c: leases.due(c, NOW, 16, ["stranger"]),
    "taking what is due": lambda c: leases.claim_due(c, "me", NOW, NOW, 16, ["stranger"]),
    "taking one": lambda c: leases.claim_one(c, "a7", "me", NOW, NOW),
    "prolonging a lease": lambda c: leases.extend(c, "a7", 1, NOW),
    "giving back": lambda c: leases.release(c, "a7", 1),
    "what is to be sent": lambda c: sending.due(c, "a7", NOW),
    "what is in doubt": lambda c: sending.doubts_due(c, "a7", NOW),
    "what is next": lambda c: sending.next_due(c, "a7"),
    "what a dead turn left": lambda c: sending.left_sending(c, "a7", 9),
    "making due": lambda c: accounts.hasten(c, ["a7"], "publish", NOW),
    "when it is due again": lambda c: accounts.reschedule(c, "a7", {"publish": NEXT_WEEK}, NOW),
}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("count", "posts"), [(2_000, 20_000), pytest.param(10_000, 200_000, marks=pytest.mark.faults_long)]
)
def test_nothing_that_is_asked_all_the_time_reads_a_whole_table(store: Store, count: int, posts: int) -> None:
    fill(store, count, posts)
    store.write(accounts.hasten, ["a1", "a7"], "listen", NOW)
    for name, ask in ASKED.items():
        with told(store) as statements:
            store.write(ask)
        assert statements, name
        for statement, parameters in statements:
            if "FROM accounts" in statement or "jobs" in statement or "deliveries" in statement:
                assert scans(store, statement, parameters) == [], (name, statement)
