"""Where remarks lead to, which threads were joined for it, and which remarks are one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of

_STANDS = text("undone_at IS NULL")


class LinkRow(SQLModel, table=True):
    """An address that a mention leads to; `place` is the hash of its normalised form."""

    __tablename__ = "mention_links"
    __table_args__ = (Index("mention_links_place", "place"),)
    mention_id: int = Field(primary_key=True, foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id)
    place: int = Field(primary_key=True, sa_type=BigInteger)
    url: str = Field(default="", sa_type=Text)


class AddressRow(SQLModel, table=True):
    """What stands at an address, by the hash of its normalised form.

    `ref` is a discussion (`kind` is `post`: the address of its post), a thread (`copy`: that of the remote post)
    or a mention (`remark`). What stood there once is found there still.
    """

    __tablename__ = "addresses"
    __table_args__ = ({"sqlite_with_rowid": False},)
    place: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(primary_key=True)
    ref: int = Field(primary_key=True, sa_type=BigInteger)


class MarkRow(SQLModel, table=True):
    """A key under which a mention is found by others that may repeat it; one that is out of date does no harm."""

    __tablename__ = "marks"
    __table_args__ = ({"sqlite_with_rowid": False},)
    key: int = Field(primary_key=True, sa_type=BigInteger)
    mention_id: int = Field(primary_key=True, sa_type=BigInteger)


class JoinRow(SQLModel, table=True):
    """A thread that was joined to a discussion, why, and where it was before.

    `via` is the join that it came along with. An undone one stays, so that it is not made again.
    """

    __tablename__ = "joins"
    __table_args__ = (
        Index(
            "joins_once", "thread_id", "discussion_id", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    thread_id: int = Field(foreign_key="threads.id", sa_type=Id, index=True)
    discussion_id: int = Field(foreign_key="discussions.id", sa_type=Id, index=True)
    from_discussion_id: int = Field(foreign_key="discussions.id", sa_type=Id, index=True)
    via: int | None = Field(default=None, sa_type=BigInteger)
    kind: str
    template: str = Field(sa_type=Text)
    facts: str = Field(default="{}", sa_type=Text)
    confidence: float
    was_polled: bool
    at: datetime = Field(sa_type=Moment)
    by: str = ""
    undone_at: datetime | None = Field(default=None, sa_type=Moment)
    undone_by: str = ""


class RepeatRow(SQLModel, table=True):
    """A mention that repeats another one, and why that is believed.

    `ended_at` says since when it no longer resembles, or one of the two is gone; `undone_at`, that a person said
    no.
    """

    __tablename__ = "repeats"
    __table_args__ = (Index("repeats_once", "first_id", "mention_id", unique=True),)
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    first_id: int = Field(foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id)
    mention_id: int = Field(foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id, index=True)
    template: str = Field(sa_type=Text)
    facts: str = Field(default="{}", sa_type=Text)
    confidence: float
    at: datetime = Field(sa_type=Moment)
    by: str = ""
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    undone_at: datetime | None = Field(default=None, sa_type=Moment)
    undone_by: str = ""


mention_links = table_of(LinkRow)
addresses = table_of(AddressRow)
marks = table_of(MarkRow)
joins = table_of(JoinRow)
repeats = table_of(RepeatRow)
