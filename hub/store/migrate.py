"""Brings a database to this program's schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoreAway, StoreError
from hub.store.database import Store
from hub.store.people import parts
from hub.store.plain import plain_errors

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"
# Each try waits for ten seconds.
_TRIES = 30


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the newest schema version that this program knows.

    Versions are numbered, and files are named after them: a start need not load Alembic (9 MB) to learn that
    there is nothing to do.
    """
    return max(_known())


def version(store: Store) -> str | None:
    """Return the database's schema version, None if it is empty."""
    with store.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return found


def upgrade(store: Store) -> bool:
    """Bring the schema up to date in one transaction; False if it was already. Refuse a newer database.

    While another program upgrades it, wait.
    """
    for _ in range(_TRIES - 1):
        try:
            return _upgrade(store)
        except StoreAway:
            # A file is waited for as long as for any write, and a large one takes longer.
            if not store.is_sqlite:
                raise
    return _upgrade(store)


def _upgrade(store: Store) -> bool:
    if version(store) == head():
        return False
    refuse_newer(store)
    with plain_errors(), store.engine.begin() as connection:
        if not store.is_sqlite:
            # A large table takes its time; and two programs that start at once must not both migrate.
            store.unhurried(connection)
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(4857392)"))
        from alembic import command

        command.upgrade(_config(connection), "head")
        parts.prepare(connection)
    return True


def complete(store: Store) -> bool:
    """Make what the database did not allow when it was upgraded; False if nothing was made."""
    with plain_errors(), store.engine.begin() as connection:
        store.unhurried(connection)
        return parts.prepare(connection)


def refuse_newer(store: Store) -> None:
    """Raise `StoreError` if the database is of a version that this program does not know."""
    found = version(store)
    if found is not None and found not in _known():
        raise StoreError(
            "the database is of version {found}, which is newer than this program",
            hint="install the newer crosshub, or restore the backup that was made before its upgrade",
            found=found,
        )


def _known() -> set[str]:
    return {path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py")}
