"""A CRM in memory, whose manners a test chooses, and the plugin that reads and writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import hub
from hub.adapter import BASIC_NAMES, Ability
from hub.errors import DuplicateError, GoneError, HubError, StaleRecord
from hub.models import Batch, Contact, Note, Push, Receipt

Values = dict[str, Any]
NAMES = BASIC_NAMES | {"company"}


@dataclass
class Row:
    """A record: what it holds, what it held before the last push, and when it was changed last."""

    id: str
    values: Values
    key: str = ""
    changed: int = 0
    updated_at: datetime | None = None
    deleted: bool = False
    made_at: datetime | None = None
    was: Values = field(default_factory=dict)

    def contact(self, crm: MemoryCrm) -> Contact:
        held = self.values
        return Contact(
            remote_id=self.id,
            name=held.get("name", ""),
            emails=held.get("emails", ()),
            phones=held.get("phones", ()),
            url=held.get("url", ""),
            handles=held.get("handles", {}),
            fields={name: value for name, value in held.items() if name not in BASIC_NAMES},
            key=self.key if crm.keys else "",
            version=f"v{self.changed}" if crm.versions else "",
            updated_at=self.updated_at if crm.dated else None,
            deleted=self.deleted,
        )


@dataclass
class MemoryCrm:
    """What the CRM holds, and how it behaves.

    `before` and `after` are called around each write with its verb and id: what they raise is what happens.
    `tidy` is what the CRM makes of a value. `feed` tells what changed since; without it each read is of all.
    `hidden` are ids that `find_contacts` does not show; `lag` is how long it takes to show a new record, as does a
    read of all where there is no feed. `skew` is by how much the times that it tells are off.
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    versions: bool = False
    keys: bool = False
    dated: bool = True
    feed: bool = False
    tells_deletions: bool = True
    abilities: frozenset[Ability] = frozenset({"find", "get", "delete"})
    reads: frozenset[str] = NAMES
    writes: frozenset[str] = NAMES
    single: frozenset[str] = frozenset()
    batch: int = 1
    page: int = 100
    unique_emails: bool = False
    tidy: Callable[[str, Any], Any] = lambda _, value: value
    before: Callable[[str, str | None], None] = lambda verb, remote_id: None
    after: Callable[[str, str | None], None] = lambda verb, remote_id: None
    rows: dict[str, Row] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    lag: timedelta = timedelta()
    skew: timedelta = timedelta()
    calls: list[str] = field(default_factory=list)
    made: int = 0
    moves: int = 0

    def add(self, name: str, *emails: str, **values: Any) -> str:
        """Let somebody at the CRM enter a contact; return its id."""
        return self._store({"name": name, "emails": emails, **values})

    def edit(self, remote_id: str, **values: Any) -> None:
        """Let somebody at the CRM change a record."""
        row = self.rows[remote_id]
        row.values |= values
        self._touch(row)

    def remove(self, remote_id: str) -> None:
        """Let somebody at the CRM delete a record."""
        row = self.rows[remote_id]
        row.deleted = True
        self._touch(row)

    def live(self) -> list[Row]:
        return [row for row in self.rows.values() if not row.deleted]

    def is_fresh(self, row: Row) -> bool:
        return row.made_at is not None and timedelta(0) <= self.clock() - row.made_at < self.lag

    def writes_made(self) -> int:
        return sum(call.split()[0] in ("create", "update", "delete", "note") for call in self.calls)

    def _store(self, values: Values, key: str = "") -> str:
        self.made += 1
        row = Row(str(self.made), values, key, made_at=self.clock())
        self.rows[row.id] = row
        self._touch(row)
        return row.id

    def _touch(self, row: Row) -> None:
        self.moves += 1
        row.changed, row.updated_at = self.moves, self.clock() + self.skew

    def push(self, contact: Contact, remote_id: str | None) -> Receipt:
        """Create or update, as the API does."""
        verb = "create" if remote_id is None else "update"
        self.calls.append(f"{verb} {remote_id or contact.name}")
        self.before(verb, remote_id)
        values = self._given(contact)
        if remote_id is None:
            twin = self._twin(values, contact.key)
            if twin is not None:
                raise DuplicateError("it is there", receipt=Receipt(remote_id=twin))
            remote_id = self._store(values, contact.key)
        else:
            row = self.rows.get(remote_id)
            if row is None or row.deleted:
                raise GoneError("it is gone")
            if self.versions and contact.version and contact.version != f"v{row.changed}":
                raise StaleRecord("it has changed")
            row.was = dict(row.values)
            row.values |= values
            if row.values != row.was:
                self._touch(row)
        self.after(verb, remote_id)
        return Receipt(remote_id=remote_id, url=f"https://crm.example/{remote_id}")

    def _given(self, contact: Contact) -> Values:
        every: Values = {
            "name": contact.name,
            "emails": tuple(contact.emails),
            "phones": tuple(contact.phones),
            "url": contact.url,
            "handles": dict(contact.handles),
            **{name: contact.fields.get(name, "") for name in self.writes - BASIC_NAMES},
        }
        named = contact.changed if contact.changed is not None else every.keys()
        return {
            name: self.tidy(name, value[:1] if name in self.single else value)
            for name, value in every.items()
            if name in named and name in self.writes
        }

    def _twin(self, values: Values, key: str) -> str | None:
        for row in self.live():
            if self.keys and key and row.key == key:
                return row.id
            if self.unique_emails and set(values.get("emails", ())) & set(row.values.get("emails", ())):
                return row.id
        return None


