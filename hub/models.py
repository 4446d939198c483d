"""The values that plugins and the hub hand each other: frozen, typed, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Generic, Literal, TypeVar

import msgspec

Kind = Literal["comment", "reply", "mention", "review", "message"]
NoteKind = Literal["note", "task", "lead"]
Unit = Literal["codepoint", "grapheme", "utf16", "byte", "weighted"]

_FORBIDDEN = {"\0": "a NUL character", **{chr(c): "a lone surrogate" for c in range(0xD800, 0xE000)}}


def check_text(field: str, text: str) -> str:
    """Return `text`, or raise ValueError if no database could hold it (NUL, lone surrogates)."""
    if "\0" in text or not _encodable(text):
        what = next(name for char, name in _FORBIDDEN.items() if char in text)
        raise ValueError(f"{field} holds {what}")
    return text


def clean_text(text: str) -> str:
    """Make foreign text storable: NUL is dropped, lone surrogates become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if _encodable(text) else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_time(field: str, value: datetime | None) -> None:
    if value is not None and value.tzinfo is None:
        raise ValueError(f"{field} has no time zone; use datetime.fromtimestamp(seconds, UTC)")


def _check_id(field: str, value: str) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field} must be a text that is not empty, not {value!r}")
    if not value.isascii() or "\0" in value:
        check_text(field, value)


def _check_texts(kind: str, /, **texts: object) -> None:
    """Msgspec checks what it decodes, and not what a plugin hands over: a number here fails much later."""
    for field, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{kind}.{field} must be a text, not {text!r}")


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """An image: by `url` where a network holds it, with its `content` when it is to be published."""

    url: str = ""
    content: bytes = b""
    mime: str = ""
    alt: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the network gave back for something it took: its id and its permalink."""

    remote_id: str
    url: str = ""

    def __post_init__(self) -> None:
        _check_id("Receipt.remote_id", self.remote_id)
        _check_texts("Receipt", url=self.url)


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One post as one account is to publish it: it already fits the account's `Limits`.

    `key` is the same at every attempt of one delivery and differs between any two deliveries.
    `html` says the same as `text` and `link`, for networks whose posts are HTML; "" where there is only the text.
    `reply_to` is the part before this one, when a long text goes out as a thread.
    `since` and `taken` are for `find`: nothing older than `since` (UTC) is this post, nor is a remote id in
    `taken`, which belongs to another one.
    """

    text: str = ""
    title: str = ""
    link: str = ""
    media: Sequence[Media] = ()
    key: str = ""
    html: str = ""
    reply_to: Receipt | None = None
    since: datetime | None = None
    taken: frozenset[str] = frozenset()


