"""A text is as long as its network says it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.models import Limits, Unit
from hub.publishing.text import Span, measure, spans, utf8_offset, utf16_offset

X = Limits(unit="weighted", maximum=280, link_cost=23)
MASTODON = Limits(unit="grapheme", maximum=500, link_cost=23, remote_mentions="local")
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f467"


@pytest.mark.contract
def test_every_unit_counts_as_the_recorded_vectors_do(contracts: Path) -> None:
    vectors = json.loads((contracts / "cross-platform" / "length_units.json").read_text())["vectors"]
    units: list[tuple[Unit, str]] = [("codepoint", "codepoints"), ("utf16", "utf16"), ("byte", "utf8")]
    wrong = [
        (vector["text"], unit)
        for vector in vectors
        for unit, name in units
        if measure(vector["text"], Limits(unit=unit)) != vector[name]
    ]
    assert len(vectors) >= 20
    assert wrong == []


@pytest.mark.contract
def test_offsets_of_the_end_are_the_recorded_lengths(contracts: Path) -> None:
    vectors = json.loads((contracts / "cross-platform" / "length_units.json").read_text())["vectors"]
    for vector in vectors:
        text = vector["text"]
        assert (utf8_offset(text, len(text)), utf16_offset(text, len(text))) == (vector["utf8"], vector["utf16"])


@pytest.mark.parametrize(
    ("text", "length"),
    [
        pytest.param("Hello!", 6, id="latin"),
        pytest.param("Привет, мир", 11, id="cyrillic"),
        pytest.param("e\u0301", 1, id="decomposed"),
        pytest.param("g\u0308", 1, id="mark-without-a-composed-form"),
        pytest.param(FAMILY, 1, id="family"),
        pytest.param("\u270a\U0001f3ff", 1, id="skin-tone"),
        pytest.param("\U0001f1ea\U0001f1ea\U0001f1f7\U0001f1fa", 2, id="two-flags"),
        pytest.param("#\ufe0f\u20e3", 1, id="keycap"),
        pytest.param("株式会社", 4, id="han"),
        pytest.param("\u0928\u093f", 1, id="devanagari-vowel-sign"),
        pytest.param("\u1112\u1161\u11ab", 1, id="hangul-jamo"),
        pytest.param("한글", 2, id="hangul-syllables"),
        pytest.param("שלום", 4, id="hebrew"),
        pytest.param("שָׁ", 1, id="hebrew-points"),
        pytest.param("a\r\nb", 3, id="crlf"),
        pytest.param("©\ufe0f x", 3, id="latin-1-emoji"),
    ],
)
def test_graphemes_are_what_a_reader_counts(text: str, length: int) -> None:
    assert measure(text, Limits(unit="grapheme", maximum=300, max_bytes=3000)) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        pytest.param("Hello!", 6, id="latin"),
        pytest.param("Привет", 6, id="cyrillic-weighs-one"),
        pytest.param("株式会社", 8, id="han-weighs-two"),
        pytest.param("日本語ok", 8, id="mixed"),
        pytest.param("e\u0301", 1, id="nfc-first"),
        pytest.param("\ufb2c", 3, id="nfc-that-decomposes"),
        pytest.param("‐‘’“”‵‷", 7, id="light-punctuation"),
        pytest.param("…€™", 6, id="heavy-punctuation"),
        pytest.param("\u2000\u200b\u200d", 3, id="light-spaces"),
        pytest.param("ABC\u202a\uffffABC\ufffe", 12, id="invalid-and-directions"),
        pytest.param(FAMILY, 2, id="family"),
        pytest.param("\u270a\U0001f3ff", 2, id="skin-tone"),
        pytest.param("\U0001f469\U0001f3fd\u200d\U0001f4bb", 2, id="profession"),
        pytest.param("\U0001f1ea\U0001f1ea\U0001f1f7\U0001f1fa", 4, id="two-flags"),
        pytest.param("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 2, id="england"),
        pytest.param("#\ufe0f\u20e3 1\u20e3", 5, id="keycaps"),
        pytest.param("\u2764\ufe0f\u200d\U0001f525", 2, id="heart-on-fire"),
        pytest.param("☺", 2, id="text-emoji"),
        pytest.param("☺\ufe0e", 4, id="text-style"),
        pytest.param("© ©\ufe0f", 4, id="copyright-is-an-emoji-only-when-asked"),
        pytest.param("\u00a9\u00ae", 2, id="signs"),
        pytest.param("🐱🐶", 4, id="single-emoji"),
        pytest.param("a\nb", 3, id="newline"),
    ],
)
def test_x_weighs_by_ranges_and_counts_an_emoji_as_two(text: str, length: int) -> None:
    assert measure(text, X) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        pytest.param("Hi http://test.co", 26, id="scheme"),
        pytest.param("https://example.com/" + "a" * 200, 23, id="long"),
        pytest.param("https://test.com test https://test.com test.com", 23 * 3 + 7, id="several"),
        pytest.param("example.com", 23, id="bare"),
        pytest.param("www.example.co.uk/path?q=1", 23, id="bare-with-path"),
        pytest.param("Example.COM", 23, id="bare-upper-case"),
        pytest.param("see example.com.", 28, id="bare-before-a-stop"),
        pytest.param("(example.com)", 25, id="bare-in-brackets"),
        pytest.param("日本example.comです", 31, id="bare-inside-a-text-without-spaces"),
        pytest.param("example.notatld", 15, id="unknown-top-level-domain"),
        pytest.param("user@example.com", 16, id="e-mail-address"),
        pytest.param("@example.com", 12, id="mention-that-looks-like-a-domain"),
        pytest.param("v1.2 and i.e. so", 16, id="not-domains"),
        pytest.param("x" * 64 + ".com", 68, id="label-too-long"),
        pytest.param("http://foobar.پاکستان/", 23, id="top-level-domain-in-arabic"),
        pytest.param("https://пример.рф/путь", 23, id="cyrillic-domain"),
        pytest.param("https://ru.wikipedia.org/wiki/Москва", 23, id="cyrillic-path"),
        pytest.param("https://example.com/?q=кот", 26, id="cyrillic-query-ends-the-link"),
        pytest.param("https://ja.wikipedia.org/wiki/日本", 27, id="han-path-ends-the-link"),
        pytest.param("https://example.comです", 27, id="domain-runs-into-text"),
        pytest.param("https://en.wikipedia.org/wiki/A_(b)", 23, id="balanced-brackets"),
        pytest.param("https://example.com:8080/a", 23, id="port"),
        pytest.param("http://a.notatld/" + "b" * 30, 47, id="unknown-host-counts-in-full"),
    ],
)
def test_x_counts_a_link_as_twenty_three_wherever_it_finds_one(text: str, length: int) -> None:
    assert measure(text, X) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        pytest.param("@bob@example.com hi", 7, id="remote"),
        pytest.param("@bob hi", 7, id="local"),
        pytest.param("a@bob@example.com", 17, id="not-a-mention"),
        pytest.param("@bob@" + "b" * 64 + ".com", 73, id="host-too-long"),
        pytest.param("https://social.example/@bob@example.com", 23, id="mention-inside-a-link"),
        pytest.param("http://a.co", 23, id="short-link"),
        pytest.param("https://example.com/" + "a" * 600 + " end", 27, id="long-link"),
        pytest.param("example.com", 11, id="bare-domain-is-text"),
        pytest.param(FAMILY * 3, 3, id="families"),
        pytest.param("a\r\nb", 3, id="crlf"),
    ],
)
def test_mastodon_counts_links_as_twenty_three_and_remote_mentions_by_their_local_part(
    text: str, length: int
) -> None:
    assert measure(text, MASTODON) == length


def test_without_a_link_cost_a_link_counts_its_length() -> None:
    assert measure("https://example.com/a", Limits(unit="utf16", maximum=4096)) == 21


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://example.com/a, ok", ["https://example.com/a"]),
        ("(https://example.com/a)", ["https://example.com/a"]),
        ("https://en.wikipedia.org/wiki/A_(b).", ["https://en.wikipedia.org/wiki/A_(b)"]),
        ('"https://example.com/?a=b&c=d#e"!', ["https://example.com/?a=b&c=d#e"]),
        ("«https://example.com/»", ["https://example.com/"]),
        ("“https://example.com”", ["https://example.com"]),
        ("<https://example.com/>", ["https://example.com/"]),
        ("HTTPS://EXAMPLE.COM/A?", ["HTTPS://EXAMPLE.COM/A"]),
        ("https://пример.рф/путь/страница…", ["https://пример.рф/путь/страница"]),
        ("https://例え.jp/、次", ["https://例え.jp/"]),
        ("https://example.com/a\u202c", ["https://example.com/a"]),
        ("https://example.com/a🔥", ["https://example.com/a"]),
        ("https://☃.net/", ["https://☃.net/"]),
        ("https:// and http://", []),
        ("xhttps://example.com", []),
        ("ftp://example.com", []),
        ("http://[2001:db8::1]:80/a", ["http://[2001:db8::1]:80/a"]),
        ("https://a.example/1https://b.example/2", ["https://a.example/1https://b.example/2"]),
    ],
)
def test_links_end_before_the_punctuation_around_them(text: str, found: list[str]) -> None:
    assert [text[span.start : span.end] for span in spans(text) if span.kind == "link"] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@bob, hi", [Span("mention", 0, 4)]),
        (".@bob", [Span("mention", 1, 5)]),
        ("hi @bob@example.com.", [Span("mention", 3, 19)]),
        ("@bob.bsky.social!", [Span("mention", 0, 16)]),
        ("bob@example.com", []),
        ("#тег, #1st", [Span("hashtag", 0, 4), Span("hashtag", 6, 10)]),
        ("#12 a#b # x", []),
        ("#नमस्ते", [Span("hashtag", 0, 7)]),
        ("＃日本", [Span("hashtag", 0, 3)]),
        ("https://example.com/#top", [Span("link", 0, 24)]),
        ("👍 @bob", [Span("mention", 2, 6)]),
    ],
)
def test_mentions_and_hashtags_are_found_with_offsets_in_code_points(text: str, found: list[Span]) -> None:
    assert spans(text) == found


def test_offsets_of_a_span_after_an_emoji_are_bytes_and_code_units() -> None:
    text = f"{FAMILY} é #тег"
    span = spans(text)[0]
    assert (utf8_offset(text, span.start), utf8_offset(text, span.end)) == (29, 36)
    assert (utf16_offset(text, span.start), utf16_offset(text, span.end)) == (14, 18)


def test_a_bare_domain_inside_a_link_is_not_found_again() -> None:
    assert spans("https://example.com/example.org", bare=True) == [Span("link", 0, 31)]


def test_hostile_texts_are_measured_in_linear_time() -> None:
    """What takes more than milliseconds here is quadratic and would take minutes."""
    for text in (
        "a." * 10_000, "com." * 10_000, "https://e.com/" + ")" * 10_000, "@a." * 7_000, "#1" * 10_000,
        "https://" * 3_000, "https://e.com/" + "(a" * 7_000, "\u200d" * 10_000, "👍\u200d" * 5_000,
    ):  # fmt: skip
        assert measure(text, X) > 0
        assert measure(text, MASTODON) > 0
