"""The tables, declared once for SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    literal_column,
    text,
)
from sqlmodel import Field, SQLModel

metadata: MetaData = SQLModel.metadata
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# What may be there without the hub knowing. SQLite takes an index with a condition only where a query repeats it.
IN_DOUBT: ColumnElement[bool] = literal_column("state IN ('sending', 'unknown', 'asked')")
# SQLite numbers rows by itself only if the key is spelt INTEGER; PostgreSQL's INTEGER is 32 bits.
Id = BigInteger().with_variant(Integer(), "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware time, kept as milliseconds since 1970 UTC: the same number on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return None if value is None else (value - _EPOCH) // _MILLISECOND

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else _EPOCH + value * _MILLISECOND


class AccountRow(SQLModel, table=True):
    """One account's health, and the lease that keeps its work serial."""

    __tablename__ = "accounts"
    name: str = Field(primary_key=True)
    platform: str
    identity: str = ""
    display_name: str = ""
    state: str = "active"
    reason: str = ""
    not_before: datetime | None = Field(default=None, sa_type=Moment)
    failures: int = 0
    first_seen_at: datetime = Field(sa_type=Moment)
    last_ok_at: datetime | None = Field(default=None, sa_type=Moment)
    last_error: str = ""
    last_error_at: datetime | None = Field(default=None, sa_type=Moment)
    lease_owner: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=Moment)
    fence: int = Field(default=0, sa_type=BigInteger)


class JobRow(SQLModel, table=True):
    """When a kind of work is due for an account, and how it went last."""

    __tablename__ = "jobs"
    account: str = Field(primary_key=True, foreign_key="accounts.name", ondelete="CASCADE")
    kind: str = Field(primary_key=True)
    due_at: datetime = Field(sa_type=Moment, index=True)
    last_run_at: datetime | None = Field(default=None, sa_type=Moment)


class RunRow(SQLModel, table=True):
    """One turn of an account: what it did and how it ended."""

    __tablename__ = "runs"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    account: str = Field(index=True)
    kinds: str
    started_at: datetime = Field(sa_type=Moment)
    ended_at: datetime = Field(sa_type=Moment)
    outcome: str
    counts: str = "{}"
    error: str = ""


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


class CursorRow(SQLModel, table=True):
    """A plugin's bookmark for one reading verb; `subject` is the query of a search."""

    __tablename__ = "cursors"
    account: str = Field(primary_key=True)
    verb: str = Field(primary_key=True)
    subject: str = Field(default="", primary_key=True)
    cursor: str | None = Field(default=None, sa_type=Text)
    digest: int | None = Field(default=None, sa_type=BigInteger)
    read_at: datetime | None = Field(default=None, sa_type=Moment)


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


class ContactRow(SQLModel, table=True):
    """The person behind one or more authors and CRM records."""

    __tablename__ = "contacts"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    name: str = ""
    created_at: datetime = Field(sa_type=Moment)


class ContactEmailRow(SQLModel, table=True):
    """An e-mail of a contact, in lower case; it belongs to one contact only."""

    __tablename__ = "contact_emails"
    email: str = Field(primary_key=True)
    contact_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id, index=True)


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


class RecordRow(SQLModel, table=True):
    """A contact's record in one CRM, as it was last seen or pushed."""

    __tablename__ = "records"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    account: str = Field(index=True)
    remote_id: str | None = None
    contact_id: int = Field(foreign_key="contacts.id", sa_type=Id, index=True)
    state: str = "synced"
    hash: int = Field(default=0, sa_type=BigInteger)
    url: str = ""
    error: str = Field(default="", sa_type=Text)
    updated_at: datetime = Field(sa_type=Moment)
    __table_args__ = (Index("records_once", "account", "remote_id", unique=True),)


class NoteRow(SQLModel, table=True):
    """A mention that was written to a CRM record as a note; once."""

    __tablename__ = "notes"
    account: str = Field(primary_key=True)
    mention_id: int = Field(primary_key=True, foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id)
    state: str
    updated_at: datetime = Field(sa_type=Moment)


class SecretRow(SQLModel, table=True):
    """A secret that the hub renews by itself, encrypted; `lease_*` keeps the renewing to one process."""

    __tablename__ = "secrets"
    account: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    nonce: bytes = Field(default=b"", sa_type=LargeBinary)
    sealed: bytes = Field(default=b"", sa_type=LargeBinary)
    lease_owner: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=Moment)


class SwitchRow(SQLModel, table=True):
    """Something that a person has switched for every process on this database; there while it is on."""

    __tablename__ = "switches"
    name: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Moment)
    reason: str = Field(default="", sa_type=Text)
    who: str = ""


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


def _table(row: type[SQLModel]) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined]  # SQLModel adds it to table models
    return table


accounts = _table(AccountRow)
jobs = _table(JobRow)
runs = _table(RunRow)
posts = _table(PostRow)
media = _table(MediaRow)
post_media = _table(PostMediaRow)
deliveries = _table(DeliveryRow)
attempts = _table(AttemptRow)
copies = _table(CopyRow)
cursors = _table(CursorRow)
discussions = _table(DiscussionRow)
threads = _table(ThreadRow)
contacts = _table(ContactRow)
contact_emails = _table(ContactEmailRow)
authors = _table(AuthorRow)
mentions = _table(MentionRow)
mention_versions = _table(MentionVersionRow)
replies = _table(ReplyRow)
records = _table(RecordRow)
notes = _table(NoteRow)
secrets = _table(SecretRow)
switches = _table(SwitchRow)
webhooks = _table(WebhookRow)
notices = _table(NoticeRow)

# What people made or said; the rest is the hub's own bookkeeping.
CONTENT = frozenset(
    table.name
    for table in (
        posts,
        media,
        post_media,
        deliveries,
        attempts,
        copies,
        discussions,
        contacts,
        contact_emails,
        authors,
        mentions,
        mention_versions,
        replies,
        records,
        notes,
    )
)
