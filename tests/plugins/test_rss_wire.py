"""Golden pairs: what a feed says, of each kind and with each defect, and the posts that it means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub import Media, RejectedError, RemotePost
from plugins.rss.dates import read_date
from plugins.rss.readable import looks_like_html, one_line, read_html
from plugins.rss.wire import Feed, decode, read_feed

URL = "https://blog.example/news/feed.xml"
SPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"'
)


def read(document: str | bytes, content_type: str = "application/xml", url: str = URL) -> Feed:
    return read_feed(document.encode() if isinstance(document, str) else document, content_type, url)


def rss(items: str, head: str = "") -> str:
    return f'<rss version="2.0" {SPACES}><channel><title>Blog</title>{head}{items}</channel></rss>'


def atom(entries: str, attributes: str = "") -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {attributes}><title>Blog</title>{entries}</feed>'


def json_feed(*items: dict[str, Any], **more: Any) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Blog", "items": items, **more})


def only(document: str | bytes, content_type: str = "application/xml") -> RemotePost:
    (post,) = read(document, content_type).posts
    return post


# The kinds of feeds, whole


def test_rss_2_0_with_everything() -> None:
    item = """<item>
      <title>Ships &amp;amp; sails</title><link>https://blog.example/ships</link>
      <guid isPermaLink="false">post-7</guid><pubDate>Fri, 02 Jan 2004 10:00:00 EST</pubDate>
      <atom:updated>2004-01-03T00:00:00Z</atom:updated>
      <description>Short.</description>
      <content:encoded><![CDATA[<p>One &eacute;.</p><p>Two<br>three.</p><img src="/i/a.png" alt="A mast">]]>
      </content:encoded>
      <enclosure url="https://cdn.example/b.jpg" length="" type="image/jpeg"/>
      <enclosure url="https://cdn.example/talk.mp3" length="1" type="audio/mpeg"/>
    </item>"""
    assert only(rss(item)) == RemotePost(
        remote_id="post-7",
        title="Ships & sails",
        text="One é.\n\nTwo\nthree.",
        link="https://blog.example/ships",
        url="https://blog.example/ships",
        media=(
            Media(url="https://cdn.example/b.jpg", mime="image/jpeg"),
            Media(url="https://blog.example/i/a.png", alt="A mast"),
        ),
        sent_at=datetime(2004, 1, 2, 15, tzinfo=UTC),
        edited_at=datetime(2004, 1, 3, tzinfo=UTC),
    )


def test_atom_1_0_with_everything() -> None:
    entry = """<entry xml:base="2004/"><id>tag:blog.example,2004:1</id>
      <title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">A <b>bold</b> title</div></title>
      <link rel="self" href="/self"/><link rel="edit" href="/edit"/><link href="ships"/>
      <link rel="enclosure" type="image/png" href="/i/a.png" title="A mast"/>
      <published>2004-01-02T10:00:00-05:00</published><updated>2004-01-03T00:00:00Z</updated>
      <summary>Short.</summary>
      <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One.</p><p>Two &amp; three.</p></div>
      </content>
    </entry>"""
    assert only(atom(entry, 'xml:base="https://blog.example/"')) == RemotePost(
        remote_id="tag:blog.example,2004:1",
        title="A bold title",
        text="One.\n\nTwo & three.",
        link="https://blog.example/2004/ships",
        url="https://blog.example/2004/ships",
        media=(Media(url="https://blog.example/i/a.png", mime="image/png", alt="A mast"),),
        sent_at=datetime(2004, 1, 2, 15, tzinfo=UTC),
        edited_at=datetime(2004, 1, 3, tzinfo=UTC),
    )


def test_json_feed_1_1_with_everything() -> None:
    item = {
        "id": 7,
        "url": "/ships",
        "title": "Ships <3 sails",
        "content_html": "<p>One.</p><p>Two.</p>",
        "content_text": "not this",
        "image": "/i/a.png",
        "date_published": "2004-01-02T10:00:00-05:00",
        "date_modified": "2004-01-03T00:00:00Z",
        "attachments": [
            {"url": "https://cdn.example/b.jpg", "mime_type": "image/jpeg", "title": "A mast"},
            {"url": "https://cdn.example/talk.mp3", "mime_type": "audio/mpeg"},
        ],
    }
    feed = read(json_feed(item, home_page_url="https://blog.example/", next_url="/feed.json?page=2"))
    assert (feed.kind, feed.title, feed.link) == ("JSON Feed 1.1", "Blog", "https://blog.example/")
    assert feed.older == "https://blog.example/feed.json?page=2"
    assert feed.posts == [
        RemotePost(
            remote_id="7",
            title="Ships <3 sails",
            text="One.\n\nTwo.",
            link="https://blog.example/ships",
            url="https://blog.example/ships",
            media=(
                Media(url="https://blog.example/i/a.png"),
                Media(url="https://cdn.example/b.jpg", mime="image/jpeg", alt="A mast"),
            ),
            sent_at=datetime(2004, 1, 2, 15, tzinfo=UTC),
            edited_at=datetime(2004, 1, 3, tzinfo=UTC),
        )
    ]


def test_rss_1_0_takes_its_id_from_rdf_about_and_its_date_from_dublin_core() -> None:
    document = f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      {SPACES}><channel rdf:about="{URL}"><title>Blog</title><link>https://blog.example/</link></channel>
      <item rdf:about="https://blog.example/id/1"><title>T</title><link>https://blog.example/1</link>
      <dc:date>2004-01-02</dc:date><description>D</description></item></rdf:RDF>"""
    feed = read(document)
    assert (feed.kind, feed.title, feed.link) == ("RSS 1.0", "Blog", "https://blog.example/")
    assert feed.posts == [
        RemotePost(
            remote_id="https://blog.example/id/1",
            title="T",
            text="D",
            link="https://blog.example/1",
            url="https://blog.example/1",
            sent_at=datetime(2004, 1, 2, tzinfo=UTC),
        )
    ]


