"""Turns what VK's API says (version 5.199) into the hub's models; no calls are made here."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

from hub import (
    Author,
    Media,
    Mention,
    RejectedError,
    RemotePost,
    clean_text,
)

T = TypeVar("T")
Flag = bool | int  # VK says true here and 1 there
SITE = "https://vk.com/"


class Envelope(msgspec.Struct, Generic[T]):
    response: T


class Profile(msgspec.Struct):
    """A person or a community: the one has `first_name`, the other `name`."""

    id: int
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    screen_name: str = ""
    site: str = ""
    about: str = ""
    status: str = ""
    description: str = ""
    is_admin: Flag = False
    admin_level: int = 0


class Groups(msgspec.Struct):
    groups: list[Profile]


class Size(msgspec.Struct):
    url: str = ""
    width: int = 0
    height: int = 0


class Photo(msgspec.Struct):
    id: int
    owner_id: int
    access_key: str = ""
    text: str = ""
    sizes: list[Size] = []

    @property
    def attachment(self) -> str:
        return f"photo{self.owner_id}_{self.id}" + (f"_{self.access_key}" if self.access_key else "")


class Link(msgspec.Struct):
    url: str = ""


class Attachment(msgspec.Struct):
    photo: Photo | None = None
    link: Link | None = None


class Item(msgspec.Struct):
    """A post, or a comment in a list of posts (then `post_id` names its post)."""

    id: int
    owner_id: int = 0
    to_id: int = 0  # the name of owner_id in older answers
    from_id: int = 0
    date: int = 0
    edited: int = 0
    text: str = ""
    post_id: int = 0
    post_type: str = ""
    parents_stack: list[int] = []
    reply_to_comment: int = 0
    is_pinned: Flag = False
    is_deleted: Flag = False
    attachments: list[Attachment] = []
    copy_history: list[Item] = []

    @property
    def owner(self) -> int:
        return self.owner_id or self.to_id or self.from_id


class Wall(msgspec.Struct):
    items: list[Item]
    count: int = 0
    next_from: str = ""
    profiles: list[Profile] = []
    groups: list[Profile] = []


class Branch(msgspec.Struct):
    count: int = 0
    items: list[Comment] = []


class Comment(msgspec.Struct):
    """A deleted comment that was answered has only id, date, parents_stack and thread."""

    id: int
    from_id: int = 0
    date: int = 0
    text: str = ""
    parents_stack: list[int] = []
    reply_to_comment: int = 0
    thread: Branch = msgspec.field(default_factory=Branch)
    attachments: list[Attachment] = []
    deleted: Flag = False

    @property
    def is_long(self) -> bool:
        """Whether its answers did not all come with it."""
        return self.thread.count > len(self.thread.items)


class Comments(msgspec.Struct):
    """`count` is of all depths, `current_level_count` of the level that was asked for."""

    items: list[Comment]
    count: int = 0
    current_level_count: int | None = None
    profiles: list[Profile] = []
    groups: list[Profile] = []

    @property
    def on_this_level(self) -> int:
        if self.current_level_count is not None:
            return self.current_level_count
        return self.count - sum(item.thread.count for item in self.items)


class Made(msgspec.Struct):
    """What a write gives back."""

    post_id: int = 0
    comment_id: int = 0


class UploadServer(msgspec.Struct):
    upload_url: str


class Upload(msgspec.Struct):
    """What the upload server says; `photo` is itself a JSON text, "[]" when it took nothing."""

    server: int = 0
    photo: str = ""
    hash: str = ""
    error: str = ""


class Seen(msgspec.Struct):
    """How far a thread was read: its size, newest id, digest of the newest page, sizes of its long branches."""

    count: int
    last: int
    page: str
    long: dict[int, int]

    def like(self, other: Seen) -> bool:
        return (self.count, self.page, self.long) == (other.count, other.page, other.long)

    def cursor(self) -> str:
        return msgspec.json.encode(self).decode()


_ID = re.compile(r"(-?[0-9]+)_([0-9]+)")
_BREAK = re.compile(r"<br\s*/?>")
_NAMED = re.compile(r"\[(?:id|club|public|event)\d+(?::[^\]|]*)?\|([^\]]+)\]")
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z]\w*);")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WEB = re.compile(r"https?://[^\s<>\"«»,;]+")


def plain(text: str) -> str:
    """Undo VK's own markup: `<br>` and entities of old texts, `[id1|Name]`. An `&` of a URL stays as it is."""
    if "<br" in text:
        text = _BREAK.sub("\n", text)
    if "|" in text:
        text = _NAMED.sub(r"\1", text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return clean_text(text)


def when(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def ids(remote_id: str) -> tuple[int, int]:
    """Split a remote id into its owner (negative for a community) and its number on that wall."""
    found = _ID.fullmatch(remote_id)
    if found is None:
        raise RejectedError("{id} is no id of VK", id=remote_id, hint="write it as -123_456, as in wall-123_456")
    return int(found[1]), int(found[2])


def number(mention: Mention) -> int:
    return int(mention.remote_id.rpartition("_")[2])


def author(profile: Profile, signed: int) -> Author:
    name = profile.name or f"{profile.first_name} {profile.last_name}".strip()
    shown = f"{profile.site} {profile.about} {profile.status} {profile.description}"
    return Author(
        remote_id=str(signed),
        name=plain(name),
        handle=profile.screen_name,
        url=SITE + (profile.screen_name or (f"id{signed}" if signed > 0 else f"club{-signed}")),
        emails=tuple(dict.fromkeys(_EMAIL.findall(shown))) if "@" in shown else (),
        links=_profile_links(profile.site, shown),
    )


def _profile_links(site: str, shown: str) -> tuple[str, ...]:
    """Return where a profile leads: what stands in its field for sites, and full addresses in its texts."""
    named = [word.strip(",;") for word in site.split() if "." in word and "@" not in word]
    return tuple(dict.fromkeys(link for link in [*named, *_WEB.findall(shown)] if link))


def authors(profiles: Iterable[Profile], groups: Iterable[Profile]) -> dict[int, Author]:
    """Map signed ids to authors: a person's is positive, a community's negative."""
    people = {profile.id: author(profile, profile.id) for profile in profiles}
    return people | {-group.id: author(group, -group.id) for group in groups}


def _who(signed: int, people: Mapping[int, Author]) -> Author | None:
    return people.get(signed) or (author(Profile(abs(signed)), signed) if signed else None)


def _remark(item: Comment | Item, owner: int, post: int, people: Mapping[int, Author], deleted: bool) -> Mention:
    top = item.parents_stack[-1] if item.parents_stack else 0
    parent = item.reply_to_comment or top
    return Mention(
        remote_id=f"{owner}_{item.id}",
        kind="reply" if parent else "comment",
        thread_id=f"{owner}_{post}",
        parent_id=f"{owner}_{parent}" if parent else None,
        author=_who(item.from_id, people),
        text=plain(item.text),
        url=remark_url(owner, post, item.id, top),
        sent_at=when(item.date),
        deleted=deleted,
        links=_links(item.attachments),
    )


def _links(attachments: Iterable[Attachment], copied: Iterable[Item] = ()) -> tuple[str, ...]:
    """Return where a post or comment leads beside its text: its link cards, and what it repeats."""
    found = [clean_text(part.link.url) for part in attachments if part.link is not None and part.link.url]
    return (*found, *(f"{SITE}wall{one.owner}_{one.id}" for one in copied))


def remark_url(owner: int, post: int, number: int, top: int = 0) -> str:
    return f"{SITE}wall{owner}_{post}?reply={number}" + (f"&thread={top}" if top else "")


def remarks(page: Comments, owner: int, post: int) -> list[Mention]:
    """Return the comments of a page, each followed by the answers that came with it."""
    people = authors(page.profiles, page.groups)
    found = []
    for item in page.items:
        found.append(_remark(item, owner, post, people, bool(item.deleted)))
        found.extend(_remark(inner, owner, post, people, bool(inner.deleted)) for inner in item.thread.items)
    return found


def mentions(items: Iterable[Item], people: Mapping[int, Author]) -> list[Mention]:
    """Return posts, and comments among them, that speak of us."""
    return [_mention(item, people) for item in items]


def _mention(item: Item, people: Mapping[int, Author]) -> Mention:
    owner = item.owner
    if item.post_id and item.post_type == "reply":
        return _remark(item, owner, item.post_id, people, bool(item.is_deleted))
    return Mention(
        remote_id=f"{owner}_{item.id}",
        kind="mention",
        thread_id=f"{owner}_{item.id}",
        author=_who(item.from_id or owner, people),
        text=plain(item.text),
        url=f"{SITE}wall{owner}_{item.id}",
        sent_at=when(item.date),
        edited_at=when(item.edited),
        deleted=bool(item.is_deleted),
        links=_links(item.attachments, item.copy_history),
    )


def post(item: Item) -> RemotePost:
    """Return one of our own posts; a repost links to what it repeats."""
    links = [part.link.url for part in item.attachments if part.link is not None]
    links += [f"{SITE}wall{copied.owner}_{copied.id}" for copied in item.copy_history]
    return RemotePost(
        remote_id=f"{item.owner}_{item.id}",
        text=plain(item.text),
        link=next(iter(links), ""),
        url=f"{SITE}wall{item.owner}_{item.id}",
        media=tuple(media(part.photo) for part in item.attachments if part.photo is not None),
        sent_at=when(item.date),
        edited_at=when(item.edited),
        deleted=bool(item.is_deleted),
    )


def media(photo: Photo) -> Media:
    largest = max(photo.sizes, key=lambda size: size.width * size.height, default=Size())
    return Media(url=largest.url, alt=plain(photo.text))


def state(page: Comments, found: Sequence[Mention]) -> Seen:
    """Take the bookmark of a thread from its newest page."""
    return Seen(
        count=page.count,
        last=max(map(number, found), default=0),
        page=hashlib.blake2b(msgspec.json.encode(found), digest_size=8).hexdigest(),
        long={item.id: item.thread.count for item in page.items if item.is_long},
    )


def seen(cursor: str | None) -> Seen | None:
    """Read a bookmark of `state`; one that cannot be read starts the thread anew."""
    try:
        return msgspec.json.decode(cursor or "", type=Seen)
    except msgspec.DecodeError:
        return None


def id_in(url: str) -> str | None:
    """Return the post that a permalink such as https://vk.com/wall-123_456 names."""
    found = re.match(r"https?://(?:\w+\.)?vk\.(?:com|ru)/.*\bwall(-?\d+_\d+)", url)
    return found[1] if found else None
