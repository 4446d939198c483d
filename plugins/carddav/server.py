"""The line to one address book: reads, writes and names its cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from hub import Answer, Contact, Http, RejectedError, vcard
from plugins.carddav import dav, wire
from plugins.carddav.book import Book, Finder
from plugins.carddav.dav import CARD, DAV, SERVER, Found, Multistatus

if TYPE_CHECKING:
    from plugins.carddav import CardDav

_XML = {"Content-Type": "application/xml; charset=utf-8"}
_CARD = {"Content-Type": "text/vcard; charset=utf-8"}


class Held(NamedTuple):
    """A card as the server holds it, its ETag, and when it was changed, where the server tells."""

    card: str
    etag: str
    changed: datetime | None


class Server:
    """One account's address book. Nothing is asked before it is needed."""

    def __init__(self, account: str, settings: CardDav.Settings, http: Http) -> None:
        self._account = account
        self._http = http
        self._finder = Finder(settings.api_url.strip(), settings.book, self._ask)
        self._book: Book | None = None

    @property
    def book(self) -> Book:
        """The address book, looked for once."""
        if self._book is None:
            self._book = self._finder.book()
        return self._book

    def find_book(self) -> Book:
        """Look for the address book anew."""
        self._book = None
        return self.book

    def url(self, remote_id: str = "") -> str:
        """Return the address of a card, or of the book."""
        return self._finder.joined(wire.in_path(f"{self.book.path}{remote_id}"))

    def name(self, path: str) -> str:
        """Return the name of a card in the book, "" for what is none of it or is a folder."""
        base = self.book.path
        return path[len(base) :] if path.startswith(base) and not path.endswith("/") else ""

    def report(self, body: bytes, depth: int = 0) -> Multistatus:
        return dav.read(self._ask("REPORT", self.url(), depth, body))

    def properties(self, *names: str, of: str = "", depth: int = 0) -> Sequence[Found]:
        """Return properties of a card, or of the book and with `depth` 1 of all that is in it."""
        return dav.read(self._ask("PROPFIND", self.url(of), depth, dav.ask(*names))).found

    def tag(self) -> str:
        """Return what is another after each change of the book; "" where the server has no such thing."""
        found = self.properties(f"{SERVER}getctag")
        return next((tag for one in found if (tag := one.text(f"{SERVER}getctag"))), "")

    def cards(self, names: Sequence[str]) -> tuple[list[Contact], bool]:
        """Read some cards; see `contacts`."""
        paths = (wire.in_path(f"{self.book.path}{name}") for name in names)
        return self.contacts(self.report(dav.several(paths)).found)

    def contacts(self, found: Sequence[Found]) -> tuple[list[Contact], bool]:
        """Return the people of cards; tell whether each could be read. One that cannot is named in the log."""
        contacts: list[Contact] = []
        whole = True
        for one in found:
            name = self.name(one.path)
            if not name:
                continue
            if one.status in (404, 410):
                contacts.append(Contact(remote_id=name, deleted=True))
                continue
            data = one.props.get(f"{CARD}address-data")
            try:
                if data is None or not data.text:
                    raise RejectedError("the server gave no card")
                card = vcard.read_card(data.text)
            except RejectedError as error:
                self._warn(name, error)
                whole = False
                continue
            if card is not None:
                changed = wire.changed_at(one.text(f"{DAV}getlastmodified"))
                contacts.append(as_record(card, name, one.text(f"{DAV}getetag"), changed))
        return contacts, whole

    def _warn(self, name: str, error: RejectedError) -> None:
        import structlog

        structlog.get_logger().warning("card cannot be read", account=self._account, card=name, reason=str(error))

    def read(self, remote_id: str) -> Held:
        """Return a card byte for byte; raises `GoneError`."""
        answer = self._http.get(self.url(remote_id), headers={"Accept": "text/vcard"})
        etag = answer.headers.get("etag", "")
        if not etag:
            etag = next((one.text(f"{DAV}getetag") for one in self.properties(f"{DAV}getetag", of=remote_id)), "")
        card = next(vcard.split(answer.body), None)
        if card is None or not etag:
            raise answer.misread("it is no vCard" if card is None else "it has no ETag")
        return Held(card, wire.strong(etag), wire.changed_at(answer.headers.get("last-modified", "")))

    def put(self, name: str, card: str, condition: Mapping[str, str]) -> bool:
        """Write a card; tell whether it was written, or the condition did not hold."""
        content = card.encode("utf-8", "surrogateescape")
        headers = {**_CARD, **condition}
        return self._http.request("PUT", self.url(name), content=content, headers=headers, accept=(412,)).ok

    def delete(self, name: str, condition: Mapping[str, str]) -> bool:
        """Delete a card, or find it gone; tell whether it was, or the condition did not hold."""
        accept = (404, 410, 412)
        # Twice is once.
        answer = self._http.request("DELETE", self.url(name), headers=condition, repeatable=True, accept=accept)
        return answer.status != 412

    def _ask(self, method: str, url: str, depth: int, body: bytes, accept: Sequence[int] = ()) -> Answer:
        headers = {**_XML, "Depth": str(depth)}
        return self._http.request(method, url, content=body, headers=headers, repeatable=True, accept=accept)


def as_record(card: Contact, name: str, etag: str, changed: datetime | None = None) -> Contact:
    """Say of a card which record it is; the server knows better than the card when it was changed."""
    return msgspec.structs.replace(
        card, remote_id=name, version=wire.strong(etag), updated_at=changed or card.updated_at
    )
