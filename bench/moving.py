"""`hub db move` of remarks, between all kinds of databases, against COPY of the same rows."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench.filling import MENTION_COLUMNS, NOW, prepare
from bench.measure import Figure, in_turns, ratio, seconds
from bench.postgresql import server
from hub.store import Store
from hub.store.moving.move import move
from hub.store.running import switches
from hub.store.tables import mentions
from hub.testing.fresh import empty_database

_WORDS = (
    *("кофе", "зерно", "доставка", "вчера", "сегодня", "спасибо", "цена", "заказ", "помол", "вкус", "отличный"),
    *("долго", "привезли", "ещё", "the", "coffee"),
)


def run(quick: bool) -> Iterator[Figure]:
    """Yield rows per second of a move, its comparison and its index of words counted, to those of a bare COPY."""
    rows = 20_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder, server() as url:
        file = Path(folder) / "hub.db"
        source = Store.open(f"sqlite:///{file}")
        _fill(source, rows)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE bare")
            connection.execute("CREATE DATABASE there")
        addresses = {"there": url.replace("/postgres?", "/there?"), "bare": url.replace("/postgres?", "/bare?")}

        def there() -> float:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("DROP DATABASE there")
                connection.execute("CREATE DATABASE there")
            return _moved(source, addresses["there"], rows)

        def back() -> float:
            target = Path(folder) / "back.db"
            target.write_bytes(empty_database())
            store = Store.open(addresses["there"])
            try:
                return _moved(store, f"sqlite:///{target}", rows)
            finally:
                store.close()

        results = in_turns(
            {"move": there, "back": back, "copy": lambda: _copied(source, addresses["bare"], rows)},
            1 if quick else 3,
        )
        source.close()
    what = f"{rows:,} remarks: copied, read back and compared, all indexes made"
    note = "rates in remarks/s; to COPY of the same rows into a table without an index"
    yield ratio("moving", f"SQLite to PostgreSQL, {what}", results, "move", "copy", note=note)
    yield ratio("moving", f"PostgreSQL to SQLite, {what}", results, "back", "copy", note=note)


def _fill(store: Store, rows: int) -> None:
    dice = random.Random(1)
    known = prepare(store, "vk", [f"wall{number}" for number in range(1000)])
    threads = list(known.values())
    at = int(NOW.timestamp() * 1000)
    with store.engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        names = [column.name for column in mentions.columns]
        insert = f"INSERT INTO mentions ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        fixed = dict.fromkeys(names)
        fixed |= {"platform": "vk", "account": "club", "kind": "comment", "missed": 0, "links": "", "unmerged": 0}
        fixed |= {"status": "new", "sent_at": at, "seen_at": at}

        def made() -> Iterator[tuple[object, ...]]:
            for number in range(1, rows + 1):
                row = fixed | {"id": number, "remote_id": f"{number}", "thread_id": threads[number % 1000]}
                row |= {"text": " ".join(dice.choices(_WORDS, k=20)), "url": f"https://vk.com/wall-1_{number}"}
                row |= {"hash": dice.getrandbits(63), "author_id": f"{number % 5000}"}
                yield tuple(row.values())

        driver.cursor().executemany(insert, made())


def _moved(source: Store, address: str, rows: int) -> float:
    target = Store.open(address)
    try:
        took = seconds(
            lambda: move(source, target, NOW, alive=lambda _: False, reason="", progress=lambda done, of: None)
        )
    finally:
        target.close()
        source.write(switches.resume)
    return rows / took


def _copied(source: Store, address: str, rows: int) -> float:
    columns = ", ".join(MENTION_COLUMNS)
    with source.read() as connection:
        held = [tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM mentions")]
    with psycopg.connect(address) as connection:
        kinds = {"TEXT": "text", "BIGINT": "bigint", "INTEGER": "integer", "VARCHAR": "text"}
        types = {column.name: kinds[str(column.type.compile()).partition("(")[0]] for column in mentions.columns}
        made = ", ".join(f'"{name}" {types[name]}' for name in MENTION_COLUMNS)
        connection.execute(f"CREATE TEMP TABLE bare ({made})".encode())

        def work() -> None:
            with connection.cursor() as cursor, cursor.copy(f"COPY bare ({columns}) FROM STDIN".encode()) as copy:
                for row in held:
                    copy.write_row(row)

        return rows / seconds(work)
