"""Discussions, threads, and what was said in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of


class DiscussionRow(SQLModel, table=True):
    """All threads, on all sites, about one post or topic."""

    __tablename__ = "discussions"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    post_id: int | None = Field(default=None, foreign_key="posts.id", ondelete="SET NULL", sa_type=Id, unique=True)
    title: str = Field(default="", sa_type=Text)
    url: str = ""
    created_at: datetime = Field(sa_type=Moment)


class ThreadRow(SQLModel, table=True):
    """The mentions under one remote post on one site, and when to look there again."""

    __tablename__ = "threads"
    __table_args__ = (Index("threads_once", "account", "remote_id", unique=True),)
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    account: str = Field(foreign_key="accounts.name")
    remote_id: str
    url: str = ""
    discussion_id: int = Field(foreign_key="discussions.id", sa_type=Id, index=True)
    polled: bool = False
    next_poll_at: datetime | None = Field(default=None, sa_type=Moment, index=True)
    changed_at: datetime = Field(sa_type=Moment)
    cursor: str | None = Field(default=None, sa_type=Text)
    digest: int | None = Field(default=None, sa_type=BigInteger)
    full_read_at: datetime | None = Field(default=None, sa_type=Moment)
    gone: int = 0


class AuthorRow(SQLModel, table=True):
    """One identity on one platform."""

    __tablename__ = "authors"
    platform: str = Field(primary_key=True)
    remote_id: str = Field(primary_key=True)
    name: str = ""
    handle: str = ""
    url: str = ""
    emails: str = ""
    hash: int = Field(sa_type=BigInteger)
    contact_id: int | None = Field(
        default=None, foreign_key="contacts.id", ondelete="SET NULL", sa_type=Id, index=True
    )


class MentionRow(SQLModel, table=True):
    """Anything others say to or about us, unique by (platform, remote id)."""

    __tablename__ = "mentions"
    __table_args__ = (
        Index("mentions_once", "platform", "remote_id", unique=True),
        Index("mentions_newest", "sent_at", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    platform: str
    remote_id: str
    account: str
    kind: str
    thread_id: int = Field(foreign_key="threads.id", sa_type=Id, index=True)
    parent_id: str | None = None
    author_id: str | None = None
    text: str = Field(default="", sa_type=Text)
    url: str = ""
    sent_at: datetime = Field(sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    edited_at: datetime | None = Field(default=None, sa_type=Moment)
    deleted_at: datetime | None = Field(default=None, sa_type=Moment)
    missed: int = 0
    hash: int = Field(sa_type=BigInteger)


class MentionVersionRow(SQLModel, table=True):
    """What a mention said before it was changed or deleted."""

    __tablename__ = "mention_versions"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mention_id: int = Field(foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id, index=True)
    text: str = Field(default="", sa_type=Text)
    replaced_at: datetime = Field(sa_type=Moment)


class ReplyRow(SQLModel, table=True):
    """An answer of ours to a mention."""

    __tablename__ = "replies"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mention_id: int = Field(foreign_key="mentions.id", sa_type=Id, index=True)
    account: str
    text: str = Field(sa_type=Text)
    state: str = "sending"
    remote_id: str | None = None
    url: str = ""
    error: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)


discussions = table_of(DiscussionRow)
threads = table_of(ThreadRow)
authors = table_of(AuthorRow)
mentions = table_of(MentionRow)
mention_versions = table_of(MentionVersionRow)
replies = table_of(ReplyRow)
