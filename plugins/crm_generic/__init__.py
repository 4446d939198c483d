"""Any REST or JSON-RPC CRM, driven by configuration alone: contacts both ways, notes, tasks and leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from hub import (
    AccountSettings,
    Answer,
    Batch,
    Contact,
    ContactSync,
    Http,
    HubError,
    Identity,
    Note,
    OAuth,
    OAuthClient,
    Push,
    Receipt,
    RejectedError,
    Vault,
    hookimpl,
)
from plugins.crm_generic import wire
from plugins.crm_generic.calls import Line
from plugins.crm_generic.endpoints import Notes
from plugins.crm_generic.login import Login
from plugins.crm_generic.pulling import Puller
from plugins.crm_generic.pushing import Pusher
from plugins.crm_generic.records import Records
from plugins.crm_generic.refusals import Refusals, found_in, misfit
from plugins.crm_generic.settings import CrmSettings
from plugins.crm_generic.templates import names

if TYPE_CHECKING:
    from hub.adapter import Ability

_TABLES = {"note": "notes", "task": "tasks", "lead": "leads"}


class Crm(ContactSync):
    """One CRM as the account's settings describe it."""

    platform: ClassVar[str] = "crm_generic"
    Settings: ClassVar[type[AccountSettings]] = CrmSettings
    settings: CrmSettings

    def __init__(self, account: str, settings: CrmSettings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        self._login = Login(account, settings.auth, settings.api_url, http, vault)
        self._refusals = Refusals(settings, http, self._login.hint)
        self._line = Line(settings, http, self._login)
        parts = urlsplit(settings.api_url)
        read = wire.contact_reader(settings.map, f"{parts.scheme}://{parts.netloc}")
        self._records = Records(settings, self._line, read)
        self._puller = Puller(settings, self._line, read)
        self._pusher = Pusher(settings, self._line, self._records, self._refusals)

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Accept": "application/json", **self.settings.headers, **self._login.headers()}

    def explain(self, answer: Answer) -> HubError | None:
        return self._refusals.explain(answer)

    @property
    def reads(self) -> frozenset[str]:
        return self.settings.reads

    @property
    def writes(self) -> frozenset[str]:
        return self.settings.writes

    @property
    def single(self) -> frozenset[str]:
        wanted = names(self.settings.write)
        pairs = (("emails", {"emails", "emails[]"}), ("phones", {"phones", "phones[]"}))
        return frozenset(name for name, lists in pairs if name in self.writes and not wanted & lists)

    @property
    def abilities(self) -> frozenset[Ability]:
        contacts = self.settings.contacts
        able: dict[Ability, object] = {
            "find": contacts.find,
            "get": contacts.get,
            "delete": contacts.delete,
            "note": self.settings.notes,
            "task": self.settings.tasks,
            "lead": self.settings.leads,
        }
        return frozenset(name for name, part in able.items() if part is not None)

    @property
    def batch_size(self) -> int:
        return self._pusher.batch_size

    def check(self) -> Identity:
        check = self.settings.check
        answer = self._line.call(check, {}, repeatable=True)
        body = answer.json()
        remote_id = found_in(answer, "check.id", check.id, body)
        name = found_in(answer, "check.name", check.name, body) if check.name else ""
        if not remote_id:
            raise misfit(answer, "check.id", "it finds nothing")
        return Identity(remote_id=remote_id, name=name, kind=self._login.kind)

    def pull_contacts(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        return self._puller.pull(cursor)

    def push_contact(self, contact: Contact, remote_id: str | None) -> Receipt:
        return self._pusher.push(contact, remote_id)

    def push_contacts(self, pushes: Sequence[Push]) -> Iterator[Receipt | HubError]:
        return self._pusher.push_many(pushes)

    def find_contacts(self, contact: Contact) -> Sequence[Contact]:
        return self._records.find(contact)

    def get_contact(self, remote_id: str) -> Contact | None:
        held = self._records.get(remote_id)
        return None if held is None else held.contact

    def delete_contact(self, remote_id: str, version: str = "") -> None:
        self._records.delete(remote_id, version)

    def add_note(self, remote_id: str, note: Note) -> Receipt:
        table = _TABLES[note.kind]
        notes: Notes | None = getattr(self.settings, table)
        if notes is None:
            raise RejectedError("this CRM takes no {what}", hint="add {what} to the account", what=table)
        now = datetime.now(UTC)
        due_at = note.due_at or (now + timedelta(hours=notes.due_hours) if note.kind == "task" else None)
        zone = self.settings.map.timezone
        values: dict[str, Any] = {
            "id": remote_id,
            "text": note.text,
            "key": note.key,
            "url": note.url,
            "title": note.title or note.text.strip().partition("\n")[0][:80],
            "due_at": due_at and wire.written(due_at, notes.due_format, zone),
            "now": wire.written(now, notes.due_format, zone),
        }
        return self._pusher.note(notes, table, {name: value for name, value in values.items() if value}, note.key)

    def login(self) -> tuple[OAuth, OAuthClient] | None:
        """Return how a person logs in to this account with a browser, None where nobody does."""
        return self._login.declared()

    def keep_login(self, access: str, refresh: str) -> None:
        """Keep the tokens that a person's login brought."""
        self._login.keep(access, refresh)


@hookimpl
def register_adapters() -> list[type[ContactSync]]:
    """Name the adapter of this plugin."""
    return [Crm]
