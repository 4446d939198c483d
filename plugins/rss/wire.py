"""Converts a feed, whatever its kind and encoding, to the hub's posts; no I/O."""

from __future__ import annotations

import re

from hub import RejectedError
from plugins.rss.entries import Feed
from plugins.rss.jsonfeed import read_json
from plugins.rss.xmlfeed import read_xml

_DECLARED = re.compile(r"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_BOMS = (
    *((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xef\xbb\xbf", "utf-8-sig")),
    *((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be")),
    *((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"), (b"{\0", "utf-16-le"), (b"\0{", "utf-16-be")),
)
# WHATWG: who says Latin-1 or ASCII means Windows-1252.
_LATIN = frozenset({"iso-8859-1", "iso8859-1", "latin-1", "latin1", "us-ascii", "ascii", "cp1252", "windows-1252"})
# Codecs of Python that are no encodings of documents, or are slow on purpose-made input.
_NEVER = frozenset({"utf-7", "utf7", "punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})


def read_feed(body: bytes, content_type: str, url: str) -> Feed:
    """Return what the document at `url` says. Raises `RejectedError` for what is no feed, or is an attack."""
    text = decode(body, content_type).lstrip("\ufeff \t\r\n\0")
    try:
        if text.startswith("{"):
            return read_json(text, url)
        return read_xml(text, url)
    except RecursionError:
        raise RejectedError("{url} is nested too deeply to be a feed", url=url) from None


def decode(body: bytes, content_type: str) -> str:
    """Return the document as text: by its BOM, the HTTP charset, its own declaration, or the best guess."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body.decode(name, "replace")
    declared = _DECLARED.search(body[:400].decode("latin-1"))
    charset = _CHARSET.search(content_type)
    for match in (charset, declared):
        name = match[1].lower() if match else ""
        # A declaration that can be read as ASCII is not in UTF-16, whatever it says.
        if not name or name in _NEVER or name.startswith(("utf-16", "utf-32", "utf16", "ucs")):
            continue
        try:
            return body.decode("cp1252" if name in _LATIN and not body.isascii() else name)
        except (UnicodeError, LookupError):
            continue
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")
