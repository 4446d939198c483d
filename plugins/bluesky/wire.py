"""What the AT Protocol says and is told, as shapes, and their conversion into the hub's models; no I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b

from msgspec import Struct, field

from hub import Author, Media, Mention, RejectedError, RemotePost, clean_text
from plugins.bluesky.facets import Facet

COLLECTION = "app.bsky.feed.post"
SITE = "https://bsky.app/profile"
_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
_URI = re.compile(r"at://([^/]+)/app\.bsky\.feed\.post/([^/]+)")
_URL = re.compile(r"https?://(?:www\.)?bsky\.app/profile/([\w.:%-]+)/post/([\w.~:-]+)/?(?:[?#].*)?", re.ASCII)
_SHORTENED = re.compile(r"(?:\.\.\.|…)\Z")


class Ref(Struct):
    """A record, and which version of it."""

    uri: str
    cid: str


class ReplyRef(Struct):
    root: Ref
    parent: Ref


class Link(Struct):
    link: str = field(name="$link")


class Blob(Struct, rename="camel", tag_field="$type", tag="blob"):
    ref: Link
    mime_type: str
    size: int


class Uploaded(Struct):
    blob: Blob


class AspectRatio(Struct):
    width: int
    height: int


class Image(Struct, rename="camel", omit_defaults=True):
    image: Blob
    alt: str
    aspect_ratio: AspectRatio | None = None


class Images(Struct, tag_field="$type", tag="app.bsky.embed.images"):
    images: list[Image]


class Card(Struct):
    uri: str
    title: str
    description: str


class External(Struct, tag_field="$type", tag="app.bsky.embed.external"):
    external: Card


class NewPost(Struct, rename="camel", omit_defaults=True, tag_field="$type", tag=COLLECTION):
    """A record to write."""

    text: str
    created_at: str
    facets: list[Facet] = []
    reply: ReplyRef | None = None
    embed: Images | External | None = None
    langs: tuple[str, ...] = ()


class Record(Struct, rename="camel"):
    """A post as it was written, by whatever client: what of it is read here."""

    text: str = ""
    created_at: str = ""
    facets: list[Facet] = []
    reply: ReplyRef | None = None


class Held(Struct):
    """A record as its repository holds it."""

    uri: str
    cid: str
    value: Record


class Made(Struct):
    """What a write answers."""

    uri: str
    cid: str


class Me(Struct):
    """What getSession answers."""

    did: str
    handle: str
    active: bool = True
    status: str = ""


class Resolved(Struct):
    did: str


class Person(Struct, rename="camel"):
    did: str
    handle: str
    display_name: str = ""


class Picture(Struct):
    fullsize: str = ""
    alt: str = ""


class Quoted(Struct):
    """What a post quotes; `record` has it where media stand beside the quote."""

    uri: str = ""
    record: Quoted | None = None


class Embed(Struct):
    """What a post shows beside its text, of any kind; `media` is that of a quote with media."""

    images: list[Picture] = []
    items: list[Picture] = []
    external: Card | None = None
    media: Embed | None = None
    record: Quoted | None = None


class View(Struct, rename="camel"):
    """A post as the network shows it."""

    uri: str
    cid: str
    author: Person
    record: Record
    indexed_at: datetime
    embed: Embed | None = None
    reply_count: int = 0


class Node(Struct, rename="camel"):
    """A place in a thread: a post, or that there is none to be seen. `replies` is None where the depth ended."""

    uri: str = ""
    post: View | None = None
    replies: list[Node] | None = None
    blocked: bool = False
    not_found: bool = False


class ThreadPage(Struct):
    thread: Node


class Reason(Struct):
    """Why a post that is not new is in a feed: somebody reposted it, or pinned it."""

    type: str = field(name="$type")


class FeedItem(Struct):
    post: View
    reason: Reason | None = None


class Feed(Struct):
    feed: list[FeedItem]
    cursor: str = ""

    @property
    def views(self) -> list[View]:
        return [item.post for item in self.feed if item.reason is None]


class Found(Struct):
    posts: list[View]
    cursor: str = ""

    @property
    def views(self) -> list[View]:
        return self.posts


class Notification(View, kw_only=True):
    reason: str


class Notifications(Struct):
    notifications: list[Notification]
    cursor: str = ""

    @property
    def views(self) -> Sequence[View]:
        return self.notifications


def tid(key: str) -> str:
    """Make the record key of a post from the hub's key: a valid TID, always the same for one key.

    A TID is a moment in microseconds and ten bits more. 60 bits of a hash lie between 1970 and September 2006:
    never in the future, and never one that another client gives to a post.
    """
    bits = int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) >> 4
    return "2" + "".join(_DIGITS[bits >> shift & 31] for shift in range(55, -1, -5))


def at_uri(repo: str, key: str) -> str:
    return f"at://{repo}/{COLLECTION}/{key}"


def parts(uri: str) -> tuple[str, str]:
    """Return the repository and the key of a post's URI."""
    found = _URI.fullmatch(uri)
    if found is None:
        raise RejectedError("{id} is no post on Bluesky", id=uri, hint="its id is at://DID/app.bsky.feed.post/KEY")
    return found[1], found[2]


