"""Golden pairs: what WordPress says, and what the hub is to make of it; and the other way round."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from hub import (
    Answer,
    AuthError,
    Author,
    DuplicateError,
    GoneError,
    HubError,
    Media,
    Mention,
    RejectedError,
    RemotePost,
    TransientError,
    UnknownOutcome,
)
from plugins.wordpress import markup, wire

SITE = "example.org/blog"
# As WordPress 6.1.9 answered, less what is not read.
COMMENT: dict[str, Any] = {
    "id": 2,
    "post": 5,
    "parent": 0,
    "author": 2,
    "author_name": "Alice &amp; Co",
    "author_url": "https://alice.example/",
    "date": "2026-11-22T09:56:21",
    "date_gmt": "2026-11-22T06:56:21",
    "content": {
        "rendered": "<p>A &amp; b <b>bold</b> 5 &lt; 6 &#8220;q&#8221;<br />\nline2</p>\n<p>para</p>\n",
    },
    "link": "https://example.org/blog/2026/11/my-slug-1/#comment-2",
    "status": "approved",
    "type": "comment",
    "author_avatar_urls": {"24": "http://2.gravatar.com/avatar/2960a687c8031d3d105b67802b5e130e?s=24&d=mm&r=g"},
}
POST: dict[str, Any] = {
    "id": 5,
    "date": "2026-11-22T09:56:20",
    "date_gmt": "2026-11-22T06:56:20",
    "modified": "2026-11-22T09:56:20",
    "modified_gmt": "2026-11-22T06:56:20",
    "slug": "my-slug-1",
    "status": "publish",
    "type": "post",
    "link": "https://example.org/blog/2026/11/my-slug-1/",
    "title": {"rendered": "It&#8217;s &#8220;a&#8221; title &#8212; ok&#8230;"},
    "content": {
        "rendered": "\n<p>Fish &amp; chips: 5 &lt; 6, and that&#8217;s &#8220;that&#8221; &#8212; see "
        '<a href="https://example.org/a--b?x=1&amp;y=2">https://example.org/a&#8211;b?x=1&amp;y=2</a>  &amp;amp; '
        '&#8230;</p>\n\n<figure class="wp-block-image"><img src="https://example.org/u/two.png" '
        'alt="Two &lt;2&gt;" class="wp-image-9"/></figure>\n',
        "protected": False,
    },
    "excerpt": {"rendered": "<p>Fish &amp; chips&#8230;</p>\n", "protected": False},
    "author": 1,
    "featured_media": 4,
    "_embedded": {
        "wp:featuredmedia": [{"id": 4, "alt_text": 'A "red" & more', "source_url": "https://example.org/u/x.png"}]
    },
}


def comment(**changed: Any) -> Mention:
    item = msgspec.json.decode(json.dumps({**COMMENT, **changed}), type=wire.Comment)
    return wire.mention(item, SITE)


def article(**changed: Any) -> wire.Article:
    return msgspec.json.decode(json.dumps({**POST, **changed}), type=wire.Article)


def test_a_comment_becomes_a_mention() -> None:
    assert comment() == Mention(
        remote_id="example.org/blog#comment-2",
        thread_id="5",
        author=Author(remote_id="example.org/blog#user-2", name="Alice & Co", url="https://alice.example/"),
        text='A & b bold 5 < 6 "q"\nline2\n\npara',
        url="https://example.org/blog/2026/11/my-slug-1/#comment-2",
        sent_at=datetime(2026, 11, 22, 6, 56, 21, tzinfo=UTC),
    )


def test_an_answer_names_the_comment_that_it_answers() -> None:
    answer = comment(id=3, parent=2)
    assert (answer.kind, answer.parent_id, answer.thread_id) == ("reply", "example.org/blog#comment-2", "5")


def test_a_guest_is_known_by_their_avatar_and_by_nothing_else() -> None:
    guest = comment(author=0).author
    assert guest is not None
    assert guest.remote_id == "example.org/blog#guest-2960a687c8031d3d105b67802b5e130e"
    # Without avatars a name is all there is, and anybody may write anybody's.
    nobody = [comment(author=0, id=number, author_avatar_urls={}).author for number in (2, 3)]
    assert [one.remote_id for one in nobody if one] == [f"example.org/blog#guest-of-{number}" for number in (2, 3)]


def test_an_e_mail_that_a_guest_wrote_is_no_evidence() -> None:
    guest = comment(author=0, author_email="boss@example.org").author
    assert guest is not None
    assert guest.emails == ()


def test_a_post_becomes_an_item_of_the_timeline() -> None:
    assert wire.remote_post(article()) == RemotePost(
        remote_id="5",
        title='It\'s "a" title — ok...',
        text='Fish & chips: 5 < 6, and that\'s "that" — see https://example.org/a--b?x=1&y=2 &amp; ...',
        link="https://example.org/blog/2026/11/my-slug-1/",
        url="https://example.org/blog/2026/11/my-slug-1/",
        media=[
            Media(url="https://example.org/u/x.png", alt='A "red" & more'),
            Media(url="https://example.org/u/two.png", alt="Two <2>"),
        ],
        sent_at=datetime(2026, 11, 22, 6, 56, 20, tzinfo=UTC),
    )


def test_an_edited_post_bears_the_time_of_its_edit() -> None:
    edited = wire.remote_post(article(modified_gmt="2026-11-22T07:00:00"))
    assert edited.edited_at == datetime(2026, 11, 22, 7, tzinfo=UTC)


def test_the_excerpt_is_read_where_it_is_wanted() -> None:
    assert wire.remote_post(article(), excerpt=True).text == "Fish & chips..."


@pytest.mark.parametrize("status", ["future", "draft", "pending", "private", "trash"])
def test_what_is_not_public_is_withdrawn(status: str) -> None:
    assert wire.remote_post(article(status=status)) == RemotePost(remote_id="5", deleted=True)


def test_a_post_behind_a_password_is_not_shown_elsewhere() -> None:
    assert wire.remote_post(article(content={"rendered": "", "protected": True})).deleted


def test_an_image_that_may_not_be_read_is_left_out() -> None:
    refused = {"wp:featuredmedia": [{"code": "rest_forbidden", "message": "No.", "data": {"status": 401}}]}
    assert [media.alt for media in wire.remote_post(article(_embedded=refused)).media] == ["Two <2>"]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p>\n<p>two<br />\nthree</p>", "one\n\ntwo\nthree"),
        ("<ul><li>a</li>\n<li>b</li></ul><p>c</p>", "• a\n• b\n\nc"),
        ("<h2>Head</h2><blockquote><p>said</p></blockquote>", "Head\n\nsaid"),
        ("<pre>a\n  b</pre>", "a\nb"),
        ('<p>see <a href="https://e.org/x">here</a></p>', "see here"),
        ('<p>hi <img class="emoji" alt="🎉" src="https://s.w.org/1.svg"/></p>', "hi 🎉"),
        ("<script>alert('<p>no</p>')</script><style>p{}</style><p>yes</p>", "yes"),
        ("<!-- wp:paragraph --><p>1 &lt; 2</p><!-- /wp:paragraph -->", "1 < 2"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ('<p title="a > b">kept</p>', "kept"),
        ("<p>«цена» &#171;x&#187; &#8212; &#215;</p>", '«цена» "x" — ×'),
        ("<p>NUL \0 and half \ud83d</p>", "NUL and half �"),
        ("", ""),
    ],
)
def test_html_becomes_what_a_reader_sees(html: str, text: str) -> None:
    assert markup.plain(html) == text


def test_the_same_image_in_two_sizes_is_one() -> None:
    html = '<img src="https://e.org/u/a-300x200.jpg" alt="small"><img src="https://e.org/u/b.jpg" alt="">'
    found = markup.with_featured(Media(url="https://e.org/u/a.jpg", alt="A"), html)
    assert [(media.url, media.alt) for media in found] == [
        ("https://e.org/u/a.jpg", "A"),
        ("https://e.org/u/b.jpg", ""),
    ]


@pytest.mark.parametrize(
    "html", ["<a " * 30_000, '<a "' * 30_000, "<p>" * 30_000, "<!--" * 30_000, "<script>" * 9_000]
)
def test_hostile_html_takes_no_time(html: str) -> None:
    started = datetime.now(UTC)
    markup.plain(html)
    assert (datetime.now(UTC) - started).total_seconds() < 2


def test_a_text_becomes_blocks() -> None:
    text = "Fish & <chips>, https://e.org/?a=1&b=2.\nline two\n\nAnother"
    picture = Media(url="https://e.org/u/a.png", alt='A "barn" <x>')
    assert markup.blocks(text, "https://e.org/more", [(9, picture)]) == (
        "<!-- wp:paragraph -->\n"
        '<p>Fish &amp; &lt;chips&gt;, <a href="https://e.org/?a=1&amp;b=2">https://e.org/?a=1&amp;b=2</a>.'
        "<br>line two</p>"
        "\n<!-- /wp:paragraph -->\n\n"
        "<!-- wp:paragraph -->\n<p>Another</p>\n<!-- /wp:paragraph -->\n\n"
        '<!-- wp:paragraph -->\n<p><a href="https://e.org/more">https://e.org/more</a></p>\n'
        "<!-- /wp:paragraph -->\n\n"
        '<!-- wp:image {"id":9} -->\n<figure class="wp-block-image"><img src="https://e.org/u/a.png" '
        'alt="A &quot;barn&quot; &lt;x&gt;" class="wp-image-9"/></figure>\n<!-- /wp:image -->'
    )


def test_a_link_that_is_in_the_text_is_not_added() -> None:
    assert markup.blocks("see https://e.org/a", "https://e.org/a", []).count("href") == 1


@pytest.mark.parametrize(
    "text", ["one\ntwo\n\nthree", "5 < 6 & «да» isn't &amp; 🎉", "https://e.org/a--b?x=1&y=2", "[x] --"]
)
def test_a_text_that_is_written_is_read_as_it_was(text: str) -> None:
    assert markup.plain(markup.blocks(text, "", [])) == text


@pytest.mark.parametrize(
    ("title", "beginning"),
    [
        ("Hello, World!", "hello-world-h"),
        ("Новости: щи да каша", "novosti-schi-da-kasha-h"),
        ("Crème brûlée", "creme-brulee-h"),
        ("新闻", "post-h"),
        ("", "post-h"),
        ("long " * 60, "long-" * 11 + "long-h"),
    ],
)
def test_a_slug_is_for_people_and_for_us(title: str, beginning: str) -> None:
    slug = markup.slug("7@blog", title)
    assert slug.startswith(beginning)
    assert slug.endswith(markup.mark("7@blog"))
    assert slug.isascii()
    assert len(slug) <= 200
    assert markup.mark("7@blog") != markup.mark("7@blog.1")


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("https://example.org/blog/?p=12", "12"),
        ("http://example.org/blog?p=12", "12"),
        ("https://example.org/?p=12", None),
        ("https://example.org/blog/2026/11/a/", None),
        ("https://example.org/blog/?p=x", None),
    ],
)
def test_a_plain_permalink_names_its_post(url: str, number: str | None) -> None:
    assert wire.id_in(url, SITE) == number


def test_what_is_no_id_is_refused() -> None:
    assert wire.path_of("12") == "/posts/12"
    assert wire.path_of("example.org#comment-7") == "/comments/7"
    for wrong in ("", "x", "12/../13", "example.org#comment-"):
        with pytest.raises(RejectedError):
            wire.path_of(wrong)


def answered(status: int, body: bytes, *, repeatable: bool = False) -> HubError | None:
    answer = Answer(status=status, headers={}, body=body, method="POST", url="u", repeatable=repeatable)
    return wire.explain(answer, lambda text: text)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "comment_flood", TransientError),
        (409, "comment_duplicate", DuplicateError),
        (401, "rest_not_logged_in", AuthError),
        (403, "rest_cannot_create", AuthError),
        (404, "rest_no_route", AuthError),
        (403, "rest_cannot_read_post", GoneError),
        (501, "rest_trash_not_supported", RejectedError),
        (404, "rest_post_invalid_id", None),
        (400, "rest_invalid_param", None),
    ],
)
def test_a_refusal_is_judged_by_its_code(status: int, code: str, kind: type[HubError] | None) -> None:
    body = json.dumps(
        {"code": code, "message": "You&#8217;ve <b>said</b> it", "data": {"status": status}}
    ).encode()
    error = answered(status, body)
    assert type(error) is (kind or type(None))
    if error is not None:
        assert str(error) == f"WordPress says: You've said it ({code})"
    if isinstance(error, TransientError):
        assert error.retry_after == 15


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_page_where_an_answer_should_be_tells_nothing_of_the_item(status: int) -> None:
    assert type(answered(status, b"<html>")) is UnknownOutcome
    assert type(answered(status, b"<html>", repeatable=True)) is TransientError
    assert answered(401, b"<html>") is None
    assert answered(302, b"<html>") is None
