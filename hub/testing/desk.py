"""A whole hub with one account on a double: its real outbox, its real store, and a time that the test moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from hub import settings as configuration
from hub.adapter import Adapter
from hub.models import Media
from hub.publishing import routes
from hub.registry import Registry
from hub.scheduling.hub import PUBLISH, Hub
from hub.scheduling.process import process_name
from hub.scheduling.report import Report
from hub.scheduling.turn import take_turn
from hub.store.outbox import deliveries, sending
from hub.store.outbox.deliveries import Delivery
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts, leases
from hub.testing.fresh import lay_out
from hub.testing.world import account_table

_LEASE = timedelta(seconds=120)
# What is at rest after so many turns, each at the time when something is due, will not come to rest.
_TURNS = 40


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Desk:
    """Where posts of one account are worked on. Made by `desk`."""

    def __init__(self, hub: Hub, account: str, clock: Clock) -> None:
        self.hub = hub
        self.clock = clock
        self.account = account
        self._last_post = 0

    @property
    def adapter(self) -> Adapter:
        return self.hub.adapter(self.account)

    def accept(self, text: str, *, link: str = "", media: tuple[Media, ...] = ()) -> int:
        """Take a post for the account, as `hub post` does; return its number."""
        now = self.clock()
        new = NewPost(key=uuid4().hex, text=text, link=link, media=media, publish_at=now)
        self._last_post, _ = routes.add_post(self.hub.store, new, [self.account], now)
        return self._last_post

    def turn(self) -> Report:
        """Take one turn at publishing, now."""
        fence = self.hub.store.write(leases.claim, self.account, process_name(), self.clock(), _LEASE)
        assert fence is not None, "the account is leased to another turn"
        return take_turn(self.hub, self.account, [PUBLISH], fence)

    def rest(self) -> None:
        """Take turns, each when the next thing is due, until nothing is."""
        for _ in range(_TURNS):
            self.turn()
            with self.hub.store.read() as connection:
                waiting = sending.next_due(connection, self.account)
            if waiting is None or self.paused():
                return
            self.clock.now = max(self.clock.now, waiting) + timedelta(seconds=1)
        raise AssertionError(f"nothing settles: {self.deliveries()}")

    def paused(self) -> bool:
        """Tell whether the account waits for a person."""
        with self.hub.store.read() as connection:
            return any(
                one.name == self.account and one.state == "paused" for one in accounts.all_health(connection)
            )

    def deliveries(self) -> list[Delivery]:
        """Return every delivery there is, oldest first."""
        with self.hub.store.read() as connection:
            found = deliveries.of_posts(connection, range(1, self._last_post + 1))
        return [delivery for of_post in found.values() for delivery in of_post]


@contextmanager
def desk(
    adapter: type[Adapter], settings: Mapping[str, Any], folder: Path, *, deadline: float = 5.0
) -> Iterator[Desk]:
    """Open a hub in `folder` with one account of these settings (secrets as plain text).

    `deadline` bounds one call, in seconds.
    """
    account = adapter.platform
    path = folder / "hub.toml"
    options = "calls_per_second = 100000"
    table = account_table(adapter, settings, folder, account)
    path.write_text("\n".join(["[hub]", *table, options, ""]), encoding="utf-8")
    clock = Clock()
    loaded = configuration.load(path, {})
    lay_out(loaded)
    with Hub.open(loaded, clock=clock, registry=Registry.of(adapter)) as hub:
        hub.check(account)
        hub.adapter(account).http.deadline = deadline
        yield Desk(hub, account, clock)
