"""Makes secrets that no one can guess, and what the store keeps in their place."""

from __future__ import annotations

import hmac
import re
import secrets
import zlib
from hashlib import sha256

_BITS = 256
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# So many letters hold 256 and 32 bits.
_SECRET, _CHECK = 43, 6
_TOKEN = re.compile(rf"hub_[0-9A-Za-z]{{{_SECRET + _CHECK}}}")


def make_secret() -> str:
    """Return 256 random bits as text that fits a cookie and an address."""
    return secrets.token_urlsafe(_BITS // 8)


def make_token() -> str:
    """Return a token of the API: `hub_`, 256 random bits, and a checksum, so that scanners of code know it."""
    head = "hub_" + _written(secrets.randbits(_BITS), _SECRET)
    return head + _written(zlib.crc32(head.encode()), _CHECK)


def looks_like_token(text: str) -> bool:
    """Tell whether a text is a token that somebody made, and not a typing error: no look into the store needed."""
    if _TOKEN.fullmatch(text) is None:
        return False
    head, check = text[:-_CHECK], text[-_CHECK:]
    return hmac.compare_digest(_written(zlib.crc32(head.encode()), _CHECK), check)


def digest_of(secret: str) -> bytes:
    """Return what the store keeps. A fast hash is right here: nobody can try 2^256 secrets."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _written(number: int, length: int) -> str:
    text = ""
    for _ in range(length):
        number, rest = divmod(number, len(_LETTERS))
        text = _LETTERS[rest] + text
    return text
