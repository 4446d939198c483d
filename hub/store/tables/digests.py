"""Digests that are published, their lines that stand somewhere as comments, and who wants to be in none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of

_DUE = text("due_at IS NOT NULL")
_LIVE = text("state <> 'ended'")


class DigestRow(SQLModel, table=True):
    """A discussion published back, as a post, as comments or as a file, and kept up to date while it is live.

    `target` is the remote id of the thread that the comments stand under, or the path of the file. `chosen` are
    the mentions that are shown, by number; "" if all are. `hash` is that of what was published last.
    """

    __tablename__ = "digests"
    __table_args__ = (
        Index(
            "digests_once",
            "discussion_id",
            "kind",
            "account",
            "target",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    discussion_id: int = Field(foreign_key="discussions.id", sa_type=Id, index=True)
    kind: str
    account: str = ""
    target: str = Field(default="", sa_type=Text)
    form: str = ""
    chosen: str = Field(default="", sa_type=Text)
    language: str = "en"
    state: str = "live"
    post_id: int | None = Field(default=None, foreign_key="posts.id", ondelete="SET NULL", sa_type=Id, index=True)
    hash: int | None = Field(default=None, sa_type=BigInteger)
    error: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)
    # When the database was restored from a backup: remarks from before may stand there, by rows that are lost.
    restored_at: datetime | None = Field(default=None, sa_type=Moment)


class DigestLineRow(SQLModel, table=True):
    """One remark as a comment of ours elsewhere: the row that makes it stand there once.

    `hash` is that of what the comment is to say, `sent_hash` of what it says or may say. `parent` is the mention
    whose comment it answers, `parent_id` a comment there that is not ours. `round` counts how often it was to be
    made anew after it was taken away.
    """

    __tablename__ = "digest_lines"
    __table_args__ = (
        Index("digest_lines_once", "digest_id", "mention_id", unique=True),
        Index("digest_lines_due", "account", "due_at", sqlite_where=_DUE, postgresql_where=_DUE),
        Index("digest_lines_remote", "account", "remote_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    digest_id: int = Field(foreign_key="digests.id", ondelete="CASCADE", sa_type=Id)
    mention_id: int = Field(foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id, index=True)
    account: str
    thread_id: str
    position: int
    parent: int | None = Field(default=None, sa_type=Id)
    parent_id: str | None = None
    author: str = ""
    author_url: str = Field(default="", sa_type=Text)
    site: str = ""
    url: str = Field(default="", sa_type=Text)
    text: str = Field(default="", sa_type=Text)
    sent_at: datetime = Field(sa_type=Moment)
    hash: int = Field(sa_type=BigInteger)
    sent_hash: int | None = Field(default=None, sa_type=BigInteger)
    round: int = 0
    action: str = "comment"
    state: str = "queued"
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    attempts: int = 0
    looked: int = 0
    first_attempt_at: datetime | None = Field(default=None, sa_type=Moment)
    fence: int = Field(default=0, sa_type=BigInteger)
    remote_id: str | None = None
    permalink: str = Field(default="", sa_type=Text)
    error_code: str = ""
    error: str = Field(default="", sa_type=Text)
    updated_at: datetime = Field(sa_type=Moment)


class LeftOutRow(SQLModel, table=True):
    """Somebody who asked to be left out of what is published of discussions."""

    __tablename__ = "left_out"
    platform: str = Field(primary_key=True)
    author_id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Moment)


digests = table_of(DigestRow)
digest_lines = table_of(DigestLineRow)
left_out = table_of(LeftOutRow)
