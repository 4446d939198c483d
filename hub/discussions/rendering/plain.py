"""A digest as plain text, for networks that know nothing else: the words of the HTML, in the same order."""

from __future__ import annotations

from datetime import tzinfo

from hub.discussions.digest import Digest, Line
from hub.discussions.rendering import words


def write(digest: Digest, language: str, zone: tzinfo) -> str:
    """Return the digest with its heading and the address of what it is about."""
    about = [words.heading(digest), *([digest.url] if digest.url else [])]
    return "\n".join(about) + "\n\n" + body(digest, language, zone)


def body(digest: Digest, language: str, zone: tzinfo) -> str:
    """Return what stands under the heading; an answer is not indented, its place says what it answers."""
    return "\n\n".join([words.summary(digest), *(_remark(line, zone) for line in digest.lines)]) + "\n"


def _remark(line: Line, zone: tzinfo) -> str:
    place = line.place
    if place is None:
        return words.gap()
    facts = [
        line.author,
        *([words.ours()] if line.ours else []),
        place.site,
        words.when(place.at, zone),
        *([words.edited(line, zone)] if line.edited_at else []),
        *(f"{words.also()} {other.site} {other.url}".rstrip() for other in line.repeats),
    ]
    said = [" · ".join(facts), *([line.text] if line.text else []), *([place.url] if place.url else [])]
    return "\n".join(said)
