"""The governor: no hour sees more posts than it may, nothing goes out in a burst, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub.publishing import routes
from hub.publishing.governor import HOUR, Governor, room_at
from hub.store import Store, migrate
from hub.store.outbox import pacing, sending
from hub.store.outbox.posts import NewPost
from hub.store.verify import verify
from hub.testing import faults

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


def opened(folder: Path, double: VillageDouble, per_hour: int, **options: Any) -> Any:
    account = {"platform": "village", **double.account(), **options}
    return open_hub(write_config(folder, {"home": account}, extra=f"posts_per_hour = {per_hour}"), Village)


def queue(hub: TestHub, count: int, name: str = "post", **more: Any) -> None:
    now = hub.clock()
    for number in range(count):
        text = f"{name} {number}"
        new = NewPost(key=text, text=text, publish_at=more.get("publish_at", now))
        routes.add_post(hub.store, new, ["home"], now)


def test_there_is_room_until_the_hour_is_full_and_again_when_its_first_post_is_an_hour_old() -> None:
    minutes = [NOON + timedelta(minutes=number) for number in range(3)]
    assert room_at(minutes, 4, NOON) == NOON
    assert room_at(minutes, 3, NOON + timedelta(minutes=5)) == NOON + HOUR
    assert room_at(minutes, 2, NOON + timedelta(minutes=5)) == NOON + HOUR + timedelta(minutes=1)


@given(
    per_hour=st.integers(1, 5),
    arrivals=st.lists(st.integers(0, 4 * 3600), max_size=30),
    tick=st.sampled_from([1, 60, 900, 3600]),
)
def test_no_hour_sees_more_posts_than_it_may_and_all_go_out(per_hour: int, arrivals: list[int], tick: int) -> None:
    """A model of turns: posts arrive in seconds after noon, a turn comes every `tick` seconds."""
    waiting = [(NOON + timedelta(seconds=arrival), False, arrival) for arrival in arrivals]
    sent: list[datetime] = []
    now = NOON
    for _ in range(20_000):
        if not waiting:
            break
        governor = Governor(per_hour)
        recent = [time for time in sent if time > now - HOUR]
        governor.learn(recent[-per_hour:], sorted(due for due, held, _ in waiting if held and due > now))
        for post in sorted(post for post in waiting if post[0] <= now):
            waiting.remove(post)
            hold = governor.hold(post[0], now, again=post[1])
            if hold is None:
                governor.note(now)
                sent.append(now)
            else:
                assert hold.until > now
                waiting.append((hold.until, True, post[2]))
        now = max(now + timedelta(seconds=tick), min((post[0] for post in waiting), default=now))
    assert len(sent) == len(arrivals)
    for later, earlier in zip(sent[per_hour:], sent, strict=False):
        assert later - earlier >= HOUR


def test_what_is_over_the_bound_waits_for_the_next_hour_in_its_order(
    tmp_path: Path, double: VillageDouble
) -> None:
    with opened(tmp_path, double, 3) as hub:
        queue(hub, 7)
        assert hub.tick().counts["held"] == 4
        assert [held.text for held in double.held()] == ["post 0", "post 1", "post 2"]
        hub.tick(minutes=59)
        assert len(double.held()) == 3
        hub.tick(minutes=1)
        assert len(double.held()) == 6
        hub.tick(minutes=60)
        assert [held.text for held in double.held()] == [f"post {number}" for number in range(7)]


def test_a_post_that_is_held_back_says_why_and_until_when(tmp_path: Path, double: VillageDouble) -> None:
    with opened(tmp_path, double, 1) as hub:
        queue(hub, 2)
        start = hub.clock()
        hub.tick()
        held = hub.rows("SELECT state, error_code, error, due_at FROM deliveries")[1]
        until = datetime.fromtimestamp(held["due_at"] / 1000, UTC)
        assert (held["state"], held["error_code"], until) == ("queued", "held", start + HOUR)
        assert held["error"] == "held back: 1 post an hour on this account"
        hub.tick(minutes=60)
        assert hub.rows("SELECT error_code, error FROM deliveries")[1] == {"error_code": "", "error": ""}


def test_a_post_that_comes_while_others_are_held_back_stands_behind_them(
    tmp_path: Path, double: VillageDouble
) -> None:
    with opened(tmp_path, double, 2) as hub:
        queue(hub, 5, "early")
        hub.tick()
        hub.clock.forward(minutes=30)
        queue(hub, 1, "late")
        for _ in range(30):
            hub.tick(minutes=10)
        assert [held.text for held in double.held()] == [*(f"early {number}" for number in range(5)), "late 0"]


def test_who_comes_last_waits_for_room_behind_the_whole_line() -> None:
    governor = Governor(2)
    governor.learn([NOON, NOON], [NOON + HOUR, NOON + HOUR, NOON + 2 * HOUR])
    later = NOON + timedelta(minutes=30)
    untils = [governor.hold(later, later, again=False) for _ in range(3)]
    assert [hold.until - NOON for hold in untils if hold] == [2 * HOUR, 3 * HOUR, 3 * HOUR]


def test_the_bound_of_the_account_replaces_the_hubs_and_nought_is_none(
    tmp_path: Path, double: VillageDouble
) -> None:
    with opened(tmp_path, double, 1, posts_per_hour=0) as hub:
        queue(hub, 5)
        hub.tick()
        assert len(double.held()) == 5


def test_after_downtime_posts_go_out_evenly_the_oldest_first(tmp_path: Path, double: VillageDouble) -> None:
    with opened(tmp_path, double, 60) as hub:
        hub.tick()
        queue(hub, 5)
        hub.tick(hours=6)
        counts = [len(double.held())]
        for _ in range(5):
            hub.tick(minutes=1)
            counts.append(len(double.held()))
        assert counts == [1, 2, 3, 4, 5, 5]
        assert [held.text for held in double.held()] == [f"post {number}" for number in range(5)]


def test_a_fresh_post_does_not_wait_for_those_that_downtime_kept_back(
    tmp_path: Path, double: VillageDouble
) -> None:
    with opened(tmp_path, double, 60) as hub:
        hub.tick()
        queue(hub, 5, "old")
        hub.clock.forward(hours=6)
        queue(hub, 1, "fresh")
        hub.tick()
        assert [held.text for held in double.held()] == ["old 0", "fresh 0"]


def test_a_tick_every_quarter_of_an_hour_still_gets_the_posts_out(tmp_path: Path, double: VillageDouble) -> None:
    """What was given a time is not given another one each time that a tick comes a little late."""
    with opened(tmp_path, double, 60) as hub:
        hub.tick()
        queue(hub, 10)
        for _ in range(3):
            hub.tick(minutes=15)
        assert len(double.held()) == 10


def test_slots_of_a_cron_schedule_are_not_downtime(tmp_path: Path, double: VillageDouble) -> None:
    """What was accepted since yesterday goes out at nine, not one a day."""
    account = {"platform": "village", **double.account()}
    path = write_config(
        tmp_path,
        {"home": account},
        '[schedule]\npublish = "0 9 * * *"\n',
        extra="posts_per_hour = 60",
    )
    with open_hub(path, Village) as hub:
        hub.clock.now = hub.clock.now.replace(hour=10, minute=0) + timedelta(days=1)
        hub.tick()
        queue(hub, 3)
        hub.tick(hours=23)
        assert len(double.held()) == 3


def test_the_parts_of_a_thread_edits_and_resends_are_not_held_back(tmp_path: Path, double: VillageDouble) -> None:
    with opened(tmp_path, double, 1, overflow="thread") as hub:
        double.inject(faults.LOST, lambda request: request.method == "POST")
        text = " ".join(f"word{number}" for number in range(200))
        number, _ = routes.add_post(
            hub.store, NewPost(key="1", text=text, publish_at=hub.clock()), ["home"], hub.clock()
        )
        for _ in range(6):
            hub.tick(minutes=1)
        parts = len(double.held())
        assert parts > 1
        assert set(hub.states()) == {"published"}
        routes.change_post(
            hub.store, number, hub.clock(), text=text.replace("word", "Word"), title="", link="", images=[]
        )
        hub.tick(minutes=1)
        assert all(held.text.startswith("Word") for held in double.held())
        assert verify(hub.store) == []


def test_what_the_governor_asks_the_store_needs_no_scan(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/hub.db")
    migrate.upgrade(store)
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT deliveries"):
            rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in rows)

    sa.event.listen(store.engine, "before_cursor_execute", explain)
    with store.read() as connection:
        pacing.first_attempts(connection, "home", NOON, 60)
        pacing.held_until(connection, "home", NOON, 60)
        sending.doubts_due(connection, "home", NOON)
        sending.left_sending(connection, "home", 1)
    store.close()
    assert plans
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
    assert sum("deliveries_attempted" in plan for plan in plans) == 1
    assert sum("deliveries_in_doubt" in plan for plan in plans) == 2
