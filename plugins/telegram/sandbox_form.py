"""What the double of the Bot API takes: methods, their parameters, how long a text may be; how it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.testing import Reply

_SEND = {"chat_id", "disable_notification", "protect_content", "reply_parameters", "message_thread_id"}
_EDIT = {"chat_id", "message_id"}
# Method: the parameters it needs, and those it takes besides.
PARAMS: dict[str, tuple[set[str], set[str]]] = {
    "getMe": (set(), set()),
    "getChat": ({"chat_id"}, set()),
    "getChatMember": ({"chat_id", "user_id"}, set()),
    "getUpdates": (set(), {"offset", "limit", "timeout", "allowed_updates"}),
    "sendMessage": ({"chat_id", "text"}, _SEND | {"entities", "parse_mode", "link_preview_options"}),
    "sendPhoto": ({"chat_id", "photo"}, _SEND | {"caption", "caption_entities", "parse_mode"}),
    "sendAnimation": ({"chat_id", "animation"}, _SEND | {"caption", "caption_entities", "parse_mode"}),
    "sendMediaGroup": ({"chat_id", "media"}, _SEND),
    "editMessageText": (_EDIT | {"text"}, {"entities", "parse_mode", "link_preview_options"}),
    "editMessageMedia": (_EDIT | {"media"}, set()),
    "deleteMessage": (_EDIT, set()),
}


class Failed(Exception):
    """An answer that is a refusal."""

    def __init__(self, code: int, description: str, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def reply(self) -> Reply:
        return failed(self.code, self.description, self.parameters)


def failed(code: int, description: str, parameters: Mapping[str, Any] | None = None) -> Reply:
    """Return a refusal in the Bot API's shape: the HTTP status says the code too."""
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return Reply(body | ({"parameters": dict(parameters)} if parameters else {}), status=code)


def check_params(method: str, params: Mapping[str, str], files: Mapping[str, object]) -> None:
    """Refuse a call that lacks a parameter, as Telegram does, or has one that is unknown, which it ignores."""
    needed, more = PARAMS[method]
    for name in sorted(needed - params.keys() - files.keys()):
        what = {"chat_id": "chat_id is empty", "text": "message text is empty"}.get(name, f"{name} is empty")
        raise Failed(400, f"Bad Request: {what}")
    for name in sorted(params.keys() - needed - more):
        raise Failed(400, f"Bad Request: this double knows no parameter {name} of {method}")


def check_text(text: str, most: int, what: str) -> str:
    """Return the text as Telegram keeps it, without blanks around it; `most` counts UTF-16 code units."""
    kept = text.strip()
    if len(kept.encode("utf-16-le", "surrogatepass")) // 2 > most:
        raise Failed(400, f"Bad Request: {what} is too long")
    return kept
