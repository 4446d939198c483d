"""Publishing: the hub with all its state, against threads that do nothing but make the same calls."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import structlog

from bench.measure import Figure, in_turns, ratio, seconds
from bench.server import running
from hub import AccountSettings, Adapter, Identity, Limits, Post, Publisher, Receipt, hookimpl
from hub.http import tls
from hub.publishing.routes import add_post
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler
from hub.sections import AccountOptions, HubSection, ScheduleSection
from hub.settings import Account, Settings
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts

AIM = 0.7
LATENCY = 0.05
ACCOUNTS = 200
DEFAULT = HubSection().workers
"""Threads of a hub whose settings say nothing about them: the calls' latency decides, not the processor."""
_PATH = "/posts"


class Answer(msgspec.Struct):
    id: str


class Place(Publisher):
    """An account on the network that costs nothing."""

    platform = "place"
    Settings = AccountSettings
    settle = "none"

    def check(self) -> Identity:
        return Identity(remote_id=self.account)

    def limits(self) -> Limits:
        return Limits(maximum=4096)

    def publish(self, post: Post) -> Receipt:
        answer = self.http.post(_PATH, json={"text": post.text, "link": post.link})
        return Receipt(remote_id=answer.decode(Answer).id)


class Plugin:
    """Brings the place to the hub."""

    @hookimpl
    def register_adapters(self) -> list[type[Adapter]]:
        return [Place]


def run(quick: bool) -> Iterator[Figure]:
    """Yield a figure for one post on each account and one for ten: posts per second to bare calls per second."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with running(LATENCY) as address:
        for posts, workers in ((1, ACCOUNTS), (10, ACCOUNTS), (2 if quick else 10, DEFAULT)):
            variants = {
                "bare": lambda posts=posts, workers=workers: bare(address, posts, workers),
                "hub": lambda posts=posts, workers=workers: hub(address, posts, workers),
            }
            results = in_turns(variants, 3 if quick else 5)
            yield ratio(
                "publishing",
                f"{posts} post(s) to each of {ACCOUNTS} accounts, {workers} threads, {LATENCY * 1000:.0f} ms "
                "away, to bare httpx",
                results,
                "hub",
                "bare",
                aim="at least",
                target=AIM,
                note="rates in posts/s; both open their connections within; synchronous=FULL for the hub",
            )


def text(number: int) -> str:
    return f"Вышла часть {number}: как мы готовим доставку к зиме и что из этого вышло."


def bare(address: str, posts: int, workers: int) -> float:
    """Post from threads with a client for each account and no state at all."""
    tls()

    def one(account: int) -> None:
        with httpx.Client(base_url=address, verify=tls(), trust_env=False) as client:
            for number in range(posts):
                answer = client.post(_PATH, json={"text": text(number), "link": "https://example.org/p"})
                msgspec.json.decode(answer.content, type=Answer)

    with ThreadPoolExecutor(workers) as pool:
        taken = seconds(lambda: list(pool.map(one, range(ACCOUNTS))))
    return ACCOUNTS * posts / taken


def hub(address: str, posts: int, workers: int) -> float:
    """Post through the whole hub: queue, lease, attempt, call, receipt, copy, thread; nothing is left out."""
    tls()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), address, ACCOUNTS, workers) as one_hub:
        queue(one_hub, posts)
        scheduler = Scheduler(one_hub)
        taken = seconds(scheduler.tick)
        scheduler.close()
        with one_hub.store.read() as connection:
            states = connection.exec_driver_sql("SELECT state, count(*) FROM deliveries GROUP BY state").all()
        if [tuple(row) for row in states] != [("published", ACCOUNTS * posts)]:
            raise AssertionError(f"not all is out: {states}")
    return ACCOUNTS * posts / taken


def opened(folder: Path, address: str, count: int, workers: int) -> Hub:
    """Open a hub with so many accounts on the place, all known and idle."""
    names = [f"account-{number}" for number in range(count)]
    options = AccountOptions()
    settings = Settings(
        path=folder / "hub.toml",
        hub=HubSection(workers=workers, posts_per_hour=0),
        accounts={name: Account(name, Place.platform, options, {"api_url": address}) for name in names},
        routes={},
        schedule=ScheduleSection(),
        environment={},
    )
    opened_hub = Hub.open(settings, plugins={"place": Plugin()})
    now = datetime.now(UTC)
    for name in names:
        opened_hub.store.write(accounts.resume, name, name, name, now)
    return opened_hub


def queue(one_hub: Hub, posts: int) -> None:
    """Accept so many posts for every account."""
    now = datetime.now(UTC)
    for number in range(posts):
        post = NewPost(key=f"post {number}", text=text(number), link="https://example.org/p", publish_at=now)
        add_post(one_hub.store, post, list(one_hub.settings.accounts), now)
