"""The forms of a digest: each says the same lines, is as its standard wants, and holds no markup of strangers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hub.discussions.digest import Digest, Line, Place, clean, safe_url
from hub.discussions.rendering import FORMS, Form, as_post, render
from hub.discussions.rendering.words import edited
from hub.i18n import catalogue
from hub.models import RemotePost
from hub.resemblance import resembles
from plugins.wordpress import markup

GOLDEN = Path(__file__).parent / "golden"
START = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
SUFFIX = {
    "html": "html",
    "fragment": "fragment.html",
    "markdown": "md",
    "json": "json",
    "atom": "xml",
    "text": "txt",
}


def place(number: int, site: str = "vk.com") -> Place:
    url = f"https://{site}/wall-1_{number}?a=1&b=2"
    return Place(number, "club", "vk", str(number), "1", site, url, START + timedelta(minutes=number))


def line(number: int, parent: Line | None = None, **more: Any) -> Line:
    at = more.pop("place", place(number))
    above = (parent.key, parent.depth + 1) if parent else (None, 0)
    return Line(f"urn:uuid:00000000-0000-0000-0000-{number:012}", *above, at, **more)


def digest(*lines: Line, title: str = "The news & more") -> Digest:
    return Digest(1, title, "https://company.example/news?a=1&b=2", START, START + timedelta(days=1), lines)


FIRST = line(
    1, author="Анна *Смирнова*", author_url="https://vk.com/anna", text="Is it <b>good</b>?\nYes.\n\n1. Or no"
)
OURS = line(2, FIRST, author="Company", text="It is", ours=True, edited_at=START + timedelta(minutes=9))
GAP = line(3, FIRST, place=None)
TWICE = line(4, GAP, author="Борис", text="Согласен!", repeats=(place(5, "t.me"),))
LAST = line(6, author="Clara", text="", edited_at=START + timedelta(days=90))
SAMPLE = digest(FIRST, OURS, GAP, TWICE, LAST)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_as_it_was_looked_at(form: Form) -> None:
    """Write one anew by taking the file away, and look at what changed."""
    shown = render(SAMPLE, form)
    path = GOLDEN / f"digest.{SUFFIX[form]}"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
        pytest.fail(f"{path.name} was not there; it is now: look at it")
    assert shown == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMS)
def test_each_form_speaks_russian(form: Form) -> None:
    said = catalogue("ru").gettext
    shown = Text(render(SAMPLE, form, language="ru")).said
    title = said("What was said about “{title}”").format(title="")
    assert title.split(".")[0][:12] in shown
    assert form in ("markdown", "text") or 'ru"' in render(SAMPLE, form, language="ru")
    if form not in ("json", "atom"):
        assert f"3 {said('Nov')} 2026 09:01" in shown.replace("\\", "")
        assert said("our answer") in shown


class Shown(HTMLParser):
    """What a browser makes of a piece of HTML: tags, attributes, and the text of each quote."""

    # As HTML has it, and no more.
    VOID = ("meta", "br")

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.quotes: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "blockquote":
            self.quotes.append("")
        if tag in ("p", "br") and "blockquote" in self.open:
            self.quotes[-1] += "\n"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "blockquote" in self.open:
            self.quotes[-1] += data


ALLOWED = {
    *("html", "head", "meta", "title", "body", "main", "article", "h1", "h2", "ol", "li", "p", "cite", "bdi", "a"),
    *("time", "em", "strong", "blockquote", "br"),
}
ATTRIBUTES = {"lang", "charset", "name", "content", "class", "style", "href", "rel", "datetime", "cite", "dir"}

hostile = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *(
                    "<script>alert(1)</script>",
                    "</blockquote>",
                    "<img src=x onerror=alert(1)>",
                    "<!--",
                    "-->",
                    "]]>",
                ),
                *(
                    "&lt;b&gt;",
                    "&#60;i&#62;",
                    "&",
                    "<",
                    ">",
                    '"',
                    "'",
                    "`",
                    "\\",
                    "*",
                    "_",
                    "~~",
                    "[x](http://e.vil)",
                ),
                *(
                    "![i](http://e.vil/i.png)",
                    "<http://e.vil>",
                    "http://e.vil/?a=b&c",
                    "www.e.vil",
                    "a@e.vil",
                    "# h",
                ),
                *(
                    "\n",
                    "\n\n",
                    "    code",
                    "```",
                    "1. a",
                    "- b",
                    "+ c",
                    "> q",
                    "---",
                    "===",
                    "|a|b|",
                    "[a]: http://e",
                ),
                *(
                    "\x00",
                    "\x1b[2J",
                    "\u202e",
                    "\ufeff",
                    "\u2028",
                    "\r",
                    "\t",
                    "[gallery]",
                    "{{ x }}",
                    "$x$",
                    "привет",
                ),
            ]
        ),
        max_size=8,
    ).map("".join),
)


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    lines: list[Line] = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        above = draw(st.sampled_from([None, *lines]))
        # A tree in order: what answers a line comes before what follows it.
        if above is not None and above is not lines[-1]:
            above = lines[-1]
        url = safe_url(draw(st.sampled_from(["https://e.example/", "javascript:"])) + draw(hostile))
        at = place(number)._replace(url=url, site=urlsplit(url).netloc or "vk")
        lines.append(
            line(
                number,
                above,
                place=None if draw(st.integers(0, 5)) == 0 else at,
                author=" ".join(clean(draw(hostile)).split()) or "somebody",
                text=clean(draw(hostile)),
                ours=draw(st.booleans()),
            )
        )
    return digest(*lines, title=" ".join(clean(draw(hostile)).split()) or "T")


def words(text: str) -> list[str]:
    return text.split()


@settings(max_examples=150, deadline=None)
@given(digests())
def test_whatever_strangers_write_every_form_says_the_same_lines_and_nothing_comes_alive(made: Digest) -> None:
    texts = [words(one.text) for one in made.said if one.text]
    for form in ("html", "fragment"):
        shown = Shown(render(made, form))
        assert set(shown.tags) <= ALLOWED
        assert {name for name, _ in shown.attributes} <= ATTRIBUTES
        assert all(
            urlsplit(value).scheme in ("http", "https")
            for name, value in shown.attributes
            if name in ("href", "cite")
        )
        assert [words(quote) for quote in shown.quotes] == texts

    marked = render(made, "markdown")
    html = Shown(MarkdownIt("gfm-like", {"html": True}).render(marked).replace("<br />", "<br>"))
    assert set(html.tags) <= {"h1", "p", "ul", "li", "strong", "a", "em", "blockquote", "br"}
    assert [words(quote) for quote in html.quotes] == texts
    ours = {made.url, *(one.place.url for one in made.said if one.place)}
    led = sum(tag == "a" for tag in html.tags)
    assert led == (1 if made.url else 0) + sum(bool(one.place and one.place.url) for one in made.said), ours

    document = json.loads(render(made, "json"))
    notes = [note for note in document["orderedItems"] if note["type"] == "Note"]
    assert [words(note["source"]["content"]) for note in notes] == [words(one.text) for one in made.said]
    for note in notes:
        assert set(Shown(note["content"]).tags) <= {"p", "br"}

    feed = ElementTree.fromstring(render(made, "atom"))  # noqa: S314  # we wrote it
    atom = "{http://www.w3.org/2005/Atom}"
    said = [entry.findtext(f"{atom}content") or "" for entry in feed.findall(f"{atom}entry")]
    assert [words(Text(html).said) for html in said] == [words(one.text) for one in made.said]
    assert all(set(Shown(html).tags) <= {"p", "br", "em"} for html in said)

    text = words(render(made, "text"))
    for each in texts:
        assert " ".join(each) in " ".join(text)


class Text(HTMLParser):
    """The text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.said = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += "\n"

    def handle_data(self, data: str) -> None:
        self.said += data


