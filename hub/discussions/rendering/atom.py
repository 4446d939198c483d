"""A digest as a feed: Atom (RFC 4287), an entry for each remark, with what it answers (RFC 4685)."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from html import escape
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from hub.discussions.digest import Digest, Line
from hub.discussions.rendering import words

_ATOM = "http://www.w3.org/2005/Atom"
_THREAD = "http://purl.org/syndication/thread/1.0"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_TITLE = 80


def write(digest: Digest, language: str, zone: tzinfo) -> str:
    """Return the feed. Nothing stands in it for a remark that is not shown."""
    register_namespace("", _ATOM)
    register_namespace("thr", _THREAD)
    feed = Element(f"{{{_ATOM}}}feed", {_LANGUAGE: language})
    _text(feed, "id", digest.key)
    _text(feed, "title", words.heading(digest))
    _text(feed, "subtitle", words.summary(digest))
    _text(feed, "updated", _time(digest.updated_at))
    _text(feed, "generator", "crosshub")
    if digest.url:
        _atom(feed, "link", rel="alternate", href=digest.url)
    shown = {line.key: line for line in digest.said}
    for line in digest.said:
        _entry(feed, line, shown, zone)
    indent(feed)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(feed, encoding="unicode") + "\n"


def _entry(feed: Element, line: Line, shown: dict[str, Line], zone: tzinfo) -> None:
    place = line.place
    assert place is not None
    entry = _atom(feed, "entry")
    _text(entry, "id", line.key)
    first = line.text.partition("\n")[0]
    start = first if len(first) <= _TITLE else first[: _TITLE - 1].rstrip() + "…"
    _text(entry, "title", f"{line.author}: {start}" if start else line.author)
    _text(entry, "published", _time(place.at))
    _text(entry, "updated", _time(line.edited_at or place.at))
    author = _atom(entry, "author")
    _text(author, "name", line.author)
    if line.author_url:
        _text(author, "uri", line.author_url)
    for number, each in enumerate(line.places):
        if each.url:
            _atom(entry, "link", rel="related" if number else "alternate", href=each.url, title=each.site)
    _atom(entry, "category", term=place.site)
    if line.ours:
        _atom(entry, "category", term="ours", label=words.ours())
    above = shown.get(line.parent or "")
    if above is not None:
        reply = SubElement(entry, f"{{{_THREAD}}}in-reply-to", {"ref": above.key})
        if above.place is not None and above.place.url:
            reply.set("href", above.place.url)
    marks = f"<p><em>{escape(words.edited(line, zone))}</em></p>" if line.edited_at else ""
    said = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in line.text.split("\n\n") if part)
    _text(entry, "content", said + marks, type="html")


def _atom(above: Element, name: str, **attributes: str) -> Element:
    return SubElement(above, f"{{{_ATOM}}}{name}", attributes)


def _text(above: Element, name: str, text: str, **attributes: str) -> None:
    _atom(above, name, **attributes).text = text


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
