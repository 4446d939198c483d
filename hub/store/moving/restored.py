"""Marks in a backup that is put back what may have been done since it was made, by rows that it does not have.

A backup does not know what went out after it. So what was due by now is in doubt, and the hub looks for it; what
no look finds a person decides. What appeared on a source, or was said, before now and is seen only now is in doubt
too, and is told to no CRM: bookmarks, digests and rules remember when that was.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.moving.carrying import LEFT_BEHIND
from hub.store.running import switches
from hub.store.tables import (
    accounts,
    activities,
    activity_rules,
    cursors,
    deliveries,
    digest_lines,
    digests,
    metadata,
    post_versions,
    posts,
    secrets,
    webhooks,
)

_WHY = "it was due before the database was restored from a backup, and may be out"
# A process that does not know of the restore holds a lease of before; no turn to come may bear its number.
_BEYOND = 1_000_000


class Doubts(NamedTuple):
    """How many deliveries, comments and things to tell a CRM may have been done since the backup was made."""

    deliveries: int
    comments: int
    activities: int


def forget_processes(connection: Connection) -> None:
    """Let nobody be at work on the database, and no turn to come be taken for one of before."""
    nobody = {"lease_owner": "", "lease_until": None}
    connection.execute(accounts.update().values(fence=accounts.c.fence + _BEYOND, **nobody))
    connection.execute(secrets.update().values(**nobody))
    connection.execute(webhooks.update().values(fence=webhooks.c.fence + _BEYOND, lease_until=None))
    for name in LEFT_BEHIND:
        connection.execute(metadata.tables[name].delete())


def doubt(connection: Connection, now: datetime, reason: str) -> Doubts:
    """Put in doubt what may have been done since the backup was made, and stop the hub for that `reason`."""
    for table in (cursors, digests, activity_rules):
        connection.execute(table.update().values(restored_at=now))
    found = Doubts(_deliveries(connection, now), _comments(connection, now), _activities(connection, now))
    switches.stop(connection, reason, "hub db restore", now)
    return found


def _deliveries(connection: Connection, now: datetime) -> int:
    """What was due is looked for, with all its parts: nothing says how many of them went out."""
    post = sa.select(posts.c.text, posts.c.version).where(posts.c.id == deliveries.c.post_id)
    text, version = (
        post.with_only_columns(column).scalar_subquery() for column in (posts.c.text, posts.c.version)
    )
    own = sa.select(post_versions.c.text).where(
        post_versions.c.post_id == deliveries.c.post_id, post_versions.c.account == deliveries.c.account
    )
    first = deliveries.alias()
    begun = (
        sa.select(first.c.id)
        .where(
            first.c.post_id == deliveries.c.post_id,
            first.c.account == deliveries.c.account,
            first.c.part == 0,
            first.c.state.in_(("published", "sending", "unknown", "asked")),
        )
        .exists()
    )
    waits = sa.and_(
        deliveries.c.action == "publish",
        deliveries.c.state.in_(("queued", "waiting")),
        deliveries.c.remote_id.is_(None),
    )
    changed = 0
    # The parts after the first ones, which by then are in doubt.
    for which in (
        deliveries.c.due_at <= now,
        sa.and_(deliveries.c.due_at.is_(None), deliveries.c.part > 0, begun),
    ):
        changed += connection.execute(
            deliveries.update()
            .where(waits, which)
            .values(
                state="unknown",
                text=sa.func.coalesce(deliveries.c.text, own.scalar_subquery(), text),
                version=version,
                first_attempt_at=sa.func.coalesce(
                    deliveries.c.first_attempt_at, deliveries.c.due_at, deliveries.c.updated_at
                ),
                due_at=now,
                # Nothing here says that it was sent: if it is not found, a person decides.
                attempts=0,
                looked=0,
                resend=False,
                error=_WHY,
                error_code="unknown",
                updated_at=now,
            )
        ).rowcount
    return changed


def _comments(connection: Connection, now: datetime) -> int:
    return connection.execute(
        digest_lines.update()
        .where(
            digest_lines.c.action == "comment",
            digest_lines.c.state.in_(("queued", "waiting")),
            digest_lines.c.remote_id.is_(None),
            digest_lines.c.due_at <= now,
        )
        .values(
            state="unknown",
            first_attempt_at=sa.func.coalesce(digest_lines.c.first_attempt_at, digest_lines.c.sent_at),
            looked=0,
            error=_WHY,
            updated_at=now,
        )
    ).rowcount


def _activities(connection: Connection, now: datetime) -> int:
    """They cannot be looked for."""
    return connection.execute(
        activities.update()
        .where(activities.c.state.in_(("queued", "waiting")))
        .values(state="asked", due_at=None, error=_WHY, updated_at=now)
    ).rowcount
