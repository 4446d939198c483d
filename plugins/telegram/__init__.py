"""Telegram: publishes to a channel, hears what is said in its discussion group, answers there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

import msgspec
from pydantic import SecretStr, field_validator

from hub import (
    AccountSettings,
    Adapter,
    Answer,
    AuthError,
    Batch,
    Editor,
    GoneError,
    Http,
    HubError,
    Identity,
    Limits,
    Listener,
    Media,
    Mention,
    Post,
    Publisher,
    Receipt,
    RejectedError,
    Responder,
    Vault,
    hookimpl,
)
from plugins.telegram import refusals, wire
from plugins.telegram.bookmark import Bookmark

T = TypeVar("T")
File = tuple[str, bytes, str]

_PAGE = 100  # updates in one answer, the most that getUpdates gives
_KINDS = msgspec.json.encode(["message", "edited_message"]).decode()
_NAMES = {"image/png": "image.png", "image/gif": "image.gif", "image/webp": "image.webp"}


class Telegram(Publisher, Editor, Listener, Responder):
    """A channel and its discussion group, by a bot that is an administrator of the one and a member of the other.

    A post's remote id is the number of its message in the channel; an album's are all of its, `12,13,14`, since
    each is edited and deleted by itself. What people say has the group's id and a number, `-1001234567890/55`,
    and is in the thread of the channel's post.

    A bot cannot list what it posted: where the answer to a post is lost, nothing can be looked up, and a person
    is asked. Nor is it told of deletions in the group. Texts go out as they are, without a parse mode, so that
    nothing in them need be escaped; Telegram itself finds links, mentions and hashtags.
    """

    class Settings(AccountSettings):
        """`channel` is `@name` or an id such as -1001234567890; another channel is another account.

        `group` is the id of the discussion group; without it Telegram is asked which one is linked. Telegram keeps
        one queue of updates for a bot, and whoever reads it takes them: a bot serves one account that has a
        discussion group. `link_preview` shows the first link of a text as a card.
        """

        api_url: str = "https://api.telegram.org"
        token: SecretStr
        channel: int | str
        group: int | None = None
        disable_notification: bool = False
        protect_content: bool = False
        link_preview: bool = True

        @field_validator("channel")
        @classmethod
        def _name_or_number(cls, channel: int | str) -> int | str:
            if isinstance(channel, int):
                return channel
            name = channel.strip().removeprefix("https://t.me/").removeprefix("@")
            if name.removeprefix("-").isdecimal():
                return int(name)
            if not (name.isascii() and name.isidentifier()):
                raise ValueError("write @name, as in t.me/name, or an id such as -1001234567890")
            return f"@{name}"

    platform = "telegram"
    calls_per_second: ClassVar[float | None] = 1.0  # in one chat; a group also bears 20 a minute only
    settle = "none"
    settings: Settings

    def __init__(self, account: str, settings: AccountSettings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        token = self.settings.token.get_secret_value()
        # The token is in every address; its second half is the secret, and an error page may show it encoded.
        for secret in (token, quote(token, safe=""), token.partition(":")[2]):
            http.add_secret(secret)
        self._path = f"/bot{token}/"
        self._linked: int | None = self.settings.group

    @classmethod
    def page(cls, settings: AccountSettings) -> str:
        return f"t.me {str(settings.channel).lower()}" if isinstance(settings, cls.Settings) else ""

    def explain(self, answer: Answer) -> HubError | None:
        failure = refusals.failure_in(answer)
        if failure is None:
            return None
        return refusals.explain(failure, self.http.redact(failure.description), answer)

    def remote_id_of(self, url: str) -> str | None:
        """Read the number of a post. For an album give `hub settle` all of its numbers instead: `12,13,14`."""
        return wire.id_in(url, self.settings.channel)

    def check(self) -> Identity:
        me = self._read(wire.User, "getMe")
        channel = self._read(wire.FullChat, "getChat", chat_id=self.settings.channel)
        bot = self._read(wire.Member, "getChatMember", chat_id=channel.id, user_id=me.id)
        missing = [] if bot.can_post_messages or bot.status == "creator" else ["post in the channel"]
        group = self.settings.group or channel.linked_chat_id
        if group and group != channel.linked_chat_id:
            missing.append(f"the discussion group {group} linked to the channel")
        if group:
            missing += self._missing_in(group, me)
        return Identity(
            remote_id=str(channel.id),
            name=channel.title,
            url=wire.SITE + channel.username if channel.username else "",
            kind="bot",
            missing=tuple(missing),
        )

    def _missing_in(self, group: int, me: wire.User) -> list[str]:
        """Say what keeps the bot from hearing the group."""
        try:
            here = self._read(wire.Member, "getChatMember", chat_id=group, user_id=me.id).status
        except refusals.Migrated as error:
            return [f"group = {error.chat} in hub.toml: the group became a supergroup"]
        except (AuthError, RejectedError):  # of the group: the bot itself was known a call before
            here = "left"
        if here in ("left", "kicked"):
            return [f"be a member of the group {group}"]
        if here in ("creator", "administrator") or me.can_read_all_group_messages:
            return []
        return ["read the group (privacy mode off, or administrator there)"]

    def limits(self) -> Limits:
        # Whether Telegram's "characters" are UTF-16 units is not stated; counted so, a text surely fits.
        return Limits(
            unit="utf16",
            maximum=4096,
            maximum_with_media=1024,
            link="text",
            media_count=10,
            media_bytes=10 * 1024 * 1024,
        )

    def publish(self, post: Post) -> Receipt:
        how: dict[str, Any] = {"chat_id": self.settings.channel} | self._options()
        if post.reply_to is not None:
            how["reply_parameters"] = {"message_id": wire.ids(post.reply_to.remote_id)[0]}
        if len(post.media) > 1:
            items, files = self._attached(post)
            answer = self._write("sendMediaGroup", files, media=items, **how)
            made = answer.decode(wire.Envelope[list[wire.Message]]).result
        else:
            if post.media:
                kind = _kind(post.media[0])
                files = {kind: self._file(post.media[0])}
                answer = self._write(f"send{kind.title()}", files, caption=post.text or None, **how)
            else:
                answer = self._write("sendMessage", text=post.text, link_preview_options=self._preview(), **how)
            made = [answer.decode(wire.Envelope[wire.Message]).result]
        if len(made) != max(len(post.media), 1) or any(message.message_id <= 0 for message in made):
            raise answer.misread("not as many messages as were sent, or one without a number")
        return self._receipt(wire.post_id(message.message_id for message in made), made[0].chat)

    def edit(self, remote_id: str, post: Post) -> Receipt:
        """Change text and images. An album keeps its number of images, and a post that has one keeps one."""
        numbers = wire.ids(remote_id)
        if len(post.media) != len(numbers) and len(numbers) > 1:
            hint = "delete the post and publish it anew"
            raise RejectedError("Telegram cannot change how many images an album has", hint=hint)
        items, files = self._attached(post)
        for place, number in enumerate(numbers):
            where: dict[str, Any] = {"chat_id": self.settings.channel, "message_id": number}
            with contextlib.suppress(GoneError, refusals.NotModified):
                if post.media:
                    file = {f"file{place}": files[f"file{place}"]}
                    self._change("editMessageMedia", file, media=items[place], **where)
                else:
                    preview = self._preview()
                    self._change("editMessageText", text=post.text, link_preview_options=preview, **where)
        return self._receipt(remote_id, wire.as_chat(self.settings.channel))

    def delete(self, remote_id: str) -> None:
        """Delete every message of the post; Telegram lets a bot do so for 48 hours."""
        for number in wire.ids(remote_id):
            with contextlib.suppress(GoneError):
                self._change("deleteMessage", chat_id=self.settings.channel, message_id=number)

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield one page of updates: what was said in the group, and what was changed there.

        A page is confirmed, and with that gone for ever, only by the next read, whose cursor says that the hub
        has stored it. Without a discussion group the bot's updates are left alone.
        """
        bookmark = Bookmark.read(cursor)
        group = self._discussion()
        page = self._updates(None) if group else []
        if bookmark.has(page):
            page = self._updates(bookmark.next)
        yield Batch(bookmark.hear(page, group, self.settings.channel), bookmark.cursor())

    def reply(self, mention: Mention, text: str) -> Receipt:
        """Answer in the group; under one of our own posts, in the channel."""
        where = wire.place(mention.remote_id)
        chat, number = where or (self.settings.channel, wire.ids(mention.remote_id)[0])
        how: dict[str, Any] = {"text": text, "reply_parameters": {"message_id": number}} | self._options()
        try:
            answer = self._write("sendMessage", chat_id=chat, **how)
        except refusals.Migrated as error:
            # Surely nothing was done: the group has another id now.
            answer = self._write("sendMessage", chat_id=error.chat, **how)
        made = answer.decode(wire.Envelope[wire.Message]).result
        if made.message_id <= 0:
            raise answer.misread("a message without a number")
        remote_id = wire.said_id(made) if where else str(made.message_id)
        return Receipt(remote_id=remote_id, url=wire.link(made.chat, made.message_id))

    def _updates(self, offset: int | None) -> list[wire.Update]:
        """Read the first updates that are not confirmed; those before `offset` are confirmed first."""
        options = {"offset": offset, "limit": _PAGE, "timeout": 0, "allowed_updates": _KINDS}
        return self._read(list[wire.Update], "getUpdates", **options)

    def _discussion(self) -> int:
        """Return the id of the discussion group, 0 if there is none; Telegram is asked once."""
        if self._linked is None:
            self._linked = self._read(wire.FullChat, "getChat", chat_id=self.settings.channel).linked_chat_id
        return self._linked

    def _options(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "disable_notification": settings.disable_notification or None,
            "protect_content": settings.protect_content or None,
        }

    def _preview(self) -> dict[str, Any] | None:
        return None if self.settings.link_preview else {"is_disabled": True}

    def _attached(self, post: Post) -> tuple[list[dict[str, Any]], dict[str, File]]:
        """Return a post's images as the Bot API describes them, the text on the first, and their files."""
        items: list[dict[str, Any]] = []
        files: dict[str, File] = {}
        alone = len(post.media) == 1
        for place, media in enumerate(post.media):
            if _kind(media) != "photo" and not alone:
                hint = "post the GIF by itself, or give a JPEG or PNG instead"
                raise RejectedError("Telegram takes no GIF into an album", hint=hint)
            item = {"type": _kind(media), "media": f"attach://file{place}"}
            items.append(item if place or not post.text else item | {"caption": post.text})
            files[f"file{place}"] = self._file(media)
        return items, files

    def _file(self, media: Media) -> File:
        content = media.content or self.http.fetch(media.url).body
        return (_NAMES.get(media.mime, "image.jpg"), content, media.mime or "image/jpeg")

    def _read(self, shape: type[T], method: str, **params: Any) -> T:
        return self.http.get(self._path + method, params=params).decode(wire.Envelope[shape]).result  # type: ignore[valid-type]  # a shape is a value here

    def _write(
        self, method: str, files: dict[str, File] | None = None, *, repeatable: bool = False, **params: Any
    ) -> Answer:
        given = {name: value for name, value in params.items() if value is not None}
        if not files:
            return self.http.post(self._path + method, json=given, repeatable=repeatable)
        form = {name: _as_field(value) for name, value in given.items()}
        return self.http.post(self._path + method, form=form, files=files, repeatable=repeatable)

    def _change(self, method: str, files: dict[str, File] | None = None, **params: Any) -> None:
        """Edit or delete: twice is once. The answer is a message, or just true."""
        self._write(method, files, repeatable=True, **params).decode(wire.Envelope[Any])

    def _receipt(self, remote_id: str, chat: wire.Chat) -> Receipt:
        return Receipt(remote_id=remote_id, url=wire.link(chat, wire.ids(remote_id)[0]))


def _kind(media: Media) -> str:
    """Return the Bot API's word for it: a GIF sent as a photo would stand still."""
    return "animation" if media.mime == "image/gif" else "photo"


def _as_field(value: object) -> str:
    """Write a parameter into a form: what is no text as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [Telegram]
