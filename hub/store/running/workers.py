"""The processes that carry out turns, and their signs of life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.tables import workers

How = Literal["run", "worker", "tick", "sync"]
State = Literal["running", "stopping", "stopped"]

EVERY = timedelta(seconds=15)
"""How often a worker leaves a sign of life."""

# A worker beats every 15 s, so it is missed after four; a round of cron is, when three of five minutes are.
# A sync by hand does nobody else's work.
_FRESH: Mapping[How, timedelta] = {
    "run": timedelta(minutes=1),
    "worker": timedelta(minutes=1),
    "tick": timedelta(minutes=15),
    "sync": timedelta(0),
}


class Worker(NamedTuple):
    """One process. `how` is the command that it was begun with, `turns` how many it carries out side by side.

    A round of `hub tick` is `stopped` once it has ended; that it came is a sign of life all the same.
    """

    name: str
    host: str
    pid: int
    how: How
    engine: str
    turns: int
    running: int
    started_at: datetime
    beat_at: datetime
    version: str
    state: State

    def is_alive(self, now: datetime) -> bool:
        """Tell whether it does work, as far as its signs of life say."""
        return (self.how == "tick" or self.state != "stopped") and now - self.beat_at <= _FRESH[self.how]


_FIELDS = [workers.c[field] for field in Worker._fields]


def beat(connection: Connection, worker: Worker) -> None:
    """Leave a sign of life in place of the one before."""
    insert = upsert(connection, workers).values(**worker._asdict())
    changing = ("running", "beat_at", "state")
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["name"], set_={name: insert.excluded[name] for name in changing}
        )
    )


def replace_rounds(connection: Connection, host: str) -> None:
    """Drop the rounds of `hub tick` that have ended on a machine: one more begins there."""
    connection.execute(
        workers.delete().where(workers.c.host == host, workers.c.how == "tick", workers.c.state == "stopped")
    )


def latest(connection: Connection) -> list[Worker]:
    """Return all that are known, the newest sign of life first."""
    rows = connection.execute(sa.select(*_FIELDS).order_by(workers.c.beat_at.desc(), workers.c.name))
    return [Worker(*row) for row in rows]


def alive(connection: Connection, now: datetime) -> list[Worker]:
    """Return those that do work, as far as their signs of life say."""
    return [worker for worker in latest(connection) if worker.is_alive(now)]


def on_host(connection: Connection, host: str) -> list[str]:
    """Return the names of those on a machine that have not said that they ended."""
    rows = connection.execute(
        sa.select(workers.c.name).where(workers.c.host == host, workers.c.state != "stopped")
    )
    return list(rows.scalars())


def end(connection: Connection, names: Sequence[str]) -> None:
    """Note that these have ended, whether they said so or not."""
    connection.execute(workers.update().where(workers.c.name.in_(names)).values(state="stopped", running=0))


def forget(connection: Connection, before: datetime) -> None:
    """Drop those that gave no sign of life since, but never the newest."""
    newest = sa.select(sa.func.max(workers.c.beat_at)).scalar_subquery()
    connection.execute(workers.delete().where(workers.c.beat_at < before, workers.c.beat_at < newest))
