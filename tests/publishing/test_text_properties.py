"""Whatever the text and the limits: parts fit, nothing is lost, nothing that belongs together is broken."""

from __future__ import annotations

from itertools import accumulate
from typing import get_args

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.models import Limits, Media, Post, Unit
from hub.publishing.text import fit, measure, spans

checked = settings(deadline=None, max_examples=200, derandomize=True, database=None)

WORDS = (
    "a", "word", "Привет", "株式会社", "今日は。", "שלום", "مرحبا", "नमस्ते", "👨‍👩‍👧‍👧", "🇪🇪🇷🇺", "✊🏿", "#️⃣",
    "e\u0301", "Hello.", "«цитата»", "x" * 90, "漢字" * 60, "…", "i.e.", "\u0301", "\u200d",
    "example.com", "🔥", "\u0600", "👨‍👩‍👧‍👧" * 40, "e\u0301" * 200, "漢字@bob、#日本語タグ、" * 20,
)  # fmt: skip
TOGETHER = (
    "https://example.com/a_(b)", "https://пример.рф/путь", "http://a.co", "(https://e.com/x).", "@bob",
    "@bob@example.com", "#тег", "#日本語", "https://ja.wikipedia.org/wiki/日本",
)  # fmt: skip
SPACES = (" ", " ", "  ", "\n", "\n\n", "\n\n\n\n", ". ", "\t", "\u00a0", "\r\n")

pieces = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(TOGETHER).map(lambda piece: f" {piece} "),
    st.sampled_from(SPACES),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
texts = st.lists(pieces, min_size=1, max_size=80).map("".join).filter(lambda text: len(text.split()) > 0)
limits_ = st.builds(
    Limits,
    unit=st.sampled_from(get_args(Unit)),
    maximum=st.integers(130, 400),
    maximum_with_media=st.none() | st.integers(130, 200),
    max_bytes=st.just(0) | st.integers(300, 900),
    link_cost=st.none() | st.just(23),
    link=st.sampled_from(["field", "text"]),
    remote_mentions=st.sampled_from(["whole", "local"]),
    media_count=st.integers(1, 2),
)
posts = st.builds(
    Post,
    text=texts,
    title=st.sampled_from(["", "A title"]),
    link=st.sampled_from(["", "https://example.com/post/1"]),
    key=st.just("k"),
    media=st.lists(st.just(Media(mime="image/png")), max_size=3),
)
INVALID_WEIGHTED = str.maketrans("", "", "\ufffe\ufeff\uffff")


def solid(text: str) -> str:
    return "".join(text.split())


def whole_text(post: Post, limits: Limits) -> str:
    """Return what the parts together must say."""
    unlimited = Limits(link=limits.link, unit=limits.unit, media_count=100)
    (whole,) = fit(post, unlimited, overflow="thread")
    return whole.text


def cuts(parts: list[Post]) -> set[int]:
    """Return where the text was cut, in characters that are not white space."""
    return set(accumulate(len(solid(part.text)) for part in parts))


def broken(text: str, ranges: list[tuple[int, int]], parts: list[Post]) -> list[str]:
    at = cuts(parts)
    found = []
    for start, end in ranges:
        first, last = len(solid(text[:start])), len(solid(text[:end]))
        if any(first < cut < last for cut in at):
            found.append(text[start:end])
    return found


@checked
@given(posts, limits_)
def test_every_part_of_a_thread_fits(post: Post, limits: Limits) -> None:
    for part in fit(post, limits, overflow="thread"):
        most = limits.maximum
        if part.media and limits.maximum_with_media is not None:
            most = limits.maximum_with_media
        assert measure(part.text, limits) <= most
        assert len(part.text.encode()) <= (limits.max_bytes or 10**9)
        assert len(part.media) <= limits.media_count


@checked
@given(posts, limits_)
def test_a_thread_loses_nothing_but_white_space(post: Post, limits: Limits) -> None:
    parts = fit(post, limits, overflow="thread")
    said = "\n\n".join(filter(None, [post.text, post.link if limits.link == "text" else ""]))
    if limits.unit == "weighted":
        said = said.translate(INVALID_WEIGHTED)
    together = solid("".join(part.text for part in parts))
    assert together.removeprefix("Atitle") == solid(said)
    assert sum(len(part.media) for part in parts) == len(post.media)


@checked
@given(posts, limits_)
def test_a_thread_breaks_no_link_mention_or_hashtag(post: Post, limits: Limits) -> None:
    text = whole_text(post, limits)
    ranges = [(span.start, span.end) for span in spans(text) if measure(text[span.start : span.end], limits) < 100]
    assert broken(text, ranges, fit(post, limits, overflow="thread")) == []


@checked
@given(posts, limits_)
def test_a_thread_breaks_no_grapheme(post: Post, limits: Limits) -> None:
    text = whole_text(post, limits)
    ranges = [match.span() for match in regex.finditer(r"\X", text)]
    assert broken(text, ranges, fit(post, limits, overflow="thread")) == []


@checked
@given(posts, limits_)
def test_no_part_is_empty_and_every_key_is_its_own(post: Post, limits: Limits) -> None:
    parts = fit(post, limits, overflow="thread")
    assert all(part.text or part.media for part in parts)
    assert [part.key for part in parts] == ["k", *(f"k.{number}" for number in range(1, len(parts)))]


@checked
@given(posts, limits_)
def test_a_part_that_is_fitted_again_stays_as_it_is(post: Post, limits: Limits) -> None:
    for part in fit(post, limits, overflow="thread"):
        assert fit(part, limits, overflow="thread") == [part]


@checked
@given(posts, limits_, st.sampled_from(["", "https://example.com/p/2"]))
def test_a_shortened_text_is_one_part_that_fits_and_says_where_the_rest_is(
    post: Post, limits: Limits, permalink: str
) -> None:
    limits = Limits(**{**{name: getattr(limits, name) for name in limits.__struct_fields__}, "media_count": 3})
    whole = whole_text(post, limits)
    (part,) = fit(post, limits, overflow="shorten", permalink=permalink)
    most = limits.maximum
    if part.media and limits.maximum_with_media is not None:
        most = limits.maximum_with_media
    assert measure(part.text, limits) <= most
    if part.text == whole:
        return
    pointer = post.link or permalink
    if limits.link == "field":
        assert part.link == pointer
        pointer = ""
    assert pointer in part.text
    kept = part.text.removesuffix(pointer).rstrip().removesuffix("…").rstrip()
    assert whole.startswith(kept)
    ranges = [
        (span.start, span.end) for span in spans(whole) if measure(whole[span.start : span.end], limits) < 100
    ]
    ranges += [match.span() for match in regex.finditer(r"\X", whole)]
    assert [whole[a:b] for a, b in ranges if a < len(kept) < b and whole[len(kept) : b].strip()] == []
