"""Deliveries: the rows that make publishing exactly-once, and every attempt at them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.prepared import Prepared
from hub.store.tables import accounts, attempts, copies, deliveries, posts

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
    """Return what is due on an account, oldest first."""
    return [Delivery(*row) for row in _DUE.rows(connection, account=account, now=now, count=limit)]


_DUE = Prepared(
    lambda _: (
        sa.select(*_FIELDS)
        .where(deliveries.c.account == sa.bindparam("account"), deliveries.c.due_at <= sa.bindparam("now"))
        .order_by(deliveries.c.due_at, deliveries.c.post_id, deliveries.c.part)
        .limit(sa.bindparam("count", type_=sa.Integer()))
    )
)


def next_due(connection: Connection, account: str) -> datetime | None:
    found: datetime | None = _NEXT_DUE.rows(connection, account=account)[0][0]
    return found


_NEXT_DUE = Prepared(
    lambda _: sa.select(sa.func.min(deliveries.c.due_at)).where(deliveries.c.account == sa.bindparam("account"))
)


def left_sending(connection: Connection, account: str, fence: int) -> list[Delivery]:
    """Return deliveries that a former turn began to send and never finished: their outcome is unknown."""
    return [Delivery(*row) for row in _LEFT_SENDING.rows(connection, account=account, fence=fence)]


_LEFT_SENDING = Prepared(
    lambda _: sa.select(*_FIELDS).where(
        deliveries.c.account == sa.bindparam("account"),
        deliveries.c.state == "sending",
        deliveries.c.fence < sa.bindparam("fence"),
    )
)


def begin(
    connection: Connection, delivery: Delivery, fence: int, now: datetime, text: str | None, version: int
) -> int | None:
    """Note that the delivery is about to be sent; return the attempt's id.

    None if the turn's lease was taken or somebody else has it: then nothing may be sent.
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
_BEGIN_ATTEMPT = Prepared(
    lambda _: attempts.insert().values(outcome="started", detail="", request_id="").returning(attempts.c.id),
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


def end_attempt(connection: Connection, attempt_id: int, outcome: str, detail: str, request_id: str) -> None:
    _END_ATTEMPT.run(connection, at_id=attempt_id, outcome=outcome, detail=detail, request_id=request_id)


_END_ATTEMPT = Prepared(
    lambda _: attempts.update().where(attempts.c.id == sa.bindparam("at_id")),
    columns=("outcome", "detail", "request_id"),
)


def add_attempt(
    connection: Connection, delivery: Delivery, action: str, now: datetime, outcome: str, detail: str = ""
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


def taken_ids(connection: Connection, delivery: Delivery, since: datetime) -> frozenset[str]:
    """Return the remote ids on the account that belong to other deliveries touched since then.

    An edit may have given a copy a new id; the old ones count as well.
    """
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
    return frozenset(rows.scalars())


def unsettled(connection: Connection, account: str) -> list[Delivery]:
    """Return what may have been published on the account without the hub knowing."""
    rows = connection.execute(
        sa.select(*_FIELDS).where(
            deliveries.c.account == account,
            deliveries.c.action == "publish",
            deliveries.c.state.in_(("sending", "unknown", "asked")),
        )
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


def follow_change(connection: Connection, post_id: int, now: datetime) -> list[str]:
    """Let a changed or deleted post be followed by its copies; return the accounts that have work now.

    What was not sent yet is sent with the new content, or not at all. What may have been sent is looked at
    again when it is settled.
    """
    gone = connection.execute(sa.select(posts.c.deleted_at).where(posts.c.id == post_id)).scalar_one()
    if gone is not None:
        connection.execute(
            deliveries.update()
            .where(
                deliveries.c.post_id == post_id,
                deliveries.c.remote_id.is_(None),
                deliveries.c.state.in_(("queued", "waiting", "failed", "missed")),
            )
            .values(state="deleted", due_at=None, updated_at=now)
        )
    behind = _behind().where(deliveries.c.post_id == post_id).returning(deliveries.c.account)
    rows = connection.execute(behind, {"now": now})
    return sorted(set(rows.scalars()))


def catch_up(connection: Connection, delivery: Delivery, now: datetime) -> None:
    """Let a copy that was just published or settled follow what its post became meanwhile."""
    _CATCH_UP.run(connection, at_id=delivery.id, now=now)


def _behind() -> sa.Update:
    """The update that queues, `now`, an edit or a deletion for copies that do not say what their post says."""
    return (
        deliveries.update()
        .where(
            posts.c.id == deliveries.c.post_id,
            deliveries.c.remote_id.is_not(None),
            sa.or_(
                deliveries.c.state == "published",
                sa.and_(
                    sa.or_(deliveries.c.state == "queued", deliveries.c.state == "waiting"),
                    deliveries.c.action != "publish",
                ),
            ),
            sa.or_(posts.c.deleted_at.is_not(None), deliveries.c.version < posts.c.version),
        )
        .values(
            action=sa.case((posts.c.deleted_at.is_not(None), "delete"), else_="edit"),
            state="queued",
            due_at=sa.bindparam("now", type_=_MOMENT),
            attempts=0,
            error="",
            error_code="",
            updated_at=sa.bindparam("now", type_=_MOMENT),
        )
    )


_CATCH_UP = Prepared(lambda _: _behind().where(deliveries.c.id == sa.bindparam("at_id")))
