"""What a comment of a digest is on a WordPress site: whose name it bears, what it says, and how it is found."""

from __future__ import annotations

from datetime import UTC
from hashlib import blake2s
from typing import Any

from hub import Remark
from plugins.wordpress import markup

# wp_get_comment_fields_max_lengths: the columns of the database, the text in bytes.
_NAME, _URL, _TEXT = 245, 200, 65_525
# By RFC 2606 no such domain is ever there: nobody's address, and nobody's portrait at Gravatar.
_NOWHERE = "crosshub.invalid"


def address(key: str) -> str:
    """Return the e-mail of a comment, which tells it from any other: only who may moderate sees it."""
    return f"remark-{blake2s(key.encode(), digest_size=10).hexdigest()}@{_NOWHERE}"


def said(remark: Remark) -> dict[str, Any]:
    """Return what a comment says, and under whose name: the name leads to the original, and says where that is."""
    where = f" ({remark.site})" if remark.site else ""
    name = " ".join(remark.author.split())[: _NAME - len(where)]
    return {
        "author_name": f"{name}{where}",
        "author_url": remark.url if len(remark.url) <= _URL else "",
        "content": _content(remark),
    }


def new(remark: Remark) -> dict[str, Any]:
    """Return the whole of a comment that is new. It needs no approval: a person chose what is shown."""
    at = remark.sent_at
    return {
        **said(remark),
        "author_email": address(remark.key),
        "date_gmt": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if at is not None else None,
        "status": "approved",
    }


def _content(remark: Remark) -> str:
    link = f"\n\n{markup.comment(remark.url)}" if remark.url else ""
    text = markup.comment(remark.text)
    room = _TEXT - len(link.encode())
    if len(text.encode()) > room:
        # An escape that the cut went through is taken away with its beginning.
        text = text.encode()[: room - 3].decode(errors="ignore")
        head, mark, tail = text.rpartition("&")
        text = f"{head if mark and ';' not in tail else text}…"
    return f"{text}{link}".strip("\n")
