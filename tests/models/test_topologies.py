"""Whatever the routes, the delays and the lost answers: each post ends once on each account that it is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.blank import emptied
from models.islands import BETWEEN_LOOKS, PLATFORMS, Held, Island, Killed, Looked
from models.ticking import Ticking
from models.trying import trying
from support import plugin, write_config

from hub import settings
from hub.registry import Registry
from hub.scheduling.hub import LISTEN, PUBLISH, Hub
from hub.scheduling.turn import take_turn
from hub.store import Store
from hub.store.running import accounts, leases
from hub.store.verify import verify

NAMES = ("one", "two", "three", "four", "five")
OWNER = "model"
_LEASE = timedelta(minutes=2)
# A post of an hour ago is no less wanted here.
_LATE = 'late = "3650d"\n'


class Topology(NamedTuple):
    """Accounts, by platform, each with the delay of its echoes and what happens to its publishes; and routes."""

    platforms: Sequence[str]
    echoes: Sequence[timedelta]
    finds: Sequence[timedelta]
    faults: Sequence[Sequence[str]]
    routes: Sequence[tuple[str, str]]

    @property
    def accounts(self) -> Sequence[str]:
        return NAMES[: len(self.platforms)]

    def targets(self, source: str) -> set[str]:
        return {target for origin, target in self.routes if origin == source} - {source}


FAULTS = ["", "lost before", "lost after", "killed before", "killed after", "refused"]


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    count = draw(st.integers(1, len(NAMES)))
    names = st.sampled_from(NAMES[:count])

    def each(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    return Topology(
        platforms=each(st.sampled_from([adapter.platform for adapter in PLATFORMS])),
        echoes=each(st.sampled_from([timedelta(0), timedelta(minutes=1), timedelta(hours=1)])),
        finds=each(st.sampled_from([timedelta(0), BETWEEN_LOOKS])),
        faults=each(st.lists(st.sampled_from(FAULTS), max_size=4)),
        routes=draw(st.lists(st.tuples(names, names), min_size=1, max_size=10)),
    )


# Few words, so that a post is often the twin of another one.
words = st.sampled_from(["good", "bad"])
numbers = st.integers(0, 30)
acts = st.lists(
    st.one_of(
        st.tuples(st.just("write"), numbers, words),
        st.tuples(st.just("edit"), numbers, numbers, words),
        st.tuples(st.just("turn"), numbers, st.sampled_from([(PUBLISH,), (LISTEN,), (PUBLISH, LISTEN)])),
        st.tuples(st.just("wait"), st.sampled_from([1, 35, 400])),
    ),
    min_size=1,
    max_size=30,
)


class Sea:
    """A hub, its islands, and the people who write there by hand."""

    def __init__(self, folder: Path, store: Store, registry: Registry, topology: Topology) -> None:
        self.topology = topology
        self.clock = Ticking()
        self.store = emptied(store)
        self.islands = {
            name: Island(
                self.clock.now, topology.echoes[number], topology.finds[number], [*topology.faults[number]]
            )
            for number, name in enumerate(topology.accounts)
        }
        Looked.islands = self.islands
        routes = "".join(
            f'[routes.r{number}]\nfrom = ["{source}"]\nto = ["{target}"]\nbackfill = "all"\n'
            for number, (source, target) in enumerate(topology.routes)
        )
        config = write_config(
            folder,
            {name: {"platform": topology.platforms[number]} for number, name in enumerate(topology.accounts)},
            routes,
            extra=_LATE,
        )
        self.hub = Hub(settings.load(config, {}), registry, store, self.clock)
        kinds = {name: self.hub.kinds(name) for name in topology.accounts}
        store.write(accounts.register, dict.fromkeys(topology.accounts, ""), kinds, self.clock())
        # What people wrote by hand, by account: that is what must go round.
        self.written: dict[str, list[Held]] = {name: [] for name in topology.accounts}
        self.edited = 0

    def act(self, what: str, *how: Any) -> None:
        if what == "wait":
            self.forward(how[0])
            return
        name = self.topology.accounts[how[0] % len(self.islands)]
        written = self.written[name]
        if what == "write":
            island = self.islands[name]
            # Signed by its place: what is written by hand here is no twin of what came from elsewhere.
            written.append(island.hold(f"{how[1]} of {name}", echo=timedelta(0), find=timedelta(0)))
        elif what == "edit" and written:
            written[how[1] % len(written)].text = f"{how[2]} of {name}"
            self.edited += 1
        elif what == "turn":
            self.turn(name, how[1])

    def forward(self, seconds: float) -> None:
        self.clock.forward(seconds=seconds)
        for island in self.islands.values():
            island.now = self.clock.now

    def turn(self, name: str, kinds: Sequence[str]) -> None:
        fence = self.store.write(leases.claim, name, OWNER, self.clock(), _LEASE)
        assert fence is not None
        try:
            take_turn(self.hub, name, kinds, fence)
        except Killed:
            self.store.write(leases.free, [OWNER])
        self.forward(0)

    def calm(self) -> None:
        """Let turns go round until nothing is done any more, and the slowest echo has come."""
        still = 0
        for number in range(60):
            writes = self.store.content_writes()
            for name in self.topology.accounts:
                self.turn(name, (PUBLISH, LISTEN))
            assert all(held.total() <= self.wanted()[name].total() for name, held in self.held().items())
            # First in the steps of looks, then in those of echoes.
            self.forward(35 if number < 5 else 1000)
            still = still + 1 if self.store.content_writes() == writes else 0
            if still == 8:
                return
        raise AssertionError("the hub does not come to rest")

    def held(self) -> dict[str, Counter[str]]:
        return {
            name: Counter(held.text for held in island.posts.values()) for name, island in self.islands.items()
        }

    def wanted(self) -> dict[str, Counter[str]]:
        """Return what each account must hold: what was written there, and one copy of all that is routed to it."""
        found = {name: Counter(held.text for held in written) for name, written in self.written.items()}
        for source, written in self.written.items():
            for target in self.topology.targets(source):
                found[target].update(held.text for held in written)
        return found

    def count(self, table: str) -> int:
        with self.store.read() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover({"islands": plugin(*PLATFORMS)})


@trying(90)
@given(topologies(), acts)
def test_every_post_ends_once_on_each_account_that_it_is_for(
    room: Path, store: Store, registry: Registry, topology: Topology, acts: list[tuple[Any, ...]]
) -> None:
    sea = Sea(room, store, registry, topology)
    for act in acts:
        sea.act(*act)
    sea.calm()
    assert sea.held() == sea.wanted()
    sources = {source for source, _ in topology.routes if topology.targets(source)}
    assert sea.count("posts") == sum(len(sea.written[source]) for source in sources)
    assert verify(store) == []


@trying(30)
@given(topologies(), acts)
def test_an_edit_is_made_once_on_each_copy_and_then_all_is_quiet(
    room: Path, store: Store, registry: Registry, topology: Topology, acts: list[tuple[Any, ...]]
) -> None:
    sea = Sea(room, store, registry, topology)
    for act in acts:
        sea.act(*act)
    sea.calm()
    before = sum(held.edits for island in sea.islands.values() for held in island.posts.values())
    writes, publishes = sea.store.content_writes(), sum(island.publishes for island in sea.islands.values())
    for name, written in sea.written.items():
        for held in written:
            held.text = f"new {held.id} of {name}"
    sea.calm()
    copies = sum(len(sea.written[source]) * len(topology.targets(source)) for source in topology.accounts)
    assert sea.held() == sea.wanted()
    assert sum(held.edits for island in sea.islands.values() for held in island.posts.values()) - before == copies
    assert sum(island.publishes for island in sea.islands.values()) == publishes
    assert (sea.store.content_writes() > writes) == (copies > 0)


NOW = timedelta(0)


def two_islands(faults: Sequence[str]) -> Topology:
    """One writes, two gets it, with these faults."""
    return Topology(("looked",) * 2, (NOW,) * 2, (NOW,) * 2, ((), faults), [("one", "two")])


def test_a_post_that_shows_after_the_first_look_is_found_by_the_second(
    room: Path, store: Store, registry: Registry
) -> None:
    topology = two_islands(["lost after"])._replace(finds=(NOW, BETWEEN_LOOKS))
    sea = Sea(room, store, registry, topology)
    for act in [("write", 0, "good"), ("turn", 0, (LISTEN,)), ("turn", 1, (PUBLISH,))]:
        sea.act(*act)
    sea.calm()
    assert sea.held() == sea.wanted()


def test_a_lost_post_is_not_taken_for_its_twin_of_a_moment_ago(
    room: Path, store: Store, registry: Registry
) -> None:
    sea = Sea(room, store, registry, two_islands(["", "lost before"]))
    for act in [("write", 0, "good"), ("write", 0, "good"), ("turn", 0, (LISTEN,)), ("turn", 1, (PUBLISH,))]:
        sea.act(*act)
    sea.calm()
    assert sea.held() == sea.wanted()


def test_a_lost_post_is_not_taken_for_what_somebody_wrote_there_before(
    room: Path, store: Store, registry: Registry
) -> None:
    topology = two_islands(["lost before"])._replace(routes=[("one", "two"), ("two", "one")])
    sea = Sea(room, store, registry, topology)
    sea.written["two"].append(sea.islands["two"].hold("good of one", echo=NOW, find=NOW))
    sea.act("turn", 1, (LISTEN,))
    for act in [("write", 0, "good"), ("turn", 0, (LISTEN,)), ("turn", 1, (PUBLISH,))]:
        sea.act(*act)
    sea.calm()
    assert sea.held() == sea.wanted()


def test_a_lost_post_is_not_taken_for_an_old_one_that_is_read_first_now(
    room: Path, store: Store, registry: Registry
) -> None:
    topology = two_islands(["lost before"])._replace(
        platforms=("looked",) * 3, echoes=(NOW,) * 3, finds=(NOW,) * 3, faults=((), ["lost before"], ())
    )
    topology = topology._replace(routes=[("one", "two"), ("two", "three")])
    sea = Sea(room, store, registry, topology)
    sea.written["two"].append(sea.islands["two"].hold("good of one", echo=NOW, find=NOW))
    sea.forward(86400)
    for act in [("write", 0, "good"), ("turn", 0, (LISTEN,)), ("turn", 1, (PUBLISH,)), ("turn", 1, (LISTEN,))]:
        sea.act(*act)
    sea.calm()
    assert sea.held() == sea.wanted()


def test_an_echo_is_recognised_also_while_nobody_knows_yet_that_the_hub_died(
    room: Path, store: Store, registry: Registry
) -> None:
    topology = two_islands(["killed after"])._replace(routes=[("one", "two"), ("two", "one")])
    sea = Sea(room, store, registry, topology)
    for act in [("write", 0, "good"), ("turn", 0, (LISTEN,)), ("turn", 1, (PUBLISH,)), ("turn", 1, (LISTEN,))]:
        sea.act(*act)
    assert sea.held() == sea.wanted()
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT state, remote_id FROM deliveries").all() == [("published", "1")]
