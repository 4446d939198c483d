"""The network that costs nothing, as a plugin that workers in processes of their own find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench import publishing
from hub import Adapter, Batch, Listener, hookimpl


class Place(publishing.Place, Listener):
    """An account on the network that costs nothing and says nothing, but both after its latency."""

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Any]]:
        self.http.get("/mentions")
        yield Batch([], cursor or "here")


class Plugin:
    """Brings the place to the hub."""

    @hookimpl
    def register_adapters(self) -> list[type[Adapter]]:
        return [Place]


PLUGIN = Plugin()
