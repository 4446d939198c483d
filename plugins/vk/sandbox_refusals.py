"""The errors that VK documents, as it sends them, and what the hub must make of each."""

from __future__ import annotations

from hub import AuthError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.testing import Refusal
from plugins.vk.sandbox_form import vk_error

# Seconds; how long VK wants to be left alone is documented for none of them, that it is long is.
_FLOOD = 15 * 60.0
_DAY = 6 * 3600.0

# By the list of errors in VKCOM/vk-api-schema, with the texts that were recorded.
_CODES: dict[type[HubError], dict[int, str]] = {
    UnknownOutcome: {
        1: "Unknown error occurred",
        10: "Internal server error",
        13: "Runtime error occurred during code invocation",
    },
    AuthError: {
        2: "Application is disabled. Enable your application or use test mode",
        4: "Incorrect signature",
        5: "User authorization failed: access_token was given to another ip address.",
        14: "Captcha needed",
        17: "Validation required: please open redirect_uri in browser",
        24: "Confirmation required",
        27: "Group authorization failed: method is unavailable with group auth.",
        28: "Application authorization failed",
        1114: "Anonymous token has expired",
        1116: "Anonymous token is invalid",
        1117: "Access token has expired",
        3300: "Recaptcha needed",
        3301: "Phone validation needed",
        3302: "Password validation needed",
        3303: "Otp app validation needed",
        3304: "Email confirmation needed",
        3609: "Token extension required",
    },
    RejectedError: {
        3: "Unknown method passed",
        7: "Permission to perform this action is denied",
        8: "Invalid request",
        15: "Access denied",
        18: "User was deleted or banned",
        19: "Content blocked",
        20: "Permission to perform this action is denied for non-standalone applications",
        23: "This method was disabled",
        30: "This profile is private",
        100: "One of the parameters specified was missing or invalid: attachments",
        101: "Invalid application API ID",
        113: "Invalid user id",
        125: "Invalid group id",
        150: "Invalid timestamp",
        200: "Access denied",
        203: "Access to group denied",
        204: "Access denied",
        210: "Access to wall's post denied",
        211: "Access to wall's comment denied",
        212: "Access to post comments denied",
        213: "Access to status replies denied",
        214: "Access to adding post denied: access to the wall is closed",
        219: "Advertisement post was recently added",
        220: "Too many recipients",
        222: "Hyperlinks are forbidden",
        224: "Too many ads posts",
        225: "Donut is disabled",
        99_999: "A code that is not known yet",
    },
    GoneError: {104: "Not found"},
}
_WAITS: dict[tuple[int, str], float | None] = {
    (6, "Too many requests per second"): 1.0,
    (9, "Flood control"): _FLOOD,
    (29, "Rate limit reached"): _DAY,
    (43, "This section is temporary unavailable"): None,
    (103, "Out of limits"): _DAY,
    # The same code as a closed wall has: the text decides.
    (214, "Access to adding post denied: you can only add 50 posts a day"): _DAY,
}


def _name(code: int, text: str) -> str:
    return f"error {code}, {text}"


REFUSALS = (
    *(
        Refusal(_name(code, text), vk_error(code, text), error)
        for error, codes in _CODES.items()
        for code, text in codes.items()
    ),
    *(
        Refusal(_name(code, text), vk_error(code, text), TransientError, wait)
        for (code, text), wait in _WAITS.items()
    ),
    # What is not there has no code of its own: the text decides.
    Refusal("a post that is gone", vk_error(15, "Access denied: post was not found"), GoneError, verb="read"),
    Refusal("a deleted wall", vk_error(18, "User was deleted or banned"), RejectedError, verb="read"),
    Refusal("an ended token", vk_error(1117, "Access token has expired"), AuthError, verb="read"),
    Refusal(
        "a wrong token", vk_error(5, "User authorization failed: invalid access_token"), AuthError, verb="check"
    ),
)
