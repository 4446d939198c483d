"""Reads what is not well formed, or of a rarer kind, as far as feedparser can."""

from __future__ import annotations

import re
from html import escape
from html.entities import html5
from io import BytesIO
from typing import Any

from plugins.rss.entries import Entry, Feed, attack, named_image, no_feed, to_posts
from plugins.rss.readable import one_line, web_address

# feedparser takes about 2 s for each million characters of an ill-formed document.
_MENDABLE = 2_000_000


# What XML forbids, and the three commonest defects: HTML's entities, bare ampersands, control characters.
_FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))
_AMPERSAND = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|&(?:#\d+;|#x[0-9a-f]+;|(\w{1,40};))?", re.IGNORECASE | re.DOTALL
)


def mend(text: str) -> str:
    """Return the document with its commonest defects gone, so that a strict parser finds the same ids as ever."""
    return _AMPERSAND.sub(_mended, text.translate(_FORBIDDEN))


def _mended(match: re.Match[str]) -> str:
    name = match[1]
    if name is None:
        return "&amp;" if match[0] == "&" else match[0]
    if name in ("amp;", "lt;", "gt;", "quot;", "apos;"):
        return match[0]
    return escape(html5.get(name, match[0]), quote=False)


def read_loosely(text: str, url: str) -> Feed:
    """Return what can be read. Raises `RejectedError` for a page, for an attack, for what is no feed at all."""
    if "<!ENTITY" in text.upper():
        raise attack(url)
    first = re.search(r"<([a-z][\w:.-]*+)", text, re.IGNORECASE)
    if first is None or first[1].lower() == "html":
        raise no_feed(url, "it is a page" if first else "it holds no XML", text)
    if len(text) > _MENDABLE:
        raise no_feed(url, "it is not well formed, and too long to mend")
    import feedparser

    # Without an address of the document: feedparser would join it to ids that look like relative ones.
    headers = {"content-type": "application/xml; charset=utf-8"}
    # As a file: given bytes alone, feedparser would open a local file of that name.
    body = BytesIO(re.sub(r"^<\?xml[^>]*\?>", "", text).encode(errors="replace"))
    result = feedparser.parse(body, response_headers=headers)
    if not (result.version or result.entries):  # it has no name for some CDF
        raise no_feed(url, "neither RSS, Atom nor JSON Feed", text)
    if not result.entries and re.search(r"<(?:item|entry)\b", text, re.IGNORECASE):
        raise no_feed(url, "it is so ill-formed that none of its items can be read")
    # As plain dicts: a FeedParserDict warns, and puts one key for another.
    entries = [_loose_entry(dict(entry), url) for entry in result.entries]
    about = dict(result.feed)
    title = one_line(about.get("title", ""))
    return Feed(
        kind=result.version or "CDF",
        title=title,
        link=web_address(url, about.get("link", "")),
        posts=to_posts(entries),
    )


def _loose_entry(entry: dict[str, Any], url: str) -> Entry:
    content = next((dict(part) for part in entry.get("content", ()) if part.get("value")), None)
    content = content or dict(entry.get("summary_detail", {}))
    images = []
    for each in map(dict, entry.get("links", ())):
        if each.get("rel") == "enclosure":
            images += named_image(url, each.get("href", ""), each.get("type", ""))
    for media in map(dict, entry.get("media_content", ())):
        images += named_image(url, media.get("url", ""), media.get("type", ""), medium=media.get("medium", ""))
    link = entry.get("link", "")
    if entry.get("guidislink") and not link.startswith(("http://", "https://")):
        link = ""
    return Entry(
        id=entry.get("id", ""),
        link=web_address(url, link),
        title=one_line(entry.get("title", "")),
        content=content.get("value", ""),
        html=content.get("type") != "text/plain" or None,
        base=content.get("base") or url,
        published=entry.get("published", ""),
        updated=entry.get("updated", ""),
        images=images,
    )
