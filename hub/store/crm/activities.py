"""The notes, tasks and leads that a CRM is given by rule, each with its state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.crm.activity_rules import TELLABLE
from hub.store.database import chunks
from hub.store.running import changes
from hub.store.running.switches import STOP
from hub.store.tables import (
    accounts,
    activities,
    authors,
    contacts,
    discussions,
    mentions,
    records,
    switches,
    threads,
)

# SQLite takes an index with a condition only where a query repeats it.
_TO_TELL: sa.ColumnElement[bool] = sa.literal_column("activities.state IN ('queued', 'waiting')")
_SENDING: sa.ColumnElement[bool] = sa.literal_column("activities.state = 'sending'")


class Activity(NamedTuple):
    """A note, task or lead; see the table for what each field says."""

    id: int
    account: str
    rule: str
    make: str
    mention_id: int | None
    key: int
    state: str
    due_at: datetime | None
    attempts: int
    fence: int
    record_id: str
    remote_id: str
    url: str
    error: str
    created_at: datetime
    updated_at: datetime


class Due(NamedTuple):
    """What is to be told, of whom, and what was said where."""

    activity: Activity
    record_id: str
    person_id: int
    platform: str
    said_to: str
    kind: str
    author: str
    text: str
    url: str
    sent_at: datetime
    discussion_id: int
    discussion: str


_ACTIVITY = [activities.c[field] for field in Activity._fields]


def due(
    connection: Connection, account: str, rules: Iterable[str], now: datetime, limit: int, after: int = 0
) -> list[Due]:
    """Return what can be told by now, oldest first: its person has a record in the CRM, and the mention stands."""
    card, mate = contacts.alias("card"), contacts.alias("mate")
    said_by = sa.and_(authors.c.platform == mentions.c.platform, authors.c.remote_id == mentions.c.author_id)
    held = sa.and_(records.c.contact_id == mate.c.id, records.c.account == account)
    name = sa.func.coalesce(sa.func.nullif(authors.c.name, ""), sa.func.nullif(authors.c.handle, ""), "")
    rows = connection.execute(
        sa.select(
            *_ACTIVITY,
            records.c.remote_id.label("held"),
            card.c.person_id,
            mentions.c.platform,
            mentions.c.account.label("said_to"),
            mentions.c.kind,
            name.label("author"),
            mentions.c.text,
            mentions.c.url.label("mention_url"),
            mentions.c.sent_at,
            threads.c.discussion_id,
            discussions.c.title,
        )
        .join(mentions, mentions.c.id == activities.c.mention_id)
        .join(authors, said_by)
        .join(card, card.c.id == authors.c.contact_id)
        .join(mate, mate.c.person_id == card.c.person_id)
        .join(records, held)
        .join(threads, threads.c.id == mentions.c.thread_id)
        .join(discussions, discussions.c.id == threads.c.discussion_id)
        .where(
            _TO_TELL,
            activities.c.account == account,
            activities.c.id > after,
            activities.c.rule.in_(list(rules)),
            sa.or_(activities.c.due_at.is_(None), activities.c.due_at <= now),
            TELLABLE,
            card.c.deleted_at.is_(None),
            mate.c.deleted_at.is_(None),
            records.c.remote_id.is_not(None),
            records.c.state != "gone",
        )
        .order_by(activities.c.id, records.c.id)
        .limit(limit)
    )
    found: dict[int, Due] = {}
    count = len(Activity._fields)
    for row in rows:
        found.setdefault(row.id, Due(Activity(*row[:count]), *row[count:]))
    return list(found.values())


def left_sending(connection: Connection, account: str, fence: int) -> list[Activity]:
    """Return what a former turn began to send and never finished."""
    rows = connection.execute(
        sa.select(*_ACTIVITY).where(_SENDING, activities.c.account == account, activities.c.fence < fence)
    )
    return [Activity(*row) for row in rows]


def begin(connection: Connection, due: Due, fence: int, now: datetime) -> bool:
    """Note that something is about to be sent; False if it may not be: the turn's lease was taken, the hub was
    stopped, the mention was deleted, or a person has settled it meanwhile."""
    activity = due.activity
    held = sa.select(accounts.c.fence).where(accounts.c.name == activity.account).scalar_subquery()
    stands = sa.exists().where(mentions.c.id == activity.mention_id, mentions.c.deleted_at.is_(None))
    changed = connection.execute(
        activities.update()
        .where(
            activities.c.id == activity.id,
            activities.c.state == activity.state,
            activities.c.attempts == activity.attempts,
            held == fence,
            stands,
            ~sa.exists().where(switches.c.name == STOP),
        )
        .values(
            state="sending",
            fence=fence,
            attempts=activity.attempts + 1,
            record_id=due.record_id,
            due_at=None,
            updated_at=now,
        )
    )
    return changed.rowcount == 1


def finish(
    connection: Connection, /, activity_id: int, account: str, fence: int, now: datetime, **values: Any
) -> bool:
    """Write what became of it; False, and nothing is changed, if the turn no longer has the account."""
    held = sa.select(accounts.c.fence).where(accounts.c.name == account).scalar_subquery()
    changed = connection.execute(
        activities.update()
        .where(activities.c.id == activity_id, _SENDING, held == fence)
        .values(updated_at=now, **{"due_at": None, "error": "", **values})
    )
    changes.note(connection, "contacts")
    return changed.rowcount == 1


def settle(connection: Connection, activity: Activity, now: datetime, state: str) -> bool:
    """Write down a person's word; False if something has happened to it since they looked."""
    changed = connection.execute(
        activities.update()
        .where(
            activities.c.id == activity.id,
            activities.c.state == activity.state,
            activities.c.attempts == activity.attempts,
        )
        .values(state=state, due_at=None, error="", updated_at=now)
    )
    changes.note(connection, "contacts")
    return changed.rowcount == 1


def get(connection: Connection, activity_id: int) -> Activity | None:
    row = connection.execute(sa.select(*_ACTIVITY).where(activities.c.id == activity_id)).first()
    return None if row is None else Activity(*row)


def listed(
    connection: Connection, limit: int, *, rule: str | None = None, states: Sequence[str] = ()
) -> list[Activity]:
    """Return what was made by rule, or is to be, newest first."""
    query = sa.select(*_ACTIVITY).order_by(activities.c.id.desc()).limit(limit)
    if rule is not None:
        query = query.where(activities.c.rule == rule)
    if states:
        query = query.where(activities.c.state.in_(states))
    return [Activity(*row) for row in connection.execute(query)]


def of_person(connection: Connection, person_id: int, limit: int = 100) -> list[Activity]:
    """Return what was told of a person, or is to be, newest first."""
    card = contacts.alias("card")
    rows = connection.execute(
        sa.select(*_ACTIVITY)
        .join(mentions, mentions.c.id == activities.c.mention_id)
        .join(
            authors,
            sa.and_(authors.c.platform == mentions.c.platform, authors.c.remote_id == mentions.c.author_id),
        )
        .join(card, card.c.id == authors.c.contact_id)
        .where(card.c.person_id == person_id)
        .order_by(activities.c.id.desc())
        .limit(limit)
    )
    return [Activity(*row) for row in rows]


def forget(connection: Connection, mention_ids: Sequence[int]) -> int:
    """Remove what was made of these mentions; return how many rows there were."""
    return sum(
        connection.execute(activities.delete().where(activities.c.mention_id.in_(some))).rowcount
        for some in chunks(mention_ids)
    )
