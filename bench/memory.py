"""Memory: what `hub run` holds when it has nothing to do."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Figure
from hub.registry import Registry
from hub.testing.world import started

AIM = 80.0
IDLE = 10.0
"""Seconds of doing nothing."""


def run(quick: bool) -> Iterator[Figure]:
    """Yield the resident set of a daemon with an account on every platform, after ten seconds, in MB."""
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), Registry.discover().adapters) as world:
        hub = [str(Path(sys.executable).with_name("hub")), "--config", str(world.config)]
        # Making the tables loads Alembic, once in a database's life; a daemon's life begins after that.
        subprocess.run([*hub, "db", "upgrade"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        daemon = subprocess.Popen([*hub, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            samples = []
            until = time.monotonic() + IDLE
            while time.monotonic() < until:
                time.sleep(0.5)
                samples.append(resident(daemon.pid))
        finally:
            daemon.terminate()
            daemon.wait(30)
    tail = sorted(samples[len(samples) // 2 :])
    yield Figure(
        "memory",
        f"hub run, an account on every platform, {IDLE:.0f} s: resident set",
        tail[len(tail) // 2],
        tail[0],
        tail[-1],
        unit="MB",
        aim="at most",
        target=AIM,
    )


def resident(pid: int) -> float:
    """Return a process's resident set in MB (10^6 bytes), as the kernel counts it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)
