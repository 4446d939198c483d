"""The errors that the AT Protocol documents, as a PDS sends them, and what the hub must make of each."""

from __future__ import annotations

from hub import AuthError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.testing import Refusal, Reply
from plugins.bluesky.sandbox_form import xrpc_error

_LIMITED = {
    "Retry-After": "240",
    "RateLimit-Limit": "5000",
    "RateLimit-Remaining": "0",
    "RateLimit-Policy": "5000;w=3600",
}
_TOO_LONG = "Invalid app.bsky.feed.post record: Record/text must not be longer than 300 graphemes"
_PUBLISH: tuple[tuple[str, Reply, type[HubError]], ...] = (
    ("a text too long", xrpc_error("InvalidRequest", _TOO_LONG), RejectedError),
    ("an expired session", xrpc_error("ExpiredToken", "Token has expired"), AuthError),
    ("a session of another server", xrpc_error("InvalidToken", "Token could not be verified"), AuthError),
    ("no session", xrpc_error("AuthMissing", "Authentication Required", 401), AuthError),
    ("a wrong password", xrpc_error("AuthenticationRequired", "Invalid identifier or password", 401), AuthError),
    (
        "a password that wants a code",
        xrpc_error("AuthFactorTokenRequired", "A sign in code has been sent to your email address", 401),
        AuthError,
    ),
    ("an account taken down", xrpc_error("AccountTakedown", "Account has been taken down", 401), AuthError),
    ("a deactivated account", xrpc_error("AccountDeactivated", "Account is deactivated", 401), AuthError),
    ("a right that is missing", xrpc_error("Forbidden", "Bad token scope", 403), RejectedError),
    ("a record changed meanwhile", xrpc_error("InvalidSwap", "Record was at bafyrei"), TransientError),
    ("a body too large", xrpc_error("PayloadTooLarge", "request entity too large", 413), RejectedError),
    ("an error of the server", xrpc_error("InternalServerError", "Internal Server Error", 500), UnknownOutcome),
    ("a server behind it", xrpc_error("UpstreamFailure", "Upstream service failure", 502), UnknownOutcome),
)
_READ: tuple[tuple[str, Reply, type[HubError]], ...] = (
    ("a record that is not there", xrpc_error("RecordNotFound", "Could not locate record: at://x"), GoneError),
    ("a post that is not there", xrpc_error("NotFound", "Post not found: at://x"), GoneError),
    ("an account that is not there", xrpc_error("InvalidRequest", "Could not find repo: did:plc:x"), GoneError),
    (
        "a server behind it, at a read",
        xrpc_error("UpstreamFailure", "Upstream service failure", 502),
        TransientError,
    ),
)

REFUSALS = (
    *(Refusal(name, reply, error) for name, reply, error in _PUBLISH),
    *(Refusal(name, reply, error, verb="read") for name, reply, error in _READ),
    Refusal(
        "too many calls",
        Reply({"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}, 429, _LIMITED),
        TransientError,
        retry_after=240.0,
    ),
)
