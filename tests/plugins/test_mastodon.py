"""The Mastodon plugin against its double: each role, each trap of the API and of the servers that speak it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from hub import (
    AuthError,
    GoneError,
    Media,
    Mention,
    Post,
    RejectedError,
    Thread,
    TransientError,
    UnknownOutcome,
)
from hub.publishing.length import measure
from hub.store.tables import deliveries
from hub.testing import Reply, Request, faults, open_adapter
from hub.testing.desk import desk
from plugins.mastodon import Mastodon
from plugins.mastodon.sandbox import MastodonDouble
from plugins.mastodon.sandbox_refusals import error

PNG = Media(content=b"\x89PNG picture", mime="image/png", alt="A red barn")

Opened = Callable[..., Mastodon]


class Unheeding(MastodonDouble):
    """A server that looks at no query."""

    def answer(self, request: Request) -> Reply:
        return super().answer(replace(request, query={}))


def lesser() -> MastodonDouble:
    """A server that knows no key, only the old API, and one level of a thread at a time."""
    return MastodonDouble(keeps_keys=False, newest_api=False, links=False, deep=False)


@pytest.fixture
def double() -> Iterator[MastodonDouble]:
    with MastodonDouble() as running:
        yield running


@pytest.fixture
def opened(double: MastodonDouble) -> Iterator[Opened]:
    """Return a way to open the account with changed settings, closed at the end."""
    adapters: list[Mastodon] = []

    def open_one(on: MastodonDouble = double, deadline: float = 5.0, **changed: object) -> Mastodon:
        adapters.append(open_adapter(Mastodon, {**on.account(), **changed}, deadline=deadline))
        return adapters[-1]

    yield open_one
    for adapter in adapters:
        adapter.http.close()


@pytest.fixture
def mastodon(opened: Opened) -> Mastodon:
    return opened()


def posts_a_status(request: Request) -> bool:
    return (request.method, request.path) == ("POST", "/api/v1/statuses")


def sent(double: MastodonDouble, method: str = "POST", end: str = "/statuses") -> list[dict[str, Any]]:
    """Return the bodies of the calls of this kind."""
    return [call.json() for call in double.calls if call.method == method and call.path.endswith(end)]


# Settling


def test_the_same_key_makes_no_second_status(double: MastodonDouble, mastodon: Mastodon) -> None:
    post = Post(text="Once", key="post-1@test")
    assert mastodon.publish(post) == mastodon.publish(post)
    assert len(double.posts) == 1


def test_another_part_has_another_key(double: MastodonDouble, mastodon: Mastodon) -> None:
    mastodon.publish(Post(text="Once", key="post-1@test"))
    mastodon.publish(Post(text="Once", key="post-1@test.1"))
    assert len(double.posts) == 2


def test_a_key_of_any_letters_goes_into_a_header(double: MastodonDouble, mastodon: Mastodon) -> None:
    mastodon.publish(Post(text="Once", key="заметка\n1@test"))
    assert len(double.posts) == 1


def test_a_key_settles_where_the_server_is_mastodon(mastodon: Mastodon) -> None:
    assert mastodon.settle == "lookup", "nothing is known of the server yet"
    mastodon.limits()
    assert mastodon.settle == "key"
    assert Mastodon.settle == "lookup", "other accounts have other servers"


def test_a_look_settles_where_it_is_not(opened: Opened) -> None:
    with lesser() as other:
        account = opened(on=other)
        account.limits()
        assert account.settle == "lookup"


@pytest.mark.parametrize(("said", "settle"), [("yes", "key"), ("no", "lookup")])
def test_how_to_settle_can_be_said(opened: Opened, said: str, settle: str) -> None:
    account = opened(idempotency=said)
    assert account.settle == settle
    account.limits()
    assert account.settle == settle


def test_a_lost_answer_is_settled_by_the_key_without_a_look(double: MastodonDouble, tmp_path: Path) -> None:
    with desk(Mastodon, double.account(), tmp_path) as hub:
        double.inject(faults.LOST, posts_a_status)
        hub.accept("Once and no more")
        hub.rest()
        (delivery,) = hub.deliveries()
    assert (delivery.state, [delivery.remote_id]) == ("published", list(double.posts))
    assert len(sent(double)) == 2
    assert not [call for call in double.calls if call.path.endswith("/1/statuses")], "a look was not needed"


def test_a_lost_answer_is_settled_by_a_look_where_there_is_no_key(tmp_path: Path) -> None:
    with lesser() as other, desk(Mastodon, other.account(), tmp_path) as hub:
        other.inject(faults.LOST, posts_a_status)
        hub.accept("Once and no more")
        hub.rest()
        (delivery,) = hub.deliveries()
        assert (delivery.state, [delivery.remote_id]) == ("published", list(other.posts))
        assert len(sent(other)) == 1


def test_a_key_that_is_over_an_hour_old_is_not_trusted(double: MastodonDouble, tmp_path: Path) -> None:
    with desk(Mastodon, double.account(), tmp_path) as hub:
        double.inject(faults.LOST, posts_a_status)
        hub.accept("Once and no more")
        hub.turn()
        double.keys.clear()  # as after an hour
        hub.clock.forward(hours=2)
        hub.rest()
        (delivery,) = hub.deliveries()
    assert (delivery.state, [delivery.remote_id]) == ("published", list(double.posts))


def test_a_hub_that_died_before_it_sent_the_key_again_looks_first(double: MastodonDouble, tmp_path: Path) -> None:
    with desk(Mastodon, double.account(), tmp_path) as hub:
        double.inject(faults.LOST, posts_a_status)
        hub.accept("Once and no more")
        hub.turn()
        again = deliveries.update().values(state="queued", resend=True, due_at=hub.clock())
        hub.hub.store.write(lambda connection: connection.execute(again))
        double.keys.clear()  # as after an hour
        hub.clock.forward(hours=2)
        hub.rest()
        (delivery,) = hub.deliveries()
    assert (delivery.state, [delivery.remote_id]) == ("published", list(double.posts))


def test_a_lost_post_is_found_behind_two_pages_of_others(double: MastodonDouble, mastodon: Mastodon) -> None:
    lost = mastodon.publish(Post(text="Here I am"))
    for number in range(85):
        double.write(f"Later {number}", "public")
    since = datetime.now(UTC) - timedelta(seconds=30)
    found = mastodon.find(Post(text="Here I am", since=since))
    assert found is not None and found.remote_id == lost.remote_id


def test_what_may_be_out_of_sight_is_not_called_absent(double: MastodonDouble, mastodon: Mastodon) -> None:
    for number in range(130):
        double.write(f"Later {number}", "public")
    with pytest.raises(UnknownOutcome):
        mastodon.find(Post(text="Here I am", since=datetime.now(UTC) - timedelta(seconds=30)))


# Limits


def test_limits_come_from_the_server_once(double: MastodonDouble, mastodon: Mastodon) -> None:
    double.longest = 5000
    limits = [mastodon.limits() for _ in range(3)][-1]
    assert (limits.maximum, limits.link_cost, limits.media_count) == (5000, 23, 4)
    assert [call.path for call in double.calls] == ["/api/v2/instance"]


def test_an_old_server_is_asked_in_the_old_way(opened: Opened) -> None:
    with lesser() as other:
        assert opened(on=other).limits().maximum == 500
        assert [call.path for call in other.calls] == ["/api/v2/instance", "/api/v1/instance"]


def test_a_server_that_cannot_be_asked_now_is_asked_again(double: MastodonDouble, opened: Opened) -> None:
    account = opened(deadline=0.3)
    double.inject(faults.server_error(502), times=50)
    with pytest.raises(TransientError):
        account.limits()
    double.calm()
    assert account.limits().maximum == 500


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("Hello, world!", 13),
        ("https://example.org/a/rather/long/way/to/say?it=1", 23),
        ("https://a.co", 23),
        ("see https://example.org/ and https://example.org/b.", 4 + 23 + 5 + 23 + 1),
        ("@bob hello", 10),
        ("@bob@far.example hello", 10),
        ("@bob@far.example @eve@else.example", 9),
        ("👨‍👩‍👧‍👦🇪🇹e\N{COMBINING ACUTE ACCENT}", 3),
        ("one\r\ntwo", 7),
        ("one\n\ntwo", 8),
        ("#tea", 4),
    ],
)
def test_a_text_is_counted_as_mastodon_counts_it(mastodon: Mastodon, text: str, length: int) -> None:
    assert measure(text, mastodon.limits()) == length


def test_a_content_warning_counts_with_the_text(double: MastodonDouble, opened: Opened) -> None:
    account = opened(warning="About the film")
    most = account.limits().maximum
    assert most == 500 - 14
    account.publish(Post(text="a" * most, key="1"))
    with pytest.raises(RejectedError):
        account.publish(Post(text="a" * (most + 1), key="2"))
    assert len(double.posts) == 1


# Publishing


def test_settings_say_who_sees_a_post_and_how(double: MastodonDouble, opened: Opened) -> None:
    account = opened(visibility="unlisted", warning="the end", sensitive=True, language="ru")
    made = account.publish(Post(text="Он умирает"))
    (body,) = sent(double)
    assert body == {
        "status": "Он умирает",
        "media_ids": [],
        "spoiler_text": "the end",
        "sensitive": True,
        "language": "ru",
        "visibility": "unlisted",
    }
    assert double.status(made.remote_id).visibility == "unlisted"


def test_what_is_not_set_is_left_to_the_account(double: MastodonDouble, mastodon: Mastodon) -> None:
    mastodon.publish(Post(text="Hello"))
    (body,) = sent(double)
    assert not {"visibility", "sensitive", "language"} & set(body)


def test_an_image_that_is_worked_on_is_waited_for(double: MastodonDouble, mastodon: Mastodon) -> None:
    double.polls = 3
    made = mastodon.publish(Post(text="Look", media=[PNG]))
    assert double.posts[made.remote_id].alts == ["A red barn"]
    asked = [call for call in double.calls if call.path.startswith("/api/v1/media/")]
    assert len(asked) == 3


def test_an_image_that_is_ready_at_the_last_moment_is_taken(
    double: MastodonDouble, mastodon: Mastodon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.mastodon._POLLS", (0, 0))
    double.polls = 2
    mastodon.publish(Post(text="Look", media=[PNG]))
    assert len(double.posts) == 1


def test_an_image_that_is_never_ready_makes_no_post(
    double: MastodonDouble, mastodon: Mastodon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.mastodon._POLLS", (0, 0))
    double.polls = 1000
    with pytest.raises(TransientError, match="still works"):
        mastodon.publish(Post(text="Look", media=[PNG]))
    assert not double.posts


def test_a_description_is_no_longer_than_the_server_takes(double: MastodonDouble, mastodon: Mastodon) -> None:
    mastodon.publish(Post(text="Look", media=[structs.replace(PNG, alt="a" * 12_000)]))
    (upload,) = double.uploads.values()
    assert len(upload.alt) == 10_000


def test_an_edit_keeps_the_warning_and_puts_the_images_anew(double: MastodonDouble, opened: Opened) -> None:
    account = opened(warning="the end", language="ru")
    made = account.publish(Post(text="Look", media=[PNG]))
    account.edit(made.remote_id, Post(text="Look here", media=[structs.replace(PNG, alt="A blue barn")]))
    status = double.status(made.remote_id)
    assert (double.posts[made.remote_id].text, double.posts[made.remote_id].alts) == ("Look here", ["A blue barn"])
    assert (status.warning, status.language) == ("the end", "ru")


def test_an_edit_without_images_takes_them_away(double: MastodonDouble, mastodon: Mastodon) -> None:
    made = mastodon.publish(Post(text="Look", media=[PNG]))
    mastodon.edit(made.remote_id, Post(text="No more"))
    assert double.posts[made.remote_id].alts == []


@pytest.mark.parametrize("verb", ["edit", "delete"])
def test_a_server_that_has_no_such_verb_did_not_do_it(
    double: MastodonDouble, mastodon: Mastodon, verb: str
) -> None:
    """As snac2, where DELETE is answered 404 and the status stays."""
    made = mastodon.publish(Post(text="Hello"))
    method = "PUT" if verb == "edit" else "DELETE"
    double.inject(faults.answered(error(404)), lambda request: request.method == method)
    with pytest.raises(RejectedError, match="still there") as caught:
        mastodon.delete(made.remote_id) if verb == "delete" else mastodon.edit(made.remote_id, Post(text="b"))
    assert not isinstance(caught.value, GoneError)
    assert made.remote_id in double.posts


# Refusals


def test_a_token_is_refused_with_422_by_some(double: MastodonDouble, mastodon: Mastodon) -> None:
    double.inject(faults.answered(Reply(status=422, body=b"")))
    with pytest.raises(AuthError):
        mastodon.check()


def test_a_post_that_is_not_valid_does_not_pause_the_account(double: MastodonDouble, mastodon: Mastodon) -> None:
    with pytest.raises(RejectedError, match="バリデーションに失敗しました"):
        mastodon.publish(Post(text="a" * 501))
    assert not double.posts


def test_a_full_window_is_waited_for_until_it_ends(double: MastodonDouble, mastodon: Mastodon) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=250)
    headers = {
        "X-RateLimit-Limit": "300",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": ends.isoformat().replace("+00:00", "Z"),
    }
    double.inject(faults.answered(error(429, "Zu viele Anfragen", headers)), posts_a_status, times=9)
    with pytest.raises(TransientError) as caught:
        mastodon.publish(Post(text="Hello"))
    assert caught.value.retry_after == pytest.approx(250, abs=3)
    assert not double.posts


# Our own posts


def read(batches: Iterator[Any]) -> tuple[list[Any], str | None]:
    pages = list(batches)
    return [item for batch in pages for item in batch.items], pages[-1].cursor


def test_a_gap_is_read_upwards_by_min_id(double: MastodonDouble, mastodon: Mastodon) -> None:
    first = double.write("First", "public")
    _, cursor = read(mastodon.fetch_posts(None))
    wanted = [double.write(f"Post {number}", "public") for number in range(100)]
    before = len(double.calls)
    items, cursor = read(mastodon.fetch_posts(cursor))
    assert set(wanted) <= {item.remote_id for item in items}
    marks = [call.query.get("min_id") for call in double.calls[before:]]
    assert marks == [None, first, wanted[39], wanted[79]]
    assert len(wanted[0]) < len(wanted[-1]), "ids became longer by a digit on the way"
    before = len(double.calls)
    read(mastodon.fetch_posts(cursor))
    assert len(double.calls) == before + 1, "nothing is new: one call"


def test_a_read_upwards_goes_on_where_it_broke_off(double: MastodonDouble, mastodon: Mastodon) -> None:
    double.write("First", "public")
    _, cursor = read(mastodon.fetch_posts(None))
    wanted = [double.write(f"Post {number}", "public") for number in range(100)]
    reading = mastodon.fetch_posts(cursor)
    batches = [next(reading) for _ in range(2)]
    reading.close()
    items, _ = read(mastodon.fetch_posts(batches[-1].cursor))
    assert wanted[39] in {item.remote_id for item in batches[-1].items}
    assert set(wanted[40:]) <= {item.remote_id for item in items}


def test_a_server_that_pages_nothing_is_read_as_it_is(opened: Opened) -> None:
    """As snac2, which lists all it has whatever `min_id` says."""
    with Unheeding() as other:
        account = opened(on=other)
        _, cursor = read(account.fetch_posts(None))
        wanted = [other.write(f"Post {number}", "public") for number in range(50)]
        items, later = read(account.fetch_posts(cursor))
        assert {item.remote_id for item in items} == set(wanted[-20:])
        again, last = read(account.fetch_posts(later))
        assert (last, len(again)) == (later, 20)


def test_what_was_said_to_few_and_what_others_said_is_not_routed(
    double: MastodonDouble, mastodon: Mastodon
) -> None:
    double.write("For all", "public")
    double.write("For all who look", "unlisted")
    double.write("For followers", "private")
    double.write("For you", "direct")
    double.boosts = [double.mention(double.add_person("Ann", "ann"), "Somebody else's words")]
    items, _ = read(mastodon.fetch_posts(None))
    assert {item.text for item in items} == {"For all", "For all who look"}


def test_a_boost_is_left_out_even_if_the_server_shows_it(opened: Opened) -> None:
    with Unheeding() as other:
        other.boosts = [other.mention(other.add_person("Ann", "ann"), "Somebody else's words")]
        assert read(opened(on=other).fetch_posts(None))[0] == []


def test_posts_for_few_are_found_where_the_hub_publishes_so(double: MastodonDouble, opened: Opened) -> None:
    account = opened(visibility="private")
    made = account.publish(Post(text="For followers"))
    found = account.find(Post(text="For followers"))
    assert found is not None and found.remote_id == made.remote_id


def test_posts_for_few_are_found_where_the_account_is_set_so(double: MastodonDouble, mastodon: Mastodon) -> None:
    double.privacy = "private"
    made = mastodon.publish(Post(text="For followers"))
    assert double.status(made.remote_id).visibility == "private"
    found = mastodon.find(Post(text="For followers"))
    assert found is not None and found.remote_id == made.remote_id


# What is said to us


def test_other_notifications_are_left_out(opened: Opened) -> None:
    with Unheeding() as other:
        said = other.mention(other.add_person("Ann", "ann"), "@company hello")
        for kind in ("favourite", "reblog", "added_to_collection"):
            other.notice(kind, said)
        items, _ = read(opened(on=other).fetch_mentions(None))
    assert [item.remote_id for item in items] == [said]


def test_a_mention_deep_in_a_thread_belongs_to_its_root(double: MastodonDouble, mastodon: Mastodon) -> None:
    post = mastodon.publish(Post(text="What do you think?"))
    ann, bob = double.add_person("Ann", "ann"), double.add_person("Bob", "bob@far.example")
    top = double.say(ann, post.remote_id, "nothing")
    below = double.say(bob, post.remote_id, "ask @company", top)
    items, cursor = read(mastodon.fetch_mentions(None))
    assert [(item.remote_id, item.thread_id, item.parent_id, item.kind) for item in items] == [
        (below, post.remote_id, top, "reply")
    ]
    assert items[0].author.handle == "bob@far.example"
    before = len(double.calls)
    assert read(mastodon.fetch_mentions(cursor)) == ([], cursor)
    assert len(double.calls) == before + 1, "what was read before is not looked up again"


def test_a_notification_that_comes_late_is_not_skipped(double: MastodonDouble, mastodon: Mastodon) -> None:
    """Ids are taken before they are stored, so a lower one may show after a higher one."""
    ann = double.add_person("Ann", "ann")
    late, soon = double.mention(ann, "@company late"), double.mention(ann, "@company soon")
    double.hidden.add(late)
    _, cursor = read(mastodon.fetch_mentions(None))
    double.hidden.clear()
    items, _ = read(mastodon.fetch_mentions(cursor))
    assert [item.remote_id for item in items] == [late]
    assert soon not in {item.remote_id for item in items}


def test_answers_come_from_all_depths_where_one_level_is_shown(opened: Opened) -> None:
    with lesser() as other:
        account = opened(on=other)
        post = account.publish(Post(text="What do you think?"))
        ann = other.add_person("Ann", "ann")
        top = other.say(ann, post.remote_id, "one")
        below = other.say(ann, post.remote_id, "two", top)
        deeper = other.say(ann, post.remote_id, "three", below)
        items, _ = read(account.fetch_replies(Thread(remote_id=post.remote_id), None))
        assert {item.remote_id: item.parent_id for item in items} == {top: None, below: top, deeper: below}


def test_all_depths_cost_one_call_on_mastodon(double: MastodonDouble, mastodon: Mastodon) -> None:
    post = mastodon.publish(Post(text="What do you think?"))
    ann = double.add_person("Ann", "ann")
    top = double.say(ann, post.remote_id, "one")
    double.say(ann, post.remote_id, "two", top)
    before = len(double.calls)
    items, _ = read(mastodon.fetch_replies(Thread(remote_id=post.remote_id), None))
    assert (len(items), len(double.calls) - before) == (2, 1)


def test_a_content_warning_is_read_with_what_it_hides(double: MastodonDouble, mastodon: Mastodon) -> None:
    said = double.mention(double.add_person("Ann", "ann"), "@company he dies")
    double.status(said).warning = "the end"
    items, _ = read(mastodon.fetch_mentions(None))
    assert items[0].text == "the end\n\n@company he dies"


# Answers


def test_who_is_answered_is_named(double: MastodonDouble, mastodon: Mastodon) -> None:
    said = double.mention(double.add_person("Bob", "bob@far.example"), "@company how much?")
    mastodon.reply(Mention(remote_id=said, thread_id=said), "Nothing")
    (body,) = sent(double)
    assert body["status"] == "@bob@far.example Nothing"
    assert said == f"127.0.0.1:{double.port}/{body['in_reply_to_id']}"


def test_who_is_named_already_is_not_named_twice(double: MastodonDouble, mastodon: Mastodon) -> None:
    said = double.mention(double.add_person("Bob", "bob"), "@company how much?")
    mastodon.reply(Mention(remote_id=said, thread_id=said), "Well, @Bob nothing")
    assert sent(double)[0]["status"] == "Well, @Bob nothing"


def test_what_was_whispered_is_not_answered_aloud(double: MastodonDouble, opened: Opened) -> None:
    account = opened(visibility="public")
    said = double.whisper(double.add_person("Ann", "ann"), "@company my order is late")
    receipt = account.reply(Mention(remote_id=said, thread_id=said), "We are sorry")
    assert double.status(receipt.remote_id).visibility == "direct"


def test_an_answer_whose_answer_was_lost_is_there_once(double: MastodonDouble, mastodon: Mastodon) -> None:
    said = double.mention(double.add_person("Ann", "ann"), "@company how much?")
    asked = Mention(remote_id=said, thread_id=said)
    double.inject(faults.LOST, posts_a_status)
    with suppress(UnknownOutcome):
        mastodon.reply(asked, "Nothing")
    mastodon.reply(asked, "Nothing")
    ours = [one for one in double.remarks.values() if one.person is double.us]
    assert len(ours) == 1


def test_an_answer_is_as_quiet_as_the_account_is_set(double: MastodonDouble, mastodon: Mastodon) -> None:
    double.privacy = "unlisted"
    said = double.mention(double.add_person("Ann", "ann"), "@company how much?")
    receipt = mastodon.reply(Mention(remote_id=said, thread_id=said), "Nothing")
    assert double.status(receipt.remote_id).visibility == "unlisted"


# Searching


def test_a_search_goes_down_until_what_it_knows(double: MastodonDouble, mastodon: Mastodon) -> None:
    ann = double.add_person("Ann", "ann")
    double.mention(ann, "first tea")
    _, cursor = read(mastodon.search("tea", None))
    wanted = {double.mention(ann, f"tea {number}") for number in range(100)}
    items, _ = read(mastodon.search("tea", cursor))
    assert wanted == {item.remote_id for item in items}


def test_a_search_leaves_out_what_we_published(double: MastodonDouble, mastodon: Mastodon) -> None:
    """It would be heard under our post, and taken for deleted: it is not among the answers there."""
    post = mastodon.publish(Post(text="We have tea"))
    said = double.say(double.add_person("Ann", "ann"), post.remote_id, "What tea?")
    ours = mastodon.reply(Mention(remote_id=said, thread_id=post.remote_id), "Green tea")
    items, _ = read(mastodon.search("tea", None))
    assert {item.remote_id: item.thread_id for item in items} == dict.fromkeys(
        (said, ours.remote_id), post.remote_id
    )
