"""What a turn comes to when the answer to any one of its commits is lost, or the database goes away in between."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cluster.proxy import Loss, Proxy
from cluster.server import Server
from settle_kinds import KINDS, KindDouble
from support import Clock, TestHub, write_config

from hub import hookimpl, settings
from hub.errors import StoreError
from hub.publishing import routes
from hub.scheduling.hub import Hub
from hub.store.outbox.posts import NewPost
from hub.store.verify import verify

# A turn has fewer commits than this.
_MOST = 40


class Scene:
    """A hub by way of a proxy, with an account that can be looked at and one where only a person could tell."""

    def __init__(self, hub: TestHub, networks: dict[str, KindDouble]) -> None:
        self.hub = hub
        self.networks = networks
        self.posts = 0
        self.remarks = 0

    def accept(self) -> None:
        self.posts += 1
        now = self.hub.clock()
        new = NewPost(key=str(self.posts), text=f"Запись номер {self.posts}", publish_at=now)
        routes.add_post(self.hub.store, new, list(self.networks), now)

    def say(self) -> None:
        """Let somebody answer the newest post on each network."""
        self.remarks += 1
        for network in self.networks.values():
            person = network.add_person("Анна", f"anna{self.remarks}")
            network.say(person, list(network.posts)[-1], f"Ответ номер {self.remarks}")

    def tick(self, **delta: float) -> None:
        try:
            self.hub.tick(**delta)
        except StoreError:
            self.hub.tick()

    def wrong(self) -> list[str]:
        found = list(verify(self.hub.store))
        states = Counter(self.hub.states())
        if set(states) != {"published"}:
            found.append(f"not everything is published: {states}")
        for name, network in self.networks.items():
            said = Counter(held.text for held in network.held())
            found += [f"{name}: {text!r} is there {times} times" for text, times in said.items() if times > 1]
            if len(said) != self.posts:
                found.append(f"{name}: {len(said)} of {self.posts} posts are there")
        heard = self.hub.rows("SELECT count(*) AS n FROM mentions")[0]["n"]
        if heard != self.remarks * len(self.networks):
            found.append(f"{heard} remarks are known, {self.remarks} were made on each network")
        return found


@pytest.fixture
def told() -> list[Any]:
    """What is called when a post was published."""
    return []


@pytest.fixture
def scene(tmp_path: Path, server: Server, database: str, proxy: Proxy, told: list[Any]) -> Iterator[Scene]:
    clock = Clock()
    kinds = {"looked": KINDS["lookup"], "blind": KINDS["none"]}

    @hookimpl
    def register_adapters() -> list[Any]:
        return list(kinds.values())

    @hookimpl
    def post_published(account: str, post: Any, receipt: Any) -> None:
        for one in told:
            one()

    plugin = SimpleNamespace(register_adapters=register_adapters, post_published=post_published)
    with ExitStack() as stack:
        networks = {name: stack.enter_context(KindDouble(clock=clock)) for name in kinds}
        accounts = {
            name: {"platform": name, **double.account(), "settle_after": "1s"} for name, double in networks.items()
        }
        schedule = '[schedule]\npublish = "every 1s"\nlisten = "every 30s"\n'
        url = server.url(database, port=proxy.port)
        config = write_config(tmp_path, accounts, schedule, database=url, extra='lease = "20s"')
        hub = stack.enter_context(Hub.open(settings.load(config, {}), clock=clock, plugins={"tests": plugin}))
        under_test = TestHub(hub, clock)
        stack.callback(under_test.scheduler.close)
        made = Scene(under_test, networks)
        made.accept()
        made.tick()
        yield made


def sweep(scene: Scene, proxy: Proxy, loss: Loss, step: int) -> int:
    """Lose one commit of a turn after the other; return how many were lost."""
    for spare in range(0, _MOST, step):
        scene.say()
        scene.accept()
        proxy.lose_commits(loss, spare=spare)
        scene.tick(seconds=40)
        was_lost = proxy.lose_no_more()
        for _ in range(3):
            scene.tick(minutes=2)
        assert scene.wrong() == [], f"commit {spare} was lost {loss} it came"
        if not was_lost:
            break
    return proxy.lost_commits


@pytest.mark.parametrize("loss", ["before", "after"])
def test_a_lost_answer_to_a_commit_neither_doubles_nor_loses_anything(
    scene: Scene, proxy: Proxy, loss: Loss
) -> None:
    assert sweep(scene, proxy, loss, 4) >= 3


@pytest.mark.faults_long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("loss", ["before", "after"])
def test_a_lost_answer_to_any_commit_neither_doubles_nor_loses_anything(
    scene: Scene, proxy: Proxy, loss: Loss
) -> None:
    lost = sweep(scene, proxy, loss, 1)
    print(f"{lost} commits lost {loss} they came")
    assert lost >= 10


def test_a_database_that_goes_away_between_two_posts_fails_none(
    scene: Scene, proxy: Proxy, told: list[Any]
) -> None:
    """The next post is planned, for which it is asked: that it cannot be says nothing about the post."""

    def go_away() -> None:
        told.clear()
        proxy.down()
        threading.Timer(1.5, proxy.up).start()

    for _ in range(4):
        scene.accept()
    told.append(go_away)
    scene.tick(seconds=2)
    for _ in range(3):
        scene.tick(minutes=2)
    assert scene.wrong() == []
