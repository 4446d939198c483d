"""Reads the body of an answer whole: unpacked step by step, and cut off at a size."""

from __future__ import annotations

import zlib

import httpx


class TooLarge(httpx.DecodingError):
    """The answer is over the size cap, and will be at the next attempt."""


def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """Read it all. A gzip bomb is noticed when its first `max_bytes` are unpacked.

    Raises `TooLarge`, and what httpx and zlib raise for an answer that breaks off or is no gzip.
    """
    encoding = response.headers.get("content-encoding", "").lower()
    packed = zlib.decompressobj(wbits=47) if encoding in ("gzip", "x-gzip", "deflate") else None
    parts: list[bytes] = []
    size = 0
    for raw in response.iter_raw():
        while raw:
            if packed is not None and packed.eof:  # a gzip file may be several, one after another
                packed = zlib.decompressobj(wbits=47)
            chunk = packed.decompress(raw, max_bytes + 1 - size) if packed else raw
            size += len(chunk)
            if size > max_bytes or (packed is not None and packed.unconsumed_tail):
                raise TooLarge(f"it is larger than {max_bytes} bytes")
            parts.append(chunk)
            raw = packed.unused_data if packed else b""
    if packed is not None and parts and not packed.eof:
        raise httpx.DecodingError("it ends too early")
    return b"".join(parts)
