"""Reads and fills the tables of one database in bulk, each database by its own means."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoreError
from hub.store.database import Store
from hub.store.discussions import search
from hub.store.moving.rows import Row
from hub.store.tables import metadata

# Rows that are fetched at once; of tables with bytes fewer, for an image may be of many megabytes.
_BATCH = 2000
_BATCH_OF_BYTES = 16
_LOCK_WAIT = "10s"


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def driver(connection: Connection) -> Any:
    """Return the driver's own connection: rows that are carried by the million need nothing above it."""
    return connection.connection.driver_connection


@contextlib.contextmanager
def said_plainly(connection: Connection, table: sa.Table) -> Iterator[None]:
    """Turn what the driver itself says of a table's rows into a `StoreError`."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        place = getattr(getattr(error, "diag", None), "context", None)
        why = str(error).strip().splitlines()[0] + (f" ({place})" if place else "")
        raise StoreError("the rows of {table} cannot be carried: {why}", table=table.name, why=why) from error


def patient(store: Store, connection: Connection) -> None:
    """Let the statements of this transaction take their time, though not those that wait for a lock."""
    store.unhurried(connection)
    if not is_sqlite(connection):
        for setting, value in (
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
            ("lock_timeout", _LOCK_WAIT),
        ):
            connection.exec_driver_sql(f"SET LOCAL {setting} = '{value}'")


def hold_writers_off(connection: Connection, tables: Sequence[sa.Table]) -> None:
    """Let nobody else write before this transaction ends, and let it see what was committed by now.

    On SQLite the transaction does both from its beginning. On PostgreSQL it must be REPEATABLE READ, and this
    its first statement that sees rows.
    """
    if not is_sqlite(connection):
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(map(_quoted, tables))} IN SHARE MODE")


def count(connection: Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def rows(connection: Connection, table: sa.Table) -> Iterator[list[Row]]:
    """Yield all rows of a table in batches, as the driver gives them, in no order."""
    query = f"SELECT {_names(table)} FROM {_quoted(table)}"  # noqa: S608  # names of our own tables
    has_bytes = any(isinstance(column.type, sa.LargeBinary) for column in table.columns)
    size = _BATCH_OF_BYTES if has_bytes else _BATCH
    with said_plainly(connection, table):
        if is_sqlite(connection):
            cursor = driver(connection).execute(query)
        else:
            # With a name the server keeps the rest of the answer until it is asked for.
            cursor = driver(connection).cursor(name="hub_rows")
            cursor.execute(query)
    with contextlib.closing(cursor):
        while True:
            with said_plainly(connection, table):
                batch = cursor.fetchmany(size)
            if not batch:
                return
            yield batch


def columns_with_nul(connection: Connection, table: sa.Table) -> list[str]:
    """Return the columns in which some text holds NUL; PostgreSQL's hold none."""
    texts = [column.name for column in table.columns if isinstance(column.type, sa.String)]
    if not is_sqlite(connection) or not texts:
        return []
    sought = ", ".join(f"max(instr(CAST({_quote(name)} AS BLOB), x'00'))" for name in texts)
    found = driver(connection).execute(f"SELECT {sought} FROM {_quoted(table)}").fetchone()  # noqa: S608
    return [name for name, place in zip(texts, found, strict=True) if place]


@contextlib.contextmanager
def filling(connection: Connection, table: sa.Table) -> Iterator[Callable[[Sequence[Row]], Any]]:
    """Give what puts rows into an empty table."""
    if is_sqlite(connection):
        places = ", ".join("?" * len(table.columns))
        insert = f"INSERT INTO {_quoted(table)} ({_names(table)}) VALUES ({places})"  # noqa: S608
        with said_plainly(connection, table):
            yield lambda batch: driver(connection).executemany(insert, batch)
        return
    with (
        said_plainly(connection, table),
        driver(connection).cursor() as cursor,
        cursor.copy(f"COPY {_quoted(table)} ({_names(table)}) FROM STDIN") as copy,
    ):

        def put(batch: Sequence[Row]) -> None:
            for row in batch:
                copy.write_row(row)

        yield put