def test_the_json_is_a_collection_of_activity_streams() -> None:
    document = json.loads(render(SAMPLE, "json"))
    assert document["@context"][0] == "https://www.w3.org/ns/activitystreams"
    assert (document["type"], document["totalItems"]) == ("OrderedCollection", len(document["orderedItems"]))
    ids = [document["id"], *(item["id"] for item in document["orderedItems"])]
    assert len(set(ids)) == len(ids)
    assert all(urlsplit(each).scheme for each in ids)
    for item in document["orderedItems"]:
        assert item["inReplyTo"] in (*ids, document["url"])
        assert item["context"] == document["id"]
        if item["type"] == "Note":
            assert item["attributedTo"]["type"] in ("Person", "Organization")
            for name in ("published", "updated"):
                assert name not in item or datetime.fromisoformat(item[name]).tzinfo is not None
        else:
            assert (item["type"], item["formerType"], "content" in item) == ("Tombstone", "Note", False)
    twice = document["orderedItems"][3]
    assert [link["href"] for link in twice["url"]] == [each.url for each in TWICE.places]


def test_the_feed_is_valid_atom() -> None:
    text = render(SAMPLE, "atom")
    feed = feedparser.parse(text)
    assert not feed.bozo
    assert feed.version == "atom10"
    assert feed.feed.id
    assert feed.feed.updated_parsed
    assert feed.feed.title == "What was said about “The news & more”"
    assert len({entry.id for entry in feed.entries}) == len(feed.entries) == 4
    for entry in feed.entries:
        assert entry.title
        assert entry.author
        assert entry.updated_parsed >= entry.published_parsed
        assert [link.href for link in entry.links if link.rel == "alternate"]
    root = ElementTree.fromstring(text)  # noqa: S314  # we wrote it
    thread = "{http://purl.org/syndication/thread/1.0}in-reply-to"
    assert [reply.get("ref") for reply in root.iter(thread)] == [FIRST.key]


