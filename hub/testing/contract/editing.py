"""The kit on editing: a change and a deletion arrive, may be repeated, and survive a lost answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import pytest

from hub.adapter import Editor, Publisher, Timeline
from hub.errors import HubError
from hub.models import Receipt
from hub.publishing import routes
from hub.testing import faults
from hub.testing.contract.calls import Place, a_post, copies, ours, place_of, scratch, the_one
from hub.testing.contract.ground import Ground, deadline_for, needs, ways_to_settle
from hub.testing.desk import Desk
from hub.testing.faults import Fault
from hub.testing.social import SocialDouble

_BEFORE, _AFTER = "We open at nine", "We open at ten"
_TROUBLE = (faults.LOST, faults.RESET, faults.server_error(502).after, faults.server_error(503), faults.HTML.after)


class Editing(Ground):
    """What the hub relies on when a post changes or is withdrawn."""

    area: ClassVar[str] = "editing"

    @needs(Publisher, Editor, SocialDouble)
    def test_an_edit_changes_the_post(self, network: SocialDouble, account: Any) -> None:
        published = account.publish(a_post(account, _BEFORE))
        edited = account.edit(published.remote_id, a_post(account, _AFTER))
        assert isinstance(edited, Receipt), f"edit() returned {edited!r}, not a Receipt"
        self._reads(network, edited.remote_id, _AFTER)

    @needs(Publisher, Editor, SocialDouble)
    def test_the_same_edit_twice_is_one(self, network: SocialDouble, account: Any) -> None:
        published = account.publish(a_post(account, _BEFORE))
        change = a_post(account, _AFTER)
        account.edit(published.remote_id, change)
        edited = account.edit(published.remote_id, change)
        self._reads(network, edited.remote_id, _AFTER)

    @needs(Publisher, Editor, SocialDouble)
    def test_an_edit_can_follow_an_edit(self, network: SocialDouble, account: Any) -> None:
        receipt = account.publish(a_post(account, _BEFORE))
        for text in (_AFTER, "We open at eleven", _BEFORE):
            receipt = account.edit(receipt.remote_id, a_post(account, text))
        self._reads(network, receipt.remote_id, _BEFORE)

    @needs(Publisher, Editor, SocialDouble)
    def test_an_edit_of_a_post_that_is_gone_succeeds(self, network: SocialDouble, account: Any) -> None:
        published = account.publish(a_post(account, _BEFORE))
        account.delete(published.remote_id)
        _succeeds("edit", lambda: account.edit(published.remote_id, a_post(account, _AFTER)))
        assert not ours(network), "an edit of a post that is gone made a new one"

    @needs(Publisher, Editor, SocialDouble)
    def test_a_deletion_removes_the_post_and_no_other(self, network: SocialDouble, account: Any) -> None:
        kept = account.publish(a_post(account, _AFTER))
        published = account.publish(a_post(account, _BEFORE))
        account.delete(published.remote_id)
        assert [one.id for one in ours(network)] == [kept.remote_id], (
            f"{published.remote_id!r} was to be deleted, and the network holds {[one.id for one in ours(network)]}"
        )

    @needs(Publisher, Editor, SocialDouble)
    def test_deleting_twice_succeeds(self, network: SocialDouble, account: Any) -> None:
        published = account.publish(a_post(account, _BEFORE))
        account.delete(published.remote_id)
        _succeeds("delete", lambda: account.delete(published.remote_id))

    @needs(Publisher, Editor, SocialDouble)
    def test_a_deleted_post_is_not_found(self, network: SocialDouble, account: Any) -> None:
        if not ways_to_settle(account) & {"lookup", "natural"}:
            pytest.skip(f"{self.adapter.platform} does not look for posts")
        post = a_post(account, _BEFORE)
        published = account.publish(post)
        account.delete(published.remote_id)
        assert account.find(post) is None, (
            "find() finds a post that was deleted: a lost one would not be sent again"
        )

    @needs(Publisher, Editor, Timeline, SocialDouble)
    def test_a_deleted_post_leaves_the_timeline(self, network: SocialDouble, account: Any) -> None:
        published = account.publish(a_post(account, _BEFORE))
        account.delete(published.remote_id)
        shown = [item for batch in account.fetch_posts(None) for item in batch.items if not item.deleted]
        assert not shown, f"the timeline still shows a deleted post: {shown}"

    @needs(Publisher, Editor, Timeline, SocialDouble)
    def test_an_edited_post_shows_in_the_timeline_under_an_id_that_the_hub_knows(
        self, network: SocialDouble, account: Any
    ) -> None:
        published = account.publish(a_post(account, _BEFORE))
        edited = account.edit(published.remote_id, a_post(account, _AFTER))
        shown = {item.remote_id for batch in account.fetch_posts(None) for item in batch.items}
        known = {published.remote_id, edited.remote_id}
        assert shown <= known, (
            f"the hub has receipts for {known}, and after an edit the timeline shows {shown}: "
            "it would take the echo for a new post and route it"
        )

    @needs(Publisher, Editor, SocialDouble)
    @pytest.mark.parametrize("fault", _TROUBLE, ids=str)
    def test_trouble_at_an_edit_ends_with_the_change(
        self, fault: Fault, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        place = self._place(lambda account, id: account.edit(id, a_post(account, _AFTER)))
        with at_desk(deadline_for(fault)) as desk:
            number = _published(desk)
            routes.change_post(desk.hub.store, number, desk.clock(), text=_AFTER, title="", link="", images=[])
            network.inject(fault, place.only())
            desk.rest()
            (delivery,) = desk.deliveries()
        assert network.struck, f"{fault} did not strike: {place} was not called"
        assert (delivery.state, delivery.action, delivery.error) == ("published", "publish", ""), (
            f"{fault} at edit(): the copy is {delivery.state} ({delivery.error}); an edit may be repeated, "
            "so give the call repeatable=True"
        )
        held = ours(network)
        assert len(held) == 1, f"{fault} at edit(): the network holds {len(held)} posts, not one"
        self._reads(network, str(delivery.remote_id), _AFTER)

    @needs(Publisher, Editor, SocialDouble)
    @pytest.mark.parametrize("fault", _TROUBLE, ids=str)
    def test_trouble_at_a_deletion_ends_without_the_post(
        self, fault: Fault, network: SocialDouble, at_desk: Callable[..., AbstractContextManager[Desk]]
    ) -> None:
        place = self._place(lambda account, id: account.delete(id))
        with at_desk(deadline_for(fault)) as desk:
            number = _published(desk)
            routes.delete_post(desk.hub.store, number, desk.clock())
            network.inject(fault, place.only())
            desk.rest()
            (delivery,) = desk.deliveries()
        assert network.struck, f"{fault} did not strike: {place} was not called"
        assert (delivery.state, ours(network)) == ("deleted", []), (
            f"{fault} at delete(): the copy is {delivery.state} ({delivery.error}), and the network holds "
            f"{len(copies(network, _BEFORE))}; a deletion may be repeated, and already gone is success"
        )

    def _place(self, verb: Callable[[Any, str], object]) -> Place:
        """Return where the call stands that does what `verb` does to a post with an id."""
        with scratch(self) as (network, account):

            def work(text: str) -> Callable[[], object]:
                remote_id = account.publish(a_post(account, text)).remote_id
                return lambda: verb(account, remote_id)

            return place_of(network, work("Some post"), work("Another post"))

    def _reads(self, network: SocialDouble, remote_id: str, text: str) -> None:
        held = the_one(network, remote_id)
        assert held is not None, (
            f"the receipt of edit() says {remote_id!r}, and the network holds "
            f"{[one.id for one in ours(network)]}: what is said under the post would be missed"
        )
        assert held.text == text, f"after an edit to {text!r} the network holds {held.text!r}"
        assert len(ours(network)) == 1, f"an edit made another post: {[one.text for one in ours(network)]}"


def _published(desk: Desk) -> int:
    number = desk.accept(_BEFORE)
    desk.rest()
    (delivery,) = desk.deliveries()
    assert delivery.state == "published", f"without any trouble a post is {delivery.state}: {delivery.error}"
    return number


def _succeeds(verb: str, work: Callable[[], object]) -> None:
    try:
        work()
    except HubError as error:
        raise AssertionError(
            f"{verb}() of a post that is already gone raised {type(error).__name__} ({error}); "
            "already gone is success: accept=(404,), or catch GoneError"
        ) from error
