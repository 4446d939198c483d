"""What changed, numbered, so that a page can be told; and when the schedulers last showed that they live."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of


class ChangeRow(SQLModel, table=True):
    """Something changed: which kind of thing, and the number of the one, 0 for several or none in particular."""

    __tablename__ = "changes"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    kind: str
    ref: int = Field(default=0, sa_type=BigInteger)
    at: datetime = Field(sa_type=Moment)


class BeatRow(SQLModel, table=True):
    """When the scheduler of a machine last worked; `how` is `run` for the daemon, `tick` for one round of cron."""

    __tablename__ = "beats"
    place: str = Field(primary_key=True)
    how: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Moment)
    version: str = ""


changes = table_of(ChangeRow)
beats = table_of(BeatRow)
