"""Growth: whether the millionth mention costs what the ten-thousandth did, in time and in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from bench.filling import ingest, prepare
from bench.measure import Figure, seconds
from bench.memory import resident
from bench.pages import NETWORKS, PER_PAGE
from hub.store import Store

SLOWEST = 0.85
"""The last stretch may take that much longer; noise of the machine is within."""
FATTEST = 110.0
"""MB; 64 of them are the database's own cache."""


def run(quick: bool) -> Iterator[Figure]:
    """Yield the rate at the end to that of the first 10,000 mentions, and the memory at the end."""
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
            rates.append(len(some) * PER_PAGE / seconds(lambda some=some: ingest(store, network, known, some)))
            sizes.append(resident(os.getpid()))
        store.close()
    # Tenths of the way rather than single stretches: one of those lasts a third of a second.
    tenth = max(stretches // 10, 1)
    first, last = rates[:tenth] if tenth > 1 else rates[:2], rates[-max(tenth, 2) :]
    total = count * PER_PAGE
    yield Figure(
        "growth",
        f"mentions/s near {total:,}, to those near the beginning",
        median(last) / median(first),
        min(last) / median(first),
        max(last) / median(first),
        aim="at least",
        target=SLOWEST,
        rates={"first": median(first), "last": median(last)},
        note="rates in mentions/s, from bytes to disk",
    )
    yield Figure(
        "growth",
        f"resident set at {total:,} mentions (at 10,000: {sizes[0]:.0f} MB), the bench's own included",
        sizes[-1],
        min(sizes),
        max(sizes),
        unit="MB",
        aim="at most",
        target=FATTEST,
    )
