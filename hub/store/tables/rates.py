"""How far the budgets of calls are used, that accounts and machines share."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Moment, table_of


class BucketRow(SQLModel, table=True):
    """One budget, of an account or an app: when its next call is free, and how far its hour is used.

    Until `held_until` the network wants to be left alone by all that share it.
    """

    __tablename__ = "buckets"
    name: str = Field(primary_key=True)
    next_at: datetime = Field(sa_type=Moment)
    hour_at: datetime = Field(sa_type=Moment)
    held_until: datetime | None = Field(default=None, sa_type=Moment)
    why: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})


buckets = table_of(BucketRow)
