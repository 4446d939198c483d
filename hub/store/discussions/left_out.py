"""Who asked to be left out of what is published of discussions, and who we are ourselves."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.running import changes
from hub.store.tables import accounts, authors, contacts, left_out, mentions


def add(connection: Connection, platform: str, author_id: str, now: datetime) -> bool:
    """Leave an author out of all digests from now on; False if they are left out already."""
    row = connection.execute(
        upsert(connection, left_out)
        .values(platform=platform, author_id=author_id, at=now)
        .on_conflict_do_nothing()
        .returning(left_out.c.at)
    ).first()
    if row is not None:
        changes.note(connection, "digests")
    return row is not None


def remove(connection: Connection, platform: str, author_id: str) -> bool:
    """Show an author again, and whoever is known to be the same person; False if nobody was left out."""
    same = [(platform, author_id), *_same_person(connection, platform, author_id)]
    gone = 0
    for each, name in dict.fromkeys(same):
        gone += connection.execute(
            left_out.delete().where(left_out.c.platform == each, left_out.c.author_id == name)
        ).rowcount
    if gone:
        changes.note(connection, "digests")
    return gone > 0


def _same_person(connection: Connection, platform: str, author_id: str) -> list[tuple[str, str]]:
    person = (
        sa.select(contacts.c.person_id)
        .join(authors, authors.c.contact_id == contacts.c.id)
        .where(authors.c.platform == platform, authors.c.remote_id == author_id)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(authors.c.platform, authors.c.remote_id)
        .join(contacts, contacts.c.id == authors.c.contact_id)
        .where(contacts.c.person_id == person)
    )
    return [(row.platform, row.remote_id) for row in rows]


class LeftOut(NamedTuple):
    """Who is left out, as platform and author, with every identity of the same contact; and since when."""

    who: frozenset[tuple[str, str]]
    since: datetime | None


def everybody(connection: Connection) -> LeftOut:
    """Return everybody who is left out."""
    asked = {(row.platform, row.author_id): row.at for row in connection.execute(sa.select(left_out))}
    if not asked:
        return LeftOut(frozenset(), None)
    other, card, other_card = authors.alias(), contacts.alias(), contacts.alias()
    rows = connection.execute(
        sa.select(other.c.platform, other.c.remote_id)
        .select_from(left_out)
        .join(
            authors,
            sa.and_(authors.c.platform == left_out.c.platform, authors.c.remote_id == left_out.c.author_id),
        )
        .join(card, card.c.id == authors.c.contact_id)
        .join(other_card, other_card.c.person_id == card.c.person_id)
        .join(other, other.c.contact_id == other_card.c.id)
    )
    same = {(row.platform, row.remote_id) for row in rows}
    return LeftOut(frozenset(asked) | same, max(asked.values()))


def our_identities(connection: Connection) -> frozenset[tuple[str, str]]:
    """Return who we are: the platform and the remote id of each account."""
    rows = connection.execute(sa.select(accounts.c.platform, accounts.c.identity).where(accounts.c.identity != ""))
    return frozenset((row.platform, row.identity) for row in rows)


def author_of(connection: Connection, mention_id: int) -> tuple[str, str] | None:
    """Return who made a mention, as platform and author; None if there is no such mention or nobody is known."""
    row = connection.execute(
        sa.select(mentions.c.platform, mentions.c.author_id).where(mentions.c.id == mention_id)
    ).first()
    return None if row is None or row.author_id is None else (row.platform, row.author_id)
