"""Live pages go on when PostgreSQL was stopped or crashed, and miss nothing that was committed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import pytest
from cluster.server import Server
from sqlalchemy.engine import Connection

from hub.store import Store
from hub.store.running import changes
from hub.web.live import Feed


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def note(connection: Connection, ref: int) -> None:
    changes.note(connection, "posts", ref)


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_what_is_committed_after_a_restart_is_told(
    server: Server, database: str, how: Literal["fast", "immediate"]
) -> None:
    store, feed = Store.open(server.url(database)), None
    try:
        feed = Feed(store)
        feed.start()

        def told() -> list[int]:
            return [change.ref for change in feed.news(0) or []]

        store.write(note, 1)
        assert within(30, lambda: told() == [1])
        server.stop(how)
        time.sleep(1)
        server.start()
        # By another program: this one's feed must hear of it by PostgreSQL's word, or by its own look.
        other = Store.open(server.url(database))
        other.write(note, 2)
        other.close()
        assert within(30, lambda: told() == [1, 2])
        begun = time.monotonic()
        store.write(note, 3)
        assert within(30, lambda: told() == [1, 2, 3])
        # The word is heard again; the safety net would need five seconds.
        assert time.monotonic() - begun < 4
    finally:
        if feed is not None:
            feed.close()
        store.close()
