"""Deliveries: the rows that make publishing exactly-once, and every attempt at them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.prepared import Prepared
from hub.store.switches import STOP
from hub.store.tables import IN_DOUBT, accounts, attempts, copies, deliveries, posts, switches

OPEN = ("queued", "waiting", "sending", "unknown")
"""States that the hub itself will leave."""

ATTENTION = ("asked", "failed", "missed")
"""States that a person must look at."""


class Delivery(NamedTuple):
    id: int
    post_id: int
    account: str
    part: int
    action: str
    state: str
    due_at: datetime | None
    version: int
    text: str | None
    attempts: int
    first_attempt_at: datetime | None
    looked: int
    resend: bool
    fence: int
    remote_id: str | None
    url: str
    error_code: str
    error: str
    updated_at: datetime


# What went out before may bear a later time than our attempt: the look has its tolerance, and clocks are wrong.
_CLOCK_TROUBLE = timedelta(days=1)
_FIELDS = [deliveries.c[field] for field in Delivery._fields]
_MOMENT = deliveries.c.updated_at.type


def add(
    connection: Connection,
    post_id: int,
    account: str,
    now: datetime,
    *,
    part: int = 0,
    due_at: datetime | None,
    state: str = "queued",
    text: str | None = None,
    version: int = 0,
    error: str = "",
) -> bool:
    """Make a delivery; False if that part of the post has one for the account already."""
    inserted = connection.execute(
        upsert(connection, deliveries)
        .values(
            post_id=post_id,
            account=account,
            part=part,
            action="publish",
            state=state,
            due_at=due_at,
            version=version,
            text=text,
            attempts=0,
            looked=0,
            resend=False,
            fence=0,
            url="",
            error_code="" if not error else state,
            error=error,
            updated_at=now,
        )
        .on_conflict_do_nothing(index_elements=["post_id", "account", "part"])
        .returning(deliveries.c.id)
    ).first()
    return inserted is not None


def due(connection: Connection, account: str, now: datetime, limit: int = 50) -> list[Delivery]:
    """Return what is to be sent, edited or deleted on an account by now, oldest first."""
    return [Delivery(*row) for row in _DUE.rows(connection, account=account, now=now, count=limit)]


def doubts_due(connection: Connection, account: str, now: datetime, limit: int = 50) -> list[Delivery]:
    """Return what is to be settled on an account by now, oldest first."""
    return [Delivery(*row) for row in _DOUBTS_DUE.rows(connection, account=account, now=now, count=limit)]


def _due(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(*_FIELDS)
        .where(
            deliveries.c.account == sa.bindparam("account"),
            deliveries.c.due_at <= sa.bindparam("now"),
            *conditions,
        )
        .order_by(deliveries.c.due_at, deliveries.c.post_id, deliveries.c.part)
        .limit(sa.bindparam("count", type_=sa.Integer()))
    )


_DUE = Prepared(lambda _: _due(deliveries.c.state != "unknown"))
_DOUBTS_DUE = Prepared(lambda _: _due(IN_DOUBT, deliveries.c.state == "unknown"))


def next_due(connection: Connection, account: str) -> datetime | None:
    """Return when there is something to do on an account."""
    found: datetime | None = _NEXT_DUE.rows(connection, account=account)[0][0]
    return found


def next_doubt(connection: Connection, account: str) -> datetime | None:
    """Return when there is something to settle on an account."""
    found: datetime | None = _NEXT_DOUBT.rows(connection, account=account)[0][0]
    return found


def _earliest(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(sa.func.min(deliveries.c.due_at)).where(
        deliveries.c.account == sa.bindparam("account"), *conditions
    )


_NEXT_DUE = Prepared(lambda _: _earliest())
_NEXT_DOUBT = Prepared(lambda _: _earliest(IN_DOUBT, deliveries.c.state == "unknown"))


def left_sending(connection: Connection, account: str, fence: int) -> list[Delivery]:
    """Return deliveries that a former turn began to send and never finished: their outcome is unknown."""
    return [Delivery(*row) for row in _LEFT_SENDING.rows(connection, account=account, fence=fence)]


_LEFT_SENDING = Prepared(
    lambda _: sa.select(*_FIELDS).where(
        deliveries.c.account == sa.bindparam("account"),
        IN_DOUBT,
        deliveries.c.state == "sending",
        deliveries.c.fence < sa.bindparam("fence"),
    )
)


def begin(
    connection: Connection, delivery: Delivery, fence: int, now: datetime, text: str | None, version: int
) -> int | None:
    """Note that the delivery is about to be sent; return the attempt's id.

    None if the turn's lease was taken, somebody else has it, or the hub was stopped: then nothing may be sent.
    """
    changed = _BEGIN.run(
        connection,
        at_id=delivery.id,
        at_account=delivery.account,
        at_state=delivery.state,
        at_attempts=delivery.attempts,
        at_fence=fence,
        now=now,
        text=text,
        version=version,
    )
    if changed == 0:
        return None
    ((attempt,),) = _BEGIN_ATTEMPT.rows(
        connection, delivery_id=delivery.id, number=delivery.attempts + 1, action=delivery.action, at=now
    )
    return int(attempt)


_BEGIN = Prepared(
    lambda _: (
        deliveries.update()
        .where(
            deliveries.c.id == sa.bindparam("at_id"),
            deliveries.c.state == sa.bindparam("at_state"),
            deliveries.c.attempts == sa.bindparam("at_attempts"),
            sa.select(accounts.c.fence).where(accounts.c.name == sa.bindparam("at_account")).scalar_subquery()
            == sa.bindparam("at_fence"),
            # In this statement, so that a stop takes hold between two posts of a turn.
            ~sa.exists().where(switches.c.name == STOP),
        )
        .values(
            state="sending",
            fence=sa.bindparam("at_fence"),
            attempts=deliveries.c.attempts + 1,
            first_attempt_at=sa.func.coalesce(deliveries.c.first_attempt_at, sa.bindparam("now", type_=_MOMENT)),
            due_at=None,
            updated_at=sa.bindparam("now", type_=_MOMENT),
        )
    ),
    columns=("text", "version"),
)
_NOTHING_YET = {"detail": "", "request_id": "", "answer": "", "next_at": None}
_BEGIN_ATTEMPT = Prepared(
    lambda _: attempts.insert().values(**_NOTHING_YET, outcome="started").returning(attempts.c.id),
    columns=("delivery_id", "number", "action", "at"),
)


def finish(connection: Connection, delivery_id: int, fence: int, now: datetime, **values: Any) -> bool:
    """Write what became of a delivery; False, and nothing is changed, if the turn no longer holds it."""
    finishing = _finishing(tuple(values))
    return finishing.run(connection, at_id=delivery_id, at_fence=fence, updated_at=now, **values) == 1


@functools.cache
def _finishing(columns: tuple[str, ...]) -> Prepared:
    return Prepared(
        lambda _: deliveries.update().where(
            deliveries.c.id == sa.bindparam("at_id"), deliveries.c.fence == sa.bindparam("at_fence")
        ),
        columns=("updated_at", *columns),
    )


def take(connection: Connection, delivery: Delivery, fence: int) -> bool:
    """Put a delivery that is not being sent under this turn's fence, so that it may `finish` it."""
    held = sa.select(accounts.c.fence).where(accounts.c.name == delivery.account).scalar_subquery()
    changed = connection.execute(
        deliveries.update()
        .where(
            deliveries.c.id == delivery.id,
            deliveries.c.state == delivery.state,
            deliveries.c.fence == delivery.fence,
            held == fence,
        )
        .values(fence=fence)
    )
    return changed.rowcount == 1


