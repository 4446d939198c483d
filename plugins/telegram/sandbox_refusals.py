"""The errors that the Bot API is known for, as it sends them, and what the hub must make of each."""

from __future__ import annotations

from hub import AuthError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.testing import Refusal
from plugins.telegram.sandbox_form import failed

_CODES: dict[type[HubError], tuple[tuple[int, str], ...]] = {
    AuthError: (
        (401, "Unauthorized"),
        (404, "Not Found"),
        (403, "Forbidden: bot is not a member of the channel chat"),
        (403, "Forbidden: bot was kicked from the supergroup chat"),
        (400, "Bad Request: need administrator rights in the channel chat"),
        (400, "Bad Request: not enough rights to send text messages to the chat"),
        (400, "Bad Request: have no rights to send a message"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
    ),
    RejectedError: (
        (400, "Bad Request: chat not found"),
        (400, "Bad Request: message is too long"),
        (400, "Bad Request: message caption is too long"),
        (400, "Bad Request: message text is empty"),
        (400, "Bad Request: can't parse entities: Unsupported start tag"),
        (400, "Bad Request: message thread not found"),
        (400, "Bad Request: wrong file identifier/HTTP URL specified"),
        (400, "Bad Request: PHOTO_INVALID_DIMENSIONS"),
        (400, "Bad Request: IMAGE_PROCESS_FAILED"),
        (400, "Bad Request: message can't be deleted"),
        (400, "Bad Request: something that is not known yet"),
        (413, "Request Entity Too Large"),
    ),
    GoneError: (
        (400, "Bad Request: message to be replied not found"),
        (400, "Bad Request: message to edit not found"),
        (400, "Bad Request: MESSAGE_ID_INVALID"),
    ),
    UnknownOutcome: ((500, "Internal Server Error"), (502, "Bad Gateway"), (504, "Gateway Timeout")),
}
_WEBHOOK = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it first"
_OTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"

REFUSALS = (
    *(
        Refusal(f"{code}, {text}", failed(code, text), error)
        for error, codes in _CODES.items()
        for code, text in codes
    ),
    Refusal(
        "429, a flood",
        failed(429, "Too Many Requests: retry after 37", {"retry_after": 37}),
        TransientError,
        37.0,
    ),
    Refusal("420, a flood", failed(420, "Flood: wait a while", {"retry_after": 400}), TransientError, 400.0),
    Refusal(
        "a group that became a supergroup",
        failed(400, "Bad Request: group chat was upgraded", {"migrate_to_chat_id": -1001555555555}),
        RejectedError,
    ),
    Refusal("409, a webhook", failed(409, _WEBHOOK), RejectedError, verb="read"),
    Refusal("409, another reader", failed(409, _OTHER), TransientError, verb="read"),
    Refusal("500 to a read", failed(500, "Internal Server Error"), TransientError, verb="read"),
    Refusal("a wrong token", failed(401, "Unauthorized"), AuthError, verb="check"),
)
