"""After a backup is put back, what went out since it was made does not go out again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from settle_kinds import KINDS, KindDouble
from support import Clock, TestHub, Village, VillageDouble, open_hub, write_config

from hub import Batch, RemotePost
from hub.publishing import routes, settling
from hub.store import Store
from hub.store.moving.backup import backup
from hub.store.moving.restore import Restored, restore
from hub.store.outbox.posts import NewPost
from hub.store.running import switches
from hub.store.verify import verify
from hub.testing import Held


class Undated(Village):
    """A village that does not say when something was written."""

    platform = "undated"

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        for batch in super().fetch_posts(cursor):
            yield Batch([msgspec.structs.replace(item, sent_at=None) for item in batch.items], batch.cursor)


class Town:
    """A page that people write on by hand, a route from there to another, and a hub whose database may be lost."""

    def __init__(self, folder: Path, database: str, kind: str, source: type[Village] = Village) -> None:
        self.folder, self.database, self.adapter = folder, database, KINDS[kind]
        self.adapters = (source, self.adapter)
        self.clock = Clock()
        self.source, self.target = VillageDouble(), KindDouble(clock=self.clock)
        accounts = {
            "page": {"platform": source.platform, **self.source.account()},
            "copy": {"platform": self.adapter.platform, **self.target.account()},
        }
        route = '[routes.news]\nfrom = ["page"]\nto = ["copy"]\n'
        self.config = write_config(folder, accounts, route, database=database)

    @contextmanager
    def hub(self) -> Iterator[TestHub]:
        with open_hub(self.config, *self.adapters, clock=self.clock) as running:
            yield running

    def write(self, text: str) -> None:
        """Let a person publish on the page by hand."""
        number = str(self.source.next_id())
        self.source.posts[number] = Held(number, text, sent_at=self.clock())

    def post(self, hub: TestHub, text: str, **wait: float) -> None:
        new = NewPost(key=text, text=text, publish_at=self.clock() + timedelta(**wait))
        routes.add_post(hub.store, new, ["copy"], self.clock())

    def put_back(self, *, as_it_was: bool = False) -> Restored:
        store = Store.open(self.database)
        try:
            return restore(
                self.folder / "kept.db",
                store,
                self.folder,
                self.clock(),
                alive=lambda owner: True,
                reason="restored",
                progress=lambda done, of: None,
                replace=True,
                as_it_was=as_it_was,
            )
        finally:
            store.close()

    def texts(self) -> list[str]:
        return sorted(held.text for held in self.target.held())


@pytest.fixture(params=list(KINDS))
def town(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> Iterator[Town]:
    made = Town(tmp_path, database_url, request.param)
    with made.source, made.target:
        yield made


def run(hub: TestHub, ticks: int = 4) -> None:
    for _ in range(ticks):
        hub.tick(minutes=6)


def keep(hub: TestHub, town: Town) -> None:
    backup(hub.store, town.folder / "kept.db", lambda done, of: None)


def test_what_went_out_after_the_backup_is_not_published_twice(town: Town) -> None:
    with town.hub() as hub:
        hub.tick()
        town.post(hub, "Planned for soon", minutes=10)
        town.post(hub, "Planned for late", hours=5)
        keep(hub, town)
        run(hub, 2)
        town.write("Written meanwhile")
        run(hub, 2)
    out = ["Planned for soon", "Written meanwhile"]
    assert town.texts() == out
    found = town.put_back()
    assert found.doubts is not None
    assert (found.doubts.deliveries, found.kept is not None) == (1, True)
    with town.hub() as hub:
        run(hub)
        assert town.texts() == out
        states = hub.states()
        if town.adapter.settle == "none":
            assert sorted(states) == ["asked", "asked", "queued"]
        else:
            # A look needs no leave to write.
            assert sorted(states) == ["published", "published", "queued"]
        hub.store.write(switches.resume)
        run(hub)
        assert town.texts() == out
        hub.clock.forward(hours=5)
        run(hub)
        assert town.texts() == ["Planned for late", *out]
        assert hub.states().count("published") == (1 if town.adapter.settle == "none" else 3)
        assert verify(hub.store) == []


def test_what_no_look_finds_is_a_persons_to_decide(town: Town) -> None:
    with town.hub() as hub:
        hub.tick()
        town.post(hub, "Planned for soon", minutes=10)
        keep(hub, town)
    town.clock.forward(days=2)
    town.put_back()
    with town.hub() as hub:
        hub.store.write(switches.resume)
        run(hub)
        assert (town.texts(), hub.states()) == ([], ["asked"])
        (row,) = hub.rows("SELECT id FROM deliveries")
        settling.decide(hub.store, hub.hub.adapter("copy"), row["id"], hub.clock(), again=True)
        run(hub)
        assert (town.texts(), hub.states()) == (["Planned for soon"], ["published"])


def test_a_backup_of_a_hub_that_did_nothing_since_goes_on_as_it_was(town: Town) -> None:
    with town.hub() as hub:
        hub.tick()
        town.post(hub, "Planned for soon", minutes=10)
        keep(hub, town)
    assert town.put_back(as_it_was=True).doubts is None
    with town.hub() as hub:
        run(hub)
        town.write("Written afterwards")
        run(hub)
        assert town.texts() == ["Planned for soon", "Written afterwards"]


def test_what_bears_no_time_is_in_doubt_at_the_first_read_and_news_afterwards(
    tmp_path: Path, database_url: str
) -> None:
    town = Town(tmp_path, database_url, "lookup", Undated)
    with town.source, town.target:
        _undated(town)


def _undated(town: Town) -> None:
    with town.hub() as hub:
        hub.tick()
        keep(hub, town)
        town.write("Written meanwhile")
        run(hub)
    town.put_back()
    with town.hub() as hub:
        run(hub, 1)
        town.write("Written afterwards")
        hub.store.write(switches.resume)
        run(hub)
        assert town.texts() == ["Written afterwards", "Written meanwhile"]
        assert hub.states() == ["published", "published"]


@pytest.mark.parametrize("town", ["lookup"], indirect=True)
def test_the_hub_is_stopped_until_a_person_lets_it_go_on(town: Town) -> None:
    with town.hub() as hub:
        hub.tick()
        keep(hub, town)
    town.put_back()
    with town.hub() as hub:
        run(hub, 1)
        town.write("Written afterwards")
        run(hub)
        assert town.texts() == []
        hub.store.write(switches.resume)
        hub.tick_all()
        assert town.texts() == ["Written afterwards"]
