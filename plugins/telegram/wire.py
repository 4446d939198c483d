"""Turns what the Bot API says (10.1) into the hub's models; no calls are made here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

from hub import Author, Mention, RejectedError, clean_text

T = TypeVar("T")
SITE = "https://t.me/"
# Chat ids of supergroups and channels are below this; what is left of it stands in their private links.
_CHANNELS = -1_000_000_000_000


class Envelope(msgspec.Struct, Generic[T]):
    ok: bool
    result: T


class Chat(msgspec.Struct):
    """A channel, group or person. The id has up to 52 bits."""

    id: int
    type: str = ""
    title: str = ""
    username: str = ""


class FullChat(Chat):
    """`linked_chat_id` is the channel's discussion group, and a group's channel."""

    linked_chat_id: int = 0


class User(msgspec.Struct):
    id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    can_read_all_group_messages: bool = False


class Member(msgspec.Struct):
    status: str
    can_post_messages: bool = False


class Entity(msgspec.Struct):
    """A span of a text, in UTF-16 code units."""

    type: str
    offset: int
    length: int
    url: str = ""


class Origin(msgspec.Struct):
    chat: Chat | None = None
    message_id: int = 0


class Preview(msgspec.Struct):
    """What page a message shows a preview of, where its author chose one."""

    url: str = ""


class Sticker(msgspec.Struct):
    emoji: str = ""


class Message(msgspec.Struct):
    """A message of any kind; of what hangs on it only whether it is there matters."""

    message_id: int
    chat: Chat
    date: int = 0
    edit_date: int = 0
    sender: User | None = msgspec.field(default=None, name="from")
    sender_chat: Chat | None = None
    message_thread_id: int = 0
    is_automatic_forward: bool = False
    forward_origin: Origin | None = None
    reply_to_message: Message | None = None
    media_group_id: str = ""
    migrate_to_chat_id: int = 0
    text: str = ""
    entities: list[Entity] = []
    caption: str = ""
    caption_entities: list[Entity] = []
    link_preview_options: Preview | None = None
    sticker: Sticker | None = None
    photo: object = None
    video: object = None
    animation: object = None
    voice: object = None
    video_note: object = None
    audio: object = None
    document: object = None
    poll: object = None
    location: object = None
    contact: object = None

    @property
    def said(self) -> str:
        """What a reader would be told: the text, else what hangs on it; "" for a service message."""
        if self.text or self.caption:
            return plain(self.text, self.entities) if self.text else plain(self.caption, self.caption_entities)
        if self.sticker is not None:
            return self.sticker.emoji or "[sticker]"
        return next((f"[{kind}]" for kind in _ATTACHED if getattr(self, kind) is not None), "")


_ATTACHED = (
    *("photo", "video", "animation", "voice", "video_note", "audio"),
    *("document", "poll", "location", "contact"),
)


class Update(msgspec.Struct):
    update_id: int
    message: Message | None = None
    edited_message: Message | None = None


_IDS = re.compile(r"[1-9]\d{0,15}(?:,[1-9]\d{0,15})*")
_SAID = re.compile(r"(-?\d{1,16})/([1-9]\d{0,15})")
_PERMALINK = re.compile(
    r"https?://(?:www\.)?(?:t|telegram)\.me/(?:s/)?(?:c/(?P<number>\d+)|(?P<name>[A-Za-z]\w+))/(?P<id>[1-9]\d*)"
    r"/?(?:[?#].*)?"
)


def post_id(numbers: Iterable[int]) -> str:
    """Return a post's remote id: the numbers of its messages, such as `12`, or `12,13,14` for an album."""
    return ",".join(map(str, sorted(set(numbers))))


def ids(remote_id: str) -> list[int]:
    """Return the numbers of a post's messages."""
    if not _IDS.fullmatch(remote_id):
        hint = "write it as 12, or 12,13,14 for an album: the number at the end of the post's link"
        raise RejectedError("{id} is no id of a Telegram post", id=remote_id, hint=hint)
    return [int(number) for number in remote_id.split(",")]


