"""Who does the work, and which periodic work was begun."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Moment, table_of


class WorkerRow(SQLModel, table=True):
    """One process that carries out turns; its name says host, number and start.

    `how` is the command (`run`, `worker`, `tick`), `turns` how many it carries out side by side at most.
    """

    __tablename__ = "workers"
    name: str = Field(primary_key=True)
    host: str = Field(index=True)
    pid: int
    how: str
    engine: str
    turns: int
    running: int = 0
    started_at: datetime = Field(sa_type=Moment)
    beat_at: datetime = Field(sa_type=Moment)
    version: str = ""
    state: str = "running"


class TickRow(SQLModel, table=True):
    """A periodic piece of work that somebody has begun; `at` is where its interval begins."""

    __tablename__ = "ticks"
    name: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=Moment)


workers = table_of(WorkerRow)
ticks = table_of(TickRow)
