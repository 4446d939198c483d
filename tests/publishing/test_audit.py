"""What the hub believes is held against what a network shows, and every difference is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Batch, Limits, Post, Receipt, RemotePost
from hub.publishing import audit, routes
from hub.store.outbox import copies
from hub.store.outbox.posts import NewPost
from hub.testing import Held, Reply, Request, faults


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, double: VillageDouble) -> Iterator[TestHub]:
    accounts = {"square": {"platform": "village", **double.account()}}
    with open_hub(write_config(tmp_path, accounts), Village) as running:
        yield running


def publish(hub: TestHub, *texts: str) -> None:
    now = hub.clock()
    for text in texts:
        routes.add_post(hub.store, NewPost(key=text, text=text, publish_at=now), ["square"], now)
    hub.tick()


def found(hub: TestHub) -> list[str]:
    return audit.compare(hub.store, hub.hub.adapter("square"))


def is_publish(request: Request) -> bool:
    return (request.method, request.path) == ("POST", "/posts")


def test_what_is_as_the_hub_believes_is_no_finding(hub: TestHub, double: VillageDouble) -> None:
    double.posts["1"] = Held("1", "Written there by hand")
    publish(hub, "One", "Two")
    assert found(hub) == []


def test_a_post_that_somebody_removed_is_named(hub: TestHub, double: VillageDouble) -> None:
    publish(hub, "One", "Two")
    gone = next(iter(double.posts))
    double.posts[gone].sent_at -= timedelta(minutes=1)
    del double.posts[list(double.posts)[1]]
    (finding,) = found(hub)
    assert "delivery 2 is published" in finding
    assert "does not show" in finding


def test_what_is_older_than_all_that_is_shown_is_not_judged(hub: TestHub, double: VillageDouble) -> None:
    publish(hub, "One", "Two")
    del double.posts[next(iter(double.posts))]
    next(iter(double.posts.values())).sent_at += timedelta(hours=1)
    assert found(hub) == []


def test_a_post_that_is_there_twice_is_named(hub: TestHub, double: VillageDouble) -> None:
    publish(hub, "One")
    double.posts["7000"] = Held("7000", "One")
    assert found(hub) == ["2 posts say 'One', and the hub sent 1"]


def test_a_post_that_is_there_though_the_hub_says_it_failed_is_named(hub: TestHub, double: VillageDouble) -> None:
    double.inject(faults.answered(Reply({"error": "no"}, status=422)).after, is_publish)
    publish(hub, "One")
    assert hub.states() == ["failed"]
    (finding,) = found(hub)
    assert "delivery 1 is failed, and" in finding


def test_a_withdrawn_post_that_is_still_there_is_named(hub: TestHub, double: VillageDouble) -> None:
    publish(hub, "One")
    held = dict(double.posts)
    routes.delete_post(hub.store, 1, hub.clock())
    hub.tick()
    assert found(hub) == []
    double.posts.update(held)
    (finding,) = found(hub)
    assert "was withdrawn, and" in finding


class Renaming(Village):
    """A network that gives an edited post a new id, and lists it by its first one."""

    platform = "renaming"

    def edit(self, remote_id: str, post: Post) -> Receipt:
        first = remote_id.partition("-")[0]
        super().edit(first, post)
        return Receipt(remote_id=f"{first}-2")


class Nested(Village):
    """A network whose timeline lists no answers, also not our own."""

    platform = "nested"

    def limits(self) -> Limits:
        return Limits(unit="codepoint", maximum=30)

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        for batch in super().fetch_posts(cursor):
            yield Batch([item for item in batch.items if item.reply_to is None], batch.cursor)


@pytest.mark.parametrize("adapter", [Renaming, Nested])
def test_what_a_network_lists_in_its_own_way_is_no_finding(
    tmp_path: Path, double: VillageDouble, adapter: type[Village]
) -> None:
    double.posts["1"] = Held("1", "Old", sent_at=datetime.now(UTC) - timedelta(hours=1))
    account = {"platform": adapter.platform, **double.account(), "overflow": "thread"}
    with open_hub(write_config(tmp_path, {"square": account}), adapter) as hub:
        publish(hub, "This is so long that it goes out as a thread" if adapter is Nested else "Frist")
        if adapter is Renaming:
            routes.change_post(hub.store, 1, hub.clock(), text="First", title="", link="", images=[])
            hub.tick()
        assert set(hub.states()) == {"published"}
        assert found(hub) == []


def test_two_ids_of_one_delivery_that_are_both_there_are_named(hub: TestHub, double: VillageDouble) -> None:
    publish(hub, "One")
    double.posts["7000"] = Held("7000", "One, in other words")
    hub.store.write(copies.add, "square", "7000", 1)
    assert found(hub) == ["delivery 1 is there 2 times: 1001, 7000"]
