"""Finds what Bluesky shows as a link, a mention or a hashtag, by the rules of its official client; no I/O."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

import regex
from msgspec import Struct, field

# White space as ECMAScript has it: the rules are written in its regular expressions.
_SPACE = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_INVISIBLE = r"\xad\u2060\u200a-\u200d\u20e2"
_MENTION = re.compile(rf"(?:^|[{_SPACE}(])(@([a-zA-Z0-9.-]+)\b)", re.ASCII)
_LINK = re.compile(
    rf"(?:^|[{_SPACE}(])([hH][tT][tT][pP][sS]?://[^{_SPACE}]+|([a-zA-Z][a-zA-Z0-9]*(?:\.[a-zA-Z0-9]+)+)[^{_SPACE}]*)"
)
_TAG = regex.compile(
    rf"(?:^|[{_SPACE}])([#＃](?!\ufe0f)([^{_SPACE}{_INVISIBLE}]*[^0-9{_SPACE}\p{{P}}{_INVISIBLE}][^{_SPACE}{_INVISIBLE}]*))"
)
_CASHTAG = re.compile(rf"(?:^|[{_SPACE}(])(\$([A-Za-z][A-Za-z0-9]{{0,4}}))(?=[{_SPACE}.,;:!?)\"'’]|\Z)")
_STOPS = regex.compile(r"\p{P}+\Z")
_GRAPHEME = regex.compile(r"\X")
# What a record may hold as a link; one that is not fails the whole post (`uri` of the AT Protocol's formats).
_URI = re.compile(rf"[a-zA-Z0-9_]+:(?://)?[^{_SPACE}/][^{_SPACE}]*")
_LONGEST_URI = 8 * 1024  # bytes
_LONGEST_TAG = (64, 640)  # graphemes, bytes


class ByteSlice(Struct, rename="camel"):
    """A piece of a text in bytes of its UTF-8; the end is the first byte behind it."""

    byte_start: int
    byte_end: int


class Feature(Struct, omit_defaults=True):
    type: str = field(name="$type")
    uri: str = ""
    did: str = ""
    tag: str = ""


class Facet(Struct):
    index: ByteSlice
    features: list[Feature]


def detect(text: str, resolve: Callable[[str], str | None]) -> list[Facet]:
    """Return the facets of a text, in order; `resolve` gives the DID of a handle, None if nobody has it.

    A mention of nobody stays plain text. A link need not have a scheme if its top level domain is known. As the
    official client does, a cashtag such as `$TEA` becomes the tag `$TEA`.
    """
    found: list[Facet] = []
    for start, end, feature in sorted([*_mentions(text), *_links(text), *_tags(text)], key=lambda each: each[0]):
        if feature.did:
            did = resolve(feature.did)
            if did is None:
                continue
            feature.did = did
        first = len(text[:start].encode())
        found.append(Facet(ByteSlice(first, first + len(text[start:end].encode())), [feature]))
    return found


_Found = Iterator[tuple[int, int, Feature]]


def _mentions(text: str) -> _Found:
    for match in _MENTION.finditer(text):
        handle = match[2]
        if _is_domain(handle) or handle.endswith(".test"):
            yield match.start(1), match.end(1), Feature("app.bsky.richtext.facet#mention", did=handle)


def _links(text: str) -> _Found:
    for match in _LINK.finditer(text):
        uri, end = match[1], match.end(1)
        if match[2] is not None:
            if not _is_domain(match[2]):
                continue
            uri = f"https://{uri}"
        elif not uri.startswith("http"):
            continue
        if uri[-1] in ".,;:!?":
            uri, end = uri[:-1], end - 1
        if uri[-1] == ")" and "(" not in uri:
            uri, end = uri[:-1], end - 1
        if _URI.fullmatch(uri) and len(uri.encode()) <= _LONGEST_URI:
            yield match.start(1), end, Feature("app.bsky.richtext.facet#link", uri=uri)


def _tags(text: str) -> _Found:
    graphemes, size = _LONGEST_TAG
    for match in _TAG.finditer(text):
        tag = _STOPS.sub("", match[2])
        if tag and len(_GRAPHEME.findall(tag)) <= graphemes and len(tag.encode()) <= size:
            yield (
                match.start(1),
                match.start(1) + 1 + len(tag),
                Feature("app.bsky.richtext.facet#tag", tag=tag),
            )
    for cash in _CASHTAG.finditer(text):
        yield cash.start(1), cash.end(1), Feature("app.bsky.richtext.facet#tag", tag=f"${cash[2].upper()}")


def _is_domain(name: str) -> bool:
    above, _, top = name.rpartition(".")
    return "." in name and top in _top_level_domains() and (above != "" or name.startswith("."))


@functools.cache
def _top_level_domains() -> frozenset[str]:
    from linkify_it.tlds import TLDS  # 15 ms, and only a text with a dot in a word asks

    return frozenset(name.lower() for name in TLDS if not name.upper().startswith("XN--"))
