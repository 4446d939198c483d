"""Golden pairs: what the Bot API tells, and what the hub is to make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub import Answer, Mention, RejectedError, UnknownOutcome
from plugins.telegram import wire
from plugins.telegram.bookmark import MOST_POSTS, Bookmark

GOLDEN = Path(__file__).parent / "golden" / "telegram"
CHANNEL = -1_001_987_654_321
GROUP = -1_002_147_483_999
NAMES = sorted(file.stem for file in GOLDEN.glob("*.json"))


def updates(told: list[dict[str, Any]]) -> list[wire.Update]:
    return msgspec.json.decode(json.dumps(told), type=list[wire.Update])


def forward(number: int, post: int, album: str = "") -> dict[str, Any]:
    return {
        "message_id": number,
        "chat": {"id": GROUP, "type": "supergroup"},
        "date": 1,
        "is_automatic_forward": True,
        "forward_origin": {"type": "channel", "chat": {"id": CHANNEL}, "message_id": post},
        **({"media_group_id": album} if album else {}),
    }


def comment(number: int, root: int) -> dict[str, Any]:
    chat = {"id": GROUP, "type": "supergroup"}
    return {"message_id": number, "chat": chat, "date": 1, "message_thread_id": root, "text": "Hello"}


@pytest.mark.parametrize("channel", ["@company_news", "@Company_News", CHANNEL])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_told_becomes_what_was_said(name: str, channel: int | str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    heard = Bookmark().hear(updates(golden["told"]), golden["group"], channel)
    meant = msgspec.convert(golden["heard"], list[Mention])
    assert json.loads(msgspec.json.encode(heard)) == json.loads(msgspec.json.encode(meant))


def test_there_are_golden_pairs() -> None:
    assert len(NAMES) >= 14


@pytest.mark.parametrize("name", NAMES)
def test_a_page_that_comes_again_is_heard_alike(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    bookmark = Bookmark()
    once = bookmark.hear(updates(golden["told"]), golden["group"], "@company_news")
    known = Bookmark.read(bookmark.cursor())
    again = known.hear(updates(golden["told"]), golden["group"], "@company_news")
    assert again == once
    assert known == bookmark


def test_what_stands_for_which_post_survives_a_restart() -> None:
    first = Bookmark()
    first.hear(updates([{"update_id": 1, "message": forward(55, 12)}]), GROUP, CHANNEL)
    later = Bookmark.read(first.cursor())
    (mention,) = later.hear(updates([{"update_id": 2, "message": comment(56, 55)}]), GROUP, CHANNEL)
    assert mention.thread_id == "12"
    assert (later.first, later.next) == (2, 3)


def test_an_album_may_come_in_two_pages() -> None:
    first = Bookmark()
    first.hear(updates([{"update_id": 1, "message": forward(55, 12, "9")}]), GROUP, CHANNEL)
    later = Bookmark.read(first.cursor())
    told = [{"update_id": 2, "message": forward(56, 13, "9")}, {"update_id": 3, "message": comment(57, 55)}]
    (mention,) = later.hear(updates(told), GROUP, CHANNEL)
    assert mention.thread_id == "12,13"


def test_an_edited_forward_of_an_older_album_changes_nothing() -> None:
    bookmark = Bookmark()
    told = [forward(55, 12, "9"), forward(56, 13, "9"), forward(57, 14)]
    bookmark.hear(updates([{"update_id": 1 + n, "message": one} for n, one in enumerate(told)]), GROUP, CHANNEL)
    bookmark.hear(updates([{"update_id": 4, "edited_message": told[0]}]), GROUP, CHANNEL)
    assert bookmark.posts == {55: "12,13", 56: "12,13", 57: "14"}


def test_two_posts_without_an_album_are_two() -> None:
    bookmark = Bookmark()
    told = [{"update_id": n, "message": forward(50 + n, n)} for n in (1, 2)]
    bookmark.hear(updates(told), GROUP, CHANNEL)
    assert bookmark.posts == {51: "1", 52: "2"}


def test_a_forward_of_another_channel_is_no_post_of_ours() -> None:
    bookmark = Bookmark()
    bookmark.hear(updates([{"update_id": 1, "message": forward(55, 12)}]), GROUP, -1_001_000_000_000)
    assert bookmark.posts == {}


def test_the_oldest_posts_are_forgotten() -> None:
    bookmark = Bookmark()
    told = [{"update_id": n, "message": forward(n, n)} for n in range(1, MOST_POSTS + 11)]
    bookmark.hear(updates(told), GROUP, CHANNEL)
    assert sorted(bookmark.posts) == list(range(11, MOST_POSTS + 11))


@pytest.mark.parametrize("cursor", [None, "", "12", "rubbish", '{"first": "x"}', "[]"])
def test_a_bookmark_that_cannot_be_read_is_none(cursor: str | None) -> None:
    assert Bookmark.read(cursor) == Bookmark()


@pytest.mark.parametrize(
    ("numbers", "had"),
    [([5, 6], True), ([6], True), ([7, 9, 6], True), ([4, 5], False), ([7], False), ([1], False), ([], False)],
)
def test_only_what_was_read_is_confirmed(numbers: list[int], had: bool) -> None:
    bookmark = Bookmark(first=5, next=7)
    assert bookmark.has([wire.Update(number) for number in numbers]) is had


def made(body: str) -> wire.Message:
    answer = Answer(
        status=200, headers={}, body=body.encode(), method="POST", url="https://x/sendMessage", repeatable=False
    )
    return answer.decode(wire.Envelope[wire.Message]).result


def test_ids_beyond_32_bits_are_read() -> None:
    chat = '{"id": -1009876543210, "type": "channel", "username": "news"}'
    message = made(f'{{"ok": true, "result": {{"message_id": 7, "date": 1, "chat": {chat}}}}}')
    assert (message.chat.id, wire.link(message.chat, 7)) == (-1009876543210, "https://t.me/news/7")


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "null",
        '{"ok": true}',
        '{"ok": true, "result": true}',
        '{"ok": true, "result": {"message_id": "7", "chat": {"id": 1}}}',
        '{"ok": true, "result": {"message_id": 7}}',
        '{"result": {"message_id": 7, "chat": {"id": 1}}}',
    ],
)
def test_an_answer_of_another_shape_leaves_it_unknown(body: str) -> None:
    with pytest.raises(UnknownOutcome):
        made(body)


@pytest.mark.parametrize(
    ("chat", "url"),
    [
        (wire.Chat(CHANNEL, username="news"), "https://t.me/news/7"),
        (wire.Chat(CHANNEL), "https://t.me/c/1987654321/7"),
        (wire.Chat(-5001), ""),
        (wire.Chat(42), ""),
    ],
)
def test_a_message_has_a_permalink_but_in_a_basic_group(chat: wire.Chat, url: str) -> None:
    assert wire.link(chat, 7) == url


@pytest.mark.parametrize(
    ("numbers", "remote_id"), [([12], "12"), ([14, 12, 13], "12,13,14"), ([12, 15], "12,15"), ([7, 7], "7")]
)
def test_a_posts_id_is_all_of_its_numbers(numbers: list[int], remote_id: str) -> None:
    assert wire.post_id(numbers) == remote_id
    assert wire.ids(remote_id) == sorted(set(numbers))


@pytest.mark.parametrize("remote_id", ["", "0", "a", "1,", ",1", "1, 2", "-1", "1/2", "-100/5", "12-14"])
def test_a_remote_id_of_another_shape_is_refused(remote_id: str) -> None:
    with pytest.raises(RejectedError):
        wire.ids(remote_id)


@pytest.mark.parametrize(
    ("remote_id", "where"),
    [("-1002147483999/55", (GROUP, 55)), ("12", None), ("12,13", None), ("a/1", None), ("1/0", None)],
)
def test_what_was_said_has_a_chat_in_its_id(remote_id: str, where: tuple[int, int] | None) -> None:
    assert wire.place(remote_id) == where


@pytest.mark.parametrize(
    ("url", "channel", "remote_id"),
    [
        ("https://t.me/company_news/12", "@company_news", "12"),
        ("https://t.me/Company_News/12?single", "@company_news", "12"),
        ("https://t.me/s/company_news/12", "@company_news", "12"),
        ("https://telegram.me/company_news/12?comment=55", "@company_news", "12"),
        ("https://t.me/c/1987654321/12", CHANNEL, "12"),
        # By the settings alone a name and a number cannot be compared.
        ("https://t.me/c/1987654321/12", "@company_news", "12"),
        ("https://t.me/company_news/12", CHANNEL, "12"),
        ("https://t.me/other_news/12", "@company_news", None),
        ("https://t.me/c/1555555555/12", CHANNEL, None),
        ("https://t.me/company_news", "@company_news", None),
        ("https://t.me/company_news/0", "@company_news", None),
        ("https://t.me/company_news/12/13", "@company_news", None),
        ("https://elsewhere.example/company_news/12", "@company_news", None),
    ],
)
def test_a_permalink_gives_the_posts_number(url: str, channel: int | str, remote_id: str | None) -> None:
    assert wire.id_in(url, channel) == remote_id


def test_a_link_that_is_to_be_seen_is_not_written_twice() -> None:
    shown = wire.Entity("text_link", 4, 19, "https://example.org")
    assert wire.plain("See https://example.org", [shown]) == "See https://example.org"


def test_a_span_beyond_the_text_does_no_harm() -> None:
    assert wire.plain("Hi", [wire.Entity("text_link", 1, 400, "https://a.b")]) == "Hi (https://a.b)"


def test_a_span_that_cuts_an_emoji_does_no_harm() -> None:
    text = wire.plain("🔥", [wire.Entity("text_link", 0, 1, "https://a.b")])
    text.encode()
    assert "(https://a.b)" in text
