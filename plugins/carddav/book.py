"""Finds the address book: from a server's address by way of the user's principal, or where it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from hub import Answer, GoneError, HubError, RejectedError
from plugins.carddav import dav
from plugins.carddav.dav import CARD, DAV, Found

_ASKED = (
    f"{DAV}resourcetype",
    f"{DAV}displayname",
    f"{DAV}current-user-principal",
    f"{CARD}addressbook-home-set",
    f"{DAV}supported-report-set",
    f"{DAV}current-user-privilege-set",
)
_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 5
_WRITING = {f"{DAV}{name}" for name in ("all", "write", "write-content", "bind")}


class Book(NamedTuple):
    """One address book. `path` is decoded and ends with a slash; `syncs` says that it can tell what changed."""

    path: str
    name: str
    syncs: bool
    writable: bool


class Finder:
    """Asks the server where things are. `call` makes a request with a method, a URL, a depth and a body."""

    def __init__(self, api_url: str, wanted: str, call: Callable[..., Answer]) -> None:
        self._base = api_url if urlsplit(api_url).path else f"{api_url}/"
        self._wanted = wanted
        self._call = call

    def book(self) -> Book:
        """Return the address book of the account; raises `RejectedError` if it is not there, or is not told."""
        start = self._start()
        if _is_book(start):
            return _book(start)
        home = start.href(f"{CARD}addressbook-home-set")
        if not home:
            principal = start.href(f"{DAV}current-user-principal")
            if not principal:
                raise RejectedError(
                    "the server at {url} does not say who the user is",
                    hint="write the address of the address book itself as api_url",
                    url=self._base,
                )
            home = self._one(self.joined(principal)).href(f"{CARD}addressbook-home-set")
        if not home:
            raise RejectedError(
                "the server at {url} has no address books for this user",
                hint="see whether the provider offers CardDAV, and write its address as api_url",
                url=self._base,
            )
        return self._choose([_book(found) for found in self._list(self.joined(home)) if _is_book(found)])

    def joined(self, href: str) -> str:
        """Return the URL of what the server named; raises `RejectedError` if it leads to another host.

        The login is for this host alone. Where only scheme or port differ, a proxy before the server has not told
        it how it is reached, and we stay with the address that reaches it.
        """
        base = urlsplit(self._base)
        try:
            target = urlsplit(urljoin(self._base, href))
        except ValueError:
            raise RejectedError("the server names {href}, which is no address", href=href[:200]) from None
        if target.hostname != base.hostname:
            raise RejectedError(
                "the server at {url} leads to another host, {host}",
                hint="if that is your provider's, write https://{host} as api_url",
                url=self._base,
                host=target.netloc,
            )
        return urlunsplit((base.scheme, base.netloc, target.path or "/", target.query, ""))

    def _start(self) -> Found:
        """Ask what is at the address, then at the place of its host that RFC 6764 names, then at the root."""
        refused: HubError | None = None
        for url in self._places():
            try:
                return self._one(url)
            except RejectedError as error:
                refused = refused or error
        raise RejectedError(
            "no address book was found at {url}: {why}",
            hint="write the address that your provider gives for CardDAV, or that of the address book, as api_url",
            url=self._base,
            why=str(refused),
        )

    def _places(self) -> Iterator[str]:
        if urlsplit(self._base).path not in ("", "/"):
            yield self._base
        yield self.joined("/.well-known/carddav")
        yield self.joined("/")

    def _one(self, url: str) -> Found:
        for _ in range(_HOPS):
            answer = self._call("PROPFIND", url, 0, dav.ask(*_ASKED), accept=_REDIRECTS)
            if answer.status not in _REDIRECTS:
                return next((one for one in dav.read(answer).found if one.props), Found("", 0, {}))
            location = answer.headers.get("location", "")
            if (there := self.joined(location)) == url:
                # It differs in what we do not follow: https instead of http, or a port.
                raise RejectedError(
                    "the server at {url} leads to {location}",
                    hint="write that address as api_url",
                    url=url,
                    location=location,
                )
            url = there
        raise RejectedError("{url} leads round in a circle", url=url)

    def _list(self, url: str) -> Sequence[Found]:
        return dav.read(self._call("PROPFIND", url, 1, dav.ask(*_ASKED))).found

    def _choose(self, books: Sequence[Book]) -> Book:
        wanted = unquote(self._wanted).strip("/")
        if wanted:
            called = [book for book in books if wanted in (book.name, book.path.strip("/").rpartition("/")[2])]
        else:
            called = list(books)
        if len(called) == 1:
            return called[0]
        names = ", ".join(sorted(book.path.strip("/").rpartition("/")[2] for book in books)) or "none"
        if not books or not wanted:
            raise RejectedError(
                "the user has {count} address books: {names}",
                hint="name one of them as `book`" if books else "make one at the provider",
                count=len(books),
                names=names,
            )
        raise GoneError(
            "there is no address book {wanted}, or more than one; there are: {names}",
            hint="write the last part of its address as `book`",
            wanted=wanted,
            names=names,
        )


def _is_book(found: Found) -> bool:
    return f"{CARD}addressbook" in found.names(f"{DAV}resourcetype")


def _book(found: Found) -> Book:
    rights = found.names(f"{DAV}current-user-privilege-set")
    path = found.path if found.path.endswith("/") else f"{found.path}/"
    return Book(
        path=path,
        name=found.text(f"{DAV}displayname") or path.strip("/").rpartition("/")[2],
        syncs=f"{DAV}sync-collection" in found.names(f"{DAV}supported-report-set"),
        writable=not rights or bool(rights & _WRITING),
    )