def test_rss_0_90_has_items_beside_the_channel() -> None:
    post = only(
        '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel><title>Blog</title></channel>'
        "<item><title>T</title><link>https://blog.example/1</link></item></r:RDF>"
    )
    assert (post.remote_id, post.title) == ("https://blog.example/1", "T")


def test_rss_0_91_may_bring_its_doctype() -> None:
    post = only(
        '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel>'
        "<item><title>T</title><link>https://blog.example/1</link></item></channel></rss>"
    )
    assert post.title == "T"


def test_rss_0_92_needs_no_title() -> None:
    post = only('<rss version="0.92"><channel><item><description>Only words</description></item></channel></rss>')
    assert (post.title, post.text) == ("", "Only words")


def test_atom_0_3_names_its_dates_and_content_modes_otherwise() -> None:
    post = only(
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Blog</title><entry><id>1</id>'
        '<title mode="base64" type="text/plain">SGVsbG8=</title><issued>2004-01-02T10:00:00Z</issued>'
        "<modified>2004-01-03T10:00:00Z</modified>"
        '<content mode="escaped" type="text/html">&lt;b&gt;Bold&lt;/b&gt;</content></entry></feed>'
    )
    assert (post.title, post.text) == ("Hello", "Bold")
    assert (post.sent_at, post.edited_at) == (
        datetime(2004, 1, 2, 10, tzinfo=UTC),
        datetime(2004, 1, 3, 10, tzinfo=UTC),
    )


def test_cdf_is_read_too() -> None:
    post = only(
        '<CHANNEL HREF="https://blog.example/"><ITEM HREF="https://blog.example/1" LASTMOD="2004-01-02">'
        "<TITLE>T</TITLE><ABSTRACT>A</ABSTRACT></ITEM></CHANNEL>"
    )
    assert (post.remote_id, post.title) == ("https://blog.example/1", "T")


