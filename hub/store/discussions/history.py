"""What mentions said before they were changed, hidden or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.discussions import search
from hub.store.tables import mention_versions, mentions


def keep_text(connection: Connection, mention_id: int, text: str, now: datetime) -> None:
    """Put what a mention once said into its history, unless it is there."""
    kept = sa.select(mention_versions.c.id).where(
        mention_versions.c.mention_id == mention_id, mention_versions.c.text == text
    )
    if connection.execute(kept.limit(1)).first() is None:
        connection.execute(mention_versions.insert().values(mention_id=mention_id, text=text, replaced_at=now))


def keep_versions(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Put what these mentions say into their history."""
    connection.execute(
        mention_versions.insert().from_select(
            ["mention_id", "text", "replaced_at"],
            sa.select(mentions.c.id, mentions.c.text, sa.literal(now, mention_versions.c.replaced_at.type)).where(
                mentions.c.id.in_(ids)
            ),
        )
    )


def hide(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Hide what was deleted; what it said stays in its history."""
    keep_versions(connection, ids, now)
    gone = {"deleted_at": now, "text": "", "links": "", "unmerged": 1}
    connection.execute(mentions.update().where(mentions.c.id.in_(ids)).values(**gone))
    search.follow(connection, ids)
