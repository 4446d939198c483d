"""The accounts that a process has opened: few of many keep their connections, and each keeps its pace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub.errors import ConfigError, OverBudget, TransientError
from hub.http import Http
from hub.testing import Reply, Request

MANY = 160


class Slow(VillageDouble):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.go.set()
        self.asked = threading.Event()

    def answer(self, request: Request) -> Reply:
        self.asked.set()
        self.go.wait(20)
        return super().answer(request)


@pytest.fixture
def double() -> Iterator[Slow]:
    with Slow() as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, double: Slow) -> Iterator[TestHub]:
    account = {"platform": "village", **double.account()}
    path = write_config(tmp_path, {f"a{number}": account for number in range(MANY)})
    with open_hub(path, Village) as opened:
        yield opened


def connections(double: Slow) -> int:
    port = int(double.url.split(":")[2].split("/")[0])
    return sum(bool(one.raddr) and one.raddr.port == port for one in psutil.Process().net_connections("tcp"))


def test_of_many_accounts_few_keep_their_connections_and_all_can_call_again(hub: TestHub, double: Slow) -> None:
    for _ in range(2):
        for number in range(MANY):
            assert hub.hub.adapter(f"a{number}").check().remote_id == double.us.id
    assert 100 < connections(double) <= 128 + 1
    assert len(double.calls) == 2 * MANY


def test_who_is_calling_keeps_the_connection(hub: TestHub, double: Slow) -> None:
    first = hub.hub.adapter("a0")
    double.go.clear()
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(first.check().remote_id))
    thread.start()
    assert double.asked.wait(10)
    assert not first.http.rest()
    for number in range(1, MANY):
        hub.hub.adapter(f"a{number}")
    double.go.set()
    thread.join(20)
    assert answers == [double.us.id]
    assert first.http.rest()


class Full:
    """A budget without room."""

    asked = 0

    def wait(self, until: float) -> None:
        self.asked += 1
        raise OverBudget("no room", retry_after=0.01)

    def hold(self, seconds: float, why: str) -> None:
        raise AssertionError


def test_a_call_that_finds_no_room_is_neither_made_nor_tried_again(double: Slow) -> None:
    http = Http(double.url)
    http.pace = full = Full()
    with pytest.raises(OverBudget):
        http.get("/me")
    assert (full.asked, double.calls) == (1, [])
    http.close()


def test_a_budget_that_cannot_be_asked_leaves_nothing_in_doubt(tmp_path: Path, double: Slow) -> None:
    account = {"platform": "village", **double.account(), "app": "news"}
    path = write_config(tmp_path, {"one": account}, extra="[apps.news]\ncalls_per_second = 5")
    with open_hub(path, Village) as hub:
        hub.store.write(lambda connection: connection.execute(sa.text("DROP TABLE buckets")))
        with pytest.raises(TransientError, match="app:news cannot be counted"):
            hub.hub.adapter("one").check()
        assert double.calls == []


def test_an_app_that_is_none_is_named_with_the_one_that_was_meant(tmp_path: Path, double: Slow) -> None:
    account = {"platform": "village", **double.account(), "app": "mews"}
    path = write_config(tmp_path, {"one": account}, extra="[apps.news]")
    with pytest.raises(ConfigError, match=r"accounts\.one\.app names mews") as caught, open_hub(path, Village):
        pass
    assert "news" in caught.value.hint.format_map(caught.value.facts)
