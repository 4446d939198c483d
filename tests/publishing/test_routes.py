"""Routes: what appears on one account goes out to the others once, and what comes back is recognised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
import structlog
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Batch, RemotePost, StaleCursor
from hub.store.verify import verify
from hub.testing import Held, Reply, faults


class Towns:
    """Three villages, each with its own double, and a hub that routes between them as told."""

    def __init__(self, folder: Path, database: str, routes: str, adapter: type[Village] = Village) -> None:
        self._stack = ExitStack()
        self.doubles = {name: self._stack.enter_context(VillageDouble()) for name in ("one", "two", "three")}
        accounts = {name: {"platform": "village", **double.account()} for name, double in self.doubles.items()}
        self.hub: TestHub = self._stack.enter_context(
            open_hub(write_config(folder, accounts, routes, database=database), adapter)
        )

    def write(self, name: str, text: str, **more: object) -> Held:
        """Let a person publish on one of our pages by hand."""
        double = self.doubles[name]
        held = Held(str(double.next_id()), text, sent_at=more.pop("sent_at", self.hub.clock()), **more)  # type: ignore[arg-type]
        double.posts[held.id] = held
        return held

    def texts(self, name: str) -> list[str]:
        return [held.text for held in self.doubles[name].held()]

    def run(self, ticks: int = 4) -> None:
        for _ in range(ticks):
            self.hub.tick(minutes=6)

    def close(self) -> None:
        self._stack.close()


ONE_TO_ALL = '[routes.news]\nfrom = ["one"]\nto = ["two", "three"]\n'
EVERYWHERE = "\n".join(
    f'[routes.{name}]\nfrom = ["{name}"]\nto = {[other for other in ("one", "two", "three") if other != name]!r}'
    for name in ("one", "two", "three")
)


@pytest.fixture
def towns(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> Iterator[Towns]:
    running = Towns(tmp_path, database_url, getattr(request, "param", ONE_TO_ALL))
    yield running
    running.close()


def test_a_new_post_goes_to_each_target_once(towns: Towns) -> None:
    towns.run(1)
    towns.write("one", "News!")
    towns.run()
    assert (towns.texts("two"), towns.texts("three")) == (["News!"], ["News!"])


def test_every_new_post_goes_out_not_only_the_newest_oldest_first(towns: Towns) -> None:
    towns.run(1)
    for number in range(120):
        towns.write("one", f"News {number}", sent_at=towns.hub.clock() + timedelta(seconds=number))
    towns.run(2)
    assert towns.texts("two") == [f"News {number}" for number in range(120)]


def test_a_first_read_routes_what_is_young_and_leaves_the_archive(towns: Towns) -> None:
    towns.write("one", "Old", sent_at=towns.hub.clock() - timedelta(days=30))
    towns.write("one", "Fresh", sent_at=towns.hub.clock() - timedelta(hours=2))
    towns.run()
    assert towns.texts("two") == ["Fresh"]


@pytest.mark.parametrize("towns", [ONE_TO_ALL + 'backfill = "all"\n'], indirect=True)
def test_a_route_may_ask_for_the_whole_archive(towns: Towns) -> None:
    towns.write("one", "Old", sent_at=towns.hub.clock() - timedelta(days=30))
    towns.run()
    assert towns.texts("two") == ["Old"]


class Forgetful(Village):
    """A village that forgets the bookmarks in `forgotten`."""

    forgotten: ClassVar[set[str]] = set()

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        if cursor in self.forgotten:
            raise StaleCursor("the village does not know {cursor}", cursor=cursor)
        yield from super().fetch_posts(cursor)


@pytest.mark.parametrize("backfill", ["1d", "all"])
def test_a_source_that_forgot_its_bookmark_pours_out_no_archive(
    tmp_path: Path, database_url: str, backfill: str
) -> None:
    """Row 27: what was never seen and is older than the last read is known from now on, and goes nowhere."""
    towns = Towns(tmp_path, database_url, ONE_TO_ALL + f'backfill = "{backfill}"\n', Forgetful)
    Forgetful.forgotten = set()
    old = towns.write("one", "Never seen", sent_at=towns.hub.clock() - timedelta(hours=3))
    del towns.doubles["one"].posts[old.id]
    known = towns.write("one", "Known")
    towns.run(1)
    Forgetful.forgotten = {known.id}
    towns.doubles["one"].posts[old.id] = old
    towns.write("one", "News!")
    towns.run(2)
    old.text = "Never seen, and edited"
    towns.run(2)
    assert (towns.texts("two"), towns.hub.states()) == (["Known", "News!"], ["published"] * 4)
    towns.close()


def test_an_edit_at_the_source_flows_to_the_copies(towns: Towns) -> None:
    held = towns.write("one", "Frist")
    towns.run(1)
    held.text = "First"
    towns.run()
    assert (towns.texts("two"), towns.texts("three")) == (["First"], ["First"])


def test_what_appeared_during_a_long_downtime_is_missed_and_asked(towns: Towns) -> None:
    towns.run(1)
    towns.write("one", "Yesterday's news")
    towns.hub.tick(days=3)
    assert towns.texts("two") == []
    assert towns.hub.states() == ["missed", "missed"]


def test_our_own_answers_in_the_timeline_are_not_routed(towns: Towns) -> None:
    towns.run(1)
    towns.write("one", "An answer", reply_to="1")
    towns.run()
    assert towns.texts("two") == []


@pytest.mark.parametrize("towns", [EVERYWHERE], indirect=True)
def test_routes_in_a_circle_carry_a_post_everywhere_once_and_stay_quiet(towns: Towns) -> None:
    towns.run(1)
    towns.write("one", "Round and round")
    towns.run(20)
    assert [towns.texts(name) for name in ("one", "two", "three")] == [["Round and round"]] * 3
    writes = towns.hub.store.content_writes()
    towns.run(3)
    assert towns.hub.store.content_writes() == writes


@pytest.mark.parametrize("towns", [EVERYWHERE], indirect=True)
def test_an_edit_in_a_circle_ends_too(towns: Towns) -> None:
    held = towns.write("one", "Frist")
    towns.run(3)
    held.text = "First"
    towns.run(10)
    assert [towns.texts(name) for name in ("one", "two", "three")] == [["First"]] * 3


@pytest.mark.parametrize("towns", [EVERYWHERE], indirect=True)
def test_an_echo_of_a_post_whose_answer_was_lost_is_adopted_not_routed(towns: Towns) -> None:
    towns.run(1)
    towns.doubles["two"].inject(faults.LOST, lambda request: request.method == "POST")
    # Nothing is found by looking, so that only the timeline can tell.
    for _ in range(2):
        towns.doubles["two"].inject(faults.answered(Reply([])), lambda request: request.query.get("from") == "0")
    towns.write("one", "Echo")
    towns.run(12)
    assert [towns.texts(name) for name in ("one", "two", "three")] == [["Echo"]] * 3
    assert set(towns.hub.states()) == {"published"}
    assert verify(towns.hub.store) == []


def test_an_unchanged_source_costs_no_write(towns: Towns) -> None:
    towns.write("one", "News!")
    towns.run()
    writes = towns.hub.store.content_writes()
    towns.run(2)
    assert towns.hub.store.content_writes() == writes


def test_the_same_text_again_is_said_in_the_log_and_goes_out_all_the_same(towns: Towns) -> None:
    towns.run(1)
    towns.write("one", "Good morning", sent_at=datetime.now(UTC))
    towns.run(1)
    with structlog.testing.capture_logs() as logs:
        towns.write("one", "Good morning ", sent_at=datetime.now(UTC))
        towns.run(1)
    warned = [(line["account"], line["earlier"]) for line in logs if line["event"] == "same text again"]
    assert sorted(warned) == [("three", 1), ("two", 1)]
    assert len(towns.texts("two")) == 2
