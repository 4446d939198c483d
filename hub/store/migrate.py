"""Brings a database to this program's schema, and copies it away."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoreError, UsageError
from hub.store.database import Store, plain_errors

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"


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
    """Bring the schema up to date in one transaction; False if it was already. Refuse a newer database."""
    found = version(store)
    if found == head():
        return False
    if found is not None and found not in _known():
        raise StoreError(
            "the database is of version {found}, which is newer than this program",
            hint="install the newer crosshub, or restore the backup that was made before its upgrade",
            found=found,
        )
    with plain_errors(), store.engine.begin() as connection:
        if not store.is_sqlite:
            # Two programs that start at once must not both migrate.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(4857392)"))
        from alembic import command

        command.upgrade(_config(connection), "head")
    return True


def _known() -> set[str]:
    return {path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py")}


def backup(store: Store, target: Path) -> None:
    """Copy a SQLite database while it is in use; refuse to overwrite."""
    if not store.is_sqlite:
        raise UsageError("hub db backup is for SQLite", hint="use pg_dump for PostgreSQL")
    if target.exists():
        raise UsageError("{file} is there already", hint="name another file", file=target)
    source = sqlite3.connect(str(store.engine.url.database))
    try:
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
    finally:
        source.close()