class RemotePost(msgspec.Struct, frozen=True, kw_only=True):
    """One of our own posts as a network shows it: an item of a timeline.

    `text` is plain text; `link` is what it points to; `url` is its own permalink.
    """

    remote_id: str
    text: str = ""
    title: str = ""
    link: str = ""
    url: str = ""
    media: Sequence[Media] = ()
    sent_at: datetime | None = None
    edited_at: datetime | None = None
    reply_to: str | None = None
    deleted: bool = False

    def __post_init__(self) -> None:
        _check_id("RemotePost.remote_id", self.remote_id)
        _check_texts("RemotePost", text=self.text, title=self.title, link=self.link, url=self.url)
        if self.reply_to is not None:
            _check_id("RemotePost.reply_to", self.reply_to)
        _check_time("RemotePost.sent_at", self.sent_at)
        _check_time("RemotePost.edited_at", self.edited_at)


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """One identity on one platform.

    `emails` and `links` are what its profile says of itself, whoever wrote it. `verified_links` are those of them
    that the network has seen to lead back (rel=me).
    """

    remote_id: str
    name: str = ""
    handle: str = ""
    url: str = ""
    emails: Sequence[str] = ()
    links: Sequence[str] = ()
    verified_links: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_id("Author.remote_id", self.remote_id)
        _check_texts("Author", name=self.name, handle=self.handle, url=self.url)


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """Anything others say to or about us.

    `remote_id` is unique on the platform: where many sites run the same software and each counts for itself, it
    names the site, and so does `Author.remote_id`. `thread_id` is the remote id of the post at the root,
    `parent_id` that of the mention it answers (None: it answers the post). `author` is None where the network
    hides it. A `deleted` one may lack everything but its id. `links` are addresses that it leads to beyond what
    its text shows: a link's card, what a shortener stands for, the permalink of what it quotes.
    """

    remote_id: str
    kind: Kind = "comment"
    thread_id: str
    parent_id: str | None = None
    author: Author | None = None
    text: str = ""
    url: str = ""
    sent_at: datetime | None = None
    edited_at: datetime | None = None
    deleted: bool = False
    links: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_id("Mention.remote_id", self.remote_id)
        _check_id("Mention.thread_id", self.thread_id)
        _check_texts("Mention", text=self.text, url=self.url)
        if self.parent_id is not None:
            _check_id("Mention.parent_id", self.parent_id)
        _check_time("Mention.sent_at", self.sent_at)
        _check_time("Mention.edited_at", self.edited_at)
        for link in self.links:
            _check_texts("Mention", links=link)


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said elsewhere, as it is to stand as a comment of ours under their name.

    `key` is the same at every attempt and differs between any two. `url` leads to the original, `site` says where
    that is. `parent_id` is the remote id of the comment that it answers, None: it answers the post. `since` and
    `taken` are for `find_comment`: nothing older than `since` (UTC) is this one, nor is a remote id in `taken`.
    """

    key: str
    text: str
    author: str
    author_url: str = ""
    url: str = ""
    site: str = ""
    sent_at: datetime | None = None
    parent_id: str | None = None
    since: datetime | None = None
    taken: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check_id("Remark.key", self.key)
        _check_texts("Remark", text=self.text, author=self.author, url=self.url, site=self.site)
        _check_time("Remark.sent_at", self.sent_at)


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """The post whose answers are wanted. `known` are the live mentions that the hub has under it (newest 100)."""

    remote_id: str
    url: str = ""
    known: Sequence[str] = ()


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What happened with a person, for a CRM record; `key` is the same at every attempt.

    `kind` is what the CRM is to make of it. `title` is short, for kinds that have one; `due_at` (UTC) is when a
    task is due. `url` leads back to what was said.
    """

    key: str
    text: str
    url: str = ""
    kind: NoteKind = "note"
    title: str = ""
    due_at: datetime | None = None

    def __post_init__(self) -> None:
        _check_time("Note.due_at", self.due_at)


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A person as a CRM holds them.

    `handles` maps a platform to the person's remote id or handle there. `url` is a page of their own; `link` where
    the record itself is opened in the CRM, which is no field and is never pushed. `fields` is what else is held of
    them, each under a name of the hub's ("company", "city") or of the account's own, as a text or a list of texts.
    `key` is our own id, where the CRM has a field for such: the hub finds by it what it created itself. `version`
    is opaque and another after each change (an ETag), where the CRM tells one.

    One that is pushed to an existing record says in `changed` which names it is to set, out of "name", "emails",
    "phones", "handles", "url" and the names in `fields`; None sets them all. A name in `changed` whose value is
    empty is to be emptied. Its `version` is that of the record as the hub last saw it: an adapter that can write
    on that condition does, and raises `StaleRecord` if the record has changed since.
    """

    remote_id: str = ""
    name: str = ""
    emails: Sequence[str] = ()
    phones: Sequence[str] = ()
    handles: Mapping[str, str] = {}
    url: str = ""
    link: str = ""
    fields: Mapping[str, str | Sequence[str]] = {}
    key: str = ""
    version: str = ""
    updated_at: datetime | None = None
    deleted: bool = False
    changed: frozenset[str] | None = None

    def __post_init__(self) -> None:
        _check_texts(
            "Contact",
            remote_id=self.remote_id,
            name=self.name,
            url=self.url,
            link=self.link,
            key=self.key,
            version=self.version,
        )
        _check_time("Contact.updated_at", self.updated_at)


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """A contact to create in a CRM (`remote_id` None), or a record of it to update."""

    contact: Contact
    remote_id: str | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a token speaks for, and what is wrong with it.

    `kind` is the network's name for the token's kind, `missing` the rights it lacks for the account's roles,
    `expires_at` (UTC) when it ends, None where the network does not tell.
    """

    remote_id: str
    name: str = ""
    url: str = ""
    kind: str = ""
    missing: Sequence[str] = ()
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        _check_id("Identity.remote_id", self.remote_id)
        _check_texts("Identity", name=self.name, url=self.url, kind=self.kind)
        _check_time("Identity.expires_at", self.expires_at)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one post may hold on a network.

    `maximum` counts `unit`s (0: no limit); `maximum_with_media` replaces it when media go along; `max_bytes`
    is a second wall in UTF-8 bytes. A link in the text costs `link_cost` units (None: its length). `link` says
    how `Post.link` travels: as a field of its own, or appended to the text; `link_with_media` replaces it when
    media go along. `title` says the same of `Post.title`, which in a text is the first paragraph. A mention
    `@user@host` counts `whole`, or only its `local` part `@user`. `media_bytes` is per file.
    """

    unit: Unit = "codepoint"
    maximum: int = 0
    maximum_with_media: int | None = None
    max_bytes: int = 0
    link_cost: int | None = None
    link: Literal["field", "text"] = "field"
    link_with_media: Literal["field", "text"] | None = None
    title: Literal["field", "text"] = "text"
    remote_mentions: Literal["whole", "local"] = "whole"
    media_count: int = 10
    media_bytes: int = 0
    media_types: Sequence[str] = ("image/jpeg", "image/png", "image/gif", "image/webp")
    text_required: bool = False


T = TypeVar("T")


class Batch(msgspec.Struct, Generic[T], frozen=True):
    """One page of what a reading verb found, and the bookmark to store with it.

    `complete` on the last batch of `fetch_replies` or `pull_contacts` says: these batches together were the whole
    thread, or all records, so what the hub knows and did not see is gone.
    """

    items: Sequence[T]
    cursor: str | None = None
    complete: bool = False


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A network's own account of what is left: calls in the window, and seconds until it starts anew."""

    limit: int | None = None
    remaining: int | None = None
    reset_after: float | None = None


