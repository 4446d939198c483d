"""Digests that are published, how each fares, and which threads are their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.running import changes
from hub.store.tables import copies, deliveries, digest_lines, digests, discussions, threads

Kind = Literal["post", "comments", "file"]

LIVE, ENDING, ENDED = "live", "ending", "ended"
"""`ending` is a digest whose comments are still to be taken away."""


class StoredDigest(NamedTuple):
    """A digest that is published, or was."""

    id: int
    discussion_id: int
    kind: Kind
    account: str
    target: str
    form: str
    chosen: str
    language: str
    state: str
    post_id: int | None
    hash: int | None
    error: str
    created_at: datetime
    updated_at: datetime

    @property
    def only(self) -> frozenset[int] | None:
        """The mentions that are shown; None if all are."""
        return frozenset(map(int, self.chosen.split(","))) if self.chosen else None


class NewDigest(NamedTuple):
    """A digest to be published. See the table for what each field says."""

    discussion_id: int
    kind: Kind
    account: str = ""
    target: str = ""
    form: str = ""
    chosen: Sequence[int] | None = None
    language: str = "en"


_FIELDS = [digests.c[field] for field in StoredDigest._fields]


def add(connection: Connection, new: NewDigest, now: datetime) -> tuple[int, bool]:
    """Store a digest; return its id and whether it is new. One that is live in that place is changed instead."""
    chosen = ",".join(map(str, sorted(new.chosen))) if new.chosen is not None else ""
    place = {"discussion_id": new.discussion_id, "kind": new.kind, "account": new.account, "target": new.target}
    values = {"form": new.form, "chosen": chosen, "language": new.language, "state": LIVE, "updated_at": now}
    changes.note(connection, "digests")
    row = connection.execute(
        upsert(connection, digests)
        .values(**place, **values, error="", created_at=now)
        .on_conflict_do_nothing()
        .returning(digests.c.id)
    ).first()
    if row is not None:
        return int(row.id), True
    same = sa.and_(*(digests.c[name] == value for name, value in place.items()), digests.c.state != ENDED)
    changed = connection.execute(
        digests.update().where(same).values(**values, hash=None).returning(digests.c.id)
    ).one()
    return int(changed.id), False


def get(connection: Connection, digest_id: int) -> StoredDigest | None:
    row = connection.execute(sa.select(*_FIELDS).where(digests.c.id == digest_id)).first()
    return None if row is None else StoredDigest(*row)


def open_ones(connection: Connection, discussion_id: int | None = None) -> list[StoredDigest]:
    """Return the digests that are live or ending."""
    query = sa.select(*_FIELDS).where(digests.c.state != ENDED).order_by(digests.c.id)
    if discussion_id is not None:
        query = query.where(digests.c.discussion_id == discussion_id)
    return [StoredDigest(*row) for row in connection.execute(query)]


def newest(connection: Connection, limit: int) -> list[StoredDigest]:
    """Return the newest digests, whatever became of them."""
    rows = connection.execute(sa.select(*_FIELDS).order_by(digests.c.id.desc()).limit(limit))
    return [StoredDigest(*row) for row in rows]


def update(connection: Connection, /, digest_id: int, now: datetime, **values: Any) -> None:
    changes.note(connection, "digests", digest_id)
    connection.execute(digests.update().where(digests.c.id == digest_id).values(updated_at=now, **values))


def started_at(connection: Connection, discussion_id: int) -> datetime:
    """Return when the hub first knew of a discussion."""
    found: datetime = connection.execute(
        sa.select(discussions.c.created_at).where(discussions.c.id == discussion_id)
    ).scalar_one()
    return found


def threads_of_digests(connection: Connection, discussion_id: int) -> set[tuple[str, str]]:
    """Return those threads of a discussion, as account and root, whose post is a published digest of ours."""
    rows = connection.execute(
        sa.select(threads.c.account, threads.c.remote_id)
        .join(copies, sa.and_(copies.c.account == threads.c.account, copies.c.remote_id == threads.c.remote_id))
        .join(digests, digests.c.post_id == copies.c.post_id)
        .where(threads.c.discussion_id == discussion_id)
    )
    return {(row.account, row.remote_id) for row in rows}


class Tally(NamedTuple):
    """How the comments of a digest, or the deliveries of its post, fare."""

    state: str
    number: int
    error: str


def tallies(connection: Connection, ids: Iterable[int]) -> dict[int, list[Tally]]:
    """Return how each digest fares, by its id: how many are in each state, and one of the reasons."""
    wanted = list(ids)
    found: dict[int, list[Tally]] = {}
    lines = (
        sa.select(
            digest_lines.c.digest_id, digest_lines.c.state, sa.func.count(), sa.func.max(digest_lines.c.error)
        )
        .where(digest_lines.c.digest_id.in_(wanted))
        .group_by(digest_lines.c.digest_id, digest_lines.c.state)
    )
    out = (
        sa.select(digests.c.id, deliveries.c.state, sa.func.count(), sa.func.max(deliveries.c.error))
        .join(deliveries, deliveries.c.post_id == digests.c.post_id)
        .where(digests.c.id.in_(wanted))
        .group_by(digests.c.id, deliveries.c.state)
    )
    for query in (lines, out):
        for digest_id, state, count, error in connection.execute(query):
            found.setdefault(digest_id, []).append(Tally(state, count, error or ""))
    return found
