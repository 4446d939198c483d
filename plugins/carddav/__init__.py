"""Any address book with CardDAV: the CRM of every phone and mail program."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal
from uuid import uuid4

import msgspec
from pydantic import SecretStr

from hub import (
    AccountSettings,
    Answer,
    AuthError,
    Batch,
    Contact,
    ContactSync,
    DuplicateError,
    GoneError,
    Http,
    HubError,
    Identity,
    Note,
    Receipt,
    RejectedError,
    StaleCursor,
    StaleRecord,
    TransientError,
    Vault,
    hookimpl,
    vcard,
)
from plugins.carddav import dav, pulling, wire
from plugins.carddav.server import Server, as_record

# What passes by itself, and how long it takes, the hub reads from status and headers.
_PASSING = (408, 425, 429)
_FORGOTTEN = "valid-sync-token"
# How often a note is tried to be added while somebody else changes the card.
_NOTE_TRIES = 3
_HINTS = {
    401: "renew user and password of this account (many providers want one made for the app), then run hub check",
    403: "see whether the user may write to this address book",
    405: "the address book takes no changes: see whether the user may write to it",
    507: "the address book is full: make room at the provider",
}
_OTHER_VERSION = "the server takes no cards of this version: change `version` of the account"


class CardDav(ContactSync):
    """One address book on one server."""

    platform: ClassVar[str] = "carddav"

    class Settings(AccountSettings):
        """`api_url` is the server's address, or the address book's own; `book` names one of several.

        `version` is that of new cards; a card that is there keeps its own.
        """

        user: str
        password: SecretStr
        book: str = ""
        version: Literal["3.0", "4.0"] = "3.0"

    settings: Settings

    def __init__(self, account: str, settings: Settings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        proof = f"{settings.user}:{settings.password.get_secret_value()}"
        self._basic = b64encode(proof.encode()).decode()
        http.add_secret(self._basic)
        self._server = Server(account, settings, http)

    @classmethod
    def page(cls, settings: AccountSettings) -> str:
        assert isinstance(settings, cls.Settings)
        return f"{settings.api_url.rstrip('/')} {settings.user} {settings.book}"

    @property
    def reads(self) -> frozenset[str]:
        return frozenset(vcard.NAMES)

    @property
    def writes(self) -> frozenset[str]:
        return frozenset(vcard.NAMES)

    @property
    def abilities(self) -> frozenset[Literal["find", "get", "delete", "note"]]:
        return frozenset({"find", "get", "delete", "note"})

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Basic {self._basic}"}

    def explain(self, answer: Answer) -> HubError | None:
        """Read the precondition that a refusal names; what is left is the hub's to judge by its status."""
        if answer.ok or answer.status < 400:
            return None
        names, said = dav.conditions(answer)
        why = said or ", ".join(sorted(names - {"error", "href"}))
        facts: dict[str, Any] = {
            "method": answer.method,
            "url": answer.url,
            "status": answer.status,
            "why": f" ({self.http.redact(why)[:300]})" if why else "",
        }
        message = "{method} {url}: HTTP {status}{why}"
        if _FORGOTTEN in names:
            return StaleCursor(message, **facts)
        if "no-uid-conflict" in names:
            there = dav.conflicting(answer)
            name = there.rpartition("/")[2]
            return DuplicateError(message, receipt=Receipt(remote_id=name) if name else None, **facts)
        if answer.status == 401:
            return AuthError(message, hint=_HINTS[401], **facts)
        if answer.status == 423:
            return TransientError(message, **facts)
        if answer.status in (404, 410):
            return GoneError(message, **facts)
        if answer.status in _PASSING or (answer.status >= 500 and answer.status != 507):
            return None
        hint = _OTHER_VERSION if "supported-address-data" in names else _HINTS.get(answer.status, "")
        return RejectedError(message, hint=hint, **facts)

    def check(self) -> Identity:
        book = self._server.find_book()
        return Identity(
            remote_id=book.path,
            name=book.name,
            kind="password",
            missing=() if book.writable else ("write",),
        )

    def pull_contacts(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        """Read what changed since the server's token, or compare the ETags of all cards where it has none."""
        try:
            mark = wire.bookmark(cursor)
        except (ValueError, msgspec.DecodeError) as error:
            raise StaleCursor("the bookmark is not one of CardDAV: {why}", why=error) from None
        book = self._server.book
        if mark is not None and (mark.book != book.path or bool(mark.token) != book.syncs):
            raise StaleCursor("the address book of this account is another one now")
        return (pulling.changes if book.syncs else pulling.differences)(self._server, mark)

    def push_contact(self, contact: Contact, remote_id: str | None) -> Receipt:
        return self._create(contact) if remote_id is None else self._update(contact, remote_id)

    def _create(self, contact: Contact) -> Receipt:
        """Put a card where none is. A second attempt finds the first one's under the name that its key makes."""
        key = contact.key or str(uuid4())
        keyed = msgspec.structs.replace(contact, key=key, changed=None)
        name = wire.card_name(key)
        if self._server.put(name, vcard.write(keyed, version=self.settings.version), {"If-None-Match": "*"}):
            return Receipt(remote_id=name)
        there = self.get_contact(name)
        if there is None:
            raise TransientError("the card {name} was there and is gone", name=name)
        if there.key != key:
            raise RejectedError("another card has the name {name}", name=name, hint="rename or delete that card")
        raise DuplicateError("the card {name} is there", receipt=Receipt(remote_id=name), name=name)

    def _update(self, contact: Contact, remote_id: str) -> Receipt:
        card, etag, _ = self._server.read(remote_id)
        if contact.version and wire.strong(contact.version) != etag:
            raise _stale(remote_id)
        changed = vcard.write(contact, keep=card)
        if changed != card and not self._server.put(remote_id, changed, {"If-Match": etag}):
            raise _stale(remote_id)
        return Receipt(remote_id=remote_id)

    def find_contacts(self, contact: Contact) -> Sequence[Contact]:
        wanted = wire.looked_for(contact)
        found = self._server.report(dav.matching(wanted), depth=1).found if wanted else ()
        return [one for one in self._server.contacts(found)[0] if not one.deleted and wire.may_be(one, contact)]

    def get_contact(self, remote_id: str) -> Contact | None:
        try:
            held = self._server.read(remote_id)
        except GoneError:
            return None
        found = vcard.read_card(held.card)
        return None if found is None else as_record(found, remote_id, held.etag, held.changed)

    def delete_contact(self, remote_id: str, version: str = "") -> None:
        condition = {"If-Match": wire.strong(version)} if version else {}
        # What is not there matches no version either, and some servers say that.
        if not self._server.delete(remote_id, condition) and self.get_contact(remote_id) is not None:
            raise _stale(remote_id)

    def add_note(self, remote_id: str, note: Note) -> Receipt:
        """Append a note to the card's own, once, whatever somebody else changes in it meanwhile."""
        if note.kind != "note":
            raise RejectedError("an address book has no {kind}s", kind=note.kind, hint="let the rule make notes")
        said = "\n".join(part for part in (note.title, note.text, note.url) if part)
        for _ in range(_NOTE_TRIES):
            card, etag, _ = self._server.read(remote_id)
            changed = vcard.add_note(card, note.key, said)
            if changed == card or self._server.put(remote_id, changed, {"If-Match": etag}):
                return Receipt(remote_id=note.key)
        raise TransientError("somebody changes the card {name} all the time", name=remote_id)


def _stale(remote_id: str) -> StaleRecord:
    return StaleRecord("the card {name} was changed by somebody else", name=remote_id)


@hookimpl
def register_adapters() -> list[type[ContactSync]]:
    """Name the adapter of this plugin."""
    return [CardDav]
