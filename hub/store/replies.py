"""Our answers to mentions, written down before they are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.switches import insert_unless_stopped
from hub.store.tables import replies


def begin(connection: Connection, mention_id: int, account: str, text: str, now: datetime) -> int:
    """Note that an answer is about to be sent; raise `StoppedError` while the hub is stopped."""
    row = insert_unless_stopped(
        connection,
        replies,
        mention_id=mention_id,
        account=account,
        text=text,
        state="sending",
        url="",
        error="",
        created_at=now,
    )
    return int(row.id)


def finish(connection: Connection, /, reply_id: int, **values: Any) -> None:
    connection.execute(replies.update().where(replies.c.id == reply_id).values(**values))


def of_mention(connection: Connection, mention_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(sa.select(replies).where(replies.c.mention_id == mention_id).order_by(replies.c.id))
    return [dict(row) for row in rows.mappings()]
