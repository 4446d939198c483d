"""A process that dies at a chosen point of its work: before or after a commit or a call; one fork for each death.

Started as a script, it reads one `Job` a line, works it off in a fork, and answers how the fork ended.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from settle_kinds import KINDS
from sqlalchemy.engine import Connection

from hub import settings
from hub.answer import Answer
from hub.http import Http
from hub.publishing import routes
from hub.registry import Registry
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler
from hub.store import Store
from hub.store.database import make_engine
from hub.store.outbox import posts

P = ParamSpec("P")
T = TypeVar("T")

TICKS = 5
PACE = timedelta(seconds=40)


class Job(msgspec.Struct):
    """Work on this hub.toml from the time `start`, and die at the `at`-th point (0: at none).

    The points that were passed are written to `passed`, one a line.
    """

    config: str
    kind: str
    start: datetime
    at: int
    passed: str


class Points:
    """Counts the points that are passed, and kills the process at one of them."""

    def __init__(self, at: int, passed: Path) -> None:
        self._left = at
        self._file = os.open(passed, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)

    def reach(self, name: str) -> None:
        os.write(self._file, f"{name}\n".encode())
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)


class WatchedStore(Store):
    """A store with a point before, in and after each of its commits."""

    points: Points

    def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        name = getattr(work, "__qualname__", type(work).__name__).replace(".<locals>.work", "")

        def watched(connection: Connection) -> T:
            result = work(connection, *args, **kwargs)
            self.points.reach(f"{name}: not committed yet")
            return result

        self.points.reach(f"{name}: before")
        result = super().write(watched)
        self.points.reach(f"{name}: committed")
        return result


class WatchedHttp(Http):
    """A line with a point before and after each of its calls."""

    points: Points

    def request(self, method: str, path: str, **options: Any) -> Answer:
        name = f"{method} /{path.split('/')[1]}"
        self.points.reach(f"{name}: before")
        try:
            return super().request(method, path, **options)
        finally:
            self.points.reach(f"{name}: after")


def follow(hub: Hub) -> None:
    """Change the post whose key is `edited` and withdraw `withdrawn`; doing it twice is doing it once."""
    with hub.store.read() as connection:
        edited, withdrawn = posts.by_key(connection, "edited"), posts.by_key(connection, "withdrawn")
    assert edited is not None
    assert withdrawn is not None
    routes.change_post(hub.store, edited.id, hub.clock(), text="after", title="", link="", images=[])
    routes.delete_post(hub.store, withdrawn.id, hub.clock())


def work_off(job: Job) -> None:
    """Tick as a daemon does; after the third tick a post is edited and another withdrawn."""
    points = Points(job.at, Path(job.passed))
    now = job.start

    class Watched(KINDS[job.kind]):  # type: ignore[misc]
        def __init__(self, account: str, options: Any, http: Http, vault: Any) -> None:
            line = WatchedHttp(http.base_url, deadline=1.0, secrets=[options.token.get_secret_value()])
            line.points = points
            super().__init__(account, options, line, vault)

    configured = settings.load(Path(job.config), {})
    store = WatchedStore(make_engine(configured.database_url))
    store.points = points
    with Hub(configured, Registry.of(Watched), store, lambda: now) as hub:
        scheduler = Scheduler(hub)
        for number in range(TICKS):
            if number == 3:
                follow(hub)
            scheduler.tick()
            now += PACE
        scheduler.close()


def serve() -> None:
    """Work off the jobs of standard input, each in a fork; print how it ended: exit code, or a signal below 0."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                work_off(msgspec.json.decode(line, type=Job))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
