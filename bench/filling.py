"""Prepares databases for the benchmarks of reading: the schema, one account, a thread for every page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from bench.pages import Network, Page
from hub import Mention
from hub.store import Store, migrate
from hub.store.discussions import ingesting, threads
from hub.store.running import accounts
from hub.store.tables import authors as author_table
from hub.store.tables import mentions as mention_table

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ACCOUNT = "club"


def prepare(store: Store, network: str, roots: Iterable[str]) -> dict[str, int]:
    """Make the schema, the account and its threads, all due; return the threads by their remote id."""
    migrate.upgrade(store)
    store.write(accounts.register, {ACCOUNT: network}, {ACCOUNT: ["listen"]}, NOW)

    def work(connection: sa.Connection) -> dict[str, int]:
        made = threads.ensure(connection, ACCOUNT, list(roots), NOW)
        for thread in made.values():
            threads.attach(connection, thread, "", NOW)
        return made

    return store.write(work)


def ingest(store: Store, network: Network, known: dict[str, int], pages: Iterable[Page]) -> None:
    """Bring pages home as the hub does: parse, hash, compare, store; one transaction a page."""
    for page in pages:
        items = network.read(page)
        store.write(ingesting.ingest, ACCOUNT, network.name, known, items, NOW)


class Rows(NamedTuple):
    """What one page became in the tables: the mentions, and the authors who were new."""

    mentions: list[tuple[Any, ...]]
    authors: list[tuple[Any, ...]]


MENTION_COLUMNS = [column.name for column in mention_table.columns if column.name != "id"]
AUTHOR_COLUMNS = [column.name for column in author_table.columns if column.name != "contact_id"]


def rows_of(path: Path, pages: Sequence[Page], items: Sequence[Sequence[Mention]]) -> list[Rows]:
    """Read back, page by page, the very rows that the hub stored, as the driver would bind them."""
    connection = sqlite3.connect(path)
    found = connection.execute(f"SELECT {', '.join(MENTION_COLUMNS)} FROM mentions").fetchall()
    mention_at = {row[MENTION_COLUMNS.index("remote_id")]: row for row in found}
    found = connection.execute(f"SELECT {', '.join(AUTHOR_COLUMNS)} FROM authors").fetchall()
    author_at = {row[AUTHOR_COLUMNS.index("remote_id")]: row for row in found}
    connection.close()
    rows = []
    for mentioned in items:
        who = dict.fromkeys(item.author.remote_id for item in mentioned if item.author)
        fresh = [author_at.pop(remote_id) for remote_id in who if remote_id in author_at]
        rows.append(Rows([mention_at[item.remote_id] for item in mentioned], fresh))
    return rows


def upsert_sql(table: str, columns: Sequence[str], key: Sequence[str], source: str) -> str:
    """Return the blind upsert of a whole row; `source` is VALUES or a SELECT."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) {source} "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )
