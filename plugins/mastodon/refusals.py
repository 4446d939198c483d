"""Says what a refusal means: by its status alone, since its words are in the language of the account."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from hub import Answer, AuthError, Http, HubError, TransientError


class Failure(msgspec.Struct):
    error: str = ""
    error_description: str = ""


def explain(answer: Answer, http: Http) -> HubError | None:
    """Return the error for a refusal; None leaves it to the hub."""
    refused = answer.status == 403 or (answer.status == 422 and answer.url.endswith("/verify_credentials"))
    if not refused and answer.status != 429:
        return None
    message = "{method} {url}: HTTP {status} ({why})"
    facts: dict[str, Any] = {"method": answer.method, "url": answer.url, "status": answer.status}
    facts["why"] = http.redact(_reason(answer))
    if refused:
        # A right that is missing, an account that is suspended; 422 is how snac2 refuses a token.
        return AuthError(message, hint="the token needs the scopes read and write", **facts)
    if "retry-after" in answer.headers or "x-ratelimit-reset" not in answer.headers:
        return None
    window = http.rate_limits.get(urlsplit(answer.url).path)
    return TransientError(message, retry_after=window.reset_after if window else None, **facts)


def _reason(answer: Answer) -> str:
    try:
        said = msgspec.json.decode(answer.body, type=Failure)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "no reason given"
    return (said.error_description or said.error)[:300] or "no reason given"
