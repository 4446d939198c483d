"""Gives each author a card with what their profile says; what others wrote on the card stays theirs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.people import cards, evidence
from hub.store.people.keys import EMAILS, HANDLES, LINKS, URL, VERIFIED
from hub.store.people.likely import values
from hub.store.tables import UNKNOWN, accounts, authors, contacts


class Profile(NamedTuple):
    """An author whose profile their card does not hold yet."""

    platform: str
    remote_id: str
    name: str
    handle: str
    url: str
    emails: str
    links: str
    verified_links: str
    hash: int
    contact_id: int | None


def meet_authors(connection: Connection, limit: int, now: datetime) -> int:
    """Give authors whose profile is new or another a card with it; return how many were looked at.

    Our own accounts are nobody's contact.
    """
    columns = [authors.c[name] for name in Profile._fields]
    query = sa.select(*columns).where(UNKNOWN).order_by(authors.c.platform, authors.c.remote_id).limit(limit)
    evidence.alone(connection)
    found = [Profile(*row) for row in connection.execute(query).all()]
    ours = {(row.platform, row.identity) for row in connection.execute(sa.select(accounts))}
    shared = _shared_cards(connection, [one.contact_id for one in found if one.contact_id is not None])
    new = [
        one
        for one in found
        if (one.platform, one.remote_id) not in ours and (one.contact_id is None or one.contact_id in shared)
    ]
    numbers = cards.create_many(
        connection, [_fields(one) for one in new], origin="author", source="author", now=now, at=cards.LOST
    )
    given = {(one.platform, one.remote_id): number for one, number in zip(new, numbers, strict=True)}
    evidence.keep(
        connection,
        [
            evidence.NewEvidence(
                one.contact_id, card, "record", f"{one.platform}: {one.remote_id}", "", 1.0, "joined"
            )
            for one, card in zip(new, numbers, strict=True)
            if one.contact_id is not None
        ],
        now,
    )
    evidence.unite(
        connection,
        {
            card: shared[one.contact_id]
            for one, card in zip(new, numbers, strict=True)
            if one.contact_id is not None
        },
        now,
    )
    own = [one for one in found if one.contact_id is not None and one.contact_id not in shared]
    held = values(connection, [one.contact_id for one in own if one.contact_id is not None])
    for one in own:
        if one.contact_id is not None:
            told = _told(_fields(one, whole=True), held[one.contact_id])
            cards.put_values(connection, one.contact_id, told, source="author", at=cards.LOST, now=now)
    rows = [
        {
            "b_platform": one.platform,
            "b_remote": one.remote_id,
            "b_card": given.get((one.platform, one.remote_id), one.contact_id),
            "b_hash": one.hash,
        }
        for one in found
    ]
    if rows:
        connection.execute(_KNOW, rows)
    return len(found)


_KNOW = (
    authors.update()
    .where(authors.c.platform == sa.bindparam("b_platform"), authors.c.remote_id == sa.bindparam("b_remote"))
    .values(contact_id=sa.bindparam("b_card"), known=sa.bindparam("b_hash"))
)


def _fields(author: Profile, *, whole: bool = False) -> dict[str, str | Sequence[str]]:
    """Return what an author's card holds; `whole` names also what is empty."""
    values: dict[str, str | Sequence[str]] = {
        "name": author.name,
        HANDLES + author.platform: author.handle or author.remote_id,
        URL: author.url,
        EMAILS: author.emails.split(),
        LINKS: author.links.split(),
        VERIFIED: author.verified_links.split(),
    }
    return values if whole else {field: value for field, value in values.items() if value}


def _shared_cards(connection: Connection, card_ids: Collection[int]) -> dict[int, int]:
    """Return those of the cards that are not an author's own, as older versions made them, with their persons."""
    found: dict[int, int] = {}
    for some in chunks(sorted(set(card_ids))):
        query = sa.select(contacts.c.id, contacts.c.person_id).where(
            contacts.c.id.in_(some), contacts.c.origin != "author"
        )
        found |= {row.id: row.person_id for row in connection.execute(query)}
    return found


def _told(
    profile: Mapping[str, str | Sequence[str]], held: Sequence[cards.Value]
) -> dict[str, str | Sequence[str]]:
    """Return what an author's card is to hold of a profile: what others wrote on the card stays theirs."""
    others = [one for one in held if one.source != "author"]
    taken = {one.field for one in others if not one.many}
    told: dict[str, str | Sequence[str]] = {}
    for field, given in profile.items():
        if isinstance(given, str):
            if field not in taken:
                told[field] = given
        else:
            told[field] = [*(one.value for one in others if one.field == field and one.many), *given]
    return told
