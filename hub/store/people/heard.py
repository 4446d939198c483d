"""What a person said to us on all sites, what we answered, and what the team noted about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.desk.replies import StoredReply
from hub.store.discussions.mentions import StoredMention, of_ids
from hub.store.tables import (
    authors,
    contact_evidence,
    contact_notes,
    contact_questions,
    contacts,
    discussions,
    mentions,
    replies,
    threads,
    users,
)


class Voice(NamedTuple):
    """One identity of a person, the card that it is on, and how much it said, of which how much was answered."""

    platform: str
    remote_id: str
    name: str
    handle: str
    url: str
    card: int
    remarks: int
    answered: int
    first_at: datetime | None
    last_at: datetime | None


class Talk(NamedTuple):
    """A discussion in which a person spoke. `newest` is the number of their last remark in it, of `remarks`."""

    discussion: int
    title: str
    url: str
    newest: int
    remarks: int
    last_at: datetime


class Said(NamedTuple):
    """A remark of the person, and our answers to it."""

    mention: StoredMention
    answers: Sequence[StoredReply]


class PersonNote(NamedTuple):
    """What one of the team noted about a person; `by` is "" for who works at the machine itself."""

    id: int
    card: int
    by: str
    text: str
    at: datetime


_SPOKE = sa.and_(mentions.c.platform == authors.c.platform, mentions.c.author_id == authors.c.remote_id)


def voices(connection: Connection, person_id: int) -> list[Voice]:
    """Return the identities of a person, with how much was said and answered in each."""
    said = (
        sa.select(
            mentions.c.platform,
            mentions.c.author_id,
            sa.func.count().label("remarks"),
            sa.func.count(mentions.c.answered_at).label("answered"),
            sa.func.min(mentions.c.sent_at).label("first_at"),
            sa.func.max(mentions.c.sent_at).label("last_at"),
        )
        .join(authors, _SPOKE)
        .join(contacts, contacts.c.id == authors.c.contact_id)
        .where(contacts.c.person_id == person_id, mentions.c.deleted_at.is_(None))
        .group_by(mentions.c.platform, mentions.c.author_id)
        .subquery()
    )
    rows: Any = connection.execute(
        sa.select(
            authors.c.platform,
            authors.c.remote_id,
            authors.c.name,
            authors.c.handle,
            authors.c.url,
            authors.c.contact_id,
            sa.func.coalesce(said.c.remarks, 0),
            sa.func.coalesce(said.c.answered, 0),
            said.c.first_at,
            said.c.last_at,
        )
        .join(contacts, contacts.c.id == authors.c.contact_id)
        .outerjoin(said, sa.and_(said.c.platform == authors.c.platform, said.c.author_id == authors.c.remote_id))
        .where(contacts.c.person_id == person_id)
        .order_by(authors.c.contact_id, authors.c.platform, authors.c.remote_id)
    )
    return [Voice(*row) for row in rows]


def talks(connection: Connection, person_id: int, limit: int, before: int | None = None) -> list[Talk]:
    """Return the discussions in which a person spoke, those with their newest remark first.

    `before` is the `newest` of the last one of the page before.
    """
    newest = sa.func.max(mentions.c.id)
    query = (
        sa.select(
            threads.c.discussion_id.label("discussion"),
            newest.label("newest"),
            sa.func.count().label("remarks"),
            sa.func.max(mentions.c.sent_at).label("last_at"),
        )
        .join(authors, _SPOKE)
        .join(contacts, contacts.c.id == authors.c.contact_id)
        .join(threads, threads.c.id == mentions.c.thread_id)
        .where(contacts.c.person_id == person_id)
        .group_by(threads.c.discussion_id)
        .order_by(newest.desc())
        .limit(limit)
    )
    page = (query if before is None else query.having(newest < before)).subquery()
    rows = connection.execute(
        sa.select(
            page.c.discussion,
            discussions.c.title,
            discussions.c.url,
            page.c.newest,
            page.c.remarks,
            page.c.last_at,
        )
        .join(discussions, discussions.c.id == page.c.discussion)
        .order_by(page.c.newest.desc())
    )
    return [Talk(*row) for row in rows]


def said_in(
    connection: Connection, person_id: int, discussion_ids: Sequence[int], each: int
) -> dict[int, list[Said]]:
    """Return the newest remarks of a person in each of these discussions, oldest first, with our answers."""
    place = sa.func.row_number().over(partition_by=threads.c.discussion_id, order_by=mentions.c.id.desc())
    numbered = (
        sa.select(mentions.c.id, place.label("place"))
        .join(authors, _SPOKE)
        .join(contacts, contacts.c.id == authors.c.contact_id)
        .join(threads, threads.c.id == mentions.c.thread_id)
        .where(contacts.c.person_id == person_id, threads.c.discussion_id.in_(discussion_ids))
        .subquery()
    )
    ids = connection.execute(sa.select(numbered.c.id).where(numbered.c.place <= each).order_by(numbered.c.id))
    order = list(ids.scalars())
    remarks = of_ids(connection, order)
    answers = _answers(connection, order)
    found: dict[int, list[Said]] = {}
    for number in order:
        if number in remarks:
            one = remarks[number]
            found.setdefault(one.discussion, []).append(Said(one, answers.get(number, ())))
    return found


def _answers(connection: Connection, ids: Sequence[int]) -> dict[int, list[StoredReply]]:
    rows: Any = connection.execute(
        sa.select(
            replies.c.id,
            replies.c.mention_id,
            replies.c.account,
            replies.c.by_name,
            replies.c.text,
            replies.c.state,
            replies.c.remote_id,
            replies.c.url,
            replies.c.error,
            replies.c.created_at,
        )
        .where(replies.c.mention_id.in_(ids), replies.c.state != "failed")
        .order_by(replies.c.id)
    )
    found: dict[int, list[StoredReply]] = {}
    for row in rows:
        found.setdefault(row.mention_id, []).append(StoredReply(*row))
    return found


def notes_of(connection: Connection, person_id: int) -> list[PersonNote]:
    """Return what the team noted about a person, oldest first."""
    rows = connection.execute(
        sa.select(contact_notes.c.id, contact_notes.c.contact_id, _NAME, contact_notes.c.text, contact_notes.c.at)
        .join(contacts, contacts.c.id == contact_notes.c.contact_id)
        .outerjoin(users, users.c.id == contact_notes.c.user_id)
        .where(contacts.c.person_id == person_id)
        .order_by(contact_notes.c.at, contact_notes.c.id)
    )
    return [PersonNote(*row) for row in rows]


_NAME = sa.func.coalesce(sa.case((users.c.display_name != "", users.c.display_name), else_=users.c.name), "")


def origins_of(connection: Connection, person_id: int) -> dict[int, str]:
    """Return the cards of a person, the lowest number first, each with where it comes from."""
    rows = connection.execute(
        sa.select(contacts.c.id, contacts.c.origin)
        .where(contacts.c.person_id == person_id)
        .order_by(contacts.c.id)
    )
    return {row.id: row.origin for row in rows}


class Waiting(NamedTuple):
    """How much waits for a person's word, up to `MOST_WAITING` of each."""

    questions: int
    proposals: int


MOST_WAITING = 99


def waiting(connection: Connection) -> Waiting:
    """Count the open questions and the pairs of cards that are proposed."""
    asked = sa.select(contact_questions.c.id).where(contact_questions.c.answered_at.is_(None))
    pairs = sa.select(contact_evidence.c.one_id, contact_evidence.c.other_id).distinct()
    proposed = pairs.where(contact_evidence.c.state == "proposed")
    counted = [
        sa.select(sa.func.count()).select_from(one.limit(MOST_WAITING).subquery()).scalar_subquery()
        for one in (asked, proposed)
    ]
    return Waiting(*connection.execute(sa.select(*counted)).one())


def place_of(connection: Connection, person_id: int) -> tuple[str, int] | None:
    """Return where a contact stands in the list by name, None for one that there is not."""
    row = connection.execute(sa.select(contacts.c.name, contacts.c.id).where(contacts.c.id == person_id)).first()
    return None if row is None else (row.name, row.id)


def names_of(connection: Connection, user_ids: Sequence[int]) -> dict[int, str]:
    """Return what these users are called, also those who are shut out by now."""
    rows = connection.execute(sa.select(users.c.id, _NAME.label("name")).where(users.c.id.in_(user_ids)))
    return {row.id: row.name for row in rows}
