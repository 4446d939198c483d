"""What work costs in statements, commits, rows, calls and imports: counters that noise cannot move."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Adapter, Author, Batch, Mention, Post, Publisher, ThreadReader
from hub.discussions.collecting import Ear, listen, read_thread, watch
from hub.publishing import routes
from hub.store import Store, migrate
from hub.store.discussions import ingesting, threads
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts
from hub.testing import SocialDouble, open_adapter
from plugins.facebook import Facebook
from plugins.facebook.sandbox import FacebookDouble
from plugins.twitter import Twitter
from plugins.twitter.sandbox import TwitterDouble
from plugins.vk import VK
from plugins.vk.sandbox import VKDouble

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HEAVY = (
    "sqlalchemy",
    "sqlmodel",
    "httpx",
    "pydantic",
    "msgspec",
    "structlog",
    "pluggy",
    "alembic",
    "ssl",
    "sqlite3",
)


@dataclass
class Cost:
    """What was spent: statements that read or write, commits, rows of what people made or said."""

    reads: int = 0
    writes: int = 0
    commits: int = 0
    rows: int = 0


@contextmanager
def spent(store: Store) -> Iterator[Cost]:
    """Count what the database does."""
    cost = Cost()
    commits, rows = store.transactions, store.content_writes()

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        verb = statement.split(maxsplit=1)[0]
        cost.reads += verb == "SELECT"
        cost.writes += verb in ("INSERT", "UPDATE", "DELETE")

    sa.event.listen(store.engine, "before_cursor_execute", count)
    try:
        yield cost
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", count)
        cost.commits = store.transactions - commits
        cost.rows = store.content_writes() - rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/hub.db")
    migrate.upgrade(opened)
    opened.write(accounts.register, {"club": "vk"}, {"club": ["listen"]}, NOW)
    yield opened
    opened.close()


def page(count: int = 100, text: str = "Хорошая статья") -> list[Mention]:
    return [
        Mention(
            remote_id=str(number),
            thread_id="post",
            author=Author(remote_id=f"u{number % 30}", name=f"Читатель {number % 30}"),
            text=f"{text} {number}",
            sent_at=NOW,
        )
        for number in range(count)
    ]


@pytest.fixture
def ingest(store: Store) -> Callable[[list[Mention]], Cost]:
    thread = store.write(threads.ensure, "club", ["post"], NOW)

    def one(items: list[Mention]) -> Cost:
        with spent(store) as cost:
            store.write(ingesting.ingest, "club", "vk", thread, items, NOW)
        return cost

    return one


def test_a_new_page_takes_seven_statements_and_one_commit(ingest: Callable[[list[Mention]], Cost]) -> None:
    """What is known, who spoke, who we are, what we sent, whether it is answered; mentions and authors."""
    assert ingest(page()) == Cost(reads=5, writes=2, commits=1, rows=130)


def test_an_unchanged_page_takes_two_selects_and_writes_no_row(ingest: Callable[[list[Mention]], Cost]) -> None:
    ingest(page())
    assert ingest(page()) == Cost(reads=2, writes=0, commits=1, rows=0)


def test_a_page_takes_as_many_statements_however_long_it_is(ingest: Callable[[list[Mention]], Cost]) -> None:
    cost = ingest(page(1000))
    assert (cost.reads, cost.writes) == (5, 2)


def test_one_changed_mention_is_written_with_history_and_words(ingest: Callable[[list[Mention]], Cost]) -> None:
    ingest(page())
    assert ingest([*page(99), *page(100, "Плохая статья")[99:]]) == Cost(reads=5, writes=4, commits=1, rows=2)


NETWORKS: list[Any] = [
    pytest.param(VKDouble, VK, id="vk"),
    pytest.param(FacebookDouble, Facebook, id="facebook"),
    pytest.param(TwitterDouble, Twitter, id="twitter"),
]


class Silence:
    """No plugin wants to know."""

    def tell(self, event: str, **facts: Any) -> None:
        """Tell nobody."""


@pytest.mark.parametrize(("double_class", "adapter_class"), NETWORKS)
def test_an_unchanged_thread_costs_one_call_and_no_write(
    store: Store, double_class: type[SocialDouble], adapter_class: type[Adapter]
) -> None:
    with double_class() as double:
        adapter = open_adapter(adapter_class, double.account(), account="club")
        assert isinstance(adapter, Publisher)
        assert isinstance(adapter, ThreadReader)
        root = adapter.publish(Post(text="Новость", key="1")).remote_id
        anna = double.add_person("Анна", "anna")
        for number in range(3):
            double.say(anna, double.held()[0].id, f"Замечание {number}")
        now = datetime.now(UTC)
        store.write(accounts.resume, "club", double.us.id, double.us.name, now)
        watch(store, "club", root, "", now)

        def read() -> Cost:
            ear = Ear(store, adapter, Silence(), lambda: now, lambda when, changed_at: when)
            with store.read() as connection:
                (thread,) = threads.due(connection, "club", now)
            with spent(store) as cost:
                read_thread(ear, adapter, thread)
            return cost

        assert read().rows == 4  # three mentions and their author
        read()
        calls = len(double.calls)
        cost = read()
        adapter.http.close()
        assert (len(double.calls) - calls, cost.writes, cost.rows) == (1, 0, 0)


class Shelf(ThreadReader):
    """A network whose pages need no call."""

    platform = "vk"
    Settings = Village.Settings

    def check(self) -> Any:
        raise NotImplementedError

    def fetch_replies(self, thread: Any, cursor: str | None) -> Iterator[Any]:
        yield Batch(page(20), complete=True)


def test_a_round_over_unchanged_threads_is_one_commit_for_all(store: Store) -> None:
    adapter = open_adapter(Shelf, {"api_url": "http://127.0.0.1:9", "token": "secret"}, account="club")
    now = NOW

    def round_() -> Cost:
        with spent(store) as cost:
            listen(Ear(store, adapter, Silence(), lambda: now, lambda when, _: when + timedelta(hours=1)))
        return cost

    watch(store, "club", "post", "", now)
    assert round_().rows == 40  # twenty mentions, twenty authors
    now += timedelta(hours=1)
    cost = round_()
    assert (cost.commits, cost.rows) == (1, 0)


@pytest.fixture
def village(tmp_path: Path) -> Iterator[TestHub]:
    with VillageDouble() as double:
        account = {"platform": "village", **double.account()}
        with open_hub(write_config(tmp_path, {"home": account}), Village) as hub:
            queue(hub, "the first, which makes the account known")
            hub.tick()
            yield hub


def queue(hub: TestHub, *keys: str) -> None:
    now = hub.clock()
    for key in keys:
        routes.add_post(hub.store, NewPost(key=key, text=f"Новость {key}", publish_at=now), ["home"], now)


def published(hub: TestHub, *keys: str) -> Cost:
    queue(hub, *keys)
    with spent(hub.store) as cost:
        assert hub.tick().counts["published"] == len(keys)
    return cost


def test_each_further_post_takes_two_commits(village: TestHub) -> None:
    one, four = published(village, "a"), published(village, "b", "c", "d", "e")
    assert four.commits - one.commits == 3 * 2


def test_each_further_post_takes_fourteen_statements(village: TestHub) -> None:
    one, four = published(village, "a"), published(village, "b", "c", "d", "e")
    reads, writes = (four.reads - one.reads) / 3, (four.writes - one.writes) / 3
    assert reads <= 4
    assert writes <= 10


def test_a_tick_without_work_writes_nothing(village: TestHub) -> None:
    village.tick()
    with spent(village.store) as cost:
        village.scheduler.tick()
    assert (cost.writes, cost.commits) == (0, 0)


def test_help_imports_click_alone() -> None:
    code = (
        "import sys\n"
        "from hub.cli.main import main\n"
        "assert main(['--help']) == 0\n"
        f"print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
