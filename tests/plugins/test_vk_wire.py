"""Golden pairs: what VK says, and what the hub is to make of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from hub import Author, Media, Mention, RejectedError, RemotePost
from plugins.vk import wire

ANNA = Author(
    remote_id="7", name="Anna Kim", handle="anna", url="https://vk.com/anna", emails=("a.kim+vk@example.co.uk",)
)
PROFILES = [
    {
        "id": 7,
        "first_name": "Anna",
        "last_name": "Kim",
        "screen_name": "anna",
        "about": "Mail: a.kim+vk@example.co.uk.",
        "is_closed": False,
    }
]
GROUPS = [{"id": 9, "name": "Tea &amp; Co", "screen_name": "club9"}]


def comments(items: list[dict[str, Any]]) -> list[Mention]:
    body = {"response": {"count": len(items), "items": items, "profiles": PROFILES, "groups": GROUPS}}
    page = msgspec.json.decode(json.dumps(body), type=wire.Envelope[wire.Comments]).response
    return wire.remarks(page, -1, 5)


def item(**facts: Any) -> wire.Item:
    return msgspec.convert(facts, wire.Item)


def test_a_comment_with_an_answer_becomes_two_mentions() -> None:
    answer = {
        "id": 12,
        "from_id": -9,
        "date": 1700000060,
        "text": "[id7|Anna], welcome",
        "parents_stack": [11],
        "reply_to_comment": 11,
        "reply_to_user": 7,
    }
    top = {
        "id": 11,
        "from_id": 7,
        "post_id": 5,
        "owner_id": -1,
        "date": 1700000000,
        "text": "Hello<br>there &#10071;",
        "parents_stack": [],
        "thread": {"count": 1, "items": [answer], "can_post": True},
    }
    assert comments([top]) == [
        Mention(
            remote_id="-1_11",
            kind="comment",
            thread_id="-1_5",
            author=ANNA,
            text="Hello\nthere ❗",
            url="https://vk.com/wall-1_5?reply=11",
            sent_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        ),
        Mention(
            remote_id="-1_12",
            kind="reply",
            thread_id="-1_5",
            parent_id="-1_11",
            author=Author(remote_id="-9", name="Tea & Co", handle="club9", url="https://vk.com/club9"),
            text="Anna, welcome",
            url="https://vk.com/wall-1_5?reply=12&thread=11",
            sent_at=datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC),
        ),
    ]


def test_a_deleted_comment_comes_without_author_and_text() -> None:
    thread = {"count": 0, "items": []}
    gone = {"id": 11, "parents_stack": [], "date": 1700000000, "thread": thread, "deleted": True}
    assert comments([gone]) == [
        Mention(
            remote_id="-1_11",
            thread_id="-1_5",
            url="https://vk.com/wall-1_5?reply=11",
            sent_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
            deleted=True,
        )
    ]


def test_an_author_without_a_profile_keeps_id_and_page() -> None:
    (mention,) = comments([{"id": 11, "from_id": 8, "date": 1, "text": "Hi"}])
    assert mention.author == Author(remote_id="8", url="https://vk.com/id8")


def test_a_post_keeps_its_link_and_its_largest_picture() -> None:
    sizes = [
        {"type": "s", "url": "https://p/s.jpg", "width": 75, "height": 50},
        {"type": "z", "url": "https://p/z.jpg", "width": 1080, "height": 720},
        {"type": "m", "url": "https://p/m.jpg", "width": 130, "height": 87},
    ]
    photo = {"id": 3, "owner_id": -1, "album_id": -14, "sizes": sizes, "text": "A barn", "access_key": "k"}
    given = item(
        id=5,
        owner_id=-1,
        from_id=-1,
        date=1700000000,
        edited=1700000060,
        text="See this",
        attachments=[
            {"type": "photo", "photo": photo},
            {"type": "link", "link": {"url": "https://example.org", "title": "E"}},
            {"type": "poll", "poll": {"id": 1}},
        ],
    )
    assert wire.post(given) == RemotePost(
        remote_id="-1_5",
        text="See this",
        link="https://example.org",
        url="https://vk.com/wall-1_5",
        media=(Media(url="https://p/z.jpg", alt="A barn"),),
        sent_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        edited_at=datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC),
    )


def test_a_repost_links_to_what_it_repeats() -> None:
    given = item(id=5, owner_id=-1, date=1, text="", copy_history=[{"id": 8, "owner_id": 7, "text": "Theirs"}])
    assert wire.post(given).link == "https://vk.com/wall7_8"


def test_a_post_of_an_older_answer_names_its_wall_differently() -> None:
    assert wire.post(item(id=5, to_id=-1, from_id=7, date=1)).remote_id == "-1_5"


def test_a_post_that_names_us_is_a_thread_of_its_own() -> None:
    people = {7: ANNA}
    (mention,) = wire.mentions([item(id=5, owner_id=7, from_id=7, date=1700000000, text="Hi")], people)
    assert mention == Mention(
        remote_id="7_5",
        kind="mention",
        thread_id="7_5",
        author=ANNA,
        text="Hi",
        url="https://vk.com/wall7_5",
        sent_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    )


def test_a_comment_that_names_us_belongs_to_the_thread_of_its_post() -> None:
    given = item(id=6, owner_id=7, from_id=7, date=1, text="Hi", post_type="reply", post_id=5, parents_stack=[4])
    (mention,) = wire.mentions([given], {7: ANNA})
    assert (mention.remote_id, mention.thread_id, mention.parent_id) == ("7_6", "7_5", "7_4")
    assert (mention.kind, mention.url) == ("reply", "https://vk.com/wall7_5?reply=6&thread=4")


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        ("plain", "plain"),
        ("a<br>b<br/>c<br />d", "a\nb\nc\nd"),
        ("&#10071;5 &gt; 3 &amp;&amp; &quot;x&quot;", '❗5 > 3 && "x"'),
        ("&lt;br&gt; is typed", "<br> is typed"),
        ("https://example.org/?a=1&copy=2&lt=3", "https://example.org/?a=1&copy=2&lt=3"),
        ("[id7|Anna], [club9|Tea], [id7:bp-1_2|Bo] [x|y] [z]", "Anna, Tea, Bo [x|y] [z]"),
        ("a\0b", "ab"),
        ("&#0;&#xD800;", "\ufffd\ufffd"),
    ],
)
def test_vks_markup_is_undone(shown: str, meant: str) -> None:
    assert wire.plain(shown) == meant


def test_every_email_of_a_profile_is_kept_once() -> None:
    profile = wire.Profile(7, site="mailto:a@b.ru", about="a@b.ru or c@d.org", status="@nobody")
    assert wire.author(profile, 7).emails == ("a@b.ru", "c@d.org")


def test_where_a_profile_leads_is_kept_once() -> None:
    profile = wire.Profile(7, site="anna.example, https://x.example/anna", about="or https://x.example/anna, hi")
    assert wire.author(profile, 7).links == ("anna.example", "https://x.example/anna")


@pytest.mark.parametrize(("remote_id", "meant"), [("-1_5", (-1, 5)), ("7_8", (7, 8))])
def test_a_remote_id_names_wall_and_number(remote_id: str, meant: tuple[int, int]) -> None:
    assert wire.ids(remote_id) == meant


@pytest.mark.parametrize("remote_id", ["", "5", "a_b", "1_", "_1", "1_2_3"])
def test_a_remote_id_of_another_shape_is_refused(remote_id: str) -> None:
    with pytest.raises(RejectedError):
        wire.ids(remote_id)


def test_a_photo_is_attached_with_its_access_key() -> None:
    assert wire.Photo(3, -1, "key").attachment == "photo-1_3_key"
    assert wire.Photo(3, -1).attachment == "photo-1_3"


@pytest.mark.parametrize(
    ("url", "remote_id"),
    [
        ("https://vk.com/wall-123_456", "-123_456"),
        ("https://vk.com/feed?w=wall-1_2%2Fall", "-1_2"),
        ("https://vk.com/wall-123_456?reply=789", "-123_456"),
        ("https://m.vk.ru/wall-123_456", "-123_456"),
        ("https://vk.com/durov", None),
        ("https://elsewhere.example/wall-123_456", None),
    ],
)
def test_a_permalink_gives_the_posts_id(url: str, remote_id: str | None) -> None:
    assert wire.id_in(url) == remote_id
