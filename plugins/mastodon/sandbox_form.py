"""The form of what a Mastodon server says: its JSON as recorded of 4.6.4, its HTML, its count of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import regex

from hub.testing import Person

LONGEST, MOST_IMAGES, IMAGE_BYTES = 500, 4, 16_777_216

_LINK = re.compile(r"https?://[^\s<>«»]*[^\s<>«».,:;!?)]")
_REMOTE = re.compile(r"(?<![\w/])(@\w+)@[\w.-]+\w")
_MARKED = re.compile(
    rf"(?P<link>{_LINK.pattern})|(?<![\w/@])@(?P<name>\w+(?:@[\w.-]+\w)?)|(?<![\w/&])#(?P<tag>\w+)"
)


def length(text: str, warning: str) -> int:
    """Count as Mastodon's StatusLengthValidator does: graphemes, 23 for a link, no host of a mention."""
    counted = _REMOTE.sub(r"\1", _LINK.sub("x" * 23, text))
    return len(regex.findall(r"\X", warning + counted))


def named_in(text: str, known: Iterable[Person]) -> list[Person]:
    """Return the people whom a text mentions."""
    names = {found["name"] for found in _MARKED.finditer(text) if found["name"]}
    return [person for person in known if person.handle in names]


def html(text: str, known: Sequence[Person], site: str) -> str:
    """Mark a text up as Mastodon does: links without their ends, mentions without their hosts."""
    people = {person.handle: person for person in known}

    def mark(found: re.Match[str]) -> str:
        if found["link"]:
            return _anchor(found["link"])
        if found["tag"]:
            tag = escape(found["tag"])
            return f'<a href="{site}/tags/{tag}" class="mention hashtag" rel="tag">#<span>{tag}</span></a>'
        person = people.get(found["name"])
        if person is None:
            return found[0]
        return (
            f'<span class="h-card" translate="no"><a href="{profile(person, site)}" class="u-url mention">'
            f"@<span>{person.handle.partition('@')[0]}</span></a></span>"
        )

    parts, done = [], 0
    for found in _MARKED.finditer(text):
        parts += [escape(text[done : found.start()]), mark(found)]
        done = found.end()
    whole = "".join([*parts, escape(text[done:])])
    paragraphs = re.split(r"\n{2,}", whole)
    return "".join(f"<p>{one.replace(chr(10), '<br />')}</p>" for one in paragraphs) if whole else ""


def _anchor(url: str) -> str:
    scheme, rest = url[: url.index("://") + 3], url[url.index("://") + 3 :]
    shown, hidden = escape(rest[:30]), escape(rest[30:])
    style = "ellipsis" if hidden else ""
    return (
        f'<a href="{escape(url)}" target="_blank" rel="nofollow noopener" translate="no"><span class="invisible">'
        f'{scheme}</span><span class="{style}">{shown}</span><span class="invisible">{hidden}</span></a>'
    )


def profile(person: Person, site: str) -> str:
    name, _, host = person.handle.partition("@")
    return f"https://{host}/@{name}" if host else f"{site}/@{name}"


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def account_json(person: Person, site: str) -> dict[str, Any]:
    url = profile(person, site)
    return {
        "id": person.id,
        "username": person.handle.partition("@")[0],
        "acct": person.handle,
        "display_name": person.name,
        "locked": False,
        "bot": False,
        "discoverable": None,
        "indexable": False,
        "group": False,
        "created_at": "2026-08-01T00:00:00.000Z",
        "note": "",
        "url": url,
        "uri": url,
        "avatar": f"{site}/avatars/original/missing.png",
        "avatar_static": f"{site}/avatars/original/missing.png",
        "avatar_description": "",
        "header": f"{site}/headers/original/missing.png",
        "header_static": f"{site}/headers/original/missing.png",
        "header_description": "",
        "followers_count": 0,
        "following_count": 0,
        "statuses_count": 0,
        "last_status_at": None,
        "hide_collections": None,
        "show_media": True,
        "show_media_replies": True,
        "show_featured": True,
        "noindex": False,
        "feature_approval": {"automatic": [], "manual": [], "current_user": "denied"},
        "emojis": [],
        "roles": [],
        "fields": [],
    }


def status_json(
    status_id: str,
    site: str,
    person: Person,
    *,
    content: str,
    named: Sequence[Person],
    answers: tuple[str | None, str | None],
    made: tuple[datetime, datetime | None],
    replies: int,
    media: list[dict[str, Any]],
    **more: Any,
) -> dict[str, Any]:
    """Return a status as our account sees it; `answers` are the ids of a status and its author."""
    sent_at, edited_at = made
    return {
        "id": status_id,
        "created_at": stamp(sent_at),
        "in_reply_to_id": answers[0],
        "in_reply_to_account_id": answers[1],
        "uri": f"{site}/ap/users/{person.id}/statuses/{status_id}",
        "url": f"{site}/@{person.handle}/{status_id}",
        "replies_count": replies,
        "reblogs_count": 0,
        "favourites_count": 0,
        "quotes_count": 0,
        "edited_at": stamp(edited_at) if edited_at else None,
        "favourited": False,
        "reblogged": False,
        "muted": False,
        "bookmarked": False,
        "content": content,
        "filtered": [],
        "reblog": None,
        "application": None,
        "account": account_json(person, site),
        "media_attachments": media,
        "mentions": [
            {"id": one.id, "username": one.handle.partition("@")[0], "url": profile(one, site), "acct": one.handle}
            for one in named
        ],
        "tags": [],
        "emojis": [],
        "tagged_collections": [],
        "quote": None,
        "card": None,
        "poll": None,
        "quote_approval": {"automatic": ["public"], "manual": [], "current_user": "automatic"},
        **more,
    }


def media_json(media_id: str, alt: str, site: str, *, ready: bool) -> dict[str, Any]:
    url = f"{site}/system/media_attachments/files/{media_id}.png"
    return {
        "id": media_id,
        "type": "image",
        "url": url if ready else None,
        "preview_url": url if ready else None,
        "remote_url": None,
        "preview_remote_url": None,
        "text_url": None,
        "meta": {"original": {"width": 320, "height": 240, "size": "320x240", "aspect": 1.33}},
        "description": alt or None,
        "blurhash": "UGC~-#M{0JfkNFofR%M{IURj%Mt7E0oM%MR*",
    }


def instance_json(path: str, site: str, longest: int, *, real: bool) -> dict[str, Any]:
    """Return what the server says about itself: Mastodon, or one that claims to be like an old one."""
    configuration = {
        "statuses": {
            "max_characters": longest,
            "max_media_attachments": MOST_IMAGES,
            "characters_reserved_per_url": 23,
        },
        "media_attachments": {
            "description_limit": 10_000,
            "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4"],
            "image_size_limit": IMAGE_BYTES,
            "image_matrix_limit": 33_177_600,
        },
    }
    host = site.partition("://")[2]
    said: dict[str, Any] = {
        "title": "Mastodon",
        "version": "4.6.4" if real else "4.0.0 (compatible; Other 2.75)",
        "languages": ["en"],
        "configuration": configuration,
        "rules": [],
    }
    if path.startswith("/api/v2"):
        return {"domain": host, **said, "api_versions": {"mastodon": 11}}
    return {"uri": host, **said}
