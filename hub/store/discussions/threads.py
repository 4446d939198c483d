"""Threads, the discussions they belong to, and the bookmarks of all reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.prepared import Prepared
from hub.store.tables import accounts, copies, cursors, discussions, posts, threads


class StoredThread(NamedTuple):
    id: int
    account: str
    remote_id: str
    url: str
    discussion_id: int
    polled: bool
    changed_at: datetime
    cursor: str | None
    digest: int | None
    full_read_at: datetime | None
    gone: int


_FIELDS = [threads.c[field] for field in StoredThread._fields]


def ensure(connection: Connection, account: str, roots: Sequence[str], now: datetime) -> dict[str, int]:
    """Return the thread of each root on the account, made where there is none.

    A new thread belongs to the discussion of the post that its root is a copy of, or to one of its own.
    """
    found = _by_root(connection, account, roots)
    for root in roots:
        if root in found:
            continue
        post_id = connection.execute(
            sa.select(copies.c.post_id).where(copies.c.account == account, copies.c.remote_id == root)
        ).scalar()
        discussion = discussion_of_post(connection, post_id, now) if post_id else _new_discussion(connection, now)
        found[root] = add(connection, account, root, discussion, now)
    return found


def _by_root(connection: Connection, account: str, roots: Sequence[str]) -> dict[str, int]:
    rows = connection.execute(
        sa.select(threads.c.remote_id, threads.c.id).where(
            threads.c.account == account, threads.c.remote_id.in_(roots)
        )
    )
    return dict(rows.all())


def add(
    connection: Connection,
    account: str,
    root: str,
    discussion_id: int,
    now: datetime,
    *,
    url: str = "",
    polled: bool = False,
) -> int:
    """Make a thread, or let the one there is be polled; return its id."""
    statement = _ADD_POLLED if polled else _ADD
    ((thread,),) = statement.rows(
        connection,
        account=account,
        remote_id=root,
        url=url,
        discussion_id=discussion_id,
        polled=polled,
        next_poll_at=now if polled else None,
        changed_at=now,
    )
    return int(thread)


def _adding(*changes: str) -> Prepared:
    def build(connection: Connection) -> Any:
        insert = upsert(connection, threads).values(gone=0, unmerged=1)
        return insert.on_conflict_do_update(
            index_elements=["account", "remote_id"], set_={name: insert.excluded[name] for name in changes}
        ).returning(threads.c.id)

    return Prepared(
        build, columns=("account", "remote_id", "url", "discussion_id", "polled", "next_poll_at", "changed_at")
    )


# Setting a column to what it is makes the row that is there come back.
_ADD = _adding("account")
_ADD_POLLED = _adding("polled", "next_poll_at", "url", "unmerged")


def discussion_of_post(connection: Connection, post_id: int, now: datetime) -> int:
    """Return the discussion about a post, made if it has none."""
    found = _DISCUSSION_OF.rows(connection, post_id=post_id)
    if not found:
        _ADD_DISCUSSION.run(connection, at_post=post_id, created_at=now)
        found = _DISCUSSION_OF.rows(connection, post_id=post_id)
    return int(found[0][0])


_DISCUSSION_OF = Prepared(
    lambda _: sa.select(discussions.c.id).where(discussions.c.post_id == sa.bindparam("post_id"))
)
# The title is the post's, or the beginning of its text.
_ADD_DISCUSSION = Prepared(
    lambda connection: (
        upsert(connection, discussions)
        .from_select(
            ["post_id", "title", "url", "created_at"],
            sa.select(
                posts.c.id,
                sa.case((posts.c.title != "", posts.c.title), else_=sa.func.substr(posts.c.text, 1, 80)),
                sa.case((posts.c.url != "", posts.c.url), else_=posts.c.link),
                sa.bindparam("created_at", type_=discussions.c.created_at.type),
            ).where(posts.c.id == sa.bindparam("at_post")),
        )
        .on_conflict_do_nothing(index_elements=["post_id"])
    )
)


def _new_discussion(connection: Connection, now: datetime) -> int:
    row = connection.execute(
        discussions.insert().values(title="", url="", created_at=now).returning(discussions.c.id)
    ).one()
    return int(row.id)


def discussion(connection: Connection, discussion_id: int) -> tuple[str, str, int | None] | None:
    """Return a discussion's title, URL and post."""
    row = connection.execute(
        sa.select(discussions.c.title, discussions.c.url, discussions.c.post_id).where(
            discussions.c.id == discussion_id
        )
    ).first()
    return None if row is None else (row.title, row.url, row.post_id)


def of_discussion(connection: Connection, discussion_id: int) -> list[StoredThread]:
    rows = connection.execute(
        sa.select(*_FIELDS).where(threads.c.discussion_id == discussion_id).order_by(threads.c.id)
    )
    return [StoredThread(*row) for row in rows]


