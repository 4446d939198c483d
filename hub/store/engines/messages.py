"""Messages that an account is due, in the queue of Procrastinate; only hints, for the rows are the truth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from hub.store.engines.scripts import SCHEMA
from hub.store.tables import accounts

MOST = 1000
"""So many messages are queued at once, and later looks find the rest: each takes a lock until the commit, and
PostgreSQL has room for some thousands."""

# By the class of this number and a hash of the account: who queues a message for it just now.
_CLASS = 4857395

_queued = sa.table(
    "procrastinate_jobs",
    *(
        sa.column(name)
        for name in ("id", "queue_name", "task_name", "queueing_lock", "args", "status", "worker_id")
    ),
    schema=SCHEMA,
)
_workers = sa.table("procrastinate_workers", sa.column("id"), sa.column("last_heartbeat"), schema=SCHEMA)
_WAITS = _queued.c.status == sa.literal_column("'todo'")
_TAKEN = _queued.c.status == sa.literal_column("'doing'")


def put(connection: Connection, queue: str, task: str, names: Sequence[str], now: datetime) -> int:
    """Queue a message for each of these accounts that has none waiting and that nobody works on; return how many.

    At most `MOST` are looked at. In the caller's transaction: if that is rolled back, nothing was queued.
    """
    if not names:
        return 0
    values = {"queue": queue, "task": task, "names": list(names[:MOST]), "now": now}
    return connection.execute(_PUT, values).rowcount


def reap(connection: Connection, queues: Sequence[str], silence: timedelta) -> int:
    """Drop the messages that a worker took before it fell silent for so long; return how many.

    Their accounts are not lost: when the lease of such a turn is over, the rows say that the account is due.
    """
    return connection.execute(_REAP, {"queues": list(queues), "silence": silence}).rowcount


def ready(connection: Connection, queues: Sequence[str]) -> int:
    """Count the messages that wait for a worker."""
    return int(connection.execute(_READY, {"queues": list(queues)}).scalar() or 0)


def _put() -> sa.Insert:
    """Build the statement of `put`.

    It does without Procrastinate's own function, which fails as a whole if one of many is queued already. Two that
    would queue the same account at once do not wait for each other, and so cannot come into each other's way in
    any order: one leaves it to the other. If that one is rolled back, the next look at the rows finds the account.
    """
    text = sa.Text()
    queue = sa.bindparam("queue", type_=text)
    given = (
        sa.func.unnest(sa.bindparam("names", type_=sa.ARRAY(text)))
        .table_valued("name", with_ordinality="place")
        .render_derived("given")
    )
    lock = queue + ":" + given.c.name
    # First who is free, then the locks: a condition on both could be looked at in any order.
    free = (
        sa.select(accounts.c.name, given.c.place, lock.label("lock"))
        .join_from(given, accounts, accounts.c.name == given.c.name)
        .where(
            accounts.c.state == "active",
            sa.or_(accounts.c.lease_until.is_(None), accounts.c.lease_until <= sa.bindparam("now")),
            ~sa.exists().where(_queued.c.queueing_lock == lock, _WAITS),
        )
        .cte("free")
        .prefix_with("MATERIALIZED")
    )
    messages = (
        sa.select(
            queue,
            sa.bindparam("task", type_=text),
            free.c.lock,
            sa.func.jsonb_build_object("account", free.c.name),
        )
        .where(sa.func.pg_try_advisory_xact_lock(_CLASS, sa.func.hashtext(free.c.name)))
        .order_by(free.c.place)
    )
    return (
        postgresql.insert(_queued)
        .from_select(["queue_name", "task_name", "queueing_lock", "args"], messages)
        .on_conflict_do_nothing(index_elements=["queueing_lock"], index_where=sa.text("status = 'todo'"))
        .execution_options(preserve_rowcount=True)
    )


def _of_dead_workers() -> sa.Select[tuple[int]]:
    """Select the messages that a worker took and did not end, when it gives no sign of life."""
    silence = sa.bindparam("silence", type_=sa.Interval())
    return (
        sa.select(_queued.c.id)
        .join_from(_queued, _workers, _workers.c.id == _queued.c.worker_id, isouter=True)
        .where(
            _TAKEN,
            _queued.c.queue_name.in_(sa.bindparam("queues", expanding=True)),
            sa.or_(_workers.c.id.is_(None), _workers.c.last_heartbeat < sa.func.clock_timestamp() - silence),
        )
        .with_for_update(of=_queued, skip_locked=True)
    )


_PUT = _put()
_REAP = _queued.delete().where(_queued.c.id.in_(_of_dead_workers()))
_READY = (
    sa.select(sa.func.count())
    .select_from(_queued)
    .where(_WAITS, _queued.c.queue_name.in_(sa.bindparam("queues", expanding=True)))
)
