"""Keeps a CRM in step: takes in its contacts, and gives it those who spoke to us, with what they said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import ContactSync
from hub.bookmarks import read_on
from hub.errors import AuthError, HubError, TransientError, UnknownOutcome
from hub.models import Batch, Contact, Note
from hub.store import Store, contacts, threads
from hub.store.contacts import Person, UnsentNote

log = structlog.get_logger()

# A contact whose creation was not answered is looked for in a pull that began this much later.
_SETTLE_AFTER = timedelta(seconds=30)


@dataclass
class Exchange:
    """One CRM account's turn at contacts: what it works with, and what it has done."""

    store: Store
    adapter: ContactSync
    clock: Callable[[], datetime]
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[HubError] = field(default_factory=list)

    @property
    def account(self) -> str:
        return self.adapter.account


def sync(exchange: Exchange, *, push: bool) -> None:
    """Take in what changed in the CRM, then, with `push`, give it what it lacks.

    The taking comes first, so that nobody is created there who is there already. One contact that the CRM
    refuses does not stop the others.
    """
    started = exchange.clock()
    pull(exchange)
    exchange.store.write(_know_speakers, started, push)
    if not push:
        return
    _settle_pushes(exchange, started)
    _push_new(exchange)
    _push_notes(exchange)


def _know_speakers(connection: Connection, now: datetime, all_of_them: bool) -> None:
    contacts.link_authors(connection, now)
    if all_of_them:
        contacts.adopt_speakers(connection, now)


def pull(exchange: Exchange) -> None:
    """Store the CRM's contacts, each page with its bookmark in one transaction."""
    account = exchange.account
    with exchange.store.read() as connection:
        cursor = threads.read_cursor(connection, account, "contacts").cursor
        first = not threads.has_cursor(connection, account, "contacts")
    adapter = exchange.adapter
    for batch, _ in read_on(account, adapter.platform, adapter.pull_contacts, cursor):
        changed = 0
        if batch.items or first or batch.cursor != cursor:
            changed = exchange.store.write(_store_page, account, batch, exchange.clock())
        cursor, first = batch.cursor, False
        exchange.counts["pulled"] += changed


def _store_page(connection: Connection, account: str, batch: Batch[Contact], now: datetime) -> int:
    changed = contacts.take_in(connection, account, batch.items, now)
    threads.write_cursor(connection, account, "contacts", batch.cursor, read_at=now)
    return changed


def _settle_pushes(exchange: Exchange, started: datetime) -> None:
    """A creation that was not answered is found by the pull, or was not made and is tried again."""
    with exchange.store.read() as connection:
        for push in contacts.open_pushes(connection, exchange.account):
            held = contacts.records_of(connection, [push.contact_id])
            found = any(record.account == exchange.account and record.remote_id for record in held)
            if found or started - push.updated_at >= _SETTLE_AFTER:
                exchange.store.write(contacts.drop_push, push.id)


def _push_new(exchange: Exchange) -> None:
    store, account = exchange.store, exchange.account
    with store.read() as connection:
        people = [
            contacts.people(connection, 1, only=contact_id)[0]
            for contact_id in contacts.without_record(connection, account)
        ]
    for person in people:
        record = store.write(contacts.begin_push, account, person.id, exchange.clock())
        try:
            receipt = exchange.adapter.push_contact(as_contact(person), None)
        except (AuthError, TransientError):
            store.write(contacts.drop_push, record)
            raise
        except UnknownOutcome as error:
            _end_push(exchange, record, "unknown", error)
        except HubError as error:
            _end_push(exchange, record, "failed", error)
        else:
            store.write(
                contacts.end_push,
                record,
                remote_id=receipt.remote_id,
                url=receipt.url,
                state="synced",
                updated_at=exchange.clock(),
            )
            exchange.counts["pushed"] += 1


def _end_push(exchange: Exchange, record: int, state: str, error: HubError) -> None:
    exchange.store.write(contacts.end_push, record, state=state, error=str(error), updated_at=exchange.clock())
    exchange.errors.append(error)
    log.warning("contact not pushed", account=exchange.account, state=state, reason=str(error))


def as_contact(person: Person) -> Contact:
    """Return a person as a CRM is to hold them."""
    return Contact(
        name=person.name or next((author.name or author.handle for author in person.authors), ""),
        emails=person.emails,
        handles={author.platform: author.handle or author.remote_id for author in person.authors},
        url=next((author.url for author in person.authors if author.url), ""),
    )


def _push_notes(exchange: Exchange) -> None:
    store, account = exchange.store, exchange.account
    with store.read() as connection:
        unsent = contacts.unsent_notes(connection, account)
    for note in unsent:
        store.write(contacts.begin_note, account, note.mention_id, exchange.clock())
        state = "sent"
        try:
            exchange.adapter.add_note(note.record_id, as_note(note))
        except (AuthError, TransientError):
            store.write(contacts.drop_note, account, note.mention_id)
            raise
        except HubError as error:
            # A note cannot be looked for, so one whose answer was lost is not written a second time.
            state = "unknown" if isinstance(error, UnknownOutcome) else "failed"
            exchange.errors.append(error)
        else:
            exchange.counts["noted"] += 1
        store.write(contacts.end_note, account, note.mention_id, state, exchange.clock())


def as_note(note: UnsentNote) -> Note:
    """Return a remark as a CRM is to show it: where, when, who, what, and the way back."""
    when = note.sent_at.strftime("%Y-%m-%d %H:%M UTC")
    return Note(
        key=f"mention-{note.mention_id}", text=f"{note.platform}, {when}, {note.author}: {note.text}", url=note.url
    )
