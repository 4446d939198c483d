"""Makes posts of the items that a feed was found to hold, whatever its kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from hub import Media, RejectedError, RemotePost, clean_text
from plugins.rss.dates import read_date
from plugins.rss.readable import looks_like_html, one_line, plain, read_html, tags, web_address

_IMAGE_NAME = re.compile(r"\.(?:png|jpe?g|gif|webp)(?:$|[?#])", re.IGNORECASE)
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/json")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """One document: its posts, oldest first, and where the older ones are ("" if it does not say)."""

    kind: str
    title: str = ""
    link: str = ""
    older: str = ""
    posts: list[RemotePost] = []


class Entry(msgspec.Struct, kw_only=True):
    """An item as found, before its text, dates and addresses are read; `html` None means: look."""

    id: str = ""
    link: str = ""
    title: str = ""
    content: str = ""
    html: bool | None = None
    base: str = ""
    published: str = ""
    updated: str = ""
    images: list[Media] = []
    deleted: bool = False


def _post(entry: Entry) -> RemotePost | None:
    """Return the entry as a post; None for one that says nothing at all."""
    entry.id = clean_text(entry.id.strip())
    if entry.deleted:
        gone = read_date(entry.updated)
        return RemotePost(remote_id=entry.id, edited_at=gone, deleted=True) if entry.id else None
    sent, edited = read_date(entry.published), read_date(entry.updated)
    html = looks_like_html(entry.content) if entry.html is None else entry.html
    shown = read_html(entry.content, entry.base) if html else None
    text = plain(entry.content) if shown is None else shown.text
    said = entry.title + entry.published + entry.content
    if not (entry.id or entry.link or said.strip()):
        return None
    remote_id = entry.id or entry.link or "sha256:" + sha256(said.encode(errors="replace")).hexdigest()
    return RemotePost(
        remote_id=remote_id,
        title=entry.title,
        text=text,
        link=entry.link,
        url=entry.link,
        media=_joined(entry.images, shown.images if shown else ()),
        sent_at=sent or edited,
        edited_at=edited if sent and edited != sent else None,
    )


def _joined(given: list[Media], inside: Sequence[Media]) -> tuple[Media, ...]:
    """Return the images that the feed names and the first one of the text, each once, with the alt of either."""
    alts = {image.url: image.alt for image in inside if image.alt}
    found: dict[str, Media] = {}
    for image in (*given, *inside[:1]):
        kept = found.setdefault(image.url, image)
        if not kept.alt and (image.alt or image.url in alts):
            found[image.url] = msgspec.structs.replace(kept, alt=image.alt or alts[image.url])
    return tuple(found.values())


def named_image(base: str, url: str, mime: str, alt: str = "", medium: str = "") -> list[Media]:
    """Return what a feed attaches as a list of one, if it is an image by its type, its medium or its name."""
    mime = clean_text(mime.partition(";")[0].strip().lower())
    address = web_address(base, url)
    named = mime in ("", "application/octet-stream") and (medium == "image" or _IMAGE_NAME.search(address))
    if address and (mime.startswith("image/") or named):
        return [Media(url=address, mime=mime if mime.startswith("image/") else "", alt=one_line(alt))]
    return []


def to_posts(entries: list[Entry]) -> list[RemotePost]:
    """Return the posts oldest first; of one id the newest version.

    Feeds list the newest first. One without a date keeps its place beside its older neighbour.
    """
    found: dict[str, RemotePost] = {}
    for entry in entries:
        post = _post(entry)
        if post is not None and (post.remote_id not in found or _changed(found[post.remote_id]) < _changed(post)):
            found[post.remote_id] = post
    at = _LONG_AGO
    places = []
    for post in reversed(found.values()):
        at = post.sent_at or at
        places.append((at, post))
    places.sort(key=lambda place: place[0])
    return [post for _, post in places]


def _changed(post: RemotePost) -> datetime:
    return post.edited_at or post.sent_at or _LONG_AGO


def attack(url: str) -> RejectedError:
    return RejectedError(
        "{url} declares XML entities, as attacks do; it was not read", url=url, hint="mend the feed: no <!ENTITY"
    )


def no_feed(url: str, why: str, page: str = "") -> RejectedError:
    """Return the error, with the addresses of feeds that the page names."""
    named = [
        web_address(url, link.get("href", ""))
        for _, link in tags(page[:500_000], "link")
        if "alternate" in link.get("rel", "").lower().split() and link.get("type", "").lower() in _FEED_TYPES
    ]
    hint = f"the page names a feed; set url to {' or '.join(named[:3])}" if any(named) else "set url to a feed"
    return RejectedError("{url} is no feed: {why}", url=url, why=why, hint=hint)
