"""Removes a person from every table, and what is left of them in the file; numbers alone stay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store import tables
from hub.store.database import chunks
from hub.store.discussions import dropping, search
from hub.store.privacy import held
from hub.store.privacy.held import Subject
from hub.store.privacy.tombstones import Mark, Tombstones
from hub.store.running import changes

_MASK = "***"
# How many rows are named, of those in which a word still stands.
_SHOWN = 100
_NOBODY: dict[str, Any] = {"name": "", "origin": "erased", "unmatched": 0}


class Removed(NamedTuple):
    """What was done: how many rows were removed, and how many were changed and stay, each by table."""

    rows: Mapping[str, int]
    changed: Mapping[str, int]


def marks_of(connection: Connection, who: Subject, tombstones: Tombstones) -> set[Mark]:
    """Return by what a person would be recognised again.

    An address or a number that somebody else has too is none of it, nor is one that a profile merely claims: whose
    it is must come in.
    """
    marks: set[Mark] = {("author", platform, author) for platform, author in who.authors}
    authors, records, values, mentions = tables.authors, tables.records, tables.contact_values, tables.mentions
    for row in connection.execute(sa.select(authors).where(authors.c.contact_id.in_(who.cards))):
        if row.handle:
            marks |= tombstones.marks_of_values({f"handles.{row.platform}": row.handle})
    for row in connection.execute(sa.select(records).where(records.c.contact_id.in_(who.cards))):
        marks |= {("record", row.account, row.remote_id)} if row.remote_id else set()
        marks |= {("key", row.account, row.key)} if row.key else set()
    others = values.alias("others")
    shared = sa.exists().where(
        others.c.key == values.c.key, others.c.field == values.c.field, others.c.contact_id.not_in(who.cards)
    )
    query = sa.select(values.c.field, values.c.key).where(
        values.c.contact_id.in_(who.cards),
        values.c.field.in_(("emails", "phones")),
        values.c.key != "",
        values.c.source != "author",
        ~shared,
    )
    kinds = {"emails": "email", "phones": "phone"}
    marks |= {(kinds[row.field], row.key) for row in connection.execute(query)}
    for some in chunks(who.talk):
        rows = connection.execute(
            sa.select(mentions.c.platform, mentions.c.remote_id).where(mentions.c.id.in_(some))
        )
        marks |= {("mention", row.platform, row.remote_id) for row in rows}
    return marks


def remove(
    connection: Connection, who: Subject, tombstones: Tombstones, kept: Sequence[int], now: datetime
) -> Removed:
    """Remove a person from every table, as part of a transaction.

    Of the mentions in `kept` an empty row stays: a comment of ours with their words is still to be taken away.
    """
    rows, changed = Counter(_count(connection, who)), Counter[str](mentions=len(kept))
    thread_ids = dropping.threads_of(connection, who.talk)
    changed["joins"] = _unname_joins(connection, who)
    changed["runs"] = _mask(connection, who, tables.runs, ("error",))
    changed["accounts"] = _mask(connection, who, tables.accounts, ("reason", "last_error"))
    _delete(connection, who, ("notices", "activities", "left_out"))
    changed["mentions"] += _unname_parents(connection, who, tombstones, thread_ids)
    _empty(connection, who, tombstones, kept, now)
    stay = dropping.mentions(connection, sorted(set(who.talk) - set(kept)), thread_ids)
    _unname_threads(connection, sorted(stay), tombstones)
    changed["threads"] = len(stay)
    _delete(connection, who, ("records", "authors"))
    drop_cards(connection, who.cards, now)
    for kind in ("mentions", "discussions", "contacts", "digests"):
        changes.note(connection, kind)
    rows.subtract({name: changed[name] for name in ("joins", "runs", "accounts", "threads")})
    rows["mentions"] -= len(kept)
    return Removed(+rows, +changed)


def _count(connection: Connection, who: Subject) -> dict[str, int]:
    return {part.table.name: sum(1 for _ in held.rows(connection, part, who)) for part in held.PARTS}


def _delete(connection: Connection, who: Subject, names: Sequence[str]) -> None:
    for part in held.PARTS:
        if part.table.name in names:
            for where in list(part.where(connection, who)):
                connection.execute(part.table.delete().where(where))


def drop_cards(connection: Connection, cards: Sequence[int], now: datetime) -> None:
    """Remove cards and all that hangs on them; no number of theirs is given to somebody else."""
    contacts = tables.contacts
    highest = connection.execute(sa.select(sa.func.max(contacts.c.id))).scalar()
    if highest in cards and search.is_sqlite(connection):
        number = connection.execute(
            contacts.insert()
            .values(**_NOBODY, person_id=None, created_at=now, changed_at=now, deleted_at=now)
            .returning(contacts.c.id)
        ).scalar_one()
        assert number > highest
    connection.execute(contacts.delete().where(contacts.c.id.in_(cards)))
    newest = sa.select(sa.func.max(contacts.c.id)).scalar_subquery()
    connection.execute(contacts.delete().where(contacts.c.origin == "erased", contacts.c.id < newest))


def _unname_joins(connection: Connection, who: Subject) -> int:
    """Take the addresses of their remarks out of the grounds of joins; the joins stay."""
    joins, mentions = tables.joins, tables.mentions
    named: set[str] = set()
    for some in chunks(who.talk):
        query = sa.select(mentions.c.url, mentions.c.remote_id).where(mentions.c.id.in_(some))
        named.update(text for row in connection.execute(query) for text in row)
    part = next(part for part in held.PARTS if part.table is joins)
    found = list(held.rows(connection, part, who))
    for row in found:
        facts = {name: _MASK if value in named else value for name, value in json.loads(row["facts"]).items()}
        told = json.dumps(facts, ensure_ascii=False, sort_keys=True)
        connection.execute(joins.update().where(joins.c.id == row["id"]).values(facts=told))
    return len(found)


def _mask(connection: Connection, who: Subject, table: sa.Table, names: Sequence[str]) -> int:
    """Put *** in place of what names them in the hub's own texts."""
    part = next(part for part in held.PARTS if part.table is table)
    found = list(held.rows(connection, part, who))
    keys = list(table.primary_key.columns)
    # The longest first: an address holds the name that it begins with.
    words = sorted(who.words, key=len, reverse=True)
    for row in found:
        texts = {name: row[name] for name in names}
        for word in words:
            texts = {name: text.replace(word, _MASK) for name, text in texts.items()}
        connection.execute(table.update().where(*(key == row[key.name] for key in keys)).values(**texts))
    return len(found)


