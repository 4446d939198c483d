"""Contacts: the people behind authors and CRM records, joined by evidence, never by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Contact
from hub.store.database import upsert
from hub.store.posts import digest
from hub.store.switches import insert_unless_stopped
from hub.store.tables import accounts, authors, contact_emails, contacts, mentions, notes, records, threads


class Record(NamedTuple):
    id: int
    account: str
    remote_id: str | None
    contact_id: int
    state: str
    url: str
    updated_at: datetime


_RECORD = [records.c[field] for field in Record._fields]


class StoredAuthor(NamedTuple):
    platform: str
    remote_id: str
    name: str
    handle: str
    url: str
    emails: str
    contact_id: int | None


_AUTHOR = [authors.c[field] for field in StoredAuthor._fields]


class UnsentNote(NamedTuple):
    """A remark of a person that their CRM record does not hold yet."""

    mention_id: int
    record_id: str
    platform: str
    author: str
    text: str
    url: str
    sent_at: datetime


def take_in(connection: Connection, account: str, items: Sequence[Contact], now: datetime) -> int:
    """Store what a CRM holds; return how many records were new or changed.

    A record belongs to the contact that has it already, or to the one with one of its e-mails, or to the one
    behind one of its handles; otherwise to a new one.
    """
    changed = 0
    known = _records(connection, account, [item.remote_id for item in items])
    for item in items:
        if item.deleted:
            changed += _drop_record(connection, account, item.remote_id)
            continue
        hashed = _contact_hash(item)
        before = known.get(item.remote_id)
        if before is not None and before[1] == hashed:
            continue
        changed += 1
        owners = [before[0]] if before is not None else []
        owners += _owners(connection, item)
        owner = _join(connection, owners) if owners else _create(connection, item.name, now)
        _fill(connection, owner, item)
        insert = upsert(connection, records).values(
            account=account,
            remote_id=item.remote_id,
            contact_id=owner,
            state="synced",
            hash=hashed,
            url=item.url,
            error="",
            updated_at=now,
        )
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["account", "remote_id"],
                set_={"contact_id": owner, "state": "synced", "hash": hashed, "url": item.url, "updated_at": now},
            )
        )
    return changed


def _records(connection: Connection, account: str, remote_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    rows = connection.execute(
        sa.select(records.c.remote_id, records.c.contact_id, records.c.hash).where(
            records.c.account == account, records.c.remote_id.in_(remote_ids)
        )
    )
    return {row.remote_id: (row.contact_id, row.hash) for row in rows}


def _drop_record(connection: Connection, account: str, remote_id: str) -> int:
    return connection.execute(
        records.delete().where(records.c.account == account, records.c.remote_id == remote_id)
    ).rowcount


def _contact_hash(item: Contact) -> int:
    handles = [f"{platform}={handle}" for platform, handle in sorted(item.handles.items())]
    return digest(item.name, *sorted(map(str.lower, item.emails)), *sorted(item.phones), *handles, item.url)


def _owners(connection: Connection, item: Contact) -> list[int]:
    """Return the contacts that the record's e-mails and handles speak for, oldest first."""
    emails = [email.lower() for email in item.emails]
    found = set(
        connection.execute(
            sa.select(contact_emails.c.contact_id).where(contact_emails.c.email.in_(emails))
        ).scalars()
    )
    for author in authors_by_handle(connection, item):
        if author.contact_id is not None:
            found.add(author.contact_id)
    return sorted(found)


def authors_by_handle(connection: Connection, item: Contact) -> list[StoredAuthor]:
    """Return the authors that a record names by their handle or id on a platform."""
    found: list[StoredAuthor] = []
    for platform, handle in item.handles.items():
        name = handle.removeprefix("@").strip()
        if name:
            rows = connection.execute(
                sa.select(*_AUTHOR).where(
                    authors.c.platform == platform,
                    sa.or_(authors.c.remote_id == name, sa.func.lower(authors.c.handle) == name.lower()),
                )
            )
            found += [StoredAuthor(*row) for row in rows]
    return found


def _create(connection: Connection, name: str, now: datetime) -> int:
    row = connection.execute(contacts.insert().values(name=name, created_at=now).returning(contacts.c.id)).one()
    return int(row.id)


