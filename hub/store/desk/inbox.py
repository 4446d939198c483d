"""Finds the mentions that a filter wants, newest first, a page at a time, however many there are.

A page is read from an index that is in its order already. Where a filter wants several values (two states, three
accounts), each is a stream of its own that gives at most a page, and the streams are merged: so a page costs the
same at a million mentions as at a thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import product
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.discussions import search
from hub.store.discussions.search import Term
from hub.store.tables import SELDOM, mention_labels, mentions, readers, reads, threads

STATUSES = ("new", "open", "waiting", "snoozed", "done")
RARE_KINDS = frozenset({"mention", "review", "message"})
# More streams than this cost more than the walk that they save.
_MOST_STREAMS = 40

Flag = Literal["answered", "deleted", "edited"]
Conditions = tuple[sa.ColumnElement[bool], ...]


class Filter(NamedTuple):
    """What is wanted; an empty tuple or None asks nothing. All of it must hold.

    `accounts` may be empty: then nothing is wanted. `assignees` are numbers of users, None is nobody. Each of
    `labels` is a group of which one must be there. `unread_by` and `read_by` are numbers of users.
    """

    now: datetime
    statuses: tuple[str, ...] = ()
    accounts: tuple[str, ...] | None = None
    kinds: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    assignees: tuple[int | None, ...] = ()
    labels: tuple[tuple[int, ...], ...] = ()
    without_labels: tuple[int, ...] = ()
    discussion: int | None = None
    since: datetime | None = None
    before: datetime | None = None
    flags: tuple[Flag, ...] = ()
    without_flags: tuple[Flag, ...] = ()
    unread_by: int | None = None
    read_by: int | None = None
    terms: tuple[Term, ...] = ()

    @property
    def by_time(self) -> bool:
        """Tell whether the order is that of saying and not that of coming in."""
        return self.since is not None or self.before is not None


class Key(NamedTuple):
    """Where a mention stands in the order: its time (0 where the order is that of coming in), and its number."""

    at: int
    id: int


_AT = sa.type_coerce(mentions.c.sent_at, sa.BigInteger)
_FLAGS = {
    "answered": mentions.c.answered_at,
    "deleted": mentions.c.deleted_at,
    "edited": mentions.c.edited_at,
}


def find(
    connection: Connection, wanted: Filter, limit: int, *, beyond: Key | None = None, newer: bool = False
) -> list[Key]:
    """Return where the first `limit` mentions stand, newest first: those older than `beyond`, or `newer` ones, of
    which the nearest come first."""
    found: list[Key] = []
    for unread in _unread(connection, wanted):
        streams = _streams(connection, wanted, unread)
        selects = [_stream(connection, wanted, stream, limit, beyond, newer) for stream in streams]
        if not selects:
            continue
        if len(selects) == 1:
            rows = connection.execute(selects[0])
        else:
            each = [sa.select(*one.subquery().c) for one in selects]
            merged = sa.union_all(*each).subquery()
            order = [merged.c.at, merged.c.id] if newer else [merged.c.at.desc(), merged.c.id.desc()]
            rows = connection.execute(sa.select(merged.c.at, merged.c.id).order_by(*order).limit(limit))
        found += [Key(*row) for row in rows]
    return sorted(found, reverse=not newer)[:limit]


def count(connection: Connection, wanted: Filter, most: int) -> int:
    """Count what is wanted, up to `most`."""
    return len(find(connection, wanted, most))


def among(connection: Connection, wanted: Filter, ids: Sequence[int]) -> set[int]:
    """Return those of these mentions that are wanted; who has read what is not asked."""
    if wanted.accounts == ():
        return set()
    states = _states(wanted)
    whole = sa.or_(*(sa.and_(*state) for state in states)) if states else mentions.c.status != "ours"
    query = sa.select(mentions.c.id).where(whole, *_asked(connection, wanted, wanted.labels))
    if _positive(wanted):
        row = search.number(connection)
        query = query.join(search.search, row == mentions.c.id).where(search.matches(connection, wanted.terms))
    found: set[int] = set()
    for some in chunks(ids):
        found.update(connection.execute(query.where(mentions.c.id.in_(some))).scalars())
    return found


def _unread(connection: Connection, wanted: Filter) -> list[Conditions]:
    """Return what makes a mention unread for somebody, each way to be so by itself: beyond what they have read,
    or marked so."""
    user = wanted.unread_by
    if user is None:
        return [()]
    read_to = connection.execute(sa.select(readers.c.read_to).where(readers.c.user_id == user)).scalar() or 0
    mark = sa.exists().where(reads.c.user_id == user, reads.c.mention_id == mentions.c.id)
    marked = sa.select(reads.c.mention_id).where(
        reads.c.user_id == user, reads.c.unread, reads.c.mention_id <= read_to
    )
    ways: list[Conditions] = [(mentions.c.id > read_to, ~mark.where(~reads.c.unread))]
    if connection.execute(marked.limit(1)).first() is not None:
        ways.append((mentions.c.id.in_(marked),))
    return ways


def _states(wanted: Filter) -> list[Conditions]:
    """Return what makes a mention have one of the states, each by itself. What is snoozed is open when its time is
    over."""
    status, until = mentions.c.status, mentions.c.snoozed_until
    found: list[Conditions] = []
    for name in wanted.statuses:
        if name == "snoozed":
            found.append((status == "snoozed", until > wanted.now))
            continue
        found.append((status == name,))
        if name == "open":
            found.append((status == "snoozed", until <= wanted.now))
    return found


def _streams(connection: Connection, wanted: Filter, unread: Conditions) -> list[Conditions]:
    """Say into which streams the filter is best cut; together they hold each mention that is wanted once."""
    if wanted.accounts == ():
        return []
    states = _states(wanted)
    whole = (sa.or_(*(sa.and_(*state) for state in states)) if states else mentions.c.status != "ours",)
    single = [(*whole, *unread)]
    if wanted.by_time or wanted.labels or wanted.discussion is not None or _positive(wanted):
        return single
    each: Sequence[Conditions] = states or [(mentions.c.status == name,) for name in STATUSES]
    if wanted.assignees and None not in wanted.assignees:
        drivers: list[Conditions] = [(mentions.c.assignee_id == one,) for one in wanted.assignees]
    elif wanted.kinds and RARE_KINDS.issuperset(wanted.kinds):
        drivers = [(mentions.c.kind == one, SELDOM) for one in wanted.kinds]
    elif wanted.accounts is not None:
        drivers = [(mentions.c.account == one,) for one in wanted.accounts]
    elif states:
        drivers = [()]
    else:
        return single
    if len(drivers) * len(each) > _MOST_STREAMS:
        drivers = [()]
    return [(*driver, *state, *unread) for driver, state in product(drivers, each)]


def _positive(wanted: Filter) -> bool:
    return any(not term.negated for term in wanted.terms)


def _stream(
    connection: Connection,
    wanted: Filter,
    stream: Conditions,
    limit: int,
    beyond: Key | None,
    newer: bool,
) -> sa.Select[Any]:
    number: Any = mentions.c.id
    source: Any = mentions
    groups = wanted.labels if wanted.by_time or _positive(wanted) else wanted.labels[1:]
    where = [*_asked(connection, wanted, groups), *stream]
    if _positive(wanted):
        row = search.number(connection)
        source = search.search.join(mentions, mentions.c.id == row)
        where.append(search.matches(connection, wanted.terms))
        number = row if search.is_sqlite(connection) else number
    elif wanted.labels and not wanted.by_time:
        source = mention_labels.join(mentions, mentions.c.id == mention_labels.c.mention_id)
        number = mention_labels.c.mention_id
        where.append(mention_labels.c.label_id.in_(wanted.labels[0]))
    at: Any = _AT if wanted.by_time else sa.literal(0)
    if beyond is not None:
        where.append(_beyond(wanted, number, beyond, newer))
    columns = [_AT, number] if wanted.by_time else [number]
    query = sa.select(at.label("at"), number.label("id")).select_from(source).where(*where).limit(limit)
    if wanted.labels and len(wanted.labels[0]) > 1:
        query = query.distinct()
    return query.order_by(*(columns if newer else [column.desc() for column in columns]))


def _beyond(wanted: Filter, number: Any, beyond: Key, newer: bool) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool]
    if wanted.by_time:
        here = sa.tuple_(_AT, number)
        there = sa.tuple_(sa.literal(beyond.at, sa.BigInteger), sa.literal(beyond.id, sa.BigInteger))
        found = here > there if newer else here < there
    else:
        found = number > beyond.id if newer else number < beyond.id
    return found


def _asked(
    connection: Connection, wanted: Filter, groups: Sequence[tuple[int, ...]]
) -> list[sa.ColumnElement[bool]]:
    """Return what the filter asks of a mention besides its state, and whether it is unread: of the groups of
    labels only these."""
    column = mentions.c
    asked: list[sa.ColumnElement[bool]] = []
    if wanted.accounts is not None:
        asked.append(column.account.in_(wanted.accounts))
    if wanted.kinds:
        asked.append(column.kind.in_(wanted.kinds))
    if wanted.platforms:
        asked.append(column.platform.in_(wanted.platforms))
    if wanted.assignees:
        named = [one for one in wanted.assignees if one is not None]
        ways = [column.assignee_id.in_(named)] if named else []
        ways += [column.assignee_id.is_(None)] if None in wanted.assignees else []
        asked.append(sa.or_(*ways))
    alias = mention_labels.alias()
    asked += [sa.exists().where(alias.c.mention_id == column.id, alias.c.label_id.in_(group)) for group in groups]
    if wanted.without_labels:
        asked.append(
            ~sa.exists().where(alias.c.mention_id == column.id, alias.c.label_id.in_(wanted.without_labels))
        )
    if wanted.discussion is not None:
        asked.append(
            column.thread_id.in_(sa.select(threads.c.id).where(threads.c.discussion_id == wanted.discussion))
        )
    if wanted.since is not None:
        asked.append(column.sent_at >= wanted.since)
    if wanted.before is not None:
        asked.append(column.sent_at < wanted.before)
    asked += [_FLAGS[flag].is_not(None) for flag in wanted.flags]
    asked += [_FLAGS[flag].is_(None) for flag in wanted.without_flags]
    if wanted.read_by is not None:
        asked.append(_is_read(wanted.read_by))
    if wanted.terms and not _positive(wanted):
        asked.append(search.lacks(connection, wanted.terms))
    return asked


def _is_read(user: int) -> sa.ColumnElement[bool]:
    mark = sa.exists().where(reads.c.user_id == user, reads.c.mention_id == mentions.c.id)
    reach = sa.select(readers.c.read_to).where(readers.c.user_id == user).scalar_subquery()
    reached = mentions.c.id <= sa.func.coalesce(reach, 0)
    return sa.or_(mark.where(~reads.c.unread), sa.and_(reached, ~mark.where(reads.c.unread)))
