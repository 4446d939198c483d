"""Which threads were joined to which discussion, why, and what a person undid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.discussions import grounds
from hub.store.tables import joins, mentions, threads


class Join(NamedTuple):
    """A thread that was joined to a discussion. `by` is "" where the hub did it by itself."""

    id: int
    thread_id: int
    discussion_id: int
    from_discussion_id: int
    via: int | None
    kind: str
    template: str
    facts: str
    confidence: float
    was_polled: bool
    at: datetime
    by: str
    undone_at: datetime | None
    undone_by: str
    account: str
    url: str

    @property
    def name(self) -> str:
        """What a person calls it in a command."""
        return f"j{self.id}"

    @property
    def evidence(self) -> str:
        """Why, in the reader's language."""
        return grounds.said(self.template, self.facts)


# Of a thread that nobody gave an address, that of the remark at its root.
_ROOT = mentions.alias("root")
_JOINS = sa.select(
    *(joins.c[field] for field in Join._fields if field not in ("account", "url")),
    threads.c.account,
    sa.case((threads.c.url != "", threads.c.url), else_=sa.func.coalesce(_ROOT.c.url, "")),
).select_from(
    joins.join(threads, threads.c.id == joins.c.thread_id).outerjoin(
        _ROOT, sa.and_(_ROOT.c.thread_id == threads.c.id, _ROOT.c.remote_id == threads.c.remote_id)
    )
)


class NewJoin(NamedTuple):
    """A join to be made."""

    thread_id: int
    discussion_id: int
    from_discussion_id: int
    was_polled: bool
    kind: str
    template: str
    facts: Mapping[str, str]
    confidence: float
    by: str = ""
    via: int | None = None


def add(connection: Connection, new: NewJoin, now: datetime) -> int:
    """Write a join down and let the thread be of that discussion, and be read; return its number.

    One that stands is kept as it is. An undone one stays undone: this is another.
    """
    values: dict[str, Any] = {**new._asdict(), "facts": grounds.packed(new.facts), "at": now, "undone_by": ""}
    made = connection.execute(
        upsert(connection, joins).values(**values).on_conflict_do_nothing().returning(joins.c.id)
    ).scalar()
    connection.execute(
        threads.update()
        .where(threads.c.id == new.thread_id)
        .values(
            discussion_id=new.discussion_id,
            polled=True,
            next_poll_at=sa.func.coalesce(threads.c.next_poll_at, sa.literal(now, threads.c.next_poll_at.type)),
        )
    )
    if made is not None:
        return int(made)
    standing = sa.select(joins.c.id).where(
        joins.c.thread_id == new.thread_id,
        joins.c.discussion_id == new.discussion_id,
        joins.c.undone_at.is_(None),
    )
    return int(connection.execute(standing).scalar_one())


def was_undone(connection: Connection, thread_id: int, here: int, there: int) -> bool:
    """Tell whether a person said that a thread of discussion `here` does not belong to `there`, or the reverse."""
    theirs = sa.select(threads.c.id).where(threads.c.discussion_id == there)
    found = connection.execute(
        sa.select(joins.c.id)
        .where(
            joins.c.undone_at.is_not(None),
            sa.or_(
                sa.and_(joins.c.thread_id == thread_id, joins.c.discussion_id == there),
                sa.and_(joins.c.thread_id.in_(theirs), joins.c.discussion_id == here),
            ),
        )
        .limit(1)
    ).first()
    return found is not None


def get(connection: Connection, join_id: int) -> Join | None:
    row = connection.execute(_JOINS.where(joins.c.id == join_id)).first()
    return None if row is None else Join._make(row)


def of_discussion(connection: Connection, discussion_id: int) -> list[Join]:
    """Return all joins to a discussion, the undone ones too, oldest first."""
    rows = connection.execute(_JOINS.where(joins.c.discussion_id == discussion_id).order_by(joins.c.id))
    return [Join._make(row) for row in rows]


def came_in(connection: Connection, thread_id: int, discussion_id: int) -> bool:
    """Tell whether a thread belongs to a discussion by a join, and was not there from the first."""
    found = connection.execute(
        sa.select(joins.c.id).where(
            joins.c.thread_id == thread_id,
            joins.c.discussion_id == discussion_id,
            joins.c.undone_at.is_(None),
        )
    ).first()
    return found is not None


def joined_by_itself(connection: Connection, thread_id: int) -> bool:
    """Tell whether the hub reads a thread only because it joined it, and nobody asked for it."""
    rows = connection.execute(
        sa.select(joins.c.by, joins.c.was_polled).where(
            joins.c.thread_id == thread_id, joins.c.undone_at.is_(None)
        )
    ).all()
    return bool(rows) and not any(row.by or row.was_polled for row in rows)


def undo(connection: Connection, join: Join, by: str, now: datetime) -> None:
    """Say for good that a thread does not belong there, and put it back, with what came along with it."""
    along = connection.execute(
        _JOINS.where(joins.c.via == join.id, joins.c.undone_at.is_(None)).order_by(joins.c.id)
    ).all()
    for one in (join, *(Join._make(row) for row in along)):
        connection.execute(joins.update().where(joins.c.id == one.id).values(undone_at=now, undone_by=by))
        back = _before(connection, one)
        connection.execute(
            threads.update()
            .where(threads.c.id == one.thread_id, threads.c.discussion_id == one.discussion_id)
            .values(
                discussion_id=back,
                polled=one.was_polled,
                next_poll_at=threads.c.next_poll_at if one.was_polled else None,
            )
        )


def _before(connection: Connection, join: Join) -> int:
    """Return the discussion that a thread was in before a join; before those too that were undone since."""
    back, seen = join.from_discussion_id, {join.discussion_id}
    while back not in seen:
        seen.add(back)
        undone = connection.execute(
            sa.select(joins.c.from_discussion_id)
            .where(
                joins.c.thread_id == join.thread_id,
                joins.c.discussion_id == back,
                joins.c.undone_at.is_not(None),
                joins.c.id < join.id,
            )
            .order_by(joins.c.id.desc())
            .limit(1)
        ).scalar()
        if undone is None:
            return back
        back = undone
    return back
