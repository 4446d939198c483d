"""Discussions, threads, and what was said in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Index, Text, literal_column, text
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


# What merging has not looked at yet: a thread that is new, a mention that changed.
UNMERGED: ColumnElement[bool] = literal_column("unmerged = 1")


class ThreadRow(SQLModel, table=True):
    """The mentions under one remote post on one site, and when to look there again."""

    __tablename__ = "threads"
    __table_args__ = (
        Index("threads_once", "account", "remote_id", unique=True),
        Index("threads_unmerged", "id", sqlite_where=UNMERGED, postgresql_where=UNMERGED),
    )
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
    unmerged: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


# An author whose profile their card does not hold as it is now.
UNKNOWN: ColumnElement[bool] = literal_column("hash != known")


class AuthorRow(SQLModel, table=True):
    """One identity on one platform.

    `hash` is of their profile as the network gave it last, `known` that of the one which their card holds.
    """

    __tablename__ = "authors"
    __table_args__ = (
        Index("authors_unknown", "platform", "remote_id", sqlite_where=UNKNOWN, postgresql_where=UNKNOWN),
    )
    platform: str = Field(primary_key=True)
    remote_id: str = Field(primary_key=True)
    name: str = ""
    handle: str = ""
    url: str = ""
    emails: str = ""
    links: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    verified_links: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    hash: int = Field(sa_type=BigInteger)
    known: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    contact_id: int | None = Field(
        default=None, foreign_key="contacts.id", ondelete="SET NULL", sa_type=Id, index=True
    )


# What is said seldom. SQLite takes an index with a condition only where a query repeats it.
SELDOM: ColumnElement[bool] = literal_column("kind IN ('mention', 'review', 'message')")
_ASSIGNED = text("assignee_id IS NOT NULL")
_OURS = text("status = 'ours'")


class MentionRow(SQLModel, table=True):
    """Anything others say to or about us, unique by (platform, remote id).

    `status` is the team's: new, open, waiting, snoozed or done; `ours` is what our own accounts said, which is
    no work.
    """

    __tablename__ = "mentions"
    __table_args__ = (
        Index("mentions_once", "platform", "remote_id", unique=True),
        Index("mentions_newest", "sent_at", "id"),
        Index("mentions_in_order", "account", "id"),
        Index("mentions_unmerged", "id", sqlite_where=UNMERGED, postgresql_where=UNMERGED),
        Index("mentions_of_status", "status", "id"),
        Index("mentions_of_account", "account", "status", "id"),
        Index("mentions_of_author", "platform", "author_id", "id"),
        Index("mentions_of_kind", "kind", "status", "id", sqlite_where=SELDOM, postgresql_where=SELDOM),
        Index(
            "mentions_assigned", "assignee_id", "status", "id", sqlite_where=_ASSIGNED, postgresql_where=_ASSIGNED
        ),
        Index("mentions_ours", "platform", "parent_id", sqlite_where=_OURS, postgresql_where=_OURS),
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
    links: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    unmerged: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    status: str = Field(default="new", sa_column_kwargs={"server_default": "new"})
    assignee_id: int | None = Field(default=None, sa_type=BigInteger)
    snoozed_until: datetime | None = Field(default=None, sa_type=Moment)
    answered_at: datetime | None = Field(default=None, sa_type=Moment)


class MentionVersionRow(SQLModel, table=True):
    """What a mention said before it was changed or deleted."""

    __tablename__ = "mention_versions"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mention_id: int = Field(foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id, index=True)
    text: str = Field(default="", sa_type=Text)
    replaced_at: datetime = Field(sa_type=Moment)


class ReplyRow(SQLModel, table=True):
    """An answer of ours to a mention: sent by the hub, or seen at the network (then nobody's name is known).

    `key` is that of the form that it was written in: a form is sent once.
    """

    __tablename__ = "replies"
    __table_args__ = (Index("replies_remote", "account", "remote_id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mention_id: int = Field(foreign_key="mentions.id", sa_type=Id, index=True)
    account: str
    text: str = Field(sa_type=Text)
    state: str = "sending"
    remote_id: str | None = None
    url: str = ""
    error: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    by_id: int | None = Field(default=None, sa_type=BigInteger)
    by_name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    key: str | None = Field(default=None, unique=True)


discussions = table_of(DiscussionRow)
threads = table_of(ThreadRow)
authors = table_of(AuthorRow)
mentions = table_of(MentionRow)
mention_versions = table_of(MentionVersionRow)
replies = table_of(ReplyRow)
