"""kill -9 of the daemon, twenty times at random moments, while 180 posts go out: each is there exactly once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from faults.truth import Tally, audit, tally
from support import write_config

from hub import settings
from hub.publishing import routes
from hub.scheduling.hub import Hub
from hub.store.outbox import deliveries
from hub.store.outbox.posts import NewPost
from hub.testing import SocialDouble
from plugins.facebook.sandbox import FacebookDouble
from plugins.twitter.sandbox import TwitterDouble
from plugins.vk.sandbox import VKDouble

POSTS = 60
KILLS = 20


def counts(config: Path) -> dict[str, int]:
    with Hub.open(settings.load(config)) as hub, hub.store.read() as connection:
        return deliveries.count_by_state(connection)


@pytest.mark.timeout(240)
def test_kill_nine_at_any_moment_neither_loses_nor_doubles_a_post(
    tmp_path: Path, record: Callable[[str, str, Tally], None]
) -> None:
    seed = int(os.environ.get("HUB_TEST_SEED", random.SystemRandom().randrange(10**9)))
    print(f"HUB_TEST_SEED={seed}")
    moments = random.Random(seed)
    with ExitStack() as stack:
        networks: dict[str, SocialDouble] = {
            "vk": stack.enter_context(VKDouble(latency=0.1)),
            "facebook": stack.enter_context(FacebookDouble(latency=0.1)),
            "twitter": stack.enter_context(TwitterDouble(latency=0.1)),
        }
        fast: dict[str, Any] = {"calls_per_second": 1000, "settle_after": "1s"}
        accounts = {name: {"platform": name, **double.account(), **fast} for name, double in networks.items()}
        schedule = '[schedule]\npublish = "every 1s"\nlisten = "every 5s"\n'
        config = write_config(tmp_path, accounts, schedule)
        with Hub.open(settings.load(config)) as hub:
            for number in range(POSTS):
                now = datetime.now(UTC)
                text = f"Запись номер {number} 🎈"
                routes.add_post(
                    hub.store, NewPost(key=str(number), text=text, publish_at=now), list(networks), now
                )
        for _ in range(KILLS):
            before = sum(len(double.calls) for double in networks.values())
            daemon = start(config)
            while sum(len(double.calls) for double in networks.values()) < before + 6:
                assert daemon.poll() is None, "the daemon left by itself"
                time.sleep(0.002)
            time.sleep(moments.uniform(0, 0.35))
            os.kill(daemon.pid, signal.SIGKILL)
            daemon.wait()
        killed_at = {name: len(double.held()) for name, double in networks.items()}
        daemon = start(config)
        deadline = time.monotonic() + 120
        done = False
        while not done and time.monotonic() < deadline:
            time.sleep(2)
            done = counts(config) == {"published": POSTS * len(networks)}
        daemon.terminate()
        assert daemon.wait(40) == 0
        print("published when the last kill came:", killed_at)
        for name, double in networks.items():
            texts = Counter(held.text for held in double.held())
            assert set(texts.values()) == {1}, (name, [text for text, times in texts.items() if times != 1])
            assert len(texts) == POSTS, name
        with Hub.open(settings.load(config)) as hub:
            assert audit(hub.store, networks) == []
            for name, double in networks.items():
                record("kill -9 of a daemon at random", name, tally(hub.store, name, double))
            with hub.store.read() as connection:
                assert deliveries.count_by_state(connection) == {"published": POSTS * len(networks)}


def start(config: Path) -> subprocess.Popen[bytes]:
    log = (config.parent / "daemon.log").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "hub", "--config", str(config), "run"], stdout=log, stderr=log
        )
