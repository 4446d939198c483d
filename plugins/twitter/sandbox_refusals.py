"""The errors that X documents, as it sends them, and what the hub must make of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub import AuthError, DuplicateError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.testing import Refusal, Reply

# The host of a problem's type was renamed in 2026; both are sent.
_NEW, _OLD = "https://api.x.com/2/problems/", "https://api.twitter.com/2/problems/"


def _problem(status: int, detail: str, kind: str = "about:blank", title: str = "Forbidden") -> Reply:
    body = {"title": title, "detail": detail, "type": kind, "status": status}
    return Reply(body, status, content_type="application/problem+json")


def _old(status: int, code: int, message: str) -> Reply:
    """Return an error in the shape of API v1.1, which some calls still have."""
    return Reply({"errors": [{"code": code, "message": message}]}, status)


def _limited(body: Any, remaining: int = 0, more: Mapping[str, str] | None = None) -> Reply:
    """Return a 429 whose window ends a quarter of an hour after it was sent, whenever that was."""
    headers = {
        "Date": "Sat, 01 Aug 2026 12:00:00 GMT",
        "x-rate-limit-limit": "100",
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": "1785586500",  # 12:15, in epoch seconds
    }
    return Reply(body, 429, {**headers, **(more or {})})


_NOT_PERMITTED = "You are not permitted to perform this action."
_DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
_UNSUPPORTED = "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint."
_UNAUTHORIZED = _problem(401, "Unauthorized", title="Unauthorized")
_INVALID = {"message": "The `text` field is wrong.", "parameters": {"text": ["…"]}}
_CAPPED = {"title": "UsageCapExceeded", "detail": "Usage cap exceeded: Monthly product cap", "period": "Monthly"}

_REPLIES: tuple[tuple[str, Reply, type[HubError]], ...] = (
    (
        "400 invalid request",
        Reply({"errors": [_INVALID], "title": "Invalid Request", "type": _NEW + "invalid-request"}, 400),
        RejectedError,
    ),
    ("400 that says nothing", Reply(None, 400), RejectedError),
    ("401", _UNAUTHORIZED, AuthError),
    ("401 with the old code 89", _old(401, 89, "Invalid or expired token."), AuthError),
    ("402 no credits", _problem(402, "No credits", _NEW + "credits-depleted", "CreditsDepleted"), AuthError),
    ("403 duplicate", _problem(403, _DUPLICATE), DuplicateError),
    ("403 duplicate with the old code 187", _old(403, 187, "Status is a duplicate."), DuplicateError),
    ("403 against a policy", _problem(403, _NOT_PERMITTED), RejectedError),
    (
        "403 unsupported login",
        _problem(403, _UNSUPPORTED, _NEW + "unsupported-authentication", "Unsupported Authentication"),
        AuthError,
    ),
    (
        "403 unsupported login, as before 2026-08",
        _problem(403, _UNSUPPORTED, _OLD + "unsupported-authentication", "Unsupported Authentication"),
        AuthError,
    ),
    (
        "403 an app without the right",
        _problem(403, "Your client app is not configured", _NEW + "oauth1-permissions"),
        AuthError,
    ),
    ("403 a locked account", _old(403, 326, "This account is temporarily locked."), AuthError),
    ("403 in a shape of its own", Reply(["what"], 403), RejectedError),
    ("404", _problem(404, "Not found", _NEW + "resource-not-found", "Not Found Error"), GoneError),
    ("409", _problem(409, "Conflict", title="Conflict"), RejectedError),
    ("500", _problem(500, "Internal Server Error", title="Internal Server Error"), UnknownOutcome),
    ("502", _problem(502, "Bad Gateway", title="Bad Gateway"), UnknownOutcome),
    ("503", _problem(503, "Service Unavailable", title="Service Unavailable"), UnknownOutcome),
    ("504", _problem(504, "Gateway Timeout", title="Gateway Timeout"), UnknownOutcome),
)

REFUSALS = (
    *(Refusal(name, reply, error) for name, reply, error in _REPLIES),
    Refusal("429 until the window ends", _limited({"title": "Too Many Requests"}), TransientError, 900.0),
    Refusal(
        "429 with the old code 88",
        _limited({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}),
        TransientError,
        900.0,
    ),
    Refusal("429 without a window", _old(429, 88, "Rate limit exceeded"), TransientError, 60.0),
    # After the quarter of an hour of the header it would only be met again.
    Refusal(
        "429 the month is used up",
        _limited(_CAPPED | {"type": _NEW + "usage-capped"}, remaining=5),
        TransientError,
        3600.0,
    ),
    Refusal("401", _UNAUTHORIZED, AuthError, verb="read"),
    Refusal("401", _UNAUTHORIZED, AuthError, verb="check"),
)
