"""The index by which people are found by parts of their names, addresses and numbers.

PostgreSQL has it by the extension `pg_trgm`, where that is installed and may be made; without it, and on SQLite,
all values are looked through, which a few ten thousand people bear.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_INDEXES = {
    "contact_values_parts": "contact_values USING gin (lower(value) gin_trgm_ops)",
    "contact_values_key_parts": "contact_values USING gin (key gin_trgm_ops)",
    "authors_name_parts": "authors USING gin (lower(name) gin_trgm_ops)",
    "authors_handle_parts": "authors USING gin (lower(handle) gin_trgm_ops)",
}
NAMES = frozenset(_INDEXES)
"""What the indexes are called."""


def prepare(connection: Connection) -> bool:
    """Make what is lacking of the index, as far as the database lets us; False if nothing was made."""
    if not lacking(connection):
        return False
    known = connection.exec_driver_sql("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'").first()
    if known is None:
        return False
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            for name, on in _INDEXES.items():
                connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name} ON {on}")
    except sa.exc.ProgrammingError:
        # Only its owner may make an extension in a database.
        return False
    return True


def lacking(connection: Connection) -> bool:
    """Tell whether people could be found faster than they are."""
    if connection.dialect.name == "sqlite":
        return False
    there = connection.execute(
        sa.text("SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema() AND indexname = ANY(:names)"),
        {"names": list(NAMES)},
    ).scalar_one()
    return bool(there < len(NAMES))
