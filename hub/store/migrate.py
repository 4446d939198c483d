"""Brings a database to this program's schema, checks it, and copies it away."""

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


_CHECKS = {
    "a published delivery without its remote id": (
        "SELECT id FROM deliveries WHERE state = 'published' AND remote_id IS NULL"
    ),
    "a published delivery that the map of copies does not know": (
        "SELECT d.id FROM deliveries d LEFT JOIN copies c ON c.account = d.account AND c.remote_id = d.remote_id "
        "WHERE d.state = 'published' AND c.post_id IS NULL"
    ),
    "one remote post that stands for two deliveries": (
        "SELECT min(id) FROM deliveries WHERE remote_id IS NOT NULL "
        "GROUP BY account, remote_id HAVING count(*) > 1"
    ),
    "a delivery that waits for nothing": (
        "SELECT id FROM deliveries WHERE state IN ('queued', 'waiting', 'unknown') AND due_at IS NULL AND part = 0"
    ),
    "a deleted mention that still says something": (
        "SELECT id FROM mentions WHERE deleted_at IS NOT NULL AND text <> ''"
    ),
}


def verify(store: Store) -> list[str]:
    """Check the file and the hub's own rules; return what is wrong, nothing if all is well."""
    wrong: list[str] = []
    with store.read() as connection:
        if store.is_sqlite:
            lines = connection.execute(sa.text("PRAGMA integrity_check")).scalars()
            wrong += [f"integrity: {line}" for line in lines if line != "ok"]
            orphans = connection.execute(sa.text("PRAGMA foreign_key_check"))
            wrong += [f"{row[0]} row {row[1]} points to a missing row of {row[2]}" for row in orphans]
        for what, query in _CHECKS.items():
            wrong += [f"{what}: {found}" for (found,) in connection.execute(sa.text(query))]
    return wrong
