"""Says whether a database may be carried away or written over: who works on it, and whether it holds anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoreError, UsageError
from hub.store import migrate
from hub.store.database import Store
from hub.store.moving.carrying import tables
from hub.store.running import workers
from hub.store.tables import accounts, metadata

# After so many signs of life that did not come, a process on another machine is taken as gone.
_MISSED = 4


def there(store: Store) -> bool:
    """Tell whether the database is there and the hub's; a file of no bytes is none."""
    if store.is_sqlite:
        path = Path(str(store.engine.url.database))
        if not path.exists() or not path.stat().st_size:
            return False
    return migrate.version(store) is not None


def check_source(store: Store) -> None:
    """Raise unless the database is there and of this program's version."""
    if not there(store):
        raise UsageError("there is no hub's database at {place}", place=place(store))
    migrate.refuse_newer(store)
    if migrate.version(store) != migrate.head():
        raise StoreError(
            "the database at {place} is of an older version than this program",
            hint="run `hub db upgrade` with it first",
            place=place(store),
        )


def check_target(store: Store) -> None:
    """Raise unless the database can be filled: it holds nothing, and nobody else's tables are in the way."""
    if there(store):
        migrate.refuse_newer(store)
        held = contents(store)
        if held:
            raise UsageError(
                "the database at {place} is not empty: there are rows in {tables}",
                hint="name an empty one, or make one with `createdb`",
                place=place(store),
                tables=", ".join(held[:5]) + (" …" if len(held) > 5 else ""),
            )
    elif not store.is_sqlite:
        _check_postgresql(store)


def _check_postgresql(store: Store) -> None:
    with store.read() as connection:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise UsageError(
                "the database at {place} keeps texts as {encoding}",
                hint="make one with `createdb --encoding=UTF8 --template=template0`",
                place=place(store),
                encoding=encoding,
            )
        strange = sorted(set(sa.inspect(connection).get_table_names()) & set(metadata.tables))
    if strange:
        raise UsageError(
            "the database at {place} has tables of another program: {tables}",
            hint="name one of the hub's own",
            place=place(store),
            tables=", ".join(strange[:5]),
        )


def contents(store: Store) -> list[str]:
    """Return the tables that hold something."""
    with store.read() as connection:
        known = set(sa.inspect(connection).get_table_names())
        return [
            table.name
            for table in tables()
            if table.name in known
            and connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
        ]


def refuse_if_at_work(connection: Connection, alive: Callable[[str], bool], now: datetime) -> None:
    """Raise `StoreError` if a process is at work on the database; `alive` tells of one if it may still live."""
    holders = at_work(connection, alive, now)
    if holders:
        raise StoreError(
            "the hub is at work on this database: {who}",
            hint="stop it, or wait for it to end; --even-so goes ahead all the same",
            who=", ".join(holders),
        )


def at_work(connection: Connection, alive: Callable[[str], bool], now: datetime) -> list[str]:
    """Return the processes that hold an account or have shown that they live, as far as they may still do."""
    held = sa.select(accounts.c.lease_owner).where(accounts.c.lease_owner != "", accounts.c.lease_until > now)
    names = set(connection.execute(held).scalars())
    names |= {
        worker.name
        for worker in workers.latest(connection)
        if worker.state != "stopped" and now - worker.beat_at < _MISSED * workers.EVERY
    }
    return sorted(name for name in names if alive(name))


def place(store: Store) -> str:
    """Say where a database is, without its password."""
    url = store.engine.url
    return url._replace(drivername=url.get_backend_name(), password=None).render_as_string()
