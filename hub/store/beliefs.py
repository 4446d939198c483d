"""What the hub believes is on an account: its newest deliveries, with the words that were sent or will be."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import deliveries, posts


class Belief(NamedTuple):
    """One delivery. `sent_at` is when it was first sent, None if it never was."""

    id: int
    action: str
    state: str
    remote_id: str | None
    text: str
    sent_at: datetime | None


def newest(connection: Connection, account: str, limit: int) -> list[Belief]:
    """Return the newest deliveries of an account."""
    rows = connection.execute(
        sa.select(
            deliveries.c.id,
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
    return [Belief(*row) for row in rows]
