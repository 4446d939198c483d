"""A blog on loopback: its articles, its images, and its feed as RSS 2.0, Atom 1.0 and JSON Feed 1.1."""

from __future__ import annotations

import base64
import functools
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from typing import Any, Literal

from hub import AuthError, GoneError, RejectedError, TransientError
from hub.testing import FeedDouble, Refusal, Reply, Request

Format = Literal["rss", "atom", "json"]
_PATHS: dict[Format, str] = {"rss": "/feed.xml", "atom": "/atom.xml", "json": "/feed.json"}
_TYPES: dict[Format, str] = {
    "rss": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}


def _plain(status: int, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=b"No.", content_type="text/plain", headers=named)


# What a web server answers instead of a feed (RFC 9110); 410 says that it will never be there again.
_REFUSALS = (
    Refusal("401", _plain(401, WWW_Authenticate='Basic realm="blog"'), AuthError, verb="check"),
    Refusal("401", _plain(401, WWW_Authenticate='Basic realm="blog"'), AuthError, verb="read"),
    Refusal("403", _plain(403), AuthError, verb="read"),
    Refusal("404", _plain(404), RejectedError, verb="read"),
    Refusal("410", _plain(410), GoneError, verb="read"),
    Refusal("429", _plain(429, Retry_After="120"), TransientError, 120.0, verb="read"),
    Refusal("503", _plain(503, Retry_After="600"), TransientError, 600.0, verb="read"),
    Refusal("500", _plain(500), TransientError, verb="read"),
)


@dataclass(slots=True)
class Article:
    """One article of the blog. `images` are (file name, alt text)."""

    id: str
    title: str
    html: str
    slug: str
    images: list[tuple[str, str]]
    published: datetime
    updated: datetime


