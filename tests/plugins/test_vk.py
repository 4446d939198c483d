"""The VK plugin against its double: each role, each trap of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

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
from hub.testing import Reply, Request, faults, open_adapter
from plugins.vk import VK
from plugins.vk.sandbox import GROUP_TOKEN, USER_TOKEN, VKDouble
from plugins.vk.sandbox_form import vk_error

PNG = Media(content=b"\x89PNG picture", mime="image/png", alt="A red barn")


class Quick(VK):
    """VK without its pace of three calls a second."""

    calls_per_second = None


@pytest.fixture
def double() -> Iterator[VKDouble]:
    with VKDouble() as running:
        yield running


@pytest.fixture
def opened(double: VKDouble) -> Iterator[Callable[..., VK]]:
    """Return a way to open the account with changed settings, closed at the end."""
    adapters: list[VK] = []

    def open_one(deadline: float = 5.0, **changed: object) -> VK:
        adapters.append(open_adapter(Quick, {**double.account(), **changed}, deadline=deadline))
        return adapters[-1]

    yield open_one
    for adapter in adapters:
        adapter.http.close()


@pytest.fixture
def vk(opened: Callable[..., VK]) -> VK:
    return opened()


def of(method: str) -> Callable[[Request], bool]:
    return lambda request: request.path == f"/method/{method}"


def count(double: VKDouble, method: str = "") -> int:
    return sum(call.path == f"/method/{method}" or not method for call in double.calls)


def replies(vk: VK, post_id: str, cursor: str | None = None) -> tuple[dict[str, Mention], str | None, bool]:
    found: dict[str, Mention] = {}
    complete = False
    for batch in vk.fetch_replies(Thread(remote_id=post_id), cursor):
        found |= {mention.remote_id: mention for mention in batch.items}
        cursor, complete = batch.cursor, batch.complete
    return found, cursor, complete


# check


def test_check_names_the_community_and_the_users_token(vk: VK) -> None:
    identity = vk.check()
    assert (identity.remote_id, identity.name, identity.kind) == ("-123", "Our company", "user")
    assert identity.url == "https://vk.com/company"
    assert not identity.missing


def test_check_tells_that_a_communitys_token_is_not_enough(opened: Callable[..., VK]) -> None:
    identity = opened(token=GROUP_TOKEN).check()
    assert (identity.kind, identity.missing) == ("community", ("a user's token",))


@pytest.mark.parametrize(("level", "missing"), [(1, True), (0, True), (2, False), (3, False)])
def test_check_tells_when_the_user_may_not_edit_the_community(
    double: VKDouble, vk: VK, level: int, missing: bool
) -> None:
    double.admin_level = level
    assert bool(vk.check().missing) is missing


def test_a_community_that_does_not_exist_is_gone(opened: Callable[..., VK]) -> None:
    with pytest.raises(GoneError, match="999"):
        opened(group=999).check()


def test_the_settings_alone_tell_the_page(double: VKDouble) -> None:
    assert VK.page(VK.Settings.model_validate(double.account())) == "club123"


def test_the_pace_is_that_of_a_users_token() -> None:
    assert VK.calls_per_second == 3


# publish


def test_a_post_is_published_once_as_the_community(double: VKDouble, vk: VK) -> None:
    receipt = vk.publish(Post(text="Привет, мир & <все>", key="k1"))
    (held,) = double.held()
    assert (held.id, held.text) == (receipt.remote_id, "Привет, мир & <все>")
    assert receipt.url == f"https://vk.com/wall{receipt.remote_id}"
    assert count(double) == 1


def test_the_link_travels_as_an_attachment_with_its_commas_kept_together(double: VKDouble, vk: VK) -> None:
    vk.publish(Post(text="Read", link="https://example.org/a,b?c=1&d=2", key="k"))
    assert double.held()[0].link == "https://example.org/a%2Cb?c=1&d=2"


def test_images_are_uploaded_and_their_alternative_text_becomes_the_caption(double: VKDouble, vk: VK) -> None:
    second = Media(content=b"\xff\xd8 jpeg", mime="image/jpeg", alt="Café, " + "x" * 3000)
    vk.publish(Post(text="Look", media=(PNG, second), key="k"))
    assert double.held()[0].alts == ["A red barn", ("Café, " + "x" * 3000)[:2048]]
    assert count(double, "wall.post") == 1


def test_a_post_may_be_an_image_alone(double: VKDouble, vk: VK) -> None:
    vk.publish(Post(media=(PNG,), key="k"))
    assert (double.held()[0].text, double.held()[0].alts) == ("", ["A red barn"])


def test_an_image_that_is_known_by_its_address_alone_is_fetched_without_the_token(
    double: VKDouble, vk: VK
) -> None:
    picture = Reply(body=b"\x89PNG barn", content_type="image/png")
    double.inject(
        faults.answered(picture),
        lambda request: request.path == "/barn.png" and "authorization" not in request.headers,
    )
    vk.publish(Post(text="Look", media=(Media(url=f"{double.url}/barn.png", mime="image/png"),), key="k"))
    assert b"\x89PNG barn" in next(call.body for call in double.calls if call.path.startswith("/upload/"))


def test_an_image_that_vk_does_not_take_stops_the_post(double: VKDouble, vk: VK) -> None:
    with pytest.raises(RejectedError, match="ERR_UPLOAD_BAD_IMAGE_FORMAT") as caught:
        vk.publish(Post(text="Look", media=(Media(content=b"<svg/>", mime="image/svg+xml"),), key="k"))
    assert "JPG" in caught.value.hint
    assert not double.held()


@pytest.mark.parametrize("at", ["/method/photos.saveWallPhoto", "/method/photos.getWallUploadServer", "/upload/"])
def test_an_answer_lost_before_the_post_itself_is_made_up_for(double: VKDouble, vk: VK, at: str) -> None:
    double.inject(faults.LOST, lambda request: request.path.startswith(at))
    vk.publish(Post(text="Look", media=(PNG,), key="k"))
    assert len(double.held()) == 1


def test_the_token_goes_to_no_upload_server_and_into_no_address(double: VKDouble, vk: VK) -> None:
    vk.publish(Post(text="Look", media=(PNG,), key="k"))
    list(vk.fetch_posts(None))
    for call in double.calls:
        assert USER_TOKEN not in call.path + str(call.query) + call.body.decode("latin-1")
        assert ("authorization" in call.headers) == call.path.startswith("/method/")


@pytest.mark.parametrize("text", ["Lost & found [club5|The Club]", "Two\nlines  https://example.org/x"])
def test_a_post_whose_answer_was_lost_is_unknown_and_then_found(double: VKDouble, vk: VK, text: str) -> None:
    post = Post(text=text, key="k", since=datetime.now(UTC))
    double.inject(faults.LOST, of("wall.post"))
    with pytest.raises(UnknownOutcome):
        vk.publish(post)
    found = vk.find(post)
    assert found is not None
    assert found.remote_id == double.held()[0].id
    assert count(double, "wall.post") == 1


def test_a_post_that_never_arrived_is_not_found(double: VKDouble, vk: VK) -> None:
    double.inject(faults.DROPPED, of("wall.post"))
    with pytest.raises(UnknownOutcome):
        vk.publish(Post(text="Hello", key="k"))
    assert vk.find(Post(text="Hello", key="k")) is None


def test_find_passes_over_another_deliverys_post(double: VKDouble, vk: VK) -> None:
    first = vk.publish(Post(text="Same", key="a"))
    assert vk.find(Post(text="Same", key="b", taken=frozenset({first.remote_id}))) is None


def test_the_same_key_makes_no_second_post(double: VKDouble, vk: VK) -> None:
    first, second = (vk.publish(Post(text="Same", key="k")) for _ in range(2))
    assert first == second
    assert len(double.held()) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500, json={"error": {"error_code": 100, "error_msg": "x"}}),
        Reply(status=502, body=b"<html>Bad gateway</html>", content_type="text/html"),
        Reply(body=b"<html>Maintenance</html>", content_type="text/html"),
        Reply(body=b'{"response":{"post_id":'),
        Reply(body=b""),
        Reply(json={"response": {}}),
        Reply(json={"response": {"post_id": 0}}),
        Reply(json={"response": {"post_id": "7"}}),
        Reply(json={"response": None}),
        Reply(json={"error": None}),
        Reply(json={"error": "broken"}),
    ],
)
def test_no_answer_that_leaves_a_doubt_counts_as_success_or_refusal(
    double: VKDouble, vk: VK, reply: Reply
) -> None:
    double.inject(faults.answered(reply).after, of("wall.post"))
    with pytest.raises(UnknownOutcome):
        vk.publish(Post(text="Doubt", key="k"))
    assert count(double, "wall.post") == 1


# errors


@pytest.mark.parametrize(("code", "text"), [(9, "Flood control"), (29, "Rate limit"), (103, "Out of limits")])
def test_vk_is_not_hammered_when_it_asks_for_a_long_wait(double: VKDouble, vk: VK, code: int, text: str) -> None:
    double.inject(faults.answered(vk_error(code, text)))
    with pytest.raises(TransientError) as caught:
        vk.publish(Post(text="Hello", key="k"))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 600
    assert count(double) == 1


@pytest.mark.parametrize("code", [1, 10, 13])
def test_a_read_that_broke_on_their_side_is_made_again(double: VKDouble, vk: VK, code: int) -> None:
    double.inject(faults.answered(vk_error(code, "Internal server error")), of("wall.get"))
    assert [batch.cursor for batch in vk.fetch_posts(None)] == ["0"]
    assert count(double, "wall.get") == 2


def test_the_daily_limit_keeps_the_post_for_later(double: VKDouble, vk: VK) -> None:
    double.posts_per_day = 1
    vk.publish(Post(text="One", key="1"))
    with pytest.raises(TransientError, match="posts a day"):
        vk.publish(Post(text="Two", key="2"))


def test_a_closed_wall_refuses_and_says_what_mends_it(double: VKDouble, vk: VK) -> None:
    double.closed = True
    with pytest.raises(RejectedError, match="closed") as caught:
        vk.publish(Post(text="One", key="1"))
    assert "open the community's wall" in caught.value.hint


def test_a_communitys_token_cannot_publish_and_the_hint_says_which_can(opened: Callable[..., VK]) -> None:
    with pytest.raises(AuthError) as caught:
        opened(token=GROUP_TOKEN).publish(Post(text="One", key="1"))
    assert "user's token" in caught.value.hint


def test_no_error_message_holds_the_token(double: VKDouble, vk: VK) -> None:
    echo = [{"key": "access_token", "value": USER_TOKEN}]
    body = {"error_code": 5, "error_msg": f"invalid token {USER_TOKEN}", "request_params": echo}
    double.inject(faults.answered(Reply(json={"error": body})))
    with pytest.raises(AuthError) as caught:
        vk.publish(Post(text="One", key="1"))
    error = caught.value
    assert USER_TOKEN not in f"{error} {error.hint} {error.facts} {error!r}"


def test_too_many_calls_a_second_are_waited_out(double: VKDouble, vk: VK) -> None:
    double.calls_per_second = 2
    for number in range(3):
        vk.publish(Post(text=str(number), key=str(number)))
    assert [held.text for held in double.held()] == ["0", "1", "2"]


# edit and delete


def test_an_edit_resends_what_is_attached(double: VKDouble, vk: VK) -> None:
    receipt = vk.publish(Post(text="Old", link="https://example.org", media=(PNG,), key="k"))
    changed = vk.edit(receipt.remote_id, Post(text="New", link="https://example.org", media=(PNG,), key="k"))
    (held,) = double.held()
    assert changed == receipt
    assert (held.text, held.link, held.alts) == ("New", "https://example.org", ["A red barn"])


def test_an_edit_may_be_made_twice_and_its_lost_answer_harms_nothing(double: VKDouble, vk: VK) -> None:
    receipt = vk.publish(Post(text="Old", key="k"))
    double.inject(faults.LOST, of("wall.edit"))
    assert vk.edit(receipt.remote_id, Post(text="New", key="k")) == receipt
    assert vk.edit(receipt.remote_id, Post(text="New", key="k")) == receipt
    assert double.held()[0].text == "New"


def test_deleting_what_is_gone_is_success(double: VKDouble, vk: VK) -> None:
    receipt = vk.publish(Post(text="Old", key="k"))
    vk.delete(receipt.remote_id)
    vk.delete(receipt.remote_id)
    vk.edit(receipt.remote_id, Post(text="New", key="k"))
    assert not double.held()


def test_a_lost_answer_to_a_deletion_is_made_up_for(double: VKDouble, vk: VK) -> None:
    receipt = vk.publish(Post(text="Old", key="k"))
    double.inject(faults.LOST, of("wall.delete"))
    vk.delete(receipt.remote_id)
    assert not double.held()


def test_an_id_of_another_network_is_refused_before_any_call(double: VKDouble, vk: VK) -> None:
    with pytest.raises(RejectedError, match="no id of VK"):
        vk.delete("abc")
    assert not double.calls


# timeline


def test_a_first_read_of_an_empty_wall_leaves_a_cursor_that_finds_the_next_post(vk: VK) -> None:
    (batch,) = vk.fetch_posts(None)
    assert (batch.items, batch.cursor) == ([], "0")
    vk.publish(Post(text="First", key="k"))
    assert [item.text for batch in vk.fetch_posts(batch.cursor) for item in batch.items] == ["First"]


def test_the_timeline_shows_text_link_picture_and_times(double: VKDouble, vk: VK) -> None:
    receipt = vk.publish(Post(text="A &amp; B", link="https://example.org/x", media=(PNG,), key="k"))
    (batch,) = vk.fetch_posts(None)
    (item,) = batch.items
    assert (item.remote_id, item.url, item.text) == (receipt.remote_id, receipt.url, "A & B")
    assert item.link == "https://example.org/x"
    assert item.media[0].url.endswith("z.jpg")
    assert item.media[0].alt == "A red barn"
    assert item.sent_at is not None


def test_the_timeline_leaves_out_visitors_posts(double: VKDouble, vk: VK) -> None:
    double.visit(double.add_person("Anna", "anna"), "I am a guest")
    assert [batch.items for batch in vk.fetch_posts(None)] == [[]]


def _fill(double: VKDouble, vk: VK, number: int, start: datetime) -> list[str]:
    ids = []
    for i in range(number):
        receipt = vk.publish(Post(text=f"Post {i}", key=f"{start}{i}"))
        double.posts[receipt.remote_id].sent_at = start + timedelta(minutes=i)
        ids.append(receipt.remote_id)
    return ids


def test_an_increment_skips_nothing_over_many_pages_although_an_old_post_is_pinned(
    double: VKDouble, vk: VK
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    old = _fill(double, vk, 3, start)
    (batch,) = vk.fetch_posts(None)
    new = _fill(double, vk, 230, start + timedelta(days=1))
    double.pinned = old[0]
    double.posts[old[0]].sent_at = start - timedelta(days=30)
    batches = list(vk.fetch_posts(batch.cursor))
    assert {item.remote_id for batch in batches for item in batch.items} >= set(new)
    assert {part.cursor for part in batches[:-1]} == {batch.cursor}
    assert int(batches[-1].cursor or 0) == int(double.posts[new[-1]].sent_at.timestamp())


def test_an_increment_costs_one_call_and_brings_the_edited_post_again(double: VKDouble, vk: VK) -> None:
    first, *_ = _fill(double, vk, 80, datetime.now(UTC) - timedelta(days=2))
    (batch,) = vk.fetch_posts(None)
    before = count(double)
    assert first not in {item.remote_id for again in vk.fetch_posts(batch.cursor) for item in again.items}
    assert count(double) == before + 1
    vk.edit(first, Post(text="Changed", key="k"))
    found = {item.remote_id: item for again in vk.fetch_posts(batch.cursor) for item in again.items}
    assert found[first].text == "Changed"
    assert found[first].edited_at is not None


# mentions


def test_mentions_and_visitors_posts_are_heard_with_their_authors(double: VKDouble, vk: VK) -> None:
    anna = double.add_person("Анна Ким", "anna", email="anna@example.org")
    boris = double.add_person("Boris Li", "boris")
    named = double.mention_us(anna, "Thanks to [club123|Our company]!")
    visit = double.visit(boris, "A guest's word")
    found = {item.remote_id: item for batch in vk.fetch_mentions(None) for item in batch.items}
    assert set(found) == {named, visit}
    assert found[named].text == "Thanks to Our company!"
    assert found[named].thread_id == named
    assert found[named].kind == "mention"
    author = found[named].author
    assert author is not None
    assert (author.remote_id, author.name, author.handle) == (anna.id, "Анна Ким", "anna")
    assert (author.url, author.emails) == ("https://vk.com/anna", ("anna@example.org",))
    other = found[visit].author
    assert other is not None
    assert (other.name, other.emails) == ("Boris Li", ())


def test_a_first_read_without_mentions_leaves_a_cursor_that_finds_the_next(double: VKDouble, vk: VK) -> None:
    *_, last = vk.fetch_mentions(None)
    assert last.cursor is not None
    named = double.mention_us(double.add_person("Anna", "anna"), "Hello", datetime.now(UTC) - timedelta(days=9))
    found = [item.remote_id for batch in vk.fetch_mentions(last.cursor) for item in batch.items]
    assert found == [named]


def test_mentions_are_read_over_many_pages_and_the_cursor_moves_with_the_last(double: VKDouble, vk: VK) -> None:
    anna = double.add_person("Anna", "anna")
    start = datetime.now(UTC) - timedelta(hours=20)
    ids = {double.mention_us(anna, f"No {i}", start + timedelta(minutes=i)) for i in range(120)}
    batches = list(vk.fetch_mentions(None))
    assert {item.remote_id for batch in batches for item in batch.items} == ids
    assert [batch.cursor for batch in batches[:-1]] == [None] * (len(batches) - 1)
    assert batches[-1].cursor == str(int((start + timedelta(minutes=119)).timestamp()))
    assert count(double, "users.get") == 1


def test_a_mention_that_shows_up_late_is_not_skipped(double: VKDouble, vk: VK) -> None:
    anna = double.add_person("Anna", "anna")
    now = datetime.now(UTC)
    double.mention_us(anna, "On time", now)
    *_, last = vk.fetch_mentions(None)
    late = double.mention_us(anna, "Late", now - timedelta(minutes=10))
    assert late in {item.remote_id for batch in vk.fetch_mentions(last.cursor) for item in batch.items}


# replies


def test_a_thread_is_read_at_all_depths_with_its_authors(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    anna = double.add_person("Anna Kim", "anna", email="anna@example.org")
    top = double.say(anna, post, "First")
    answer = double.say(double.add_person("Boris", "boris"), post, "Second", top)
    deep = double.say(anna, post, "[id5|Boris], third", answer)
    found, _, complete = replies(vk, post)
    assert complete
    assert {one: (mention.parent_id, mention.kind, mention.text) for one, mention in found.items()} == {
        top: (None, "comment", "First"),
        answer: (top, "reply", "Second"),
        deep: (answer, "reply", "Boris, third"),
    }
    assert {mention.thread_id for mention in found.values()} == {post}
    author = found[top].author
    assert author is not None
    assert (author.remote_id, author.name, author.emails) == (anna.id, "Anna Kim", ("anna@example.org",))
    assert (
        found[answer].url == f"https://vk.com/wall{post}?reply={answer.split('_')[1]}&thread={top.split('_')[1]}"
    )


def test_a_quiet_thread_costs_one_call_and_brings_nothing(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    anna = double.add_person("Anna", "anna")
    top = double.say(anna, post, "First")
    for i in range(15):
        double.say(anna, post, str(i), top)
    _, cursor, _ = replies(vk, post)
    before = count(double)
    found, again, _ = replies(vk, post, cursor)
    assert (found, again) == ({}, cursor)
    assert count(double) == before + 1


def test_an_empty_thread_leaves_a_cursor_that_finds_the_first_comment(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    found, cursor, complete = replies(vk, post)
    assert (found, complete) == ({}, True)
    first = double.say(double.add_person("Anna", "anna"), post, "First")
    assert list(replies(vk, post, cursor)[0]) == [first]


def test_edits_follow(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    top = double.say(double.add_person("Anna", "anna"), post, "First")
    _, cursor, _ = replies(vk, post)
    double.edit_remark(top, "First, mended")
    assert replies(vk, post, cursor)[0][top].text == "First, mended"


def test_a_deleted_comment_with_answers_is_shown_deleted_without_its_author(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    anna = double.add_person("Anna", "anna")
    top = double.say(anna, post, "First")
    answer = double.say(anna, post, "Second", top)
    _, cursor, _ = replies(vk, post)
    double.delete_remark(top)
    found, _, _ = replies(vk, post, cursor)
    assert (found[top].deleted, found[top].author, found[top].text) == (True, None, "")
    assert (found[answer].deleted, found[answer].parent_id) == (False, top)


def test_a_deleted_comment_without_answers_is_missing_from_a_complete_read(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    anna = double.add_person("Anna", "anna")
    top, other = double.say(anna, post, "First"), double.say(anna, post, "Other")
    _, cursor, _ = replies(vk, post)
    double.delete_remark(top)
    found, _, complete = replies(vk, post, cursor)
    assert (set(found), complete) == ({other}, True)


def _crowd(double: VKDouble, post: str, tops: int, answers: int) -> set[str]:
    """Let Anna say `tops` comments; the first of them has `answers` answers."""
    anna = double.add_person("Anna", "anna")
    said = [double.say(anna, post, f"Top {i}") for i in range(tops)]
    return {*said, *(double.say(anna, post, f"Answer {i}", said[0]) for i in range(answers))}


def test_a_thread_of_many_pages_with_a_long_branch_is_read_whole(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    said = _crowd(double, post, 250, 130)
    found, cursor, complete = replies(vk, post)
    assert (set(found), complete) == (said, True)
    assert replies(vk, post, cursor)[0] == {}


def test_cursors_of_a_whole_read_move_only_with_its_last_page(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    _crowd(double, post, 250, 0)
    batches = list(vk.fetch_replies(Thread(remote_id=post), None))
    assert [(batch.cursor is None, batch.complete) for batch in batches[:-1]] == [(True, False)] * 2
    assert batches[-1].complete


def test_a_new_comment_in_a_big_thread_costs_one_call(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    _crowd(double, post, 250, 0)
    _, cursor, _ = replies(vk, post)
    before = count(double)
    new = double.say(double.add_person("Boris", "boris"), post, "New")
    found, cursor, complete = replies(vk, post, cursor)
    assert new in found
    assert not complete
    assert count(double) == before + 1
    assert replies(vk, post, cursor)[0] == {}


def test_a_new_answer_at_the_end_of_a_long_branch_costs_two_calls(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    _crowd(double, post, 3, 150)
    _, cursor, _ = replies(vk, post)
    before = count(double)
    top = next(remark.id for remark in double.remarks.values() if remark.parent_id is None)
    new = double.say(double.add_person("Boris", "boris"), post, "New", top)
    found, cursor, _ = replies(vk, post, cursor)
    assert new in found
    assert count(double) == before + 2
    assert replies(vk, post, cursor)[0] == {}


def test_a_new_answer_to_an_old_comment_beyond_the_newest_page_is_found(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    _crowd(double, post, 150, 2)
    _, cursor, _ = replies(vk, post)
    top = min(double.remarks)
    new = double.say(double.add_person("Boris", "boris"), post, "New", top)
    assert new in replies(vk, post, cursor)[0]


@pytest.mark.parametrize("forgets", [False, True])
def test_a_comment_deleted_between_two_pages_makes_none_skipped(double: VKDouble, vk: VK, forgets: bool) -> None:
    double.forgets_start = forgets
    post = vk.publish(Post(text="Post", key="k")).remote_id
    said = _crowd(double, post, 250, 0)
    reading = vk.fetch_replies(Thread(remote_id=post), None)
    first = next(reading)
    # The second page is read by now, and begins with the last of the first: the third would begin with this one.
    double.delete_remark(sorted(said, reverse=True)[99 + 99])
    found = {mention.remote_id for mention in first.items}
    found |= {mention.remote_id for batch in reading for mention in batch.items}
    assert found == said


def test_a_cursor_that_cannot_be_read_starts_anew(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    top = double.say(double.add_person("Anna", "anna"), post, "First")
    found, _, complete = replies(vk, post, "rubbish")
    assert (set(found), complete) == ({top}, True)


def test_a_thread_under_a_deleted_post_is_gone(vk: VK) -> None:
    with pytest.raises(GoneError):
        replies(vk, "-123_99")


def test_a_page_that_is_cut_short_is_read_again(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    top = double.say(double.add_person("Anna", "anna"), post, "First")
    double.inject(faults.answered(Reply(body=b'{"response":{"items":[{"id')), of("wall.getComments"))
    with pytest.raises(TransientError):
        replies(vk, post)
    assert set(replies(vk, post)[0]) == {top}


# search


def test_a_search_pages_with_vks_own_bookmark_and_leaves_out_our_posts(double: VKDouble, vk: VK) -> None:
    anna = double.add_person("Anna", "anna")
    start = datetime.now(UTC) - timedelta(hours=20)
    ids = {double.write_post(anna, f"Crosshub {i}", start + timedelta(minutes=i)) for i in range(250)}
    double.write_post(anna, "Something else")
    batches = list(vk.search("crosshub", None))
    assert {item.remote_id for batch in batches for item in batch.items} == ids
    assert [batch.cursor for batch in batches] == [None, str(int((start + timedelta(minutes=249)).timestamp()))]


def test_a_search_goes_on_where_it_was(double: VKDouble, vk: VK) -> None:
    anna = double.add_person("Anna", "anna")
    double.write_post(anna, "Crosshub before", datetime.now(UTC) - timedelta(hours=5))
    *_, last = vk.search("crosshub", None)
    new = double.write_post(anna, "Crosshub after")
    found = {item.remote_id for batch in vk.search("crosshub", last.cursor) for item in batch.items}
    assert new in found


# reply


def test_a_reply_goes_under_the_comment_as_the_community(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    top = double.say(double.add_person("Anna", "anna"), post, "First")
    receipt = vk.reply(replies(vk, post)[0][top], "Thank you")
    remark = double.remarks[receipt.remote_id]
    assert (remark.person, remark.text, remark.parent_id) == (double.us, "Thank you", top)
    ours = replies(vk, post)[0][receipt.remote_id].author
    assert ours is not None
    assert (ours.remote_id, ours.name) == ("-123", "Our company")


def test_a_reply_to_an_answer_stays_in_its_branch(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    anna = double.add_person("Anna", "anna")
    answer = double.say(anna, post, "Second", double.say(anna, post, "First"))
    receipt = vk.reply(replies(vk, post)[0][answer], "Thank you")
    assert replies(vk, post)[0][receipt.remote_id].parent_id == answer


def test_a_reply_to_a_post_that_names_us_is_a_comment_there(double: VKDouble, vk: VK) -> None:
    named = double.mention_us(double.add_person("Anna", "anna"), "Hello")
    mention = next(item for batch in vk.fetch_mentions(None) for item in batch.items)
    receipt = vk.reply(mention, "Hello, Anna")
    assert receipt.url.startswith(f"https://vk.com/wall{named}?reply=")
    assert double.remarks[receipt.remote_id].parent_id is None


def test_the_same_reply_made_again_after_a_lost_answer_is_there_once(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    top = double.say(double.add_person("Anna", "anna"), post, "First")
    mention = replies(vk, post)[0][top]
    double.inject(faults.LOST, of("wall.createComment"))
    with pytest.raises(UnknownOutcome):
        vk.reply(mention, "Thank you")
    vk.reply(mention, "Thank you")
    assert [remark.text for remark in double.remarks.values()] == ["First", "Thank you"]


def test_a_reply_without_an_id_in_its_answer_is_unknown(double: VKDouble, vk: VK) -> None:
    post = vk.publish(Post(text="Post", key="k")).remote_id
    top = double.say(double.add_person("Anna", "anna"), post, "First")
    mention = replies(vk, post)[0][top]
    double.inject(faults.answered(Reply(json={"response": {}})).after, of("wall.createComment"))
    with pytest.raises(UnknownOutcome):
        vk.reply(mention, "Thank you")


# the double itself


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"v": "5.199", "owner_id": "-123", "colour": "red"}, 100),
        ({"v": "5.199", "owner_id": "-123", "count": "101"}, 100),
        ({"v": "5.199", "owner_id": "ours"}, 100),
        ({"owner_id": "-123"}, 8),
    ],
)
def test_the_double_refuses_what_vk_does_not_know(double: VKDouble, query: dict[str, str], code: int) -> None:
    headers = {"authorization": f"Bearer {USER_TOKEN}"}
    reply = double.answer(Request("GET", "/method/wall.get", query, headers, b""))
    assert reply.json["error"]["error_code"] == code


def test_the_double_takes_three_hundred_posts_in_a_moment(double: VKDouble, vk: VK) -> None:
    for number in range(300):
        vk.publish(Post(text=f"Post {number}", key=str(number)))
    assert len(double.held()) == 300
