"""What a team does with mentions: labels, private notes, what was read, who answers, and who did what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of


class LabelRow(SQLModel, table=True):
    """A word by which mentions are sorted; `key` is the name without its capital letters."""

    __tablename__ = "labels"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    key: str = Field(unique=True)
    name: str


class MentionLabelRow(SQLModel, table=True):
    """A label that a mention bears."""

    __tablename__ = "mention_labels"
    label_id: int = Field(primary_key=True, foreign_key="labels.id", ondelete="CASCADE", sa_type=Id)
    mention_id: int = Field(
        primary_key=True, foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id, index=True
    )


class DeskNoteRow(SQLModel, table=True):
    """What one of the team tells the others about a mention; it goes to no network."""

    __tablename__ = "desk_notes"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mention_id: int = Field(foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id, index=True)
    by_id: int = Field(sa_type=BigInteger)
    by_name: str
    text: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Moment)


class DeskEventRow(SQLModel, table=True):
    """Who did what with a mention, and when."""

    __tablename__ = "desk_events"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mention_id: int = Field(foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id, index=True)
    by_id: int = Field(sa_type=BigInteger)
    by_name: str
    kind: str
    detail: str = Field(default="", sa_type=Text)
    at: datetime = Field(sa_type=Moment)


class ReaderRow(SQLModel, table=True):
    """How far somebody has read: every mention up to this number, but for those marked otherwise."""

    __tablename__ = "readers"
    user_id: int = Field(primary_key=True, sa_type=BigInteger)
    read_to: int = Field(default=0, sa_type=BigInteger)


class ReadRow(SQLModel, table=True):
    """A mention that somebody has read beyond that number, or marked unread."""

    __tablename__ = "reads"
    __table_args__ = (Index("reads_unread", "user_id", "unread", "mention_id"),)
    user_id: int = Field(primary_key=True, sa_type=BigInteger)
    mention_id: int = Field(primary_key=True, foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id)
    unread: bool = False


class ClaimRow(SQLModel, table=True):
    """Who is answering a mention just now."""

    __tablename__ = "claims"
    mention_id: int = Field(primary_key=True, foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id)
    by_id: int = Field(sa_type=BigInteger)
    by_name: str
    until: datetime = Field(sa_type=Moment)


class SavedReplyRow(SQLModel, table=True):
    """An answer that is given often, with places for names."""

    __tablename__ = "saved_replies"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    name: str = Field(unique=True)
    text: str = Field(sa_type=Text)
    by_name: str
    updated_at: datetime = Field(sa_type=Moment)


class SavedViewRow(SQLModel, table=True):
    """A query that somebody keeps under a name."""

    __tablename__ = "saved_views"
    __table_args__ = (Index("saved_views_once", "user_id", "name", unique=True),)
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    user_id: int = Field(sa_type=BigInteger)
    name: str
    query: str = Field(sa_type=Text)


labels = table_of(LabelRow)
mention_labels = table_of(MentionLabelRow)
desk_notes = table_of(DeskNoteRow)
desk_events = table_of(DeskEventRow)
readers = table_of(ReaderRow)
reads = table_of(ReadRow)
claims = table_of(ClaimRow)
saved_replies = table_of(SavedReplyRow)
saved_views = table_of(SavedViewRow)
