"""Golden pairs: what the Graph API sends, written by hand, and what the plugin's conversions make of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from hub import Answer, Author, Media, Mention, RateLimit, Receipt, RemotePost
from plugins.facebook import faults, wire


def posts(body: str) -> list[wire.FeedPost]:
    return msgspec.json.decode(body.encode(), type=wire.Listing[wire.FeedPost]).data


def comments(body: str) -> list[wire.Comment]:
    return msgspec.json.decode(body.encode(), type=wire.Listing[wire.Comment]).data


def answer(body: bytes, status: int = 400) -> Answer:
    return Answer(status=status, headers={}, body=body, method="GET", url="https://x", repeatable=True)


def test_a_shared_link_becomes_the_link_without_the_networks_redirect() -> None:
    body = """{"data": [{"id": "7_8", "message": "look \\u00fc", "created_time": "2021-08-10T18:45:03+0000",
        "updated_time": "2021-08-11T00:00:00+0000", "permalink_url": "https://www.facebook.com/7/posts/8/",
        "attachments": {"data": [{"type": "share", "url": "https://l.facebook.com/l.php?u=x",
            "unshimmed_url": "https://example.org/x",
            "media": {"image": {"height": 1, "width": 1, "src": "https://external.example/preview"}}}]}}]}"""
    assert wire.remote_posts(posts(body)) == [
        RemotePost(
            remote_id="7_8",
            text="look ü",
            link="https://example.org/x",
            url="https://www.facebook.com/7/posts/8/",
            media=[],
            sent_at=datetime(2021, 8, 10, 18, 45, 3, tzinfo=UTC),
        )
    ]


def test_an_album_becomes_its_images() -> None:
    body = """{"data": [{"id": "7_8", "attachments": {"data": [{"type": "album", "url": "https://f/7/posts/8",
        "subattachments": {"data": [
            {"type": "photo", "media": {"image": {"src": "https://scontent.example/1"}}},
            {"type": "photo", "media": {"image": {"src": "https://scontent.example/2"}}}]}}]}}]}"""
    assert wire.remote_posts(posts(body)) == [
        RemotePost(
            remote_id="7_8",
            media=[Media(url="https://scontent.example/1"), Media(url="https://scontent.example/2")],
        )
    ]


def test_a_story_without_a_message_is_a_post_without_a_text() -> None:
    body = '{"data": [{"id": "7_8", "story": "Our company updated their cover photo."}]}'
    assert wire.remote_posts(posts(body)) == [RemotePost(remote_id="7_8", media=[])]


def test_a_visitors_post_becomes_a_mention_that_is_its_own_thread() -> None:
    body = """{"data": [{"id": "7_9", "message": "Open?", "created_time": "2021-08-10T21:45:03+0300",
        "permalink_url": "https://www.facebook.com/7/posts/9/", "from": {"name": "Ann", "id": "3"}}]}"""
    assert wire.mentions_of(posts(body), page="7") == [
        Mention(
            remote_id="7_9",
            kind="mention",
            thread_id="7_9",
            author=Author(remote_id="3", name="Ann"),
            text="Open?",
            url="https://www.facebook.com/7/posts/9/",
            sent_at=datetime(2021, 8, 10, 18, 45, 3, tzinfo=UTC),
        )
    ]


def test_a_comment_and_its_answer_become_two_mentions() -> None:
    body = """{"data": [
        {"id": "8_1", "message": "How\\u0000 much?", "created_time": "2021-07-23T08:35:18+0000",
         "from": {"name": "Kun", "id": "3"}, "permalink_url": "https://f/7/posts/8/?comment_id=1"},
        {"id": "8_2", "message": "", "created_time": "2021-07-23T08:36:00+0000", "parent": {"id": "8_1"},
         "permalink_url": "https://f/7/posts/8/?comment_id=1&reply_comment_id=2"}]}"""
    assert wire.comments_of(comments(body), "7_8") == [
        Mention(
            remote_id="8_1",
            kind="comment",
            thread_id="7_8",
            author=Author(remote_id="3", name="Kun"),
            text="How much?",
            url="https://f/7/posts/8/?comment_id=1",
            sent_at=datetime(2021, 7, 23, 8, 35, 18, tzinfo=UTC),
        ),
        Mention(
            remote_id="8_2",
            kind="reply",
            thread_id="7_8",
            parent_id="8_1",
            url="https://f/7/posts/8/?comment_id=1&reply_comment_id=2",
            sent_at=datetime(2021, 7, 23, 8, 36, tzinfo=UTC),
        ),
    ]


def test_without_ids_permalinks_name_the_comment_and_its_parent() -> None:
    url = "https://f/7/posts/8/?comment_id=1"
    body = f'{{"data": [{{"permalink_url": "{url}"}}, {{"permalink_url": "{url}&reply_comment_id=2"}}]}}'
    assert [(item.remote_id, item.parent_id) for item in wire.comments_of(comments(body), "7_8")] == [
        (url, None),
        (f"{url}&reply_comment_id=2", url),
    ]


def test_a_comment_without_any_name_is_left_out() -> None:
    assert wire.comments_of(comments('{"data": [{"message": "who knows"}]}'), "7_8") == []


@pytest.mark.parametrize(
    ("paging", "expected"),
    [
        ("null", {}),
        ('{"cursors": {"before": "a", "after": "b"}}', {}),
        ('{"cursors": {"after": "b"}, "next": "https://g/?access_token=secret&after=b"}', {"after": "b"}),
        ('{"next": "https://g/?access_token=secret&limit=5&after=c"}', {"after": "c"}),
        (
            '{"next": "https://g/?access_token=secret&until=16&since&__paging_token=t&appsecret_proof=p"}',
            {"until": "16", "__paging_token": "t"},
        ),
    ],
)
def test_the_next_page_is_asked_for_without_the_token(paging: str, expected: dict[str, str]) -> None:
    body = f'{{"data": [], "paging": {paging}}}'
    page: wire.Listing[Any] = msgspec.json.decode(body, type=wire.Listing[wire.Comment])
    assert wire.following(page) == expected


@pytest.mark.parametrize(
    ("under", "url"),
    [
        (Mention(remote_id="7_8", thread_id="7_8"), "https://www.facebook.com/7/posts/8?comment_id=5"),
        (
            Mention(remote_id="8_1", thread_id="7_8"),
            "https://www.facebook.com/7/posts/8?comment_id=1&reply_comment_id=5",
        ),
        (
            Mention(remote_id="8_2", thread_id="7_8", parent_id="8_1"),
            "https://www.facebook.com/7/posts/8?comment_id=1&reply_comment_id=5",
        ),
    ],
)
def test_the_permalink_of_a_reply_names_the_comment_at_the_top(under: Mention, url: str) -> None:
    assert wire.reply_receipt("8_5", under) == Receipt(remote_id="8_5", url=url)


def test_budgets_are_percent_and_minutes() -> None:
    headers = {
        "x-app-usage": '{"call_count":28,"total_time":25,"total_cputime":25}',
        "x-business-use-case-usage": '{"7":[{"type":"pages","call_count":1,"total_cputime":90,"total_time":1,'
        '"estimated_time_to_regain_access":0},{"type":"ads","call_count":100,"total_cputime":1,"total_time":1,'
        '"estimated_time_to_regain_access":11}]}',
    }
    assert {name: faults.rate_limit(usage) for name, usage in faults.usages(headers).items()} == {
        "app": RateLimit(limit=100, remaining=72),
        "page": RateLimit(limit=100, remaining=0, reset_after=660.0),
    }


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"error": {"message": "m", "type": "OAuthException", "code": 190, "error_subcode": 463}}', 400, 190),
        (b'{\n "error": {"code": 4}}', 200, 4),
        (b'{"id": "1", "name": "error"}', 200, None),
        (b'{"error": "no object"}', 400, None),
        (b"<html>", 502, None),
        (b"\xff", 400, None),
    ],
)
def test_an_error_is_found_in_the_body_whatever_the_status(body: bytes, status: int, code: int | None) -> None:
    fault = faults.fault_of(answer(body, status))
    assert (fault.code if fault else None) == code


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_no_known_code_is_left_to_a_status_of_the_5xx(status: int) -> None:
    assert faults.error_of(faults.Fault(code=4711), "why", status=status, repeatable=False, wait=0) is None


@pytest.mark.parametrize(
    ("url", "remote_id"),
    [
        ("https://www.facebook.com/2121/posts/456", "2121_456"),
        ("https://www.facebook.com/shop/posts/a-title-456?x=1", "2121_456"),
        ("https://m.facebook.com/2121/posts/456/", "2121_456"),
        ("https://www.facebook.com/shop", None),
        ("https://www.facebook.com/999/posts/456", None),
        ("https://elsewhere.example/2121/posts/456", None),
    ],
)
def test_a_permalink_gives_the_posts_id(url: str, remote_id: str | None) -> None:
    assert wire.id_in(url, "2121") == remote_id