def test_namespaces_count_by_address_not_by_prefix() -> None:
    post = only(
        '<rss version="2.0" xmlns:c="http://purl.org/rss/1.0/modules/content/" xmlns:content="http://evil.example/">'
        "<channel><item><guid>1</guid><content:encoded>wrong</content:encoded><c:encoded>right</c:encoded></item>"
        "</channel></rss>"
    )
    assert post.text == "right"


# Who an item is


@pytest.mark.parametrize(
    ("item", "remote_id", "link"),
    [
        ("<guid>https://blog.example/g</guid>", "https://blog.example/g", "https://blog.example/g"),
        (
            '<guid isPermaLink="true">https://blog.example/g</guid>',
            "https://blog.example/g",
            "https://blog.example/g",
        ),
        ('<guid isPermaLink="false">https://blog.example/g</guid>', "https://blog.example/g", ""),
        ("<guid>7</guid>", "7", ""),
        ("<guid>https://blog.example/g</guid><link>/l</link>", "https://blog.example/g", "https://blog.example/l"),
        ("<link>https://blog.example/l</link>", "https://blog.example/l", "https://blog.example/l"),
        ('<guid> 7 </guid><atom:link href="/l"/>', "7", "https://blog.example/l"),
        ("<guid>7</guid><link>javascript:alert(1)</link>", "7", ""),
    ],
)
def test_an_rss_item_is_known_by_its_guid_then_by_its_link(item: str, remote_id: str, link: str) -> None:
    post = only(rss(f"<item><title>T</title>{item}</item>"))
    assert (post.remote_id, post.link) == (remote_id, link)


def test_an_item_without_guid_and_link_is_known_by_what_it_says() -> None:
    same = (
        "<item><title>T</title><pubDate>Fri, 02 Jan 2004 10:00:00 GMT</pubDate><description>D</description></item>"
    )
    first, again = only(rss(same)).remote_id, only(rss(same, head="<ttl>5</ttl>")).remote_id
    other = only(rss(same.replace("D</d", "E</d"))).remote_id
    assert first == again != other
    assert first.startswith("sha256:")


def test_an_atom_id_is_never_normalised() -> None:
    assert only(atom("<entry><id>HTTP://Blog.example:80/a/../b?#</id></entry>")).remote_id == (
        "HTTP://Blog.example:80/a/../b?#"
    )


def test_an_id_that_looks_relative_stays_the_same_when_the_feed_breaks() -> None:
    whole = atom("<entry><id>7</id><title>T</title></entry>")
    broken = atom("<entry><id>7</id><title>T</title><b></entry>")
    assert only(whole).remote_id == only(broken).remote_id == "7"


def test_a_number_as_json_id_becomes_its_text() -> None:
    assert [post.remote_id for post in read(json_feed({"id": 1}, {"id": "1a"})).posts] == ["1a", "1"]


def test_of_one_id_the_newest_version_counts() -> None:
    entries = "".join(
        f"<entry><id>1</id><title>{day}</title><updated>2004-01-0{day}T00:00:00Z</updated></entry>"
        for day in (1, 3, 2)
    )
    assert only(atom(entries)).title == "3"


def test_an_item_that_says_nothing_is_left_out() -> None:
    assert read(rss("<item/><item><title>T</title></item>")).posts[0].title == "T"


def test_a_tombstone_is_a_deletion() -> None:
    entries = (
        '<entry><id>1</id><updated>2004-01-01T00:00:00Z</updated></entry><at:deleted-entry ref="2" '
        'xmlns:at="http://purl.org/atompub/tombstones/1.0" when="2004-01-02T00:00:00Z"/>'
    )
    posts = {post.remote_id: post for post in read(atom(entries)).posts}
    assert not posts["1"].deleted
    assert posts["2"] == RemotePost(remote_id="2", deleted=True, edited_at=datetime(2004, 1, 2, tzinfo=UTC))


def test_a_tombstone_older_than_the_entry_deletes_nothing() -> None:
    entries = (
        '<entry><id>1</id><updated>2004-01-03T00:00:00Z</updated></entry><at:deleted-entry ref="1" '
        'xmlns:at="http://purl.org/atompub/tombstones/1.0" when="2004-01-02T00:00:00Z"/>'
    )
    assert not only(atom(entries)).deleted


