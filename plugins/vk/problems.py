"""Tells what each of VK's error codes means for the hub."""

from __future__ import annotations

import re

import msgspec

from hub import AuthError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome


class Problem(msgspec.Struct):
    """VK's error; its request_params are not read, since they can echo the token."""

    error_code: int
    error_msg: str = ""


class Failure(msgspec.Struct):
    error: Problem | None = None


# Seconds. VK does not say when its day begins; a few looks a day neither hammer nor lose a day.
DAY_WAIT = 6 * 3600.0
FLOOD_WAIT = 15 * 60.0
_UNSURE = frozenset({1, 10, 13, 36})  # it broke on their side, perhaps after the work was done
_WAITS = {6: 1.0, 9: FLOOD_WAIT, 29: DAY_WAIT, 43: None, 103: DAY_WAIT, 223: FLOOD_WAIT}  # refused, not done
_TOKEN = frozenset({2, 4, 5, 25, 27, 28, 38, 42, 1114, 1116, 1117, 3609})
_PERSON = frozenset({14, 17, 24, 37, 41, 3300, 3301, 3302, 3303, 3304})
_MAYBE_GONE = frozenset({15, 100, 210, 211, 212})  # by their text: VK has no one code for what is not there
_GONE = re.compile(r"not found|deleted|does(?:n't| not) exist", re.IGNORECASE)
_DAILY = re.compile(r"\bday\b", re.IGNORECASE)  # "…you can only add 50 posts a day"
_HINTS = {
    7: "give the token the rights wall and photos, and its user the role of an editor in the community",
    15: "give the token's user the role of an editor in the community",
    27: "use a user's token with the rights wall and photos: a community's token cannot do this",
    28: "use a user's token with the rights wall and photos: a service token cannot do this",
    214: "open the community's wall, or make the token's user an editor of it",
    222: "VK forbids this link; take it out",
}


def explain(problem: Problem, why: str, repeatable: bool) -> HubError:
    """Tell what an error means for the hub; `why` is VK's reason without secrets."""
    code = problem.error_code
    message = "VK: {why} (error {code})"
    if code in _UNSURE:
        return (TransientError if repeatable else UnknownOutcome)(message, why=why, code=code)
    if code in _WAITS:
        return TransientError(message, retry_after=_WAITS[code], why=why, code=code)
    # 214 is two things: the day's posts are used up, or the wall is closed.
    if code == 214 and _DAILY.search(why):
        return TransientError(message, retry_after=DAY_WAIT, why=why, code=code)
    if code in _TOKEN:
        hint = _HINTS.get(code, "get a new user token with the rights wall and photos, then `hub check`")
        return AuthError(message, why=why, code=code, hint=hint)
    if code in _PERSON:
        hint = "log in to vk.com as the token's user and do what it asks, then `hub check`"
        return AuthError(message, why=why, code=code, hint=hint)
    if code == 104 or (code in _MAYBE_GONE and _GONE.search(why)):
        return GoneError(message, why=why, code=code)
    return RejectedError(message, why=why, code=code, hint=_HINTS.get(code, ""))
