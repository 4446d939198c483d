"""Growth: whether the millionth mention costs what the ten-thousandth did, in time and in memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from bench.filling import ingest, prepare
from bench.measure import Figure
from bench.memory import resident
from bench.pages import NETWORKS, PER_PAGE
from hub.store import Store

SLOWEST = 0.85
"""The last tenth to the first; noise of the machine is within."""
FATTER = 80.0
"""MB; the database's own cache grows to 64 MiB of them and no further."""


def run(quick: bool) -> Iterator[Figure]:
    """Yield the rate at the end to that at the beginning, and by how much the memory grew."""
    network = NETWORKS[0]
    stretch = 10_000 // PER_PAGE
    stretches = 10 if quick else 100
    count = stretches * stretch
    rates: list[float] = []
    sizes: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{Path(folder) / 'hub.db'}")
        known = prepare(store, network.name, [f"-188_{number + 1}" for number in range(count)])
        pages = network.pages(count)
        for _ in range(stretches):
            # Made before the clock runs and dropped after it: the hub never holds more than a page either.
            some = list(islice(pages, stretch))
            begun = time.process_time()
            ingest(store, network, known, some)
            rates.append(len(some) * PER_PAGE / (time.process_time() - begun))
            sizes.append(resident(os.getpid()))
        store.close()
    # Tenths of the way rather than single stretches: one of those lasts a third of a second.
    tenth = max(stretches // 10, 2)
    first, last = rates[:tenth], rates[-tenth:]
    total = count * PER_PAGE
    yield Figure(
        "growth",
        f"mentions per CPU second near {total:,}, to those near the beginning",
        median(last) / median(first),
        min(last) / median(first),
        max(last) / median(first),
        aim="at least",
        target=SLOWEST,
        rates={"first": median(first), "last": median(last)},
        note="rates in mentions a second of this process's CPU, from bytes to disk",
    )
    yield Figure(
        "growth",
        f"memory grown from 10,000 to {total:,} mentions; the cache of the database is 67 of it at most",
        sizes[-1] - sizes[0],
        min(sizes) - sizes[0],
        max(sizes) - sizes[0],
        unit="MB",
        aim="at most",
        target=FATTER,
    )