def said_id(message: Message) -> str:
    """Return the remote id of what somebody said: chat and number, such as `-1001234567890/55`."""
    return f"{message.chat.id}/{message.message_id}"


def place(remote_id: str) -> tuple[int, int] | None:
    """Return chat and number of what somebody said, None for a post's id."""
    found = _SAID.fullmatch(remote_id)
    return (int(found[1]), int(found[2])) if found else None


def id_in(url: str, channel: int | str) -> str | None:
    """Return the number of the post that a link names; None if the link is to another chat for certain."""
    found = _PERMALINK.fullmatch(url)
    if found is None:
        return None
    if found["number"] is not None:
        elsewhere = isinstance(channel, int) and channel != _CHANNELS - int(found["number"])
    else:
        elsewhere = isinstance(channel, str) and channel.lower() != f"@{found['name']}".lower()
    return None if elsewhere else found["id"]


def link(chat: Chat, number: int) -> str:
    """Return a message's permalink, "" in a basic group, which has none."""
    if chat.username:
        return f"{SITE}{chat.username}/{number}"
    return f"{SITE}c/{_CHANNELS - chat.id}/{number}" if chat.id < _CHANNELS else ""


def as_chat(channel: int | str) -> Chat:
    """Return what the settings alone tell of the channel."""
    return Chat(channel) if isinstance(channel, int) else Chat(0, username=channel[1:])


def is_channel(chat: Chat, channel: int | str) -> bool:
    """Tell whether the chat is the one that the settings name."""
    return chat.id == channel if isinstance(channel, int) else f"@{chat.username}".lower() == channel.lower()


def plain(text: str, entities: Sequence[Entity]) -> str:
    """Return the text, with an address that hides behind a word in brackets after it."""
    units = text.encode("utf-16-le", "surrogatepass")
    for entity in sorted(entities, key=lambda entity: entity.offset, reverse=True):
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        if entity.url and entity.url.encode("utf-16-le") not in units[start:end]:
            units = units[:end] + f" ({entity.url})".encode("utf-16-le", "replace") + units[end:]
    return clean_text(units.decode("utf-16-le", "surrogatepass"))


def when(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


def author(message: Message) -> Author | None:
    """Return who says it: a chat, where somebody speaks for one, else the person."""
    chat, user = message.sender_chat, message.sender
    if chat is not None:
        return _author(chat.id, chat.title, chat.username)
    if user is not None:
        return _author(user.id, f"{user.first_name} {user.last_name}".strip(), user.username)
    return None


def _author(number: int, name: str, handle: str) -> Author:
    url = SITE + handle if handle else ""
    return Author(remote_id=str(number), name=clean_text(name), handle=handle, url=url)


def mention(message: Message, post: str | None) -> Mention:
    """Return what was said in the group; `post` is the remote id of the channel's post that it stands under.

    Elsewhere in the group the thread is that of the message at its root.
    """
    answered = message.reply_to_message
    root = message.message_thread_id or (answered.message_id if answered else message.message_id)
    parent = said_id(answered) if answered and not answered.is_automatic_forward else None
    url = link(message.chat, message.message_id)
    return Mention(
        remote_id=said_id(message),
        kind="message" if post is None else "reply" if parent else "comment",
        thread_id=post or f"{message.chat.id}/{root}",
        parent_id=parent,
        author=author(message),
        text=message.said,
        url=f"{url}?thread={root}" if url and root != message.message_id else url,
        sent_at=when(message.date),
        edited_at=when(message.edit_date),
        links=_links(message),
    )


def _links(message: Message) -> tuple[str, ...]:
    """Return where a message leads: behind words of its text, by its preview, and what it passes on."""
    found = [entity.url for entity in (*message.entities, *message.caption_entities)]
    found.append(message.link_preview_options.url if message.link_preview_options else "")
    origin = message.forward_origin
    if origin is not None and origin.chat is not None and origin.message_id and not message.is_automatic_forward:
        found.append(link(origin.chat, origin.message_id))
    return tuple(clean_text(one) for one in dict.fromkeys(found) if one)
