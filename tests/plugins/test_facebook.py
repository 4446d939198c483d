"""What the Facebook plugin does, role by role, against a double of the Graph API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pydantic
import pytest

from hub import (
    AuthError,
    DuplicateError,
    GoneError,
    HubError,
    Media,
    Mention,
    Post,
    Receipt,
    RejectedError,
    Thread,
    TransientError,
    UnknownOutcome,
)
from hub.publishing.text import fit
from hub.testing import Fault, Held, Remark, Reply, Request, faults, open_adapter
from plugins.facebook import Facebook, register_adapters
from plugins.facebook.sandbox import FacebookDouble, Visit

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
PROVED = "the-app-secret-of-the-double"


@pytest.fixture
def double() -> Iterator[FacebookDouble]:
    with FacebookDouble() as double:
        yield double


@pytest.fixture
def opened() -> Iterator[Callable[..., Facebook]]:
    made: list[Facebook] = []

    def opened(double: FacebookDouble, **settings: Any) -> Facebook:
        made.append(open_adapter(Facebook, {**double.account(), **settings}, deadline=2.0))
        return made[-1]

    yield opened
    for adapter in made:
        adapter.http.close()


@pytest.fixture
def page(double: FacebookDouble, opened: Callable[..., Facebook]) -> Facebook:
    return opened(double)


def to(method: str, ending: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method and request.path.endswith(ending)


def fault(code: int, subcode: int = 0, message: str = "no", **more: Any) -> Reply:
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, **more}
    if subcode:
        error["error_subcode"] = subcode
    return Reply({"error": error}, status=400)


def replies(page: Facebook, post_id: str, cursor: str | None = None) -> tuple[list[Mention], str, bool]:
    batches = list(page.fetch_replies(Thread(remote_id=post_id), cursor))
    assert batches[-1].cursor is not None
    return [item for batch in batches for item in batch.items], batches[-1].cursor, batches[-1].complete


def age(double: FacebookDouble, **by: float) -> None:
    """Let everything that the double holds have happened earlier."""
    happened: list[Held | Remark | Visit] = [
        *double.posts.values(),
        *double.remarks.values(),
        *double.visits.values(),
    ]
    for item in happened:
        item.sent_at -= timedelta(**by)


# --- who we are ---


def test_the_plugin_registers_one_adapter_for_facebook() -> None:
    assert [adapter.platform for adapter in register_adapters()] == ["facebook"]


def test_settings_take_a_number_as_page_and_name_the_page() -> None:
    settings = Facebook.Settings.model_validate({"page": 2121008874780932, "token": "secret"})
    assert Facebook.page(settings) == "2121008874780932"


@pytest.mark.parametrize("wrong", [{"page": "our-page"}, {"version": "23"}, {"pages": "1"}])
def test_settings_refuse_what_the_network_would_not_understand(wrong: dict[str, str]) -> None:
    with pytest.raises(pydantic.ValidationError):
        Facebook.Settings.model_validate({"page": "1", "token": "secret", **wrong})


def test_check_says_which_page_the_token_speaks_for(double: FacebookDouble, page: Facebook) -> None:
    identity = page.check()
    assert (identity.remote_id, identity.name, identity.kind) == (double.us.id, "Our company", "page")
    assert len(double.calls) == 1


def test_check_refuses_a_token_that_speaks_for_somebody_else(double: FacebookDouble, page: Facebook) -> None:
    double.speaks_for = double.add_person("Ann", "ann")
    with pytest.raises(AuthError, match="Ann"):
        page.check()


def test_the_token_goes_in_a_header_and_never_in_a_url(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="hello"))
    page.edit(receipt.remote_id, Post(text="hello again"))
    list(page.fetch_posts(None))
    page.delete(receipt.remote_id)
    assert all(call.headers["authorization"] == f"Bearer {double.token}" for call in double.calls)
    assert not any(double.token in f"{call.path}{call.query}{call.body!r}" for call in double.calls)


def test_with_an_app_secret_every_call_bears_its_proof_and_not_the_secret(opened: Callable[..., Facebook]) -> None:
    with FacebookDouble(app_secret=PROVED) as double:
        page = opened(double)
        receipt = page.publish(Post(text="hello", media=[Media(content=PNG, mime="image/png")]))
        page.edit(receipt.remote_id, Post(text="hello again"))
        list(page.fetch_posts(None))
        page.delete(receipt.remote_id)
        assert all("appsecret_proof" in (call.form() if call.body else call.query) for call in double.calls)
        assert not any(PROVED in f"{call.query}{call.body!r}" for call in double.calls)


def test_a_wrong_app_secret_is_refused_with_the_networks_reason(opened: Callable[..., Facebook]) -> None:
    with FacebookDouble(app_secret=PROVED) as double, pytest.raises(RejectedError, match="appsecret_proof"):
        opened(double, app_secret="another one").check()


# --- publishing ---


def test_publishing_a_text_makes_exactly_one_post(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="Новости & <b>news</b> 👋"))
    [held] = double.held()
    assert (held.id, held.text) == (receipt.remote_id, "Новости & <b>news</b> 👋")
    assert len(double.calls) == 1


def test_a_receipt_bears_the_id_of_page_and_post_and_a_permalink(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="hello"))
    owner, _, number = receipt.remote_id.partition("_")
    assert owner == double.us.id
    assert receipt.url == f"https://www.facebook.com/{owner}/posts/{number}"


def test_a_link_travels_in_a_field_of_its_own(double: FacebookDouble, page: Facebook) -> None:
    page.publish(Post(text="look", link="https://example.org/a?b=1&c=2"))
    [held] = double.held()
    assert (held.text, held.link) == ("look", "https://example.org/a?b=1&c=2")


def test_images_go_up_unpublished_with_their_alt_text_before_the_one_post(
    double: FacebookDouble, page: Facebook
) -> None:
    media = [Media(content=PNG, mime="image/png", alt=f"picture {number}") for number in (1, 2, 3)]
    receipt = page.publish(Post(text="three", media=media))
    [held] = double.held()
    assert (held.id, held.alts) == (receipt.remote_id, ["picture 1", "picture 2", "picture 3"])
    assert [call.path.rpartition("/")[2] for call in double.calls] == ["photos", "photos", "photos", "feed"]
    assert [photo.content for photo in double.photos.values()] == [PNG] * 3


def test_an_image_without_content_is_given_by_its_address(double: FacebookDouble, page: Facebook) -> None:
    page.publish(Post(text="one", media=[Media(url="https://example.org/a.png")]))
    assert [photo.url for photo in double.photos.values()] == ["https://example.org/a.png"]


def test_beside_images_the_link_goes_into_the_text(double: FacebookDouble, page: Facebook) -> None:
    post = Post(text="look", link="https://example.org/", media=[Media(content=PNG, mime="image/png")])
    page.publish(*fit(post, page.limits(), overflow="shorten"))
    [held] = double.held()
    assert (held.text, held.link) == ("look\n\nhttps://example.org/", "")


def test_the_next_part_of_a_thread_is_a_comment_under_the_part_before(
    double: FacebookDouble, page: Facebook
) -> None:
    first = page.publish(Post(text="part one"))
    second = page.publish(Post(text="part two", reply_to=first))
    assert double.remarks[second.remote_id].post_id == first.remote_id
    assert len(double.held()) == 1


@pytest.mark.parametrize("lost", [faults.LOST, faults.server_error(502).after], ids=str)
def test_a_lost_answer_is_unknown_and_found_in_the_timeline(
    double: FacebookDouble, page: Facebook, lost: Fault
) -> None:
    before = page.publish(Post(text="an older one"))
    double.inject(lost, to("POST", "/feed"))
    post = Post(
        text="maybe  there https://example.org", since=datetime.now(UTC), taken=frozenset([before.remote_id])
    )
    with pytest.raises(UnknownOutcome):
        page.publish(post)
    found = page.find(post)
    assert found is not None
    assert found.remote_id == double.held()[-1].id
    assert len(double.held()) == 2


def test_a_lost_comment_of_a_thread_is_found_under_its_post(double: FacebookDouble, page: Facebook) -> None:
    first = page.publish(Post(text="part one"))
    double.inject(faults.LOST, to("POST", "/comments"))
    second = Post(text="part two", reply_to=first)
    with pytest.raises(UnknownOutcome):
        page.publish(second)
    assert page.find(second) == Receipt(
        remote_id=next(iter(double.remarks)),
        url=f"{first.url}/?comment_id={next(iter(double.remarks)).rpartition('_')[2]}",
    )


def test_what_was_never_published_is_not_found(double: FacebookDouble, page: Facebook) -> None:
    double.inject(faults.DROPPED, to("POST", "/feed"))
    with pytest.raises(UnknownOutcome):
        page.publish(Post(text="never"))
    assert page.find(Post(text="never")) is None


def test_a_lost_upload_is_made_again_and_the_post_once(double: FacebookDouble, page: Facebook) -> None:
    double.inject(faults.LOST, to("POST", "/photos"))
    page.publish(Post(text="one", media=[Media(content=PNG, mime="image/png")]))
    assert len(double.held()) == 1
    assert sum(call.path.endswith("/feed") for call in double.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Reply({}),
        Reply({"id": ""}),
        Reply({"success": True}),
        Reply(body=b'{"id":"12_', content_type="application/json"),
        Reply(body=b"<html>", content_type="text/html"),
        Reply(status=500, body=b""),
    ],
    ids=["empty", "blank id", "no id", "cut", "html", "500"],
)
def test_an_answer_that_does_not_say_what_became_of_a_post_is_unknown(
    double: FacebookDouble, page: Facebook, answer: Reply
) -> None:
    double.inject(faults.answered(answer), to("POST", "/feed"))
    with pytest.raises(UnknownOutcome):
        page.publish(Post(text="hello"))
    assert len(double.calls) == 1


def test_a_photo_without_an_id_is_no_photo(double: FacebookDouble, page: Facebook) -> None:
    double.inject(faults.answered(Reply({"success": True})), to("POST", "/photos"))
    with pytest.raises(TransientError):
        page.publish(Post(text="one", media=[Media(content=PNG, mime="image/png")]))
    assert not double.held()


def test_the_same_text_twice_in_a_row_is_a_duplicate(page: Facebook) -> None:
    page.publish(Post(text="hello"))
    with pytest.raises(DuplicateError, match="506"):
        page.publish(Post(text="hello"))


# --- editing ---


def test_an_edit_changes_the_text(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="hullo"))
    assert page.edit(receipt.remote_id, Post(text="hello")) == receipt
    assert [held.text for held in double.held()] == ["hello"]


def test_editing_what_is_gone_is_success(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="hello"))
    double.posts.clear()
    assert page.edit(receipt.remote_id, Post(text="again")) == receipt


def test_an_edit_whose_answer_is_lost_is_made_again(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="hullo"))
    double.inject(faults.LOST)
    page.edit(receipt.remote_id, Post(text="hello"))
    assert [held.text for held in double.held()] == ["hello"]


def test_deleting_twice_is_success(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="hello"))
    page.delete(receipt.remote_id)
    page.delete(receipt.remote_id)
    assert not double.held()


def test_a_delete_that_is_not_confirmed_is_no_success(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="hello"))
    double.inject(faults.answered(Reply({"success": False})), to("DELETE", ""))
    with pytest.raises(TransientError, match="no success"):
        page.delete(receipt.remote_id)


# --- our own posts ---


def test_the_timeline_shows_text_link_images_and_permalink(page: Facebook) -> None:
    page.publish(Post(text="link", link="https://example.org/"))
    page.publish(Post(text="pictures", media=[Media(url=f"https://example.org/{name}.png") for name in "ab"]))
    pictures, link = [item for batch in page.fetch_posts(None) for item in batch.items]
    assert (link.text, link.link, link.media) == ("link", "https://example.org/", [])
    assert [media.url for media in pictures.media] == ["https://example.org/a.png", "https://example.org/b.png"]
    assert "/posts/" in link.url
    assert link.sent_at is not None
    assert link.sent_at.tzinfo is UTC


def test_a_first_read_of_an_empty_timeline_leaves_a_cursor(page: Facebook) -> None:
    [batch] = page.fetch_posts(None)
    assert (batch.items, batch.cursor) == ([], "0")


def test_an_increment_shows_what_came_since_and_not_what_was_long_before(
    double: FacebookDouble, page: Facebook
) -> None:
    page.publish(Post(text="old"))
    age(double, days=2)
    page.publish(Post(text="seen"))
    age(double, hours=2)
    [first] = page.fetch_posts(None)
    page.publish(Post(text="new"))
    [second] = page.fetch_posts(first.cursor)
    assert [item.text for item in first.items] == ["seen", "old"]
    assert [item.text for item in second.items] == ["new", "seen"]


def test_an_edited_old_post_comes_again(double: FacebookDouble, page: Facebook) -> None:
    receipt = page.publish(Post(text="hullo"))
    age(double, days=2)
    page.publish(Post(text="newer"))
    age(double, hours=2)
    [first] = page.fetch_posts(None)
    page.edit(receipt.remote_id, Post(text="hello"))
    [second] = page.fetch_posts(first.cursor)
    assert "hello" in [item.text for item in second.items]


def test_a_post_that_the_network_shows_late_is_not_skipped(double: FacebookDouble, page: Facebook) -> None:
    late = page.publish(Post(text="late")).remote_id
    unseen = double.posts.pop(late)
    page.publish(Post(text="at once"))
    [first] = page.fetch_posts(None)
    unseen.sent_at -= timedelta(seconds=30)
    double.posts = {late: unseen, **double.posts}
    [second] = page.fetch_posts(first.cursor)
    assert "late" in [item.text for item in second.items]


def test_paging_skips_nothing_and_only_the_last_page_moves_the_cursor(
    double: FacebookDouble, page: Facebook
) -> None:
    for number in range(7):
        page.publish(Post(text=str(number)))
    double.largest_page = 3
    batches = list(page.fetch_posts(None))
    assert [item.text for batch in batches for item in batch.items] == list("6543210")
    assert [batch.cursor is None for batch in batches] == [True, True, False]


def test_an_increment_of_several_pages_keeps_the_old_cursor_until_its_end(
    double: FacebookDouble, page: Facebook
) -> None:
    page.publish(Post(text="seen"))
    age(double, hours=1)
    [first] = page.fetch_posts(None)
    double.largest_page = 2
    for number in range(5):
        page.publish(Post(text=str(number)))
    batches = list(page.fetch_posts(first.cursor))
    assert [item.text for batch in batches for item in batch.items] == [*"43210", "seen"]
    assert [batch.cursor == first.cursor for batch in batches] == [True, True, False]


def test_a_page_may_be_empty_and_still_have_a_next_one(double: FacebookDouble, page: Facebook) -> None:
    page.publish(Post(text="hello"))
    after = {
        "cursors": {"after": "OTk5OTk5OTk5"},
        "next": f"https://graph.facebook.com/?access_token={double.token}",
    }
    double.inject(faults.answered(Reply({"data": [], "paging": after})))
    assert [item.text for batch in page.fetch_posts(None) for item in batch.items] == ["hello"]


def test_a_page_that_leads_to_itself_ends_in_an_error(double: FacebookDouble, page: Facebook) -> None:
    turning = Reply({"data": [], "paging": {"cursors": {"after": "MQ=="}, "next": "https://graph.facebook.com/"}})
    double.inject(faults.answered(turning))
    double.inject(faults.answered(turning))
    with pytest.raises(TransientError, match="itself"):
        list(page.fetch_posts(None))


def test_a_first_read_stops_after_500_posts(double: FacebookDouble, page: Facebook) -> None:
    for number in range(620):
        page.publish(Post(text=str(number)))
    double.calls.clear()
    assert sum(len(batch.items) for batch in page.fetch_posts(None)) == 500
    assert len(double.calls) == 5


# --- what is said to us ---


def test_mentions_are_posts_that_tag_the_page_and_posts_of_its_visitors(
    double: FacebookDouble, page: Facebook
) -> None:
    ann = double.add_person("Ann", "ann", email="ann@example.org")
    tagged, visited = double.tag_page(ann, "I like Our company"), double.post_on_page(ann, "Are you open?")
    found = [item for batch in page.fetch_mentions(None) for item in batch.items]
    assert [(item.remote_id, item.thread_id, item.kind) for item in found] == [
        (tagged, tagged, "mention"),
        (visited, visited, "mention"),
    ]
    assert {
        (item.author.remote_id, item.author.name, tuple(item.author.emails)) for item in found if item.author
    } == {(ann.id, "Ann", ())}


def test_a_first_read_of_mentions_leaves_a_cursor_even_if_there_are_none(page: Facebook) -> None:
    assert [batch.cursor for batch in page.fetch_mentions(None)] == ["0:", "0:0"]


def test_each_of_the_two_edges_has_its_own_mark(double: FacebookDouble, page: Facebook) -> None:
    ann = double.add_person("Ann", "ann")
    double.tag_page(ann, "long ago")
    age(double, days=1)
    double.post_on_page(ann, "just before")
    cursor = list(page.fetch_mentions(None))[-1].cursor
    double.tag_page(ann, "new tag")
    double.post_on_page(ann, "new visit")
    found = [item.text for batch in page.fetch_mentions(cursor) for item in batch.items]
    assert found == ["new tag", "long ago", "new visit", "just before"]


def test_our_own_post_with_our_own_name_is_no_mention(double: FacebookDouble, page: Facebook) -> None:
    double.tag_page(double.us, "We are Our company")
    assert [item for batch in page.fetch_mentions(None) for item in batch.items] == []


# --- threads ---


def test_replies_of_all_depths_come_with_their_parents(double: FacebookDouble, page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    ann, bob = double.add_person("Ann", "ann"), double.add_person("Bob", "bob")
    one = double.say(ann, post, "first")
    two = double.say(bob, post, "second", one)
    three = double.say(ann, post, "third", two)
    found, _, complete = replies(page, post)
    assert [(item.remote_id, item.parent_id, item.kind, item.thread_id) for item in found] == [
        (one, None, "comment", post),
        (two, one, "reply", post),
        (three, two, "reply", post),
    ]
    assert complete


def test_a_comment_bears_author_time_and_the_networks_permalink(double: FacebookDouble, page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    one = double.say(double.add_person("Zoë", "zoe"), post, "2 < 3 & 4")
    [found], _, _ = replies(page, post)
    assert found.author is not None
    assert (found.author.name, found.text) == ("Zoë", "2 < 3 & 4")
    assert found.url.endswith(f"?comment_id={one.rpartition('_')[2]}")
    assert found.sent_at is not None
    assert abs(datetime.now(UTC) - found.sent_at) < timedelta(minutes=1)


def test_when_nothing_is_new_a_thread_costs_one_call(double: FacebookDouble, page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    for number in range(7):
        double.say(double.add_person("Ann", "ann"), post, str(number))
    age(double, hours=1)
    double.say(double.us, post, "last")
    _, cursor, _ = replies(page, post)
    double.calls.clear()
    double.largest_page = 3
    assert [item.text for item in replies(page, post, cursor)[0]] == ["last"]
    assert len(double.calls) == 1


def test_with_a_cursor_only_what_is_new_comes_and_is_not_called_complete(
    double: FacebookDouble, page: Facebook
) -> None:
    post = page.publish(Post(text="hello")).remote_id
    ann = double.add_person("Ann", "ann")
    double.say(ann, post, "old")
    age(double, days=1)
    _, cursor, _ = replies(page, post)
    double.say(ann, post, "new")
    found, later, complete = replies(page, post, cursor)
    assert [item.text for item in found] == ["old", "new"]
    assert int(later) > int(cursor)
    assert not complete


def test_a_thread_of_several_pages_is_read_whole_and_only_its_end_moves_the_cursor(
    double: FacebookDouble, page: Facebook
) -> None:
    post = page.publish(Post(text="hello")).remote_id
    ann = double.add_person("Ann", "ann")
    said = [double.say(ann, post, str(number)) for number in range(250)]
    batches = list(page.fetch_replies(Thread(remote_id=post), None))
    assert [item.remote_id for batch in batches for item in batch.items] == said
    assert [(batch.cursor is None, batch.complete) for batch in batches] == [
        (True, False),
        (True, False),
        (False, True),
    ]


def test_an_empty_thread_is_complete_and_leaves_a_cursor(page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    assert replies(page, post) == ([], "0", True)


def test_a_deleted_comment_and_what_hung_on_it_are_missing_from_a_complete_read(
    double: FacebookDouble, page: Facebook
) -> None:
    post = page.publish(Post(text="hello")).remote_id
    ann = double.add_person("Ann", "ann")
    one, two = double.say(ann, post, "one"), double.say(ann, post, "two")
    double.say(ann, post, "under one", one)
    double.delete_remark(one)
    found, _, complete = replies(page, post)
    assert ([item.remote_id for item in found], complete) == ([two], True)


def test_an_edited_comment_shows_its_new_text(double: FacebookDouble, page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    one = double.say(double.add_person("Ann", "ann"), post, "hullo")
    double.edit_remark(one, "hello")
    assert [(item.remote_id, item.text) for item in replies(page, post)[0]] == [(one, "hello")]


def test_the_thread_of_a_post_that_is_gone_is_gone(double: FacebookDouble, page: Facebook) -> None:
    with pytest.raises(GoneError):
        replies(page, f"{double.us.id}_1")


def test_without_ids_a_comment_is_known_by_its_permalink(double: FacebookDouble, page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    ann = double.add_person("Ann", "ann")
    double.say(ann, post, "under", double.say(ann, post, "one"))
    double.hide_ids = double.hide_authors = True
    one, under = replies(page, post)[0]
    assert (one.remote_id, one.author) == (one.url, None)
    assert (under.remote_id, under.parent_id) == (under.url, one.remote_id)


# --- answering ---


def test_a_reply_stands_under_the_comment_and_is_seen_there(double: FacebookDouble, page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    double.say(double.add_person("Ann", "ann"), post, "How much?")
    [asked], _, _ = replies(page, post)
    receipt = page.reply(asked, "Nothing")
    answered = replies(page, post)[0][1]
    assert (answered.remote_id, answered.parent_id, answered.text) == (
        receipt.remote_id,
        asked.remote_id,
        "Nothing",
    )
    assert double.remarks[receipt.remote_id].person == double.us


def test_the_permalink_of_a_reply_is_the_networks_own(double: FacebookDouble, page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    double.say(double.add_person("Ann", "ann"), post, "How much?")
    receipt = page.reply(replies(page, post)[0][0], "Nothing")
    assert receipt.url == replies(page, post)[0][1].url.replace("/?", "?")


def test_a_visitors_post_is_answered_by_a_comment(double: FacebookDouble, page: Facebook) -> None:
    visit = double.post_on_page(double.add_person("Ann", "ann"), "Are you open?")
    [asked] = [item for batch in page.fetch_mentions(None) for item in batch.items]
    receipt = page.reply(asked, "Yes")
    assert [(item.remote_id, item.parent_id) for item in replies(page, visit)[0]] == [(receipt.remote_id, None)]
    assert receipt.url.endswith(f"?comment_id={receipt.remote_id.rpartition('_')[2]}")


def test_a_reply_whose_answer_is_lost_is_unknown_and_made_once(double: FacebookDouble, page: Facebook) -> None:
    post = page.publish(Post(text="hello")).remote_id
    one = double.say(double.add_person("Ann", "ann"), post, "How much?")
    double.inject(faults.LOST, to("POST", "/comments"))
    with pytest.raises(UnknownOutcome):
        page.reply(Mention(remote_id=one, thread_id=post), "Nothing")
    assert [remark.text for remark in double.remarks.values()] == ["How much?", "Nothing"]


def test_a_comment_without_an_id_cannot_be_answered_and_says_why(double: FacebookDouble, page: Facebook) -> None:
    with pytest.raises(RejectedError, match="id of this comment") as raised:
        page.reply(Mention(remote_id="https://www.facebook.com/1/posts/2?comment_id=3", thread_id="1_2"), "hi")
    assert "token" in raised.value.hint
    assert not double.calls


# --- errors ---


@pytest.mark.parametrize("code", [1, 2])
def test_an_unknown_error_at_a_read_is_tried_again(double: FacebookDouble, page: Facebook, code: int) -> None:
    double.inject(faults.answered(fault(code)))
    assert page.check().remote_id == double.us.id


@pytest.mark.parametrize(
    ("subcode", "mend"), [(460, "password"), (463, "expired"), (459, "checkpoint"), (492, "role")]
)
def test_the_hint_of_a_dead_token_says_what_mends_it(
    double: FacebookDouble, page: Facebook, subcode: int, mend: str
) -> None:
    double.inject(faults.answered(fault(190, subcode)))
    with pytest.raises(AuthError) as raised:
        page.check()
    assert mend in raised.value.hint


def test_a_missing_right_is_named_in_the_hint(double: FacebookDouble, page: Facebook) -> None:
    double.inject(faults.answered(fault(200, message="Permissions error")))
    with pytest.raises(AuthError) as raised:
        page.publish(Post(text="hello"))
    assert "pages_manage_posts" in raised.value.hint


def test_a_text_about_errors_is_no_error(double: FacebookDouble, page: Facebook) -> None:
    page.publish(Post(text='{"error": {"code": 190}}'))
    assert [item.text for batch in page.fetch_posts(None) for item in batch.items] == ['{"error": {"code": 190}}']


def test_a_refused_token_is_an_auth_error_that_does_not_repeat_it(
    double: FacebookDouble, opened: Callable[..., Facebook]
) -> None:
    page = opened(double, token="EAAanother-token")
    with pytest.raises(AuthError, match="Malformed access token") as raised:
        page.check()
    assert "EAAanother-token" not in f"{raised.value}{raised.value.facts}{raised.value.hint}"


def test_no_error_message_holds_the_token(double: FacebookDouble, page: Facebook) -> None:
    leak = f"oh https://graph.facebook.com/?access_token={double.token}"
    answers = [fault(code, message=leak) for code in (1, 100, 190, 368, 506)]
    answers += [fault(100, error_user_msg=leak), Reply({"message": leak}, status=400)]
    said = []
    for answer in answers:
        double.inject(faults.answered(answer))
        with pytest.raises(HubError) as raised:
            page.publish(Post(text="hello"))
        said.append(f"{raised.value}{raised.value.facts}{raised.value.hint}")
    assert not [message for message in said if double.token in message]


def test_the_wait_is_the_one_that_the_network_names_in_minutes(opened: Callable[..., Facebook]) -> None:
    with FacebookDouble(calls_allowed=1) as double:
        page = opened(double)
        page.check()
        with pytest.raises(TransientError) as raised:
            page.check()
    assert raised.value.retry_after == 7 * 60


def test_a_refused_call_is_not_repeated_at_once(double: FacebookDouble, page: Facebook) -> None:
    double.inject(faults.answered(fault(4)))
    with pytest.raises(TransientError) as raised:
        page.check()
    assert raised.value.retry_after == 3600
    assert len(double.calls) == 1


def test_the_budgets_are_known_after_each_call(opened: Callable[..., Facebook]) -> None:
    with FacebookDouble(calls_allowed=4) as double:
        page = opened(double)
        page.check()
        limits = page.http.rate_limits
    assert (limits["app"].remaining, limits["page"].remaining, limits["page"].reset_after) == (99, 75, None)


def test_a_budget_that_cannot_be_read_spoils_nothing(double: FacebookDouble, page: Facebook) -> None:
    headers = {"X-App-Usage": "{", "X-Business-Use-Case-Usage": "[]"}
    double.inject(faults.answered(Reply({"id": double.us.id, "name": "us"}, headers=headers)))
    assert page.check().name == "us"


# --- the double itself ---


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/v23.0/me", {"fields": "id,email"}, 100),
        ("/v23.0/me", {"field": "id"}, 100),
        ("/v23.0/2121008874780932/feeds", {}, 100),
        ("/v23.0/1_1/comments", {"filter": "all"}, 100),
    ],
)
def test_the_double_refuses_what_the_network_does_not_know(
    double: FacebookDouble, page: Facebook, path: str, query: dict[str, str], code: int
) -> None:
    with pytest.raises(RejectedError, match=f"code {code}"):
        page.http.get(path, params=query)