def end_attempt(
    connection: Connection,
    attempt_id: int,
    outcome: str,
    detail: str,
    request_id: str,
    answer: str,
    next_at: datetime | None = None,
) -> None:
    """Note what came back (the class of the `answer`), what was decided, and when it goes on."""
    _END_ATTEMPT.run(
        connection,
        at_id=attempt_id,
        outcome=outcome,
        detail=detail,
        request_id=request_id,
        answer=answer,
        next_at=next_at,
    )


_END_ATTEMPT = Prepared(
    lambda _: attempts.update().where(attempts.c.id == sa.bindparam("at_id")),
    columns=("outcome", "detail", "request_id", "answer", "next_at"),
)


def add_attempt(
    connection: Connection,
    delivery: Delivery,
    action: str,
    now: datetime,
    outcome: str,
    detail: str = "",
    *,
    answer: str = "",
    next_at: datetime | None = None,
) -> None:
    """Note something that was done about a delivery other than sending it."""
    connection.execute(
        attempts.insert().values(
            delivery_id=delivery.id,
            number=delivery.attempts,
            action=action,
            at=now,
            outcome=outcome,
            detail=detail,
            request_id="",
            answer=answer,
            next_at=next_at,
        )
    )


def part_before(connection: Connection, delivery: Delivery) -> Delivery | None:
    """Return the part of the thread that this one answers."""
    if delivery.part == 0:
        return None
    row = connection.execute(
        sa.select(*_FIELDS).where(
            deliveries.c.post_id == delivery.post_id,
            deliveries.c.account == delivery.account,
            deliveries.c.part == delivery.part - 1,
        )
    ).first()
    return None if row is None else Delivery(*row)


