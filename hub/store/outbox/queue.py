"""The queue as people read it: posts by the time when they go out, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.outbox import deliveries as outbox
from hub.store.outbox.deliveries import Delivery
from hub.store.outbox.pacing import HELD
from hub.store.outbox.posts import StoredPost
from hub.store.tables import accounts, attempts, deliveries, posts

# What the page shows under one name: states of deliveries, and what the hub keeps waiting for a reason.
_CONDITIONS: dict[str, sa.ColumnElement[bool]] = {
    "queued": deliveries.c.state.in_(("queued", "waiting")),
    "sending": deliveries.c.state == "sending",
    "published": deliveries.c.state == "published",
    "failed": deliveries.c.state == "failed",
    "unknown": deliveries.c.state == "unknown",
    "asked": deliveries.c.state == "asked",
    "missed": deliveries.c.state == "missed",
    "held": sa.and_(deliveries.c.state == "queued", deliveries.c.error_code == HELD),
    "paused": sa.and_(
        deliveries.c.state.in_(outbox.OPEN),
        sa.exists().where(accounts.c.name == deliveries.c.account, accounts.c.state == "paused"),
    ),
    "deleted": deliveries.c.state == "deleted",
}
STATES = tuple(_CONDITIONS)

# Nobody reads a larger number than this; a count need not go on beyond it.
_COUNTED = 1000


class Entry(NamedTuple):
    """A post and its deliveries, those that the reader may see."""

    post: StoredPost
    deliveries: Sequence[Delivery]


class Place(NamedTuple):
    """Where a page of the list ended; the next one begins there."""

    publish_at: datetime
    post_id: int


class Attempt(NamedTuple):
    """One try at a delivery, as the story of a post tells it."""

    delivery_id: int
    number: int
    action: str
    at: datetime
    outcome: str
    answer: str
    detail: str
    request_id: str
    next_at: datetime | None


def page(
    connection: Connection,
    *,
    state: str | None = None,
    account: str | None = None,
    scope: frozenset[str] | None = None,
    after: Place | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Return posts, those that go out last first: with a delivery in a state, for an account, on from a place."""
    query = sa.select(*_POST).order_by(posts.c.publish_at.desc(), posts.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(
            sa.or_(
                posts.c.publish_at < after.publish_at,
                sa.and_(posts.c.publish_at == after.publish_at, posts.c.id < after.post_id),
            )
        )
    return _entries(connection, query.where(_has(state, account, scope)), scope)


def between(
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    state: str | None = None,
    account: str | None = None,
    scope: frozenset[str] | None = None,
    limit: int = 500,
) -> list[Entry]:
    """Return posts that go out from `start` on and before `end`, in the order of time."""
    query = (
        sa.select(*_POST)
        .where(posts.c.publish_at >= start, posts.c.publish_at < end, _has(state, account, scope))
        .order_by(posts.c.publish_at, posts.c.id)
        .limit(limit)
    )
    return _entries(connection, query, scope)


def entry(connection: Connection, post_id: int, scope: frozenset[str] | None = None) -> Entry | None:
    """Return one post, None if there is none that the reader may see."""
    found = _entries(connection, sa.select(*_POST).where(posts.c.id == post_id, _has(None, None, scope)), scope)
    return found[0] if found else None


def count(connection: Connection, state: str, scope: frozenset[str] | None = None) -> int:
    """Count the deliveries in a state, up to a thousand."""
    some = sa.select(deliveries.c.id).where(_CONDITIONS[state], *_within(scope)).limit(_COUNTED).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def story(connection: Connection, delivery_ids: Sequence[int]) -> list[Attempt]:
    """Return all that was tried for some deliveries, the oldest first."""
    rows = connection.execute(
        sa.select(*(attempts.c[field] for field in Attempt._fields))
        .where(attempts.c.delivery_id.in_(list(delivery_ids)))
        .order_by(attempts.c.id)
    )
    return [Attempt(*row) for row in rows]


_POST = [posts.c[field] for field in StoredPost._fields]


def _has(state: str | None, account: str | None, scope: frozenset[str] | None) -> sa.ColumnElement[bool]:
    """The post has a delivery that is wanted: what only came in from a source, and went nowhere, is no queue."""
    wanted = [*_within(scope)]
    if state is not None:
        wanted.append(_CONDITIONS[state])
    if account is not None:
        wanted.append(deliveries.c.account == account)
    return sa.exists().where(deliveries.c.post_id == posts.c.id, *wanted)


def _within(scope: frozenset[str] | None) -> list[sa.ColumnElement[bool]]:
    return [] if scope is None else [deliveries.c.account.in_(sorted(scope))]


def _entries(connection: Connection, query: sa.Select[Any], scope: frozenset[str] | None) -> list[Entry]:
    found = [StoredPost(*row) for row in connection.execute(query)]
    rows = outbox.of_posts(connection, [post.id for post in found])
    return [
        Entry(post, [row for row in rows.get(post.id, []) if scope is None or row.account in scope])
        for post in found
    ]
