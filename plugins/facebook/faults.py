"""Turns the Graph API's error codes and budgets into what the hub does next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hub import (
    Answer,
    AuthError,
    DuplicateError,
    GoneError,
    HubError,
    RateLimit,
    RejectedError,
    TransientError,
    UnknownOutcome,
)


class Fault(msgspec.Struct):
    message: str = ""
    code: int = 0
    error_subcode: int = 0
    error_user_msg: str = ""
    is_transient: bool = False


class _Failure(msgspec.Struct):
    error: Fault


class Usage(msgspec.Struct):
    """How much of a budget is used, in percent, and minutes until it is there again."""

    call_count: float = 0
    total_time: float = 0
    total_cputime: float = 0
    estimated_time_to_regain_access: float = 0


def usages(headers: Mapping[str, str]) -> dict[str, Usage]:
    """Read the budgets of the app (`X-App-Usage`) and of the page (`X-Business-Use-Case-Usage`)."""
    found = {}
    try:
        if "x-app-usage" in headers:
            found["app"] = msgspec.json.decode(headers["x-app-usage"], type=Usage)
        if "x-business-use-case-usage" in headers:
            read = msgspec.json.decode(headers["x-business-use-case-usage"], type=dict[str, list[Usage]])
            found["page"] = max((row for rows in read.values() for row in rows), key=_used, default=Usage())
    except msgspec.DecodeError:
        pass  # a budget that cannot be read must not spoil the answer that it came with
    return found


def rate_limit(usage: Usage) -> RateLimit:
    return RateLimit(
        limit=100,
        remaining=max(0, 100 - int(_used(usage))),
        reset_after=usage.estimated_time_to_regain_access * 60 or None,
    )


def fault_of(answer: Answer) -> Fault | None:
    """Return the error in an answer, whatever its status: the network uses 400 for nearly all."""
    if answer.ok and b'"error"' not in answer.body[:64]:
        return None
    try:
        return msgspec.json.decode(answer.body, type=_Failure).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


# Seconds to keep away. The budgets are per rolling hour (4, 17) or per day; 368 is an integrity block, not
# to be hammered; the length of its wait is ours. 613 and the 800xx family stand in no stored page of the network.
_WAITS = {4: 3600.0, 17: 3600.0, 32: 3600.0, 341: 3600.0, 613: 3600.0, 368: 6 * 3600.0}
_WAITS.update(dict.fromkeys(range(80000, 80015), 3600.0))
# Of these, what is counted over all users of the app.
_WHOLE_APP = frozenset({4, 341})

_LOGIN = "make a new page token from a long-lived user token"
_LOGINS = {
    458: "authorise the app again, then " + _LOGIN,
    459: "log in at facebook.com and pass the checkpoint, then run hub check",
    460: "the password was changed: " + _LOGIN,
    463: "the token has expired: " + _LOGIN,
    464: "confirm the account at facebook.com, then run hub check",
    492: "the person behind the token lost their role on the page: give it back or use another's token",
}
_RIGHTS = (
    "the token needs pages_manage_posts, pages_manage_engagement, pages_read_engagement and "
    "pages_read_user_content, and its person a role on the page with the tasks CREATE_CONTENT and MODERATE"
)


def error_of(fault: Fault, why: str, *, status: int, repeatable: bool, wait: float) -> HubError | None:
    """Judge by the code, never by the type: `OAuthException` stands on nearly everything.

    `wait` is in seconds, 0 if the network named none. None leaves an unknown code to its HTTP status.
    """
    code, subcode = fault.code, fault.error_subcode
    told = "Facebook says: {why} (code {number})"
    facts: dict[str, Any] = {"why": why, "number": f"{code}/{subcode}" if subcode else code}
    if code in _WAITS:
        longest = max(wait, _WAITS[code]) if code == 368 else wait or _WAITS[code]
        hint = "the hub waits and tries again"
        return TransientError(told, retry_after=longest, whole_app=code in _WHOLE_APP, hint=hint, **facts)
    if code in (102, 190):
        return AuthError(told, hint=_LOGINS.get(subcode, _LOGIN), **facts)
    if code in (3, 10) or 200 <= code <= 299:
        return AuthError(told, hint=_RIGHTS, **facts)
    if code == 506:
        return DuplicateError(told, hint="the hub looks for the post that is there already", **facts)
    if code in (1, 2) or fault.is_transient:
        return (TransientError if repeatable else UnknownOutcome)(told, **facts)
    if (code == 100 and subcode == 33) or code == 803:
        return GoneError(told, hint="it was deleted, or the token may not see it", **facts)
    if status >= 500:
        return None
    hint = "the page cannot read the link: check that it opens for anybody" if 1609005 in (code, subcode) else ""
    return RejectedError(told, hint=hint, **facts)


def _used(usage: Usage) -> float:
    return max(usage.call_count, usage.total_time, usage.total_cputime)
