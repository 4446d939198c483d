"""Lets copies follow their post: what an edit or a withdrawal asks of its deliveries."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.outbox.deliveries import Delivery
from hub.store.prepared import Prepared
from hub.store.tables import deliveries, posts

_MOMENT = deliveries.c.updated_at.type


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
