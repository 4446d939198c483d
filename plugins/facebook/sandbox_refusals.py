"""The errors that the Graph API documents, as it sends them, and what the hub must make of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hub import AuthError, DuplicateError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.testing import Refusal, Reply

_HOUR = 3600.0


def graph_error(
    code: int,
    message: str,
    subcode: int = 0,
    *,
    status: int = 400,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Reply:
    """Return an error in the Graph API's shape: HTTP 400 for nearly all, `OAuthException` on nearly all."""
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code}
    if subcode:
        error["error_subcode"] = subcode
    return Reply({"error": {**error, **more}}, status=status, headers=headers or {})


# By the page on error handling of the Graph API; those of the rate limits by the page on rate limiting.
_CODES: dict[type[HubError], dict[tuple[int, int], str]] = {
    UnknownOutcome: {
        (1, 0): "An unknown error occurred",
        (2, 0): "Service temporarily unavailable",
    },
    AuthError: {
        (3, 0): "Application does not have the capability to make this API call",
        (10, 0): "Application does not have permission for this action",
        (102, 0): "Session key invalid or no longer valid",
        (190, 0): "Invalid OAuth 2.0 Access Token",
        (190, 458): "Error validating access token: The user has not authorized application 1",
        (190, 459): "Error validating access token: The user is enrolled in a checkpoint",
        (190, 460): "Error validating access token: The session has been invalidated: the password was changed",
        (190, 463): "Error validating access token: Session has expired",
        (190, 464): "Error validating access token: Sessions for the user are not allowed: unconfirmed",
        (190, 467): "Error validating access token: This may be because the user logged out",
        (190, 492): "Error validating access token: the user must be an administrator of the page",
        (200, 0): "Permissions error",
        (210, 0): "User not visible",
        (299, 0): "Permissions error",
    },
    DuplicateError: {(506, 0): "Duplicate status message"},
    GoneError: {
        (100, 33): "Unsupported post request. Object with ID '1' does not exist",
        (803, 0): "Some of the aliases you requested do not exist",
    },
    RejectedError: {
        (100, 0): "Invalid parameter",
        (100, 1609005): "Error parsing the link",
        (324, 1366046): "Missing or invalid image file",
        (1609005, 0): "The link could not be scraped",
        (4711, 0): "A code that is not known yet",
    },
}
# No header names a wait in these; the budgets are per rolling hour or per day.
_WAITS = {
    4: ("Application request limit reached", _HOUR),
    17: ("User request limit reached", _HOUR),
    32: ("Page request limit reached", _HOUR),
    341: ("Application limit reached", _HOUR),
    368: ("The action attempted has been deemed abusive or is otherwise disallowed", 6 * _HOUR),
    613: ("Calls to this api have exceeded the rate limit", _HOUR),
    80001: ("There have been too many calls to this Page account", _HOUR),
}


def _budget(minutes: int) -> dict[str, str]:
    row = {"type": "pages", "call_count": 100, "total_time": 1, "total_cputime": 1}
    return {"X-Business-Use-Case-Usage": json.dumps({"1": [row | {"estimated_time_to_regain_access": minutes}]})}


_ENDED = graph_error(190, "Error validating access token: Session has expired", 463)

REFUSALS = (
    *(
        Refusal(f"code {code}, {subcode}: {text}", graph_error(code, text, subcode), error)
        for error, codes in _CODES.items()
        for (code, subcode), text in codes.items()
    ),
    *(
        Refusal(f"code {code}: {text}", graph_error(code, text), TransientError, wait)
        for code, (text, wait) in _WAITS.items()
    ),
    Refusal(
        "a spent budget with minutes to wait",
        graph_error(32, "Page request limit reached", headers=_budget(7)),
        TransientError,
        7 * 60.0,
    ),
    Refusal(
        "a block for abuse, which waits longer than the budget says",
        graph_error(368, "Temporarily blocked", headers=_budget(1)),
        TransientError,
        6 * _HOUR,
    ),
    Refusal("an error called transient", graph_error(9999, "Try later", is_transient=True), UnknownOutcome),
    Refusal("an ended token under status 200", graph_error(190, "Expired", 463, status=200), AuthError),
    Refusal("a thread that is gone", graph_error(100, "Object does not exist", 33), GoneError, verb="read"),
    Refusal("an ended token", _ENDED, AuthError, verb="read"),
    Refusal("an ended token", _ENDED, AuthError, verb="check"),
)