def test_posts_come_oldest_first_and_undated_ones_beside_their_neighbours() -> None:
    items = "".join(
        f"<item><guid>{name}</guid>{date}</item>"
        for name, date in [
            ("old", "<pubDate>Thu, 01 Jan 2004 00:00:00 GMT</pubDate>"),
            ("new", "<pubDate>Mon, 05 Jan 2004 00:00:00 GMT</pubDate>"),
            ("undated", ""),
            ("middle", "<pubDate>Sat, 03 Jan 2004 00:00:00 GMT</pubDate>"),
        ]
    )
    assert [post.remote_id for post in read(rss(items)).posts] == ["old", "middle", "undated", "new"]


def test_without_dates_the_document_is_taken_for_newest_first() -> None:
    assert [
        post.remote_id for post in read(rss("<item><guid>2</guid></item><item><guid>1</guid></item>")).posts
    ] == [
        "1",
        "2",
    ]


# Dates


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Thu, 01 Jan 2004 19:48:21 GMT", (2004, 1, 1, 19, 48, 21)),
        ("Thu, 01 Jan 04 19:48:21 GMT", (2004, 1, 1, 19, 48, 21)),
        ("Thu, 01 Jan 2004 19:48 GMT", (2004, 1, 1, 19, 48)),
        ("Tue, 01 Jan 2004 19:48:21 UT", (2004, 1, 1, 19, 48, 21)),
        ("1 Jan 2004 19:48:21 EST", (2004, 1, 2, 0, 48, 21)),
        ("Thu, 01 Jul 2004 10:00:00 PDT", (2004, 7, 1, 17)),
        ("Thu, 01 Jan 2004 19:48:21 MSK", (2004, 1, 1, 16, 48, 21)),
        ("Thu, 01 Jan 2004 19:48:21 ET", (2004, 1, 2, 0, 48, 21)),
        ("Thu, 01 Jan 2004 19:48:21 +0300", (2004, 1, 1, 16, 48, 21)),
        ("01 Jan 2004", (2004, 1, 1)),
        ("Wednesday, 3 March 2010 10:00:00 +0100", (2010, 3, 3, 9)),
        ("Wed, 3 Mars 2010 10:00:00 +0100", (2010, 3, 3, 9)),
        ("Sun Jan  4 16:29:06 PST 2004", (2004, 1, 5, 0, 29, 6)),
        ("2003", (2003, 1, 1)),
        ("2003-12", (2003, 12, 1)),
        ("2003-12-31", (2003, 12, 31)),
        ("2003-12-31T10:14:55Z", (2003, 12, 31, 10, 14, 55)),
        ("2003-12-31T10:14:55+03:00", (2003, 12, 31, 7, 14, 55)),
        ("2003-12-31T10:14:55.25Z", (2003, 12, 31, 10, 14, 55, 250_000)),
        ("2003-12-31 10:14:55", (2003, 12, 31, 10, 14, 55)),
        ("20031231", (2003, 12, 31)),
        ("20031231T101455Z", (2003, 12, 31, 10, 14, 55)),
        ("2003-W01-2", (2002, 12, 31)),
        ("2003335", (2003, 12, 1)),
        ("2003-335", (2003, 12, 1)),
        ("Fri, 2004/03/05 10:11:12", (2004, 3, 5, 10, 11, 12)),
        ("2004/03/10 12:00:00 -0800", (2004, 3, 10, 20)),
        ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", (2004, 7, 11, 17)),
        ("2004-július-13T9:15-05:00", (2004, 7, 13, 14, 15)),
        ("2004년 05월 28일  오후 11:31:21", (2004, 5, 28, 14, 31, 21)),
        ("Пн, 02 янв 2006 15:04:05 +0300", (2006, 1, 2, 12, 4, 5)),
        ("Mon, 01 Jan 2126 00:00:00 GMT", (2126, 1, 1)),
    ],
)
def test_a_date_is_read_as_utc(text: str, moment: tuple[int, int, int]) -> None:
    assert read_date(text) == datetime(*moment, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "yesterday",
            "now",
            "10",
            "12:30",
            "--12-31",
            "Mon",
            "March",
            "-1",
            "9" * 5000,
            "2003-366",
            "2003-13-01",
        ),
        *("Mon, 32 Jan 2004 10:00:00 GMT", "Fri, 99 Foo 2004 10:00:00 GMT", "0001-01-01T00:00:00Z"),
    ],
)
def test_what_is_no_date_is_none_and_never_now(text: str) -> None:
    assert read_date(text) is None


