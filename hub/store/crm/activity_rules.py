"""How far each rule of what a CRM is told has looked, what is new to it, and what it makes of that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks, upsert
from hub.store.outbox.posts import digest
from hub.store.tables import activities, activity_rules, desk_events, mentions, threads

# PostgreSQL gives out numbers before they are committed: one that is a little lower may come so much later.
_LATE = 10_000
_LATE_TIME = timedelta(minutes=10)

TELLABLE: sa.ColumnElement[bool] = sa.and_(mentions.c.deleted_at.is_(None), mentions.c.text != "")
"""What of the mentions may be told to a CRM at all."""


class Rule(NamedTuple):
    """How far a rule has looked: the last mention, and the last event at the desk.

    Since a backup was put back, what was said before `restored_at` may have been told.
    """

    account: str
    rule: str
    since: datetime
    mention_id: int
    event_id: int
    restored_at: datetime | None = None


class News(NamedTuple):
    """What a rule has not looked at: mentions that may be told, and the places that it has then come to."""

    mentions: Sequence[int]
    mention_id: int
    event_id: int


_RULE = [activity_rules.c[field] for field in Rule._fields]


def rules(connection: Connection, account: str | None = None) -> dict[tuple[str, str], Rule]:
    """Return what is known of each rule, by account and name."""
    query = sa.select(*_RULE)
    if account is not None:
        query = query.where(activity_rules.c.account == account)
    return {(row.account, row.rule): Rule(*row) for row in connection.execute(query)}


def register(connection: Connection, account: str, rule: str, since: datetime, *, from_now: bool) -> None:
    """Note that a rule is seen for the first time; `from_now` it looks at what comes, otherwise at all."""
    places = (_newest(connection, mentions), _newest(connection, desk_events)) if from_now else (0, 0)
    connection.execute(
        upsert(connection, activity_rules)
        .values(account=account, rule=rule, since=since, mention_id=places[0], event_id=places[1])
        .on_conflict_do_nothing()
    )


def _newest(connection: Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0


def news(connection: Connection, rule: Rule, said_since: datetime, now: datetime, limit: int, most: int) -> News:
    """Return the next of what is new to a rule, in one statement: mentions said from then on, and those that
    somebody has done something with. No mention beyond `most` is looked at.

    A mention may come again, where its number was given out before another's that was committed first.
    """
    if rule.restored_at is not None:
        said_since = max(said_since, rule.restored_at)
    late = max(rule.since, now - _LATE_TIME) if connection.dialect.name == "postgresql" else None
    told = sa.and_(TELLABLE, mentions.c.sent_at >= said_since)
    fresh = sa.select(
        sa.literal(0).label("feed"),
        mentions.c.id.label("place"),
        mentions.c.id.label("mention_id"),
        sa.case((told, 1), else_=0).label("may_be"),
    ).where(*_after(mentions.c.id, rule.mention_id, mentions.c.seen_at, late), mentions.c.id <= most)
    done = desk_events.c
    events = sa.select(
        sa.literal(1).label("feed"),
        done.id.label("place"),
        done.mention_id.label("mention_id"),
        sa.literal(1).label("may_be"),
    ).where(*_after(done.id, rule.event_id, done.at, late), done.mention_id <= most)
    pages = [one.order_by(one.selected_columns.place).limit(limit).subquery() for one in (fresh, events)]
    rows = connection.execute(sa.union_all(*(sa.select(*page.c) for page in pages))).all()
    places = [max((row.place for row in rows if row.feed == feed), default=0) for feed in (0, 1)]
    return News(
        mentions=sorted({row.mention_id for row in rows if row.may_be}),
        mention_id=max(places[0], rule.mention_id),
        event_id=max(places[1], rule.event_id),
    )


def _after(
    number: sa.ColumnElement[int], place: int, at: sa.ColumnElement[datetime], late: datetime | None
) -> list[sa.ColumnElement[bool]]:
    """Return what comes after a place; what came later than `late` may bear a lower number."""
    if late is None:
        return [number > place]
    return [number > place - _LATE, sa.or_(number > place, at > late)]


def past(connection: Connection, since: datetime, after: tuple[datetime, int] | None, limit: int) -> list[Any]:
    """Return (sent_at, id) of the mentions that were said from then on, oldest first, a page after `after`."""
    query = sa.select(mentions.c.sent_at, mentions.c.id).where(TELLABLE, mentions.c.sent_at >= since)
    if after is not None:
        number, at = mentions.c.id, mentions.c.sent_at
        query = query.where(sa.or_(at > after[0], sa.and_(at == after[0], number > after[1])))
    return list(connection.execute(query.order_by(mentions.c.sent_at, mentions.c.id).limit(limit)).all())


def untold(
    connection: Connection, account: str, rule: str, ids: Collection[int], *, whole: bool
) -> dict[int, int]:
    """Return those of the mentions that the rule is to make something of and has not, each with its key.

    `whole` says that the rule makes one thing of a whole discussion: then the first mention of each stands for
    it, unless one of the discussion was queued before.
    """
    keys: dict[int, int] = {}
    for some in chunks(sorted(ids)):
        rows = connection.execute(
            sa.select(mentions.c.id, mentions.c.platform, mentions.c.remote_id).where(
                mentions.c.id.in_(some), TELLABLE
            )
        )
        keys |= {row.id: digest(row.platform, row.remote_id) for row in rows}
    if whole:
        first: dict[int, int] = {}
        for mention_id, discussion_id in _discussions_of(connection, sorted(keys)):
            first.setdefault(discussion_id, mention_id)
        told = _told_discussions(connection, account, rule, list(first))
        keys = {number: keys[number] for discussion_id, number in first.items() if discussion_id not in told}
    known: set[int] = set()
    for some in chunks(list(keys.values())):
        rows = connection.execute(
            sa.select(activities.c.key).where(
                activities.c.account == account, activities.c.rule == rule, activities.c.key.in_(some)
            )
        )
        known.update(rows.scalars())
    return {mention_id: key for mention_id, key in keys.items() if key not in known}


def add(
    connection: Connection, account: str, rule: str, make: str, ids: Collection[int], now: datetime, *, whole: bool
) -> int:
    """Queue what the rule makes of these mentions, of each once; return how many are new."""
    keys = untold(connection, account, rule, ids, whole=whole)
    rest = {**dict.fromkeys(("record_id", "remote_id", "url", "error"), ""), "created_at": now, "updated_at": now}
    state: dict[str, Any] = {"state": "queued", "attempts": 0, "fence": 0}
    rows = [
        {"account": account, "rule": rule, "make": make, "mention_id": number, "key": key, **state, **rest}
        for number, key in sorted(keys.items())
    ]
    if rows:
        connection.execute(upsert(connection, activities).on_conflict_do_nothing(), rows)
    return len(rows)


def _discussions_of(connection: Connection, ids: Sequence[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for some in chunks(ids):
        rows = connection.execute(
            sa.select(mentions.c.id, threads.c.discussion_id)
            .join(threads, threads.c.id == mentions.c.thread_id)
            .where(mentions.c.id.in_(some))
            .order_by(mentions.c.id)
        )
        found += [(row.id, row.discussion_id) for row in rows]
    return found


def _told_discussions(connection: Connection, account: str, rule: str, ids: Sequence[int]) -> set[int]:
    """Return those of the discussions of which the rule has made something, joined ones too.

    What waits, and cannot be told because its mention was deleted, counts for nothing.
    """
    found: set[int] = set()
    for some in chunks(ids):
        rows = connection.execute(
            sa.select(threads.c.discussion_id)
            .distinct()
            .select_from(threads.join(mentions, mentions.c.thread_id == threads.c.id))
            .join(activities, activities.c.mention_id == mentions.c.id)
            .where(
                threads.c.discussion_id.in_(some),
                activities.c.account == account,
                activities.c.rule == rule,
                sa.or_(mentions.c.deleted_at.is_(None), activities.c.state != "queued"),
            )
        )
        found.update(rows.scalars())
    return found


def move(connection: Connection, rule: Rule, news: News) -> None:
    """Note how far a rule has looked; never back."""
    table = activity_rules.c
    connection.execute(
        activity_rules.update()
        .where(table.account == rule.account, table.rule == rule.rule)
        .where(table.mention_id <= news.mention_id, table.event_id <= news.event_id)
        .values(mention_id=news.mention_id, event_id=news.event_id)
    )
