"""Start: `hub --help` against importing what a command line needs at least."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Figure, in_turns, ratio, seconds

AIM = 1.5


def run(quick: bool) -> Iterator[Figure]:
    """Yield how many times as long as `import click` the help takes."""
    program = Path(sys.executable).with_name("hub")
    variants = {
        "import click": lambda: _wall([sys.executable, "-c", "import click"]),
        "hub --help": lambda: _wall([str(program), "--help"]),
    }
    results = in_turns(variants, 15 if quick else 41)
    yield ratio(
        "startup",
        "hub --help, to python -c 'import click'",
        results,
        "hub --help",
        "import click",
        aim="at most",
        target=AIM,
        note="rates in seconds a start",
    )


def _wall(command: list[str]) -> float:
    return seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
