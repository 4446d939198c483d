"""Ingest: pages as they come from the wire, against the database's fastest way to take the same rows."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.filling import AUTHOR_COLUMNS, MENTION_COLUMNS, Rows, ingest, prepare, rows_of, upsert_sql
from bench.measure import Figure, in_turns, ratio, seconds
from bench.pages import NETWORKS, PER_PAGE, Network, Page
from hub.store import Store

AIM = 0.35
_KEY = ("platform", "remote_id")


def run(quick: bool) -> Iterator[Figure]:
    """Yield a figure per network: mentions per second of the hub to rows per second of `executemany`."""
    for network in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            results = _results(Path(folder), network, pages=30 if quick else 200, rounds=3 if quick else 7)
        yield ratio(
            "ingest",
            f"{network.name}: parse, hash, compare and store, to SQLite executemany of the same rows",
            results,
            "hub",
            "executemany",
            aim="at least",
            target=AIM,
            note="rates in mentions/s; pages of 100, one transaction each, synchronous=FULL for both",
        )


def _results(folder: Path, network: Network, pages: int, rounds: int) -> dict[str, list[float]]:
    made = list(network.pages(pages))
    empty, full = folder / "empty.db", folder / "full.db"
    store = Store.open(f"sqlite:///{empty}")
    known = prepare(store, network.name, [page.thread_id for page in made])
    store.close()
    shutil.copy(empty, full)
    store = Store.open(f"sqlite:///{full}")
    ingest(store, network, known, made)
    store.close()
    rows = rows_of(full, made, [network.read(page) for page in made])
    variants = {
        "executemany": lambda: _raw(_fresh(empty), rows),
        "hub": lambda: _hub(_fresh(empty), network, known, made),
    }
    return in_turns(variants, rounds)


def _fresh(empty: Path) -> Path:
    path = empty.with_name("round.db")
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
    shutil.copy(empty, path)
    return path


def _hub(path: Path, network: Network, known: dict[str, int], pages: Sequence[Page]) -> float:
    store = Store.open(f"sqlite:///{path}")
    with store.read():
        pass
    taken = seconds(lambda: ingest(store, network, known, pages))
    store.close()
    return len(pages) * PER_PAGE / taken


def _raw(path: Path, rows: Sequence[Rows]) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    store = Store.open(f"sqlite:///{path}")
    for name in ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint", "cache_size"):
        with store.read() as ours:
            value = ours.exec_driver_sql(f"PRAGMA {name}").scalar()
        connection.execute(f"PRAGMA {name} = {value}")
    store.close()
    taken = seconds(_upserting(connection, rows))
    connection.close()
    return len(rows) * PER_PAGE / taken


def _upserting(connection: sqlite3.Connection, rows: Sequence[Rows]) -> Callable[[], None]:
    into_mentions = _sql("mentions", MENTION_COLUMNS)
    into_authors = _sql("authors", AUTHOR_COLUMNS)

    def work() -> None:
        for page in rows:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(into_authors, page.authors)
            connection.executemany(into_mentions, page.mentions)
            connection.execute("COMMIT")

    return work


def _sql(table: str, columns: Sequence[str]) -> str:
    return upsert_sql(table, columns, _KEY, f"VALUES ({', '.join('?' * len(columns))})")
