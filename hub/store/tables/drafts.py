"""Drafts on their way to becoming posts, and the words of a post that one account has for itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of


class PostVersionRow(SQLModel, table=True):
    """What a post says on one account, where that is not its own text."""

    __tablename__ = "post_versions"
    post_id: int = Field(primary_key=True, foreign_key="posts.id", ondelete="CASCADE", sa_type=Id)
    account: str = Field(primary_key=True, foreign_key="accounts.name")
    text: str = Field(sa_type=Text)


class DraftRow(SQLModel, table=True):
    """A post that is being written. Its key becomes the post's, so that it becomes one post at most.

    `version` grows with every change: an approval names the one that was seen.
    """

    __tablename__ = "drafts"
    __table_args__ = (Index("drafts_by_state", "state", "updated_at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    key: str = Field(unique=True)
    version: int = 1
    state: str = "draft"
    text: str = Field(default="", sa_type=Text)
    title: str = ""
    link: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    advertiser: str = ""
    erid: str = ""
    publish_at: datetime | None = Field(default=None, sa_type=Moment, index=True)
    author_id: int = Field(sa_type=BigInteger)
    author: str
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)
    post_id: int | None = Field(default=None, foreign_key="posts.id", ondelete="SET NULL", sa_type=Id)


class DraftTargetRow(SQLModel, table=True):
    """An account of a draft: whether it goes there, and the text for it alone (None: the draft's own)."""

    __tablename__ = "draft_targets"
    draft_id: int = Field(primary_key=True, foreign_key="drafts.id", ondelete="CASCADE", sa_type=Id)
    account: str = Field(primary_key=True)
    chosen: bool = True
    text: str | None = Field(default=None, sa_type=Text)


class DraftMediaRow(SQLModel, table=True):
    """An image of a draft, in its place, with its alt text."""

    __tablename__ = "draft_media"
    draft_id: int = Field(primary_key=True, foreign_key="drafts.id", ondelete="CASCADE", sa_type=Id)
    position: int = Field(primary_key=True)
    sha256: str = Field(foreign_key="media.sha256")
    alt: str = Field(default="", sa_type=Text)


class DraftEventRow(SQLModel, table=True):
    """Who did what to a draft, when, and to which version of it."""

    __tablename__ = "draft_events"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    draft_id: int = Field(foreign_key="drafts.id", ondelete="CASCADE", sa_type=Id, index=True)
    at: datetime = Field(sa_type=Moment)
    by_id: int = Field(sa_type=BigInteger)
    by: str
    what: str
    version: int
    note: str = Field(default="", sa_type=Text)


class UploadRow(SQLModel, table=True):
    """An image that somebody gave to a draft that may not be saved yet; `at` is when it was last seen there."""

    __tablename__ = "uploads"
    sha256: str = Field(primary_key=True, foreign_key="media.sha256", ondelete="CASCADE")
    at: datetime = Field(sa_type=Moment, index=True)


post_versions = table_of(PostVersionRow)
drafts = table_of(DraftRow)
draft_targets = table_of(DraftTargetRow)
draft_media = table_of(DraftMediaRow)
draft_events = table_of(DraftEventRow)
uploads = table_of(UploadRow)
