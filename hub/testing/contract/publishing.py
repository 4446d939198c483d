"""The kit on publishing: a post arrives whole, and once, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from html import unescape
from typing import Any, ClassVar

import pytest

from hub.adapter import Publisher
from hub.models import Media, Receipt
from hub.resemblance import text_key
from hub.store.outbox.deliveries import Delivery
from hub.testing import faults
from hub.testing.contract.calls import a_post, copies, image, making, ours, scratch, takes_once, the_one
from hub.testing.contract.ground import Ground, calls_of, deadline_for, needs, nth, settles
from hub.testing.desk import Desk
from hub.testing.faults import Fault
from hub.testing.social import SocialDouble

TEXTS = {
    "plain": "Good morning from the square",
    "Cyrillic": "Доброе утро, площадь! Ёлка уже стоит.",
    "emoji": "The family 👨‍👩‍👧‍👦 waves 👋🏽 a flag 🏳️‍🌈",
    "right to left": "שלום לכם, العالم",
    "lines": "First line\nSecond line\n\nA new paragraph",
    "markup": 'If a < b & b > c, then <b>"bold"</b> isn\'t &amp; *starred* _or_ `ticked` \\n 100%',
}
_LINK = "https://example.org/reports/2024?part=1&page=2"
_WITH_IMAGE = (faults.LOST, faults.RESET_IN_UPLOAD, faults.server_error(502).after)


class Publishing(Ground):
    """What the hub relies on when it hands over a post."""

    area: ClassVar[str] = "publishing"

    @needs(Publisher, SocialDouble)
    def test_a_post_gets_a_receipt(self, network: SocialDouble, account: Any) -> None:
        post = a_post(account, TEXTS["plain"])
        receipt = account.publish(post)
        assert isinstance(receipt, Receipt), f"publish() returned {receipt!r}, not a Receipt"
        assert the_one(network, receipt.remote_id) is not None, (
            f"the receipt says {receipt.remote_id!r}, and the network holds {[one.id for one in ours(network)]}: "
            "answers, edits and look-ups will miss the post"
        )

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("kind", TEXTS)
    def test_the_text_arrives_whole(self, kind: str, network: SocialDouble, account: Any) -> None:
        post = a_post(account, TEXTS[kind])
        held = the_one(network, account.publish(post).remote_id)
        assert held is not None, "the network does not hold what publish() gave a receipt for"
        assert text_key(held.text) == text_key(post.text), (
            f"{post.text!r} became {held.text!r}: send the text as it is, or escaped as the network wants it"
        )
        wanted, got = _lines(post.text), _lines(held.text)
        assert wanted == got or "<" in held.text, f"the lines of {post.text!r} were lost: {held.text!r}"

    @needs(Publisher, SocialDouble)
    def test_a_link_travels_with_its_post(self, network: SocialDouble, account: Any) -> None:
        held = the_one(network, account.publish(a_post(account, "Read this", link=_LINK)).remote_id)
        assert held is not None, "the network does not hold what publish() gave a receipt for"
        assert _LINK in (unescape(held.link), held.link) or _LINK in unescape(held.text), (
            f'the link is lost: the network holds {held.text!r} and {held.link!r}; with link="field" in limits() '
            "post.link is yours to send"
        )

    @needs(Publisher, SocialDouble)
    def test_images_arrive_in_order_with_their_descriptions(self, network: SocialDouble, account: Any) -> None:
        number = min(account.limits().media_count, 2)
        if not number:
            pytest.skip(f"{self.adapter.platform} takes no images")
        alts = ["The mayor cuts a ribbon", "Дети на «горке»"][:number]
        images = [image(place, alt) for place, alt in enumerate(alts, 1)]
        held = the_one(network, account.publish(a_post(account, "With pictures", media=images)).remote_id)
        assert held is not None, "the network does not hold what publish() gave a receipt for"
        assert len(held.alts) == number, (
            f"{number} images were to be published, the network holds {len(held.alts)}"
        )
        if not any(held.alts):
            pytest.skip(f"{self.adapter.platform} keeps no descriptions")
        assert held.alts == alts, f"the images' descriptions {alts} arrived as {held.alts}"

    @needs(Publisher, SocialDouble)
    def test_two_posts_with_the_same_words_are_two(self, network: SocialDouble, account: Any) -> None:
        with scratch(self) as (_, other):
            if takes_once(other):
                pytest.skip(f"{self.adapter.platform} takes the same words only once")
        first = account.publish(a_post(account, "Good morning"))
        second = account.publish(a_post(account, "Good morning"))
        number = len(copies(network, "Good morning"))
        assert (number, first.remote_id == second.remote_id) == (2, False), (
            f"two posts with different keys became {number}: the words are no key; use post.key"
        )

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", faults.DONE, ids=str)
    def test_a_lost_answer_is_no_second_post(
        self, fault: Fault, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        self._strike(fault, network, at_desk)

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", faults.UNDONE, ids=str)
    def test_a_post_that_was_not_taken_is_sent_again(
        self, fault: Fault, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        self._strike(fault, network, at_desk)

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", _WITH_IMAGE, ids=str)
    def test_trouble_at_any_call_of_a_post_with_an_image(
        self, fault: Fault, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        text, picture = "With a picture", (image(1, "The mayor"),)
        with self.make_network() as calm, at_desk(deadline_for(fault), on=calm) as desk:
            if not desk.adapter.limits().media_count:  # type: ignore[attr-defined]  # a Publisher
                pytest.skip(f"{self.adapter.platform} takes no images")
            desk.accept(text, media=picture)
            number = len(calls_of(calm, desk.rest))
        for place in range(number):
            with self.make_network() as other, at_desk(deadline_for(fault), on=other) as desk:
                assert isinstance(other, SocialDouble)
                other.inject(fault, nth(place))
                self._deliver(desk, other, text, fault, picture)

    def _strike(
        self, fault: Fault, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        """Let `fault` strike the call that makes a post, and see what becomes of its delivery."""
        place = making(self)
        with at_desk(deadline_for(fault)) as desk:
            network.inject(fault, place.only())
            self._deliver(desk, network, "The post whose answer was lost", fault)
        assert network.struck, f"{fault} did not strike: {place} was not called"

    def _deliver(
        self, desk: Desk, network: SocialDouble, text: str, fault: Fault, media: Sequence[Media] = ()
    ) -> None:
        """Deliver a post through the outbox, until nothing is due, and compare the books with the network."""
        number = desk.accept(text, media=tuple(media))
        desk.rest()
        network.calm()
        (delivery,) = (one for one in desk.deliveries() if one.post_id == number)
        assert not desk.paused(), (
            f"{fault}: the account was paused ({delivery.error}); "
            "raise AuthError only where the credentials are refused"
        )
        compare_books(settles(desk.adapter), delivery, network, text, fault)


def compare_books(settle: str, delivery: Delivery, network: SocialDouble, text: str, fault: Fault) -> None:
    """See that what the hub believes of a delivery at rest is what the network holds."""
    held = copies(network, text)
    said = f"{delivery.state}{f' ({delivery.error})' if delivery.error else ''}"
    assert len(held) <= 1, (
        f"{fault} was answered with another post: the network holds {len(held)} of them. {_MENDS[settle]}"
    )
    if delivery.state == "published":
        assert [one.id for one in held] == [delivery.remote_id], (
            f"{fault}: the hub was told that the post is out as {delivery.remote_id!r}, and the network holds "
            f"{[one.id for one in held]}: read the answer into a shape, and raise answer.misread() for any other"
        )
    elif delivery.state == "failed":
        assert not held, (
            f"{fault}: the delivery failed ({delivery.error}), and the post is out as {held[0].id!r}: "
            "an answer that was not understood is UnknownOutcome, not RejectedError"
        )
        raise AssertionError(
            f"{fault}: the delivery failed ({delivery.error}) for trouble that passes; "
            "RejectedError is for what the network will never take"
        )
    elif delivery.state == "asked":
        assert settle == "none", (
            f"{fault}: a person was asked ({delivery.error}), although settle is {settle!r}: {_MENDS[settle]}"
        )
    else:
        raise AssertionError(f"{fault}: the delivery did not come to rest, it is {said}")


_MENDS = {
    "key": 'settle = "key" promises that the same post.key publishes nothing twice: send it, at every attempt',
    "natural": 'settle = "natural" promises that find() finds the post by an id that is made of post.key',
    "lookup": "never try again in publish(), and let find() find the post as the network's timeline shows it",
    "none": "never try again in publish()",
}


def _lines(text: str) -> list[str]:
    return [text_key(line) for line in text.splitlines() if line.strip()]
