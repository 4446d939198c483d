"""The same pages again, unchanged: what the page's digest saves."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.filling import ACCOUNT, NOW, prepare
from bench.measure import Figure, in_turns, ratio, seconds
from bench.pages import NETWORKS, PER_PAGE, Network, Page
from hub import AccountSettings, Batch, Identity, Mention, Thread, ThreadReader
from hub.discussions.collecting import Ear, listen
from hub.store import Store
from hub.testing import open_adapter

AIM = 4.0


class Shelf(ThreadReader):
    """Reads the pages of a network that lie ready, without a call: the plugin's parser and nothing else."""

    platform = "shelf"
    Settings = AccountSettings
    network: Network
    pages: Mapping[str, Page]

    def check(self) -> Identity:
        return Identity(remote_id="1")

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        yield Batch(self.network.read(self.pages[thread.remote_id]), complete=True)


class Silence:
    """No plugin wants to know."""

    def tell(self, event: str, **facts: Any) -> None:
        """Tell nobody."""


def run(quick: bool) -> Iterator[Figure]:
    """Yield a figure per network: how many times as fast a second reading is as the first."""
    for network in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            results, written = _results(Path(folder), network, 60 if quick else 200, rounds=3 if quick else 7)
        yield ratio(
            "again",
            f"{network.name}: the same pages read again, unchanged, to the first time",
            results,
            "again",
            "first",
            aim="at least",
            target=AIM,
            note=f"rates in mentions/s, parsing included; content rows written the second time: {written}",
        )


def _results(folder: Path, network: Network, pages: int, rounds: int) -> tuple[dict[str, list[float]], int]:
    made = {page.thread_id: page for page in network.pages(pages)}
    written: Counter[str] = Counter()
    first: list[Ear] = []

    def a_first_time() -> float:
        for path in folder.iterdir():
            path.unlink()
        store = Store.open(f"sqlite:///{folder / 'hub.db'}")
        prepare(store, network.name, made)
        first.append(_ear(store, network, made, NOW))
        return pages * PER_PAGE / seconds(lambda: _listen(first[-1]))

    def a_second_time() -> float:
        store = first.pop().store
        before = store.content_writes()
        later = _ear(store, network, made, NOW + timedelta(hours=1))
        taken = seconds(lambda: _listen(later))
        written["rows"] += store.content_writes() - before
        store.close()
        return pages * PER_PAGE / taken

    results: dict[str, list[float]] = {"first": [], "again": []}
    for _ in range(rounds):  # the second reading needs the first, so the order stays
        for name, values in in_turns({"first": a_first_time, "again": a_second_time}, 1).items():
            results[name] += values
    return results, written["rows"]


def _ear(store: Store, network: Network, pages: Mapping[str, Page], now: datetime) -> Ear:
    adapter = open_adapter(Shelf, {"api_url": "http://127.0.0.1:9"}, account=ACCOUNT)
    adapter.network, adapter.pages = network, pages
    return Ear(store, adapter, Silence(), lambda: now, lambda when, changed_at: when)


def _listen(ear: Ear) -> None:
    listen(ear)
    if ear.alarms:
        raise AssertionError(ear.alarms)
