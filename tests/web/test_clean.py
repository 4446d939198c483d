"""What strangers wrote: nothing of it acts, loads, or looks like a part of the page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.web.clean import REL, foreign_html, linked, one_line, outward

ALLOWED = {"a", "b", "p", "blockquote", "time", "em", "li", "ol", "div", "span", "article", "br", "h1", "section"}
LINKS = ("http:", "https:", "mailto:")


class Looker(HTMLParser):
    """Reads HTML as a browser does at its simplest, and keeps what it finds."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def look(html: str) -> Looker:
    looker = Looker()
    looker.feed(str(html))
    looker.close()
    return looker


def assert_inert(html: str) -> None:
    for tag, attributes in look(html).tags:
        assert tag not in {"script", "style", "img", "svg", "math", "iframe", "object", "form", "input", "base"}
        assert not tag.startswith(("hx-", "x-")), tag
        for name, value in attributes.items():
            assert not name.startswith(("on", "hx-", "data-")), name
            assert name in {"href", "rel", "cite", "datetime", "dir", "lang"}, name
            if name in ("href", "cite"):
                assert (value or "").lower().startswith(LINKS) or ":" not in (value or ""), value


VECTORS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" jav&#x09;ascript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<p onclick="alert(1)" style="position:fixed">x</p>',
    '<div hx-get="/users" hx-trigger="load" data-hx-post="/stop">x</div>',
    '<div hx-on:load="alert(1)" data-live="mentions" id="opened" class="button">x</div>',
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
    # mXSS: what is text in one namespace is markup in the other, once it is parsed a second time.
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<form><input name=attributes><button formaction=/users>x</button></form>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe><object data=x></object><embed src=x>',
    '<base href="https://evil.example/"><link rel=stylesheet href=x><meta http-equiv=refresh content="0;x">',
    "<template><script>alert(1)</script></template>",
    "<style>@import 'https://evil.example/x.css'</style>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<textarea></textarea><script>alert(1)</script>",
    '<a href="https://a.example" target=_blank rel=opener ping=https://evil.example>x</a>',
]


@pytest.mark.parametrize("vector", VECTORS)
def test_nothing_of_it_acts(vector: str) -> None:
    cleaned = foreign_html(vector)
    assert_inert(cleaned)
    assert "alert" not in "".join(f"{tag}{attributes}" for tag, attributes in look(cleaned).tags)


def test_what_means_something_stays() -> None:
    kept = foreign_html(
        '<article><blockquote cite="https://a.example/1"><p dir="auto">Да <em>да</em></p></blockquote>'
        '<time datetime="2026-11-03T12:00Z">3 Nov</time> <a href="https://a.example/1">Анна</a></article>'
    )
    names = [tag for tag, _attributes in look(kept).tags]
    assert names == ["article", "blockquote", "p", "em", "time", "a"]
    assert look(kept).tags[-1][1] == {"href": "https://a.example/1", "rel": REL}


_PIECES = st.lists(
    st.one_of(
        st.sampled_from(VECTORS),
        st.sampled_from(
            ["<", ">", "</", "<!--", "-->", "<p", '"', "'", "&lt;", "&#0;", "<a href=", "<svg>", "]]>"]
        ),
        st.text(max_size=12),
    ),
    max_size=8,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(_PIECES)
def test_any_html_is_inert_and_cleaning_it_again_changes_nothing(html: str) -> None:
    once = foreign_html(html)
    assert_inert(once)
    assert foreign_html(str(once)) == once


@settings(max_examples=500, deadline=None)
@given(_PIECES)
def test_a_text_is_shown_as_it_was_written(text: str) -> None:
    shown = look(linked(text))
    assert {tag for tag, _attributes in shown.tags} <= {"a", "br"}
    assert_inert(linked(text))
    # A parser drops what HTML cannot say; what a reader sees is the same.
    seen = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "").replace("\0", "")
    assert shown.text.replace("\ufffd", "").replace("\0", "") == seen.replace("\ufffd", "")


def test_links_are_made_of_addresses() -> None:
    shown = linked("см. https://a.example/x?a=1&b=2, и\njavascript:alert(1) ftp://a.example")
    assert [attributes for tag, attributes in look(shown).tags if tag == "a"] == [
        {"href": "https://a.example/x?a=1&b=2", "rel": REL}
    ]
    assert str(shown).count("<br>") == 1


@pytest.mark.parametrize(
    ("url", "led"),
    [
        ("https://vk.com/id1", "https://vk.com/id1"),
        (" http://a.example ", "http://a.example"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt://a.example/%0aalert(1)", ""),
        ("data:text/html,x", ""),
        ("//evil.example", ""),
        ("/users", ""),
        ("https:///x", ""),
        ("http://[", ""),
        (None, ""),
    ],
)
def test_only_web_addresses_become_links(url: str | None, led: str) -> None:
    assert outward(url) == led


def test_a_name_does_not_turn_what_stands_beside_it() -> None:
    assert one_line("Анна\u202e\n gpj.exe") == "Анна gpj.exe"
