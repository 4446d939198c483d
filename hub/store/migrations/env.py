"""Runs the migrations on the connection that `hub.store.migrate` hands over."""

from typing import Any

from alembic import context
from sqlmodel import AutoString

from hub.store.tables import Moment, metadata


def render_item(kind: str, item: Any, _context: Any) -> Any:
    """Write types by what they are in the database: a migration must not change when the program does."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
