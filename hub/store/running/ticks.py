"""Lets each periodic piece of work be begun by one process, however many there are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.tables import ticks


def once(connection: Connection, name: str, at: datetime) -> bool:
    """Take on the work of this name for the interval that begins at `at`; False if somebody has."""
    insert = upsert(connection, ticks).values(name=name, at=at).on_conflict_do_nothing()
    return connection.execute(insert.returning(ticks.c.name)).first() is not None


def forget(connection: Connection, before: datetime) -> None:
    """Drop the intervals from before that time."""
    connection.execute(ticks.delete().where(ticks.c.at < before))
