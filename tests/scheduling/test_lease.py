"""Two workers on one account: the second begins when the first has fallen silent, and each post is there once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from settle_kinds import KINDS, KindDouble
from sqlalchemy.engine import Connection
from support import Clock, TestHub, Village, VillageDouble, open_hub, write_config

from hub import Post, Receipt
from hub.lease import Lease, Term, elapsed
from hub.publishing import routes
from hub.scheduling.process import process_name
from hub.store import tables
from hub.store.outbox.posts import NewPost
from hub.store.running import leases
from hub.store.verify import verify
from hub.testing import faults

SETTLING = [kind for kind in KINDS if kind != "none"]


def gated(kind: str, gate: threading.Event, reached: threading.Event) -> type[Any]:
    """Make an adapter that stands still between the commit of `sending` and the first byte."""

    class Gated(KINDS[kind]):  # type: ignore[misc]
        def publish(self, post: Post) -> Receipt:
            reached.set()
            assert gate.wait(20)
            receipt: Receipt = super().publish(post)
            return receipt

    return Gated


def _end_lease(connection: Connection, now: datetime) -> None:
    connection.execute(tables.accounts.update().where(tables.accounts.c.name == "one").values(lease_until=now))


class Two:
    """Two processes' worth of hubs on one database. The first stands still where it was about to send."""

    def __init__(self, stack: ExitStack, folder: Path, database: str, kind: str) -> None:
        self.double = stack.enter_context(KindDouble())
        self.gate, self.reached = threading.Event(), threading.Event()
        self.clock = Clock()
        self.double.clock = self.clock
        options = {"platform": KINDS[kind].platform, **self.double.account(), "settle_after": "1s"}
        path = write_config(folder, {"one": options}, database=database)
        first = gated(kind, self.gate, self.reached)
        self.first: TestHub = stack.enter_context(open_hub(path, first, clock=self.clock))
        self.second: TestHub = stack.enter_context(open_hub(path, KINDS[kind], clock=self.clock))
        stack.callback(self.gate.set)
        now = self.clock()
        routes.add_post(self.first.store, NewPost(key="1", text="Hello", publish_at=now), ["one"], now)
        (self.turn,) = self.first.begin_due()
        assert self.reached.wait(60)

    def outlive(self) -> None:
        """Let the lease of the first be over by the clock that nobody sets, as after a long sleep."""
        now = self.clock()
        lease = self.first.scheduler.turns.held()[0].lease
        lease.hold(Term(now - lease.length, now + lease.length, elapsed()))
        self.second.store.write(_end_lease, now)

    def take_over(self) -> None:
        """Let the second do what is due until the post is out, or for a minute of its clock."""
        for _ in range(20):
            self.second.tick(seconds=3)
            if self.second.states() == ["published"]:
                return

    def wake(self) -> None:
        self.gate.set()
        self.turn.result(60)

    def texts(self) -> list[str]:
        return [held.text for held in self.double.held()]


@pytest.fixture
def two(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Two]]:
    with ExitStack() as stack:
        yield lambda kind: Two(stack, tmp_path, database_url, kind)


@pytest.mark.parametrize("kind", SETTLING)
def test_a_worker_that_slept_through_its_lease_sends_nothing_and_writes_nothing(
    two: Callable[..., Two], kind: str
) -> None:
    both = two(kind)
    both.outlive()
    both.take_over()
    rows = both.second.rows("SELECT * FROM deliveries")
    assert (both.second.states(), both.texts()) == (["published"], ["Hello"])
    both.wake()
    assert both.texts() == ["Hello"]
    assert both.second.rows("SELECT * FROM deliveries") == rows
    assert verify(both.second.store) == []


@pytest.mark.parametrize("kind", SETTLING)
def test_a_clock_put_forward_lets_others_take_the_account_and_silences_who_had_it(
    two: Callable[..., Two], kind: str
) -> None:
    """The lease in the row is over by the clock of the day, so it is over for the turn too."""
    both = two(kind)
    both.clock.forward(minutes=10)
    both.take_over()
    both.wake()
    assert (both.second.states(), both.texts()) == (["published"], ["Hello"])


@pytest.mark.parametrize("kind", SETTLING)
def test_a_clock_put_back_leaves_the_account_to_who_has_it(two: Callable[..., Two], kind: str) -> None:
    both = two(kind)
    both.clock.forward(minutes=-10)
    both.take_over()
    assert both.texts() == []
    both.wake()
    both.take_over()
    assert (both.second.states(), both.texts()) == (["published"], ["Hello"])


@pytest.mark.parametrize("kind", SETTLING)
def test_a_clock_that_jumps_while_a_doubt_is_settled_sends_nothing_twice(
    two: Callable[..., Two], kind: str
) -> None:
    both = two(kind)
    both.double.inject(faults.LOST, lambda request: request.method in ("POST", "PUT"))
    both.outlive()
    for minutes in (10, -10, 10, -20, 30):
        both.clock.forward(minutes=minutes)
        both.take_over()
    both.wake()
    assert (both.second.states(), both.texts()) == (["published"], ["Hello"])


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TestHub]:
    with VillageDouble() as double:
        path = write_config(tmp_path, {"one": {"platform": "village", **double.account()}})
        with open_hub(path, Village) as running:
            yield running


def test_an_account_that_was_given_back_is_not_leased_again_by_a_late_extension(hub: TestHub) -> None:
    now, hour = hub.clock(), timedelta(hours=1)
    fence = hub.store.write(leases.claim, "one", process_name(), now, hour)
    assert fence is not None
    hub.store.write(leases.release, "one", fence)
    assert hub.store.write(leases.extend, "one", fence, now + hour) is False
    assert hub.store.write(leases.claim, "one", process_name(), now, hour) == fence + 1


def test_an_extension_of_what_somebody_took_ends_the_lease_at_once(two: Callable[..., Two]) -> None:
    both = two("lookup")
    lease = both.first.scheduler.turns.held()[0].lease
    assert lease.left() > 60
    both.second.store.write(lambda c: c.exec_driver_sql("UPDATE accounts SET fence = fence + 1"))
    both.first.scheduler.turns.extend()
    assert lease.left() == 0
    both.wake()
    assert both.texts() == []


def test_a_turn_that_lost_its_lease_to_nobody_gives_the_account_back(two: Callable[..., Two]) -> None:
    """A machine that slept: what it was about to send is settled by its own next turn, without waiting."""
    both = two("lookup")
    now = both.clock()
    routes.add_post(both.first.store, NewPost(key="2", text="Next", publish_at=now), ["one"], now)
    both.outlive()
    both.wake()
    assert both.texts() == []
    rows = both.first.rows("SELECT state, attempts FROM deliveries ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("waiting", 1), ("queued", 0)]
    assert both.first.rows("SELECT lease_owner, lease_until FROM accounts")[0]["lease_until"] is None
    for _ in range(5):
        both.first.tick(minutes=1)
    assert (both.first.states(), sorted(both.texts())) == (["published"] * 2, ["Hello", "Next"])


def test_a_lease_is_extended_while_a_turn_runs(two: Callable[..., Two]) -> None:
    both = two("lookup")
    lease: Lease = both.first.scheduler.turns.held()[0].lease
    for _ in range(5):
        both.clock.forward(seconds=90)
        assert lease.left() < 30
        both.first.scheduler.turns.extend()
        assert lease.left() > 60
        assert both.second.scheduler.turns.claim(9) == []
