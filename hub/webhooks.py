"""What a webhook can be told, in which form, and how it is signed.

The form is that of Standard Webhooks 1.0.0:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

EVENTS = (
    "delivery.published",
    "delivery.edited",
    "delivery.deleted",
    "delivery.waiting",
    "delivery.unknown",
    "delivery.asked",
    "delivery.failed",
    "delivery.missed",
    "delivery.settled",
    "account.paused",
    "account.resumed",
    "mention.received",
)
GROUPS = tuple(dict.fromkeys(event.partition(".")[0] for event in EVENTS))
URGENT = frozenset({"delivery.asked", "delivery.failed", "delivery.missed", "account.paused"})
"""What a person must see to; it goes before everything else that waits."""
TEST = "webhook.test"

# The spec's bounds for a key, in bytes ("Signature scheme").
_SHORTEST_KEY, _LONGEST_KEY = 24, 64
# Names that lead nowhere outside of a house (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal).
_INSIDE = (".localhost", ".local", ".internal", ".home.arpa", ".lan")


def _address(url: str) -> str:
    """Check an address. Without TLS what people said could be read on the way, so it may only stay inside."""
    parts = urlsplit(url)
    try:
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        port_is_one = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_one:
        raise ValueError("it is no address; write one such as https://example.org/hub")
    if parts.username or parts.password:
        raise ValueError("take the password out of it; the signature proves who calls")
    if parts.scheme == "http" and not _is_inside(parts.hostname):
        raise ValueError("http is for private addresses only; write https://")
    return url


def _is_inside(host: str) -> bool:
    """Tell whether a host is surely ours: a private address, or a name that only a house knows."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_INSIDE)


def _place(place: dict[str, str]) -> dict[str, str]:
    if len(place) != 1 or not place.keys() <= {"env", "file"}:
        raise ValueError('write { env = "NAME" } or { file = "path" }')
    return place


class WebhookSection(BaseModel):
    """`[webhooks.NAME]`: an address that is told what becomes of deliveries, accounts and mentions.

    `secret` says where the key is; it is fetched when the hub opens. `events` are names of events, or their
    first words, such as `delivery`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_address)]
    secret: Annotated[dict[str, str], AfterValidator(_place)]
    events: tuple[str, ...] = Field(default=GROUPS, min_length=1)

    @property
    def place(self) -> str:
        """The address as it may be shown: without the query, which may hold a token."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"


def wants(events: Iterable[str], event: str) -> bool:
    """Tell whether one of the names, or first words, stands for the event."""
    return any(event == name or event.startswith(f"{name}.") for name in events)


def read_key(secret: str) -> bytes:
    """Return the bytes that a secret stands for: base64, as a rule after `whsec_`; raise ValueError for others."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
        raise ValueError(f"it is not base64 of {_SHORTEST_KEY} to {_LONGEST_KEY} bytes")
    return key


def signed(key: bytes, message: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of one try; `message` stays the same at every try, `at` is when this one is made."""
    timestamp = str(int(at.timestamp()))
    content = b".".join((message.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
        "content-type": "application/json",
    }


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is not as it should be; `code` is the word of hub/errors.py."""

    code: str
    message: str


class DeliveryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as it is after the event; `decision` is a person's: `sent`, `again` or `dropped`."""

    delivery: int
    post: int
    post_key: str
    account: str
    platform: str
    part: int
    action: str
    state: str
    remote_id: str | None
    url: str
    attempts: int
    error: Fault | None
    decision: str | None


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An account that was paused, with the reason, or goes on."""

    account: str
    platform: str
    state: str
    reason: str


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """Who said it."""

    remote_id: str
    name: str
    handle: str
    url: str


class MentionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Something that others said; `mention` is its number for `hub reply`."""

    mention: int
    account: str
    platform: str
    remote_id: str
    kind: str
    thread_id: str
    parent_id: str | None
    author: Speaker | None
    text: str
    url: str
    sent_at: datetime | None


class TrialFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing happened; somebody tries the webhook."""

    webhook: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a call; `timestamp` is when the event was, whenever the call is made."""

    type: str
    timestamp: datetime
    data: DeliveryFacts | AccountFacts | MentionFacts | TrialFacts

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)
