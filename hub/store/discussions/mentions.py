"""Mentions as they are read: one by one, by discussion, by author, with what each said before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.discussions.threads import sites
from hub.store.prepared import Prepared
from hub.store.tables import authors, contacts, discussions, mention_versions, mentions, replies, threads


class StoredMention(NamedTuple):
    """A mention as it is shown, with what is known of its author and where it belongs.

    `ours` says that one of our accounts said it, `by` which of us, if it was sent through the hub.
    """

    id: int
    account: str
    platform: str
    remote_id: str
    kind: str
    thread_id: str
    thread_url: str
    parent_id: str | None
    author_id: str | None
    author_name: str
    author_handle: str
    author_url: str
    contact_id: int | None
    text: str
    url: str
    sent_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    versions: int
    discussion: int
    ours: bool = False
    by: str = ""


def live_ids(connection: Connection, thread_id: int, limit: int = 100) -> list[str]:
    """Return the newest mentions of a thread that stand."""
    return [remote_id for (remote_id,) in _LIVE.rows(connection, thread_id=thread_id, count=limit)]


_LIVE = Prepared(
    lambda _: (
        sa.select(mentions.c.remote_id)
        .where(mentions.c.thread_id == sa.bindparam("thread_id"), mentions.c.deleted_at.is_(None))
        .order_by(mentions.c.id.desc())
        .limit(sa.bindparam("count", type_=sa.Integer()))
    )
)


def _shown() -> sa.Select[Any]:
    versions = (
        sa.select(sa.func.count())
        .where(mention_versions.c.mention_id == mentions.c.id)
        .correlate(mentions)
        .scalar_subquery()
    )
    writer = (
        sa.select(sa.func.max(replies.c.by_name))
        .where(replies.c.account == mentions.c.account, replies.c.remote_id == mentions.c.remote_id)
        .correlate(mentions)
        .scalar_subquery()
    )
    is_ours = mentions.c.status == "ours"
    return (
        sa.select(
            mentions.c.id,
            mentions.c.account,
            mentions.c.platform,
            mentions.c.remote_id,
            mentions.c.kind,
            threads.c.remote_id.label("thread_id"),
            threads.c.url.label("thread_url"),
            mentions.c.parent_id,
            mentions.c.author_id,
            sa.func.coalesce(authors.c.name, "").label("author_name"),
            sa.func.coalesce(authors.c.handle, "").label("author_handle"),
            sa.func.coalesce(authors.c.url, "").label("author_url"),
            contacts.c.person_id.label("contact_id"),
            mentions.c.text,
            mentions.c.url,
            mentions.c.sent_at,
            mentions.c.edited_at,
            mentions.c.deleted_at,
            versions.label("versions"),
            threads.c.discussion_id.label("discussion"),
            is_ours.label("ours"),
            sa.case((is_ours, sa.func.coalesce(writer, "")), else_="").label("by"),
        )
        .join(threads, threads.c.id == mentions.c.thread_id)
        .outerjoin(
            authors,
            sa.and_(authors.c.platform == mentions.c.platform, authors.c.remote_id == mentions.c.author_id),
        )
        .outerjoin(contacts, contacts.c.id == authors.c.contact_id)
    )


def newest(
    connection: Connection, limit: int, *, account: str | None = None, before: int | None = None
) -> list[StoredMention]:
    """Return the newest mentions by others, those with an id below `before` if that is given."""
    query = _shown().where(mentions.c.status != "ours").order_by(mentions.c.id.desc()).limit(limit)
    if account is not None:
        query = query.where(mentions.c.account == account)
    if before is not None:
        query = query.where(mentions.c.id < before)
    return [StoredMention(*row) for row in connection.execute(query)]


def of_ids(connection: Connection, ids: Sequence[int]) -> dict[int, StoredMention]:
    """Return these mentions by their numbers, those that there are."""
    rows = connection.execute(_shown().where(mentions.c.id.in_(ids)))
    return {row.id: StoredMention(*row) for row in rows}


def accounts_of(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the accounts that these mentions were said to; those of others only."""
    found: dict[int, str] = {}
    for some in chunks(ids):
        query = sa.select(mentions.c.id, mentions.c.account).where(
            mentions.c.id.in_(some), mentions.c.status != "ours"
        )
        found |= {row.id: row.account for row in connection.execute(query)}
    return found


def get(connection: Connection, mention_id: int) -> StoredMention | None:
    row = connection.execute(_shown().where(mentions.c.id == mention_id)).first()
    return None if row is None else StoredMention(*row)


def of_discussion(connection: Connection, discussion_id: int) -> list[StoredMention]:
    """Return all mentions of a discussion, oldest first."""
    query = _shown().where(threads.c.discussion_id == discussion_id).order_by(mentions.c.sent_at, mentions.c.id)
    return [StoredMention(*row) for row in connection.execute(query)]


def of_author(connection: Connection, platform: str, author_id: str) -> list[StoredMention]:
    query = (
        _shown().where(mentions.c.platform == platform, mentions.c.author_id == author_id).order_by(mentions.c.id)
    )
    return [StoredMention(*row) for row in connection.execute(query)]


def seen_at(connection: Connection, mention_id: int) -> datetime | None:
    """Return when the hub first saw a mention."""
    found: datetime | None = connection.execute(
        sa.select(mentions.c.seen_at).where(mentions.c.id == mention_id)
    ).scalar()
    return found


def versions_of(connection: Connection, mention_id: int) -> list[tuple[datetime, str]]:
    """Return what a mention said before, and until when."""
    rows = connection.execute(
        sa.select(mention_versions.c.replaced_at, mention_versions.c.text)
        .where(mention_versions.c.mention_id == mention_id)
        .order_by(mention_versions.c.id)
    )
    return [(row.replaced_at, row.text) for row in rows]


class DiscussionSummary(NamedTuple):
    id: int
    title: str
    url: str
    post_id: int | None
    mentions: int
    last_at: datetime | None
    accounts: Sequence[str] = ()


def discussion_list(
    connection: Connection, limit: int, accounts: Collection[str] | None = None
) -> list[DiscussionSummary]:
    """Return the discussions with the newest answers first, each with the accounts that have a thread in it.

    With `accounts` only those with a thread on one of them; what is counted is there too.
    """
    query = (
        sa.select(
            discussions.c.id,
            discussions.c.title,
            discussions.c.url,
            discussions.c.post_id,
            sa.func.count(mentions.c.id),
            sa.func.max(mentions.c.sent_at),
        )
        .join(threads, threads.c.discussion_id == discussions.c.id)
        .outerjoin(mentions, mentions.c.thread_id == threads.c.id)
        .group_by(discussions.c.id, discussions.c.title, discussions.c.url, discussions.c.post_id)
        .order_by(sa.func.coalesce(sa.func.max(mentions.c.sent_at), 0).desc(), discussions.c.id.desc())
        .limit(limit)
    )
    if accounts is not None:
        query = query.where(threads.c.account.in_(accounts))
    found = [DiscussionSummary(*row) for row in connection.execute(query)]
    there = sites(connection, [one.id for one in found])
    return [one._replace(accounts=there.get(one.id, ())) for one in found]
