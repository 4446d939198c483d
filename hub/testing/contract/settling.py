"""The kit on settling: a post whose answer was lost is found, or sent again, as `settle` promises."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from hub.adapter import Publisher
from hub.errors import DuplicateError, UnknownOutcome
from hub.models import Post, Receipt
from hub.testing import faults
from hub.testing.contract.calls import (
    Place,
    a_post,
    calls_alike,
    copies,
    making,
    ours,
    place_of,
    scratch,
    takes_once,
    the_one,
)
from hub.testing.contract.ground import Ground, calls_of, deadline_for, needs, settles, ways_to_settle
from hub.testing.contract.publishing import compare_books
from hub.testing.desk import Desk
from hub.testing.social import Held, SocialDouble

# A text that networks show otherwise than they took it: escaped, and with its link made short.
_ODD = 'Fish & "chips" <today> isn\'t it? Наше меню: https://example.org/menu?day=1&for=two 🐟'


class Settling(Ground):
    """What the hub relies on when no answer came.

    `no_threads_because` is for networks where a post cannot answer another: the parts then stand side by side.
    """

    area: ClassVar[str] = "settling"
    no_threads_because: ClassVar[str] = ""

    def _only_with(self, account: Any, *kinds: str) -> None:
        if not ways_to_settle(account) & set(kinds):
            pytest.skip(f"{self.adapter.platform} settles by {settles(account)}")

    def _lose(self, network: SocialDouble, account: Any, post: Post) -> Held:
        """Publish a post and lose the answer; return the post as the network holds it."""
        before = {one.id for one in ours(network)}
        network.inject(faults.LOST, making(self).only())
        try:
            receipt = account.publish(post)
        except UnknownOutcome:
            pass
        except Exception as error:
            raise AssertionError(
                f"the answer to a post was lost, and publish() raised {type(error).__name__} ({error}), not "
                "UnknownOutcome: the hub would not know that it may be there"
            ) from error
        else:
            assert settles(account) in ("key", "natural"), (
                f"the answer to a post was lost, and publish() returned {receipt}: it sent the post again"
            )
        made = [one for one in ours(network) if one.id not in before]
        assert len(made) == 1, f"one publish() whose answer was lost made {len(made)} posts"
        return made[0]

    @needs(Publisher, SocialDouble)
    def test_the_same_key_makes_no_second_post(self, network: SocialDouble, account: Any) -> None:
        self._only_with(account, "key", "natural")
        post = a_post(account, "Once under this key")
        first = account.publish(post)
        try:
            second: Receipt | None = account.publish(post)
        except DuplicateError as error:
            second = error.receipt
        number = len(copies(network, post.text))
        assert number == 1, f"the same post.key was published twice and made {number} posts: send the key"
        assert second is None or second.remote_id == first.remote_id, (
            f"the second answer names {second and second.remote_id!r} and the post is {first.remote_id!r}"
        )

    @needs(Publisher, SocialDouble)
    def test_another_key_makes_another_post(self, network: SocialDouble, account: Any) -> None:
        self._only_with(account, "key", "natural")
        post = a_post(account, "Good morning")
        account.publish(post)
        account.publish(msgspec.structs.replace(post, key=f"{post.key}.1"))
        number = len(copies(network, post.text))
        assert number == 2, (
            f"two posts with different keys became {number}: make the network's key of all of post.key"
        )

    @needs(Publisher, SocialDouble)
    def test_a_post_is_found_by_its_key_alone(self, network: SocialDouble, account: Any) -> None:
        self._only_with(account, "natural")
        post = a_post(account, "Found by its key")
        assert account.find(post) is None, "find() found a post that was never published"
        made = self._lose(network, account, post)
        found = account.find(Post(key=post.key))
        assert found is not None, "find() does not find the post by its key, and it would be published again"
        assert found.remote_id == made.id, f"find() found {found.remote_id!r}, and the post is {made.id!r}"

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("text", ["Found in the timeline", _ODD], ids=["plain", "odd"])
    def test_a_lost_post_is_found(self, text: str, network: SocialDouble, account: Any) -> None:
        self._only_with(account, "lookup", "natural")
        post = a_post(account, text)
        made = self._lose(network, account, post)
        found = account.find(_sought(post))
        assert found is not None, (
            f"find() does not find a post whose answer was lost (the network shows it as {made.text!r}): "
            "the hub would publish it again"
        )
        assert isinstance(found, Receipt), f"find() returned {found!r}, not a Receipt"
        assert found.remote_id == made.id, f"find() found {found.remote_id!r}, and the post is {made.id!r}"

    @needs(Publisher, SocialDouble)
    def test_a_lost_post_is_found_among_others(self, network: SocialDouble, account: Any) -> None:
        self._only_with(account, "lookup", "natural")
        post = a_post(account, "Found among others")
        made = self._lose(network, account, post)
        for number in range(25):
            account.publish(a_post(account, f"Another post, number {number}"))
        found = account.find(_sought(post))
        assert found is not None, "find() does not find a lost post behind 25 newer ones: read on to the next page"
        assert found.remote_id == made.id, f"find() took {found.remote_id!r} for the post {made.id!r}"

    @needs(Publisher, SocialDouble)
    def test_what_was_never_published_is_not_found(self, network: SocialDouble, account: Any) -> None:
        self._only_with(account, "lookup", "natural")
        account.publish(a_post(account, "We are open today"))
        found = account.find(_sought(a_post(account, "We are open today until six")))
        assert found is None, f"find() took {found} for a post that was never published: the hub would not send it"

    @needs(Publisher, SocialDouble)
    def test_another_deliverys_post_is_not_taken_for_the_lost_one(
        self, network: SocialDouble, account: Any
    ) -> None:
        self._only_with(account, "lookup")
        post = a_post(account, "Good morning")
        other = account.publish(a_post(account, "Good morning"))
        found = account.find(msgspec.structs.replace(_sought(post), taken=frozenset({other.remote_id})))
        assert found is None, (
            f"find() took {other.remote_id!r}, which stands in post.taken: it belongs to another delivery, "
            "and this post would never go out"
        )

    @needs(Publisher, SocialDouble)
    def test_an_older_post_with_the_same_words_is_not_the_lost_one(
        self, network: SocialDouble, account: Any
    ) -> None:
        self._only_with(account, "lookup")
        account.publish(a_post(account, "Good morning"))
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        found = account.find(msgspec.structs.replace(a_post(account, "Good morning"), since=tomorrow))
        assert found is None, (
            "find() took a post that is older than post.since: today's would never go out, because "
            "yesterday's has the same words; see find_in_timeline"
        )

    @needs(Publisher, SocialDouble)
    def test_a_post_that_is_not_shown_yet_is_not_found(self, network: SocialDouble, account: Any) -> None:
        self._only_with(account, "lookup")
        post = a_post(account, "Shown later")
        self._lose(network, account, post)
        network.echo_delay = 3600
        found = account.find(_sought(post))
        assert found is None, (
            f"find() found {found}, which the network does not list yet "
            "(or the double lists more than shown_posts())"
        )

    @needs(Publisher, SocialDouble)
    def test_two_lost_posts_with_the_same_words_are_two(
        self, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        with scratch(self) as (_, account):
            self._only_with(account, "lookup", "natural", "key")
            if takes_once(account):
                pytest.skip(f"{self.adapter.platform} takes the same words only once")
        with at_desk(deadline_for(faults.LOST)) as desk:
            for _ in range(2):
                network.inject(faults.LOST, making(self).only())
                desk.accept("Good morning")
                desk.turn()
                desk.clock.forward(seconds=1)
            desk.rest()
            states = [delivery.state for delivery in desk.deliveries()]
            ids = {delivery.remote_id for delivery in desk.deliveries()}
        held = {one.id for one in copies(network, "Good morning")}
        assert (states, ids) == (["published"] * 2, held), (
            f"two posts with the same words, both answers lost: {states} as {ids}, and the network holds {held}"
        )

    @needs(Publisher, SocialDouble)
    def test_a_part_of_a_thread_answers_the_part_before(self, network: SocialDouble, account: Any) -> None:
        self._threads()
        first = account.publish(a_post(account, "The beginning"))
        second = account.publish(msgspec.structs.replace(a_post(account, "The end"), reply_to=first))
        held = the_one(network, second.remote_id)
        assert held is not None, (
            f"the network does not hold {second.remote_id!r}, which publish() gave a receipt for"
        )
        assert held.reply_to == first.remote_id, (
            f"the second part answers {held.reply_to!r}, not the first ({first.remote_id!r}): "
            "send post.reply_to, or say no_threads_because"
        )

    @needs(Publisher, SocialDouble)
    def test_a_lost_answer_in_a_thread_leaves_every_part_once(
        self, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        with scratch(self) as (other, account):
            self._only_with(account, "lookup", "natural", "key")
            most = account.limits().maximum
            if not most:
                pytest.skip(f"{self.adapter.platform} takes a text of any length")
            place, before = _second_part(other, account)
        paragraphs = [f"{name} part. " + "word " * (int(most * 0.7) // 5) for name in ("First", "Second", "Third")]
        with at_desk(deadline_for(faults.LOST), overflow="thread") as desk:
            desk.accept("\n\n".join(paragraphs))
            network.inject_sequence([*[None] * before, faults.LOST], place.alike)
            desk.rest()
            parts = desk.deliveries()
            paused = desk.paused()
        assert not paused, f"a thread of three parts paused the account: {[one.error for one in parts]}"
        assert network.struck, f"no second part was published by {place}"
        assert [part.state for part in parts] == ["published"] * 3, (
            f"the parts of a thread whose second answer was lost are {[(one.state, one.error) for one in parts]}"
        )
        held = ours(network)
        assert sorted(one.id for one in held) == sorted(str(part.remote_id) for part in parts), (
            f"the network holds {len(held)} posts of a thread of three parts: a lost part was sent twice; "
            "let find() also find what answers a part"
        )
        if not self.no_threads_because:
            chain = [one.reply_to for part in parts for one in held if one.id == part.remote_id]
            assert chain == [None, parts[0].remote_id, parts[1].remote_id], (
                f"the parts answer {chain}: order was lost"
            )

    def _threads(self) -> None:
        if self.no_threads_because:
            pytest.skip(f"no threads: {self.no_threads_because}")

    @needs(Publisher, SocialDouble)
    def test_what_nothing_can_settle_is_left_to_a_person(
        self, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        with at_desk(deadline_for(faults.LOST)) as desk:
            self._only_with(desk.adapter, "none")
            network.inject(faults.LOST, making(self).only())
            desk.accept("Nobody knows")
            desk.rest()
            (delivery,) = desk.deliveries()
        assert delivery.state == "asked", (
            f'settle is "none", and a lost answer became {delivery.state}: publish() must raise UnknownOutcome'
        )
        compare_books("none", delivery, network, "Nobody knows", faults.LOST)


def _second_part(network: SocialDouble, account: Any) -> tuple[Place, int]:
    """Return the place of the call that makes a part after the first, and how many like it go before."""

    def after(text: str) -> Callable[[], object]:
        first = account.publish(a_post(account, text))
        part = msgspec.structs.replace(a_post(account, f"{text}, on"), reply_to=first)
        return lambda: account.publish(part)

    second = place_of(network, after("One"), after("Two"))
    first = calls_of(network, lambda: account.publish(a_post(account, "Three")))
    return second, calls_alike(first, second) + second.index


def _sought(post: Post) -> Post:
    """Return the post as the hub hands it to `find`."""
    return msgspec.structs.replace(post, since=datetime.now(UTC) - timedelta(seconds=30), media=())
