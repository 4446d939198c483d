"""What the hub believes is on an account: its newest deliveries, with the words that were sent or will be."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.tables import copies, deliveries, posts


class Belief(NamedTuple):
    """One delivery. `sent_at` is when it was first sent, None if it never was.

    `remote_ids` are all ids that its copy has, or had before an edit gave it another one.
    """

    id: int
    part: int
    action: str
    state: str
    remote_id: str | None
    text: str
    sent_at: datetime | None
    remote_ids: frozenset[str] = frozenset()


def newest(connection: Connection, account: str, limit: int) -> list[Belief]:
    """Return the newest deliveries of an account."""
    rows = connection.execute(
        sa.select(
            deliveries.c.id,
            deliveries.c.part,
            deliveries.c.action,
            deliveries.c.state,
            deliveries.c.remote_id,
            sa.func.coalesce(deliveries.c.text, posts.c.text),
            deliveries.c.first_attempt_at,
        )
        .join(posts, posts.c.id == deliveries.c.post_id)
        .where(deliveries.c.account == account)
        .order_by(deliveries.c.id.desc())
        .limit(limit)
    )
    believed = [Belief(*row) for row in rows]
    of_delivery: dict[int, set[str]] = {}
    for some in chunks([row.id for row in believed]):
        for delivery, remote_id in connection.execute(_COPIES.where(deliveries.c.id.in_(some))):
            of_delivery.setdefault(delivery, set()).add(remote_id)
    return [row._replace(remote_ids=frozenset(of_delivery.get(row.id, ()))) for row in believed]


_COPIES = sa.select(deliveries.c.id, copies.c.remote_id).join(
    copies,
    sa.and_(
        copies.c.post_id == deliveries.c.post_id,
        copies.c.account == deliveries.c.account,
        copies.c.part == deliveries.c.part,
        ~copies.c.origin,
    ),
)
