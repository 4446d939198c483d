"""Tells open pages what changed: a stream of events, without a gap between a page and its stream.

One thread asks the store, whoever many listen: on SQLite it reads `PRAGMA data_version` (a few microseconds) so
many times a second, on PostgreSQL it waits for the NOTIFY that comes with each commit. What it finds goes into one
window that all streams read, each from its own number on; who is further behind reads the store.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import islice
from typing import Annotated, NamedTuple

import structlog
from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from hub.errors import HubError
from hub.scheduling.hub import Hub
from hub.store import Store
from hub.store.running import changes
from hub.store.running.changes import Change
from hub.store.running.watching import Watch
from hub.users.roles import Permission, User
from hub.web.routes import Room, TheHub, TheUser

log = structlog.get_logger()
room = Room()

HEARTBEAT = 15.0
"""Seconds between two signs of life; at each it is asked whether the user may still listen."""

_WINDOW = 1000
_PAGE = 500
_LARGEST = 2**63 - 1


class Gap(NamedTuple):
    """The stream's number is none that the store can go on from: the page must be fetched anew."""

    latest: int


class Feed:
    """What changed last, and who waits for more."""

    def __init__(self, store: Store, *, pace: float = 0.05, heartbeat: float = HEARTBEAT) -> None:
        self._store = store
        self._pace = pace
        self.heartbeat = heartbeat
        self._window: deque[Change] = deque(maxlen=_WINDOW)
        self._begins = 0
        self._latest = 0
        self._waiting: dict[asyncio.AbstractEventLoop, asyncio.Event] = {}
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._watch: Watch | None = None
        self.listeners = 0

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def start(self) -> None:
        """Begin to watch the store, unless it is watched."""
        with self._guard:
            if self._thread is not None or self.ended:
                return
            self._watch = Watch(self._store, pace=self._pace)
            with self._store.read() as connection:
                self._latest = self._begins = changes.latest(connection)
            self._thread = threading.Thread(target=self._follow, name="live", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End all streams, and stop to watch."""
        self._ended.set()
        with self._guard:
            thread, watch = self._thread, self._watch
        if watch is not None:
            watch.stop()
        self._wake()
        if thread is not None:
            thread.join(5)

    def _follow(self) -> None:
        assert self._watch is not None
        while not self.ended:
            try:
                self._watch.wait()
                if not self.ended:
                    self._take()
            except HubError as error:
                log.error("the changes cannot be read", reason=str(error), mend=error.hint)
                self._ended.wait(1)
        self._watch.close()

    def _take(self) -> None:
        with self._store.read() as connection:
            found = changes.since(connection, self._latest, _PAGE)
            if not found and changes.latest(connection) < self._latest:
                # An older database was put in place of this one.
                self._window.clear()
                self._latest = self._begins = changes.latest(connection)
                self._wake()
        while found:
            with self._guard:
                if len(self._window) + len(found) > _WINDOW:
                    self._begins = (list(self._window) + found)[-_WINDOW - 1].id
                self._window.extend(found)
                self._latest = found[-1].id
            self._wake()
            if len(found) < _PAGE:
                return
            with self._store.read() as connection:
                found = changes.since(connection, self._latest, _PAGE)

    def _wake(self) -> None:
        for loop, event in list(self._waiting.items()):
            with suppress(RuntimeError):  # a loop that is over waits for nothing
                loop.call_soon_threadsafe(event.set)

    def news(self, after: int) -> list[Change] | None:
        """Return what the window has after that number; None if it does not go back so far."""
        with self._guard:
            if after < self._begins or after > self._latest:
                return None
            if after == self._latest:
                return []
            # Numbers have holes, where a transaction was taken back; few are new, so look from the end.
            newer = 0
            for change in reversed(self._window):
                if change.id <= after:
                    break
                newer += 1
            return list(islice(self._window, len(self._window) - newer, None))

    def stored(self, after: int) -> list[Change] | Gap:
        """Return what the store has after that number, or that it cannot tell."""
        with self._store.read() as connection:
            newest = changes.latest(connection)
            if after > newest or (after < newest and after + 1 < changes.oldest(connection)):
                return Gap(newest)
            return changes.since(connection, after, _PAGE)

    async def more(self, after: int, timeout: float) -> None:
        """Wait for a change after that number, at most so many seconds."""
        loop = asyncio.get_running_loop()
        event = self._waiting.get(loop)
        if event is None or event.is_set():
            event = self._waiting[loop] = asyncio.Event()
        # Looked at once more now that the event is in its place: what came before would wake nobody.
        if self.ended or self._latest > after:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await event.wait()


def feed_of(app: FastAPI) -> Feed:
    """Return the app's feed, made when it is first asked for."""
    found: Feed | None = getattr(app.state, "live", None)
    if found is None:
        hub: Hub = app.state.hub
        found = app.state.live = Feed(hub.store)
    return found


def close(app: FastAPI) -> None:
    """End all streams of the app."""
    feed_of(app).close()


@room.page("/live", may=Permission.READ)
async def live(
    request: Request,
    user: TheUser,
    hub: TheHub,
    after: Annotated[int | None, Query(ge=0, le=_LARGEST)] = None,
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Stream what changes after that number; without one, from now on. Last-Event-ID wins over `after`."""
    feed = feed_of(request.app)
    await run_in_threadpool(feed.start)
    start = _number(last_event_id)
    if start is None:
        start = after
    if start is None:
        start = await run_in_threadpool(_latest, hub)
    return StreamingResponse(
        _stream(request, feed, user, start),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _latest(hub: Hub) -> int:
    with hub.store.read() as connection:
        return changes.latest(connection)


async def _stream(request: Request, feed: Feed, user: User, after: int) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    asked = loop.time()
    feed.listeners += 1
    try:
        yield ": here\nretry: 2000\n\n"
        while not feed.ended:
            if loop.time() - asked >= feed.heartbeat:
                asked = loop.time()
                # Asked anew: who logged out, or may no longer read, is told nothing more.
                now = await run_in_threadpool(request.app.state.gate, request)
                if now is None or not now.may(Permission.READ):
                    break
                user = now
                yield ": still here\n\n"
            found: list[Change] | Gap | None = feed.news(after)
            if found is None:
                found = await run_in_threadpool(feed.stored, after)
            if isinstance(found, Gap):
                after = found.latest
                yield f'id: {after}\nevent: reset\ndata: {{"ref": 0}}\n\n'
            elif found:
                after = found[-1].id
                yield "".join(_events(found, user))
            else:
                await feed.more(after, max(feed.heartbeat - (loop.time() - asked), 0.0))
    finally:
        feed.listeners -= 1


def _events(found: list[Change], user: User) -> Iterator[str]:
    for change in found:
        # Whose accounts are bounded learns that something changed, not which: it may be none of theirs.
        ref = change.ref if user.accounts is None else 0
        yield f'id: {change.id}\nevent: {change.kind}\ndata: {{"ref": {ref}}}\n\n'
