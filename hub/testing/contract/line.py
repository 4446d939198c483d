"""The kit on the line: a deadline and a size cap hold, a write is not tried again, a redirect is not followed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from typing import Any, ClassVar

import pytest

from hub.adapter import Publisher
from hub.errors import AuthError, HubError, TransientError
from hub.testing import faults
from hub.testing.contract.calls import a_post, calls_alike, copies, making
from hub.testing.contract.ground import DEADLINE, Ground, deadline_for, needs, settles
from hub.testing.desk import Desk
from hub.testing.double import Double, Request
from hub.testing.faults import Fault, Reply
from hub.testing.social import SocialDouble

_SLOW = (faults.SLOW_BODY, faults.SLOW_HEADERS, faults.SILENCE)
_LARGE = (faults.GIANT, faults.GZIP_BOMB)
# Bytes that an answer may cost; the cap is 20 MB, and it is read in pieces and joined once.
_MEMORY = 60 * 1024 * 1024
# Only these say that surely nothing was done, so that the line itself may repeat the call.
_UNREAD = tuple(fault for fault in faults.UNDONE if "429" in fault.name)


class Elsewhere(Double):
    """Another host, which nobody should call."""

    def answer(self, request: Request) -> Reply:
        return Reply({"id": "1"})


class TheLine(Ground):
    """What the hub relies on in each single call."""

    area: ClassVar[str] = "line"

    @pytest.mark.parametrize("fault", _SLOW, ids=str)
    def test_a_slow_answer_ends_at_the_deadline(
        self, fault: Fault, network: Double, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=DEADLINE)
        network.inject(fault, times=20)
        _within_deadline(network, "check", account.check)

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", _SLOW, ids=str)
    def test_a_slow_answer_to_a_post_ends_at_the_deadline(
        self, fault: Fault, network: SocialDouble, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=DEADLINE)
        post = a_post(account, "How long will it take?")
        network.inject(fault.after, making(self).only())
        _within_deadline(network, "publish", lambda: account.publish(post))

    @pytest.mark.parametrize("fault", _LARGE, ids=str)
    def test_an_endless_answer_is_cut(self, fault: Fault, network: Double, opened: Callable[..., Any]) -> None:
        account = opened()
        with suppress(HubError):
            account.check()
        network.inject(fault)
        tracemalloc.start()
        try:
            with suppress(HubError):
                account.check()
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert most < _MEMORY, (
            f"{fault}: check() took {most >> 20} MB of memory; read through self.http, which has a cap"
        )

    @needs(Publisher, SocialDouble)
    def test_refused_credentials_are_not_tried_again(self, network: SocialDouble, account: Any) -> None:
        place = making(self)
        post = a_post(account, "Let me in")
        network.inject(faults.answered(Reply({"error": "who are you?"}, status=401)), place.only())
        with suppress(HubError):
            account.publish(post)
        number = calls_alike(network.calls, place) - place.index
        assert number <= 2, (
            f"after 401 publish() sent {place} {number} times: once more with a renewed token is enough"
        )

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("fault", [fault for fault in faults.UNDONE if fault not in _UNREAD], ids=str)
    def test_a_post_is_not_sent_twice_in_one_publish(
        self, fault: Fault, network: SocialDouble, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=deadline_for(fault))
        if settles(account) in ("key", "natural"):
            pytest.skip(f"{self.adapter.platform} may repeat a post: it has a key")
        place = making(self)
        post = a_post(account, "Once is enough")
        network.inject(fault, place.only())
        with suppress(HubError):
            account.publish(post)
        number = calls_alike(network.calls, place) - place.index
        assert number <= 1, (
            f"{fault}: one publish() sent {place} {number} times, so a lost answer becomes a second post; "
            "never try again in publish(), and give no repeatable=True to a call that makes a post"
        )

    @needs(Publisher, SocialDouble)
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirected_post_is_not_followed(self, status: int, network: SocialDouble, account: Any) -> None:
        post = a_post(account, "Where does this go?")
        with Elsewhere() as elsewhere:
            network.inject(faults.redirected(f"{elsewhere.url}/login", status), making(self).only())
            _raises(account, post, AuthError)
        assert not elsewhere.calls, "publish() followed a redirect to another host, and took the secrets along"
        assert not copies(network, post.text), "the redirected post is there: publish() sent it again"

    @needs(Publisher, SocialDouble)
    def test_a_refused_connection_is_tried_again_later(
        self, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        # Long enough for the first try after the network is back; what is refused is tried for as long.
        with at_desk(3 * DEADLINE) as desk:
            desk.accept("Is anybody there?")
            with network.refusing():
                desk.turn()
            (delivery,) = desk.deliveries()
            assert delivery.state == "waiting", (
                f"where connections are refused the delivery is {delivery.state} ({delivery.error}), "
                "and not waiting: let the TransientError of self.http pass"
            )
            desk.rest()
            (delivery,) = desk.deliveries()
        number = len(copies(network, "Is anybody there?"))
        assert (delivery.state, number) == ("published", 1), (
            f"after a refused connection the delivery is {delivery.state} and the network holds {number}"
        )

    @needs(Publisher, SocialDouble)
    def test_a_refused_connection_did_nothing(self, network: SocialDouble, opened: Callable[..., Any]) -> None:
        account = opened(deadline=DEADLINE)
        post = a_post(account, "Is anybody there?")
        with network.refusing():
            _raises(account, post, TransientError)


def _within_deadline(network: Double, verb: str, work: Callable[[], object]) -> None:
    # In a thread of its own: a plugin that speaks past the hub's line may never come back.
    with ThreadPoolExecutor(1, thread_name_prefix="kit") as pool:
        future = pool.submit(work)
        # Each call has the whole deadline; a second one is granted, for what goes before.
        done, _ = wait([future], timeout=2 * DEADLINE + 1)
        if not done:
            network.stop()
            pytest.fail(
                f"{verb}() did not come back with a deadline of {DEADLINE} s: speak through self.http, which ends "
                "a call in time"
            )
        with suppress(HubError):
            future.result()


def _raises(account: Any, post: Any, wanted: type[HubError]) -> None:
    try:
        receipt = account.publish(post)
    except wanted:
        return
    except Exception as error:
        raise AssertionError(
            f"publish() raised {type(error).__name__} ({error}), not {wanted.__name__}"
        ) from error
    raise AssertionError(f"publish() returned {receipt} for an answer that is none")
