"""Measures a text as its network does: in the network's unit, with its price for links and mentions."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import regex

from hub.models import Limits
from hub.publishing.spans import host_end, spans

_GRAPHEME = regex.compile(r"\X")
# Scripts in which every code point is a grapheme of its own, so that counting needs no segmentation.
_PLAIN = re.compile(
    "[\n\x20-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u3001-\u3029\u3041-\u3096\u30a0-\u312f\u4e00-\u9fff\uac00-\ud7a3]*"
)
# X's weights, per config/v3.json of twitter-text: these ranges weigh 1, everything else 2, an emoji 2 as a whole.
_HEAVY = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
_EMOJI_ONE = (
    r"(?:(?![©®™♟](?!\ufe0f))\p{Extended_Pictographic}(?!\ufe0e)(?:\ufe0f?\p{Emoji_Modifier}|\ufe0f(?!\u20e3))?)"
)
_EMOJI = regex.compile(
    r"[#*0-9]\ufe0f?\u20e3"
    r"|\p{Regional_Indicator}{2}"
    r"|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
    rf"|{_EMOJI_ONE}(?:\u200d(?:{_EMOJI_ONE}))*"
)
_MAY_BE_EMOJI = re.compile("[\u00a9\u00ae\u20e3\u2122-\u3299\U0001f000-\U0001faff]")
_AUTHORITY_END = re.compile("[/?#:]")
# Where X ends a link that goes on for others: its path knows Latin and Cyrillic letters, its query only ASCII.
_X_PAREN = r"\([0-9A-Za-z!*';:=+,.$/%#\[\]\-–_~@|&À-ɏ\p{Cyrillic}]+\)"
_X_PATH = regex.compile(
    rf"(?::\d+)?(?:/(?:(?:[0-9A-Za-z!*';:=+,.$/%#\[\]\-–_~@|&À-ɏ\p{{Cyrillic}}]|{_X_PAREN})*"
    rf"(?:[0-9A-Za-z+\-=_#/À-ɏ\p{{Cyrillic}}]|{_X_PAREN}))?/?)?"
    r"(?:\?[0-9A-Za-z!?*'@();:&=+$/%#\[\]\-_.,~|]*[0-9A-Za-z\-_&=#/])?"
)


def measure(text: str, limits: Limits) -> int:
    """Return the length of `text` in the unit of `limits`, links and remote mentions at their price.

    `weighted` is X's rule: NFC first, 1 or 2 per code point by its range, 2 for a whole emoji, and also a bare
    domain is a link.
    """
    if limits.unit == "weighted" and not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = _at_network_prices(text, limits)
    match limits.unit:
        case "codepoint":
            return len(text)
        case "grapheme":
            return len(text) if _PLAIN.fullmatch(text) else len(_GRAPHEME.findall(text))
        case "utf16":
            return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
        case "byte":
            return len(text) if text.isascii() else len(text.encode())
        case "weighted":
            return _weight(text)


def maximum(limits: Limits, *, media: bool) -> int:
    """Return how many units a text may have, 0 if as many as it likes."""
    with_media = limits.maximum_with_media
    return with_media if media and with_media is not None else limits.maximum


def link_place(limits: Limits, *, media: bool) -> Literal["field", "text"]:
    """Return how a post's link travels, beside media or not."""
    return limits.link_with_media or limits.link if media else limits.link


def within(text: str, limits: Limits, *, media: bool) -> bool:
    """Tell whether one post can hold `text`, beside media or not."""
    if limits.max_bytes and len(text) * 4 > limits.max_bytes and len(text.encode()) > limits.max_bytes:
        return False
    most = maximum(limits, media=media)
    return not most or measure(text, limits) <= most


def graphemes(text: str) -> list[str]:
    """Cut the text into what a reader sees as single characters."""
    return _GRAPHEME.findall(text)


def _weight(text: str) -> int:
    if text.isascii() and "\u20e3" not in text:
        return len(text)
    if _MAY_BE_EMOJI.search(text):
        text = _EMOJI.sub("\uffff", text)
    return len(text) + len(_HEAVY.findall(text))


def _at_network_prices(text: str, limits: Limits) -> str:
    """Put a placeholder of the right length for whatever the network counts at a price of its own."""
    local = limits.remote_mentions == "local"
    if limits.link_cost is None and not local:
        return text
    bare = limits.unit == "weighted"
    parts: list[str] = []
    done = 0
    for span in spans(text, bare=bare):
        piece = text[span.start : span.end]
        if span.kind == "link" and limits.link_cost is not None:
            parts += (text[done : span.start], _priced_link(piece, limits.link_cost, bare))
        elif span.kind == "mention" and local and _is_remote(piece):
            parts += (text[done : span.start], piece[: piece.index("@", 1)])
        else:
            continue
        done = span.end
    return "".join([*parts, text[done:]])


def _is_remote(mention: str) -> bool:
    """Tell whether this is @user@host; a host with a label over 63 characters is none, and counts in full."""
    host = mention.partition("@")[2].partition("@")[2]
    return bool(host) and all(len(label) <= 63 for label in host.split("."))


def _priced_link(link: str, cost: int, weighted: bool) -> str:
    placeholder = "x" * cost
    if not weighted:
        return placeholder
    scheme = link.find("://") + 3 if "://" in link else 0
    authority = _AUTHORITY_END.split(link[scheme:], maxsplit=1)[0]
    end = host_end(authority)
    if not end:
        # X takes this for plain text; a top level domain that is newer than our list would make it a link.
        return max(link, placeholder, key=_weight)
    end += scheme
    if end == scheme + len(authority):
        rest = _X_PATH.match(link, end)
        end = rest.end() if rest else end
    return placeholder + link[end:]
