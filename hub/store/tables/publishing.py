"""Posts, their images, their deliveries and the copies that are out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Index, LargeBinary, Text, literal_column, text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of

# What may be there without the hub knowing. SQLite takes an index with a condition only where a query repeats it.
IN_DOUBT: ColumnElement[bool] = literal_column("state IN ('sending', 'unknown', 'asked')")


class PostRow(SQLModel, table=True):
    """One piece of our content, before it is fitted to any network."""

    __tablename__ = "posts"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    key: str = Field(unique=True)
    text: str = Field(default="", sa_type=Text)
    title: str = ""
    link: str = ""
    url: str = ""
    version: int = 1
    hash: int = Field(sa_type=BigInteger)
    source: str = ""
    source_id: str = ""
    created_at: datetime = Field(sa_type=Moment, index=True)
    publish_at: datetime = Field(sa_type=Moment, index=True)
    late_after: datetime | None = Field(default=None, sa_type=Moment)
    deleted_at: datetime | None = Field(default=None, sa_type=Moment)
    html: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})


class MediaRow(SQLModel, table=True):
    """The bytes of an image, once, however many posts show it."""

    __tablename__ = "media"
    sha256: str = Field(primary_key=True)
    mime: str
    content: bytes = Field(sa_type=LargeBinary)


class PostMediaRow(SQLModel, table=True):
    """An image of a post, in its place, with its alt text. Until it is downloaded it has a URL only."""

    __tablename__ = "post_media"
    post_id: int = Field(primary_key=True, foreign_key="posts.id", ondelete="CASCADE", sa_type=Id)
    position: int = Field(primary_key=True)
    sha256: str | None = Field(default=None, foreign_key="media.sha256")
    url: str = ""
    alt: str = Field(default="", sa_type=Text)


class DeliveryRow(SQLModel, table=True):
    """One part of one post for one account: the row that makes publishing exactly-once."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_once", "post_id", "account", "part", unique=True),
        Index(
            "deliveries_due",
            "account",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "deliveries_attempted",
            "account",
            "first_attempt_at",
            sqlite_where=text("first_attempt_at IS NOT NULL"),
            postgresql_where=text("first_attempt_at IS NOT NULL"),
        ),
        Index("deliveries_in_doubt", "account", "due_at", sqlite_where=IN_DOUBT, postgresql_where=IN_DOUBT),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    post_id: int = Field(foreign_key="posts.id", ondelete="CASCADE", sa_type=Id)
    account: str = Field(foreign_key="accounts.name")
    part: int = 0
    action: str = "publish"
    state: str = "queued"
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    version: int = 0
    text: str | None = Field(default=None, sa_type=Text)
    attempts: int = 0
    first_attempt_at: datetime | None = Field(default=None, sa_type=Moment)
    looked: int = 0
    resend: bool = False
    fence: int = Field(default=0, sa_type=BigInteger)
    remote_id: str | None = None
    url: str = ""
    error_code: str = ""
    error: str = Field(default="", sa_type=Text)
    updated_at: datetime = Field(sa_type=Moment)


class AttemptRow(SQLModel, table=True):
    """One try at a delivery: what was done, what came back, what was decided.

    `answer` is the class of what came back: `ok`, or the code of the error; "" if nothing was asked. `next_at` is
    when the delivery was to be worked on next.
    """

    __tablename__ = "attempts"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    delivery_id: int = Field(foreign_key="deliveries.id", ondelete="CASCADE", sa_type=Id, index=True)
    number: int
    action: str
    at: datetime = Field(sa_type=Moment)
    outcome: str = "started"
    detail: str = Field(default="", sa_type=Text)
    request_id: str = ""
    answer: str = ""
    next_at: datetime | None = Field(default=None, sa_type=Moment)


class CopyRow(SQLModel, table=True):
    """Every remote post that the hub knows, for ever: the loop guard's map of copies."""

    __tablename__ = "copies"
    account: str = Field(primary_key=True)
    remote_id: str = Field(primary_key=True)
    post_id: int = Field(foreign_key="posts.id", ondelete="CASCADE", sa_type=Id, index=True)
    part: int = 0
    origin: bool = False
    hash: int | None = Field(default=None, sa_type=BigInteger)


posts = table_of(PostRow)
media = table_of(MediaRow)
post_media = table_of(PostMediaRow)
deliveries = table_of(DeliveryRow)
attempts = table_of(AttemptRow)
copies = table_of(CopyRow)
