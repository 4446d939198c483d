"""Runs the benchmarks: all of them, or those that are named."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench import report
from bench.measure import Figure
from bench.simulation import COSTS

NAMES = (
    *("startup", "memory", "ingest", "again", "postgresql", "publishing", "growth", "merging", "inbox", "live"),
    *("matching", "contacts", "idle", "scale"),
)
_HERE = Path(__file__).parent


def main() -> int:
    """Run, print each figure as it comes, write results.json; 1 if an aim was missed under --strict."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer rounds")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md, the copy that is committed")
    parser.add_argument("--strict", action="store_true", help="fail if an aim is missed")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    about = report.machine(shlex.join(["python", "-m", "bench", *sys.argv[1:]]), datetime.now(UTC))
    for name, value in about.items():
        print(f"{name}: {value}")
    print(f"\n{report.heading()}")
    figures: list[Figure] = []
    for name in options.names or NAMES:
        for figure in import_module(f"bench.{name}").run(options.quick):
            figures.append(figure)
            print(report.line(figure), flush=True)
    report.write_json(_HERE / "results.json", about, figures)
    if options.write:
        report.write_markdown(_HERE / "RESULTS.md", about, figures, all_of_them=not options.names)
        if not options.quick:
            report.write_costs(COSTS, figures)
    return int(options.strict and any(figure.met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
