"""Live: how long it takes from a commit until the last of 500 open pages is told, and what each of them costs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.measure import Figure
from bench.memory import resident
from hub.store import Store, migrate
from hub.store.running import changes

SLOWEST = 500.0
"""Milliseconds from the commit until the last of 500 is told, nineteen times of twenty."""
FATTEST = 100.0
"""kB of the server for each page that listens."""


class Heard(NamedTuple):
    """What one listener was told: the numbers, and when each came."""

    ids: list[int]
    at: list[float]


def run(quick: bool) -> Iterator[Figure]:
    """Yield the delays, the memory for each listener, and whether anything was lost."""
    count, commits = (100, 20) if quick else (500, 100)
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'hub.db'}"
        store = Store.open(database)
        migrate.upgrade(store)
        command = [sys.executable, "-m", "bench.live", folder]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert server.stdin is not None and server.stdout is not None
        try:
            port = int(server.stdout.readline())
            heard, told, grown = asyncio.run(_measure(store, server.pid, port, count, commits))
        finally:
            server.stdin.close()
            server.wait(30)
            server.stdout.close()
        store.close()
    wanted = [number for number, _ in told]
    lost = sum(len(set(wanted) - set(one.ids)) for one in heard)
    disorder = sum(one.ids != sorted(set(one.ids)) for one in heard)
    last = sorted(
        (max(one.at[one.ids.index(number)] for one in heard if number in one.ids) - moment) * 1000
        for number, moment in told
    )
    yield Figure(
        "live",
        f"ms from a commit until the last of {count} pages is told, p50",
        median(last),
        last[0],
        last[-1],
        unit="ms",
        note="a real Granian in a process of its own, one commit every 50 ms, SQLite",
    )
    late = last[int(len(last) * 0.95)]
    yield Figure("live", "the same, p95", late, last[0], last[-1], unit="ms", aim="at most", target=SLOWEST)
    yield Figure(
        "live",
        "kB of the server for each page that listens",
        grown,
        grown,
        grown,
        unit="kB",
        aim="at most",
        target=FATTEST,
    )
    wrong = float(lost + disorder)
    yield Figure(
        "live",
        f"changes that a page was not told, or in another order, of {count * commits:,}",
        wrong,
        wrong,
        wrong,
        unit="changes",
        aim="at most",
        target=0.0,
    )


async def _measure(
    store: Store, server: int, port: int, count: int, commits: int
) -> tuple[list[Heard], list[tuple[int, float]], float]:
    with store.read() as connection:
        start = changes.latest(connection)
    # The first brings in what all share.
    warm = asyncio.create_task(_listen(port, start, start + 1, Heard([], [])))
    await asyncio.sleep(1)
    before = resident(server)
    heard = [Heard([], []) for _ in range(count)]
    end = start + commits
    listeners = [asyncio.create_task(_listen(port, start, end, one)) for one in heard]
    await asyncio.sleep(3 + count / 100)
    grown = (resident(server) - before) * 1000 / count
    told = []
    for number in range(commits):
        await asyncio.to_thread(store.write, changes.note, "mentions", number)
        told.append((start + number + 1, time.perf_counter()))
        await asyncio.sleep(0.05)
    await asyncio.wait([*listeners, warm], timeout=30)
    for one in (*listeners, warm):
        one.cancel()
    await asyncio.gather(*listeners, warm, return_exceptions=True)
    return heard, told, grown


async def _listen(port: int, after: int, until: int, heard: Heard) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /live?after=%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % after)
        while line := await reader.readline():
            if line.startswith(b"id: "):
                heard.at.append(time.perf_counter())
                heard.ids.append(int(line[4:]))
                if heard.ids[-1] >= until:
                    return
    finally:
        writer.close()


def _serve(folder: str) -> None:
    """Serve the page on a database until standard input ends, which it does with whoever started this."""
    import logging

    import structlog

    from hub import settings
    from hub.registry import Registry
    from hub.scheduling.hub import Hub
    from hub.users.roles import Role, User
    from hub.web.app import make_app
    from hub.web.server import running

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    file = Path(folder) / "hub.toml"
    file.write_text('[hub]\ndatabase = "sqlite:///hub.db"\n')
    anna = User(1, "anna", Role.OWNER)
    with (
        Hub.open(settings.load(file, {}), registry=Registry.of()) as hub,
        running(make_app(hub, lambda request: anna)) as url,
    ):
        print(url.rpartition(":")[2], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1])
