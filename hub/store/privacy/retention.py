"""Finds what is older than it is to be kept, and removes it a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.discussions import dropping
from hub.store.privacy import erasing
from hub.store.privacy.tombstones import Mark, Tombstones
from hub.store.running import changes
from hub.store.tables import (
    activities,
    authors,
    chores,
    consents,
    contact_history,
    contact_notes,
    contacts,
    digest_lines,
    digests,
    mention_versions,
    mentions,
    records,
    replies,
    runs,
    threads,
)


def begin(connection: Connection, chore: str, now: datetime, before: datetime) -> bool:
    """Take a chore on if nobody did since `before`; of several processes one does it."""
    insert = upsert(connection, chores).values(name=chore, at=now)
    taken = connection.execute(
        insert.on_conflict_do_update(
            index_elements=["name"], set_={"at": insert.excluded.at}, where=chores.c.at <= before
        ).returning(chores.c.name)
    )
    return taken.first() is not None


def _old_mentions(before: datetime, kinds: Sequence[str], others: bool) -> sa.ColumnElement[bool]:
    """What was said before a time, but for what the hub still works with or shows.

    That is: an answer that is on its way or in doubt, what is to be told a CRM, and what stands in a digest.
    """
    of_kind = mentions.c.kind.not_in(kinds) if others else mentions.c.kind.in_(kinds)
    answered = sa.exists().where(
        replies.c.mention_id == mentions.c.id, replies.c.state.in_(("sending", "unknown"))
    )
    told = sa.exists().where(
        activities.c.mention_id == mentions.c.id, activities.c.state.in_(("queued", "sending", "waiting", "asked"))
    )
    shown = sa.exists().where(digest_lines.c.mention_id == mentions.c.id, digest_lines.c.state != "deleted")
    published = sa.exists().where(
        threads.c.id == mentions.c.thread_id,
        digests.c.discussion_id == threads.c.discussion_id,
        digests.c.state != "ended",
    )
    return sa.and_(mentions.c.sent_at < before, of_kind, ~answered, ~told, ~shown, ~published)


def _old_people(before: datetime) -> sa.Select[Any]:
    """People of whom nothing is kept that they said, who are in no CRM, and about whom nothing changed since."""
    card = contacts.alias("card")
    of_them = card.c.person_id == contacts.c.person_id
    said = sa.and_(mentions.c.platform == authors.c.platform, mentions.c.author_id == authors.c.remote_id)
    return sa.select(contacts.c.person_id).where(
        contacts.c.person_id == contacts.c.id,
        ~sa.exists().where(of_them, sa.func.coalesce(card.c.changed_at, card.c.created_at) >= before),
        ~sa.exists().where(of_them, records.c.contact_id == card.c.id),
        ~sa.exists().where(of_them, contact_notes.c.contact_id == card.c.id, contact_notes.c.at >= before),
        ~sa.exists().where(of_them, consents.c.contact_id == card.c.id, consents.c.at >= before),
        ~sa.exists().where(of_them, authors.c.contact_id == card.c.id, said),
    )


def count_mentions(connection: Connection, before: datetime, kinds: Sequence[str], others: bool) -> int:
    """Count what `drop_mentions` would remove in all."""
    query = sa.select(sa.func.count()).select_from(mentions).where(_old_mentions(before, kinds, others))
    return int(connection.execute(query).scalar_one())


def drop_mentions(
    connection: Connection,
    before: datetime,
    kinds: Sequence[str],
    others: bool,
    tombstones: Tombstones,
    now: datetime,
    limit: int,
) -> int:
    """Remove what was said before a time: mentions of `kinds`, or of all `others`; return how many.

    One that had no time of its own leaves a hash, or the next read would bring it back as something new.
    """
    query = (
        sa.select(mentions.c.id, mentions.c.platform, mentions.c.remote_id, mentions.c.author_id)
        .add_columns((mentions.c.sent_at == mentions.c.seen_at).label("timeless"))
        .where(_old_mentions(before, kinds, others))
        .order_by(mentions.c.sent_at, mentions.c.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    if not rows:
        return 0
    timeless: list[Mark] = [("mention", row.platform, row.remote_id) for row in rows if row.timeless]
    if timeless:
        tombstones.bury(connection, timeless, now)
    ids = [row.id for row in rows]
    dropping.mentions(connection, ids, dropping.threads_of(connection, ids))
    _drop_strangers(connection, {(row.platform, row.author_id) for row in rows if row.author_id})
    for kind in ("mentions", "discussions"):
        changes.note(connection, kind)
    return len(rows)


def _drop_strangers(connection: Connection, who: set[tuple[str, str]]) -> None:
    """Remove those of the authors of whom nothing is kept that they said, and who are nobody's identity."""
    for platform, author in sorted(who):
        speaks = sa.exists().where(mentions.c.platform == platform, mentions.c.author_id == author)
        connection.execute(
            authors.delete().where(
                authors.c.platform == platform,
                authors.c.remote_id == author,
                authors.c.contact_id.is_(None),
                ~speaks,
            )
        )


def count_people(connection: Connection, before: datetime) -> int:
    """Count what `drop_people` would remove in all."""
    found = _old_people(before).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())


def drop_people(connection: Connection, before: datetime, now: datetime, limit: int) -> int:
    """Remove people with whom nothing happened since a time; return how many."""
    people = list(connection.execute(_old_people(before).order_by(contacts.c.person_id).limit(limit)).scalars())
    if not people:
        return 0
    query = sa.select(contacts.c.id).where(contacts.c.person_id.in_(people))
    cards = list(connection.execute(query).scalars())
    connection.execute(authors.delete().where(authors.c.contact_id.in_(cards)))
    erasing.drop_cards(connection, cards, now)
    changes.note(connection, "contacts")
    return len(people)


_HISTORY: tuple[tuple[sa.Table, sa.Column[Any]], ...] = (
    (contact_history, contact_history.c.at),
    (mention_versions, mention_versions.c.replaced_at),
)


def count_history(connection: Connection, before: datetime) -> int:
    """Count what `drop_history` would remove in all."""
    return sum(_count(connection, table, at < before) for table, at in _HISTORY)


def drop_history(connection: Connection, before: datetime, limit: int) -> int:
    """Remove what fields and remarks were before a time; return how many of each were."""
    return sum(_drop(connection, table, at < before, limit) for table, at in _HISTORY)


def count_runs(connection: Connection, before: datetime) -> int:
    """Count what `drop_runs` would remove in all."""
    return _count(connection, runs, runs.c.ended_at < before)


def drop_runs(connection: Connection, before: datetime, limit: int) -> int:
    """Remove how turns went before a time; return how many."""
    return _drop(connection, runs, runs.c.ended_at < before, limit)


def _count(connection: Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one())


def _drop(connection: Connection, table: sa.Table, where: sa.ColumnElement[bool], limit: int) -> int:
    some = sa.select(table.c.id).where(where).order_by(table.c.id).limit(limit)
    return connection.execute(table.delete().where(table.c.id.in_(some))).rowcount
