"""What each of the team has read, and who is answering what just now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks, upsert
from hub.store.running import changes
from hub.store.tables import claims, mentions, readers, reads, saved_views
from hub.store.team.who import Person, Who

# So many mentions are looked at, at a time, when what was read one by one is folded into one number.
_FOLD = 1000


class Claim(NamedTuple):
    """Who is answering a mention, and until when nobody else should."""

    mention_id: int
    by: Person
    until: datetime


class View(NamedTuple):
    """A query that somebody keeps under a name."""

    id: int
    name: str
    query: str


def read_to(connection: Connection, user: int) -> int:
    """Return the number up to which somebody has read everything, but for what is marked unread."""
    return connection.execute(sa.select(readers.c.read_to).where(readers.c.user_id == user)).scalar() or 0


def unread_of(connection: Connection, ids: Sequence[int], user: int) -> set[int]:
    """Return which of these mentions somebody has not read."""
    reach = read_to(connection, user)
    rows = connection.execute(
        sa.select(reads.c.mention_id, reads.c.unread).where(reads.c.user_id == user, reads.c.mention_id.in_(ids))
    )
    marks = {number: unread for number, unread in rows}  # noqa: C416  # rows are no pairs to mypy
    return {number for number in ids if marks.get(number, number > reach)}


def mark(connection: Connection, ids: Sequence[int], user: int, *, unread: bool) -> None:
    """Note that somebody has read these mentions, or wants them to count as unread."""
    reach = read_to(connection, user)
    for some in chunks(ids):
        connection.execute(reads.delete().where(reads.c.user_id == user, reads.c.mention_id.in_(some)))
        # Only what differs from the number is kept.
        source = sa.select(sa.literal(user), mentions.c.id, sa.literal(unread)).where(
            mentions.c.id.in_(some), mentions.c.id <= reach if unread else mentions.c.id > reach
        )
        connection.execute(reads.insert().from_select(["user_id", "mention_id", "unread"], source))
    if not unread:
        _fold(connection, user, reach)
    changes.note(connection, "desk", ids[0] if len(ids) == 1 else 0)


def read_all(connection: Connection, user: int) -> None:
    """Note that somebody has read everything that there is."""
    newest = connection.execute(sa.select(sa.func.max(mentions.c.id))).scalar() or 0
    connection.execute(reads.delete().where(reads.c.user_id == user))
    _reach(connection, user, newest)
    changes.note(connection, "desk")


def _fold(connection: Connection, user: int, reach: int) -> None:
    """Let the number say what it can: a list of what is unread then costs what is unread, not what was read."""
    is_read = sa.exists().where(reads.c.user_id == user, reads.c.mention_id == mentions.c.id, ~reads.c.unread)
    rows = connection.execute(
        sa.select(mentions.c.id, sa.or_(mentions.c.status == "ours", is_read))
        .where(mentions.c.id > reach)
        .order_by(mentions.c.id)
        .limit(_FOLD)
    )
    reached = reach
    for number, passed in rows:
        if not passed:
            break
        reached = number
    if reached > reach:
        _reach(connection, user, reached)
        connection.execute(
            reads.delete().where(
                reads.c.user_id == user, ~reads.c.unread, reads.c.mention_id.between(reach + 1, reached)
            )
        )


def _reach(connection: Connection, user: int, number: int) -> None:
    connection.execute(
        upsert(connection, readers)
        .values(user_id=user, read_to=number)
        .on_conflict_do_update(index_elements=["user_id"], set_={"read_to": number})
    )


def claim(connection: Connection, mention_id: int, by: Who, now: datetime, until: datetime) -> Claim:
    """Take a mention for answering, or go on with it; return who holds it, which may be somebody else."""
    insert = upsert(connection, claims).values(mention_id=mention_id, by_id=by.id, by_name=by.shown, until=until)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["mention_id"],
            set_={name: insert.excluded[name] for name in ("by_id", "by_name", "until")},
            where=sa.or_(claims.c.by_id == by.id, claims.c.until <= now),
        )
    )
    held = holder(connection, mention_id, now)
    assert held is not None
    if held.by.id == by.id:
        changes.note(connection, "claims", mention_id)
    return held


def holder(connection: Connection, mention_id: int, now: datetime) -> Claim | None:
    """Return who is answering a mention."""
    row = connection.execute(
        sa.select(claims).where(claims.c.mention_id == mention_id, claims.c.until > now)
    ).first()
    return None if row is None else Claim(row.mention_id, Person(row.by_id, row.by_name), row.until)


def release(connection: Connection, mention_id: int, user: int) -> None:
    """Let somebody's claim go, if it is theirs."""
    freed = connection.execute(claims.delete().where(claims.c.mention_id == mention_id, claims.c.by_id == user))
    if freed.rowcount:
        changes.note(connection, "claims", mention_id)


def views(connection: Connection, user: int) -> list[View]:
    """Return the queries that somebody keeps, by name."""
    columns = saved_views.c
    rows = connection.execute(
        sa.select(columns.id, columns.name, columns.query)
        .where(columns.user_id == user)
        .order_by(sa.func.lower(columns.name), columns.id)
    )
    return [View(*row) for row in rows]


def save_view(connection: Connection, user: int, name: str, query: str) -> int:
    """Keep a query under a name, in place of the one that there is."""
    row = connection.execute(
        upsert(connection, saved_views)
        .values(user_id=user, name=name, query=query)
        .on_conflict_do_update(index_elements=["user_id", "name"], set_={"query": query})
        .returning(saved_views.c.id)
    ).one()
    return int(row.id)


def forget_view(connection: Connection, user: int, view_id: int) -> bool:
    """Forget one of somebody's own views; False if it is not theirs or not there."""
    gone = connection.execute(
        saved_views.delete().where(saved_views.c.user_id == user, saved_views.c.id == view_id)
    )
    return gone.rowcount == 1
