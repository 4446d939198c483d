"""Tells what an error of the AT Protocol means: they come with a name, and HTTP 400 for nearly everything."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hub import Answer, AuthError, GoneError, HubError, TransientError

_NEW_PASSWORD = "make a new app password at https://bsky.app/settings/app-passwords, then run hub check"  # noqa: S105
_ACCOUNT = {
    "AccountTakedown": "log in at https://bsky.app to see what happened to the account",
    "AccountSuspended": "log in at https://bsky.app to see what happened to the account",
    "AccountDeactivated": "log in at https://bsky.app to activate the account again",
    "AuthFactorTokenRequired": "give an app password: " + _NEW_PASSWORD,
    "AuthMissing": _NEW_PASSWORD,
    "AuthenticationRequired": _NEW_PASSWORD,
}


class Failure(Struct):
    error: str
    message: str = ""


class Refused(AuthError):
    """The access token is over; a session can be refreshed."""


def explain(answer: Answer, redact: Callable[[str], str]) -> HubError | None:
    """Return the error that an answer stands for, None if its HTTP status says it all."""
    if not 400 <= answer.status < 500 or answer.status == 429:
        return None
    try:
        failure = answer.decode(Failure)
    except HubError:
        return None
    why = redact(failure.message or failure.error)
    match failure.error:
        case "ExpiredToken" | "InvalidToken":
            return Refused("Bluesky does not take the session: {why}", why=why, hint=_NEW_PASSWORD)
        case "RecordNotFound" | "NotFound" | "HandleNotFound":
            return GoneError("Bluesky: {why}", why=why)
        case "InvalidRequest" if failure.message.startswith("Could not find repo"):
            return GoneError("Bluesky: {why}", why=why)  # the account is gone, or was never there
        case "InvalidSwap":
            return TransientError("the record was changed meanwhile: {why}", why=why)
        case name if name in _ACCOUNT:
            return AuthError("Bluesky: {why}", why=why, hint=_ACCOUNT[name])
    return None
