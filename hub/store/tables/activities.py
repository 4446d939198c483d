"""What is told to a CRM by rule, each thing once, and how far each rule has looked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Index, Text, literal_column, text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of

_TO_TELL = text("state IN ('queued', 'waiting')")
_SENDING = text("state = 'sending'")
# What a person is asked about. SQLite takes an index with a condition only where a query repeats it.
ASKED: ColumnElement[bool] = literal_column("activities.state = 'asked'")
_ASKED = text("state = 'asked'")


class ActivityRuleRow(SQLModel, table=True):
    """A rule of one CRM: since when the hub knows it, and the last mention and desk event that it has looked at.

    The rule without a name is that every remark is a note, which holds while hub.toml has none.
    """

    __tablename__ = "activity_rules"
    account: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Moment)
    mention_id: int = Field(sa_type=BigInteger)
    event_id: int = Field(sa_type=BigInteger)
    # When the database was restored from a backup: what was said before may be told, by rows that are lost.
    restored_at: datetime | None = Field(default=None, sa_type=Moment)


class ActivityRow(SQLModel, table=True):
    """A note, task or lead in a CRM, made of a mention, or of the discussion that the mention was said in.

    `state` is queued, sending, waiting, sent, asked, failed or dropped. `key` is a hash of what the mention is on
    its platform: what was told once is known by it when the mention itself is no longer kept. `record_id` is the
    person's record in the CRM; `remote_id` and `url` are the note's, where the CRM tells them.
    """

    __tablename__ = "activities"
    __table_args__ = (
        Index("activities_once", "account", "rule", "key", unique=True),
        Index("activities_to_tell", "account", "id", sqlite_where=_TO_TELL, postgresql_where=_TO_TELL),
        Index("activities_sending", "account", sqlite_where=_SENDING, postgresql_where=_SENDING),
        Index("activities_asked", "account", sqlite_where=_ASKED, postgresql_where=_ASKED),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    account: str
    rule: str
    make: str
    mention_id: int | None = Field(
        default=None, foreign_key="mentions.id", ondelete="SET NULL", sa_type=Id, index=True
    )
    key: int = Field(sa_type=BigInteger)
    state: str = "queued"
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    attempts: int = 0
    fence: int = Field(default=0, sa_type=BigInteger)
    record_id: str = ""
    remote_id: str = ""
    url: str = ""
    error: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


activity_rules = table_of(ActivityRuleRow)
activities = table_of(ActivityRow)