def _unname_parents(
    connection: Connection, who: Subject, tombstones: Tombstones, thread_ids: Sequence[int]
) -> int:
    """Let others' remarks that answer theirs answer something without a name; return how many there were.

    What they are compared by when they are read again changes with it, or they would seem to have been edited.
    """
    mentions, lines = tables.mentions, tables.digest_lines
    theirs: set[tuple[str, str]] = set()
    for some in chunks(who.talk):
        query = sa.select(mentions.c.platform, mentions.c.remote_id).where(mentions.c.id.in_(some))
        theirs.update((row.platform, row.remote_id) for row in connection.execute(query))
    talk, changed = set(who.talk), 0
    for some in chunks(thread_ids):
        query = _compared().where(mentions.c.thread_id.in_(some), mentions.c.parent_id.is_not(None))
        for row in connection.execute(query).all():
            if row.id in talk or (row.platform, row.parent_id) not in theirs:
                continue
            unnamed = tombstones.unnamed(row.platform, row.parent_id)
            hashed = _hashed(row, unnamed) if row.hash == _hashed(row, row.parent_id) else row.hash
            values = {"parent_id": unnamed, "hash": hashed}
            connection.execute(mentions.update().where(mentions.c.id == row.id).values(**values))
            changed += 1
    for names in chunks(sorted({remote_id for _, remote_id in theirs})):
        connection.execute(lines.update().where(lines.c.parent_id.in_(names)).values(parent_id=None))
    return changed


