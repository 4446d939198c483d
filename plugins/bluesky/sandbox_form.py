"""What the double of Bluesky takes for a record, and how it names and counts things, as the lexicons say."""

from __future__ import annotations

import json
import re
from base64 import b32encode
from datetime import datetime
from hashlib import sha256
from typing import Any

import regex

from hub.testing import Reply

COLLECTION = "app.bsky.feed.post"
_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
_GRAPHEMES, _BYTES, _IMAGES, _LANGS = 300, 3000, 4, 3
_URI = re.compile(r"\w+:(?://)?[^\s/]\S*")
_KNOWN = {"$type", "text", "createdAt", "facets", "reply", "embed", "langs", "tags", "labels"}


class Failed(Exception):
    """An error as XRPC sends it."""

    def __init__(self, error: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.reply = xrpc_error(error, message, status)


def xrpc_error(error: str, message: str, status: int = 400) -> Reply:
    return Reply({"error": error, "message": message}, status=status)


def invalid(message: str) -> Failed:
    return Failed("InvalidRequest", message)


def at_uri(did: str, key: str) -> str:
    return f"at://{did}/{COLLECTION}/{key}"


def tid(number: int) -> str:
    """Return the TID of a moment in microseconds."""
    bits = number << 10
    return "".join(_DIGITS[bits >> shift & 31] for shift in range(60, -1, -5))


def did(number: int) -> str:
    name = b32encode(sha256(str(number).encode()).digest()).decode().lower()
    return f"did:plc:{name[:24]}"


def cid(value: object) -> str:
    """Return a CID (version 1, dag-cbor, SHA-256); of the JSON, not of the CBOR."""
    digest = sha256(value if isinstance(value, bytes) else json.dumps(value, sort_keys=True).encode()).digest()
    return "b" + b32encode(b"\x01\x71\x12\x20" + digest).decode().lower().rstrip("=")


def blob(content: bytes, mime: str) -> dict[str, Any]:
    name = "b" + b32encode(b"\x01\x55\x12\x20" + sha256(content).digest()).decode().lower().rstrip("=")
    return {"$type": "blob", "ref": {"$link": name}, "mimeType": mime, "size": len(content)}


def check_key(key: str) -> None:
    if not _TID.fullmatch(key):
        raise invalid(f'Invalid record key: "{key}" is not a valid TID')


def check_record(record: Any, blobs: dict[str, dict[str, Any]], image_bytes: int) -> None:
    """Raise what a PDS answers to a post that its lexicon does not allow."""
    if not isinstance(record, dict) or record.get("$type") != COLLECTION:
        raise invalid(f"Invalid $type: expected {COLLECTION}")
    if unknown := record.keys() - _KNOWN:
        raise invalid(f"Invalid {COLLECTION} record: this double knows no {', '.join(sorted(unknown))}")
    text = record.get("text")
    if not isinstance(text, str):
        raise _wrong("/text must be a string")
    if len(regex.findall(r"\X", text)) > _GRAPHEMES:
        raise _wrong(f"/text must not be longer than {_GRAPHEMES} graphemes")
    if len(text.encode()) > _BYTES:
        raise _wrong(f"/text must not be longer than {_BYTES} bytes")
    try:
        made = datetime.fromisoformat(record["createdAt"])
    except (KeyError, TypeError, ValueError):
        raise _wrong("/createdAt must be an valid atproto datetime") from None
    if made.tzinfo is None:
        raise _wrong("/createdAt must be an valid atproto datetime")
    if len(record.get("langs", ())) > _LANGS:
        raise _wrong("/langs must not have more than 3 elements")
    for facet in record.get("facets", ()):
        _check_facet(facet, text)
    if "embed" in record:
        _check_embed(record["embed"], blobs, image_bytes)


def _check_facet(facet: dict[str, Any], text: str) -> None:
    content = text.encode()
    first, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
    if not 0 <= first < end <= len(content):
        raise _wrong("/facets: an index is outside of the text")
    for place in (content[:first], content[first:end]):
        try:
            place.decode()
        except UnicodeDecodeError:
            raise _wrong("/facets: an index cuts a letter in two") from None
    for feature in facet["features"]:
        match feature["$type"].rpartition("#")[2]:
            case "link" if not _URI.fullmatch(feature["uri"]):
                raise _wrong("/facets/0/features/0/uri must be a uri")
            case "mention" if not feature["did"].startswith("did:"):
                raise _wrong("/facets/0/features/0/did must be a valid did")
            case "tag" if not 0 < len(regex.findall(r"\X", feature["tag"])) <= 64:
                raise _wrong("/facets/0/features/0/tag must not be longer than 64 graphemes")


def _check_embed(embed: dict[str, Any], blobs: dict[str, dict[str, Any]], image_bytes: int) -> None:
    match embed["$type"]:
        case "app.bsky.embed.images":
            if len(embed["images"]) > _IMAGES:
                raise _wrong("/embed/images must not have more than 4 elements")
            for image in embed["images"]:
                if "alt" not in image:
                    raise _wrong('/embed/images/0 must have the property "alt"')
                known = blobs.get(image["image"]["ref"]["$link"])
                if known is None or known != image["image"]:
                    raise invalid("Could not find blob: " + image["image"]["ref"]["$link"])
                if known["size"] > image_bytes:
                    size = f"(maximum {image_bytes}, got {known['size']})"
                    raise invalid(
                        f"Invalid {COLLECTION} record: blob too big {size} at $.record.embed.images[0].image"
                    )
        case "app.bsky.embed.external":
            for name in ("uri", "title", "description"):
                if not isinstance(embed["external"].get(name), str):
                    raise _wrong(f'/embed/external must have the property "{name}"')
            if not _URI.fullmatch(embed["external"]["uri"]):
                raise _wrong("/embed/external/uri must be a uri")
        case other:
            raise _wrong(f"/embed: this double knows no {other}")


def _wrong(why: str) -> Failed:
    return invalid(f"Invalid {COLLECTION} record: Record{why}")
