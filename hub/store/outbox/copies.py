"""The map of all copies that the hub knows: which remote post is which post of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.prepared import Prepared
from hub.store.tables import copies


class Copy(NamedTuple):
    """What the hub knows of one remote post."""

    post_id: int
    part: int
    origin: bool
    hash: int | None


def known(connection: Connection, account: str, remote_ids: Sequence[str]) -> dict[str, Copy]:
    """Return those of an account's remote posts that the hub knows."""
    rows = connection.execute(
        sa.select(copies.c.remote_id, copies.c.post_id, copies.c.part, copies.c.origin, copies.c.hash).where(
            copies.c.account == account, copies.c.remote_id.in_(remote_ids)
        )
    )
    return {row.remote_id: Copy(row.post_id, row.part, row.origin, row.hash) for row in rows}


class CopyOfPost(NamedTuple):
    """One remote post that is a post of ours."""

    account: str
    remote_id: str
    part: int
    origin: bool


def of_post(connection: Connection, post_id: int) -> list[CopyOfPost]:
    """Return all remote posts that the hub knows to be this post."""
    rows = connection.execute(
        sa.select(*(copies.c[field] for field in CopyOfPost._fields))
        .where(copies.c.post_id == post_id)
        .order_by(copies.c.account, copies.c.part)
    )
    return [CopyOfPost(*row) for row in rows]


def add(
    connection: Connection,
    account: str,
    remote_id: str,
    post_id: int,
    *,
    part: int = 0,
    origin: bool = False,
    hash: int | None = None,
) -> None:
    """Remember for ever that this remote post is that post of ours."""
    _ADD.run(
        connection, account=account, remote_id=remote_id, post_id=post_id, part=part, origin=origin, hash=hash
    )


_ADD = Prepared(
    lambda connection: upsert(connection, copies).on_conflict_do_nothing(),
    columns=("account", "remote_id", "post_id", "part", "origin", "hash"),
)


def set_hash(connection: Connection, account: str, remote_id: str, hash: int) -> None:
    connection.execute(
        copies.update().where(copies.c.account == account, copies.c.remote_id == remote_id).values(hash=hash)
    )


def post_of(connection: Connection, account: str, remote_id: str) -> int | None:
    return known(connection, account, [remote_id]).get(remote_id, Copy(0, 0, False, None)).post_id or None