def permalink(uri: str) -> str:
    """Return the address on bsky.app, with the DID: handles change."""
    found = _URI.fullmatch(uri)
    return f"{SITE}/{found[1]}/post/{found[2]}" if found else ""


def uri_in(url: str) -> str | None:
    """Return the post that an address on bsky.app names, with the handle if it does so by handle."""
    found = _URL.fullmatch(url)
    return at_uri(found[1].replace("%3A", ":"), found[2]) if found else None


def sent_at(view: View) -> datetime:
    """Return when a post was made, as the app sorts it: a client's own time is not believed if it lies ahead."""
    try:
        made = datetime.fromisoformat(view.record.created_at)
    except ValueError:
        return indexed(view)
    return min(made if made.tzinfo else made.replace(tzinfo=UTC), indexed(view))


def indexed(view: View) -> datetime:
    return view.indexed_at if view.indexed_at.tzinfo else view.indexed_at.replace(tzinfo=UTC)


def plain_text(record: Record) -> str:
    """Return the text, with the whole address where a client has shown a shortened one."""
    content = record.text.encode(errors="replace")
    for facet in sorted(record.facets, key=lambda each: each.index.byte_start, reverse=True):
        first, end = facet.index.byte_start, facet.index.byte_end
        shown = content[first:end].decode(errors="replace")
        for feature in facet.features:
            stem = _SHORTENED.sub("", shown)
            if stem != shown and stem and _bare(feature.uri).startswith(_bare(stem)):
                content = content[:first] + feature.uri.encode(errors="replace") + content[end:]
                break
    return clean_text(content.decode(errors="replace"))


def mention(view: View, *, thread_id: str = "", root: str = "") -> Mention:
    """Convert what somebody said; `root` is the post at the top, which the hub may know as `thread_id`."""
    reply = view.record.reply
    root = root or (reply.root.uri if reply else view.uri)
    parent = reply.parent.uri if reply else None
    return Mention(
        remote_id=view.uri,
        kind="reply" if reply else "mention",
        thread_id=thread_id or root,
        parent_id=None if parent == root else parent,
        author=_author(view.author),
        text=plain_text(view.record),
        url=permalink(view.uri),
        sent_at=sent_at(view),
        links=_links(view),
    )


def _links(view: View) -> tuple[str, ...]:
    """Return where a post leads: behind words of its text, by its card, and what it quotes."""
    embed = view.embed or Embed()
    card = embed.external or (embed.media and embed.media.external)
    quoted = embed.record and (embed.record.record or embed.record)
    found = [feature.uri for facet in view.record.facets for feature in facet.features]
    found += [card.uri if card else "", permalink(quoted.uri) if quoted else ""]
    return tuple(clean_text(link) for link in dict.fromkeys(found) if link)


def post(view: View) -> RemotePost:
    """Convert one of our own posts."""
    embed = view.embed or Embed()
    embed = embed.media or embed
    pictures = [Media(url=each.fullsize, alt=clean_text(each.alt)) for each in (*embed.images, *embed.items)]
    links = [feature.uri for facet in view.record.facets for feature in facet.features if feature.uri]
    return RemotePost(
        remote_id=view.uri,
        text=plain_text(view.record),
        link=clean_text(embed.external.uri if embed.external else next(iter(links), "")),
        url=permalink(view.uri),
        media=[each for each in pictures if each.url],
        sent_at=sent_at(view),
        reply_to=view.record.reply.parent.uri if view.record.reply else None,
    )


def _author(person: Person) -> Author:
    handle = "" if person.handle == "handle.invalid" else clean_text(person.handle)
    name = clean_text(person.display_name) or handle
    return Author(remote_id=person.did, name=name, handle=handle, url=f"{SITE}/{person.did}")


def _bare(address: str) -> str:
    return address.partition("://")[2] or address