def test_a_guid_that_is_a_number_is_no_date() -> None:
    assert only(rss("<item><guid>10</guid></item>")).sent_at is None


# Words


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p>\n<p>Two</p>", "One\n\nTwo"),
        ("One<br/>two<BR>three", "One\ntwo\nthree"),
        ("  many \n spaces\t here ", "many spaces here"),
        ("<ul><li>a</li><li>b</li></ul>after", "• a\n• b\nafter"),
        ("<pre>if x:\n    y()</pre>", "if x:\n    y()"),
        ("a<!-- hidden <b> -->b<script>var x = '<p>';</script>c<style>p{}</style>", "abc"),
        ("fish &amp; chips &lt;b&gt; &copy; &#8212; &#x41;", "fish & chips <b> © — A"),
        ("<p>&nbsp;</p><p>x</p>", "x"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ('<a title="a > b" href=x>link</a>', "link"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("broken <b <i>text</i", "broken text"),
        ("I <3 it", "I <3 it"),
        ("<h1>T</h1><blockquote>q</blockquote>z", "T\n\nq\n\nz"),
        ('hi <img class="wp-smiley" src="https://s.w.org/x.png" alt="🙂">', "hi 🙂"),
        ("<script>never closed", ""),
        ("<!-- never closed", ""),
        ("a\x00n\x00sb", "ansb"),
    ],
)
def test_html_becomes_the_text_that_a_reader_sees(html: str, text: str) -> None:
    assert read_html(html, URL).text == text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain words", False),
        ("vector<int> & friends", False),
        ("a < b > c", False),
        ("AT&T", False),
        ("<p>x</p>", True),
        ("x<br/>y", True),
        ("AT&amp;T", True),
        ("a &#8212; b", True),
    ],
)
def test_html_is_told_from_plain_text(text: str, html: bool) -> None:
    assert looks_like_html(text) is html


def test_a_plain_description_keeps_its_lines() -> None:
    item = "<item><guid>1</guid><description>One\n  two\n\n\n\nthree</description></item>"
    assert only(rss(item)).text == "One\ntwo\n\nthree"


def test_an_atom_text_of_type_text_is_not_read_as_html() -> None:
    entry = '<entry><id>1</id><title type="text">a &lt;b&gt; c</title><summary>&lt;p&gt; tag</summary></entry>'
    post = only(atom(entry))
    assert (post.title, post.text) == ("a <b> c", "<p> tag")


def test_an_atom_text_of_type_html_is_unescaped_once() -> None:
    assert only(atom('<entry><id>1</id><title type="html">&amp;amp;lt;</title></entry>')).title == "&lt;"


def test_a_title_is_one_line_without_markup() -> None:
    assert one_line(" A <i>fine</i>\n day &amp; more ") == "A fine day & more"


def test_markup_inside_a_description_counts_as_html() -> None:
    assert only(rss("<item><guid>1</guid><description>a<p>b</p>c</description></item>")).text == "a\n\nb\n\nc"


def test_an_empty_content_gives_way_to_the_summary() -> None:
    item = "<item><guid>1</guid><content:encoded> </content:encoded><description>D</description></item>"
    assert only(rss(item)).text == "D"


