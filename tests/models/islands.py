"""Imaginary networks, each a Python object: they lose answers, and show late what they took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

import hub
from hub.models import Batch

SETTLE_AFTER = timedelta(seconds=30)
# Seen by the second look and not by the first.
BETWEEN_LOOKS = SETTLE_AFTER * 1.5
# No story of the models edits a post so often.
_ENDLESS = 50


class Killed(BaseException):
    """The hub's process ends in the middle of a publish."""


@dataclass
class Held:
    """A post as its network holds it: on the timeline from `shown_at` on, found by a look from `found_at` on."""

    id: str
    text: str
    sent_at: datetime
    shown_at: datetime
    found_at: datetime
    key: str = ""
    edits: int = 0


@dataclass
class Island:
    """One account's network. `faults` are what happens to the next publishes, one after another; then all is well.

    A fault is `refused` (surely nothing was done), `lost` or `killed`, the last two with `before` or `after` the
    network took the post.
    """

    now: datetime
    echo: timedelta = timedelta(0)
    find: timedelta = timedelta(0)
    faults: list[str] = field(default_factory=list)
    posts: dict[str, Held] = field(default_factory=dict)
    publishes: int = 0

    def hold(self, text: str, *, echo: timedelta, find: timedelta, key: str = "") -> Held:
        held = Held(str(len(self.posts) + 1), text, self.now, self.now + echo, self.now + find, key)
        self.posts[held.id] = held
        return held

    def by_key(self, key: str) -> Held | None:
        return next((held for held in self.posts.values() if held.key == key), None)


class Looked(hub.Publisher, hub.Editor, hub.Timeline):
    """Its lost answers are settled by a look at the timeline."""

    platform = "looked"
    settle = "lookup"
    settle_after = SETTLE_AFTER
    islands: ClassVar[dict[str, Island]] = {}
    looking = False

    class Settings(hub.AccountSettings):
        api_url: str = "http://127.0.0.1:1"

    @property
    def island(self) -> Island:
        return self.islands[self.account]

    def check(self) -> hub.Identity:
        return hub.Identity(remote_id=f"us at {self.account}")

    def limits(self) -> hub.Limits:
        return hub.Limits()

    def publish(self, post: hub.Post) -> hub.Receipt:
        island = self.island
        island.publishes += 1
        what, _, when = island.faults.pop(0).partition(" ") if island.faults else ("", "", "")
        if what == "refused":
            raise hub.TransientError("busy")
        if when != "before":
            held = self.take(post)
        if what == "killed":
            raise Killed
        if what == "lost":
            raise hub.UnknownOutcome("no answer")
        return hub.Receipt(remote_id=held.id)

    def take(self, post: hub.Post) -> Held:
        return self.island.hold(post.text, echo=self.island.echo, find=self.island.find, key=post.key)

    def find(self, post: hub.Post) -> hub.Receipt | None:
        self.looking = True
        try:
            return hub.find_in_timeline(self, post)
        finally:
            self.looking = False

    def edit(self, remote_id: str, post: hub.Post) -> hub.Receipt:
        held = self.island.posts[remote_id]
        assert held.edits < _ENDLESS
        held.text = post.text
        held.edits += 1
        return hub.Receipt(remote_id=remote_id)

    def delete(self, remote_id: str) -> None:
        del self.island.posts[remote_id]

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[hub.RemotePost]]:
        """Yield everything there is to see, newest first, two at a time: what is late is among it some day."""
        island = self.island
        seen = [
            hub.RemotePost(remote_id=held.id, text=held.text, sent_at=held.sent_at)
            for held in reversed(island.posts.values())
            if (held.found_at if self.looking else held.shown_at) <= island.now
        ]
        for start in range(0, max(len(seen), 1), 2):
            yield Batch(seen[start : start + 2], "all")


class Keyed(Looked):
    """Publishing again with the same key does nothing twice."""

    platform = "keyed"
    settle = "key"

    def take(self, post: hub.Post) -> Held:
        return self.island.by_key(post.key) or super().take(post)


class Named(Looked):
    """The id is of our choosing, and found at once."""

    platform = "named"
    settle = "natural"

    def find(self, post: hub.Post) -> hub.Receipt | None:
        held = self.island.by_key(post.key)
        return None if held is None else hub.Receipt(remote_id=held.id)


PLATFORMS = (Looked, Keyed, Named)
