"""Finds what says the same as another post: a text that goes to one account twice is rarely meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import deliveries, post_versions, posts

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
    connection: Connection,
    key: str,
    text: str,
    content_hash: int,
    accounts: Sequence[str],
    now: datetime,
    versions: Mapping[str, str] | None = None,
) -> list[Repeat]:
    """Return the newest post on each of the accounts that says what the post with this key does.

    Its text counts, on an account with a version that one; without a text its whole content by the hash.
    """
    own = versions or {}
    by_text: dict[str, list[str]] = {}
    for account in accounts:
        by_text.setdefault(own.get(account, text).strip(_BLANKS), []).append(account)
    newest: dict[str, Repeat] = {}
    for said, names in by_text.items():
        newest |= _newest(connection, key, said, content_hash, names, now)
    return [newest[account] for account in accounts if account in newest]


def _newest(
    connection: Connection, key: str, text: str, content_hash: int, accounts: Sequence[str], now: datetime
) -> dict[str, Repeat]:
    said = sa.func.coalesce(post_versions.c.text, posts.c.text)
    bare = sa.func.ltrim(sa.func.rtrim(said, _BLANKS), _BLANKS)
    same = bare == text if text else posts.c.hash == content_hash
    at = sa.func.coalesce(deliveries.c.first_attempt_at, posts.c.publish_at, type_=posts.c.publish_at.type)
    own = sa.and_(post_versions.c.post_id == deliveries.c.post_id, post_versions.c.account == deliveries.c.account)
    rows = connection.execute(
        sa.select(deliveries.c.account, posts.c.id, at)
        .join(deliveries, deliveries.c.post_id == posts.c.id)
        .outerjoin(post_versions, own)
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
    return {account: Repeat(account, post_id, moment) for account, post_id, moment in rows}