class BlogDouble(FeedDouble):
    """The blog. `window` articles are in the feed, the older ones in archive pages (RFC 5005).

    `token`, or `user` and `password`, lock it when they are set. `moved` maps a path to (status, new path). With
    `stale_cursors` no validator is known, so that nothing is answered with 304.
    """

    title = "Our blog & more"
    refusals = _REFUSALS

    def __init__(self, port: int = 0, *, latency: float = 0.0, window: int = 20) -> None:
        super().__init__(port, latency=latency)
        self.window = window
        self.token = ""
        self.user = ""
        self.password = ""
        self.validators = True
        self.moved: dict[str, tuple[int, str]] = {}
        self.articles: list[Article] = []
        self.gone: list[tuple[str, datetime]] = []
        self._changed = datetime.now(UTC)
        self._pages: dict[tuple[str, object], bytes] = {}

    def account(self, format: Format = "rss") -> dict[str, Any]:
        """Return settings for an account on this blog; secrets as plain text."""
        settings: dict[str, Any] = {"url": f"{self.url}{_PATHS[format]}"}
        if self.token:
            settings["token"] = self.token
        if self.password:
            settings |= {"user": self.user, "password": self.password}
        return settings

    def publish(
        self,
        title: str,
        html: str,
        slug: str,
        images: Sequence[str | tuple[str, str]] = (),
        published: datetime | None = None,
    ) -> str:
        """Publish an article; return its id. An image is a file name, or (file name, alt text)."""
        with self.lock:
            moment = published or datetime.now(UTC)
            number = len(self.articles) + len(self.gone) + 1
            named = [(image, "") if isinstance(image, str) else image for image in images]
            article = Article(f"tag:blog.example,2024:{number}", title, html, slug, named, moment, moment)
            self.articles.append(article)
            self._touch()
        return article.id

    def edit(self, id: str, *, html: str | None = None, title: str | None = None, slug: str | None = None) -> None:
        """Change an article; what is None stays."""
        with self.lock:
            article = self._article(id)
            article.html = article.html if html is None else html
            article.title = article.title if title is None else title
            article.slug = article.slug if slug is None else slug
            article.updated = max(datetime.now(UTC), article.updated + timedelta(seconds=1))
            self._touch()

    def delete(self, id: str) -> None:
        """Take an article out of the blog; the Atom feed says so with a tombstone (RFC 6721)."""
        with self.lock:
            self.articles.remove(self._article(id))
            self.gone.append((id, datetime.now(UTC)))
            self._touch()

    def answer(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            return Reply(status=405, body=b"", content_type="text/plain", headers={"Allow": "GET, HEAD"})
        if request.path in self.moved:
            status, target = self.moved[request.path]
            return Reply(status=status, body=b"", content_type="text/plain", headers={"Location": target})
        for format, path in _PATHS.items():
            if request.path == path:
                return self._feed(request, format)
        folder, _, name = request.path.rpartition("/")
        if folder == "/images" and any(name == image for each in self.articles for image, _ in each.images):
            return Reply(body=png(name), content_type="image/png")
        if folder == "/posts":
            article = next((each for each in self.articles if each.slug == name), None)
            if article is not None:
                return _page(f"<h1>{escape(article.title)}</h1>{article.html}")
        if request.path == "/":
            links = "".join(
                f'<link rel="alternate" type="{_TYPES[each]}" href="{_PATHS[each]}">' for each in _PATHS
            )
            return _page("<p>Welcome.</p>", links.replace("; charset=utf-8", ""))
        return Reply(status=404, body=b"<html><body>Not found</body></html>", content_type="text/html")

    def _feed(self, request: Request, format: Format) -> Reply:
        if not self._admitted(request):
            headers = {"WWW-Authenticate": 'Basic realm="blog"'}
            return Reply(status=401, body=b"Login needed", content_type="text/plain", headers=headers)
        target = f"{request.path}?page={request.query.get('page', '1')}"
        known = (target, self.arrange)
        if known not in self._pages:
            try:
                page = int(request.query.get("page", "1"))
            except ValueError:
                page = 0
            if set(request.query) - {"page"} or page < 1:
                return Reply(status=404, body=b"No such page", content_type="text/plain")
            self._pages[known] = self._written(format, page).encode()
        body = self._pages[known]
        if not self.validators:
            return Reply(body=body, content_type=_TYPES[format])
        etag = f'W/"{sha256(body).hexdigest()[:20]}"'
        stamp = format_datetime(self._changed.replace(microsecond=0), usegmt=True)
        headers = {"ETag": etag, "Last-Modified": stamp, "Cache-Control": "max-age=60"}
        asked = request.headers.get("if-none-match")
        same = etag == asked or (asked is None and request.headers.get("if-modified-since") == stamp)
        if same and not self.stale_cursors:
            return Reply(status=304, body=b"", content_type=_TYPES[format], headers=headers)
        return Reply(body=body, content_type=_TYPES[format], headers=headers)

    def _admitted(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        allowed = [f"Bearer {self.token}"] * bool(self.token) + [f"Basic {login}"] * bool(self.password)
        return not allowed or given in allowed

    def _touch(self) -> None:
        # Last-Modified counts seconds: two changes within one must still differ.
        self._changed = max(datetime.now(UTC), self._changed + timedelta(seconds=1))
        self._pages.clear()

    def _article(self, id: str) -> Article:
        return next(each for each in self.articles if each.id == id)

    def _written(self, format: Format, page: int) -> str:
        ordered = sorted(self.articles, key=lambda each: each.published, reverse=True)
        shown = self.arranged(ordered[(page - 1) * self.window : page * self.window])
        older = f"{self.url}{_PATHS[format]}?page={page + 1}" if len(ordered) > page * self.window else ""
        return {"rss": self._rss, "atom": self._atom, "json": self._json}[format](shown, older)

    def _address(self, article: Article) -> str:
        return f"{self.url}/posts/{article.slug}"

    def _rss(self, shown: list[Article], older: str) -> str:
        items = "".join(
            f"<item><title>{escape(each.title)}</title><link>{self._address(each)}</link>"
            f'<guid isPermaLink="false">{each.id}</guid>'
            f"<pubDate>{format_datetime(each.published)}</pubDate>"
            + (
                f"<atom:updated>{each.updated.isoformat()}</atom:updated>"
                if each.updated != each.published
                else ""
            )
            + f"<description>{escape(each.html)}</description>"
            + "".join(
                f'<enclosure url="{self.url}/images/{name}" length="{len(png(name))}" type="image/png"/>'
                f'<media:content url="{self.url}/images/{name}" type="image/png" medium="image">'
                f"<media:description>{escape(alt)}</media:description></media:content>"
                for name, alt in each.images
            )
            + "</item>"
            for each in shown
        )
        prev = f'<atom:link rel="prev-archive" href="{older}"/>' if older else ""
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
            f'xmlns:media="http://search.yahoo.com/mrss/"><channel><title>{escape(self.title)}</title>'
            f"<link>{self.url}/</link><description>News</description><ttl>60</ttl>{prev}{items}</channel></rss>"
        )

    def _atom(self, shown: list[Article], older: str) -> str:
        entries = "".join(
            f"<entry><id>{each.id}</id><title>{escape(each.title)}</title>"
            f'<link rel="self" href="/atom.xml"/><link href="/posts/{each.slug}"/>'
            f"<published>{each.published.isoformat()}</published><updated>{each.updated.isoformat()}</updated>"
            + "".join(
                f'<link rel="enclosure" type="image/png" title="{escape(alt)}" href="/images/{name}"/>'
                for name, alt in each.images
            )
            + f'<content type="html">{escape(each.html)}</content></entry>'
            for each in shown
        )
        tombs = "".join(f'<at:deleted-entry ref="{id}" when="{when.isoformat()}"/>' for id, when in self.gone)
        prev = f'<link rel="prev-archive" href="{older}"/>' if older else ""
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
            f'xmlns:at="http://purl.org/atompub/tombstones/1.0" xml:base="{self.url}/">'
            f"<id>tag:blog.example,2024:blog</id><title>{escape(self.title)}</title>"
            f'<link href="/"/><updated>{self._changed.isoformat()}</updated>{prev}{entries}{tombs}</feed>'
        )

    def _json(self, shown: list[Article], older: str) -> str:
        feed: dict[str, Any] = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": self.title,
            "home_page_url": f"{self.url}/",
            "items": [
                {
                    "id": each.id,
                    "url": self._address(each),
                    "title": each.title,
                    "content_html": each.html,
                    "date_published": each.published.isoformat(),
                    "date_modified": each.updated.isoformat(),
                    "attachments": [
                        {"url": f"{self.url}/images/{name}", "mime_type": "image/png", "title": alt}
                        for name, alt in each.images
                    ],
                }
                for each in shown
            ],
        }
        return Reply(json=feed | ({"next_url": older} if older else {})).encoded().decode()


def _page(body: str, head: str = "") -> Reply:
    page = f"<!DOCTYPE html><html><head><title>Our blog</title>{head}</head><body>{body}</body></html>"
    return Reply(body=page.encode(), content_type="text/html; charset=utf-8")


@functools.cache
def png(name: str, width: int = 640, height: int = 360) -> bytes:
    """Return a real PNG image of one colour, which the name decides."""
    colour = sha256(name.encode()).digest()[:3]
    rows = (b"\0" + colour * width) * height

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    )
