"""Reads JSON Feed 1.x."""

from __future__ import annotations

import msgspec

from plugins.rss.entries import Entry, Feed, named_image, no_feed, to_posts
from plugins.rss.readable import one_line, web_address


class _JsonAttachment(msgspec.Struct):
    url: str = ""
    mime_type: str | None = None
    title: str | None = None


class _JsonItem(msgspec.Struct):
    id: str | int | float | None = None
    url: str | None = None
    external_url: str | None = None
    title: str | None = None
    content_html: str | None = None
    content_text: str | None = None
    summary: str | None = None
    image: str | None = None
    date_published: str | None = None
    date_modified: str | None = None
    attachments: list[_JsonAttachment] | None = None


class _JsonFeed(msgspec.Struct):
    items: list[msgspec.Raw]
    version: str = ""
    title: str | None = None
    home_page_url: str | None = None
    next_url: str | None = None


def read_json(text: str, url: str) -> Feed:
    try:
        feed = msgspec.json.decode(text, type=_JsonFeed)
    except msgspec.DecodeError as error:
        raise no_feed(url, f"it is JSON, but no JSON Feed: {error}") from None
    entries = []
    for raw in feed.items:
        try:
            item = msgspec.json.decode(raw, type=_JsonItem)
        except msgspec.DecodeError:  # one bad item does not cost the others
            continue
        images = named_image(url, item.image or "", "", medium="image")
        for each in item.attachments or ():
            images += named_image(url, each.url, each.mime_type or "", each.title or "")
        entries.append(
            Entry(
                id="" if item.id is None else str(item.id),
                link=web_address(url, item.url or item.external_url or ""),
                title=one_line(item.title or "", html=False),
                content=item.content_html or item.content_text or item.summary or "",
                html=bool(item.content_html),
                base=web_address(url, item.url or "") or url,
                published=item.date_published or "",
                updated=item.date_modified or "",
                images=images,
            )
        )
    # The format wants an id in every item; one without is known by its address, and seldom by its words alone.
    if feed.items and not any(entry.id or entry.link for entry in entries):
        raise no_feed(url, "it is JSON, but none of its items is one of a JSON Feed")
    return Feed(
        kind="JSON Feed " + feed.version.rpartition("/")[2],
        title=one_line(feed.title or "", html=False),
        link=web_address(url, feed.home_page_url or ""),
        older=web_address(url, feed.next_url or "") if feed.next_url else "",
        posts=to_posts(entries),
    )
