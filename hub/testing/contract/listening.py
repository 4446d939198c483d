"""The kit on mentions: who said what to us, when, where, and in answer to what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, get_args

import pytest

from hub.adapter import Listener, Publisher
from hub.models import Kind, Mention
from hub.testing.contract.ground import needs
from hub.testing.contract.shelf import ReadingGround, Shelf, some
from hub.testing.contract.verbs import Answers, Mentions, Reading
from hub.testing.double import Double
from hub.testing.social import SocialDouble

_SKEW = timedelta(seconds=120)


def check_mentions(verb: str, items: dict[str, Mention]) -> None:
    """Look at what every mention must have, whichever verb brought it."""
    for item in items.values():
        assert isinstance(item, Mention), f"{verb} must yield hub.Mention, not {type(item).__name__}"
        assert item.kind in get_args(Kind), f"{verb} gave the kind {item.kind!r}: it is one of {get_args(Kind)}"
        assert not item.url or item.url.startswith(("https://", "http://")), (
            f"{verb} gave the address {item.url!r}: a permalink is a whole address, or empty"
        )
        assert item.parent_id != item.remote_id, f"{verb}: the mention {item.remote_id} answers itself"
        if item.deleted:
            continue
        assert item.sent_at is not None, f"{verb}: a mention has no sent_at, so a discussion has no order"
        away = item.sent_at - datetime.now(UTC)
        assert abs(away) < _SKEW, (
            f"{verb}: what was said just now bears {item.sent_at.isoformat()}, {away.total_seconds():+.0f} s from "
            "now: read the network's time in its own time zone, such as datetime.fromtimestamp(seconds, UTC)"
        )


def check_authors(verb: str, network: SocialDouble, put: Callable[[], str], read: Callable[[], Shelf]) -> None:
    """See that two things said by one person have one author, and those of two persons two."""
    ids = [put() for _ in range(4)]
    items = read().items
    authors = {remote_id: author.remote_id for remote_id in ids if (author := items[remote_id].author) is not None}
    if not authors:
        pytest.skip("the network hides who says what")
    people = len(network.people.keys() & set(authors.values())) or len(set(authors.values()))
    assert len(set(authors.values())) == 2, (
        f"{verb}: two persons said two things each, and their authors are {sorted(set(authors.values()))}: "
        "Author.remote_id is the person's id on the network, the same for all they say"
    )
    assert people == 2, f"{verb}: the authors' ids {sorted(set(authors.values()))} are none of the network's"


class Listening(ReadingGround):
    area: ClassVar[str] = "listening"

    @pytest.fixture
    def mentions(self, network: Double, opened: Callable[..., Any]) -> Reading:
        """What is said to us."""
        return self.reading_of(Mentions, network, opened)

    @needs(Listener, SocialDouble)
    def test_a_mention_is_whole(self, network: SocialDouble, mentions: Reading, account: Any) -> None:
        remote_id = mentions.put("hello & welcome: 5 < 6")
        shelf = Shelf(mentions, account)
        shelf.read()
        check_mentions("fetch_mentions", shelf.items)
        text = shelf.items[remote_id].text
        assert "hello & welcome: 5 < 6" in text, (
            f"what was said came back as {text!r}: take the network's escapes and tags out of it"
        )

    @needs(Listener, SocialDouble)
    def test_authors_keep_their_ids(self, network: SocialDouble, mentions: Reading, account: Any) -> None:
        def read() -> Shelf:
            shelf = Shelf(mentions, account)
            shelf.read()
            return shelf

        check_authors("fetch_mentions", network, lambda: mentions.put("hello"), read)

    @needs(Listener, Publisher, SocialDouble)
    def test_an_answer_to_our_post_names_it_and_what_it_answers(
        self, network: SocialDouble, mentions: Reading, account: Any
    ) -> None:
        answers = Answers(network, lambda: account)
        top = answers.put(f"@{network.us.handle} an answer")
        below = answers.put(f"@{network.us.handle} an answer to the answer", parent=top)
        shelf = Shelf(mentions, account)
        shelf.read()
        if top not in shelf.items:
            pytest.skip("fetch_mentions does not show what is said under our posts")
        post = answers.thread.remote_id
        assert shelf.items[top].thread_id == post, (
            f"an answer under our post {post} came with the thread_id {shelf.items[top].thread_id!r}: it is the "
            "remote id of the post, or the answer is in no discussion"
        )
        assert shelf.items[top].parent_id is None, (
            f"an answer to the post itself has the parent_id {shelf.items[top].parent_id!r}: None says that it "
            "answers the post; another id makes the hub wait for a remark that never comes"
        )
        if below in shelf.items:
            assert (shelf.items[below].thread_id, shelf.items[below].parent_id) == (post, top), (
                f"an answer to the answer {top} came with thread_id={shelf.items[below].thread_id!r} and "
                f"parent_id={shelf.items[below].parent_id!r}"
            )

    @needs(Listener, SocialDouble)
    def test_a_deleted_mention_vanishes(self, network: SocialDouble, mentions: Reading, account: Any) -> None:
        gone, stays = mentions.add(2)
        network.delete_remark(gone)
        shelf = Shelf(mentions, account)
        shelf.read()
        assert gone not in shelf.live, (
            f"the deleted mention {gone} is shown as if it stood: leave it out, or yield it with deleted=True"
        )
        assert stays in shelf.live, f"the mention {stays} is there, and {some(shelf.live) or 'nothing'} was shown"