def test_base64_content_of_another_type_is_no_text() -> None:
    entry = '<entry><id>1</id><summary>S</summary><content type="image/png">iVBORw0KGgo=</content></entry>'
    assert only(atom(entry)).text == ""


# Addresses


@pytest.mark.parametrize(
    ("attributes", "link"),
    [
        ("", "https://blog.example/news/p"),
        ('xml:base="/deep/"', "https://blog.example/deep/p"),
        ('xml:base="https://other.example/"', "https://other.example/p"),
        ('xml:base="http://["', "https://blog.example/news/p"),
    ],
)
def test_xml_base_is_inherited(attributes: str, link: str) -> None:
    assert only(atom('<entry><id>1</id><link href="p"/></entry>', attributes)).link == link


def test_xml_base_of_the_content_resolves_its_images() -> None:
    content = '<content type="html" xml:base="x/">&lt;img src="a.png"&gt;</content>'
    assert only(atom(f"<entry><id>1</id>{content}</entry>")).media == (
        Media(url="https://blog.example/news/x/a.png"),
    )


def test_the_alternate_link_for_readers_wins_over_others() -> None:
    links = (
        '<link rel="self" href="/self"/><link rel="alternate" type="application/json" href="/json"/>'
        '<link rel="alternate" type="text/html" href="/html"/><link rel="via" href="/via"/>'
    )
    assert only(atom(f"<entry><id>1</id>{links}</entry>")).link == "https://blog.example/html"


def test_content_elsewhere_is_the_link_when_there_is_no_other() -> None:
    entry = '<entry><id>1</id><content src="/paper" type="text/html"/></entry>'
    assert only(atom(entry)).link == "https://blog.example/paper"


def test_an_item_without_any_link_has_none() -> None:
    assert only(atom("<entry><id>1</id></entry>")).link == ""


@pytest.mark.parametrize("rel", ["prev-archive", "next"])
def test_older_pages_are_found(rel: str) -> None:
    assert read(atom(f'<link rel="{rel}" href="?page=2"/>')).older == f"{URL}?page=2"
    assert read(rss(f'<atom:link rel="{rel}" href="?page=2"/>')).older == f"{URL}?page=2"


# Images


@pytest.mark.parametrize(
    "item",
    [
        '<media:content url="/a.png" medium="image"><media:description>Alt</media:description></media:content>',
        '<media:content url="/a.png"><media:title>Alt</media:title></media:content>',
        '<media:description>Alt</media:description><media:content url="/a.png" type=""/>',
        '<media:group><media:content url="/v.mp4" type="video/mp4"/><media:content url="/a.png"/>'
        "<media:title>Alt</media:title></media:group>",
        "<description>&lt;img src='/a.png' alt='Alt'&gt;</description>",
        "<enclosure url='/a.png'/><description>&lt;img src='/a.png' alt='Alt'&gt;</description>",
        "<description>&lt;img src='/pixel.gif' width=1 height=1&gt;&lt;img src='data:,'&gt;"
        "&lt;img src=/a.png alt=Alt&gt;</description>",
    ],
)
def test_an_image_is_found_once_with_its_alt_text(item: str) -> None:
    (image,) = only(rss(f"<item><guid>1</guid>{item}</item>")).media
    assert (image.url, image.alt) == ("https://blog.example/a.png", "Alt")


def test_a_thumbnail_counts_only_without_another_image() -> None:
    thumbnail = '<media:thumbnail url="/small.png"/>'
    assert only(rss(f"<item><guid>1</guid>{thumbnail}</item>")).media == (
        Media(url="https://blog.example/small.png"),
    )
    both = only(rss(f'<item><guid>1</guid>{thumbnail}<enclosure url="/a.png" type="image/png"/></item>')).media
    assert [image.url for image in both] == ["https://blog.example/a.png"]


def test_of_the_images_in_the_text_the_first_one_counts() -> None:
    item = "<item><guid>1</guid><description>&lt;img src=/1.png&gt;&lt;img src=/2.png&gt;</description></item>"
    assert [image.url for image in only(rss(item)).media] == ["https://blog.example/1.png"]


