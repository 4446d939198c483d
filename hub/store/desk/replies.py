"""Our answers to mentions, written down before they are sent; and those that are given often."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.desk.work import note_answered
from hub.store.running import changes
from hub.store.running.switches import insert_unless_stopped
from hub.store.tables import mentions, replies, saved_replies
from hub.store.team.who import Who


class StoredReply(NamedTuple):
    """An answer of ours. `by` is "" for one that was written at the network, or before the hub knew who writes."""

    id: int
    mention_id: int
    account: str
    by: str
    text: str
    state: str
    remote_id: str | None
    url: str
    error: str
    at: datetime


class SavedReply(NamedTuple):
    """An answer that is given often. `text` may hold the names of `hub.discussions.desk.PLACES`."""

    id: int
    name: str
    text: str
    by: str
    updated_at: datetime


_FIELDS: list[Any] = [
    replies.c.id,
    replies.c.mention_id,
    replies.c.account,
    replies.c.by_name,
    replies.c.text,
    replies.c.state,
    replies.c.remote_id,
    replies.c.url,
    replies.c.error,
    replies.c.created_at,
]
# What may have reached the person who is answered.
_STANDS = replies.c.state != "failed"


def lock(connection: Connection, mention_id: int) -> None:
    """Let nobody else begin an answer to this mention before this transaction ends."""
    connection.execute(sa.select(mentions.c.id).where(mentions.c.id == mention_id).with_for_update())


def begin(
    connection: Connection,
    mention_id: int,
    account: str,
    text: str,
    now: datetime,
    by: Who | None = None,
    key: str | None = None,
) -> int:
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
        by_id=None if by is None else by.id,
        by_name="" if by is None else by.shown,
        key=key,
    )
    changes.note(connection, "replies", mention_id)
    return int(row.id)


def finish(connection: Connection, /, reply_id: int, by: Who | None = None, **values: Any) -> None:
    """Note what came of an answer. One that is out lets the mention wait for its author."""
    row = connection.execute(
        replies.update().where(replies.c.id == reply_id).values(**values).returning(*_FIELDS)
    ).one()
    reply = StoredReply(*row)
    if reply.state == "published":
        # The network may have shown it before it said that it took it.
        connection.execute(
            replies.delete().where(
                replies.c.account == reply.account,
                replies.c.remote_id == reply.remote_id,
                replies.c.id != reply.id,
            )
        )
        note_answered(connection, reply.mention_id, by, reply.at)
    changes.note(connection, "replies", reply.mention_id)


def of_mention(connection: Connection, mention_id: int) -> list[StoredReply]:
    """Return our answers to a mention, oldest first."""
    rows = connection.execute(sa.select(*_FIELDS).where(replies.c.mention_id == mention_id).order_by(replies.c.id))
    return [StoredReply(*row) for row in rows]


def newer_than(connection: Connection, mention_id: int, seen: int) -> StoredReply | None:
    """Return the newest answer after number `seen` that may have gone out."""
    row = connection.execute(
        sa.select(*_FIELDS)
        .where(replies.c.mention_id == mention_id, replies.c.id > seen, _STANDS)
        .order_by(replies.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else StoredReply(*row)


def of_key(connection: Connection, key: str) -> StoredReply | None:
    """Return the answer that a form was sent as; one that failed frees its form for another try."""
    connection.execute(replies.update().where(replies.c.key == key, ~_STANDS).values(key=None))
    row = connection.execute(sa.select(*_FIELDS).where(replies.c.key == key)).first()
    return None if row is None else StoredReply(*row)


def saved(connection: Connection) -> list[SavedReply]:
    """Return the answers that are given often, by name."""
    columns = saved_replies.c
    rows = connection.execute(
        sa.select(columns.id, columns.name, columns.text, columns.by_name, columns.updated_at).order_by(
            sa.func.lower(columns.name), columns.id
        )
    )
    return [SavedReply(*row) for row in rows]


def save(connection: Connection, name: str, text: str, by: Who, now: datetime) -> int:
    """Keep an answer under a name, in place of the one that there is."""
    values = {"text": text, "by_name": by.shown, "updated_at": now}
    row = connection.execute(
        upsert(connection, saved_replies)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
        .returning(saved_replies.c.id)
    ).one()
    return int(row.id)


def forget(connection: Connection, saved_id: int) -> bool:
    """Forget a saved answer; False if there was none."""
    return connection.execute(saved_replies.delete().where(saved_replies.c.id == saved_id)).rowcount == 1
