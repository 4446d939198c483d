"""Addresses: which are one, what only leads on, and what a text shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.discussions import links

PAGE = "https://example.org/news/roast"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/news/roast",
        "HTTPS://WWW.Example.ORG:443/news/roast/",
        "http://example.org:80/news/roast#comments",
        "https://m.example.org/news/roast?utm_source=vk&utm_medium=social",
        "https://example.org/news/roast?fbclid=a&gclid=b&yclid=c&ysclid=d&mc_cid=e&igsh=f",
        "https://example.org/news/roast/amp/",
        "https://example.org/news/roast?amp",
        "https://example.org/news/roast?amp=1&ref=feed",
        "https://amp.example.org/news/roast",
        "https://example.org/news/%72oast",
        "https://example.org/news/roast/index.html",
        "https://someone@example.org/news/roast",
        "https://vk.com/away.php?to=https%3A%2F%2Fexample.org%2Fnews%2Froast&cc_key=",
        "https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2Fnews%2Froast%3Ffbclid%3Dx&h=AT1",
        "https://t.me/iv?url=https://example.org/news/roast&rhash=abc",
        "https://www.google.com/url?q=https://example.org/news/roast&sa=D",
        "https://www.google.com/amp/s/example.org/news/roast/amp/",
        "https://example-org.cdn.ampproject.org/c/s/example.org/news/roast",
    ],
)
def test_one_page_has_one_address(url: str) -> None:
    assert links.normalise(url) == PAGE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/?p=12", "https://example.org/?p=13"),
        ("https://example.org/a", "https://example.org/b"),
        ("https://example.org/a", "https://example.com/a"),
        ("https://example.org/News", "https://example.org/news"),
        ("https://example.org:8080/a", "https://example.org/a"),
        ("https://blog.example.org/a", "https://example.org/a"),
    ],
)
def test_two_pages_have_two(one: str, other: str) -> None:
    assert links.normalise(one) != links.normalise(other)


def test_the_order_of_a_query_does_not_count() -> None:
    assert links.normalise("https://example.org/?b=2&a=1") == links.normalise(
        "http://example.org?a=1&b=2&utm_id=3"
    )


def test_a_name_in_another_alphabet_is_the_one_that_machines_write() -> None:
    assert links.normalise("https://Пример.рф/новость") == links.normalise(
        "http://xn--e1afmkfd.xn--p1ai/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C/"
    )


@pytest.mark.parametrize(
    "url", ["", "mailto:a@example.org", "ftp://example.org/a", "https://", "http://[", "a/b", "https://a:b/"]
)
def test_what_is_no_address_of_the_web_has_none(url: str) -> None:
    assert (links.normalise(url), links.places(url)) == ("", ())


def test_a_remark_that_its_site_names_by_a_fragment_is_found_by_it_first() -> None:
    assert links.places(f"{PAGE}/#comment-7") == (f"{PAGE}#comment-7", PAGE)


def test_a_site_is_no_page() -> None:
    assert [
        links.is_page(links.normalise(url)) for url in ("http://example.org/", PAGE, "https://example.org/?p=1")
    ] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Читайте: {PAGE}.", [PAGE]),
        (f"({PAGE}), [{PAGE}?a=(b)]", [PAGE, f"{PAGE}?a=(b)"]),
        ("see example.org/a, not example.org", ["https://example.org/a"]),
        ("mail me: ann@example.org/x or 1/2 and/or", []),
        ("«https://пример.рф/новость»", ["https://пример.рф/новость"]),
        ("nothing", []),
    ],
)
def test_the_addresses_of_a_text_are_found(text: str, found: list[str]) -> None:
    assert links.found_in(text) == found


ANY = st.text(max_size=60)
ADDRESSES = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(
        ["www.m.example.org", "amp.amp.example.org.", "пример.рф", "127.0.0.1:80", "[::1]:8080", "a", "m.a.b"]
    ),
    st.sampled_from(
        ["", "/", "/amp/amp", "/url", "/away.php", "/l.php", "/amp/s/", "/c/s/a.b/c", "/%2e%2F%zz", "/é/index.php"]
    ),
    st.one_of(
        st.just(""),
        ANY.map(lambda text: f"?{text}"),
        ANY.map(lambda text: f"?to=https://example.org/{text}&u=http://a.b/?q=http://c.d/{text}"),
        ANY.map(lambda text: f"#{text}"),
    ),
)


@given(st.one_of(ANY, ADDRESSES, st.builds("{}{}".format, ADDRESSES, ANY)))
def test_a_normalised_address_stays_as_it_is_and_nothing_raises(url: str) -> None:
    once = links.normalise(url)
    assert links.normalise(once) == once
    for place in links.places(url):
        assert links.places(place)[0] == place


@given(ANY)
def test_no_text_is_too_strange_to_look_for_addresses_in(text: str) -> None:
    for link in links.found_in(text):
        assert "://" in link
