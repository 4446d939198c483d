"""Tells, in pairs written by hand, what the plugin makes of X's JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from hub import Author, Media, Mention, RemotePost
from plugins.twitter import shapes, wire
from plugins.twitter.reading import Bookmark

ANN = {"id": "7", "name": "Ann Lee", "username": "ann", "description": "Baker. Write: ann.lee@bread.example.org!"}

NEW_SPELLING = {
    "data": [
        {
            "id": "2090000000000000001",
            "text": "@company Fish &amp; chips &lt;3 https://t.co/0123456789",
            "author_id": "7",
            "conversation_id": "2080000000000000001",
            "created_at": "2026-08-12T18:00:00.000Z",
            "display_text_range": [9, 50],
            "entities": {
                "urls": [{"url": "https://t.co/0123456789", "expanded_url": "https://a.org/?b=1&copy=2"}]
            },
            "referenced_posts": [
                {"type": "quoted", "id": "5"},
                {"type": "replied_to", "id": "2080000000000000001"},
            ],
            "edit_history_post_ids": ["2090000000000000001"],
        }
    ],
    "includes": {"users": [ANN]},
    "meta": {"result_count": 1},
}
RENAMED = {
    "referenced_posts": "referenced_tweets",
    "edit_history_post_ids": "edit_history_tweet_ids",
    "note_post": "note_tweet",
    "posts": "tweets",
}


def old_spelling(value: Any) -> Any:
    """Return the same JSON as X gave it before 2026-08."""
    if isinstance(value, dict):
        return {RENAMED.get(name, name): old_spelling(each) for name, each in value.items()}
    return [old_spelling(each) for each in value] if isinstance(value, list) else value


def page(value: Any) -> shapes.Page:
    return msgspec.convert(value, shapes.Page)


def text_of(**post: Any) -> str:
    return wire.plain_text(msgspec.convert({"id": "1", **post}, shapes.XPost))


def test_an_answer_becomes_a_mention_in_plain_words() -> None:
    assert wire.mentions(page(NEW_SPELLING)) == [
        Mention(
            remote_id="2090000000000000001",
            kind="reply",
            thread_id="2080000000000000001",
            parent_id=None,
            author=Author(
                remote_id="7",
                name="Ann Lee",
                handle="ann",
                url="https://x.com/ann",
                emails=["ann.lee@bread.example.org"],
            ),
            text="Fish & chips <3 https://a.org/?b=1&copy=2",
            url="https://x.com/ann/status/2090000000000000001",
            sent_at=datetime(2026, 8, 12, 18, tzinfo=UTC),
            links=("https://a.org/?b=1&copy=2",),
        )
    ]


def test_the_old_spelling_says_the_same() -> None:
    assert wire.mentions(page(old_spelling(NEW_SPELLING))) == wire.mentions(page(NEW_SPELLING))


def test_a_post_of_three_words_is_a_mention_at_the_root_of_its_own_thread() -> None:
    assert wire.mentions(page({"data": [{"id": "12", "text": "hey @company"}]})) == [
        Mention(
            remote_id="12",
            kind="mention",
            thread_id="12",
            author=None,
            text="hey @company",
            url="https://x.com/i/web/status/12",
        )
    ]


def test_an_author_that_x_withholds_is_known_by_id() -> None:
    (mention,) = wire.mentions(page({"data": [{"id": "12", "text": "a", "author_id": "8"}]}))
    assert mention.author == Author(remote_id="8")


def test_an_answer_to_an_answer_has_it_as_parent() -> None:
    post = {"id": "13", "conversation_id": "10", "referenced_posts": [{"type": "replied_to", "id": "12"}]}
    (mention,) = wire.mentions(page({"data": [post]}))
    assert (mention.thread_id, mention.parent_id) == ("10", "12")


def test_an_edited_remark_keeps_the_id_of_its_first_version() -> None:
    # 1346889436626259968 was made on 2021-01-06 at 18:40:40.344
    post = {
        "id": "2090000000000000001",
        "created_at": "2026-08-12T18:00:00.000Z",
        "edit_history_post_ids": ["1346889436626259968", "2090000000000000001"],
    }
    (mention,) = wire.mentions(page({"data": [post]}))
    assert mention.remote_id == "1346889436626259968"
    assert mention.sent_at == datetime(2021, 1, 6, 18, 40, 40, 344000, UTC)
    assert mention.edited_at == datetime(2026, 8, 12, 18, tzinfo=UTC)
    assert mention.url.endswith("/2090000000000000001")


def test_a_parent_that_was_edited_is_named_by_its_first_version() -> None:
    parent = {"id": "12", "edit_history_post_ids": ["11", "12"]}
    post = {"id": "13", "conversation_id": "10", "referenced_posts": [{"type": "replied_to", "id": "12"}]}
    (mention,) = wire.mentions(page({"data": [post], "includes": {"posts": [parent]}}))
    assert mention.parent_id == "11"


def test_our_own_post_becomes_a_remote_post_with_its_link_and_images() -> None:
    link = {"url": "https://t.co/0123456789", "expanded_url": "https://example.org/news"}
    image = {
        "url": "https://t.co/9876543210",
        "expanded_url": "https://x.com/company/status/12/photo/1",
        "media_key": "3_5",
    }
    post = {
        "id": "12",
        "text": "News https://t.co/0123456789 https://t.co/9876543210",
        "created_at": "2026-08-12T18:00:00.000Z",
        "entities": {"urls": [image, link]},
        "attachments": {"media_keys": ["3_5"]},
    }
    media = {"media_key": "3_5", "type": "photo", "url": "https://pbs.twimg.com/a.jpg", "alt_text": "A cat"}
    assert wire.posts(page({"data": [post], "includes": {"media": [media]}}), "company") == [
        RemotePost(
            remote_id="12",
            text="News https://example.org/news",
            link="https://example.org/news",
            url="https://x.com/company/status/12",
            media=[Media(url="https://pbs.twimg.com/a.jpg", alt="A cat")],
            sent_at=datetime(2026, 8, 12, 18, tzinfo=UTC),
        )
    ]


@pytest.mark.parametrize("name", ["note_post", "note_tweet"])
def test_a_long_post_is_read_whole(name: str) -> None:
    note = {
        "text": "long https://t.co/1",
        "entities": {"urls": [{"url": "https://t.co/1", "expanded_url": "https://a.org"}]},
    }
    assert text_of(text="lon…", **{name: note}) == "long https://a.org"


def test_escapes_are_undone_once_and_no_others_are_seen() -> None:
    assert text_of(text="&amp;amp; &copy &lt;b&gt;") == "&amp; &copy <b>"


def test_what_no_database_can_hold_is_dropped() -> None:
    assert text_of(text="a\0b") == "ab"


def test_words_in_front_that_are_no_handles_stay() -> None:
    assert text_of(text="Dear @company hello", display_text_range=[5, 19]) == "Dear @company hello"


def test_null_entities_are_none() -> None:
    assert text_of(text="a", entities={"urls": None}) == "a"


def test_an_empty_page_has_no_data_at_all() -> None:
    assert wire.mentions(page({"meta": {"result_count": 0}})) == []


@pytest.mark.parametrize(
    "post", [{"id": ""}, {"id": "12x"}, {"id": 12}, {"id": "12", "created_at": "yesterday"}, {}]
)
def test_a_post_that_is_none_is_refused(post: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        page({"data": [post]})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"title": "Forbidden", "detail": "No.", "type": "about:blank", "status": 403}, "No."),
        (
            {"errors": [{"message": "[a] is not one of [b]"}], "detail": "Invalid."},
            "Invalid.; [a] is not one of [b]",
        ),
        ({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, "Rate limit exceeded"),
        ({"code": 5, "message": "Over"}, "Over"),
        ({"error": "invalid_grant", "error_description": "Bad token"}, "Bad token"),
        ({}, ""),
    ],
)
def test_the_reason_is_found_in_every_shape_of_error(body: Any, why: str) -> None:
    assert msgspec.convert(body, shapes.Problem).why == why


def test_a_bookmark_comes_back_as_it_went() -> None:
    mark = Bookmark(since="1", newest="9", until="5", root="3")
    assert Bookmark.read(str(mark)) == mark


def test_a_bookmark_asks_for_two_minutes_again() -> None:
    newest = 2090000000000000001
    assert Bookmark(since=str(newest)).after == str(newest - (120_000 << 22))
    assert Bookmark(since="1000").after is None


@pytest.mark.parametrize(
    ("url", "remote_id"),
    [
        ("https://x.com/company/status/20", "20"),
        ("https://twitter.com/i/web/status/20?s=1", "20"),
        ("https://mobile.twitter.com/company/status/20", "20"),
        ("https://x.com/company", None),
        ("https://elsewhere.example/company/status/20", None),
    ],
)
def test_a_permalink_gives_the_posts_id(url: str, remote_id: str | None) -> None:
    assert wire.id_in(url) == remote_id