def release_next_part(connection: Connection, delivery: Delivery, now: datetime) -> None:
    """Let the part of the thread that follows a published one be sent."""
    _RELEASE.run(
        connection, at_post=delivery.post_id, at_account=delivery.account, at_part=delivery.part + 1, due_at=now
    )


_RELEASE = Prepared(
    lambda _: deliveries.update().where(
        deliveries.c.post_id == sa.bindparam("at_post"),
        deliveries.c.account == sa.bindparam("at_account"),
        deliveries.c.part == sa.bindparam("at_part"),
        deliveries.c.state == "queued",
        deliveries.c.due_at.is_(None),
    ),
    columns=("due_at",),
)


def get(connection: Connection, delivery_id: int) -> Delivery | None:
    row = connection.execute(sa.select(*_FIELDS).where(deliveries.c.id == delivery_id)).first()
    return None if row is None else Delivery(*row)


def of_posts(connection: Connection, post_ids: Iterable[int]) -> dict[int, list[Delivery]]:
    """Return all deliveries of some posts, by post."""
    rows = connection.execute(
        sa.select(*_FIELDS)
        .where(deliveries.c.post_id.in_(list(post_ids)))
        .order_by(deliveries.c.post_id, deliveries.c.id)
    )
    found: dict[int, list[Delivery]] = {}
    for row in rows:
        found.setdefault(row.post_id, []).append(Delivery(*row))
    return found


def posts_in_state(connection: Connection, state: str, limit: int) -> list[int]:
    """Return the newest posts that have a delivery in this state."""
    rows = connection.execute(
        sa.select(deliveries.c.post_id)
        .where(deliveries.c.state == state)
        .group_by(deliveries.c.post_id)
        .order_by(deliveries.c.post_id.desc())
        .limit(limit)
    )
    return list(rows.scalars())


def in_state(connection: Connection, post_id: int, state: str) -> set[int]:
    """Return the numbers of a post's deliveries that are in a state."""
    rows = connection.execute(
        sa.select(deliveries.c.id).where(deliveries.c.post_id == post_id, deliveries.c.state == state)
    )
    return set(rows.scalars())


def set_state(
    connection: Connection, delivery_id: int, expected: Sequence[str], now: datetime, **values: Any
) -> bool:
    """Change a delivery that is in one of the expected states, whoever's turn it is."""
    changed = connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(expected))
        .values(updated_at=now, **values)
    )
    return changed.rowcount == 1


def move(connection: Connection, post_id: int, due_at: datetime, now: datetime) -> list[str]:
    """Let what was never tried of a post be sent at another time; return the accounts where that is so."""
    rows = connection.execute(
        deliveries.update()
        .where(
            deliveries.c.post_id == post_id,
            deliveries.c.part == 0,
            deliveries.c.action == "publish",
            deliveries.c.state == "queued",
            deliveries.c.first_attempt_at.is_(None),
        )
        .values(due_at=due_at, error="", error_code="", updated_at=now)
        .returning(deliveries.c.account)
    )
    return sorted(rows.scalars())


def taken_ids(connection: Connection, delivery: Delivery, since: datetime) -> frozenset[str]:
    """Return the remote ids on the account that are known, since then or shortly before, to be something else.

    They belong to other deliveries, or were written there by hand. An edit may have given a copy a new id; the
    old ones count as well.
    """
    since -= _CLOCK_TROUBLE
    other = sa.and_(
        deliveries.c.post_id == copies.c.post_id,
        deliveries.c.account == copies.c.account,
        deliveries.c.part == copies.c.part,
    )
    rows = connection.execute(
        sa.select(copies.c.remote_id)
        .join(deliveries, other)
        .where(
            deliveries.c.account == delivery.account,
            deliveries.c.id != delivery.id,
            deliveries.c.remote_id.is_not(None),
            deliveries.c.updated_at >= since,
        )
    )
    origins = connection.execute(
        sa.select(copies.c.remote_id)
        .join(posts, posts.c.id == copies.c.post_id)
        .where(copies.c.account == delivery.account, copies.c.origin, posts.c.created_at >= since)
    )
    return frozenset(rows.scalars()) | frozenset(origins.scalars())


def unsettled(connection: Connection, account: str) -> list[Delivery]:
    """Return what may have been published on the account without the hub knowing."""
    rows = connection.execute(
        sa.select(*_FIELDS).where(deliveries.c.account == account, deliveries.c.action == "publish", IN_DOUBT)
    )
    return [Delivery(*row) for row in rows]


def attempts_of(connection: Connection, delivery_ids: Iterable[int]) -> list[dict[str, Any]]:
    rows = connection.execute(
        sa.select(attempts).where(attempts.c.delivery_id.in_(list(delivery_ids))).order_by(attempts.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def count_by_state(connection: Connection) -> dict[str, int]:
    rows = connection.execute(sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state))
    return dict(rows.all())
