"""What the double holds of a WordPress site, and the form in which the REST API shows it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from html import escape, unescape
from html.parser import HTMLParser
from typing import Any

from hub.testing import Held, Person, Remark

Item = dict[str, Any]


class Seen(HTMLParser):
    """What a browser shows of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.alts: list[str] = []
        self.feed(html)
        self.close()
        self.text = re.sub(r"\n{3,}", "\n\n", "".join(self.said)).strip("\n")

    def handle_data(self, data: str) -> None:
        self.said.append(data.strip("\n"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.alts.append(dict(attrs).get("alt") or "")
        elif tag in ("br", "li"):
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "figure", "blockquote"):
            self.said.append("\n\n")


@dataclass(slots=True)
class Article(Held):
    """A post with all that WordPress keeps of it; `text` is what a reader sees of `raw`."""

    raw: str = ""
    title: str = ""
    slug: str = ""
    status: str = "publish"
    excerpt: str = ""
    password: str = ""
    categories: list[int] = field(default_factory=lambda: [1])
    featured: int = 0
    author: int = 1
    comment_status: str = "open"
    modified: datetime | None = None


@dataclass(slots=True)
class Upload:
    """An image of the media library."""

    id: int
    slug: str
    mime: str
    content: bytes
    alt: str = ""
    title: str = ""
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Form:
    """Writes what a site at `url` shows; `zone` is its clock's."""

    url: str
    zone: tzinfo

    def clock(self, moment: datetime) -> datetime:
        """Return a time as the site keeps it: its own, in whole seconds, without a zone."""
        return moment.astimezone(self.zone).replace(tzinfo=None, microsecond=0)

    def stamps(self, name: str, moment: datetime) -> Item:
        gmt = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        return {name: self.clock(moment).isoformat(), f"{name}_gmt": gmt.isoformat()}

    def link(self, post: Article) -> str:
        drafted = post.status in ("draft", "pending", "future", "trash")
        return f"{self.url}/?p={post.id}" if drafted else f"{self.url}/{post.sent_at:%Y/%m}/{post.slug}/"

    def post(self, post: Article, featured: Upload | None = None, *, edit: bool = False) -> Item:
        """Return a post with its `featured` image embedded, and, for who may edit it, with what they wrote."""
        raw = post.raw if Seen(post.raw).text == post.text else f"<p>{escape(post.text, quote=False)}</p>"
        content = {"rendered": texturized(re.sub(r"<!--.*?-->\n?", "", raw)), "protected": bool(post.password)}
        excerpt = {"rendered": f"<p>{texturized(post.excerpt or escape(post.text[:55], quote=False))}</p>\n"}
        made: Item = {
            "id": int(post.id),
            **self.stamps("date", post.sent_at),
            **self.stamps("modified", post.modified or post.sent_at),
            "guid": {"rendered": f"{self.url}/?p={post.id}"},
            "slug": post.slug,
            "status": post.status,
            "type": "post",
            "class_list": ["post"],
            "link": self.link(post),
            "title": {"rendered": texturized(escape(post.title, quote=False))},
            "content": content | ({"rendered": ""} if post.password else {}),
            "excerpt": {**excerpt, "protected": bool(post.password)},
            "author": post.author,
            "featured_media": post.featured,
            "comment_status": post.comment_status,
            "ping_status": "open",
            "sticky": False,
            "template": "",
            "format": "standard",
            "meta": [],
            "categories": post.categories,
            "tags": [],
            "_links": self.links(f"posts/{post.id}"),
        }
        if edit:
            made["content"]["raw"], made["title"]["raw"] = raw, post.title
            made["excerpt"]["raw"], made["password"] = post.excerpt, post.password
        if featured:
            made["_embedded"] = {"wp:featuredmedia": [self.media(featured)]}
        return made

    def comment(self, remark: Remark, status: str, place: str, *, guest: bool) -> Item:
        """Return a comment under the post at `place`."""
        person = remark.person
        face = hashlib.md5(person.email.encode() or person.id.encode(), usedforsecurity=False).hexdigest()
        paragraphs = texturized(escape(remark.text, quote=False)).split("\n\n")
        html = "".join("<p>{}</p>\n".format(part.replace("\n", "<br />\n")) for part in paragraphs)
        return {
            "id": number_of(remark.id),
            "post": int(remark.post_id),
            "parent": number_of(remark.parent_id) if remark.parent_id else 0,
            "author": 0 if guest else int(person.id),
            "author_name": person.name,
            "author_url": "",
            **self.stamps("date", remark.sent_at),
            "content": {"rendered": html},
            "link": f"{place}#comment-{number_of(remark.id)}",
            "status": status,
            "type": "comment",
            "author_avatar_urls": {
                size: f"https://secure.gravatar.com/avatar/{face}?s={size}&d=mm&r=g" for size in ("24", "48", "96")
            },
            "meta": [],
            "_links": self.links(f"comments/{number_of(remark.id)}"),
        }

    def media(self, upload: Upload) -> Item:
        suffix = {"image/jpeg": "jpg"}.get(upload.mime, upload.mime.partition("/")[2])
        source = f"{self.url}/wp-content/uploads/{upload.slug}.{suffix}"
        return {
            "id": upload.id,
            **self.stamps("date", upload.sent_at),
            **self.stamps("modified", upload.sent_at),
            "guid": {"rendered": source},
            "slug": upload.slug,
            "status": "inherit",
            "type": "attachment",
            "class_list": ["attachment"],
            "featured_media": 0,
            "link": f"{self.url}/{upload.slug}/",
            "title": {"rendered": escape(upload.title)},
            "author": 1,
            "comment_status": "open",
            "ping_status": "closed",
            "template": "",
            "meta": [],
            "description": {"rendered": ""},
            "caption": {"rendered": ""},
            "alt_text": upload.alt,
            "media_type": "image",
            "mime_type": upload.mime,
            "media_details": {"width": 320, "height": 240, "file": f"{upload.slug}.{suffix}", "sizes": {}},
            "post": None,
            "source_url": source,
            "_links": self.links(f"media/{upload.id}"),
        }

    def user(self, person: Person, role: str, rights: Iterable[str]) -> Item:
        return {
            "id": int(person.id),
            "username": person.handle,
            "name": person.name,
            "email": person.email,
            "url": "",
            "description": "",
            "link": f"{self.url}/author/{person.handle}/",
            "slug": person.handle,
            "roles": [role],
            "capabilities": dict.fromkeys(sorted(rights), True),
            "meta": [],
            "_links": self.links("users/1"),
        }

    def term(self, number: int, name: str) -> Item:
        return {
            "id": number,
            "count": 1,
            "description": "",
            "link": f"{self.url}/category/{number}/",
            "name": name,
            "slug": "-".join(re.findall(r"[a-z]+", unescape(name).lower())),
            "taxonomy": "category",
            "parent": 0,
            "meta": [],
            "_links": self.links(f"categories/{number}"),
        }

    def links(self, path: str) -> Item:
        return {"self": [{"href": f"{self.url}/wp-json/wp/v2/{path}"}]}


def texturized(html: str) -> str:
    """Do to quotes and dots outside of tags what WordPress does to them when it shows a text."""
    parts = re.split(r"(<[^>]*>)", html)
    for at in range(0, len(parts), 2):
        said = parts[at].replace("...", "&#8230;").replace("'", "&#8217;")
        said = re.sub(r'(^|[\s(])"', r"\1&#8220;", said)
        parts[at] = said.replace('"', "&#8221;")
    return "".join(parts)


def number_of(remote_id: str) -> int:
    """Return the number of a post or a comment."""
    return int(remote_id.rpartition("-")[2])
