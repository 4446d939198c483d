"""Long listings for programs: by number or name, from where the page before ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import contacts, deliveries, discussions, mentions, posts, threads


class ListedDiscussion(NamedTuple):
    """A discussion, and how many remarks of how late it holds on the accounts that were asked for."""

    id: int
    title: str
    url: str
    post: int | None
    mentions: int
    last_at: datetime | None


def discussions_before(
    connection: Connection, limit: int, before: int | None, accounts: Collection[str] | None
) -> list[ListedDiscussion]:
    """Return the youngest discussions below number `before` with a thread on these accounts (None: any)."""
    mine = sa.true() if accounts is None else threads.c.account.in_(sorted(accounts))
    held = sa.exists().where(threads.c.discussion_id == discussions.c.id, mine)
    page = (
        sa.select(discussions.c.id, discussions.c.title, discussions.c.url, discussions.c.post_id)
        .where(held, sa.true() if before is None else discussions.c.id < before)
        .order_by(discussions.c.id.desc())
        .limit(limit)
    ).subquery()
    # Counted for the page alone, and not for all there are.
    said = (
        sa.select(threads.c.discussion_id, sa.func.count(mentions.c.id), sa.func.max(mentions.c.sent_at))
        .join(mentions, mentions.c.thread_id == threads.c.id)
        .where(mine, threads.c.discussion_id.in_(sa.select(page.c.id)))
        .group_by(threads.c.discussion_id)
    )
    counts = {number: (count, last) for number, count, last in connection.execute(said)}
    found = []
    for number, title, url, post in connection.execute(sa.select(page).order_by(page.c.id.desc())):
        count, last = counts.get(number, (0, None))
        found.append(ListedDiscussion(number, title, url, post, count, last))
    return found


def may_see(connection: Connection, discussion_id: int, accounts: Collection[str] | None) -> bool:
    """Tell whether there is a discussion with a thread on one of these accounts (None: any, or none at all)."""
    if accounts is None:
        query = sa.select(discussions.c.id).where(discussions.c.id == discussion_id)
    else:
        query = sa.select(threads.c.id).where(
            threads.c.discussion_id == discussion_id, threads.c.account.in_(sorted(accounts))
        )
    return connection.execute(query.limit(1)).first() is not None


def contacts_after(connection: Connection, limit: int, after: int | None) -> Sequence[int]:
    """Return the numbers of the contacts after that one, in their order."""
    query = (
        sa.select(contacts.c.id)
        .where(contacts.c.person_id == contacts.c.id, contacts.c.deleted_at.is_(None))
        .order_by(contacts.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(contacts.c.id > after)
    return list(connection.execute(query).scalars())


def posts_before(
    connection: Connection, limit: int, before: int | None, accounts: Collection[str] | None
) -> Sequence[int]:
    """Return the numbers of the newest posts below `before` that go to, or come from, these accounts."""
    query = sa.select(posts.c.id).order_by(posts.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(posts.c.id < before)
    if accounts is not None:
        names = sorted(accounts)
        goes = sa.exists().where(deliveries.c.post_id == posts.c.id, deliveries.c.account.in_(names))
        query = query.where(sa.or_(goes, posts.c.source.in_(names)))
    return list(connection.execute(query).scalars())
