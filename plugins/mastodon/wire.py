"""Turns what the Mastodon API sends into the hub's values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from hub import Author, Identity, Limits, Media, Mention, Receipt, RemotePost, clean_text
from plugins.mastodon.content import Reader

# snac2 puts the time of the last change before the hash by which it knows a status; any other time does as well.
_MOVING_ID = re.compile(r"\d{10}([0-9a-f]{32})")
_LINK = re.compile(r'<([^<>]*)>[^,<]*?\brel="?(\w+)')
_PERMALINK = re.compile(r"/(?:@[^/]+(?:/statuses)?|(?:ap/)?users/[^/]+/statuses|web/statuses|notice)/(\w+)/?")
# From what everybody sees to what one person sees.
_VISIBILITIES = ("public", "unlisted", "private", "direct")
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


class Source(msgspec.Struct):
    """What only we see of our account: `privacy` is the visibility of posts that ask for none."""

    privacy: str = "public"


class ProfileField(msgspec.Struct):
    """A line of a profile, as HTML; `verified_at` is set where the server saw a rel=me link lead back."""

    value: str = ""
    verified_at: str | None = None


class Account(msgspec.Struct):
    """Who wrote something; `acct` has no @host for people of this server."""

    id: str
    username: str = ""
    acct: str = ""
    display_name: str = ""
    url: str | None = None
    uri: str | None = None
    fields: tuple[ProfileField, ...] = ()
    source: Source = msgspec.field(default_factory=Source)


class Attachment(msgspec.Struct):
    """An uploaded file; `url` is null while it is processed."""

    id: str
    type: str = ""
    url: str | None = None
    remote_url: str | None = None
    description: str | None = None


class Named(msgspec.Struct):
    """Somebody whom a status mentions."""

    acct: str = ""
    url: str | None = None


class Card(msgspec.Struct):
    url: str = ""


class Boosted(msgspec.Struct):
    """A status that another one only passes on."""

    id: str


class Quote(msgspec.Struct):
    """What a status quotes; null where it may not be seen."""

    quoted_status: Status | None = None


class Status(msgspec.Struct):
    """A post. `text` is what its author typed: not every server tells, and Mastodon only when it is deleted."""

    id: str
    created_at: datetime
    account: Account
    content: str | None = None
    text: str | None = None
    spoiler_text: str | None = None
    visibility: str = "public"
    url: str | None = None
    uri: str = ""
    in_reply_to_id: str | None = None
    in_reply_to_account_id: str | None = None
    edited_at: datetime | None = None
    replies_count: int = 0
    reblog: Boosted | None = None
    card: Card | None = None
    quote: Quote | None = None
    media_attachments: list[Attachment] = []
    mentions: list[Named] = []

    def __post_init__(self) -> None:
        self.id = _lasting(self.id)
        self.in_reply_to_id = self.in_reply_to_id and _lasting(self.in_reply_to_id)

    @property
    def permalink(self) -> str:
        found = self.url or self.uri
        return found if found.startswith(("https://", "http://")) else ""


class Notification(msgspec.Struct):
    """What happened to us; types that are new bring what they like."""

    id: str
    type: str
    status: Status | None = None


class Context(msgspec.Struct):
    """A status's thread: what it answers, and what answers it, at all depths."""

    ancestors: list[Status]
    descendants: list[Status]


class Found(msgspec.Struct):
    statuses: list[Status]


class StatusRules(msgspec.Struct):
    max_characters: int | None = None
    max_media_attachments: int = 4
    characters_reserved_per_url: int = 23


class MediaRules(msgspec.Struct):
    supported_mime_types: list[str] = []
    image_size_limit: int = 0
    description_limit: int = 1500


class Configuration(msgspec.Struct):
    statuses: StatusRules = msgspec.field(default_factory=StatusRules)
    media_attachments: MediaRules = msgspec.field(default_factory=MediaRules)


class Instance(msgspec.Struct):
    """What a server says about itself, in /api/v2/instance or v1."""

    version: str
    api_versions: dict[str, Any] = {}
    configuration: Configuration = msgspec.field(default_factory=Configuration)
    max_toot_chars: int | None = None

    @property
    def is_mastodon(self) -> bool:
        """Whether this is Mastodon or a fork: others claim a version and put their own name into brackets."""
        return "mastodon" in self.api_versions and "(" not in self.version


def site_of(api_url: str) -> str:
    """Return the name of a server: its host, with the port if it has one."""
    return urlsplit(api_url).netloc.lower()


def named(status_id: str, site: str) -> str:
    """Return the id that a status has among those of all servers: each server counts for itself."""
    return f"{site}/{status_id}"


def status_id(remote_id: str, site: str) -> str:
    """Return what the server calls a status of ours, or one that `named` has named."""
    return remote_id.removeprefix(f"{site}/")


def address(account: Account, site: str) -> str:
    """Return who somebody is on all servers: their profile's address, which is the same wherever they are seen."""
    known = account.acct or account.username
    return account.url or account.uri or (known if "@" in known else f"{known}@{site}")


def order(remote_id: str) -> tuple[int, str]:
    """Return what ids are compared by: they are texts, longer ones are later, none is a number."""
    return len(remote_id), remote_id


