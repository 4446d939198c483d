"""Counts what was shown on each real server, and says loudly which servers were not run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

KEY = "real server"


@dataclass
class Note:
    """What one test did on one server."""

    server: str
    version: str = ""
    install: float = 0.0
    start: float = 0.0
    posts: int = 0
    comments: int = 0
    faults: int = 0
    missing: str = ""

    def as_property(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Tally:
    """All notes of one server."""

    version: str = ""
    install: float = 0.0
    start: float = 0.0
    tests: int = 0
    failed: int = 0
    skipped: int = 0
    posts: int = 0
    comments: int = 0
    faults: int = 0
    missing: str = ""
    reasons: list[str] = field(default_factory=list)


class Report:
    """Gathers the notes of all processes from the reports of their tests."""

    def __init__(self) -> None:
        self.servers: dict[str, Tally] = defaultdict(Tally)

    def pytest_runtest_logreport(self, report: Any) -> None:
        for key, note in report.user_properties:
            if key == KEY and (report.when == "call" or (report.when == "setup" and not report.passed)):
                self._add(note, report.outcome)

    def _add(self, note: dict[str, Any], outcome: str) -> None:
        tally = self.servers[note["server"]]
        tally.version = note["version"] or tally.version
        tally.missing = note["missing"] or tally.missing
        tally.install, tally.start = max(tally.install, note["install"]), max(tally.start, note["start"])
        tally.tests += outcome == "passed"
        tally.failed += outcome == "failed"
        tally.skipped += outcome == "skipped"
        if outcome == "passed":
            tally.posts += note["posts"]
            tally.comments += note["comments"]
            tally.faults += note["faults"]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.servers:
            return
        terminalreporter.section("real servers")
        line = "{:<15} {:<34} {:>9} {:>7} {:>6} {:>7} {:>7} {:>6} {:>9} {:>7}"
        head = ("server", "version", "install s", "start s", "passed", "failed", "skipped")
        terminalreporter.write_line(line.format(*head, "posts", "comments", "faults"))
        for name, one in sorted(self.servers.items()):
            if one.missing:
                terminalreporter.write_line(f"{name:<15} NOT RUN: {one.missing}", red=True, bold=True)
                continue
            cells = (one.version[:34], one.install, round(one.start, 1), one.tests, one.failed, one.skipped)
            terminalreporter.write_line(line.format(name, *cells, one.posts, one.comments, one.faults))
