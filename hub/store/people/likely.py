"""Who may be whom: cards that share what people are known by, found by an index and not by looking at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.people import cards
from hub.store.people.keys import HANDLES, LINKS, PHONES, URL, VERIFIED, address, normal
from hub.store.tables import (
    KEYED,
    UNKNOWN,
    UNMATCHED,
    authors,
    contact_values,
    contacts,
    mentions,
    records,
)

CROWD = 200
"""What more cards than this have in common is nobody's own, and is not even read."""

_WEB = frozenset({URL, LINKS, VERIFIED})


class Met(NamedTuple):
    """A card that holds a key: `place` is the key's field, "web" for all addresses."""

    place: str
    key: str
    card: int
    person: int
    source: str


def is_anything_new(connection: Connection) -> bool:
    """Tell whether there is a card or an author that was not compared yet."""
    for query in (
        sa.select(contacts.c.id).where(UNMATCHED).limit(1),
        sa.select(authors.c.remote_id).where(UNKNOWN).limit(1),
    ):
        if connection.execute(query).first() is not None:
            return True
    return False


def unmatched(connection: Connection, limit: int) -> list[int]:
    """Return cards that were not compared since they changed, the lowest first."""
    query = sa.select(contacts.c.id).where(UNMATCHED).order_by(contacts.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def note_matched(connection: Connection, card_ids: Sequence[int]) -> None:
    """Note that these cards were compared."""
    for some in chunks(card_ids):
        connection.execute(contacts.update().where(contacts.c.id.in_(some)).values(unmatched=0))


def write_phones(connection: Connection, card_ids: Sequence[int], region: str) -> None:
    """Give phone numbers that are written without a country the key that they have in this one."""
    rows = []
    for some in chunks(card_ids):
        query = sa.select(contact_values.c.id, contact_values.c.value).where(
            contact_values.c.contact_id.in_(some), contact_values.c.field == PHONES, contact_values.c.key == ""
        )
        for number, value in connection.execute(query):
            key = normal(PHONES, value, region)
            if key:
                rows.append({"b_id": number, "b_key": key})
    if rows:
        connection.execute(_KEY, rows)


_KEY = contact_values.update().where(contact_values.c.id == sa.bindparam("b_id")).values(key=sa.bindparam("b_key"))


def place_of(field: str) -> str:
    """Return where a key of a field is looked up: addresses of all kinds meet each other."""
    return "web" if field in _WEB else field


def meet(connection: Connection, keys: Collection[tuple[str, str]], crowds: set[tuple[str, str]]) -> list[Met]:
    """Return the cards that hold these keys, each a place and a key; what a crowd shares goes to `crowds`."""
    wanted = set(keys) - crowds
    several: set[tuple[str, str]] = set()
    for some in chunks(sorted({key for _, key in wanted})):
        counts: dict[tuple[str, str], int] = {}
        rows = connection.execute(
            sa.select(contact_values.c.key, contact_values.c.field, sa.func.count())
            .where(KEYED, contact_values.c.key.in_(some))
            .group_by(contact_values.c.key, contact_values.c.field)
        )
        for key, field, count in rows.all():
            place = (place_of(field), key)
            counts[place] = counts.get(place, 0) + count
        several |= {place for place, count in counts.items() if count <= CROWD and place in wanted}
        crowds |= {place for place, count in counts.items() if count > CROWD and place in wanted}
    found: list[Met] = []
    for some in chunks(sorted({key for _, key in several})):
        rows = connection.execute(
            sa.select(
                contact_values.c.field,
                contact_values.c.key,
                contacts.c.id,
                contacts.c.person_id,
                contact_values.c.source,
            )
            .join(contacts, contacts.c.id == contact_values.c.contact_id)
            .where(KEYED, contact_values.c.key.in_(some), contacts.c.deleted_at.is_(None))
        )
        for field, *rest in rows.all():
            met = Met(place_of(field), *rest)
            if (met.place, met.key) in several:
                found.append(met)
    return found


def by_remote_id(connection: Connection, keys: Collection[tuple[str, str]]) -> list[Met]:
    """Return the cards of authors, and of records, that a field of handles names by its id."""
    found: list[Met] = []
    by_platform: dict[str, list[str]] = {}
    for place, key in keys:
        if place.startswith(HANDLES):
            by_platform.setdefault(place.removeprefix(HANDLES), []).append(key)
    for platform, names in sorted(by_platform.items()):
        for some in chunks(sorted(names)):
            for table, kind, account in (
                (authors, authors.c.platform, False),
                (records, records.c.account, True),
            ):
                rows = connection.execute(
                    sa.select(table.c.remote_id, contacts.c.id, contacts.c.person_id)
                    .join(contacts, contacts.c.id == table.c.contact_id)
                    .where(kind == platform, table.c.remote_id.in_(some), contacts.c.deleted_at.is_(None))
                )
                source = platform if account else "author"
                found += [Met(HANDLES + platform, name, card, person, source) for name, card, person in rows]
    return found


class Known(NamedTuple):
    """What is held of a card besides its values."""

    person: int
    origin: str
    remote: tuple[str, str] | None
    records: frozenset[tuple[str, str]]
    own: str


def known(connection: Connection, card_ids: Collection[int]) -> Mapping[int, Known]:
    """Return of each of these cards, but the deleted, whose it is, and what identity and records are on it."""
    found: dict[int, Known] = {}
    said = (
        sa.select(mentions.c.url)
        .where(
            mentions.c.platform == authors.c.platform,
            mentions.c.author_id == authors.c.remote_id,
            mentions.c.url != "",
        )
        .order_by(mentions.c.id)
        .limit(1)
        .correlate(authors)
        .scalar_subquery()
    )
    for some in chunks(sorted(card_ids)):
        rows = connection.execute(
            sa.select(contacts.c.id, contacts.c.person_id, contacts.c.origin).where(
                contacts.c.id.in_(some), contacts.c.deleted_at.is_(None)
            )
        )
        heads = {row.id: (row.person_id, row.origin) for row in rows}
        voices = {
            row.contact_id: row
            for row in connection.execute(
                sa.select(
                    authors.c.contact_id,
                    authors.c.platform,
                    authors.c.remote_id,
                    authors.c.url,
                    said.label("said"),
                )
                .where(authors.c.contact_id.in_(some))
                .order_by(authors.c.platform.desc(), authors.c.remote_id.desc())
            )
        }
        held: dict[int, set[tuple[str, str]]] = {}
        for row in connection.execute(
            sa.select(records.c.contact_id, records.c.account, records.c.remote_id).where(
                records.c.contact_id.in_(some), records.c.remote_id.is_not(None), records.c.state != "gone"
            )
        ):
            held.setdefault(row.contact_id, set()).add((row.account, row.remote_id))
        for card, (person, origin) in heads.items():
            voice = voices.get(card)
            found[card] = Known(
                person,
                origin,
                None if voice is None else (voice.platform, voice.remote_id),
                frozenset(held.get(card, ())),
                "" if voice is None else _own(voice.url, voice.said),
            )
    return found


def _own(profile: str, said: str | None) -> str:
    """Return the address of a profile if it stands on the site where its owner speaks.

    Elsewhere it is what somebody typed into a form: a claim.
    """
    own = address(profile)
    return own if own and said and own.partition("/")[0] == address(said).partition("/")[0] else ""


def values(connection: Connection, card_ids: Collection[int]) -> dict[int, list[cards.Value]]:
    """Return what these cards hold, without what a person's other cards hold."""
    found: dict[int, list[cards.Value]] = {card: [] for card in card_ids}
    columns = [contact_values.c[name] for name in cards.Value._fields]
    for some in chunks(sorted(card_ids)):
        for row in connection.execute(sa.select(*columns).where(contact_values.c.contact_id.in_(some))).all():
            found[row.contact_id].append(cards.Value(*row))
    return found
