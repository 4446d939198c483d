"""Tells what our own accounts said from what others did, as a stored fact, and which remarks it answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Mention
from hub.store.desk.work import note_answered
from hub.store.prepared import Prepared, among
from hub.store.running import changes
from hub.store.tables import accounts, mentions, replies, threads

_IDENTITIES = Prepared(
    lambda _: sa.select(accounts.c.identity).where(
        accounts.c.platform == sa.bindparam("platform"), accounts.c.identity != ""
    )
)
_SENT = Prepared(
    lambda connection: sa.select(replies.c.remote_id).where(
        replies.c.account == sa.bindparam("account"), among(connection, replies.c.remote_id, "remote_ids")
    )
)
_PARENTS = Prepared(
    lambda connection: sa.select(mentions.c.id).where(
        mentions.c.platform == sa.bindparam("platform"),
        sa.literal_column("status = 'ours'"),
        among(connection, mentions.c.parent_id, "remote_ids"),
    )
)


class _Answer(NamedTuple):
    """A remark of ours as it stands at the network, and the number of the one that it answers."""

    account: str
    remote_id: str
    text: str
    url: str
    at: datetime
    mention_id: int


def identities(connection: Connection, platform: str) -> set[str]:
    """Return who our accounts on a platform are there, as far as that is known."""
    return {identity for (identity,) in _IDENTITIES.rows(connection, platform=platform)}


def among_these(connection: Connection, account: str, platform: str, items: Collection[Mention]) -> set[str]:
    """Return the remote ids of what our own accounts said, and of what the hub sent as an answer."""
    ourselves = identities(connection, platform)
    found = {item.remote_id for item in items if item.author is not None and item.author.remote_id in ourselves}
    sent = _SENT.rows(connection, account=account, remote_ids=[item.remote_id for item in items])
    return found | {remote_id for (remote_id,) in sent}


def link(connection: Connection, platform: str, fresh: Sequence[str], said: Collection[str]) -> None:
    """Note which remarks are answered, of new ones (remote ids, of which `said` are ours); in either order.

    An answer that the hub sent is known already; one that was written at the network by hand becomes one, and one
    of which no news came back is settled by being seen.
    """
    numbers = [number for (number,) in _PARENTS.rows(connection, platform=platform, remote_ids=list(fresh))]
    if said:
        query = sa.select(mentions.c.id).where(mentions.c.platform == platform, mentions.c.remote_id.in_(said))
        numbers += connection.execute(query).scalars()
    if numbers:
        for answer in _answers(connection, numbers):
            _keep(connection, answer)


def _answers(connection: Connection, numbers: Sequence[int]) -> list[_Answer]:
    above = mentions.alias()
    # What answers the post may answer a remark: a post of somebody's that names us.
    parent = sa.func.coalesce(mentions.c.parent_id, threads.c.remote_id)
    rows = connection.execute(
        sa.select(
            mentions.c.account,
            mentions.c.remote_id,
            mentions.c.text,
            mentions.c.url,
            mentions.c.sent_at,
            above.c.id,
        )
        .join(threads, threads.c.id == mentions.c.thread_id)
        .join(above, sa.and_(above.c.platform == mentions.c.platform, above.c.remote_id == parent))
        .where(mentions.c.id.in_(numbers), mentions.c.deleted_at.is_(None), above.c.status != "ours")
        .order_by(mentions.c.sent_at, mentions.c.id)
    )
    return [_Answer(*row) for row in rows]


def _keep(connection: Connection, answer: _Answer) -> None:
    sent = connection.execute(
        sa.select(replies.c.id).where(replies.c.account == answer.account, replies.c.remote_id == answer.remote_id)
    ).first()
    if sent is not None:
        return
    values = {"state": "published", "remote_id": answer.remote_id, "url": answer.url}
    lost = connection.execute(
        sa.select(replies.c.id, replies.c.text).where(
            replies.c.mention_id == answer.mention_id, replies.c.state.in_(("sending", "unknown"))
        )
    )
    same = [row.id for row in lost if row.text.split() == answer.text.split()]
    if same:
        connection.execute(replies.update().where(replies.c.id == same[0]).values(error="", **values))
    else:
        connection.execute(
            replies.insert().values(
                mention_id=answer.mention_id,
                account=answer.account,
                text=answer.text,
                error="",
                created_at=answer.at,
                by_name="",
                **values,
            )
        )
    note_answered(connection, answer.mention_id, None, answer.at)
    changes.note(connection, "replies", answer.mention_id)


def recognise(connection: Connection, platform: str, identity: str, ids: Sequence[int] | None = None) -> None:
    """Let what this identity said be ours: all of it, when the hub learns who an account is, or these mentions."""
    query = mentions.update().where(
        mentions.c.platform == platform, mentions.c.author_id == identity, mentions.c.status != "ours"
    )
    if ids is not None:
        query = query.where(mentions.c.id.in_(ids))
    rows = connection.execute(
        query.values(status="ours", assignee_id=None, snoozed_until=None).returning(mentions.c.id)
    )
    numbers = list(rows.scalars())
    for start in range(0, len(numbers), 500):
        for answer in _answers(connection, numbers[start : start + 500]):
            _keep(connection, answer)
