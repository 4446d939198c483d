"""What changed, numbered, so that a page can be told."""

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


changes = table_of(ChangeRow)
