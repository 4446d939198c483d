"""What health is told by: how much waits, since when, how large it all is."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import IN_DOUBT, accounts, activities, deliveries, jobs, mentions, runs, threads
from hub.store.tables.activities import ASKED


class Queue(NamedTuple):
    """What waits to be sent on an account: how much, and since when the oldest of it is due.

    `asked` is for a person to settle: deliveries, and in a CRM activities.
    """

    depth: int = 0
    oldest: datetime | None = None
    doubts: int = 0
    asked: int = 0


class Job(NamedTuple):
    """One kind of an account's work: when it is due, and when it was done last."""

    account: str
    kind: str
    due_at: datetime
    last_run_at: datetime | None


class Lag(NamedTuple):
    """An account whose work is due: since when, and whether its turn is under way."""

    account: str
    due_at: datetime
    running: bool


def lags(connection: Connection, now: datetime, most: int | None = None) -> list[Lag]:
    """Return the accounts whose work is due, the longest overdue first; none that is paused or left alone."""
    since = sa.func.min(jobs.c.due_at)
    held = sa.func.max(sa.case((accounts.c.lease_until > now, 1), else_=0))
    rows = connection.execute(
        sa.select(jobs.c.account, since, held)
        .join(accounts, accounts.c.name == jobs.c.account)
        .where(
            jobs.c.due_at <= now,
            accounts.c.state == "active",
            sa.or_(accounts.c.not_before.is_(None), accounts.c.not_before <= now),
        )
        .group_by(jobs.c.account)
        .order_by(since, jobs.c.account)
        .limit(most)
    )
    return [Lag(account, due_at, bool(running)) for account, due_at, running in rows]


def queues(connection: Connection) -> dict[str, Queue]:
    """Return what waits, by account."""
    waiting = connection.execute(
        sa.select(deliveries.c.account, sa.func.count(), sa.func.min(deliveries.c.due_at))
        .where(deliveries.c.due_at.is_not(None))
        .group_by(deliveries.c.account)
    )
    found = {account: Queue(depth, oldest) for account, depth, oldest in waiting}
    doubts = connection.execute(
        sa.select(deliveries.c.account, deliveries.c.state, sa.func.count())
        .where(IN_DOUBT)
        .group_by(deliveries.c.account, deliveries.c.state)
    )
    for account, state, count in doubts:
        queue = found.get(account, Queue())
        if state == "asked":
            found[account] = queue._replace(asked=count)
        elif state == "unknown":
            found[account] = queue._replace(doubts=count)
    told = sa.select(activities.c.account, sa.func.count()).where(ASKED).group_by(activities.c.account)
    for account, count in connection.execute(told):
        queue = found.get(account, Queue())
        found[account] = queue._replace(asked=queue.asked + count)
    return found


def all_jobs(connection: Connection) -> list[Job]:
    rows = connection.execute(sa.select(*(jobs.c[field] for field in Job._fields)))
    return [Job(*row) for row in rows]


def threads_overdue(connection: Connection, now: datetime) -> dict[str, int]:
    """Count the threads that are to be looked at by now, by account."""
    rows = connection.execute(
        sa.select(threads.c.account, sa.func.count())
        .where(threads.c.polled, threads.c.next_poll_at <= now)
        .group_by(threads.c.account)
    )
    return dict(rows.all())


def failed_runs(connection: Connection, since: datetime) -> dict[str, int]:
    """Count the turns since then that went wrong, by account."""
    rows = connection.execute(
        sa.select(runs.c.account, sa.func.count())
        .where(runs.c.outcome == "failed", runs.c.ended_at >= since)
        .group_by(runs.c.account)
    )
    return dict(rows.all())


def fences(connection: Connection) -> dict[str, int]:
    """Return how many turns each account has had since it is known."""
    return dict(connection.execute(sa.select(accounts.c.name, accounts.c.fence)).all())


def newest_mention(connection: Connection) -> int:
    """Return the highest number that a mention has, which is how many were ever stored."""
    return int(connection.execute(sa.select(sa.func.max(mentions.c.id))).scalar() or 0)


def database_bytes(connection: Connection) -> int:
    """Return the size of the database, without what SQLite keeps in its log."""
    if connection.dialect.name == "sqlite":
        pages = int(connection.execute(sa.text("PRAGMA page_count")).scalar_one())
        return pages * int(connection.execute(sa.text("PRAGMA page_size")).scalar_one())
    return int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())
