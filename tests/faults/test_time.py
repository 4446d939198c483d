"""Rows 18-20: clocks that jump, change over, or went on while the hub was down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from faults.stage import Stage
from faults.truth import Tally
from settle_kinds import KINDS, KindDouble, Looked, is_publish
from support import Clock, open_hub, write_config

from hub.publishing import routes
from hub.store.outbox.posts import NewPost
from hub.testing import faults

Staged = Callable[..., Stage]
Proved = Callable[[Stage, str, str], Tally]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("jump", [-10, 10], ids=["back", "forward"])
def test_a_clock_that_jumps_in_doubt_sends_nothing_twice(
    staged: Staged, proved: Proved, kind: str, jump: int
) -> None:
    """Row 18: ten minutes, between a lost answer and the first look at it; the network keeps the right time.

    Frozen workers and jumps in the middle of a turn: test_frozen.py, tests/scheduling/test_lease.py.
    """
    stage = staged(kind)
    right = Clock()
    stage.network.clock = right
    stage.network.inject(faults.LOST, is_publish)
    stage.strike("Once")
    stage.hub.clock.forward(minutes=jump)
    stage.strike("Another")
    for _ in range(8):
        right.forward(minutes=5)
        stage.hub.tick(minutes=5)
    stage.decide()
    assert sorted(stage.texts()) == ["Another", "Once"]
    assert stage.everything_is_out()
    proved(stage, f"the clock jumps {abs(jump)} minutes", kind)


@pytest.mark.parametrize(
    ("day", "slots"),
    [
        # 02:30 is skipped in Berlin, and run at 03:00; then it is there twice, and run once.
        (datetime(2026, 3, 28, 12, tzinfo=UTC), ["03-29 01:00", "03-30 00:30"]),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), ["10-25 00:30", "10-26 01:30"]),
    ],
    ids=["the gap", "the fold"],
)
def test_a_slot_is_kept_once_over_a_change_of_the_clock(
    room: Path, record: Callable[[str, str, Tally], None], day: datetime, slots: list[str]
) -> None:
    """Row 19: one post waits for each of the nightly slots. All zones and years: tests/models/test_clocks.py."""
    clock = Clock()
    clock.now = day
    went_out: list[str] = []
    with KindDouble(clock=clock) as network:
        schedule = '[schedule]\npublish = "30 2 * * *"\n'
        account = {"platform": "looked", **network.account()}
        config = write_config(room, {"one": account}, schedule, extra='timezone = "Europe/Berlin"')
        with open_hub(config, Looked, clock=clock) as hub:
            hub.tick()
            for number in range(2 * 24 * 4):
                if number in (0, 2 * 24 * 2):
                    new = NewPost(key=str(number), text=f"post {number}", publish_at=clock.now)
                    routes.add_post(hub.store, new, ["one"], clock.now)
                before = len(network.posts)
                hub.tick(minutes=15)
                if len(network.posts) > before:
                    went_out.append(clock.now.strftime("%m-%d %H:%M"))
            stage = Stage(hub, {"struck": network})
            assert stage.everything_is_out()
    assert went_out == slots
    record("the clocks change over", "lookup", Tally(attempts=2))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_due_while_the_hub_was_down_goes_out_or_is_missed_as_it_asks(
    staged: Staged, proved: Proved, kind: str
) -> None:
    """Row 20: one is sent late, the other is not worth it any more, and a person is told."""
    stage = staged(kind)
    now = stage.hub.clock()
    stage.accept("It keeps")
    stage.accept("Breakfast is ready", late_after=now + timedelta(hours=2))
    stage.hub.tick(hours=9)
    assert stage.texts() == ["It keeps"]
    assert stage.states() == ["published", "missed"]
    stage.hub.tick(hours=9)
    assert stage.texts() == ["It keeps"]
    proved(stage, "the daemon was down", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_that_waited_out_a_downtime_does_not_burst(staged: Staged, proved: Proved, kind: str) -> None:
    """Row 20: with 60 posts an hour, those of a night come a minute apart, oldest first."""
    stage = staged(kind, extra="posts_per_hour = 60")
    for number in range(10):
        stage.accept(f"post {number}")
        stage.hub.clock.forward(minutes=30)
    for _ in range(3):
        stage.hub.tick(minutes=2)
    assert len(stage.texts()) <= 7
    for _ in range(20):
        stage.hub.tick(minutes=1)
    assert stage.texts() == [f"post {number}" for number in range(10)]
    proved(stage, "the daemon was down", kind)