def _unname_threads(connection: Connection, ids: Sequence[int], tombstones: Tombstones) -> None:
    """Let threads under their posts be without the post's id; nothing more is read there."""
    threads, rows = tables.threads, tables.accounts
    for some in chunks(ids):
        query = sa.select(threads.c.id, threads.c.remote_id, rows.c.platform).join(
            rows, rows.c.name == threads.c.account
        )
        for row in connection.execute(query.where(threads.c.id.in_(some))).all():
            unnamed = tombstones.unnamed(row.platform, row.remote_id)
            values = {"remote_id": unnamed, "url": "", "polled": False, "next_poll_at": None, "cursor": None}
            connection.execute(threads.update().where(threads.c.id == row.id).values(**values))


def _compared() -> sa.Select[Any]:
    mentions, authors = tables.mentions, tables.authors
    columns = ("id", "platform", "parent_id", "author_id", "text", "deleted_at", "hash")
    return sa.select(
        *(mentions.c[name] for name in columns), sa.func.coalesce(authors.c.name, "").label("author_name")
    ).outerjoin(
        authors, sa.and_(authors.c.platform == mentions.c.platform, authors.c.remote_id == mentions.c.author_id)
    )


def _hashed(row: Any, parent_id: str) -> int:
    """Hash a stored mention as `store.mentions` hashes one that comes in."""
    from hub.models import Author, Mention
    from hub.store.discussions.hashes import mention_hash

    author = Author(remote_id=row.author_id, name=row.author_name) if row.author_id else None
    return mention_hash(Mention(remote_id="-", thread_id="-", parent_id=parent_id, author=author, text=row.text))


def _empty(
    connection: Connection, who: Subject, tombstones: Tombstones, kept: Sequence[int], now: datetime
) -> None:
    """Leave of these mentions nothing but their number, and of what hangs on them nothing at all."""
    mentions = tables.mentions
    dropping.hanging(connection, kept)
    for some in chunks(kept):
        query = sa.select(mentions.c.id, mentions.c.platform, mentions.c.remote_id).where(mentions.c.id.in_(some))
        for row in connection.execute(query).all():
            values = {
                **dict.fromkeys(("text", "url", "links"), ""),
                **dict.fromkeys(("author_id", "parent_id", "assignee_id", "snoozed_until", "edited_at")),
                "remote_id": tombstones.unnamed(row.platform, row.remote_id),
                "deleted_at": now,
                "hash": 0,
                "unmerged": 0,
                "status": "done",
            }
            connection.execute(mentions.update().where(mentions.c.id == row.id).values(**values))


def likenesses(connection: Connection, who: Subject) -> list[int]:
    """Return the people of whom it is asked whether they are this one."""
    evidence, contacts = tables.contact_evidence, tables.contacts
    one, other = evidence.c.one_id.in_(who.cards), evidence.c.other_id.in_(who.cards)
    across = sa.or_(
        sa.and_(one, contacts.c.id == evidence.c.other_id), sa.and_(other, contacts.c.id == evidence.c.one_id)
    )
    query = (
        sa.select(contacts.c.person_id)
        .select_from(evidence)
        .join(contacts, across)
        .where(evidence.c.state == "proposed", contacts.c.person_id.is_not(None), contacts.c.id.not_in(who.cards))
    )
    return sorted(set(connection.execute(query).scalars()))


def remains(connection: Connection, words: Sequence[str]) -> dict[str, list[str]]:
    """Look for words in every text of every table; return the keys of the rows that hold one, by table."""
    found: dict[str, list[str]] = {}
    if not words:
        return found
    for table in tables.metadata.sorted_tables:
        texts = held.texts_of(table)
        keys = list(table.primary_key.columns)
        if texts:
            holds = sa.or_(*(column.contains(word, autoescape=True) for column in texts for word in words))
            rows = connection.execute(sa.select(*keys).where(holds).order_by(*keys).limit(_SHOWN)).all()
            if rows:
                found[table.name] = [":".join(map(str, row)) for row in rows]
    return found
