"""Two emulators of the Bot API that others wrote, and the channel, group and people that we act on one of them."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any, ClassVar

import httpx
from real.serving import MATERIAL, NotInstallable, Server, free_port, python_packages, run
from real.site import PEOPLE, Said, Shown, Site

from plugins.telegram import Telegram

TOKEN = "7123456789:AAH-token-of-an-emulated-bot-0123456789"  # of a bot that does not exist
CHANNEL = -1_001_987_654_321
GROUP = -1_002_147_483_999
_LINK = re.compile(r"https?://\S+")


class TelegramTestApi(Server):
    """telegram-test-api from npm: holds the messages of a bot, edits and deletes them, hands out what people say.

    It cannot do channels, groups, images, lengths, rights, edits by people, or an offset of updates: it forgets
    what it has handed out once. It answers an edit with null, and sends its times in milliseconds.
    """

    name = "telegram"
    recipe: ClassVar[str] = "telegram-test-api@4.2.1"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def install(self) -> str:
        npm = shutil.which("npm")
        if npm is None:
            raise NotInstallable("it comes from npm, which is not here")
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        run([npm, "install", "--prefix", self.home, *quiet, self.recipe], cwd=self.home)
        package = json.loads((self.home / "node_modules/telegram-test-api/package.json").read_text())
        return str(package["version"])

    def start(self) -> None:
        script = MATERIAL / "telegram" / "serve.mjs"
        self.spawn(["node", script, self.home, str(self.port), str(CHANNEL), str(GROUP)])

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/bot{TOKEN}/getMe", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


class LoBotApi(Server):
    """lo-bot-api-emulator from PyPI: checks each request, counts lengths, and keeps a queue of updates by offset.

    It holds no messages, so nothing can be looked at; an album's messages all bear one number. Of updates it
    knows new messages alone. It names no chats, and changes no media.
    """

    name = "telegram-lo"
    recipe: ClassVar[str] = "lo-bot-api-emulator==0.3.6"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def install(self) -> str:
        programs = python_packages(self.home, self.recipe)
        shown = run([programs / "pip", "show", "lo-bot-api-emulator"])
        return shown.partition("Version: ")[2].splitlines()[0]

    def start(self) -> None:
        self.spawn([self.home / "venv/bin/python", MATERIAL / "telegram" / "lo.py", str(self.port)])

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/bot{TOKEN}/getMe", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def tell(self, message: dict[str, Any], token: str = TOKEN) -> int:
        """Queue a message for the bot; return the number of its update."""
        update = {"token": token, "update": {"message": message}}
        answer = httpx.post(f"{self.url}/__fixture/updates", json=update, trust_env=False)
        number: int = answer.json()["result"]["update_id"]
        return number

    def call(self, method: str, token: str = TOKEN, **params: Any) -> Any:
        """Call a method as another program with this token would."""
        return httpx.post(f"{self.url}/bot{token}/{method}", json=params, trust_env=False).json()["result"]


class TelegramSite(Site):
    """The channel and its group on telegram-test-api.

    The emulator has no groups: what Telegram itself does there (the forward of a post, the shape of a comment) is
    written here as the Bot API documents it, and handed to the emulator's own door for people.
    """

    adapter = Telegram
    publishes = ("POST", r"/sendMessage$")
    settled = "asked"
    maximum = 4096
    lacks: ClassVar[dict[str, str]] = {
        "image": "telegram-test-api 4.2.1 knows no sendPhoto",
        "alt": "Telegram keeps no descriptions of images",
        "comment edits": "telegram-test-api 4.2.1 tells a bot of no edits",
        "comment deletes": "Telegram tells a bot of no deletions in a group",
    }

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._forwards: dict[str, dict[str, Any]] = {}

    @property
    def url(self) -> str:
        assert isinstance(self.server, TelegramTestApi)
        return self.server.url

    def account(self, url: str) -> dict[str, Any]:
        return {"api_url": url, "token": TOKEN, "channel": CHANNEL, "group": GROUP}

    def posts(self) -> list[Shown]:
        return [
            Shown(
                id=str(one["messageId"]),
                text=one["message"]["text"],
                links=_LINK.findall(one["message"]["text"]),
                answers=_answered(one["message"]),
            )
            for one in self._history()
            if one["message"].get("chat_id") == CHANNEL
        ]

    def comment(self, person: str, post_id: str, text: str, answers: str | None = None) -> str:
        forward = self._forward(post_id)
        answered = forward if answers is None else self._bare(answers)
        where = {"message_thread_id": forward["message_id"], "reply_to_message": answered}
        return f"{GROUP}/{self._say({'from': _person(person), 'text': text, **where})}"

    def edit_comment(self, person: str, comment_id: str, text: str) -> None:
        raise AssertionError(self.lacks["comment edits"])

    def delete_comment(self, person: str, comment_id: str) -> None:
        raise AssertionError(self.lacks["comment deletes"])

    def comments(self, post_id: str) -> list[Said]:
        root = self._forward(post_id)["message_id"]
        found: list[Said] = []
        for one in self._history():
            message, number = one["message"], f"{GROUP}/{one['messageId']}"
            if message.get("message_thread_id") == root:
                above = message["reply_to_message"]["message_id"]
                answers = None if above == root else f"{GROUP}/{above}"
                found.append(Said(number, message["from"]["username"], message["text"], answers))
            elif message.get("chat_id") == GROUP:
                above = f"{GROUP}/{_answered(message)}"
                # It is under this post if what it answers is.
                if above in {said.id for said in found}:
                    found.append(Said(number, "us", message["text"], above))
        return found

    def _forward(self, post_id: str) -> dict[str, Any]:
        """Let Telegram forward a post to the group, once."""
        if post_id not in self._forwards:
            channel = {"id": CHANNEL, "type": "channel", "title": "Our company"}
            origin = {"type": "channel", "date": 1, "chat": channel, "message_id": int(post_id)}
            message = {"sender_chat": channel, "is_automatic_forward": True, "forward_origin": origin, "text": "…"}
            number = self._say(message)
            self._forwards[post_id] = {**message, **_IN_GROUP, "message_id": number}
        return self._forwards[post_id]

    def _bare(self, comment_id: str) -> dict[str, Any]:
        """Return what a comment looks like in an answer to it: without what it answered itself."""
        return {**_IN_GROUP, "message_id": int(comment_id.partition("/")[2]), "text": "…"}

    def _say(self, message: dict[str, Any]) -> int:
        told = {"botToken": TOKEN, **_IN_GROUP, **message}
        httpx.post(f"{self.url}/sendMessage", json=told, trust_env=False).raise_for_status()
        return max(int(one["messageId"]) for one in self._history() if "chat" in one["message"])

    def _history(self) -> list[dict[str, Any]]:
        """Return all that the emulator holds, of the bot and of people, oldest first."""
        answer = httpx.post(f"{self.url}/getUpdatesHistory", json={"token": TOKEN}, trust_env=False)
        found: list[dict[str, Any]] = answer.json()["result"]
        return sorted(found, key=lambda one: int(one["messageId"]))


_IN_GROUP: dict[str, Any] = {"chat": {"id": GROUP, "type": "supergroup", "title": "Talk"}, "date": 1_700_000_000}


def _person(name: str) -> dict[str, Any]:
    return {
        "id": 5_000_000_000 + PEOPLE.index(name),
        "is_bot": False,
        "first_name": name.title(),
        "username": name,
    }


def _answered(message: dict[str, Any]) -> str | None:
    given = message.get("reply_parameters")
    return str(given["message_id"]) if given else None
