"""One worker under a profiler: which functions take its CPU, and which statements it sends."""

from __future__ import annotations

import cProfile
import json
import pstats
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from bench.cluster import Cluster
from bench.place import PLUGIN
from hub import settings
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler

_ROOT = str(Path(__file__).parents[1])


class Function(msgspec.Struct):
    """One function: its share of all CPU, without what it calls; and with it."""

    name: str
    own: float
    whole: float
    calls: int


class Profile(msgspec.Struct):
    """What one worker did in the whole of its life: `statements` by their words, `commits` besides."""

    turns: int
    published: int
    functions: list[Function]
    statements: dict[str, int]
    commits: int


def profile(cluster: Cluster, kind: str, length: float, turns: int) -> Profile:
    """Let one worker of its own carry out this kind of work for so many seconds."""
    before = cluster.sample()
    cluster.begin(kind)
    done = subprocess.run(
        [sys.executable, "-m", "bench.profiling", str(cluster.config), str(length), str(turns)],
        check=True,
        stdout=subprocess.PIPE,
    )
    cluster.end()
    did = cluster.sample().since(before)
    found = msgspec.json.decode(done.stdout.splitlines()[-1], type=Profile)
    found.turns, found.published = did.turns, did.published
    return found


def _work(config: Path, length: float, turns: int) -> Profile:
    profiles: list[cProfile.Profile] = []
    statements: Counter[str] = Counter()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements[" ".join(statement.split())] += 1

    def commit(_connection: Any) -> None:
        statements["COMMIT"] += 1

    def begin(*_: Any) -> None:
        # The first event of a new thread: from here on it has a profile of its own, by its own CPU.
        own = cProfile.Profile(time.thread_time)
        profiles.append(own)
        own.enable()

    stop = threading.Event()
    with Hub.open(settings.load(config, {}), plugins={"place": PLUGIN}) as hub:
        sa.event.listen(hub.store.engine, "before_cursor_execute", note)
        sa.event.listen(hub.store.engine, "commit", commit)
        threading.setprofile(begin)
        scheduler = Scheduler(hub, how="worker", size=turns)
        worker = threading.Thread(target=scheduler.run, args=(stop,))
        worker.start()
        time.sleep(length)
        stop.set()
        worker.join()
    stats = pstats.Stats(profiles[0])
    for one in profiles[1:]:
        stats.add(one)
    return Profile(0, 0, _functions(stats), dict(statements.most_common()), statements.pop("COMMIT", 0))


def _functions(stats: pstats.Stats) -> list[Function]:
    table: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = stats.stats  # type: ignore[attr-defined]
    total = sum(row[2] for row in table.values())
    found = [
        Function(_name(*place), row[2] / total, row[3] / total, row[1])
        for place, row in table.items()
        if row[2] / total > 0.001 or row[3] / total > 0.02
    ]
    return sorted(found, key=lambda one: -one.own)


def _name(file: str, line: int, function: str) -> str:
    """Return a function by the file's end: `hub/store/database.py:write`, `sqlalchemy/engine/base.py:execute`."""
    if file == "~":
        return function
    path = file.removeprefix(_ROOT + "/").rpartition("site-packages/")[2]
    return f"{'/'.join(path.split('/')[-3:])}:{function}"


if __name__ == "__main__":
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(json.dumps(msgspec.to_builtins(_work(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))))