class OAuth(msgspec.Struct, frozen=True, kw_only=True):
    """How a person lets the hub in at a network with OAuth 2: by the code flow with PKCE, answered on loopback.

    A path in place of an address is joined to the account's `api_url`. `token`, `refresh_token`, `client_id` and
    `client_secret` name the settings that hold them, "" for what the network does not have; `client_auth` is how
    an app with a secret proves itself to `token_url`. `port` is where the browser comes back to on 127.0.0.1: 0,
    any, unless the network compares the whole redirect address (RFC 8252, 7.3, says that it should not).
    `apps_url` is where a person registers an app.
    """

    authorize_url: str
    token_url: str
    scopes: Sequence[str] = ()
    token: str = "token"  # noqa: S105  # the name of a setting, as below
    refresh_token: str = ""
    client_id: str = "client_id"
    client_secret: str = "client_secret"  # noqa: S105
    client_auth: Literal["basic", "form"] = "basic"
    port: int = 0
    apps_url: str = ""


class OAuthClient(msgspec.Struct, frozen=True, kw_only=True):
    """The app that a login is for. One without a `secret` is a public client."""

    id: str
    secret: str = ""

    def __repr__(self) -> str:
        return f"OAuthClient(id={self.id!r})"


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call that a network made to us, byte for byte. Header names are lower case."""

    method: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""


class WebhookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook brought, and what to answer the network."""

    events: Sequence[Mention | RemotePost] = ()
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"
