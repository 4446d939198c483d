"""Finds what says the same as another post: a text that goes to one account twice is rarely meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import deliveries, posts

# What was said longer ago may well be said again.
RECENT = timedelta(days=7)
_BLANKS = " \t\r\n\u00a0"
# What failed or was withdrawn did not go out, and does not.
_NOT_OUT = ("failed", "missed", "deleted")


class Repeat(NamedTuple):
    """An earlier post with the same text: on which account, its number, and when it went out there or will."""

    account: str
    post_id: int
    at: datetime


def of(
    connection: Connection, key: str, text: str, content_hash: int, accounts: Sequence[str], now: datetime
) -> list[Repeat]:
    """Return the newest post on each of the accounts that says what the post with this key does.

    Its text counts; without one, its whole content by the hash.
    """
    text = text.strip(_BLANKS)
    bare = sa.func.ltrim(sa.func.rtrim(posts.c.text, _BLANKS), _BLANKS)
    same = bare == text if text else posts.c.hash == content_hash
    at = sa.func.coalesce(deliveries.c.first_attempt_at, posts.c.publish_at, type_=posts.c.publish_at.type)
    rows = connection.execute(
        sa.select(deliveries.c.account, posts.c.id, at)
        .join(deliveries, deliveries.c.post_id == posts.c.id)
        .where(
            posts.c.publish_at >= now - RECENT,
            posts.c.key != key,
            posts.c.deleted_at.is_(None),
            same,
            deliveries.c.account.in_(accounts),
            deliveries.c.part == 0,
            deliveries.c.state.not_in(_NOT_OUT),
        )
        .order_by(posts.c.id)
    )
    newest = {account: Repeat(account, post_id, moment) for account, post_id, moment in rows}
    return [newest[account] for account in accounts if account in newest]