def following(headers: Mapping[str, str]) -> dict[str, str]:
    """Read a Link header: where `next` (older) and `prev` (newer) pages begin.

    Only the id is taken from it: the address might lead past a proxy, or take the token elsewhere.
    """
    found = {}
    for url, rel in _LINK.findall(headers.get("link", "")):
        query = parse_qs(urlsplit(url).query)
        for name in ("max_id", "min_id", "since_id"):
            if name in query and rel in ("next", "prev"):
                found[rel] = query[name][0]
    return found


def limits(instance: Instance, warning: str) -> Limits:
    """Return what a status may hold; a content warning counts with it."""
    rules, media = instance.configuration.statuses, instance.configuration.media_attachments
    # Never fewer than its graphemes, which are counted.
    longest = (rules.max_characters or instance.max_toot_chars or 500) - len(warning)
    return Limits(
        unit="grapheme",
        maximum=max(longest, 1),
        link_cost=rules.characters_reserved_per_url,
        link="text",
        remote_mentions="local",
        media_count=rules.max_media_attachments,
        media_bytes=media.image_size_limit,
        media_types=[kind for kind in _IMAGES if kind in media.supported_mime_types] or _IMAGES,
    )


def identity(account: Account, site: str) -> Identity:
    return Identity(
        remote_id=address(account, site),
        name=clean_text(account.display_name or account.username),
        url=account.url or "",
        kind="user",
    )


def receipt(status: Status) -> Receipt:
    return Receipt(remote_id=status.id, url=status.permalink)


def remote_post(status: Status) -> RemotePost:
    content = _Content(status)
    images = [one for one in status.media_attachments if one.type in ("image", "gifv")]
    return RemotePost(
        remote_id=status.id,
        text=content.text,
        title=clean_text(status.spoiler_text or ""),
        link=content.link or (status.card.url if status.card else ""),
        url=status.permalink,
        media=[
            Media(url=one.url or one.remote_url or "", alt=clean_text(one.description or "")) for one in images
        ],
        sent_at=_aware(status.created_at),
        edited_at=_aware(status.edited_at) if status.edited_at else None,
        reply_to=status.in_reply_to_id,
    )


def mention(status: Status, thread: str, site: str) -> Mention:
    """Return a status of the server `site` as something said in a thread, which the hub knows as `thread`."""
    parent, account, content = status.in_reply_to_id, status.account, _Content(status)
    text, quoted = content.text, status.quote.quoted_status if status.quote else None
    warning = clean_text(status.spoiler_text or "")
    return Mention(
        remote_id=named(status.id, site),
        kind="reply" if parent else "mention",
        thread_id=thread,
        parent_id=named(parent, site) if parent and parent != status_id(thread, site) else None,
        author=Author(
            remote_id=address(account, site),
            name=clean_text(account.display_name or account.username),
            handle=clean_text(account.acct or account.username),
            url=account.url or "",
            links=_profile_links(account, verified=False),
            verified_links=_profile_links(account, verified=True),
        ),
        text=f"{warning}\n\n{text}".strip() if warning else text,
        url=status.permalink,
        sent_at=_aware(status.created_at),
        edited_at=_aware(status.edited_at) if status.edited_at else None,
        links=_links(content.links, status.card, quoted),
    )


def _links(shown: Sequence[str], card: Card | None, quoted: Status | None) -> tuple[str, ...]:
    """Return where a status leads: behind words of its text, by its card, and what it quotes."""
    found = dict.fromkeys([*shown, card.url if card else "", quoted.permalink if quoted else ""])
    return tuple(clean_text(link) for link in found if link)


def _profile_links(account: Account, *, verified: bool) -> tuple[str, ...]:
    found = [
        clean_text(link)
        for field in account.fields
        if verified == (field.verified_at is not None)
        for link in Reader(field.value, {}).links
    ]
    return tuple(dict.fromkeys(found))


def answering(status: Status, wanted: str) -> str:
    """Return the visibility of an answer of ours: what is said to few is not answered before all."""
    ranks = [_VISIBILITIES.index(one) for one in (status.visibility, wanted) if one in _VISIBILITIES]
    # A server's own kind of visibility is kept.
    return _VISIBILITIES[max(ranks)] if status.visibility in _VISIBILITIES else status.visibility


def id_in(url: str, api_url: str) -> str | None:
    """Return the status that a permalink of this server names; another server's ids mean nothing here."""
    parts = urlsplit(url)
    found = _PERMALINK.fullmatch(parts.path) if parts.netloc == urlsplit(api_url).netloc else None
    return found[1] if found else None


class _Content:
    """The text of a status, and the links in it."""

    def __init__(self, status: Status) -> None:
        reader = Reader(
            status.content or "", {one.url: f"@{one.acct}" for one in status.mentions if one.url and one.acct}
        )
        self.text = clean_text(status.text or reader.text)
        self.links = reader.links
        self.link = next(iter(reader.links), "")


def _lasting(remote_id: str) -> str:
    moving = _MOVING_ID.fullmatch(remote_id)
    return "0" * 10 + moving[1] if moving else remote_id


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
