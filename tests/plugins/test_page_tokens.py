"""Row 27: a network forgets, in the middle of a read, the page token that it gave out: nothing is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import Adapter, Post, RejectedError, StaleCursor
from hub.testing import Held, Reply, Request, faults, open_adapter
from plugins.crm_generic import Crm
from plugins.crm_generic.sandbox import CrmDouble, PagingKind
from plugins.facebook import Facebook
from plugins.facebook.sandbox import FacebookDouble
from plugins.twitter import Twitter
from plugins.twitter.sandbox import TwitterDouble
from plugins.vk import VK
from plugins.vk.sandbox import VKDouble

TOKENS = {"after", "start_from", "pagination_token", "next_token"}


def forget_once(double: Any) -> list[Request]:
    """Let the double refuse the next page token that it is shown; return the calls that were refused."""
    refused: list[Request] = []

    def after(request: Request) -> None:
        if double.stale_cursors and TOKENS & request.query.keys():
            refused.append(request)
        double.stale_cursors = not refused

    double.after = after
    return refused


@pytest.fixture
def opened() -> Iterator[Any]:
    adapters: list[Adapter] = []

    def open_on(kind: type[Adapter], double: Any) -> Any:
        adapters.append(open_adapter(kind, double.account()))
        return adapters[-1]

    yield open_on
    for adapter in adapters:
        adapter.http.close()


def ids(batches: Any) -> set[str]:
    return {item.remote_id for batch in batches for item in batch.items}


def test_facebook_begins_a_read_anew(opened: Any) -> None:
    with FacebookDouble(largest_page=10) as double:
        page = opened(Facebook, double)
        (first,) = page.fetch_posts(None)
        start = datetime.now(UTC)
        for number in range(25):
            held = Held(f"{double.us.id}_{double.next_id()}", f"Post {number}", sent_at=start)
            double.posts[held.id] = held
        refused = forget_once(double)
        assert ids(page.fetch_posts(first.cursor)) == double.posts.keys()
        assert len(refused) == 1


def test_facebook_says_so_if_its_tokens_are_good_for_nothing(opened: Any) -> None:
    with FacebookDouble(largest_page=10) as double:
        page = opened(Facebook, double)
        for number in range(25):
            page.publish(Post(text=f"Post {number}"))
        double.stale_cursors = True
        with pytest.raises(RejectedError, match="Invalid cursors"):
            list(page.fetch_posts(None))


def test_vk_begins_a_search_anew(opened: Any) -> None:
    with VKDouble() as double:
        vk = opened(VK, double)
        anna = double.add_person("Anna", "anna")
        now = datetime.now(UTC)
        said = {
            double.write_post(anna, f"coffee {number}", now - timedelta(minutes=number)) for number in range(450)
        }
        refused = forget_once(double)
        assert ids(vk.search("coffee", str(int((now - timedelta(days=1)).timestamp())))) == said
        assert len(refused) == 1


def test_x_goes_on_by_ids_from_where_its_token_was_refused(opened: Any) -> None:
    with TwitterDouble() as double:
        twitter = opened(Twitter, double)
        ann = double.add_person("Ann", "ann")
        said = set()
        for number in range(250):
            double.shift = 60.0 * (number - 250)
            said.add(double.mention(ann, f"@company {number}"))
        double.shift = 0.0
        refused = forget_once(double)
        batches = list(twitter.fetch_mentions(None))
        assert ids(batches) == said
        assert len(refused) == 1
        assert ids(twitter.fetch_mentions(batches[-1].cursor)) <= said


@pytest.mark.parametrize("paging", ["cursor", "link"])
def test_a_crm_is_read_anew(opened: Any, paging: PagingKind) -> None:
    with CrmDouble(paging=paging) as double:
        for number in range(250):
            double.add_contact(f"Person {number}")
        refused = forget_once(double)
        assert ids(opened(Crm, double).pull_contacts(None)) == {str(number + 1) for number in range(250)}
        assert len(refused) == 1


def test_a_crm_that_looks_back_only_so_far_has_a_stale_bookmark() -> None:
    """Its own rule of errors says which answer means that."""
    with CrmDouble() as double:
        double.add_contact("Ann Lee")
        settings = {**double.account(), "errors": [{"status": 410, "means": "stale"}]}
        crm = open_adapter(Crm, settings)
        (first,) = crm.pull_contacts(None)
        gone = Reply({"error": {"message": "updated_since is too long ago"}}, status=410)
        double.inject(faults.answered(gone), lambda request: "updated_since" in request.query, times=2)
        with pytest.raises(StaleCursor):
            list(crm.pull_contacts(first.cursor))
        assert ids(crm.pull_contacts(None)) == {"1"}
        crm.http.close()
