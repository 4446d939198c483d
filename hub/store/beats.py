"""The schedulers' signs of life."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.tables import beats

How = Literal["run", "tick"]

EVERY = timedelta(seconds=15)
"""How often a scheduler leaves a sign of life."""


class Beat(NamedTuple):
    """The last sign of life from one machine: of the daemon (`run`), or of a round that cron began (`tick`)."""

    place: str
    how: How
    at: datetime
    version: str


def beat(connection: Connection, place: str, how: How, now: datetime) -> None:
    """Leave a sign of life in place of the one before."""
    insert = upsert(connection, beats).values(place=place, how=how, at=now, version=version("crosshub"))
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["place", "how"],
            set_={"at": insert.excluded.at, "version": insert.excluded.version},
        )
    )


def latest(connection: Connection) -> list[Beat]:
    """Return the signs of life, the newest first."""
    rows = connection.execute(
        sa.select(*(beats.c[field] for field in Beat._fields)).order_by(beats.c.at.desc(), beats.c.place)
    )
    return [Beat(*row) for row in rows]


def forget(connection: Connection, before: datetime) -> None:
    """Drop the signs of life of machines that gave none since, but never the newest."""
    newest = sa.select(sa.func.max(beats.c.at)).scalar_subquery()
    connection.execute(beats.delete().where(beats.c.at < before, beats.c.at < newest))
