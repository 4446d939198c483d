"""The X plugin against its double: each role, each login, each refusal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import (
    AuthError,
    Batch,
    DuplicateError,
    GoneError,
    HubError,
    Media,
    Mention,
    Post,
    Receipt,
    RejectedError,
    RemotePost,
    Thread,
    TransientError,
    UnknownOutcome,
)
from hub.testing import MemoryVault, Reply, Request, faults, open_adapter
from plugins.twitter import Twitter
from plugins.twitter.sandbox import TwitterDouble

PNG = Media(content=b"\x89PNG picture", mime="image/png", alt="A red barn")
GIF = Media(content=b"GIF89a picture", mime="image/gif")


@pytest.fixture(scope="module")
def aside() -> Iterator[Executor]:
    """Where doubles are stopped: a server takes a twentieth of a second to notice."""
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture(params=["post", "tweet"])
def double(request: pytest.FixtureRequest, aside: Executor) -> Iterator[TwitterDouble]:
    """X in the spelling of today, and in the one before 2026-08."""
    running = TwitterDouble(spelling=request.param).start()
    yield running
    aside.submit(running.stop)


@pytest.fixture
def today(aside: Executor) -> Iterator[TwitterDouble]:
    running = TwitterDouble().start()
    yield running
    aside.submit(running.stop)


@pytest.fixture
def renewing(aside: Executor) -> Iterator[TwitterDouble]:
    running = TwitterDouble(login="renewing").start()
    yield running
    aside.submit(running.stop)


Opened = Callable[..., Twitter]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Return a way to open an account on a double, closed at the end."""
    adapters: list[Twitter] = []

    def open_one(
        double: TwitterDouble, *, deadline: float = 5.0, vault: MemoryVault | None = None, **changed: object
    ) -> Twitter:
        settings = {**double.account(), **changed}
        adapters.append(open_adapter(Twitter, settings, deadline=deadline, vault=vault))
        return adapters[-1]

    yield open_one
    for adapter in adapters:
        adapter.http.close()


def is_new_post(request: Request) -> bool:
    return (request.method, request.path) == ("POST", "/2/tweets")


def made(double: TwitterDouble) -> int:
    """How often a post was asked for."""
    return sum(map(is_new_post, double.calls))


def items(batches: Iterator[Batch[Any]]) -> list[Any]:
    return [item for batch in batches for item in batch.items]


def drain(batches: Iterator[Batch[Any]]) -> tuple[list[Any], str | None]:
    """Return all items, and the cursor to store."""
    read = list(batches)
    return [item for batch in read for item in batch.items], read[-1].cursor


def long_ago(double: TwitterDouble, days: float, act: Callable[[], Any]) -> Any:
    """Let something happen some days ago."""
    double.shift = -days * 86400
    try:
        return act()
    finally:
        double.shift = 0.0


# check


@pytest.mark.parametrize(
    ("login", "kind"),
    [
        ("bearer", "OAuth 2.0 user token"),
        ("renewing", "OAuth 2.0 user token"),
        ("oauth1", "OAuth 1.0a user token"),
    ],
)
def test_check_says_who_we_are_with_each_kind_of_login(opened: Opened, login: Any, kind: str) -> None:
    with TwitterDouble(login=login) as double:
        identity = opened(double).check()
    assert (identity.remote_id, identity.name, identity.url) == ("1", "Our company", "https://x.com/company")
    assert (identity.kind, identity.missing) == (kind, ())


def test_check_tells_that_a_token_may_only_read(today: TwitterDouble, opened: Opened) -> None:
    today.access_level = "read"
    assert opened(today).check().missing == ("tweet.write",)


def test_a_token_of_the_app_alone_is_no_login(today: TwitterDouble, opened: Opened) -> None:
    with pytest.raises(AuthError, match="Application-Only") as caught:
        opened(today, token="app-only-bearer").check()
    assert "user token" in caught.value.hint


@pytest.mark.parametrize(
    "wrong",
    [
        {"consumer_key": "a"},
        {"refresh_token": "a"},
        {"refresh_token": "a", "client_id": "b", "consumer_key": "c", "consumer_secret": "d", "token_secret": "e"},
    ],
)
def test_half_a_login_is_refused_when_settings_are_read(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"needs|belongs"):
        Twitter.Settings.model_validate({"token": "t", **wrong})


# publishing


def test_a_post_is_published_once(double: TwitterDouble, opened: Opened) -> None:
    receipt = opened(double).publish(Post(text="Hello & good-bye"))
    assert [(held.id, held.text) for held in double.held()] == [(receipt.remote_id, "Hello & good-bye")]
    assert made(double) == 1
    assert receipt.url == f"https://x.com/i/web/status/{receipt.remote_id}"


def test_a_signature_of_oauth_1_is_accepted_for_every_call(opened: Opened) -> None:
    with TwitterDouble(login="oauth1") as double:
        twitter = opened(double)
        post = twitter.publish(Post(text="Signed", media=[PNG]))
        items(twitter.fetch_replies(Thread(remote_id=post.remote_id), None))
        twitter.delete(post.remote_id)
    assert all(call.headers["authorization"].startswith("OAuth ") for call in double.calls)


def test_a_wrong_secret_makes_a_signature_that_is_refused(opened: Opened) -> None:
    with TwitterDouble(login="oauth1") as double, pytest.raises(AuthError):
        opened(double, token_secret="not this one").check()


