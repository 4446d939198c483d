"""Cuts a text that is too long: at a paragraph, a sentence or a word, and never inside what belongs together."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import regex

from hub.errors import RejectedError
from hub.models import Limits
from hub.publishing.length import graphemes, within
from hub.publishing.spans import Span, spans

# A mark or joiner that makes one character with what is before it, so that no cut may stand between them.
_JOINS = r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]"
# Where words end: at white space, and after an East Asian stop, which has none.
_WHITE = rf"[\s\x1c-\x1f]+(?!{_JOINS})"
_SPACE = regex.compile(_WHITE)
_WORD_END = regex.compile(rf"(?<!\p{{GCB=Prepend}}){_WHITE}|(?<=[。！？][」』）]*)(?![。！？」』）]|{_JOINS})")
_PARAGRAPH_END = regex.compile(r"\n[^\S\n]*\n")
_SENTENCE_END = regex.compile(r"[.!?…。！？][\p{Pe}\p{Pf}\"'’]*$")
# A part may stay this empty for the sake of a better place to cut.
_WORTH = {"paragraph": 0.5, "line": 0.6, "sentence": 0.4}


def strip(text: str) -> str:
    """Take away the white space around a text, but not from under a mark that stands on it."""
    space = _SPACE.match(text)
    return text[space.end() if space else 0 :].rstrip()


@dataclass(frozen=True, slots=True)
class _Break:
    """A place between two words: the part ends at `end`, the next one begins at `begin`."""

    end: int
    begin: int
    kind: str


class Cutter:
    """Knows where a text may be cut for `limits`."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self._limits = limits
        found = spans(text, bare=limits.unit == "weighted")
        # A hashtag or mention that fills more than a post can only be cut like any long word; a link cannot.
        self._whole = [
            span for span in found if span.kind == "link" or self._fits(span.start, span.end, media=False)
        ]
        self._places = _places(text, self._whole)

    def parts(self, media: Callable[[int], bool]) -> Iterator[str]:
        """Yield texts that fit, one after another; `media(i)` tells whether part i has media beside it.

        Raises `RejectedError` for a link that is longer than a part. A part with media that cannot hold the next
        link is empty.
        """
        start = index = 0
        while start < len(self.text):
            beside = media(index)
            part, begin = self._next(start, partial(self._fits, media=beside))
            if begin == start and not beside:
                raise self._too_long(start)
            yield part
            start, index = begin, index + 1

    def shortened(self, tail: str, *, media: bool) -> str:
        """Return the beginning of the text, an ellipsis and `tail`, as long as the limits allow."""

        def room(start: int, end: int) -> bool:
            return within(self._ending(start, end, tail), self._limits, media=media)

        if not room(0, 0):
            raise RejectedError("the link is too long for one post: {link}", link=tail)
        end = self._word_end(room)
        return self._ending(0, end, tail)

    def _next(self, start: int, room: Callable[[int, int], bool]) -> tuple[str, int]:
        if room(start, len(self.text)):
            return self.text[start:].rstrip(), len(self.text)
        reach = self._reach(start, room)
        chosen = self._choose(start, reach, room)
        if chosen is None:
            space = _SPACE.match(self.text, reach)
            return self.text[start:reach].rstrip(), space.end() if space else reach
        return self.text[start : chosen.end].rstrip(), chosen.begin

    def _reach(self, start: int, room: Callable[[int, int], bool]) -> int:
        """Return the last allowed place up to which the text from `start` fits; `start` if there is none."""
        low = bisect_right(self._places, start)
        # No character costs less than one unit, so the place is not further off than the limit.
        most = max(self._limits.maximum, self._limits.maximum_with_media or 0, self._limits.max_bytes)
        high = min(low + most, len(self._places))
        found = bisect_left(self._places, True, low, high, key=lambda place: not room(start, place))
        return self._places[found - 1] if found > low else start

    def _breaks(self, start: int, reach: int) -> list[_Break]:
        found = []
        # One character more, so that a word that just fits is seen to end there.
        for match in _WORD_END.finditer(self.text, start):
            if match.start() > reach:
                break
            if match.start() > start and match.end() < len(self.text):
                found.append(_Break(match.start(), match.end(), self._kind(start, match.start(), match.end())))
        return found

    def _kind(self, start: int, end: int, begin: int) -> str:
        space = self.text[end:begin]
        if "\n" in space:
            return "paragraph" if _PARAGRAPH_END.search(space) else "line"
        if not self.text[begin].islower() and _SENTENCE_END.search(self.text, max(start, end - 8), end):
            return "sentence"
        return "word"

    def _choose(self, start: int, reach: int, room: Callable[[int, int], bool]) -> _Break | None:
        """Return the best break before `reach`, None to cut at `reach` itself, inside a word."""
        # A cut can make a link of what was none, so that a shorter text costs more: each break is tried.
        breaks = [place for place in self._breaks(start, reach) if place.end <= reach]
        size = max(reach - start, 1)
        for kind, worth in _WORTH.items():
            for place in reversed(breaks):
                if (place.end - start) / size < worth:
                    break
                if place.kind == kind and room(start, place.end):
                    return place
        for place in reversed(breaks):
            if room(start, place.end):
                far = (place.end - start) / size >= 0.5
                return place if far or self._next_word_fits(place.begin, room) else None
        return None

    def _next_word_fits(self, begin: int, room: Callable[[int, int], bool]) -> bool:
        following = _WORD_END.search(self.text, begin + 1)
        end = following.start() if following else len(self.text)
        return room(begin, end) or any(span.start < end and span.end > begin for span in self._whole)

    def _word_end(self, room: Callable[[int, int], bool]) -> int:
        reach = self._reach(0, room)
        ends = [place.end for place in self._breaks(0, reach) if place.end <= reach and room(0, place.end)]
        return ends[-1] if ends and ends[-1] * 2 >= reach else reach

    def _ending(self, start: int, end: int, tail: str) -> str:
        body = self.text[start:end].rstrip()
        whole = any(span.end == len(body) for span in self._whole)
        if not whole:
            body = body.rstrip(" ,;:.–—-")
        # Some networks would take the ellipsis for the end of a link.
        gap = " " if whole and body else ""
        return f"{body}{gap}…{' ' + tail if tail else ''}" if body else tail or "…"

    def _fits(self, start: int, end: int, *, media: bool) -> bool:
        return within(self.text[start:end].rstrip(), self._limits, media=media)

    def _too_long(self, start: int) -> RejectedError:
        for span in self._whole:
            if span.kind == "link" and span.start <= start < span.end:
                return RejectedError(
                    "the link is too long for one post: {link}", link=self.text[span.start : span.end]
                )
        return RejectedError("a single character is too long for one post")


def _places(text: str, whole: list[Span]) -> list[int]:
    """List where the text may be cut at all: between graphemes, outside of spans."""
    places: list[int] = []
    inside = iter(whole)
    span = next(inside, None)
    at = 0
    for cluster in graphemes(text):
        at += len(cluster)
        while span is not None and span.end <= at:
            span = next(inside, None)
        if span is None or at <= span.start:
            places.append(at)
    return places
