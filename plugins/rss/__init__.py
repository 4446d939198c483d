"""Reads a blog's feed (RSS, Atom or JSON Feed) as the source of posts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import msgspec
from pydantic import SecretStr, model_validator

from hub import (
    AccountSettings,
    Adapter,
    Answer,
    AuthError,
    Batch,
    GoneError,
    HubError,
    Identity,
    RejectedError,
    RemotePost,
    Timeline,
    hookimpl,
)

_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
_KNOWN = 20
_ARCHIVES = 10


class _Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cursor: the validators as they came, where a permanent redirect led, the newest ids (hashed).

    `asked` (a hash too: an address may be secret) tells that the setting was changed, and the rest is void.
    """

    asked: str
    url: str = ""
    etag: str = ""
    modified: str = ""
    body: str = ""
    known: list[str] = []


class RssAdapter(Timeline):
    """One feed. Every item of it is yielded whenever the feed changed: the hub knows what it has seen."""

    platform: ClassVar[str] = "rss"

    class Settings(AccountSettings):
        """`url` is the feed; `api_url`, if given, stands for its scheme and host. A login is seldom needed."""

        url: str
        api_url: str = ""
        token: SecretStr | None = None
        user: str = ""
        password: SecretStr | None = None

        @model_validator(mode="before")
        @classmethod
        def _host_of_url(cls, data: Any) -> Any:
            if not isinstance(data, dict) or not isinstance(data.get("url"), str):
                return data
            parts = urlsplit(data["url"])
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("url must be the http:// or https:// address of a feed")
            if "@" in parts.netloc:
                raise ValueError("url must hold no login; give user and password as settings of their own")
            return {**data, "api_url": data.get("api_url") or f"{parts.scheme}://{parts.netloc}"}

        @property
        def feed(self) -> str:
            """The address to ask."""
            host, path = urlsplit(self.api_url), urlsplit(self.url)
            return urlunsplit((host.scheme, host.netloc, path.path or "/", path.query, ""))

    settings: Settings

    @classmethod
    def page(cls, settings: AccountSettings) -> str:
        """Return the feed's address; a query, which may be a secret, goes in as its hash."""
        assert isinstance(settings, cls.Settings)
        parts = urlsplit(settings.feed)
        return f"{parts.netloc.lower()}{parts.path}" + (f"?{_short(parts.query)}" if parts.query else "")

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        """Return the login, for the feed's own host alone: it may have moved to another one."""
        if urlsplit(url)[:2] != urlsplit(self.settings.feed)[:2]:
            return {}
        if self.settings.token is not None:
            return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}
        if self.settings.password is not None:
            login = f"{self.settings.user}:{self.settings.password.get_secret_value()}"
            return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}
        return {}

    def explain(self, answer: Answer) -> HubError | None:
        facts: dict[str, Any] = {"url": answer.url, "status": answer.status}
        if answer.status in (401, 403):
            hint = "set token, or user and password, of this account to a login that may read the feed"
            return AuthError("{url} asks for a login (HTTP {status})", hint=hint, **facts)
        if answer.status == 404:
            return RejectedError("no feed at {url} (HTTP 404)", hint="set url to where the feed is now", **facts)
        if answer.status == 410:
            hint = "take the account out of hub.toml, or set url to another feed"
            return GoneError("the feed at {url} is gone for good (HTTP 410)", hint=hint, **facts)
        if 300 <= answer.status < 400:
            return RejectedError("{url} redirects in circles", hint="set url to where the feed is now", **facts)
        return None

    def check(self) -> Identity:
        from plugins.rss.wire import read_feed

        answer = self._ask(self.settings.feed)
        feed = read_feed(answer.body, answer.headers.get("content-type", ""), answer.url)
        return Identity(remote_id=self.page(self.settings), name=feed.title, url=feed.link, kind=feed.kind)

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        """Yield the feed's items, oldest first, if anything changed; an unchanged feed costs one small answer.

        If none of the items known from the last time is there (or none was then), the archives that the feed names
        (RFC 5005) are read too, up to 10 pages, until one is. They go out first, with the old cursor.
        """
        mark = self._mark(cursor)
        try:
            answer = self._ask(mark.url or self.settings.feed, mark)
        except RejectedError:
            if not mark.url:
                raise
            mark = _Mark(mark.asked, known=mark.known)  # moved for good, and gone from there
            answer = self._ask(self.settings.feed, mark)
        moved, body = answer.moved or mark.url, _short(answer.body)
        if answer.status == 304 or body == mark.body:
            if moved != mark.url or cursor is None:
                cursor = _write(msgspec.structs.replace(mark, url=moved))
            yield Batch((), cursor)
            return
        pages = self._pages(answer, set(mark.known), first=not (mark.body or mark.known))
        for older in reversed(pages[1:]):
            yield Batch(older, cursor)
        known = [_short(post.remote_id) for post in pages[0]][-_KNOWN:]
        etag, modified = (_sendable(answer.headers.get(name, "")) for name in ("etag", "last-modified"))
        yield Batch(pages[0], _write(_Mark(mark.asked, moved, etag, modified, body, known or mark.known)))

    def _pages(self, answer: Answer, known: set[str], *, first: bool) -> list[list[RemotePost]]:
        """Return the posts of the answer, and, but on a first read, those of archives until one is known."""
        from plugins.rss.wire import read_feed

        feed = read_feed(answer.body, answer.headers.get("content-type", ""), _base(answer))
        pages, seen = [feed.posts], {""}
        while not first and len(pages) <= _ARCHIVES and feed.older not in seen:
            if any(_short(post.remote_id) in known for post in pages[-1]):
                break
            seen.add(feed.older)
            try:
                own = urlsplit(feed.older)[:2] == urlsplit(self.settings.feed)[:2]
                page = self._ask(feed.older) if own else self.http.fetch(feed.older)
                feed = read_feed(page.body, page.headers.get("content-type", ""), _base(page))
            except (RejectedError, AuthError):  # no archive is better than no feed
                break
            pages.append(feed.posts)
        return pages

    def _ask(self, url: str, mark: _Mark | None = None) -> Answer:
        headers = {"Accept": _ACCEPT}
        if mark is not None and mark.etag:
            headers["If-None-Match"] = mark.etag
        if mark is not None and mark.modified:
            headers["If-Modified-Since"] = mark.modified
        return self.http.get(url, headers=headers, follow=3, accept=(304,))

    def _mark(self, cursor: str | None) -> _Mark:
        asked = _short(self.settings.feed)
        try:
            mark = msgspec.json.decode(cursor or "", type=_Mark)
        except msgspec.DecodeError:
            return _Mark(asked)
        return mark if mark.asked == asked else _Mark(asked)


def _base(answer: Answer) -> str:
    """Return what relative addresses start from, unless the document says otherwise."""
    from plugins.rss.readable import web_address

    return web_address(answer.url, answer.headers.get("content-location", "")) or answer.url


def _short(value: str | bytes) -> str:
    return sha256(value.encode(errors="replace") if isinstance(value, str) else value).hexdigest()[:16]


def _sendable(value: str) -> str:
    """Return a validator byte for byte, or "" for one that no header may hold."""
    return value if value.isascii() and value.isprintable() else ""


def _write(mark: _Mark) -> str:
    return msgspec.json.encode(mark).decode()


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [RssAdapter]