# Encodings

WORD = "Привет, café"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (rss(f"<item><title>{WORD}</title></item>").encode(), "application/xml"),
        (rss(f"<item><title>{WORD}</title></item>").encode("utf-8-sig"), "text/xml"),
        (rss(f"<item><title>{WORD}</title></item>").encode("utf-16"), "application/xml"),
        (rss(f"<item><title>{WORD}</title></item>").encode("utf-16-le"), "application/xml"),
        (rss(f"<item><title>{WORD}</title></item>").encode("utf-16-be"), "application/xml"),
        (rss(f"<item><title>{WORD}</title></item>").encode("utf-32"), "application/xml"),
        (rss(f"<item><title>{WORD}</title></item>").encode("utf-32-be"), "application/xml"),
        (b'<?xml version="1.0" encoding="utf-16"?>' + rss(f"<item><title>{WORD}</title></item>").encode(), ""),
        (b'<?xml version="1.0" encoding="no-such"?>' + rss(f"<item><title>{WORD}</title></item>").encode(), ""),
        (b'<?xml version="1.0" encoding="utf-7"?>' + rss(f"<item><title>{WORD}</title></item>").encode(), ""),
        (b"\n \t" + rss(f"<item><title>{WORD}</title></item>").encode(), ""),
        (json_feed({"id": "1", "title": WORD}).encode("utf-8-sig"), "application/json"),
    ],
)
def test_the_encoding_is_found(body: bytes, content_type: str) -> None:
    assert only(body, content_type).title == WORD


def test_the_http_charset_wins_over_the_declaration() -> None:
    body = ('<?xml version="1.0" encoding="koi8-r"?>' + rss("<item><title>Привет</title></item>")).encode("cp1251")
    assert only(body, "application/xml; charset=windows-1251").title == "Привет"


def test_the_declaration_counts_without_an_http_charset() -> None:
    body = ('<?xml version="1.0" encoding="koi8-r"?>' + rss("<item><title>Привет</title></item>")).encode("koi8-r")
    assert only(body, "text/xml").title == "Привет"


def test_latin_1_means_windows_1252() -> None:
    body = '<?xml version="1.0" encoding="ISO-8859-1"?>' + rss("<item><title>“quoted” – €</title></item>")
    assert only(body.encode("cp1252")).title == "“quoted” – €"


def test_bytes_that_are_not_what_they_declare_are_read_as_windows_1252() -> None:
    body = '<?xml version="1.0" encoding="utf-8"?>' + rss("<item><title>café</title></item>")
    assert only(body.encode("cp1252"), "application/xml; charset=utf-8").title == "café"


def test_no_bytes_at_all_make_decoding_fail() -> None:
    for first in range(256):
        assert isinstance(decode(bytes([first, 0x81, 0xFF, 0xFE, 0]), "text/xml; charset=ascii"), str)


# What is not well formed


@pytest.mark.parametrize(
    ("title", "read_as"),
    [
        ("a &nbsp;b", "a b"),
        ("caf&eacute;", "café"),
        ("AT&T", "AT&T"),
        ("a &nosuch; b", "a &nosuch; b"),
        ("a \x0b\x1fb", "a b"),
        ("<![CDATA[x & y &nbsp;]]>", "x & y"),
        ("&lt; &amp;amp; &#233;", "< & é"),
    ],
)
def test_common_defects_are_mended(title: str, read_as: str) -> None:
    post = only(rss(f"<item><guid>1</guid><title>{title}</title><description>&bull; d</description></item>"))
    assert (post.remote_id, post.title, post.text) == ("1", read_as, "• d")


@pytest.mark.parametrize(
    "document",
    [
        rss("<item><guid>1</guid><title>T</title><description>a <b>c</description></item>"),
        rss("<item><guid>1</guid><title>T</title></item>")[:-16],
        rss("<item><guid>1</guid><title>T</title></item>") + "<trailing",
        "<br />\n<b>Warning</b>: main() failed in x.php\n" + rss("<item><guid>1</guid><title>T</title></item>"),
    ],
)
def test_an_ill_formed_feed_yields_what_can_be_read(document: str) -> None:
    assert [(post.remote_id, post.title) for post in read(document).posts] == [("1", "T")]


