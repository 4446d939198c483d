"""What a network answered, whole: its status, its headers, and its body as the shape that was agreed."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from hub.errors import HubError, TransientError, UnknownOutcome

T = TypeVar("T")
# One escape of JSON at a time, so that a backslash that was escaped itself begins none; a pair is one.
_ESCAPES = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD]([89a-fA-F]..)|\\.", re.DOTALL)
_REQUEST_IDS = ("x-request-id", "x-fb-trace-id", "x-transaction-id", "cf-ray")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, read and decoded. Header names are lower case; `url` has no query.

    `moved` is where permanent redirects led ("" if nowhere): the address to ask next time, query and all.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    method: str
    url: str
    repeatable: bool
    moved: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str:
        """The network's name for this call, "" if it gave none."""
        return next((self.headers[name] for name in _REQUEST_IDS if name in self.headers), "")

    def json(self) -> Any:
        """Return the body as JSON values; see `decode` for what is raised."""
        return self.decode(Any)

    def decode(self, shape: type[T]) -> T:
        """Return the body as `shape` (a msgspec Struct, a TypedDict, `Any` …).

        An answer of another shape raises `TransientError` after a read and `UnknownOutcome` after a write.
        Half a surrogate pair, as where a network cuts a text in the middle of an emoji, becomes U+FFFD.
        """
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            mended = _ESCAPES.sub(_whole, self.body)
            if mended == self.body:
                raise self.misread(str(error)) from None
        try:
            return msgspec.json.decode(mended, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.misread(str(error)) from None

    def misread(self, why: str) -> HubError:
        """Return the error for an answer that cannot be what it should be."""
        message = "the answer to {method} {url} (HTTP {status}) is not as agreed: {why}"
        facts: dict[str, Any] = {"method": self.method, "url": self.url, "status": self.status, "why": why}
        return (TransientError if self.repeatable else UnknownOutcome)(message, **facts)


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]


def reason_in(answer: Answer) -> str:
    """Say in a few words why the network refused, if it used one of the usual shapes."""
    try:
        body = jsonlib.loads(answer.body[:20_000])
    except ValueError:
        return ""
    for name in ("detail", "message", "error_description", "error", "title"):
        value = body.get(name) if isinstance(body, dict) else None
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value:
            return f" ({value[:300]})"
    return ""
