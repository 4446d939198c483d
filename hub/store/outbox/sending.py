"""What a turn does with deliveries: what is due is begun, sent and finished, each attempt written down."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.outbox.deliveries import FIELDS, Delivery
from hub.store.prepared import Prepared
from hub.store.running.switches import STOP
from hub.store.tables import IN_DOUBT, accounts, attempts, deliveries, switches

_MOMENT = deliveries.c.updated_at.type


def due(connection: Connection, account: str, now: datetime, limit: int = 50) -> list[Delivery]:
    """Return what is to be sent, edited or deleted on an account by now, oldest first."""
    return [Delivery(*row) for row in _DUE.rows(connection, account=account, now=now, count=limit)]


def doubts_due(connection: Connection, account: str, now: datetime, limit: int = 50) -> list[Delivery]:
    """Return what is to be settled on an account by now, oldest first."""
    return [Delivery(*row) for row in _DOUBTS_DUE.rows(connection, account=account, now=now, count=limit)]


def _due(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(*FIELDS)
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
    lambda _: sa.select(*FIELDS).where(
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
        sa.select(*FIELDS).where(
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
