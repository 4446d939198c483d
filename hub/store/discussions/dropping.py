"""Removes mentions with all that hangs on them, and the threads that nobody speaks in any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store import tables
from hub.store.database import chunks
from hub.store.discussions import search

# What goes with a mention. `activities` keeps its row, which keeps a CRM from being told twice.
_HANGING: tuple[tuple[sa.Table, tuple[str, ...]], ...] = (
    (tables.mention_versions, ("mention_id",)),
    (tables.mention_links, ("mention_id",)),
    (tables.mention_labels, ("mention_id",)),
    (tables.desk_notes, ("mention_id",)),
    (tables.desk_events, ("mention_id",)),
    (tables.reads, ("mention_id",)),
    (tables.claims, ("mention_id",)),
    (tables.replies, ("mention_id",)),
    (tables.repeats, ("first_id", "mention_id")),
)


def threads_of(connection: Connection, mention_ids: Sequence[int]) -> list[int]:
    """Return the threads that these mentions are in."""
    found: set[int] = set()
    for some in chunks(mention_ids):
        query = sa.select(tables.mentions.c.thread_id).where(tables.mentions.c.id.in_(some))
        found.update(connection.execute(query).scalars())
    return sorted(found)


def hanging(connection: Connection, mention_ids: Sequence[int]) -> None:
    """Remove what hangs on mentions: versions, answers, notes, labels, and their words in the index."""
    for some in chunks(mention_ids):
        for table, names in _HANGING:
            connection.execute(table.delete().where(sa.or_(*(table.c[name].in_(some) for name in names))))
        connection.execute(search.search.delete().where(search.number(connection).in_(some)))


def mentions(connection: Connection, mention_ids: Sequence[int], thread_ids: Sequence[int]) -> set[int]:
    """Remove mentions, their numbers wherever they stand, and those of the threads that are empty then.

    Return the threads that stay under a post that was removed, because others spoke there.
    """
    _leave_choices(connection, mention_ids)
    hanging(connection, mention_ids)
    roots = _roots(connection, mention_ids)
    for some in chunks(mention_ids):
        connection.execute(tables.digest_lines.delete().where(tables.digest_lines.c.mention_id.in_(some)))
        connection.execute(tables.mentions.delete().where(tables.mentions.c.id.in_(some)))
        connection.execute(tables.marks.delete().where(tables.marks.c.mention_id.in_(some)))
        places = tables.addresses
        connection.execute(places.delete().where(places.c.kind == "remark", places.c.ref.in_(some)))
    _lower(connection)
    return roots - _drop_empty(connection, thread_ids)


def _roots(connection: Connection, mention_ids: Sequence[int]) -> set[int]:
    """Return the threads whose post is one of the mentions."""
    found: set[int] = set()
    for some in chunks(mention_ids):
        query = (
            sa.select(tables.threads.c.id)
            .join(tables.mentions, tables.mentions.c.thread_id == tables.threads.c.id)
            .where(tables.mentions.c.id.in_(some), tables.mentions.c.remote_id == tables.threads.c.remote_id)
        )
        found.update(connection.execute(query).scalars())
    return found


def _lower(connection: Connection) -> None:
    """Take back marks of how far somebody has come, where SQLite may give the numbers below them out again."""
    for table, column, numbered in (
        (tables.readers, tables.readers.c.read_to, tables.mentions),
        (tables.activity_rules, tables.activity_rules.c.mention_id, tables.mentions),
        (tables.activity_rules, tables.activity_rules.c.event_id, tables.desk_events),
    ):
        highest = connection.execute(sa.select(sa.func.coalesce(sa.func.max(numbered.c.id), 0))).scalar_one()
        connection.execute(table.update().where(column > highest).values({column: highest}))


def _leave_choices(connection: Connection, mention_ids: Sequence[int]) -> None:
    """Take mentions out of what was chosen for a digest; one that shows nothing else shows nothing."""
    digests, gone = tables.digests, set(mention_ids)
    query = sa.select(digests.c.id, digests.c.chosen).where(digests.c.chosen != "")
    for row in connection.execute(query).all():
        numbers = [number for number in row.chosen.split(",") if int(number) not in gone]
        chosen = ",".join(numbers) or "0"
        if chosen != row.chosen:
            connection.execute(digests.update().where(digests.c.id == row.id).values(chosen=chosen))


def _drop_empty(connection: Connection, thread_ids: Sequence[int]) -> set[int]:
    """Remove those of the threads in which nothing stands and under which we have no post; return them."""
    threads, joins, copies = tables.threads, tables.joins, tables.copies
    known = sa.exists().where(copies.c.account == threads.c.account, copies.c.remote_id == threads.c.remote_id)
    spoken = sa.exists().where(tables.mentions.c.thread_id == threads.c.id)
    dropped: dict[int, int] = {}
    for some in chunks(thread_ids):
        rows = connection.execute(
            sa.select(threads.c.id, threads.c.discussion_id).where(
                threads.c.id.in_(some), ~known, ~spoken, ~_watched()
            )
        )
        dropped.update({row.id: row.discussion_id for row in rows})
    for some in chunks(sorted(dropped)):
        befores = sa.select(joins.c.from_discussion_id).where(joins.c.thread_id.in_(some))
        left = [*connection.execute(befores).scalars(), *(dropped[number] for number in some)]
        connection.execute(joins.delete().where(joins.c.thread_id.in_(some)))
        connection.execute(threads.delete().where(threads.c.id.in_(some)))
        _drop_discussions(connection, sorted(set(left)))
    return set(dropped)


def _watched() -> sa.ColumnElement[bool]:
    """A thread that a person attached, and that no join brought."""
    joined = sa.exists().where(tables.joins.c.thread_id == tables.threads.c.id)
    return sa.and_(tables.threads.c.polled, ~joined)


def _drop_discussions(connection: Connection, ids: Sequence[int]) -> None:
    discussions, joins = tables.discussions, tables.joins
    holds: list[Any] = [
        sa.exists().where(tables.threads.c.discussion_id == discussions.c.id),
        sa.exists().where(tables.digests.c.discussion_id == discussions.c.id),
        sa.exists().where(
            sa.or_(joins.c.discussion_id == discussions.c.id, joins.c.from_discussion_id == discussions.c.id)
        ),
    ]
    for some in chunks(ids):
        connection.execute(
            discussions.delete().where(
                discussions.c.id.in_(some), discussions.c.post_id.is_(None), *(~one for one in holds)
            )
        )
