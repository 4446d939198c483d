"""Webhooks: the line of what each is to be told, the lease of who tells it, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.running.notices import RANK, URGENT_RANK
from hub.store.tables import notices, webhooks
from hub.webhooks import URGENT


class Notice(NamedTuple):
    """What one webhook is to be told of one event. `message` is the id that the receiver sees."""

    id: int
    hook: str
    message: str
    event: str
    body: str
    rank: int
    state: str
    attempts: int
    due_at: datetime
    error: str
    created_at: datetime


class Condition(NamedTuple):
    """How a webhook fares: `failures` in a row, and what the last one said."""

    name: str
    failures: int
    not_before: datetime | None
    error: str


_FIELDS = [notices.c[field] for field in Notice._fields]
# Spelt out: SQLite takes an index with a condition only where a query repeats it.
_QUEUED = notices.c.state == sa.literal_column("'queued'")
# A notice that failed steps behind all that did not, and keeps its place among those that did.
_STEP = RANK + 1


def register(connection: Connection, names: Iterable[str]) -> None:
    """Make rows for webhooks that have none."""
    known = set(connection.execute(sa.select(webhooks.c.name)).scalars())
    for name in names:
        if name not in known:
            connection.execute(
                upsert(connection, webhooks)
                .values(name=name, failures=0, error="", fence=0)
                .on_conflict_do_nothing()
            )


def due(connection: Connection, names: Sequence[str], now: datetime) -> list[str]:
    """Return the webhooks that something waits for, that are not left alone, and that nobody tells just now."""
    waiting = sa.exists().where(notices.c.hook == webhooks.c.name, _QUEUED, notices.c.due_at <= now)
    rows = connection.execute(sa.select(webhooks.c.name).where(webhooks.c.name.in_(names), *_free(now), waiting))
    return list(rows.scalars())


def claim(connection: Connection, name: str, now: datetime, until: datetime) -> int | None:
    """Take the webhook for one round; return the fencing token, or None if somebody has it."""
    found: int | None = connection.execute(
        webhooks.update()
        .where(webhooks.c.name == name, *_free(now))
        .values(fence=webhooks.c.fence + 1, lease_until=until)
        .returning(webhooks.c.fence)
    ).scalar()
    return found


def _free(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return tuple(
        sa.or_(moment.is_(None), moment <= now) for moment in (webhooks.c.lease_until, webhooks.c.not_before)
    )


def release(connection: Connection, name: str, fence: int, forget: datetime) -> None:
    """Give the webhook back, and forget what was sent before `forget`."""
    connection.execute(webhooks.update().where(*_held(name, fence)).values(lease_until=None))
    connection.execute(
        notices.delete().where(notices.c.hook == name, notices.c.state == "sent", notices.c.sent_at < forget)
    )


def head(connection: Connection, name: str, now: datetime) -> Notice | None:
    """Return the next notice of the line: failures first, then by age; those that failed before come last."""
    row = connection.execute(
        sa.select(*_FIELDS)
        .where(notices.c.hook == name, _QUEUED, notices.c.due_at <= now)
        .order_by(notices.c.rank, notices.c.id)
        .limit(1)
    ).first()
    return None if row is None else Notice(*row)


def note_sent(connection: Connection, notice: Notice, fence: int, now: datetime, until: datetime) -> bool:
    """Note that a notice was taken, and extend the lease; False if the lease was lost.

    The body is not kept: it holds what people said.
    """
    held = connection.execute(
        webhooks.update()
        .where(*_held(notice.hook, fence))
        .values(failures=0, not_before=None, error="", lease_until=until)
    )
    _end(connection, notice, state="sent", sent_at=now, error="", body="")
    return held.rowcount == 1


def note_failure(
    connection: Connection,
    notice: Notice,
    fence: int,
    error: str,
    *,
    dead: bool,
    due_at: datetime,
    not_before: datetime,
    step_back: bool,
    given_up: datetime,
) -> bool:
    """Note that a notice was not taken, and leave its webhook alone; False if the lease was lost.

    What waits since before `given_up` is dead with it.
    """
    held = connection.execute(
        webhooks.update()
        .where(*_held(notice.hook, fence))
        .values(failures=webhooks.c.failures + 1, not_before=not_before, error=error)
    )
    if held.rowcount != 1:
        return False
    rank = notice.rank + _STEP if step_back and notice.rank <= RANK else notice.rank
    _end(connection, notice, state="dead" if dead else "queued", due_at=due_at, error=error, rank=rank)
    connection.execute(
        notices.update()
        .where(notices.c.hook == notice.hook, _QUEUED, notices.c.queued_at <= given_up)
        .values(state="dead", error=sa.case((notices.c.error == "", error), else_=notices.c.error))
    )
    return True


def _end(connection: Connection, notice: Notice, **values: object) -> None:
    connection.execute(
        notices.update().where(notices.c.id == notice.id, _QUEUED).values(attempts=notice.attempts + 1, **values)
    )


def _held(name: str, fence: int) -> tuple[sa.ColumnElement[bool], ...]:
    return webhooks.c.name == name, webhooks.c.fence == fence


def conditions(connection: Connection) -> dict[str, Condition]:
    """Return how each webhook fares, also of those that hub.toml no longer names."""
    rows = connection.execute(
        sa.select(*(webhooks.c[field] for field in Condition._fields)).order_by(webhooks.c.name)
    )
    return {row.name: Condition(*row) for row in rows}


def failures(connection: Connection, name: str) -> int:
    return int(connection.execute(sa.select(webhooks.c.failures).where(webhooks.c.name == name)).scalar() or 0)


def count_by_state(connection: Connection) -> dict[str, dict[str, int]]:
    """Count each webhook's notices by state."""
    rows = connection.execute(
        sa.select(notices.c.hook, notices.c.state, sa.func.count()).group_by(notices.c.hook, notices.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for hook, state, count in rows:
        found.setdefault(hook, {})[state] = count
    return found


def dead(connection: Connection, limit: int) -> list[Notice]:
    """Return what was given up, newest first."""
    rows = connection.execute(
        sa.select(*_FIELDS).where(notices.c.state == "dead").order_by(notices.c.id.desc()).limit(limit)
    )
    return [Notice(*row) for row in rows]


def get(connection: Connection, notice_id: int) -> Notice | None:
    row = connection.execute(sa.select(*_FIELDS).where(notices.c.id == notice_id)).first()
    return None if row is None else Notice(*row)


def retry(connection: Connection, notice_id: int | None, now: datetime) -> int:
    """Put a notice that is dead or waits, or all that are dead, into the line anew, from now on.

    Their webhooks are no longer left alone. Returns how many there were.
    """
    hooks = connection.execute(
        notices.update()
        .where(*_chosen(notice_id))
        .values(
            state="queued",
            attempts=0,
            due_at=now,
            queued_at=now,
            rank=sa.case((notices.c.event.in_(URGENT), URGENT_RANK), else_=RANK),
        )
        .returning(notices.c.hook)
    ).scalars()
    found = list(hooks)
    connection.execute(
        webhooks.update().where(webhooks.c.name.in_(sorted(set(found)))).values(not_before=None, failures=0)
    )
    return len(found)


def drop(connection: Connection, notice_id: int | None, kept: Iterable[str] = ()) -> int:
    """Forget a notice that was not sent, or all that are dead or whose webhook is not among `kept`."""
    chosen = _chosen(notice_id)
    if notice_id is None:
        orphaned = sa.and_(notices.c.state == "queued", notices.c.hook.not_in(list(kept)))
        chosen = (sa.or_(*chosen, orphaned),)
    return connection.execute(notices.delete().where(*chosen)).rowcount


def _chosen(notice_id: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    if notice_id is None:
        return (notices.c.state == "dead",)
    return notices.c.id == notice_id, notices.c.state.in_(("dead", "queued"))
