"""Tells what the hub is to do about an error of X's, whatever shape it came in."""

from __future__ import annotations

from urllib.parse import urlsplit

from hub import Answer, AuthError, DuplicateError, GoneError, Http, HubError, RejectedError, TransientError
from plugins.twitter import shapes

# Refusals that every other call would meet too. The first is documented; the others are the names of an app
# without the right, and older codes: not authenticated, suspended, bad token, locked.
_NO_ENTRY = {"unsupported-authentication", "oauth1-permissions", "client-forbidden", "client-not-enrolled"}
_NO_ENTRY_CODES = {32, 64, 89, 326}
_RIGHTS = "give a user token of an app with tweet.read, tweet.write, users.read and media.write"
_TOKEN = "the token is wrong or has ended: log in to X again and put the new one into hub.toml"  # noqa: S105
_POLICY = "X's rules forbid it, such as an answer to somebody who has not mentioned the account"
_MESSAGE = "X refused {path}: {why}"
# A cap of a day or a month: after the 15 minutes of the header it would only be met again.
_CAPPED = 3600.0
# X sends the end of the window with every answer; should it not, it is not to be asked again at once.
_UNSAID = 60.0


class Refused(AuthError):
    """HTTP 401: nothing was done, and a new access token may help."""


def explain(answer: Answer, http: Http) -> HubError | None:
    """Return the error that an answer of 4xx means; None leaves the others to their status."""
    if not 400 <= answer.status < 500 or answer.status in (408, 425):
        return None
    said = shapes.problem(answer)
    path = urlsplit(answer.url).path
    why = http.redact(said.why) or f"HTTP {answer.status}"
    codes = {error.code for error in (said, *said.errors) if isinstance(error.code, int)}
    if answer.status == 401:
        return Refused(_MESSAGE, hint=_TOKEN, path=path, why=why)
    if answer.status == 402:
        # "credits-depleted" is documented without its shape; whatever it looks like, a person must pay.
        return AuthError(_MESSAGE, hint="buy credits in the X developer console", path=path, why=why)
    if answer.status == 403:
        if 187 in codes or "duplicate content" in said.why:
            return DuplicateError("X has this text already: {why}", path=path, why=why)
        if said.name in _NO_ENTRY or codes & _NO_ENTRY_CODES:
            return AuthError(_MESSAGE, hint=_RIGHTS, path=path, why=why)
        return RejectedError(_MESSAGE, hint=_POLICY, path=path, why=why)
    if answer.status == 429:
        limit = http.rate_limits.get(path)
        waits = limit.reset_after if limit and "x-rate-limit-reset" in answer.headers else None
        # The cap on usage is the project's, over all its users; the other limits are the user's own.
        capped = said.name == "usage-capped"
        if capped:
            waits = max(waits or 0.0, _CAPPED)
        if waits is None:
            if "retry-after" in answer.headers:
                return None
            waits = _UNSAID
        return TransientError(_MESSAGE, retry_after=max(waits, 1.0), whole_app=capped, path=path, why=why)
    if answer.status in (404, 410):
        return GoneError(_MESSAGE, path=path, why=why)
    return RejectedError(_MESSAGE, hint="see docs.x.com for what X takes there", path=path, why=why)