def test_a_feed_too_broken_to_read_is_not_taken_for_an_empty_one() -> None:
    broken = rss("<item><guid>1</guid><title>T</title></item>").replace("</title>", "</titel>", 1)
    with pytest.raises(RejectedError, match="so ill-formed that none of its items can be read"):
        read(broken)


def test_one_bad_json_item_does_not_cost_the_others() -> None:
    assert [post.remote_id for post in read(json_feed({"id": ["no"]}, {"id": "1"})).posts] == ["1"]


def test_json_text_that_no_database_holds_is_cleaned() -> None:
    assert only(json_feed({"id": "a\0b", "title": "x\0y", "content_text": "\0z"})) == RemotePost(
        remote_id="ab", title="xy", text="z"
    )


# What is refused

LAUGHS = (
    '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss version="2.0"><channel><title>&b;</title></channel>'
)


@pytest.mark.parametrize(
    "document",
    [
        LAUGHS,
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rss("<item><title>&x;</title></item>"),
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;]>' + rss(""),
        "junk " + LAUGHS,
        "<rss><broken" + LAUGHS.lower(),
    ],
)
def test_entities_are_refused_before_they_are_unfolded(document: str) -> None:
    with pytest.raises(RejectedError, match="declares XML entities"):
        read(document)


def test_a_doctype_outside_is_never_fetched_and_its_entities_mean_nothing() -> None:
    document = '<!DOCTYPE rss SYSTEM "file:///etc/passwd">' + rss("<item><title>x &root; y</title></item>")
    assert only(document).title == "x &root; y"


def test_a_path_as_body_opens_no_file(tmp_path: Path) -> None:
    """feedparser opens what looks like a file's name, if it is given bytes."""
    file = tmp_path / "<a>"
    file.write_text(rss("<item><title>secret</title></item>"))
    with pytest.raises(RejectedError, match="is no feed"):
        read(str(file))


def test_a_feed_nested_without_end_is_refused() -> None:
    deep = "<b>" * 20_000 + "x" + "</b>" * 20_000
    with pytest.raises(RejectedError, match="nested too deeply"):
        read(rss(f"<item><description>{deep}</description></item>"))


@pytest.mark.parametrize(
    ("page", "hint"),
    [
        (
            '<!DOCTYPE html><html><link rel="alternate" type="application/rss+xml" href="/rss"></html>',
            "the page names a feed; set url to https://blog.example/rss",
        ),
        (
            "<!-- x --><HTML><LINK HREF=a.json TYPE='application/feed+json' REL='home alternate'>"
            "<link rel=alternate type=application/atom+xml href=/atom><link rel=stylesheet href=/css>",
            "the page names a feed; set url to https://blog.example/news/a.json or https://blog.example/atom",
        ),
        ('<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>', "set url to a feed"),
    ],
)
def test_a_page_is_refused_with_the_feeds_that_it_names(page: str, hint: str) -> None:
    with pytest.raises(RejectedError, match="is no feed: it is a page") as refused:
        read(page, "text/html")
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{}",
        '{"items": 3}',
        '{"items": [{"id": []}]}',
        "[]",
        "words",
        "<urlset/>",
        '<opml version="2.0"/>',
        "{broken",
    ],
)
def test_what_is_no_feed_is_refused(document: str) -> None:
    with pytest.raises(RejectedError, match="is no feed"):
        read(document)


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!--", '<a b="', "<script>", "&", "<a = ", " ", "<img ", "<pre>", "&amp"]
)
def test_hostile_html_takes_linear_time(piece: str) -> None:
    """A quadratic pattern would need minutes here, not the time-out of a second or two."""
    read_html(piece * 100_000, URL)
    looks_like_html(piece * 100_000)
