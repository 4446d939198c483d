"""The comments that digests put under a post of ours: what each is to say, and what may stand there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.running import changes
from hub.store.running.switches import STOP
from hub.store.tables import accounts, digest_lines, digests, switches


class Line(NamedTuple):
    """A remark that is, or is to be, a comment of ours. See the table for what each field says."""

    id: int
    digest_id: int
    mention_id: int
    account: str
    thread_id: str
    position: int
    parent: int | None
    parent_id: str | None
    author: str
    author_url: str
    site: str
    url: str
    text: str
    sent_at: datetime
    hash: int
    sent_hash: int | None
    round: int
    action: str
    state: str
    due_at: datetime | None
    attempts: int
    looked: int
    first_attempt_at: datetime | None
    fence: int
    remote_id: str | None
    permalink: str
    error_code: str
    error: str
    updated_at: datetime

    @property
    def key(self) -> str:
        """What tells this comment from any other, at every attempt."""
        return f"digest:{self.digest_id}:{self.mention_id}:{self.round}"


UNWANTED = 0
"""The hash of a comment that is not to be there."""

WIPED: dict[str, Any] = {
    **dict.fromkeys(("author", "author_url", "site", "url", "text"), ""),
    "hash": UNWANTED,
}
"""What is kept of the words of somebody who took them back, or who is left out."""

_LINE = [digest_lines.c[field] for field in Line._fields]
_AT_REST: dict[str, Any] = {
    "attempts": 0,
    "looked": 0,
    "first_attempt_at": None,
    "error": "",
    "error_code": "",
}


def lines_of(connection: Connection, digest_id: int) -> dict[int, Line]:
    """Return the lines of a digest, by mention."""
    rows = connection.execute(sa.select(*_LINE).where(digest_lines.c.digest_id == digest_id))
    return {row.mention_id: Line(*row) for row in rows}


def add_lines(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Queue comments that are new. Each row has the columns from `digest_id` to `hash`."""
    if rows:
        rest: dict[str, Any] = {"state": "queued", "action": "comment", "round": 0, "fence": 0, "permalink": ""}
        values = [{**_AT_REST, **rest, "due_at": now, "updated_at": now, **row} for row in rows]
        connection.execute(digest_lines.insert(), values)
        connection.execute(_may_stand_there({row["digest_id"] for row in rows}))


def _may_stand_there(digest_ids: Collection[int]) -> sa.Update:
    """Let comments be looked for that may have been made by rows which a backup did not have."""
    older = sa.select(digests.c.id).where(
        digests.c.id == digest_lines.c.digest_id, digests.c.restored_at >= digest_lines.c.sent_at
    )
    return (
        digest_lines.update()
        .where(
            digest_lines.c.digest_id.in_(digest_ids),
            digest_lines.c.state == "queued",
            digest_lines.c.attempts == 0,
            digest_lines.c.remote_id.is_(None),
            older.exists(),
        )
        .values(state="unknown", first_attempt_at=digest_lines.c.sent_at)
    )


def set_line(connection: Connection, line: Line, now: datetime, **values: Any) -> bool:
    """Change what a line is to say or to become, unless a turn has changed it meanwhile."""
    changed = connection.execute(
        digest_lines.update()
        .where(
            digest_lines.c.id == line.id,
            digest_lines.c.state == line.state,
            digest_lines.c.attempts == line.attempts,
            digest_lines.c.fence == line.fence,
        )
        .values(updated_at=now, **values)
    )
    return changed.rowcount == 1


def queue(connection: Connection, line: Line, action: str, now: datetime, **values: Any) -> bool:
    """Let something be done about a line that is at rest."""
    return set_line(connection, line, now, **_AT_REST, action=action, state="queued", due_at=now, **values)


def due(connection: Connection, account: str, now: datetime, limit: int = 100) -> list[Line]:
    """Return what is to be done about an account's comments by now, each parent before its answers."""
    rows = connection.execute(
        sa.select(*_LINE)
        .where(digest_lines.c.account == account, digest_lines.c.due_at <= now)
        .order_by(digest_lines.c.digest_id, digest_lines.c.position)
        .limit(limit)
    )
    return [Line(*row) for row in rows]


def next_due(connection: Connection, account: str) -> datetime | None:
    """Return when there is something to do about an account's comments."""
    found: datetime | None = connection.execute(
        sa.select(sa.func.min(digest_lines.c.due_at)).where(
            digest_lines.c.account == account, digest_lines.c.due_at.is_not(None)
        )
    ).scalar()
    return found