def platforms(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Return the platform of each of these accounts."""
    rows = connection.execute(sa.select(accounts.c.name, accounts.c.platform).where(accounts.c.name.in_(names)))
    return {row.name: row.platform for row in rows}


def sites(connection: Connection, discussion_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the accounts that have a thread in each of these discussions."""
    rows = connection.execute(
        sa.select(threads.c.discussion_id, threads.c.account)
        .where(threads.c.discussion_id.in_(discussion_ids))
        .group_by(threads.c.discussion_id, threads.c.account)
        .order_by(threads.c.discussion_id, sa.func.min(threads.c.id))
    )
    found: dict[int, list[str]] = {}
    for discussion_id, account in rows:
        found.setdefault(discussion_id, []).append(account)
    return found


def due(connection: Connection, account: str, now: datetime, limit: int = 200) -> list[StoredThread]:
    """Return the account's threads that are to be looked at, longest overdue first."""
    rows = connection.execute(
        sa.select(*_FIELDS)
        .where(threads.c.account == account, threads.c.polled, threads.c.next_poll_at <= now)
        .order_by(threads.c.next_poll_at)
        .limit(limit)
    )
    return [StoredThread(*row) for row in rows]


def schedule(connection: Connection, due_at: Sequence[tuple[int, datetime | None]]) -> None:
    """Set when each thread is to be looked at next; None is never again."""
    if due_at:
        connection.execute(
            threads.update()
            .where(threads.c.id == sa.bindparam("b_id"))
            .values(next_poll_at=sa.bindparam("b_due", type_=threads.c.next_poll_at.type)),
            [{"b_id": thread, "b_due": due} for thread, due in due_at],
        )


def make_all_due(connection: Connection, now: datetime) -> None:
    connection.execute(
        threads.update().where(threads.c.polled, threads.c.next_poll_at > now).values(next_poll_at=now)
    )


def note_read(
    connection: Connection,
    thread_id: int,
    *,
    cursor: str | None,
    digest: int | None,
    full_read_at: datetime | None = None,
    changed_at: datetime | None = None,
) -> None:
    """Keep how far a thread was read; `changed_at` is set when something was new."""
    values: dict[str, object] = {"cursor": cursor, "digest": digest, "gone": 0}
    if full_read_at is not None:
        values["full_read_at"] = full_read_at
    if changed_at is not None:
        values["changed_at"] = changed_at
    connection.execute(threads.update().where(threads.c.id == thread_id).values(**values))


def forget_digests(connection: Connection, thread_ids: Sequence[int]) -> None:
    """Let the next look at these threads compare everything they show."""
    connection.execute(threads.update().where(threads.c.id.in_(thread_ids)).values(digest=None))


def note_gone(connection: Connection, thread_id: int) -> None:
    connection.execute(threads.update().where(threads.c.id == thread_id).values(gone=threads.c.gone + 1))


class Bookmark(NamedTuple):
    """How far a reading verb has come, the digest of the page that it was left at, and when it was last moved.

    What is older than `read_at`, and was not seen then, is no news. What is older than `restored_at` may have been
    seen to, by rows that a backup did not have.
    """

    cursor: str | None = None
    digest: int | None = None
    read_at: datetime | None = None
    restored_at: datetime | None = None


def read_cursor(connection: Connection, account: str, verb: str, subject: str = "") -> Bookmark:
    """Return the bookmark of a reading verb; of one that was never read, an empty one."""
    row = connection.execute(
        sa.select(*(cursors.c[field] for field in Bookmark._fields)).where(
            cursors.c.account == account, cursors.c.verb == verb, cursors.c.subject == subject
        )
    ).first()
    return Bookmark() if row is None else Bookmark(*row)


def has_cursor(connection: Connection, account: str, verb: str) -> bool:
    """Tell whether the verb was ever read to the end of a page."""
    return (
        connection.execute(
            sa.select(sa.literal(1)).where(cursors.c.account == account, cursors.c.verb == verb)
        ).first()
        is not None
    )


def write_cursor(
    connection: Connection,
    account: str,
    verb: str,
    cursor: str | None,
    digest: int | None = None,
    subject: str = "",
    read_at: datetime | None = None,
) -> None:
    """Move a bookmark. In the middle of a read from the start there is none yet (None): `read_at` stays then."""
    insert = upsert(connection, cursors).values(
        account=account,
        verb=verb,
        subject=subject,
        cursor=cursor,
        digest=digest,
        read_at=None if cursor is None else read_at,
    )
    changes = {
        "cursor": cursor,
        "digest": digest,
        "read_at": sa.func.coalesce(insert.excluded.read_at, cursors.c.read_at),
    }
    connection.execute(insert.on_conflict_do_update(index_elements=["account", "verb", "subject"], set_=changes))


def attach(connection: Connection, thread_id: int, url: str, now: datetime) -> int:
    """Let a thread be polled; return its discussion."""
    values: dict[str, object] = {"polled": True, "next_poll_at": now}
    if url:
        values |= {"url": url, "unmerged": 1}
    row = connection.execute(
        threads.update().where(threads.c.id == thread_id).values(**values).returning(threads.c.discussion_id)
    ).one()
    return int(row.discussion_id)
