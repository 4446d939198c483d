"""The kit on replies: an answer of ours stands where it belongs, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from hub.adapter import Publisher, Responder
from hub.errors import AuthError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.models import Mention, Receipt
from hub.testing import faults
from hub.testing.contract.ground import DEADLINE, needs
from hub.testing.contract.shelf import ReadingGround, named, raised_by
from hub.testing.contract.verbs import Answers
from hub.testing.faults import Fault
from hub.testing.social import Remark, SocialDouble

# A network may say its errors in an HTTP 200 and mean it; what that is, the publishing part of the kit looks at.
LOST = tuple(fault for fault in faults.DONE if fault != faults.ERROR_IN_200.after)
NOT_DONE = (faults.DROPPED, faults.RESET, faults.RESET_UNREAD, faults.server_error(502), faults.TRUNCATED)


class Replying(ReadingGround):
    area: ClassVar[str] = "replying"

    @needs(Responder, Publisher, SocialDouble)
    def test_the_answer_stands_under_what_it_answers(
        self, network: SocialDouble, answers: Answers, account: Any
    ) -> None:
        asked = _question(answers)
        receipt = account.reply(asked, "Nothing at all")
        ours = _ours(network)
        assert len(ours) == 1, f"one reply() made {len(ours)} answers by us on the network"
        assert "Nothing at all" in ours[0].text, f"the answer says {ours[0].text!r}"
        assert ours[0].parent_id == asked.remote_id, (
            f"the answer stands under {ours[0].parent_id or 'the post'} instead of the mention {asked.remote_id}"
        )
        assert isinstance(receipt, Receipt), f"reply() must return a hub.Receipt, not {receipt!r}"
        assert receipt.remote_id == ours[0].id, (
            f"the receipt says {receipt.remote_id}, the network {ours[0].id}: our own answer, read later, would "
            "be taken for another one"
        )

    @needs(Responder, Publisher, SocialDouble)
    def test_an_answer_may_hold_any_text(self, network: SocialDouble, answers: Answers, account: Any) -> None:
        text = "Ünï & <b>5 < 6</b> 🎉 100% «да»"
        account.reply(_question(answers), text)
        said = _ours(network)[-1].text
        assert text in said, f"the answer {text!r} stands there as {said!r}"

    @needs(Responder, Publisher, SocialDouble)
    def test_an_answer_to_what_vanished_is_refused(
        self, network: SocialDouble, answers: Answers, account: Any
    ) -> None:
        asked = _question(answers)
        network.delete_remark(asked.remote_id)
        with pytest.raises(HubError) as caught:
            account.reply(asked, "Too late")
            pytest.fail("the mention is gone, and reply() said that it was answered: raise hub.GoneError")
        assert isinstance(caught.value, RejectedError), (
            f"the mention is gone, and reply() raised {type(caught.value).__name__} ({caught.value}): that it "
            "will never work is GoneError or RejectedError"
        )
        assert not _ours(network), "the mention is gone, and our answer stands somewhere else"

    @needs(Responder, Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", LOST, ids=str)
    def test_a_lost_answer_to_a_reply_is_unknown_and_not_repeated(
        self, fault: Fault, network: SocialDouble, answers: Answers, opened: Callable[..., Any]
    ) -> None:
        asked = _question(answers)
        account = opened(deadline=DEADLINE)
        account.check()  # a login may be a POST, and is not what is tried here
        network.inject(fault, lambda request: request.method != "GET", times=20)
        raised = raised_by(lambda: account.reply(asked, "Nothing at all"))
        network.calm()
        number = len(_ours(network))
        assert number <= 1, f"{fault}: a lost answer was answered with {number} replies; never retry in reply()"
        assert isinstance(raised, UnknownOutcome), (
            f"{fault}: reply() was done and its answer lost, and it ended with {named(raised)}; whoever asked "
            "must be told that it may be there: hub.UnknownOutcome, which Answer.decode raises for a wrong shape"
        )

    @needs(Responder, Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", NOT_DONE, ids=str)
    def test_a_reply_that_failed_is_no_success(
        self, fault: Fault, network: SocialDouble, answers: Answers, opened: Callable[..., Any]
    ) -> None:
        asked = _question(answers)
        account = opened(deadline=DEADLINE)
        network.inject(fault, lambda request: request.method != "GET", times=20)
        raised = raised_by(lambda: account.reply(asked, "Nothing at all"))
        network.calm()
        assert isinstance(raised, UnknownOutcome | TransientError), (
            f"{fault}: nothing was done, and reply() ended with {named(raised)} instead of UnknownOutcome or "
            "TransientError"
        )
        assert not isinstance(raised, AuthError), f"{fault} says nothing about credentials"


def _question(answers: Answers) -> Mention:
    """Let somebody ask something; return it as the hub has it."""
    remote_id = answers.put("What does it cost?")
    remark = answers.network.remarks[remote_id]
    return Mention(
        remote_id=remote_id, thread_id=answers.thread.remote_id, text=remark.text, sent_at=remark.sent_at
    )


def _ours(network: SocialDouble) -> list[Remark]:
    with network.lock:
        return [one for one in network.remarks.values() if one.person.id == network.us.id and not one.deleted]
