"""The kit on comments of others: each stands once, under its writer's name, with the way to the original."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from hub.adapter import Commenter, Publisher, ThreadReader
from hub.errors import DuplicateError, GoneError, HubError, TransientError, UnknownOutcome
from hub.models import Receipt, Thread
from hub.models import Remark as Said
from hub.testing import faults
from hub.testing.contract.calls import a_post
from hub.testing.contract.ground import DEADLINE, Ground, needs
from hub.testing.contract.replying import LOST, NOT_DONE
from hub.testing.contract.shelf import named, raised_by
from hub.testing.faults import Fault
from hub.testing.social import Remark, SocialDouble

_ORIGINAL = "https://elsewhere.example/wall?post=7&reply=8"


class Commenting(Ground):
    """What the hub relies on when a discussion is published as comments under a post."""

    area: ClassVar[str] = "commenting"

    @needs(Commenter, Publisher, SocialDouble)
    def test_a_comment_stands_under_the_post_with_its_writer_and_the_original(
        self, network: SocialDouble, account: Any
    ) -> None:
        post = account.publish(a_post(account, "What do you think?")).remote_id
        receipt = account.comment(post, said("Ünï & <b>5 < 6</b> 🎉 «да»\n\nAnd more"))
        assert isinstance(receipt, Receipt), f"comment() must return a hub.Receipt, not {receipt!r}"
        (made,) = standing(network, post)
        assert receipt.remote_id == made.id, (
            f"the receipt says {receipt.remote_id}, the network {made.id}: the comment, read later, would be "
            "taken for what somebody says there"
        )
        assert "Ünï & <b>5 < 6</b> 🎉 «да»" in made.text, f"the comment stands there as {made.text!r}"
        assert "And more" in made.text, f"the comment stands there as {made.text!r}"
        assert _ORIGINAL in made.text, f"nothing in {made.text!r} leads to the original"
        shown = f"{made.person.name}\n{made.text}"
        assert "Anna Petrova" in shown, f"the comment bears the name {made.person.name!r}, not its writer's"

    @needs(Commenter, Publisher, SocialDouble)
    def test_an_answer_stands_under_what_it_answers(self, network: SocialDouble, account: Any) -> None:
        post = account.publish(a_post(account, "What do you think?")).remote_id
        first = account.comment(post, said("A question"))
        account.comment(post, said("An answer", key="2", parent_id=first.remote_id))
        above = {one.text.split("\n")[0]: one.parent_id for one in standing(network, post)}
        assert above == {"A question": None, "An answer": first.remote_id}

    @needs(Commenter, Publisher, ThreadReader, SocialDouble)
    def test_what_is_read_of_a_comment_bears_the_id_of_its_receipt(
        self, network: SocialDouble, account: Any
    ) -> None:
        post = account.publish(a_post(account, "What do you think?"))
        receipt = account.comment(post.remote_id, said("A remark"))
        thread = Thread(remote_id=post.remote_id, url=post.url)
        read = [item for batch in account.fetch_replies(thread, None) for item in batch.items]
        assert [item.remote_id for item in read] == [receipt.remote_id]
        assert read[0].author is not None, "its writer's name is what a lost comment is known by"
        assert "Anna Petrova" in read[0].author.name, "its writer's name is what a lost comment is known by"
        assert _ORIGINAL in read[0].text, "the way to the original is what a lost comment is known by"

    @needs(Commenter, Publisher, SocialDouble)
    def test_a_comment_is_found_and_no_other(self, network: SocialDouble, account: Any) -> None:
        post = account.publish(a_post(account, "What do you think?")).remote_id
        begun = datetime.now(UTC) - timedelta(seconds=1)
        sought = said("I agree", since=begun)
        assert account.find_comment(post, sought) is None, "find_comment() found what was never there"
        first = account.comment(post, said("I agree"))
        found = account.find_comment(post, sought)
        assert found is not None, "find_comment() does not find a comment that is there"
        assert found.remote_id == first.remote_id
        taken = frozenset({first.remote_id})
        other = said("I do not", key="2", url=f"{_ORIGINAL}0", since=begun, taken=taken)
        assert account.find_comment(post, other) is None, "find_comment() takes another comment for the one sought"

    @needs(Commenter, Publisher, SocialDouble)
    def test_a_comment_is_changed_and_removed(self, network: SocialDouble, account: Any) -> None:
        post = account.publish(a_post(account, "What do you think?")).remote_id
        kept = account.comment(post, said("Another", key="2", url=f"{_ORIGINAL}0"))
        made = account.comment(post, said("Before"))
        for _ in range(2):
            account.edit_comment(made.remote_id, said("After"))
        texts = {one.id: one.text for one in standing(network, post)}
        assert "After" in texts[made.remote_id]
        assert "Before" not in texts[made.remote_id]
        assert _ORIGINAL in texts[made.remote_id], "after an edit nothing leads to the original"
        for _ in range(2):
            account.delete_comment(made.remote_id)
        assert [one.id for one in standing(network, post)] == [kept.remote_id]
        raised = raised_by(lambda: account.edit_comment(made.remote_id, said("Again")))
        assert isinstance(raised, GoneError), (
            f"a change of a comment that is gone ended with {named(raised)}: raise hub.GoneError, so that the hub "
            "makes it anew if it is wanted"
        )
        assert [one.id for one in standing(network, post)] == [kept.remote_id], "the change made a new comment"

    @needs(Commenter, Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", LOST, ids=str)
    def test_a_lost_answer_to_a_comment_is_unknown_and_the_comment_is_found(
        self, fault: Fault, network: SocialDouble, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=DEADLINE)
        account.check()  # a login may be a POST, and is not what is tried here
        post = opened().publish(a_post(account, "What do you think?")).remote_id
        begun = datetime.now(UTC) - timedelta(seconds=1)
        network.inject(fault, lambda request: request.method != "GET", times=20)
        raised = raised_by(lambda: account.comment(post, said("A remark")))
        network.calm()
        there = standing(network, post)
        assert len(there) <= 1, f"{fault}: comment() made {len(there)} comments; never retry in it"
        assert isinstance(raised, UnknownOutcome), (
            f"{fault}: comment() was done and its answer lost, and it ended with {named(raised)} instead of "
            "hub.UnknownOutcome"
        )
        found = opened().find_comment(post, said("A remark", since=begun))
        assert (found.remote_id if found else None) == there[0].id, f"{fault}: the comment is there and not found"
        try:
            opened().comment(post, said("A remark"))
        except DuplicateError:
            assert len(standing(network, post)) == 1

    @needs(Commenter, Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", NOT_DONE, ids=str)
    def test_a_comment_that_failed_is_no_success(
        self, fault: Fault, network: SocialDouble, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=DEADLINE)
        account.check()
        post = opened().publish(a_post(account, "What do you think?")).remote_id
        network.inject(fault, lambda request: request.method != "GET", times=20)
        raised = raised_by(lambda: account.comment(post, said("A remark")))
        network.calm()
        assert isinstance(raised, UnknownOutcome | TransientError), (
            f"{fault}: nothing was done, and comment() ended with {named(raised)} instead of UnknownOutcome or "
            "TransientError"
        )

    @needs(Commenter, Publisher, SocialDouble)
    @pytest.mark.parametrize("verb", ["edit_comment", "delete_comment"])
    def test_a_change_whose_answer_was_lost_may_be_repeated(
        self, verb: str, network: SocialDouble, account: Any
    ) -> None:
        post = account.publish(a_post(account, "What do you think?")).remote_id
        made = account.comment(post, said("Before")).remote_id

        def change() -> None:
            account.edit_comment(made, said("After")) if verb == "edit_comment" else account.delete_comment(made)

        network.inject(faults.LOST, lambda request: request.method != "GET")
        try:
            change()
        except HubError as error:
            assert isinstance(error, UnknownOutcome | TransientError), f"a lost answer ended with {error!r}"
            change()
        assert network.struck
        texts = [one.text.split("\n")[0] for one in standing(network, post)]
        assert texts == (["After"] if verb == "edit_comment" else [])


def said(text: str, key: str = "1", url: str = _ORIGINAL, **more: Any) -> Said:
    """Return what somebody said elsewhere."""
    at = datetime(2026, 11, 3, 9, 1, tzinfo=UTC)
    return Said(key=key, text=text, author="Anna Petrova", site="elsewhere.example", url=url, sent_at=at, **more)


def standing(network: SocialDouble, post: str) -> list[Remark]:
    """Return the comments under a post."""
    return [one for one in network.shown_remarks(post) if not one.deleted]
