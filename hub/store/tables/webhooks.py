"""Webhooks, and what they are to be told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of


class WebhookRow(SQLModel, table=True):
    """How a webhook fares: who sends for it, and until when it is left alone after it failed."""

    __tablename__ = "webhooks"
    name: str = Field(primary_key=True)
    failures: int = 0
    not_before: datetime | None = Field(default=None, sa_type=Moment)
    error: str = Field(default="", sa_type=Text)
    lease_until: datetime | None = Field(default=None, sa_type=Moment)
    fence: int = Field(default=0, sa_type=BigInteger)


class NoticeRow(SQLModel, table=True):
    """What one webhook is to be told of one event; `rank` is its place in the line, the lowest first."""

    __tablename__ = "notices"
    __table_args__ = (
        Index(
            "notices_line",
            "hook",
            "rank",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index("notices_by_state", "hook", "state", "sent_at"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    hook: str
    message: str
    event: str
    body: str = Field(default="", sa_type=Text)
    rank: int = 1
    state: str = "queued"
    attempts: int = 0
    due_at: datetime = Field(sa_type=Moment)
    queued_at: datetime = Field(sa_type=Moment)
    error: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    sent_at: datetime | None = Field(default=None, sa_type=Moment)


webhooks = table_of(WebhookRow)
notices = table_of(NoticeRow)