def test_the_page_works_in_a_mail() -> None:
    """No script, nothing that is fetched, and no style but at the elements themselves."""
    shown = Shown(render(SAMPLE, "html"))
    assert not {"script", "link", "style", "img", "iframe", "form"} & set(shown.tags)
    assert not {name for name, _ in shown.attributes} & {"src", "background", "srcset", "onclick"}
    assert any(name == "style" for name, _ in shown.attributes)
    assert not any("url(" in value for name, value in shown.attributes if name == "style")
    assert not any(name == "style" for name, _ in Shown(render(SAMPLE, "fragment")).attributes)


def test_the_year_of_an_edit_is_said_only_if_it_is_another() -> None:
    assert edited(OURS, UTC) == "edited 3 Nov 09:09"
    assert edited(LAST, UTC) == "edited 1 Feb 2027 09:00"


@settings(max_examples=100, deadline=None)
@given(digests())
def test_a_post_of_it_says_in_html_what_it_says_as_text(made: Digest) -> None:
    """So that a lost one is known when the blog's timeline shows it."""
    said = as_post(made)
    shown = RemotePost(remote_id="1", text=markup.plain(markup.inert(said.html)))
    assert resembles(shown, said.text, made.url)


def test_wordpress_executes_nothing_of_it() -> None:
    """A shortcode, and an address on a line of its own, which WordPress would embed."""
    said = line(1, author="[gallery]", text="[contact-form to=me]\nhttps://e.example/video\n\nhttps://e.example/x")
    html = markup.blocks("", "", [], as_post(digest(said)).html)
    assert "[" not in html
    assert html.startswith("<!-- wp:html -->\n<article")
    # Both are WP_Embed::autoembed's own.
    assert not re.search(r"^(\s*)(https?://[^\s<>\"]+)(\s*)$", html, re.MULTILINE)
    assert not re.search(r"(<p(?: [^>]*)?>\s*)(https?://[^\s<>\"]+)(\s*</p>)", html)
    assert markup.plain(html).count("https://e.example/video") == 1
