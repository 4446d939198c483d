"""A digest as JSON: a collection of ActivityStreams 2.0 (https://www.w3.org/TR/activitystreams-core/)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from html import escape
from typing import Any

from hub.discussions.digest import Digest, Line
from hub.discussions.rendering import words

_CONTEXT = "https://www.w3.org/ns/activitystreams"


def write(digest: Digest, language: str, zone: tzinfo) -> str:
    """Return an OrderedCollection of Notes; a gap is a Tombstone, so that every `inReplyTo` names something.

    `content` is HTML, as the standard has it, with nothing but paragraphs and line ends; `source` is the text.
    """
    document = {
        "@context": [_CONTEXT, {"@language": language}],
        "id": digest.key,
        "type": "OrderedCollection",
        "name": words.heading(digest),
        "summary": words.summary(digest),
        "published": _time(digest.started_at),
        "updated": _time(digest.updated_at),
        "totalItems": len(digest.lines),
        "orderedItems": [_note(line, digest) for line in digest.lines],
    }
    if digest.url:
        document["url"] = digest.url
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _note(line: Line, digest: Digest) -> dict[str, Any]:
    above = line.parent or digest.url
    place = line.place
    note: dict[str, Any] = {"id": line.key, "type": "Note", "context": digest.key}
    if above:
        note["inReplyTo"] = above
    if place is None:
        return {**note, "type": "Tombstone", "formerType": "Note"}
    # An organisation is who runs the hub; that it speaks for itself is to be seen.
    author = {"type": "Organization" if line.ours else "Person", "name": line.author}
    if line.author_url:
        author["url"] = line.author_url
    note |= {
        "attributedTo": author,
        "generator": {"type": "Service", "name": place.site},
        "published": _time(place.at),
        "content": "".join(
            f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in line.text.split("\n\n") if part
        ),
        "source": {"content": line.text, "mediaType": "text/plain"},
    }
    if line.edited_at is not None:
        note["updated"] = _time(line.edited_at)
    links = [{"type": "Link", "href": each.url, "name": each.site} for each in line.places if each.url]
    if links:
        note["url"] = links if line.repeats else links[0]["href"]
    return note


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