def _join(connection: Connection, owners: Sequence[int]) -> int:
    """Make one contact of several; the first keeps its number."""
    keep, others = owners[0], [owner for owner in dict.fromkeys(owners) if owner != owners[0]]
    for table in (authors, records, contact_emails):
        connection.execute(table.update().where(table.c.contact_id.in_(others)).values(contact_id=keep))
    if others:
        connection.execute(contacts.delete().where(contacts.c.id.in_(others)))
    return keep


def _fill(connection: Connection, contact_id: int, item: Contact) -> None:
    if item.name:
        connection.execute(contacts.update().where(contacts.c.id == contact_id).values(name=item.name))
    _add_emails(connection, contact_id, item.emails)
    for author in authors_by_handle(connection, item):
        connection.execute(_author(author).values(contact_id=contact_id))


def _add_emails(connection: Connection, contact_id: int, emails: Iterable[str]) -> None:
    rows = [{"email": email.lower(), "contact_id": contact_id} for email in dict.fromkeys(emails) if email]
    if rows:
        connection.execute(upsert(connection, contact_emails).on_conflict_do_nothing(), rows)


def _author(author: StoredAuthor) -> sa.Update:
    return authors.update().where(authors.c.platform == author.platform, authors.c.remote_id == author.remote_id)


def link_authors(connection: Connection, now: datetime) -> int:
    """Give each author whose e-mails are known the contact with one of them, or a new one; return how many.

    One who became known before their e-mail did is joined with the contact that has it.
    """
    known_so = sa.exists().where(
        contact_emails.c.contact_id == authors.c.contact_id, authors.c.emails.contains(contact_emails.c.email)
    )
    rows = connection.execute(sa.select(*_AUTHOR).where(authors.c.emails != "", ~known_so)).all()
    for row in rows:
        author = StoredAuthor(*row)
        emails = author.emails.split()
        owners = set(
            connection.execute(
                sa.select(contact_emails.c.contact_id).where(contact_emails.c.email.in_(emails))
            ).scalars()
        )
        if author.contact_id is not None:
            owners.add(author.contact_id)
        owner = _join(connection, sorted(owners)) if owners else _create(connection, author.name, now)
        _add_emails(connection, owner, emails)
        connection.execute(_author(author).values(contact_id=owner))
    return len(rows)


def adopt_speakers(connection: Connection, now: datetime) -> int:
    """Make a contact for each author who said something and has none; our own accounts are nobody's contact."""
    ours = sa.exists().where(accounts.c.platform == authors.c.platform, accounts.c.identity == authors.c.remote_id)
    spoke = sa.exists().where(
        mentions.c.platform == authors.c.platform, mentions.c.author_id == authors.c.remote_id
    )
    rows = connection.execute(sa.select(*_AUTHOR).where(authors.c.contact_id.is_(None), spoke, ~ours)).all()
    for row in rows:
        author = StoredAuthor(*row)
        connection.execute(_author(author).values(contact_id=_create(connection, author.name, now)))
    return len(rows)


def without_record(connection: Connection, account: str, limit: int = 200) -> list[int]:
    """Return contacts with an author that the CRM does not have, and whose push is not under way."""
    has = sa.exists().where(records.c.contact_id == contacts.c.id, records.c.account == account)
    spoke = sa.exists().where(authors.c.contact_id == contacts.c.id)
    rows = connection.execute(sa.select(contacts.c.id).where(~has, spoke).order_by(contacts.c.id).limit(limit))
    return list(rows.scalars())


def begin_push(connection: Connection, account: str, contact_id: int, now: datetime) -> int:
    """Note that a contact is about to be created in the CRM; raise `StoppedError` while the hub is stopped."""
    row = insert_unless_stopped(
        connection,
        records,
        account=account,
        contact_id=contact_id,
        state="sending",
        hash=0,
        url="",
        error="",
        updated_at=now,
    )
    return int(row.id)


def end_push(connection: Connection, /, record_id: int, **values: Any) -> None:
    connection.execute(records.update().where(records.c.id == record_id).values(**values))


def drop_push(connection: Connection, record_id: int) -> None:
    connection.execute(records.delete().where(records.c.id == record_id, records.c.remote_id.is_(None)))


def open_pushes(connection: Connection, account: str) -> list[Record]:
    """Return pushes whose answer never came."""
    rows = connection.execute(
        sa.select(*_RECORD).where(records.c.account == account, records.c.state.in_(("sending", "unknown")))
    )
    return [Record(*row) for row in rows]