class MemoryPlugin(hub.ContactSync):
    """The plugin of such CRMs; each account has its own, by name."""

    platform = "memory"
    crms: ClassVar[dict[str, MemoryCrm]] = {}

    class Settings(hub.AccountSettings):
        api_url: str = "http://127.0.0.1:1"

    @property
    def crm(self) -> MemoryCrm:
        return self.crms[self.account]

    @property
    def reads(self) -> frozenset[str]:
        return self.crm.reads

    @property
    def writes(self) -> frozenset[str]:
        return self.crm.writes

    @property
    def abilities(self) -> frozenset[Ability]:
        return self.crm.abilities

    @property
    def single(self) -> frozenset[str]:
        return self.crm.single

    @property
    def batch_size(self) -> int:
        return self.crm.batch

    def check(self) -> hub.Identity:
        return hub.Identity(remote_id="us")

    def pull_contacts(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        crm = self.crm
        crm.calls.append(f"pull {cursor}")
        since = int(cursor or 0)
        rows = [row for row in crm.rows.values() if row.changed > since and (not row.deleted or cursor)]
        if not crm.tells_deletions:
            rows = [row for row in rows if not row.deleted]
        if not crm.feed:
            rows = [row for row in rows if not crm.is_fresh(row)]
        rows.sort(key=lambda row: row.changed)
        newest = crm.moves
        pages = [rows[start : start + crm.page] for start in range(0, len(rows), crm.page)] or [[]]
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            mark = str(newest if last else page[-1].changed) if crm.feed else None
            # As it is at the moment of the call, not as it becomes while the hub stores the page before.
            yield Batch([row.contact(crm) for row in page], mark, complete=last and cursor is None)

    def push_contact(self, contact: Contact, remote_id: str | None) -> Receipt:
        return self.crm.push(contact, remote_id)

    def push_contacts(self, pushes: Sequence[Push]) -> Iterator[Receipt | HubError]:
        self.crm.calls.append(f"batch {len(pushes)}")
        yield from super().push_contacts(pushes)

    def find_contacts(self, contact: Contact) -> Sequence[Contact]:
        crm = self.crm
        crm.calls.append("find")
        found = []
        for row in crm.live():
            of_key = crm.keys and contact.key and row.key == contact.key
            shares = {one.lower() for one in contact.emails} & {
                one.lower() for one in row.values.get("emails", ())
            }
            if row.id not in crm.hidden and not crm.is_fresh(row) and (of_key or shares):
                found.append(row.contact(crm))
        return found

    def get_contact(self, remote_id: str) -> Contact | None:
        self.crm.calls.append(f"get {remote_id}")
        row = self.crm.rows.get(remote_id)
        return None if row is None or row.deleted else row.contact(self.crm)

    def delete_contact(self, remote_id: str, version: str = "") -> None:
        crm = self.crm
        crm.calls.append(f"delete {remote_id}")
        crm.before("delete", remote_id)
        row = crm.rows.get(remote_id)
        if row is not None and not row.deleted:
            if crm.versions and version and version != f"v{row.changed}":
                raise StaleRecord("it has changed")
            crm.remove(remote_id)
        crm.after("delete", remote_id)

    def add_note(self, remote_id: str, note: Note) -> Receipt:
        self.crm.calls.append(f"note {remote_id}")
        return Receipt(remote_id=note.key)


def opened(account: str, crm: MemoryCrm) -> MemoryPlugin:
    """Return the plugin on an account, without a hub."""
    MemoryPlugin.crms[account] = crm
    http: Any = SimpleNamespace()
    vault: Any = None
    return MemoryPlugin(account, MemoryPlugin.Settings(), http, vault)


def copy_of(crm: MemoryCrm) -> list[tuple[str, Values]]:
    """Return what a CRM holds, to compare it with later."""
    return [(row.id, dict(replace(row).values)) for row in crm.live()]
