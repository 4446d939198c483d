"""The kit on timelines: our own posts as the network shows them, so that a route copies each once and no other."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from msgspec import structs

from hub.adapter import Editor, Publisher, Timeline
from hub.errors import HubError
from hub.models import RemotePost
from hub.testing.contract.calls import a_post
from hub.testing.contract.ground import needs
from hub.testing.contract.shelf import ReadingGround, Shelf, some
from hub.testing.contract.verbs import OwnPosts, somebody
from hub.testing.double import Double
from hub.testing.social import FeedDouble, SocialDouble

_TEXT = "Fish & chips: 5 < 6, and that's that"
# What a network's clock may differ from ours (seconds).
_SKEW = timedelta(seconds=120)


class Timelines(ReadingGround):
    area: ClassVar[str] = "timeline"

    @pytest.fixture
    def posts(self, network: Double, opened: Callable[..., Any]) -> OwnPosts:
        """Our posts on the network."""
        found = self.reading_of(OwnPosts, network, opened)
        assert isinstance(found, OwnPosts)
        return found

    @needs(Timeline)
    def test_items_are_remote_posts(self, posts: OwnPosts, account: Any) -> None:
        posts.add(2)
        for item in _read(posts, account).values():
            assert isinstance(item, RemotePost), (
                f"fetch_posts must yield hub.RemotePost, not {type(item).__name__}"
            )

    @needs(Timeline, Publisher, SocialDouble)
    def test_a_post_bears_the_id_of_its_receipt(self, posts: OwnPosts, account: Any) -> None:
        receipt = account.publish(a_post(account, "Who am I?"))
        items = _read(posts, account)
        assert receipt.remote_id in items, (
            f"publish gave the id {receipt.remote_id}, the timeline shows {some(items) or 'nothing'}: the hub "
            "knows its own posts by this id, and would take this one for a new post and route it on"
        )

    @needs(Timeline, SocialDouble)
    def test_a_post_says_what_was_published(self, posts: OwnPosts, account: Any) -> None:
        item = _read_one(posts, account, posts.put(_TEXT))
        assert _TEXT in item.text, (
            f"the text {_TEXT!r} came back as {item.text!r}: take the network's escapes and tags out of `text`"
        )

    @needs(Timeline, FeedDouble)
    def test_an_article_is_plain_text(self, network: FeedDouble, posts: OwnPosts, account: Any) -> None:
        html = "<p>Fish &amp; chips: <b>5 &lt; 6</b>, and <a href='https://example.org/'>that&#39;s</a> that</p>"
        item = _read_one(posts, account, network.publish("A title", html, "a-title"))
        said = " ".join(item.text.split())
        assert _TEXT.replace("that's that", "") in said, (
            f"the article {html!r} came back as {item.text!r}: `text` is plain text, without tags and escapes"
        )
        assert "<b>" not in said and "&amp;" not in said, f"tags or escapes were left in {item.text!r}"

    @needs(Timeline)
    def test_a_post_bears_the_time_at_which_it_was_made(self, posts: OwnPosts, account: Any) -> None:
        item = _read_one(posts, account, posts.put("What time is it?"))
        assert item.sent_at is not None, (
            "a post has no sent_at: without it `find` cannot tell today's post from an old one with the same words"
        )
        away = item.sent_at - datetime.now(UTC)
        assert abs(away) < _SKEW, (
            f"a post that was made just now bears {item.sent_at.isoformat()}, {away.total_seconds():+.0f} s from "
            "now: read the network's time in its own time zone, such as datetime.fromtimestamp(seconds, UTC)"
        )

    @needs(Timeline, Publisher, Editor, SocialDouble)
    def test_an_edit_shows(self, posts: OwnPosts, account: Any) -> None:
        post = a_post(account, "Before the edit")
        made = account.publish(post)
        try:
            account.edit(made.remote_id, structs.replace(post, text="Now it says something else"))
        except HubError as error:
            pytest.skip(f"{self.adapter.platform} did not take the edit: {error}")
        texts = [item.text for item in _read(posts, account).values()]
        assert any("something else" in text for text in texts), (
            f"an edited post is not shown with its new text ({texts}): fetch_posts hands out what it remembers"
        )
        assert not any("Before the edit" in text for text in texts), (
            f"an edited post is shown as it was before ({texts}): the old text would be routed again"
        )

    @needs(Timeline, FeedDouble)
    def test_an_edited_article_shows_its_new_text(
        self, network: FeedDouble, posts: OwnPosts, account: Any
    ) -> None:
        remote_id = network.publish("A title", "<p>Before the edit</p>", "a-title")
        shelf = Shelf(posts, account)
        shelf.read()
        network.edit(remote_id, html="<p>After it</p>")
        shelf.read()
        text = shelf.items[remote_id].text
        assert "After it" in text, f"an edited article still says {text!r}: its copies will not follow"

    @needs(Timeline)
    def test_a_deleted_post_does_not_come_back(self, posts: OwnPosts, account: Any) -> None:
        gone, stays = posts.add(2)
        if isinstance(posts.network, FeedDouble):
            posts.network.delete(gone)
        elif issubclass(self.adapter, Editor):
            account.delete(gone)
        else:
            pytest.skip(f"{self.adapter.platform} is no Editor")
        items = _read(posts, account)
        assert gone not in items or items[gone].deleted, (
            f"the deleted post {gone} is still shown: leave it out, or yield it with deleted=True"
        )
        assert stays in items and not items[stays].deleted, f"the post {stays} is there and was not shown"

    @needs(Timeline, Publisher, SocialDouble)
    def test_a_post_that_the_network_shows_late_is_not_skipped(
        self, network: SocialDouble, posts: OwnPosts, account: Any
    ) -> None:
        posts.add(1)
        shelf = Shelf(posts, account)
        shelf.read()
        network.echo_delay = 0.4
        late = posts.put("The network takes its time")
        shelf.read()
        time.sleep(0.5)
        missing = shelf.read_all([late])
        assert not missing, (
            "a post that the network showed half a second late was skipped: the cursor went to the present moment "
            "by our clock; let it go no further than the newest post that was shown"
        )

    @needs(Timeline, Publisher, SocialDouble)
    def test_a_part_of_a_thread_names_the_part_before(
        self, network: SocialDouble, posts: OwnPosts, account: Any
    ) -> None:
        first = account.publish(a_post(account, "Part one of two"))
        second = account.publish(structs.replace(a_post(account, "Part two of two"), reply_to=first))
        held = {post.id: post for post in network.held()}.get(second.remote_id)
        if held is None or held.reply_to is None:
            pytest.skip(f"{self.adapter.platform} makes each part a post of its own, or a remark")
        item = _read(posts, account).get(second.remote_id)
        assert item is None or item.reply_to == first.remote_id, (
            f"the second part of a thread is shown with reply_to={item and item.reply_to!r} instead of "
            f"{first.remote_id!r}: it would be routed on as a post of its own"
        )

    @needs(Timeline, Publisher, SocialDouble)
    def test_what_others_say_is_not_on_our_timeline(
        self, network: SocialDouble, posts: OwnPosts, account: Any
    ) -> None:
        ours = posts.put("What we say")
        person = somebody(network)
        theirs = {network.say(person, ours, "What they say")}
        theirs.add(network.mention(person, f"@{network.us.handle} what they say elsewhere"))
        shown = theirs & _read(posts, account).keys()
        assert not shown, f"what others said is on our timeline ({some(shown)}): it would be published in our name"


def _read(posts: OwnPosts, account: Any) -> dict[str, RemotePost]:
    shelf = Shelf(posts, account)
    shelf.read()
    return shelf.items


def _read_one(posts: OwnPosts, account: Any, remote_id: str) -> RemotePost:
    items = _read(posts, account)
    assert remote_id in items, f"the post {remote_id} is not among {some(items) or 'nothing'}"
    return items[remote_id]