def records_of(connection: Connection, contact_ids: Iterable[int]) -> list[Record]:
    rows = connection.execute(
        sa.select(*_RECORD).where(records.c.contact_id.in_(list(contact_ids))).order_by(records.c.id)
    )
    return [Record(*row) for row in rows]


def unsent_notes(connection: Connection, account: str, limit: int = 500) -> list[UnsentNote]:
    """Return remarks by people who have a record in the CRM that are not noted there, oldest first."""
    noted = sa.exists().where(notes.c.account == account, notes.c.mention_id == mentions.c.id)
    rows = connection.execute(
        sa.select(
            mentions.c.id,
            records.c.remote_id,
            mentions.c.platform,
            authors.c.name,
            mentions.c.text,
            mentions.c.url,
            mentions.c.sent_at,
        )
        .join(
            authors,
            sa.and_(authors.c.platform == mentions.c.platform, authors.c.remote_id == mentions.c.author_id),
        )
        .join(records, sa.and_(records.c.contact_id == authors.c.contact_id, records.c.account == account))
        .join(threads, threads.c.id == mentions.c.thread_id)
        .where(records.c.remote_id.is_not(None), mentions.c.deleted_at.is_(None), mentions.c.text != "", ~noted)
        .order_by(mentions.c.id)
        .limit(limit)
    )
    found: dict[int, UnsentNote] = {}
    for row in rows:
        found.setdefault(row[0], UnsentNote(*row))
    return list(found.values())


def begin_note(connection: Connection, account: str, mention_id: int, now: datetime) -> None:
    """Note that a remark is about to be given to the CRM; raise `StoppedError` while the hub is stopped."""
    insert_unless_stopped(
        connection, notes, account=account, mention_id=mention_id, state="sending", updated_at=now
    )


def end_note(connection: Connection, account: str, mention_id: int, state: str, now: datetime) -> None:
    connection.execute(
        notes.update()
        .where(notes.c.account == account, notes.c.mention_id == mention_id)
        .values(state=state, updated_at=now)
    )


def drop_note(connection: Connection, account: str, mention_id: int) -> None:
    connection.execute(notes.delete().where(notes.c.account == account, notes.c.mention_id == mention_id))


class Person(NamedTuple):
    """A contact as it is shown."""

    id: int
    name: str
    emails: Sequence[str]
    authors: Sequence[StoredAuthor]
    records: Sequence[Record]


def people(connection: Connection, limit: int, *, search: str = "", only: int | None = None) -> list[Person]:
    """Return contacts by name, those whose name, e-mail or handle holds `search` if it is given."""
    query = sa.select(contacts.c.id, contacts.c.name).order_by(contacts.c.name, contacts.c.id).limit(limit)
    if only is not None:
        query = query.where(contacts.c.id == only)
    if search:
        like = f"%{search.lower()}%"
        by_email = sa.exists().where(
            contact_emails.c.contact_id == contacts.c.id, contact_emails.c.email.like(like)
        )
        by_author = sa.exists().where(
            authors.c.contact_id == contacts.c.id,
            sa.or_(sa.func.lower(authors.c.handle).like(like), sa.func.lower(authors.c.name).like(like)),
        )
        query = query.where(sa.or_(sa.func.lower(contacts.c.name).like(like), by_email, by_author))
    return _people(connection, connection.execute(query).all())


def of_ids(connection: Connection, ids: Sequence[int]) -> list[Person]:
    """Return those contacts, by number."""
    query = sa.select(contacts.c.id, contacts.c.name).where(contacts.c.id.in_(ids)).order_by(contacts.c.id)
    return _people(connection, connection.execute(query).all())


def _people(connection: Connection, found: Sequence[Any]) -> list[Person]:
    ids = [row.id for row in found]
    emails: dict[int, list[str]] = {}
    for row in connection.execute(sa.select(contact_emails).where(contact_emails.c.contact_id.in_(ids))):
        emails.setdefault(row.contact_id, []).append(row.email)
    by_contact: dict[int, list[StoredAuthor]] = {}
    for row in connection.execute(sa.select(*_AUTHOR).where(authors.c.contact_id.in_(ids))):
        by_contact.setdefault(row.contact_id, []).append(StoredAuthor(*row))
    held: dict[int, list[Record]] = {}
    for record in records_of(connection, ids):
        held.setdefault(record.contact_id, []).append(record)
    return [
        Person(row.id, row.name, sorted(emails.get(row.id, [])), by_contact.get(row.id, []), held.get(row.id, []))
        for row in found
    ]
