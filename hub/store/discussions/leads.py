"""Where mentions lead, what stands at an address, and under which keys mentions are found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks, upsert
from hub.store.prepared import Prepared
from hub.store.tables import addresses, discussions, marks, mention_links, mentions, threads


class Place(NamedTuple):
    """What stands at an address: `kind` and `ref` as in the table, and the discussion that it belongs to."""

    place: int
    kind: str
    ref: int
    discussion: int
    created_at: datetime


def keep_links(connection: Connection, rows: Sequence[tuple[int, int, str]], changed: Sequence[int]) -> None:
    """Keep where mentions lead: (mention, place, address); what the changed ones led to before is dropped."""
    if changed:
        connection.execute(mention_links.delete().where(mention_links.c.mention_id.in_(changed)))
    if rows:
        _ADD_LINKS.many(connection, [{"mention_id": one, "place": place, "url": url} for one, place, url in rows])


def keep_addresses(connection: Connection, rows: Sequence[tuple[int, str, int]]) -> None:
    """Keep what stands where: (place, kind, ref)."""
    if rows:
        _ADD_ADDRESSES.many(connection, [{"place": place, "kind": kind, "ref": ref} for place, kind, ref in rows])


def keep_marks(connection: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Keep under which keys mentions are found: (key, mention)."""
    if rows:
        _ADD_MARKS.many(connection, [{"key": key, "mention_id": mention} for key, mention in rows])


_ADD_LINKS = Prepared(
    lambda connection: upsert(connection, mention_links).on_conflict_do_nothing(),
    columns=("mention_id", "place", "url"),
)
_ADD_ADDRESSES = Prepared(
    lambda connection: upsert(connection, addresses).on_conflict_do_nothing(), columns=("place", "kind", "ref")
)
_ADD_MARKS = Prepared(
    lambda connection: upsert(connection, marks).on_conflict_do_nothing(), columns=("key", "mention_id")
)


def standing_at(connection: Connection, places: Iterable[int]) -> list[Place]:
    """Return what stands at these addresses."""
    owners = (
        ("post", sa.select(addresses.c.ref.label("of"), addresses.c.place, addresses.c.ref)),
        (
            "copy",
            sa.select(threads.c.discussion_id.label("of"), addresses.c.place, addresses.c.ref).join(
                threads, threads.c.id == addresses.c.ref
            ),
        ),
        (
            "remark",
            sa.select(threads.c.discussion_id.label("of"), addresses.c.place, addresses.c.ref)
            .join(mentions, mentions.c.id == addresses.c.ref)
            .join(threads, threads.c.id == mentions.c.thread_id),
        ),
    )
    found: list[Place] = []
    for some in chunks(sorted(set(places))):
        for kind, query in owners:
            inner = query.where(addresses.c.place.in_(some), addresses.c.kind == kind).subquery()
            rows = connection.execute(
                sa.select(inner.c.place, inner.c.ref, discussions.c.id, discussions.c.created_at).join(
                    inner, inner.c.of == discussions.c.id
                )
            )
            found += [Place(place, kind, ref, discussion, at) for place, ref, discussion, at in rows]
    return found


def leading_to(connection: Connection, places: Iterable[int]) -> list[int]:
    """Return the mentions that lead to one of these addresses."""
    found: list[int] = []
    for some in chunks(sorted(set(places))):
        found += connection.execute(
            sa.select(mention_links.c.mention_id).where(mention_links.c.place.in_(some)).distinct()
        ).scalars()
    return found


def places_of(connection: Connection, ids: Iterable[int]) -> list[tuple[int, int, str]]:
    """Return where mentions lead: (mention, place, address)."""
    found: list[tuple[int, int, str]] = []
    for some in chunks(sorted(set(ids))):
        rows = connection.execute(
            sa.select(mention_links.c.mention_id, mention_links.c.place, mention_links.c.url).where(
                mention_links.c.mention_id.in_(some)
            )
        )
        found += [(mention, place, url) for mention, place, url in rows]
    return found


def marked(connection: Connection, keys: Iterable[int]) -> list[tuple[int, int]]:
    """Return (key, mention) for each mention that is found under one of the keys."""
    found: list[tuple[int, int]] = []
    for some in chunks(sorted(set(keys)), 5000):
        rows = connection.execute(sa.select(marks.c.key, marks.c.mention_id).where(marks.c.key.in_(some)))
        found += [(key, mention) for key, mention in rows]
    return found


def answered(connection: Connection, discussion_id: int) -> list[tuple[int, int]]:
    """Return (mention, the mention that its link names) for all of a discussion that link to each other."""
    one, other = mentions.alias("one"), mentions.alias("other")
    here, there = threads.alias("here"), threads.alias("there")
    rows = connection.execute(
        sa.select(one.c.id, other.c.id)
        .select_from(mention_links)
        .join(one, one.c.id == mention_links.c.mention_id)
        .join(here, here.c.id == one.c.thread_id)
        .join(addresses, sa.and_(addresses.c.place == mention_links.c.place, addresses.c.kind == "remark"))
        .join(other, other.c.id == addresses.c.ref)
        .join(there, there.c.id == other.c.thread_id)
        .where(
            here.c.discussion_id == discussion_id,
            there.c.discussion_id == discussion_id,
            one.c.id != other.c.id,
        )
        .order_by(one.c.id, other.c.id)
    )
    return [(mention, named) for mention, named in rows]
