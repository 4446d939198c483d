"""Radicale, a CardDAV server, and a phone that works with the same address book."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import httpx
from real.serving import Server, free_port, python_packages, run

from hub import vcard

USER, PASSWORD, BOOK = "alice", "alice-pass", "people"
_MAKE = (
    '<?xml version="1.0"?><mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><set><prop><resourcetype>'
    "<collection/><C:addressbook/></resourcetype><displayname>People</displayname></prop></set></mkcol>"
)
_TAGS = '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'


class Radicale(Server):
    """One user, and an address book for each test that wants one of its own."""

    name = "radicale"
    recipe: ClassVar[str] = "radicale==3.9.0"
    alone = False

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def install(self) -> str:
        programs = python_packages(self.home, self.recipe)
        return f"radicale {run([programs / 'python', '-m', 'radicale', '--version']).split()[-1]}"

    def start(self) -> None:
        users = self.room / "users"
        users.write_text(f"{USER}:{PASSWORD}\nbob:bob-pass\n", encoding="utf-8")
        # An empty config keeps it from the machine's own; without the delay a wrong password costs a second.
        words = [self.home / "venv/bin/python", "-m", "radicale", "--config", ""]
        words += ["--server-hosts", f"127.0.0.1:{self.port}", "--auth-type", "htpasswd"]
        words += ["--auth-htpasswd-filename", users, "--auth-htpasswd-encryption", "plain", "--auth-delay", "0"]
        words += ["--rights-type", "owner_only", "--storage-filesystem-folder", self.room / "store"]
        self.spawn(words)

    def ready(self) -> bool:
        try:
            return httpx.request("PROPFIND", f"{self.url}/{USER}/", trust_env=False).status_code == 401
        except httpx.TransportError:
            return False

    def phone(self, book: str = BOOK) -> Phone:
        """Return a phone with this address book, which is made if it is not there."""
        phone = Phone(self.url, book)
        phone.make()
        return phone

    def account(self, url: str = "", book: str = BOOK) -> dict[str, Any]:
        """Return settings of the hub's account on the book; `url` is the proxy's, if there is one between."""
        return {"api_url": url or self.url, "user": USER, "password": PASSWORD, "book": book}


class Phone:
    """A mail program or a phone: writes whole cards, each as it last read it."""

    def __init__(self, url: str, book: str) -> None:
        self.book = f"{url}/{USER}/{book}/"
        self._client = httpx.Client(auth=(USER, PASSWORD), trust_env=False)

    def make(self) -> None:
        done = self._client.request("MKCOL", self.book, content=_MAKE, headers={"Content-Type": "application/xml"})
        assert done.status_code in (201, 405, 409), done.text

    def names(self) -> list[str]:
        done = self._client.request("PROPFIND", self.book, headers={"Depth": "1"})
        found = re.findall(r"<href>([^<]+)</href>", done.text)
        return sorted(unquote(one.rpartition("/")[2]) for one in found if not one.endswith("/"))

    def tags(self) -> dict[str, str]:
        """Return the ETag of each card: another one after each write."""
        done = self._client.request("PROPFIND", self.book, headers={"Depth": "1"}, content=_TAGS)
        pairs = re.findall(r"<href>([^<]+)</href>.*?<getetag>([^<]*)</getetag>", done.text, re.DOTALL)
        return {unquote(href): etag for href, etag in pairs if not href.endswith("/")}

    def read(self, name: str) -> tuple[str, str]:
        """Return a card and its ETag."""
        done = self._client.get(self.book + quote(name))
        assert done.status_code == 200, done.text
        return done.content.decode(), done.headers["etag"]

    def has(self, name: str) -> bool:
        return self._client.get(self.book + quote(name)).status_code == 200

    def add(self, uid: str, name: str, *emails: str, lines: Sequence[str] = ()) -> str:
        """Add a card; return its name."""
        said = [f"UID:{uid}", f"FN:{name}", f"N:{name};;;;", *(f"EMAIL;TYPE=HOME:{one}" for one in emails), *lines]
        card = "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", *said, "END:VCARD", ""])
        self._put(f"{uid}.vcf", card, {"If-None-Match": "*"}, 201)
        return f"{uid}.vcf"

    def fill(self, people: Sequence[tuple[str, str, str]]) -> None:
        """Make the book anew with these people (UID, name, e-mail), all at once, as an import does."""
        cards = [
            f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:{name}\r\nN:{name};;;;\r\nEMAIL:{email}\r\nEND:VCARD\r\n"
            for uid, name, email in people
        ]
        headers = {"Content-Type": "text/vcard; charset=utf-8"}
        done = self._client.put(self.book, content="".join(cards).encode(), headers=headers, timeout=120)
        assert done.status_code in (200, 201, 204), done.text

    def change(self, name: str, old: str, new: str) -> None:
        """Change a part of a card as it is now."""
        card, etag = self.read(name)
        assert old in card, card
        self._put(name, card.replace(old, new), {"If-Match": etag}, 201, 204)

    def write(self, name: str, card: str, etag: str) -> int:
        """Write a card that was read before; return the status: 412 if somebody else wrote it since."""
        content, headers = card.encode(), {"Content-Type": "text/vcard; charset=utf-8", "If-Match": etag}
        return self._client.put(self.book + quote(name), content=content, headers=headers).status_code

    def delete(self, name: str) -> None:
        assert self._client.delete(self.book + quote(name)).status_code in (200, 204)

    def people(self) -> dict[str, Any]:
        """Return what each card says, by its name."""
        return {name: next(iter(vcard.read(self.read(name)[0]))) for name in self.names()}

    def _put(self, name: str, card: str, condition: dict[str, str], *wanted: int) -> None:
        headers = {"Content-Type": "text/vcard; charset=utf-8", **condition}
        done = self._client.put(self.book + quote(name), content=card.encode(), headers=headers)
        assert done.status_code in wanted, (done.status_code, done.text)

    def close(self) -> None:
        self._client.close()
