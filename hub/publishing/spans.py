"""Finds what a text must not lose: links, mentions and hashtags, and counts offsets as networks want them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import regex

# What ends a link wherever it stands: white space, controls, quotes, angle and East Asian brackets and stops,
# and the invisible marks that editors put around links (zero-width space, directions, byte order mark).
_END = (
    r"\s\p{Cc}<>\"`\\«»“”„‟‹›、。，！？；「」『』（）【】《》〈〉…"
    r"\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
)
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_SPAN = regex.compile(
    rf"""
    (?<![A-Za-z0-9@$\#_])(?P<link>https?://[^{_END}/?\#]+(?:[/?\#][^{_END}\p{{Extended_Pictographic}}]*)?)
    |(?<![\p{{L}}\p{{N}}_@＠/=])(?P<mention>@{_NAME}(?:@[\p{{L}}\p{{N}}](?:[\p{{L}}\p{{M}}\p{{N}}_.-]*[\p{{L}}\p{{N}}])?)?)
    |(?<![\p{{L}}\p{{N}}_&/=])(?P<hashtag>[\#＃](?=[\p{{N}}\p{{M}}_]*\p{{L}})[\p{{L}}\p{{M}}\p{{N}}_\u200c·・]*[\p{{L}}\p{{M}}\p{{N}}_])
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
# A host without a scheme, as X finds it: Latin labels, then a label that may be a top level domain.
_BARE = regex.compile(
    r"(?<![A-Za-z0-9@＠$#＃_./\-\u202a-\u202e])(?:[0-9A-Za-zÀ-ɏ][0-9A-Za-zÀ-ɏ-]*\.)+(?:[A-Za-z][A-Za-z0-9-]*|[^\W\x00-\x7f]+)"
)
_AFTER_HOST = regex.compile(rf"(?::\d+)?(?:[/?#][^{_END}\p{{Extended_Pictographic}}]*)?")
_LATIN = regex.compile(r"[A-Za-z0-9-]+(?=[^\x00-\x7f])")
_CLOSING = {")": "(", "]": "[", "}": "{"}
_STOPS = ".,:;!?'’*|"

Kind = Literal["link", "mention", "hashtag"]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text that belongs together: `text[start:end]`, in code points."""

    kind: Kind
    start: int
    end: int


def spans(text: str, *, bare: bool = False) -> list[Span]:
    """Find the links, mentions and hashtags, in order and without overlap.

    A link is an http or https URL without the punctuation, quotes and unbalanced brackets after it. `bare` also
    finds domains without a scheme whose top level domain is known, such as `example.com/path`. A mention is
    `@name` or `@user@host`; a hashtag has a letter.
    """
    found: list[Span] = []
    if "://" in text or "@" in text or "#" in text or "＃" in text:
        for match in _SPAN.finditer(text):
            kind: Kind = match.lastgroup  # type: ignore[assignment]  # the three groups are the three kinds
            end = _trimmed(text, match.start(), match.end()) if kind == "link" else match.end()
            if kind != "link" or end > match.start() + 8:
                found.append(Span(kind, match.start(), end))
    if bare and "." in text:
        found = sorted([*found, *_bare(text, found)], key=lambda span: span.start)
    return found


def utf8_offset(text: str, offset: int) -> int:
    """Turn an offset in code points into one in UTF-8 bytes, as Bluesky's facets count."""
    return len(text[:offset].encode())


def utf16_offset(text: str, offset: int) -> int:
    """Turn an offset in code points into one in UTF-16 code units, as Telegram's entities count."""
    return len(text[:offset].encode("utf-16-le")) // 2


@functools.lru_cache(maxsize=1024)
def host_end(authority: str) -> int:
    """Return how much of `host…` is a host under a known top level domain, 0 if nothing is.

    Labels over 63 characters (in Punycode) are no labels; a host may run into a text without spaces
    (`example.comを`). No user name, no port.
    """
    labels = authority.split(".")
    if len(labels) > 127:  # RFC 1035: 255 octets
        return 0
    end = len(authority)
    for index in range(len(labels) - 1, 0, -1):
        label = labels[index]
        latin = _LATIN.match(label)
        for part in (label, latin.group() if latin else ""):
            if part.lower() in _top_level_domains() and all(map(_is_label, labels[:index])):
                return end - len(label) + len(part)
        end -= len(label) + 1
    return 0


def _is_label(label: str) -> bool:
    if not label or label[0] == "-" or label[-1] == "-":
        return False
    return len(label if label.isascii() else "xn--" + label.encode("punycode").decode()) <= 63


@functools.cache
def _top_level_domains() -> frozenset[str]:
    from linkify_it.tlds import TLDS  # 15 ms, and only X's rule asks

    names = {name.lower() for name in TLDS}
    return frozenset(names | {name[4:].encode().decode("punycode") for name in names if name.startswith("xn--")})


def _trimmed(text: str, start: int, end: int) -> int:
    """Leave out what only stands behind a link: stops, and closing brackets that it never opened."""
    while end > start:
        last = text[end - 1]
        opening = _CLOSING.get(last)
        if last not in _STOPS and (
            opening is None or text.count(last, start, end) <= text.count(opening, start, end)
        ):
            break
        end -= 1
    return end


def _bare(text: str, taken: list[Span]) -> list[Span]:
    found: list[Span] = []
    for match in _BARE.finditer(text):
        start = match.start()
        length = host_end(match.group())
        if not length or any(span.start < start + length and start < span.end for span in taken):
            continue
        end = start + length
        if end == match.end():
            if end < len(text) and text[end] in "@+-":
                continue
            rest = _AFTER_HOST.match(text, end)
            end = _trimmed(text, start, rest.end()) if rest else end
        found.append(Span("link", start, end))
    return found