def drop_indexes(connection: Connection) -> list[str]:
    """Drop what slows the filling of tables down: indexes and foreign keys. Return the statements that make them.

    Those of the index of words too; not what keeps primary keys and unique columns.
    """
    if is_sqlite(connection):
        found = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).all()
        for name, _ in found:
            connection.exec_driver_sql(f"DROP INDEX {_quote(name)}")
        return [sql for _, sql in found]
    names = [table.name for table in metadata.sorted_tables] + [search.search.name]
    ours = {"ours": names}
    keys = connection.execute(
        sa.text(
            "SELECT r.relname, c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c "
            "JOIN pg_class r ON r.oid = c.conrelid "
            "WHERE c.contype = 'f' AND r.relname = ANY(:ours) AND r.relnamespace = current_schema()::regnamespace"
        ),
        ours,
    ).all()
    indexes = connection.execute(
        sa.text(
            "SELECT i.relname, pg_get_indexdef(x.indexrelid) FROM pg_index x "
            "JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class r ON r.oid = x.indrelid "
            "WHERE r.relname = ANY(:ours) AND r.relnamespace = current_schema()::regnamespace "
            "AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = x.indexrelid) "
            # Read again, such a condition is the same and is written otherwise; there are few.
            "AND pg_get_indexdef(x.indexrelid) NOT LIKE '%ANY%'"
        ),
        ours,
    ).all()
    for table, name, _ in keys:
        connection.exec_driver_sql(f"ALTER TABLE {_quote(table)} DROP CONSTRAINT {_quote(name)}")
    for name, _ in indexes:
        connection.exec_driver_sql(f"DROP INDEX {_quote(name)}")
    return [sql for _, sql in indexes] + [
        f"ALTER TABLE {_quote(table)} ADD CONSTRAINT {_quote(name)} {sql}" for table, name, sql in keys
    ]


def empty(connection: Connection, tables: Sequence[sa.Table]) -> None:
    """Remove all rows of these tables, and the index of words with them."""
    if is_sqlite(connection):
        for table in reversed(tables):
            connection.execute(table.delete())
        connection.execute(search.search.delete())
    else:
        names = ", ".join(map(_quoted, tables))
        connection.exec_driver_sql(f"TRUNCATE {names}, {_quote(search.search.name)} RESTART IDENTITY")


def number_on(connection: Connection, tables: Sequence[sa.Table], taken: dict[str, int]) -> None:
    """Let new rows be numbered after the largest number there is, and after those `taken` before, by table.

    SQLite does so by itself.
    """
    if is_sqlite(connection):
        return
    for table in tables:
        column = table.autoincrement_column
        if column is None:
            continue
        largest = connection.execute(sa.select(sa.func.max(column))).scalar() or 0
        newest = max(largest, taken.get(table.name, 0))
        connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence(:table, :column), :newest, :used)"),
            {"table": _quoted(table), "column": column.name, "newest": max(newest, 1), "used": newest > 0},
        )


def numbers_taken(connection: Connection, tables: Sequence[sa.Table]) -> dict[str, int]:
    """Return the last number that each table gave out, where the database knows it."""
    if is_sqlite(connection):
        return {}
    known = connection.execute(
        sa.text("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()")
    )
    last = {name: value for name, value in known if value is not None}
    return {
        table.name: last.get(f"{table.name}_{column.name}_seq", 0)
        for table in tables
        if (column := table.autoincrement_column) is not None
    }


def _names(table: sa.Table) -> str:
    return ", ".join(_quote(column.name) for column in table.columns)


def _quoted(table: sa.Table) -> str:
    return _quote(table.name)


def _quote(name: str) -> str:
    return f'"{name}"'
