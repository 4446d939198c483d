"""The errors of a Mastodon server, in the account's language, and what the hub must make of each."""

from __future__ import annotations

from hub import AuthError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.testing import Refusal, Reply

_USUAL = {
    401: "アクセストークンは無効です",
    403: "Diese Aktion ist nicht erlaubt",
    404: "Record not found",
}
# Rails counts in windows of five minutes; this one ends a quarter of an hour after the answer was sent.
_WINDOW = {
    "Date": "Sat, 01 Aug 2026 14:45:00 GMT",
    "X-RateLimit-Limit": "300",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": "2026-08-01T15:00:00.949515Z",
}


def error(status: int, text: str = "", headers: dict[str, str] | None = None) -> Reply:
    return Reply({"error": text or _USUAL[status]}, status=status, headers=headers or {})


_BUSY = "Too many requests"
_REPLIES: tuple[tuple[str, Reply, type[HubError]], ...] = (
    ("401 the token is not valid", error(401, "The access token is invalid"), AuthError),
    ("401 in Japanese", error(401, "アクセストークンは取り消されています"), AuthError),
    ("403 a scope is missing", error(403, "This action is outside the authorized scopes"), AuthError),
    ("403 in German", error(403, "Dein Login ist momentan deaktiviert"), AuthError),
    ("404 what is answered is gone", error(404, "Record not found"), GoneError),
    ("410", error(410, "Gone for good"), GoneError),
    ("422 too long, in Japanese", error(422, "バリデーションに失敗しました: 上限は500文字です ね"), RejectedError),
    ("422 media used before, in German", error(422, "Gültigkeitsprüfung ist fehlgeschlagen"), RejectedError),
    ("500", error(500, "Something went wrong"), UnknownOutcome),
    ("503", error(503, "Remote data could not be fetched"), UnknownOutcome),
)

REFUSALS = (
    *(Refusal(name, reply, kind) for name, reply, kind in _REPLIES),
    Refusal("429 until the window ends", error(429, _BUSY, _WINDOW), TransientError, 900.95),
    Refusal("429 that says when", error(429, _BUSY, {**_WINDOW, "Retry-After": "60"}), TransientError, 60.0),
    Refusal("429 that says nothing", error(429, _BUSY), TransientError),
    Refusal("401", error(401), AuthError, verb="read"),
    Refusal("401", error(401), AuthError, verb="check"),
    Refusal("422 is snac2's way of refusing a token", Reply(status=422, body=b""), AuthError, verb="check"),
)