def test_a_link_goes_into_the_text_once(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    twitter.publish(Post(text="News", link="https://example.org/a"))
    twitter.publish(Post(text="More: https://example.org/b", link="https://example.org/b"))
    assert [held.text for held in today.held()] == ["News\nhttps://example.org/a", "More: https://example.org/b"]


def test_images_go_along_with_their_alternative_text(double: TwitterDouble, opened: Opened) -> None:
    opened(double).publish(Post(text="Barns", media=[PNG, Media(content=b"other", mime="image/jpeg")]))
    assert double.held()[0].alts == ["A red barn", ""]
    assert [image.content for image in double.uploads.values()] == [b"\x89PNG picture", b"other"]


def test_an_alternative_text_is_cut_where_x_would_refuse_it(today: TwitterDouble, opened: Opened) -> None:
    opened(today).publish(Post(text="Long", media=[Media(content=b"x", mime="image/png", alt="a" * 1200)]))
    assert today.held()[0].alts == ["a" * 1000]


def test_a_moving_image_is_waited_for(today: TwitterDouble, opened: Opened) -> None:
    opened(today).publish(Post(text="Moving", media=[GIF]))
    assert [call.path for call in today.calls if call.method == "GET"] == ["/2/media/upload"] * 2
    assert made(today) == 1


def test_an_image_that_x_cannot_use_stops_the_post(today: TwitterDouble, opened: Opened) -> None:
    failed = {"data": {"id": "1", "processing_info": {"state": "failed"}}}
    today.inject(faults.answered(Reply(failed)), lambda call: call.path == "/2/media/upload")
    with pytest.raises(RejectedError, match="failed"):
        opened(today).publish(Post(text="Broken", media=[PNG]))
    assert made(today) == 0


def test_an_upload_answered_without_data_around_it_is_read(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    twitter.publish(Post(text="one", media=[PNG]))
    known = next(iter(today.uploads))
    today.inject(faults.answered(Reply({"id": known})), lambda call: call.path == "/2/media/upload")
    twitter.publish(Post(text="two", media=[PNG]))
    assert len(today.held()) == 2


@pytest.mark.parametrize("path", ["/2/media/upload", "/2/media/metadata"])
def test_an_answer_lost_before_the_post_itself_is_made_up_for(
    today: TwitterDouble, opened: Opened, path: str
) -> None:
    today.inject(faults.LOST, lambda call: call.path == path)
    opened(today).publish(Post(text="Barn", media=[PNG]))
    assert [held.alts for held in today.held()] == [["A red barn"]]


def test_an_upload_server_that_is_down_leaves_nothing_in_doubt(today: TwitterDouble, opened: Opened) -> None:
    today.inject(faults.answered(Reply({}, 500)), lambda call: call.path == "/2/media/upload", times=6)
    with pytest.raises(TransientError):
        opened(today, deadline=0.3).publish(Post(text="Barn", media=[PNG]))
    assert made(today) == 0


def test_the_next_part_of_a_thread_answers_the_one_before(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    first = twitter.publish(Post(text="1/2"))
    twitter.publish(Post(text="2/2", reply_to=first))
    assert [held.reply_to for held in today.held()] == [None, first.remote_id]
    assert [post.reply_to for post in items(twitter.fetch_posts(None))] == [first.remote_id, None]


def test_the_same_text_again_is_a_duplicate_and_no_second_post(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    twitter.publish(Post(text="Once"))
    with pytest.raises(DuplicateError):
        twitter.publish(Post(text="Once"))
    assert len(today.held()) == 1


def test_a_text_that_is_too_long_is_rejected_with_xs_reason(today: TwitterDouble, opened: Opened) -> None:
    with pytest.raises(RejectedError, match="longer than"):
        opened(today).publish(Post(text="a" * 281))


@pytest.mark.parametrize(
    "text",
    [
        "Plain words",
        "Ampersand & <tag> and https://example.org/a?b=1&c=2 in the middle",
        "See example.com, node.js and http://example.org.",
        "Long " * 80 + "with an end",
        "Two\nlines  and   spaces",
    ],
)
def test_a_post_whose_answer_was_lost_is_unknown_and_then_found(
    today: TwitterDouble, opened: Opened, text: str
) -> None:
    twitter = opened(today)
    today.longest = 25_000
    twitter.publish(Post(text="Another one"))
    today.inject(faults.LOST, is_new_post)
    post = Post(text=text, media=[PNG], since=datetime.now(UTC))
    with pytest.raises(UnknownOutcome):
        twitter.publish(post)
    found = twitter.find(post)
    assert found is not None
    assert found.remote_id == today.held()[-1].id
    assert made(today) == 2


def test_a_post_that_never_arrived_is_not_found(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    twitter.publish(Post(text="Another one"))
    today.inject(faults.DROPPED, is_new_post)
    with pytest.raises(UnknownOutcome):
        twitter.publish(Post(text="This one"))
    assert twitter.find(Post(text="This one")) is None


def test_find_passes_over_another_deliverys_post(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    other = twitter.publish(Post(text="Same words"))
    assert twitter.find(Post(text="Same words", taken=frozenset({other.remote_id}))) is None


def test_find_passes_over_what_is_too_old(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    long_ago(today, 1, lambda: twitter.publish(Post(text="Every day")))
    assert twitter.find(Post(text="Every day", since=datetime.now(UTC) - timedelta(hours=1))) is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply({}, 500),
        Reply({}, 502),
        Reply({}, 504),
        Reply({"data": {}}, 201),
        Reply({"data": {"id": ""}}, 201),
        Reply({"data": {"id": 12}}, 201),
        Reply({"errors": [{"title": "Not Found Error"}]}, 200),
        Reply(body=b"<html>", status=200),
        Reply(body=b"", status=201),
    ],
    ids=lambda reply: f"{reply.status} {reply.encoded()[:20]!r}",
)
def test_no_answer_that_leaves_a_doubt_counts_as_success_or_refusal(
    today: TwitterDouble, opened: Opened, reply: Reply
) -> None:
    today.inject(faults.answered(reply).after, is_new_post)
    with pytest.raises(UnknownOutcome):
        opened(today).publish(Post(text="Doubt"))
    assert made(today) == 1


# editing


def test_an_edit_makes_a_new_id_and_leaves_one_post(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    first = twitter.publish(Post(text="Helo", media=[PNG]))
    second = twitter.edit(first.remote_id, Post(text="Hello example.com", media=[PNG]))
    assert second.remote_id != first.remote_id
    assert [(held.id, held.text) for held in double.held()] == [(second.remote_id, "Hello example.com")]


def test_an_edit_made_twice_makes_one_version(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    first = twitter.publish(Post(text="Helo"))
    second = twitter.edit(first.remote_id, Post(text="See http://example.com & more"))
    assert twitter.edit(first.remote_id, Post(text="See http://example.com & more")) == second
    assert twitter.edit(second.remote_id, Post(text="See http://example.com & more")) == second
    assert made(double) == 2


def test_an_edit_whose_answer_was_lost_may_be_made_again(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    first = twitter.publish(Post(text="Helo"))
    today.inject(faults.LOST, is_new_post)
    with pytest.raises(UnknownOutcome):
        twitter.edit(first.remote_id, Post(text="Hello"))
    assert twitter.edit(first.remote_id, Post(text="Hello")).remote_id == today.held()[0].id
    assert made(today) == 2


def test_an_old_id_is_enough_for_the_next_edit(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    first = twitter.publish(Post(text="one"))
    twitter.edit(first.remote_id, Post(text="two"))
    twitter.edit(first.remote_id, Post(text="three"))
    assert [held.text for held in today.held()] == ["three"]


def test_after_half_an_hour_an_edit_is_rejected_with_a_way_out(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    old = long_ago(today, 0.5, lambda: twitter.publish(Post(text="Helo")))
    with pytest.raises(RejectedError, match="edited no more") as caught:
        twitter.edit(old.remote_id, Post(text="Hello"))
    assert "publish it anew" in caught.value.hint
    assert made(today) == 1


def test_a_sixth_edit_is_rejected(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    receipt = twitter.publish(Post(text="0"))
    for number in range(1, 6):
        receipt = twitter.edit(receipt.remote_id, Post(text=str(number)))
    with pytest.raises(RejectedError, match="edited no more"):
        twitter.edit(receipt.remote_id, Post(text="6"))


def test_an_edit_of_what_is_gone_is_success_and_makes_nothing(today: TwitterDouble, opened: Opened) -> None:
    assert opened(today).edit("12345", Post(text="Hello")).remote_id == "12345"
    assert not today.held()


def test_deleting_twice_is_success(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    receipt = twitter.publish(Post(text="Away"))
    twitter.delete(receipt.remote_id)
    twitter.delete(receipt.remote_id)
    assert today.held() == []


def test_deleting_by_an_old_id_deletes_all_versions(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    first = twitter.publish(Post(text="one"))
    twitter.edit(first.remote_id, Post(text="two"))
    twitter.delete(first.remote_id)
    assert today.held() == []


def test_a_lost_answer_to_a_deletion_is_made_up_for(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    receipt = twitter.publish(Post(text="Away"))
    today.inject(faults.LOST, lambda call: call.method == "DELETE")
    twitter.delete(receipt.remote_id)
    assert today.held() == []


def test_deleting_somebody_elses_post_is_rejected(today: TwitterDouble, opened: Opened) -> None:
    other = today.mention(today.add_person("Ann", "ann"), "mine")
    with pytest.raises(RejectedError, match="not permitted"):
        opened(today).delete(other)


def test_a_deletion_that_x_denies_is_believed_only_if_the_post_is_there(
    today: TwitterDouble, opened: Opened
) -> None:
    twitter = opened(today)
    receipt = twitter.publish(Post(text="Stays"))
    denied = Reply({"data": {"deleted": False}})
    today.inject(faults.answered(denied), lambda call: call.method == "DELETE")
    with pytest.raises(RejectedError, match="did not delete"):
        twitter.delete(receipt.remote_id)
    today.inject(faults.answered(denied), lambda call: call.method == "DELETE")
    twitter.delete("12345")


# our timeline


def test_a_first_read_of_nothing_leaves_a_cursor_that_finds_the_next_post(
    today: TwitterDouble, opened: Opened
) -> None:
    twitter = opened(today)
    nothing, cursor = drain(twitter.fetch_posts(None))
    assert nothing == []
    assert cursor
    receipt = twitter.publish(Post(text="First"))
    assert [post.remote_id for post in items(twitter.fetch_posts(cursor))] == [receipt.remote_id]


def test_the_timeline_shows_text_link_images_and_permalink(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    receipt = twitter.publish(Post(text="A & B https://example.org/a?b=1&c=2", media=[PNG]))
    (post,) = items(twitter.fetch_posts(None))
    image = next(iter(double.uploads))
    assert post == RemotePost(
        remote_id=receipt.remote_id,
        text="A & B https://example.org/a?b=1&c=2",
        link="https://example.org/a?b=1&c=2",
        url=f"https://x.com/company/status/{receipt.remote_id}",
        media=[Media(url=f"{double.url}/media/{image}", alt="A red barn")],
        sent_at=post.sent_at,
    )


def test_an_increment_costs_one_call_and_leaves_out_what_is_old(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    long_ago(today, 2, lambda: twitter.publish(Post(text="old")))
    long_ago(today, 1, lambda: twitter.publish(Post(text="less old")))
    _, cursor = drain(twitter.fetch_posts(None))
    twitter.publish(Post(text="new"))
    before = len(today.calls)
    assert [post.text for post in items(twitter.fetch_posts(cursor))] == ["new", "less old"]
    assert len(today.calls) == before + 1


def test_an_increment_of_many_pages_skips_nothing(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    _, cursor = drain(twitter.fetch_posts(None))
    texts = [f"Post {number}" for number in range(230)]
    for text in texts:
        twitter.publish(Post(text=text))
    assert [post.text for post in items(twitter.fetch_posts(cursor))] == texts[::-1]


def test_a_first_read_takes_one_page(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    for number in range(130):
        twitter.publish(Post(text=f"Post {number}"))
    assert len(items(twitter.fetch_posts(None))) == 100


def test_an_edited_post_keeps_its_first_id_and_shows_the_new_text(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    first = twitter.publish(Post(text="Helo"))
    second = twitter.edit(first.remote_id, Post(text="Hello"))
    (post,) = items(twitter.fetch_posts(None))
    assert (post.remote_id, post.text) == (first.remote_id, "Hello")
    assert post.url.endswith(second.remote_id)
    assert post.edited_at is not None


# what is said to us


def test_mentions_and_answers_are_heard_with_their_authors(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    post = twitter.publish(Post(text="Hello"))
    ann = double.add_person("Ann", "ann", "ann@example.org")
    bob = double.add_person("Bob", "bob")
    answer = double.say(ann, post.remote_id, "Nice & good")
    other = double.mention(bob, "I like @company")
    double.mention(bob, "I like nobody")
    heard = items(twitter.fetch_mentions(None))
    assert [(each.remote_id, each.kind, each.thread_id, each.text) for each in heard] == [
        (other, "mention", other, "I like @company"),
        (answer, "reply", post.remote_id, "Nice & good"),
    ]
    assert heard[1].author.emails == ["ann@example.org"]
    assert (heard[0].author.handle, heard[0].author.emails) == ("bob", ())


def test_a_first_read_without_mentions_leaves_a_cursor_that_finds_the_next(
    today: TwitterDouble, opened: Opened
) -> None:
    twitter = opened(today)
    _, cursor = drain(twitter.fetch_mentions(None))
    said = today.mention(today.add_person("Ann", "ann"), "Hey @company")
    assert [each.remote_id for each in items(twitter.fetch_mentions(cursor))] == [said]


def test_mentions_of_many_pages_are_read_whole(today: TwitterDouble, opened: Opened) -> None:
    ann = today.add_person("Ann", "ann")
    said = [today.mention(ann, f"@company {number}") for number in range(250)]
    assert [each.remote_id for each in items(opened(today).fetch_mentions(None))] == said[::-1]


@pytest.mark.parametrize("pages", [1, 2])
def test_a_read_that_broke_off_goes_on_without_a_gap(today: TwitterDouble, opened: Opened, pages: int) -> None:
    twitter = opened(today)
    ann = today.add_person("Ann", "ann")
    said = []
    for number in range(250):
        today.shift = 60.0 * (number - 250)
        said.append(today.mention(ann, f"@company {number}"))
    today.shift = 0.0
    reading = twitter.fetch_mentions(None)
    first = [next(reading) for _ in range(pages)]
    later = today.mention(ann, "@company while it was down")
    rest = items(twitter.fetch_mentions(first[-1].cursor))
    known = {each.remote_id for batch in first for each in batch.items} | {each.remote_id for each in rest}
    assert known == {*said, later}


def test_a_mention_that_shows_up_late_is_not_skipped(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    ann = today.add_person("Ann", "ann")
    today.mention(ann, "@company first")
    _, cursor = drain(twitter.fetch_mentions(None))
    newest, today._newest = today._newest, 0
    late = long_ago(today, 60 / 86400, lambda: today.mention(ann, "@company late"))
    today._newest = newest
    assert late in [each.remote_id for each in items(twitter.fetch_mentions(cursor))]


def test_a_page_that_comes_again_and_again_ends_the_read(today: TwitterDouble, opened: Opened) -> None:
    today.inject(
        faults.answered(Reply({"meta": {"next_token": "same"}})), lambda call: "mentions" in call.path, times=3
    )
    with pytest.raises(TransientError, match="same page"):
        items(opened(today).fetch_mentions(None))


def test_an_empty_page_in_the_middle_is_no_end(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    said = today.mention(today.add_person("Ann", "ann"), "@company")
    token = f"7140{int(said) + 1}"
    today.inject(
        faults.answered(Reply({"meta": {"result_count": 0, "next_token": token}})),
        lambda call: "mentions" in call.path,
    )
    assert [each.remote_id for each in items(twitter.fetch_mentions(None))] == [said]


def test_a_cursor_that_cannot_be_read_starts_anew(today: TwitterDouble, opened: Opened) -> None:
    said = today.mention(today.add_person("Ann", "ann"), "@company")
    assert [each.remote_id for each in items(opened(today).fetch_mentions("what"))] == [said]


# what is said under a post


def test_answers_at_all_depths_come_with_their_parents(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    post = twitter.publish(Post(text="Hello"))
    ann, bob = double.add_person("Ann", "ann"), double.add_person("Bob", "bob")
    one = double.say(ann, post.remote_id, "one")
    two = double.say(bob, post.remote_id, "two", one)
    three = double.say(ann, post.remote_id, "three", two)
    batches = list(twitter.fetch_replies(Thread(remote_id=post.remote_id), None))
    found = {each.remote_id: (each.parent_id, each.text) for batch in batches for each in batch.items}
    assert found == {one: (None, "one"), two: (one, "two"), three: (two, "three")}
    assert not any(batch.complete for batch in batches)


def test_a_quiet_thread_costs_one_call(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    post = long_ago(today, 2, lambda: twitter.publish(Post(text="Hello")))
    ann = today.add_person("Ann", "ann")
    said = long_ago(today, 1, lambda: today.say(ann, post.remote_id, "one"))
    _, cursor = drain(twitter.fetch_replies(Thread(remote_id=post.remote_id), None))
    before = len(today.calls)
    drain(twitter.fetch_replies(Thread(remote_id=post.remote_id, known=[said]), cursor))
    assert len(today.calls) == before + 1


def test_an_empty_thread_leaves_a_cursor_that_finds_the_first_answer(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    thread = Thread(remote_id=twitter.publish(Post(text="Hello")).remote_id)
    nothing, cursor = drain(twitter.fetch_replies(thread, None))
    said = today.say(today.add_person("Ann", "ann"), thread.remote_id, "one")
    assert nothing == []
    assert [each.remote_id for each in items(twitter.fetch_replies(thread, cursor))] == [said]


def test_a_thread_of_many_pages_is_read_whole(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    post = twitter.publish(Post(text="Hello"))
    ann = today.add_person("Ann", "ann")
    said = {today.say(ann, post.remote_id, f"answer {number}") for number in range(220)}
    found = items(twitter.fetch_replies(Thread(remote_id=post.remote_id), None))
    assert {each.remote_id for each in found} == said


def test_a_remark_that_is_gone_is_yielded_as_deleted(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    post = twitter.publish(Post(text="Hello"))
    ann = double.add_person("Ann", "ann")
    stays, goes = (double.say(ann, post.remote_id, text) for text in ("stays", "goes"))
    double.delete_remark(goes)
    thread = Thread(remote_id=post.remote_id, known=[stays, goes])
    found = {each.remote_id: each.deleted for each in items(twitter.fetch_replies(thread, None))}
    assert found == {stays: False, goes: True}


def test_a_remark_that_the_search_has_forgotten_is_not_taken_for_deleted(
    today: TwitterDouble, opened: Opened
) -> None:
    twitter = opened(today)
    post = long_ago(today, 9, lambda: twitter.publish(Post(text="Hello")))
    ann = today.add_person("Ann", "ann")
    old = long_ago(today, 8, lambda: today.say(ann, post.remote_id, "old"))
    assert items(twitter.fetch_replies(Thread(remote_id=post.remote_id, known=[old]), None)) == []


def test_something_new_makes_the_deleted_be_noticed(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    post = twitter.publish(Post(text="Hello"))
    ann = today.add_person("Ann", "ann")
    goes = today.say(ann, post.remote_id, "goes")
    thread = Thread(remote_id=post.remote_id, known=[goes])
    _, cursor = drain(twitter.fetch_replies(thread, None))
    today.delete_remark(goes)
    new = today.say(ann, post.remote_id, "new")
    found = {each.remote_id: each.deleted for each in items(twitter.fetch_replies(thread, cursor))}
    assert found == {new: False, goes: True}


def test_a_remark_that_is_hidden_from_us_is_not_taken_for_deleted(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    post = twitter.publish(Post(text="Hello"))
    hidden = {"resource_id": "12345", "title": "Authorization Error", "type": NEW + "not-authorized-for-resource"}
    today.inject(faults.answered(Reply({"errors": [hidden]})), lambda call: call.query.get("ids") == "12345")
    assert items(twitter.fetch_replies(Thread(remote_id=post.remote_id, known=["12345"]), None)) == []


def test_more_than_a_hundred_known_remarks_are_looked_up_in_turns(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    post = twitter.publish(Post(text="Hello"))
    gone = [str(number) for number in range(1000, 1150)]
    found = items(twitter.fetch_replies(Thread(remote_id=post.remote_id, known=gone), None))
    assert [each.remote_id for each in found if each.deleted] == gone


def test_an_edited_remark_comes_again_under_its_first_id(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    post = twitter.publish(Post(text="Hello"))
    ann = double.add_person("Ann", "ann")
    said = double.say(ann, post.remote_id, "Nise")
    thread = Thread(remote_id=post.remote_id, known=[said])
    _, cursor = drain(twitter.fetch_replies(thread, None))
    double.edit_remark(said, "Nice")
    below = double.say(ann, post.remote_id, "below", said)
    found = {each.remote_id: each for each in items(twitter.fetch_replies(thread, cursor))}
    assert found[said].text == "Nice"
    assert found[said].edited_at is not None
    assert found[below].parent_id == said


def test_an_edit_of_our_post_leaves_its_thread_together(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    first = twitter.publish(Post(text="Helo"))
    ann = double.add_person("Ann", "ann")
    before = double.say(ann, first.remote_id, "before")
    second = twitter.edit(first.remote_id, Post(text="Hello"))
    after = double.say(ann, second.remote_id, "after")
    found = items(twitter.fetch_replies(Thread(remote_id=second.remote_id), None))
    assert {(each.remote_id, each.thread_id, each.parent_id) for each in found} == {
        (before, second.remote_id, None),
        (after, second.remote_id, None),
    }


def test_a_cursor_older_than_the_search_reads_all_that_is_left(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    post = long_ago(today, 9, lambda: twitter.publish(Post(text="Hello")))
    thread = Thread(remote_id=post.remote_id)
    ann = today.add_person("Ann", "ann")
    _, cursor = long_ago(
        today,
        8,
        lambda: (today.say(ann, post.remote_id, "old"), drain(twitter.fetch_replies(thread, None)))[1],
    )
    new = today.say(ann, post.remote_id, "new")
    found, cursor = drain(twitter.fetch_replies(thread, cursor))
    assert [each.remote_id for each in found] == [new]
    assert [each.remote_id for each in items(twitter.fetch_replies(thread, cursor))] == [new]


def test_a_small_thread_that_is_read_anew_costs_one_call(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    post = twitter.publish(Post(text="Hello"))
    said = today.say(today.add_person("Ann", "ann"), post.remote_id, "one")
    before = len(today.calls)
    drain(twitter.fetch_replies(Thread(remote_id=post.remote_id, known=[said]), None))
    assert len(today.calls) == before + 1


def test_a_post_older_than_the_search_is_not_taken_for_gone(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    post = long_ago(today, 9, lambda: twitter.publish(Post(text="Hello")))
    said = today.say(today.add_person("Ann", "ann"), post.remote_id, "late")
    assert [each.remote_id for each in items(twitter.fetch_replies(Thread(remote_id=post.remote_id), None))] == [
        said
    ]


def test_a_thread_may_begin_in_the_middle_of_a_conversation(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    ann, bob = today.add_person("Ann", "ann"), today.add_person("Bob", "bob")
    root = today.mention(ann, "Who bakes well?")
    middle = today.say(bob, root, "They do", root)
    below = today.say(ann, root, "Yes", middle)
    found, cursor = drain(twitter.fetch_replies(Thread(remote_id=middle), None))
    assert [(each.remote_id, each.thread_id, each.parent_id) for each in found] == [(below, middle, middle)]
    later = today.say(bob, root, "Indeed", below)
    found = items(twitter.fetch_replies(Thread(remote_id=middle, known=[below]), cursor))
    assert later in [each.remote_id for each in found]


def test_a_thread_under_a_deleted_post_is_gone(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    post = twitter.publish(Post(text="Hello"))
    twitter.delete(post.remote_id)
    with pytest.raises(GoneError):
        items(twitter.fetch_replies(Thread(remote_id=post.remote_id), None))


# search and reply


def test_a_search_finds_what_matches_and_goes_on_where_it_was(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    ann = today.add_person("Ann", "ann")
    one = long_ago(today, 1, lambda: today.mention(ann, "I use crosshub daily"))
    today.mention(ann, "I use nothing")
    found, cursor = drain(twitter.search("crosshub", None))
    assert [each.remote_id for each in found] == [one]
    two = today.mention(ann, "crosshub again")
    assert two in [each.remote_id for each in items(twitter.search("crosshub", cursor))]


def test_a_search_that_x_does_not_understand_is_rejected(today: TwitterDouble, opened: Opened) -> None:
    with pytest.raises(RejectedError, match="query"):
        items(opened(today).search("a" * 600, None))


def test_a_reply_goes_under_the_remark_as_ourselves(double: TwitterDouble, opened: Opened) -> None:
    twitter = opened(double)
    post = twitter.publish(Post(text="Hello"))
    said = double.say(double.add_person("Ann", "ann"), post.remote_id, "Why?")
    thread = Thread(remote_id=post.remote_id)
    (mention,) = items(twitter.fetch_replies(thread, None))
    receipt = twitter.reply(mention, "Because & so")
    ours = double.remarks[receipt.remote_id]
    assert (ours.person, ours.parent_id, ours.text) == (double.us, said, "Because & so")
    found = {each.remote_id: each for each in items(twitter.fetch_replies(thread, None))}
    assert (found[receipt.remote_id].text, found[receipt.remote_id].parent_id) == ("Because & so", said)
    assert found[receipt.remote_id].author is not None
    assert found[receipt.remote_id].author.remote_id == "1"


def test_a_reply_to_what_is_gone_is_rejected(today: TwitterDouble, opened: Opened) -> None:
    with pytest.raises(RejectedError, match="deleted or not visible"):
        opened(today).reply(Mention(remote_id="12345", thread_id="12345"), "Hello?")


def test_a_reply_whose_answer_was_lost_is_unknown(today: TwitterDouble, opened: Opened) -> None:
    said = today.mention(today.add_person("Ann", "ann"), "@company?")
    today.inject(faults.LOST, is_new_post)
    with pytest.raises(UnknownOutcome):
        opened(today).reply(Mention(remote_id=said, thread_id=said), "Yes")
    assert made(today) == 1


# refusals

NEW = "https://api.x.com/2/problems/"


def test_a_limit_that_is_used_up_is_waited_out(opened: Opened) -> None:
    with TwitterDouble(limits={"POST /2/tweets": 1}) as double:
        twitter = opened(double)
        twitter.publish(Post(text="one"))
        with pytest.raises(TransientError) as caught:
            twitter.publish(Post(text="two"))
    assert caught.value.retry_after == pytest.approx(900, abs=5)


def test_what_is_left_of_a_limit_is_known_after_each_call(opened: Opened) -> None:
    with TwitterDouble(limits={"POST /2/tweets": 100}) as double:
        twitter = opened(double)
        twitter.publish(Post(text="one"))
    left = twitter.http.rate_limits["/2/tweets"]
    assert (left.limit, left.remaining) == (100, 99)


def test_part_of_a_page_with_errors_is_no_failure(today: TwitterDouble, opened: Opened) -> None:
    body = {"data": [{"id": "5", "text": "@company"}], "errors": [{"title": "Forbidden", "detail": "hidden"}]}
    today.inject(faults.answered(Reply(body)), lambda call: "mentions" in call.path)
    assert [each.remote_id for each in items(opened(today).fetch_mentions(None))] == ["5"]


def test_a_page_that_is_cut_short_is_read_again(today: TwitterDouble, opened: Opened) -> None:
    said = today.mention(today.add_person("Ann", "ann"), "@company")
    today.inject(faults.LOST, lambda call: "mentions" in call.path)
    assert [each.remote_id for each in items(opened(today).fetch_mentions(None))] == [said]


# renewing the token


def test_an_ended_token_is_renewed_and_the_post_made_once(renewing: TwitterDouble, opened: Opened) -> None:
    renewing.door.expire()
    opened(renewing).publish(Post(text="Hello"))
    assert len(renewing.held()) == 1
    assert [call.path for call in renewing.calls] == ["/2/tweets", "/2/oauth2/token", "/2/tweets"]


def test_an_upload_is_sent_whole_after_the_token_was_renewed(renewing: TwitterDouble, opened: Opened) -> None:
    renewing.door.expire()
    opened(renewing).publish(Post(text="Hello", media=[PNG]))
    assert [image.content for image in renewing.uploads.values()] == [PNG.content]


def test_the_renewed_token_wins_over_the_one_in_the_settings(renewing: TwitterDouble, opened: Opened) -> None:
    vault = MemoryVault()
    renewing.door.expire()
    opened(renewing, vault=vault).check()
    opened(renewing, vault=vault).check()
    assert renewing.door.renewals == 1


def test_each_refresh_token_is_used_once(renewing: TwitterDouble, opened: Opened) -> None:
    vault = MemoryVault()
    for _ in range(3):
        renewing.door.expire()
        opened(renewing, vault=vault).check()
    sent = [call.form()["refresh_token"] for call in renewing.calls if call.path == "/2/oauth2/token"]
    assert len(sent) == len(set(sent)) == 3


def test_a_token_that_somebody_else_renewed_is_taken_over(renewing: TwitterDouble, opened: Opened) -> None:
    class Slow(MemoryVault):
        """A vault in which another process renews between our call and our turn."""

        def rotate(self, name: str, seen: str | None, renew: Callable[[str | None], str]) -> str:
            if self.secrets.get(name) == seen:
                self.secrets[name] = renew(seen)
            return super().rotate(name, seen, renew)

    renewing.door.expire()
    opened(renewing, vault=Slow()).check()
    assert renewing.door.renewals == 1


def test_a_public_client_names_itself_in_the_form(renewing: TwitterDouble, opened: Opened) -> None:
    renewing.door.expire()
    opened(renewing, client_secret=None).check()
    token_call = renewing.calls[1]
    assert token_call.form()["client_id"] == "client-1"
    assert "authorization" not in token_call.headers


def test_a_refused_refresh_token_asks_for_a_new_login(renewing: TwitterDouble, opened: Opened) -> None:
    renewing.door.expire()
    renewing.door.refresh.clear()
    with pytest.raises(AuthError, match="refresh token is not valid") as caught:
        opened(renewing).publish(Post(text="Hello"))
    assert "log in to X again" in caught.value.hint
    assert renewing.held() == []


@pytest.mark.parametrize(
    "reply", [None, Reply({}, 500), Reply({}, 503), Reply({"token_type": "bearer"}), Reply([])]
)
def test_a_fault_at_the_token_endpoint_keeps_the_old_pair(
    renewing: TwitterDouble, opened: Opened, reply: Reply | None
) -> None:
    def at_token(call: Request) -> bool:
        return call.path == "/2/oauth2/token"

    renewing.door.expire()
    if reply is None:
        renewing.inject(faults.DROPPED, at_token)
    else:
        renewing.inject(faults.answered(reply), at_token)
    vault = MemoryVault()
    twitter = opened(renewing, vault=vault)
    with pytest.raises(TransientError):
        twitter.check()
    assert vault.secrets == {}
    assert sum(map(at_token, renewing.calls)) == 1
    twitter.check()
    assert renewing.door.renewals == 1


def test_a_new_refresh_token_in_the_settings_replaces_the_stored_pair(
    renewing: TwitterDouble, opened: Opened
) -> None:
    vault = MemoryVault()
    renewing.door.expire()
    opened(renewing, vault=vault).check()
    renewing.door.access, renewing.door.refresh = {"fresh-login": time.time() + 60}, {"fresh-refresh"}
    opened(renewing, vault=vault, token="fresh-login", refresh_token="fresh-refresh").check()
    assert renewing.door.renewals == 1


def test_a_token_that_is_refused_after_its_renewal_is_not_renewed_again(
    renewing: TwitterDouble, opened: Opened
) -> None:
    renewing.door.expires_in = 0.0
    renewing.door.expire()
    with pytest.raises(AuthError):
        opened(renewing).check()
    assert renewing.door.renewals == 1


def test_without_a_refresh_token_an_ended_token_is_an_auth_error(today: TwitterDouble, opened: Opened) -> None:
    today.door.expire()
    with pytest.raises(AuthError) as caught:
        opened(today).publish(Post(text="Hello"))
    assert "log in to X again" in caught.value.hint
    assert len(today.calls) == 1


# secrets


@pytest.mark.parametrize("login", ["bearer", "renewing", "oauth1"])
def test_no_secret_is_in_any_address(opened: Opened, login: Any) -> None:
    with TwitterDouble(login=login) as double:
        secrets = [value for name, value in double.account().items() if "token" in name or "secret" in name]
        twitter = opened(double)
        post = twitter.publish(Post(text="Hello", media=[PNG]))
        items(twitter.fetch_replies(Thread(remote_id=post.remote_id), None))
        items(twitter.fetch_mentions(None))
        twitter.find(Post(text="Hello"))
        twitter.delete(post.remote_id)
    seen = json.dumps([[call.path, dict(call.query)] for call in double.calls])
    assert secrets
    assert not any(secret in seen for secret in secrets)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429])
def test_an_error_that_repeats_the_token_is_told_without_it(
    today: TwitterDouble, opened: Opened, status: int
) -> None:
    token = today.account()["token"]
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(time.time()) + 600)}
    today.inject(faults.answered(Reply({"detail": f"Bad token {token}!"}, status, headers)), is_new_post)
    with pytest.raises(HubError, match="Bad token") as caught:
        opened(today).publish(Post(text="Hello"))
    assert token not in str(caught.value) + repr(caught.value.facts) + caught.value.hint


# the double itself


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/2/users/1/tweets", {"params": {"count": "5"}}),
        ("GET", "/2/users/1/tweets", {"params": {"max_results": "4"}}),
        ("GET", "/2/users/1/tweets", {"params": {"tweet.fields": "text"}}),
        ("GET", "/2/users/1/tweets", {"params": {"post.fields": "author_id"}}),
        ("GET", "/2/tweets", {}),
        ("GET", "/2/tweets", {"params": {"ids": "x"}}),
        ("GET", "/2/tweets/search/recent", {"params": {"query": "a", "max_results": "5"}}),
        ("POST", "/2/tweets", {"json": {"text": "a", "quote": "b"}}),
        ("POST", "/2/tweets", {"json": {"text": 5}}),
        ("POST", "/2/tweets", {"json": {}}),
        ("POST", "/2/tweets", {"json": {"text": "a", "media": {"media_ids": ["1", "2", "3", "4", "5"]}}}),
        ("POST", "/2/tweets", {"json": {"text": "a", "media": {"media_ids": ["99"]}}}),
        ("POST", "/2/media/upload", {"files": {"media": ("image", b"a", "image/png")}}),
        ("POST", "/2/media/metadata", {"json": {"id": "99", "metadata": {"alt_text": {"text": "a"}}}}),
    ],
)
def test_the_double_refuses_what_x_would_refuse(
    today: TwitterDouble, opened: Opened, method: str, path: str, options: dict[str, Any]
) -> None:
    with pytest.raises(RejectedError):
        opened(today).http.request(method, path, **options)


def test_three_hundred_posts_are_no_burden(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    started = time.perf_counter()
    receipts = {twitter.publish(Post(text=f"Post {number}")).remote_id for number in range(300)}
    assert len(receipts) == len(today.held()) == 300
    assert time.perf_counter() - started < 10


def test_the_receipt_of_a_post_is_what_find_returns(today: TwitterDouble, opened: Opened) -> None:
    twitter = opened(today)
    twitter.check()
    receipt = twitter.publish(Post(text="Hello"))
    assert twitter.find(Post(text="Hello")) == Receipt(remote_id=receipt.remote_id, url=receipt.url)
