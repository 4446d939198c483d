"""A double of the Bot API: one channel, the group where its posts are discussed, the queue of updates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.testing import Held, Person, Remark, Reply, Request, SocialDouble
from plugins.telegram.sandbox_form import PARAMS, Failed, check_params, check_text, failed
from plugins.telegram.sandbox_refusals import REFUSALS

TOKEN = "7123456789:AAH-sandbox_token-of-no-bot-at-all"  # of a bot that does not exist
BOT = 7_123_456_789
CHANNEL = -1_001_987_654_321
GROUP = -1_002_147_483_999
NAME = "company_news"
# Where the numbers of updates go on after a quiet week: below the old ones.
_ANEW = 1_000_000
_TWO_DAYS = timedelta(hours=48)
_RIGHTS = (
    *("can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats"),
    *("can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories"),
    *("can_edit_stories", "can_delete_stories", "can_edit_messages"),
)


@dataclass
class Sent:
    """A message of ours in the channel. `post` is the id of its post, which for an album is that of several."""

    number: int
    text: str
    post: str = ""
    file: bytes = b""
    kind: str = ""
    album: str = ""
    forward: int = 0
    reply_to: int = 0
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class TelegramDouble(SocialDouble):
    """The channel @company_news and its discussion group, as a bot sees them.

    `webhook` is the address that updates go to instead. `allowed` are the kinds of update that are queued, as
    the last getUpdates asked (None: the usual ones). `migrated` is set when the group became a supergroup with
    that id. `reads_all` is the bot's privacy mode off; `in_group` and `in_channel` are its standing there. With
    `stale_cursors` a week has passed: the updates that wait have new numbers, lower than the old.
    """

    refusals = REFUSALS
    us = Person(id=str(CHANNEL), name="Our company", handle=NAME)

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        super().__init__(port, latency=latency)
        self.webhook = ""
        self.allowed: list[str] | None = None
        self.migrated = 0
        self.reads_all = True
        self.in_group = "member"
        self.in_channel = "administrator"
        self.can_post = True
        self.channel_name = NAME
        self.linked = GROUP
        self.sent: dict[int, Sent] = {}
        self._updates: list[tuple[int, str, dict[str, Any]]] = []
        self._numbers = {CHANNEL: 10, GROUP: 70_000, 0: 481_236_000}

    def account(self) -> dict[str, Any]:
        return {"api_url": self.url, "token": TOKEN, "channel": f"@{NAME}", "group": GROUP}

    def new_remark_id(self, post_id: str) -> str:
        return f"{GROUP}/{self._next(GROUP)}"

    def say(self, person: Person, post_id: str, text: str, parent_id: str | None = None) -> str:
        """Let a person comment; a bot is told what others say, and nothing of what it says itself."""
        with self.lock:
            remark_id = super().say(person, post_id, text, parent_id)
            if person != self.us:
                self._tell("message", self._said(self.remarks[remark_id]))
        return remark_id

    def mention(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        """Let a person comment on the newest post; what went out by another hand is there if nothing else is."""
        with self.lock:
            post = next(reversed(self.posts), None) or self.post_by_hand("What do you think?")
            remark_id = super().say(person, post, text)
            self.remarks[remark_id].sent_at = sent_at or self.remarks[remark_id].sent_at
            self._tell("message", self._said(self.remarks[remark_id]))
        return remark_id

    def post_by_hand(self, text: str) -> str:
        """Let an administrator post in the channel; return the post's id."""
        with self.lock:
            sent = Sent(self._next(CHANNEL), text)
            return self._keep([sent])

    def chat_in_group(self, person: Person, text: str, answers: str = "", **more: Any) -> str:
        """Let a person say something in the group that is under no post; return its id."""
        with self.lock:
            number = self._next(GROUP)
            message = self._in_group(number, text, datetime.now(UTC)) | {"from": _user(person)} | more
            if answers:
                root = int(answers.partition("/")[2])
                message["message_thread_id"] = root
                message["reply_to_message"] = self._in_group(root, "before", datetime.now(UTC))
            self._tell("message", message)
        return f"{GROUP}/{number}"

    def tell(self, kind: str, message: dict[str, Any]) -> None:
        """Queue an update as it stands."""
        with self.lock:
            self._tell(kind, message)

    def edit_remark(self, remark_id: str, text: str) -> None:
        with self.lock:
            super().edit_remark(remark_id, text)
            edited = {"edit_date": int(datetime.now(UTC).timestamp())}
            self._tell("edited_message", self._said(self.remarks[remark_id]) | edited)

    def answer(self, request: Request) -> Reply:
        found = re.fullmatch(r"/bot([^/]*)/(\w+)", request.path)
        if found is None or not re.fullmatch(r"\d+:[\w-]{30,}", found[1]):
            return failed(404, "Not Found")
        if found[1] != TOKEN:
            return failed(401, "Unauthorized")
        names = {name.lower(): name for name in PARAMS}
        method = names.get(found[2].lower())
        if method is None:
            return failed(404, "Not Found: method not found")
        params = {**request.query, **request.form()}
        if request.content_type == "application/json":
            params |= {name: _text(value) for name, value in request.json().items()}
        try:
            check_params(method, params, request.files())
            do: Callable[[dict[str, str], Request], Any] = getattr(self, f"_{method.lower()}")
            return Reply({"ok": True, "result": do(params, request)})
        except Failed as refused:
            return refused.reply()

    # Who and where

    def _getme(self, params: dict[str, str], request: Request) -> dict[str, Any]:
        rights = {"can_join_groups": True, "can_read_all_group_messages": self.reads_all}
        return _bot() | rights | {"supports_inline_queries": False}

    def _getchat(self, params: dict[str, str], request: Request) -> dict[str, Any]:
        chat = self._chat(params["chat_id"])
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        full = {"accent_color_id": 1, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, True)}
        linked = {CHANNEL: self.linked, GROUP: CHANNEL}[chat["id"]]
        return chat | full | ({"linked_chat_id": linked} if linked else {})

    def _getchatmember(self, params: dict[str, str], request: Request) -> dict[str, Any]:
        chat = self._chat(params["chat_id"])
        if params["user_id"] != str(BOT):
            raise Failed(400, "Bad Request: member not found")
        status = self.in_channel if chat["id"] == CHANNEL else self.in_group
        if status != "administrator":
            return {"status": status, "user": _bot()}
        rights = dict.fromkeys(_RIGHTS, False) | {"can_post_messages": self.can_post, "can_manage_chat": True}
        return {"status": status, "user": _bot(), **rights}

    def _chat(self, wanted: str) -> dict[str, Any]:
        if wanted.lower() in (f"@{self.channel_name}".lower(), str(CHANNEL)):
            return self._channel()
        if self.migrated and wanted == str(GROUP):
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Failed(400, description, {"migrate_to_chat_id": self.migrated})
        if wanted in (str(GROUP), str(self.migrated or GROUP)):
            return self._group()
        raise Failed(400, "Bad Request: chat not found")

    def _channel(self) -> dict[str, Any]:
        chat = {"id": CHANNEL, "title": self.us.name, "type": "channel"}
        return chat | ({"username": self.channel_name} if self.channel_name else {})

    def _group(self) -> dict[str, Any]:
        return {"id": self.migrated or GROUP, "title": "Our company, discussed", "type": "supergroup"}

    # Writing

    def _sendmessage(self, params: dict[str, str], request: Request) -> dict[str, Any]:
        chat = self._chat(params["chat_id"])
        text = check_text(params["text"], 4096, "message")
        if not text:
            raise Failed(400, "Bad Request: message text is empty")
        if chat["id"] != CHANNEL:
            return self._answer_in_group(text, params)
        return self._publish([Sent(self._next(CHANNEL), text)], params)[0]

    def _sendphoto(self, params: dict[str, str], request: Request) -> dict[str, Any]:
        return self._send_file("photo", params, request)

    def _sendanimation(self, params: dict[str, str], request: Request) -> dict[str, Any]:
        return self._send_file("animation", params, request)

    def _send_file(self, kind: str, params: dict[str, str], request: Request) -> dict[str, Any]:
        self._chat(params["chat_id"])
        file = self._file(request, kind)
        text = check_text(params.get("caption", ""), 1024, "message caption")
        return self._publish([Sent(self._next(CHANNEL), text, file=file, kind=kind)], params)[0]

    def _sendmediagroup(self, params: dict[str, str], request: Request) -> list[dict[str, Any]]:
        self._chat(params["chat_id"])
        items = json.loads(params["media"])
        if not 2 <= len(items) <= 10:
            raise Failed(400, "Bad Request: wrong number of media in the group")
        album = str(13_000_000_000_000_000 + self.next_id())
        texts = [check_text(item.get("caption", ""), 1024, "message caption") for item in items]
        files = [self._attached(request, item) for item in items]
        sent = [
            Sent(self._next(CHANNEL), text, file=file, kind="photo", album=album)
            for text, file in zip(texts, files, strict=True)
        ]
        return self._publish(sent, params)

    def _publish(self, sent: list[Sent], params: dict[str, str]) -> list[dict[str, Any]]:
        if self.in_channel == "kicked":
            raise Failed(403, "Forbidden: bot was kicked from the channel chat")
        if self.in_channel != "administrator" or not self.can_post:
            raise Failed(400, "Bad Request: need administrator rights in the channel chat")
        answers = json.loads(params.get("reply_parameters", "{}")).get("message_id", 0)
        if answers and answers not in self.sent:
            raise Failed(400, "Bad Request: message to be replied not found")
        for one in sent:
            one.reply_to = answers
        self._keep(sent)
        return [self._in_channel(one) for one in sent]

    def _keep(self, sent: list[Sent]) -> str:
        """Hold a post, forward it to the group, and tell the bot of the forwards."""
        post = ",".join(str(one.number) for one in sent)
        before = self.sent.get(sent[0].reply_to)
        alts = ["" for one in sent if one.file]
        self.posts[post] = Held(post, sent[0].text, alts=alts, reply_to=before.post if before else None)
        for one in sent:
            one.post, one.forward = post, self._next(GROUP)
            self.sent[one.number] = one
        for one in sent:
            self._tell("message", self._forward(one))
        return post

    def _answer_in_group(self, text: str, params: dict[str, str]) -> dict[str, Any]:
        answered = json.loads(params.get("reply_parameters", "{}")).get("message_id", 0)
        asked = self.remarks.get(f"{GROUP}/{answered}")
        if asked is None or asked.deleted:
            raise Failed(400, "Bad Request: message to be replied not found")
        remark = self.remarks[self.say(self.us, asked.post_id, text, asked.id)]
        return self._said(remark)

    def _editmessagetext(self, params: dict[str, str], request: Request) -> dict[str, Any]:
        one = self._ours(params, "edit")
        text = check_text(params["text"], 4096, "message")
        if one.kind:
            raise Failed(400, "Bad Request: there is no text in the message to edit")
        return self._changed(one, text, b"", "")

    def _editmessagemedia(self, params: dict[str, str], request: Request) -> dict[str, Any]:
        one = self._ours(params, "edit")
        item = json.loads(params["media"])
        text = check_text(item.get("caption", ""), 1024, "message caption")
        return self._changed(one, text, self._attached(request, item), item["type"])

    def _changed(self, one: Sent, text: str, file: bytes, kind: str) -> dict[str, Any]:
        if (one.text, one.file, one.kind) == (text, file, kind):
            same = "specified new message content and reply markup are exactly the same as a current content"
            raise Failed(400, f"Bad Request: message is not modified: {same} and reply markup of the message")
        one.text, one.file, one.kind = text, file, kind
        held = self.posts[one.post]
        if one.post.split(",")[0] == str(one.number):
            held.text = text
        if kind and not held.alts:
            held.alts = [""]
        # The forward is not edited with it: what is known of that is contradictory, and nothing rests on it.
        return self._in_channel(one) | {"edit_date": int(datetime.now(UTC).timestamp())}

    def _deletemessage(self, params: dict[str, str], request: Request) -> bool:
        one = self._ours(params, "delete")
        if datetime.now(UTC) - one.sent_at > _TWO_DAYS:
            raise Failed(400, "Bad Request: message can't be deleted")
        del self.sent[one.number]
        if not any(other.post == one.post for other in self.sent.values()):
            del self.posts[one.post]
        return True

    def _ours(self, params: dict[str, str], what: str) -> Sent:
        self._chat(params["chat_id"])
        one = self.sent.get(int(params["message_id"]))
        if one is None:
            raise Failed(400, f"Bad Request: message to {what} not found")
        return one

    def _file(self, request: Request, name: str) -> bytes:
        _, content = request.files().get(name, ("", b""))
        if not content:
            raise Failed(400, f"Bad Request: there is no {name} in the request")
        if len(content) > 10 * 1024 * 1024:
            raise Failed(413, "Request Entity Too Large")
        return content

    def _attached(self, request: Request, item: dict[str, Any]) -> bytes:
        if not str(item["media"]).startswith("attach://"):
            raise Failed(400, "Bad Request: wrong remote file identifier specified: wrong character in the string")
        return self._file(request, str(item["media"]).removeprefix("attach://"))

    # Updates

    def _getupdates(self, params: dict[str, str], request: Request) -> list[dict[str, Any]]:
        if self.webhook:
            raise Failed(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
                "webhook first",
            )
        if "allowed_updates" in params:
            self.allowed = json.loads(params["allowed_updates"])
        down = _ANEW if self.stale_cursors else 0
        offset = int(params.get("offset", 0))
        if offset < 0:
            self._updates = self._updates[offset:]
        elif offset:
            self._updates = [one for one in self._updates if one[0] - down >= offset]
        waiting = [one for one in self._updates if not self._is_hidden(one[2])]
        page = waiting[: int(params.get("limit", 100))]
        return self.arranged([{"update_id": number - down, kind: message} for number, kind, message in page])

    def _is_hidden(self, message: dict[str, Any]) -> bool:
        return f"{message['chat']['id']}/{message['message_id']}" in self.hidden

    def _tell(self, kind: str, message: dict[str, Any]) -> None:
        # What is not asked for is not queued at all; an empty list asks for the usual kinds.
        if not self.allowed or kind in self.allowed:
            self._updates.append((self._next(0), kind, message))

    @property
    def waiting(self) -> int:
        """How many updates nobody has confirmed."""
        with self.lock:
            return len(self._updates)

    def _next(self, chat: int) -> int:
        with self.lock:
            self._numbers[chat] += 1
            return self._numbers[chat]

    # How messages look

    def _in_channel(self, one: Sent) -> dict[str, Any]:
        message = {"message_id": one.number, "sender_chat": self._channel(), "chat": self._channel()}
        return message | self._content(one)

    def _forward(self, one: Sent) -> dict[str, Any]:
        origin = {"type": "channel", "date": int(one.sent_at.timestamp()), "chat": self._channel()}
        service = {"id": 777_000, "is_bot": False, "first_name": "Telegram"}
        return {
            "message_id": one.forward,
            "from": service,
            "sender_chat": self._channel(),
            "chat": self._group(),
            "forward_origin": origin | {"message_id": one.number},
            "is_automatic_forward": True,
        } | self._content(one)

    def _content(self, one: Sent) -> dict[str, Any]:
        content: dict[str, Any] = {"date": int(one.sent_at.timestamp())}
        if one.album:
            content["media_group_id"] = one.album
        if not one.kind:
            return content | {"text": one.text}
        file = {"file_id": f"AgAC{one.number}", "file_unique_id": f"AQAD{one.number}", "width": 320, "height": 240}
        content |= {"photo": [file]} if one.kind == "photo" else {"animation": file | {"duration": 1}}
        return content | ({"caption": one.text} if one.text else {})

    def _in_group(self, number: int, text: str, at: datetime) -> dict[str, Any]:
        return {"message_id": number, "chat": self._group(), "date": int(at.timestamp()), "text": text}

    def _said(self, remark: Remark) -> dict[str, Any]:
        """Return a remark as a message: it names the forward that it stands under, and what it answers."""
        message = self._in_group(int(remark.id.partition("/")[2]), remark.text, remark.sent_at)
        message["from"] = _bot() if remark.person == self.us else _user(remark.person)
        root = self.sent.get(int(remark.post_id.split(",")[0]))
        if root is not None:
            message["message_thread_id"] = root.forward
        above = self.remarks.get(remark.parent_id or "")
        if above is not None:
            answered = self._in_group(int(above.id.partition("/")[2]), above.text, above.sent_at)
            answered["from"] = _bot() if above.person == self.us else _user(above.person)
            # One level deep: what this one answered is not told.
            message["reply_to_message"] = answered
        elif root is not None:
            message["reply_to_message"] = self._forward(root)
        return message


def _bot() -> dict[str, Any]:
    return {"id": BOT, "is_bot": True, "first_name": "Company herald", "username": "company_herald_bot"}


def _user(person: Person) -> dict[str, Any]:
    first, _, last = person.name.partition(" ")
    user = {"id": int(person.id), "is_bot": False, "first_name": first, "username": person.handle}
    return user | ({"last_name": last} if last else {})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
