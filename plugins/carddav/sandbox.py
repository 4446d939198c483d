"""A double of a CardDAV server: one user's address books, found as RFC 6764 says, with or without sync tokens."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from hub import AuthError, GoneError, HubError, RejectedError, StaleCursor, TransientError
from hub.testing import ContactsDouble, Refusal, Reply, Request
from plugins.carddav.dav import CARD, DAV, parsed

_HOME = "/dav/addressbooks/alice/"
_PRINCIPAL = "/dav/principals/alice/"
_NAMESPACES = (
    'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:S="http://calendarserver.org/ns/" '
    'xmlns:M="http://sabredav.org/ns"'
)
_REPORTS = ("C:addressbook-multiget", "C:addressbook-query")
_FOLD = re.compile(r"\r?\n[ \t]")


@dataclass(slots=True)
class Stored:
    """One card as the server holds it. `number` is that of its last change, `at` its time."""

    text: str
    number: int
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def etag(self) -> str:
        return f'"{self.number}"'

    def values(self, name: str) -> list[str]:
        """Return what the card says under a name, as it is escaped."""
        found = re.findall(
            rf"^(?:[\w-]+\.)?{name}(?:;[^:\n]*)?:([^\r\n]*)",
            _FOLD.sub("", self.text),
            re.IGNORECASE | re.MULTILINE,
        )
        return [str(value) for value in found]


def _error(status: int, condition: str, said: str = "", inner: str = "", **headers: str) -> Reply:
    told = f"<M:message>{escape(said)}</M:message>" if said else ""
    body = f'<?xml version="1.0"?><D:error {_NAMESPACES}><{condition}>{inner}</{condition}>{told}</D:error>'
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body=body.encode(), status=status, headers=named, content_type="application/xml; charset=utf-8")


def _refused(status: int, condition: str, error: type[HubError], **more: Any) -> Refusal:
    wait = float(more["Retry_After"]) if "Retry_After" in more else None
    return Refusal(f"{status} {condition}", _error(status, condition, **more), error, wait, verb="read")


# RFC 4918 and 6578, and what sabre/dav and Radicale answer.
_REFUSALS = (
    Refusal("401", _error(401, "M:exception", "No such login"), AuthError, verb="check"),
    _refused(401, "M:exception", AuthError, said="No such login"),
    _refused(403, "D:need-privileges", RejectedError, said="You may not read this"),
    _refused(403, "D:valid-sync-token", StaleCursor),
    _refused(409, "D:valid-sync-token", StaleCursor),
    _refused(404, "M:exception", GoneError, said="There is no such book"),
    _refused(410, "M:exception", GoneError, said="The book has moved away"),
    _refused(415, "D:supported-report", RejectedError, said="No such report here"),
    _refused(423, "D:lock-token-submitted", TransientError),
    _refused(429, "M:exception", TransientError, said="Too many requests", Retry_After="120"),
    _refused(500, "M:exception", TransientError, said="Something broke"),
    _refused(503, "M:exception", TransientError, said="Maintenance mode", Retry_After="600"),
    _refused(507, "D:quota-not-exceeded", RejectedError, said="The quota is used up"),
)


class Failed(Exception):
    """What the server answers instead, as `reply`."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class CardDavDouble(ContactsDouble):
    """An address book server on loopback.

    `cards` are those of the book "people", by name. Without `syncs` it has no sync-collection report, and `tags`
    says whether it has a getctag. `most` bounds a page of changes; the rest is told by 507. Without `tells_etag`
    it changes what it is given a little, and does not say the ETag.
    """

    user = "alice"
    secret = "s3cr3t-of-the-book"
    refusals = _REFUSALS
    samples = MappingProxyType(
        {
            "company": "Steel; Iron, Sons",
            "title": "Head of Sales",
            "birthday": "1980-04-05",
            "address": "Lesnaya 5, 12",
            "city": "Москва",
            "region": "Moscow",
            "postcode": "125047",
            "country": "Russia",
            "nickname": "Anechka",
            "categories": ("regular", "coffee, ground"),
        }
    )

    def __init__(
        self,
        port: int = 0,
        *,
        latency: float = 0.0,
        syncs: bool = True,
        tags: bool = True,
        most: int = 0,
        tells_etag: bool = True,
        books: Sequence[str] = ("people",),
    ) -> None:
        super().__init__(port, latency=latency)
        self.syncs = syncs
        self.tags = tags
        self.most = most
        self.tells_etag = tells_etag
        self.books = books
        self.cards: dict[str, Stored] = {}
        self.gone: dict[str, int] = {}
        self._number = 0
        self._forgotten = 0

    @property
    def book(self) -> str:
        """The path of the address book."""
        return f"{_HOME}{self.books[0]}/"

    def account(self) -> dict[str, Any]:
        """Return settings for an account on this double; secrets as plain text."""
        return {"api_url": self.url, "user": self.user, "password": self.secret}

    def add_contact(self, name: str, *emails: str, lines: Sequence[str] = (), **more: str) -> str:
        """Let somebody add a contact on their phone; return its id. `lines` are further lines of the card."""
        with self.lock:
            number = self._next()
            said = [f"UID:phone-{number}", f"FN:{_escaped(name)}", f"N:{_escaped(name)};;;;"]
            said += [f"EMAIL;TYPE=HOME:{email}" for email in emails]
            said += [
                f"X-SOCIALPROFILE;TYPE={platform};X-USER={handle}:x-apple:{handle}"
                for platform, handle in more.items()
            ]
            whole = ["BEGIN:VCARD", "VERSION:3.0", *said, *lines, "END:VCARD", ""]
            card = f"Card {number}.vcf"
            self.cards[card] = Stored("\r\n".join(whole), number)
        return card

    def change_card(self, contact_id: str, old: str, new: str) -> None:
        """Let somebody change the text of a card on their phone."""
        with self.lock:
            text = self.cards[contact_id].text
            assert old in text, f"{old!r} is not in {text!r}"
            self.cards[contact_id] = Stored(text.replace(old, new), self._next())

    def rename_contact(self, contact_id: str, name: str) -> None:
        with self.lock:
            (shown,) = self.cards[contact_id].values("FN")
        self.change_card(contact_id, f"FN:{shown}", f"FN:{_escaped(name)}")

    def remove_contact(self, contact_id: str) -> None:
        with self.lock:
            del self.cards[contact_id]
            self.gone[contact_id] = self._next()

    def people(self) -> list[tuple[str, Sequence[str]]]:
        with self.lock:
            return [
                (_plain(next(iter(card.values("FN")), "")), [_plain(one) for one in card.values("EMAIL")])
                for card in self.cards.values()
            ]

    def noted(self) -> list[str]:
        with self.lock:
            notes = [value for card in self.cards.values() for value in card.values("NOTE")]
        return [line for note in notes for line in _plain(note).split("\n")]

    def answer(self, request: Request) -> Reply:
        try:
            if request.path == "/.well-known/carddav":
                return Reply(body=b"", status=301, headers={"Location": "/dav/"})
            proof = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
            if request.headers.get("authorization") != f"Basic {proof}":
                raise Failed(_error(401, "M:exception", "No such login", WWW_Authenticate="Basic"))
            return self._route(request)
        except Failed as failed:
            return failed.reply
        except ValueError as error:
            return _error(400, "M:exception", str(error))

    def _route(self, request: Request) -> Reply:
        path = unquote(request.path)
        if request.method == "PROPFIND":
            return self._propfind(request, path)
        if path == self.book and request.method == "REPORT":
            return self._report(request)
        if path.startswith(self.book) and path != self.book:
            return self._card(request, path[len(self.book) :])
        raise Failed(_error(404, "M:exception", f"There is no {request.method} of {path}"))

    def _propfind(self, request: Request, path: str) -> Reply:
        deep = request.headers.get("depth") == "1"
        who = f"<D:current-user-principal><D:href>{_PRINCIPAL}</D:href></D:current-user-principal>"
        folder = "<D:resourcetype><D:collection/></D:resourcetype>"
        if path in ("/dav/", _PRINCIPAL):
            home = f"<C:addressbook-home-set><D:href>{_HOME}</D:href></C:addressbook-home-set>"
            return _multistatus([_response(path, who + folder + (home if path == _PRINCIPAL else ""))])
        if path == _HOME:
            books = [self._book(name) for name in self.books] if deep else []
            return _multistatus([_response(path, who + folder), *books])
        if path == self.book:
            cards = self._listed(sorted(self.cards)) if deep else []
            return _multistatus([self._book(self.books[0]), *cards])
        if path.startswith(self.book) and (card := self.cards.get(path[len(self.book) :])):
            return _multistatus([_response(quote(path), f"<D:getetag>{escape(card.etag)}</D:getetag>")])
        raise Failed(_error(404, "M:exception", f"There is no {path}"))

    def _book(self, name: str) -> str:
        reports = [*_REPORTS, *(["D:sync-collection"] if self.syncs else [])]
        told = "".join(
            f"<D:supported-report><D:report><{one}/></D:report></D:supported-report>" for one in reports
        )
        props = f"<D:displayname>{name}</D:displayname>"
        props += "<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype>"
        props += f"<D:supported-report-set>{told}</D:supported-report-set>"
        props += (
            "<D:current-user-privilege-set><D:privilege><D:write/></D:privilege></D:current-user-privilege-set>"
        )
        if self.tags:
            props += f"<S:getctag>{self._number}</S:getctag>"
        return _response(f"{_HOME}{quote(name)}/", props, missing="D:quota-used-bytes")

    def _listed(self, names: Iterable[str], whole: bool = False) -> Iterator[str]:
        for name in self.arranged(list(names)):
            path, card = quote(self.book + name), self.cards.get(name)
            if card is None:
                yield _response(path, status=404)
                continue
            props = f"<D:getetag>{escape(card.etag)}</D:getetag>"
            if whole:
                props += f"<D:getlastmodified>{format_datetime(card.at, usegmt=True)}</D:getlastmodified>"
                props += f"<C:address-data>{escape(card.text)}</C:address-data>"
            yield _response(path, props)

    def _report(self, request: Request) -> Reply:
        root = parsed(request.body)
        if root.tag == f"{CARD}addressbook-multiget":
            hrefs = [unquote(one.text or "") for one in root.findall(f"{DAV}href")]
            return _multistatus(self._listed((href.removeprefix(self.book) for href in hrefs), whole=True))
        if root.tag == f"{CARD}addressbook-query":
            return _multistatus(self._listed(self._matching(root), whole=True))
        if root.tag == f"{DAV}sync-collection" and self.syncs:
            return self._changes((root.findtext(f"{DAV}sync-token") or "").strip())
        raise Failed(_error(403, "D:supported-report", f"There is no report {root.tag}"))

    def _matching(self, root: Any) -> list[str]:
        found = []
        for name, card in self.cards.items():
            for one in root.iter(f"{CARD}prop-filter"):
                match = one.find(f"{CARD}text-match")
                wanted, how = (match.text or "").casefold(), match.get("match-type", "contains")
                said = [_plain(value).casefold() for value in card.values(one.get("name", ""))]
                if any(value == wanted if how == "equals" else wanted in value for value in said):
                    found.append(name)
                    break
        return found

    def _changes(self, token: str) -> Reply:
        if self.stale_cursors:
            # Whoever comes again with what it said before is forgotten; a new beginning is not.
            self.stale_cursors = False
            self._forgotten = self._number
        since = _number_in(token)
        if token and since <= self._forgotten and self._forgotten:
            raise Failed(_error(403, "D:valid-sync-token"))
        told = sorted(
            [(card.number, name) for name, card in self.cards.items() if card.number > since]
            + [(number, name) for name, number in self.gone.items() if number > since and name not in self.cards]
        )
        more = 0 < self.most < len(told)
        page = told[: self.most] if more else told
        last = page[-1][0] if more else self._number
        answers = list(self._listed([name for _, name in page]))
        if more:
            answers.append(_response(quote(self.book), status=507))
        return _multistatus(answers, f"http://sandbox.invalid/sync/{last}")

    def _card(self, request: Request, name: str) -> Reply:
        card = self.cards.get(name)
        match, none = request.headers.get("if-match"), request.headers.get("if-none-match")
        if (match and (card is None or match != card.etag)) or (none == "*" and card is not None):
            raise Failed(_error(412, "M:exception", "An If-Match or If-None-Match does not hold"))
        if request.method == "PUT":
            return self._put(request, name)
        if card is None:
            raise Failed(_error(404, "M:exception", f"There is no card {name}"))
        if request.method == "GET":
            body = card.text.encode("utf-8", "surrogatepass")
            return Reply(body=body, headers={"ETag": card.etag}, content_type="text/vcard; charset=utf-8")
        if request.method == "DELETE":
            self.remove_contact(name)
            return Reply(body=b"", status=204)
        raise Failed(_error(405, "M:exception", f"There is no {request.method} of a card"))

    def _put(self, request: Request, name: str) -> Reply:
        text = request.body.decode("utf-8", "surrogateescape")
        fresh = Stored(text, 0)
        if request.content_type != "text/vcard":
            raise Failed(_error(415, "C:supported-address-data", "Only text/vcard is taken"))
        if not text.upper().startswith("BEGIN:VCARD\r\n") or not fresh.values("FN") or not fresh.values("UID"):
            raise Failed(_error(403, "C:valid-address-data", "This is no vCard with FN and UID"))
        for other, card in self.cards.items():
            if other != name and card.values("UID") == fresh.values("UID"):
                inner = f"<D:href>{quote(self.book + other)}</D:href>"
                raise Failed(_error(409, "C:no-uid-conflict", "The UID is taken", inner))
        there = name in self.cards
        if not self.tells_etag:
            text = text.replace("END:VCARD", "X-SERVER:was here\r\nEND:VCARD")
        self.cards[name] = Stored(text, self._next())
        self.gone.pop(name, None)
        told = {"ETag": self.cards[name].etag} if self.tells_etag else {}
        return Reply(body=b"", status=204 if there else 201, headers=told)

    def _next(self) -> int:
        self._number += 1
        return self._number


def _response(href: str, props: str = "", *, status: int = 0, missing: str = "") -> str:
    if status:
        return f"<D:response><D:href>{href}</D:href><D:status>HTTP/1.1 {status} x</D:status></D:response>"
    found = f"<D:propstat><D:prop>{props}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
    if missing:
        found += (
            f"<D:propstat><D:prop><{missing}/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"
        )
    return f"<D:response><D:href>{href}</D:href>{found}</D:response>"


def _multistatus(responses: Iterable[str], token: str = "") -> Reply:
    told = f"<D:sync-token>{token}</D:sync-token>" if token else ""
    body = f"<D:multistatus {_NAMESPACES}>{''.join(responses)}{told}</D:multistatus>"
    content = b'<?xml version="1.0" encoding="utf-8"?>' + body.encode("utf-8", "surrogatepass")
    return Reply(body=content, status=207, content_type="application/xml; charset=utf-8")


def _number_in(token: str) -> int:
    last = token.rpartition("/")[2]
    if token and not last.isdigit():
        raise Failed(_error(403, "D:valid-sync-token"))
    return int(last or 0)


def _escaped(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", text).replace("\n", "\\n")


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