def left_sending(connection: Connection, account: str, fence: int) -> list[Line]:
    """Return what a former turn began to send and never finished."""
    rows = connection.execute(
        sa.select(*_LINE).where(
            digest_lines.c.account == account, digest_lines.c.state == "sending", digest_lines.c.fence < fence
        )
    )
    return [Line(*row) for row in rows]


def begin(connection: Connection, line: Line, fence: int, now: datetime) -> bool:
    """Note that something is about to be sent; False if the turn's lease was taken or the hub was stopped.

    What may stand there from here on is what the line says now.
    """
    held = sa.select(accounts.c.fence).where(accounts.c.name == line.account).scalar_subquery()
    changed = connection.execute(
        digest_lines.update()
        .where(
            digest_lines.c.id == line.id,
            digest_lines.c.state == line.state,
            digest_lines.c.attempts == line.attempts,
            digest_lines.c.hash == line.hash,
            digest_lines.c.action == line.action,
            held == fence,
            ~sa.exists().where(switches.c.name == STOP),
        )
        .values(
            state="sending",
            fence=fence,
            attempts=line.attempts + 1,
            first_attempt_at=sa.func.coalesce(
                digest_lines.c.first_attempt_at, sa.literal(now, digest_lines.c.sent_at.type)
            ),
            due_at=None,
            sent_hash=line.hash,
            updated_at=now,
        )
    )
    return changed.rowcount == 1


def finish(connection: Connection, /, line: Line, fence: int, now: datetime, **values: Any) -> bool:
    """Write what became of a line; False, and nothing is changed, if the turn no longer has the account."""
    held = sa.select(accounts.c.fence).where(accounts.c.name == line.account).scalar_subquery()
    changed = connection.execute(
        digest_lines.update()
        .where(digest_lines.c.id == line.id, held == fence)
        .values(updated_at=now, fence=fence, **values)
    )
    changes.note(connection, "digests", line.digest_id)
    return changed.rowcount == 1


def adopt(connection: Connection, line: Line, remote_id: str, permalink: str, now: datetime) -> bool:
    """Note that a comment whose answer was lost was seen there; False if its outcome is known meanwhile."""
    changes.note(connection, "digests", line.digest_id)
    changed = connection.execute(
        digest_lines.update()
        .where(
            digest_lines.c.id == line.id,
            digest_lines.c.state == line.state,
            digest_lines.c.remote_id.is_(None),
        )
        .values(
            state="published",
            remote_id=remote_id,
            permalink=permalink,
            due_at=None,
            error="",
            error_code="",
            updated_at=now,
        )
    )
    return changed.rowcount == 1


def taken_ids(connection: Connection, line: Line) -> frozenset[str]:
    """Return the comments under the line's post that are known to be other lines."""
    rows = connection.execute(
        sa.select(digest_lines.c.remote_id).where(
            digest_lines.c.account == line.account,
            digest_lines.c.id != line.id,
            digest_lines.c.remote_id.is_not(None),
        )
    )
    return frozenset(rows.scalars())


def in_doubt(connection: Connection, account: str) -> list[Line]:
    """Return the comments that may stand there without the hub knowing."""
    rows = connection.execute(
        sa.select(*_LINE).where(
            digest_lines.c.account == account,
            digest_lines.c.action == "comment",
            digest_lines.c.state.in_(("sending", "unknown")),
        )
    )
    return [Line(*row) for row in rows]


def has_lines(connection: Connection, account: str) -> bool:
    """Tell whether a comment of ours was ever put on an account for a digest."""
    row = connection.execute(sa.select(digest_lines.c.id).where(digest_lines.c.account == account).limit(1))
    return row.first() is not None


def known_comments(connection: Connection, account: str, remote_ids: Sequence[str]) -> set[str]:
    """Return those of the remote ids that are comments which the hub made for a digest."""
    found: set[str] = set()
    for some in chunks(remote_ids):
        rows = connection.execute(
            sa.select(digest_lines.c.remote_id).where(
                digest_lines.c.account == account, digest_lines.c.remote_id.in_(some)
            )
        )
        found.update(rows.scalars())
    return found


def originals(connection: Connection, platform: str, remote_ids: Sequence[str]) -> dict[str, int]:
    """Return what our comments among these stand for: the number of the mention, by the comment's remote id."""
    found: dict[str, int] = {}
    for some in chunks(remote_ids):
        rows = connection.execute(
            sa.select(digest_lines.c.remote_id, digest_lines.c.mention_id)
            .join(accounts, accounts.c.name == digest_lines.c.account)
            .where(accounts.c.platform == platform, digest_lines.c.remote_id.in_(some))
        )
        found.update(dict(rows.all()))
    return found
