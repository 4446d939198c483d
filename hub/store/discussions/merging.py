"""How far an account's mentions are merged, and mentions and threads as merging sees them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks, upsert
from hub.store.tables import authors, contacts, copies, cursors, discussions, mentions, posts, threads
from hub.store.tables.reading import UNMERGED

# The lock of those who merge, on PostgreSQL; SQLite has one writer at a time anyway.
_LOCK = 4857394
_VERB = "merge"


class Spoken(NamedTuple):
    """A mention as merging sees it. `thread` is the row, `root` the remote id; `links` has an address a line.

    `contact_id` is the person if more is known of them than this author.
    """

    id: int
    platform: str
    remote_id: str
    account: str
    thread: int
    root: str
    discussion: int
    parent_id: str | None
    text: str
    url: str
    links: str
    sent_at: datetime
    deleted_at: datetime | None
    author_id: str | None
    name: str
    handle: str
    profile: str
    emails: str
    contact_id: int | None


class NewThread(NamedTuple):
    """A thread that merging has not seen, and the post of its discussion, if it has one."""

    id: int
    url: str
    discussion_id: int
    key: str | None
    post_url: str | None
    post_link: str | None


def lock(connection: Connection) -> bool:
    """Keep others from merging until the transaction ends; False if somebody does it right now."""
    if connection.dialect.name == "sqlite":
        return True
    return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_LOCK})").scalar())


def merged_to(connection: Connection, account: str) -> int:
    """Return the number of the newest mention of an account that was merged."""
    found = connection.execute(
        sa.select(cursors.c.cursor).where(
            cursors.c.account == account, cursors.c.verb == _VERB, cursors.c.subject == ""
        )
    ).scalar()
    return int(found or 0)


def note_merged(connection: Connection, account: str, newest: int) -> None:
    insert = upsert(connection, cursors).values(account=account, verb=_VERB, subject="", cursor=str(newest))
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["account", "verb", "subject"], set_={"cursor": insert.excluded.cursor}
        )
    )


def next_ids(connection: Connection, account: str, after: int, limit: int) -> list[int]:
    """Return the account's next mentions. Its turns are serial, so that none appears later before these."""
    return list(
        connection.execute(
            sa.select(mentions.c.id)
            .where(mentions.c.account == account, mentions.c.id > after)
            .order_by(mentions.c.id)
            .limit(limit)
        ).scalars()
    )


def changed_ids(connection: Connection, limit: int) -> list[int]:
    """Return the mentions that changed since they were merged."""
    return list(connection.execute(sa.select(mentions.c.id).where(UNMERGED).limit(limit)).scalars())


def new_threads(connection: Connection, limit: int) -> list[NewThread]:
    unmerged = sa.select(threads.c.id).where(UNMERGED).limit(limit)
    rows = connection.execute(
        sa.select(threads.c.id, threads.c.url, threads.c.discussion_id, posts.c.key, posts.c.url, posts.c.link)
        .join(discussions, discussions.c.id == threads.c.discussion_id)
        .outerjoin(posts, posts.c.id == discussions.c.post_id)
        .where(threads.c.id.in_(unmerged))
        .order_by(threads.c.id)
    )
    return [NewThread(*row) for row in rows]


def has_work(connection: Connection, account: str) -> bool:
    """Tell whether there is anything for an account's turn to merge."""
    return bool(
        next_ids(connection, account, merged_to(connection, account), 1)
        or changed_ids(connection, 1)
        or connection.execute(sa.select(threads.c.id).where(UNMERGED).limit(1)).first()
    )


def settle(connection: Connection, mention_ids: Sequence[int], thread_ids: Sequence[int]) -> None:
    """Note that these were merged as they are now."""
    for table, ids in ((mentions, mention_ids), (threads, thread_ids)):
        if ids:
            connection.execute(table.update().where(table.c.id.in_(ids)).values(unmerged=0))


_PERSON = contacts.alias("person")
_FURTHER = contacts.alias("further")
# Somebody of whom only this one identity is known is no more than their author.
_JOINED = sa.exists().where(_FURTHER.c.person_id == _PERSON.c.person_id, _FURTHER.c.id != _PERSON.c.id)
_SPOKEN = (
    sa.select(
        mentions.c.id,
        mentions.c.platform,
        mentions.c.remote_id,
        mentions.c.account,
        threads.c.id,
        threads.c.remote_id,
        threads.c.discussion_id,
        mentions.c.parent_id,
        mentions.c.text,
        mentions.c.url,
        mentions.c.links,
        mentions.c.sent_at,
        mentions.c.deleted_at,
        mentions.c.author_id,
        sa.func.coalesce(authors.c.name, ""),
        sa.func.coalesce(authors.c.handle, ""),
        sa.func.coalesce(authors.c.url, ""),
        sa.func.coalesce(authors.c.emails, ""),
        _PERSON.c.person_id,
    )
    .join(threads, threads.c.id == mentions.c.thread_id)
    .outerjoin(
        authors, sa.and_(authors.c.platform == mentions.c.platform, authors.c.remote_id == mentions.c.author_id)
    )
    .outerjoin(_PERSON, sa.and_(_PERSON.c.id == authors.c.contact_id, _JOINED))
)


def spoken(connection: Connection, ids: Iterable[int]) -> list[Spoken]:
    """Return mentions as merging sees them, by their numbers."""
    found: list[Spoken] = []
    for some in chunks(sorted(set(ids))):
        rows = connection.execute(_SPOKEN.where(mentions.c.id.in_(some)).order_by(mentions.c.id))
        found += [Spoken._make(row) for row in rows]
    return found


def ids_of_thread(connection: Connection, thread: int) -> list[int]:
    return list(
        connection.execute(
            sa.select(mentions.c.id).where(mentions.c.thread_id == thread).order_by(mentions.c.id)
        ).scalars()
    )


class Standing(NamedTuple):
    """A thread that may be joined: where it is, and whether it is under a post of ours."""

    id: int
    account: str
    remote_id: str
    url: str
    discussion_id: int
    polled: bool
    post_id: int | None
    ours: bool


def standing(connection: Connection, thread: int) -> Standing:
    ours = sa.exists().where(copies.c.account == threads.c.account, copies.c.remote_id == threads.c.remote_id)
    row = connection.execute(
        sa.select(
            threads.c.id,
            threads.c.account,
            threads.c.remote_id,
            threads.c.url,
            threads.c.discussion_id,
            threads.c.polled,
            discussions.c.post_id,
            ours,
        )
        .join(discussions, discussions.c.id == threads.c.discussion_id)
        .where(threads.c.id == thread)
    ).one()
    return Standing(*row)


def speaks_for(connection: Connection, one: Spoken) -> bool:
    """Tell whether a mention says what its thread is about: its root, or the first seen where that is not."""
    if one.remote_id == one.root:
        return True
    first = sa.case((mentions.c.remote_id == one.root, 0), else_=1)
    found = connection.execute(
        sa.select(mentions.c.id).where(mentions.c.thread_id == one.thread).order_by(first, mentions.c.id).limit(1)
    ).scalar()
    return found == one.id
