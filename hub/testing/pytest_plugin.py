"""Teaches pytest the conformance kit: its marker, readable assertions, and a score card at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# pytest loads this in every project beside which the hub is installed, so nothing else is imported here.
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytest.register_assert_rewrite("hub.testing.contract")

_CONTRACT, _AREA = "hub_contract", "hub_area"
_OUTCOMES = ("passed", "failed", "skipped")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "hub_needs(*roles): only for plugins with these roles and doubles")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Write down which contract and area a test is of: properties also come home from xdist's workers."""
    for item in items:
        owner = getattr(item, "cls", None)
        name = getattr(item, "originalname", item.name)
        # An author may replace a test of the kit by their own: it stays in its area.
        areas = [
            vars(above).get("area") or above.__name__.lower()
            for above in getattr(owner, "__mro__", ())
            if name in vars(above) and above.__module__.startswith("hub.testing.contract")
        ]
        if owner is not None and areas:
            item.user_properties += [(_CONTRACT, owner.__qualname__), (_AREA, areas[-1])]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a score card for every contract class that was run."""
    cards: dict[str, _Card] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            properties = dict(getattr(report, "user_properties", ()))
            if _CONTRACT in properties:
                card = cards.setdefault(properties[_CONTRACT], _Card())
                card.count(str(properties[_AREA]), report, "failed" if outcome == "error" else outcome)
    for name, card in cards.items():
        if terminalreporter.verbosity >= 0:
            terminalreporter.section(f"conformance of {name}", sep="-")
            for line in card.lines():
                terminalreporter.line(line)
        prefix = "" if terminalreporter.verbosity >= 0 else f"{name}: "
        terminalreporter.line(
            f"{prefix}score {card.passed}/{card.applied}", green=card.whole, red=not card.whole, bold=True
        )


class _Card:
    """What became of the tests of one contract class."""

    def __init__(self) -> None:
        self._worst: dict[str, tuple[str, str]] = {}
        self._began: dict[str, float] = {}
        self._reasons: dict[str, str] = {}

    def count(self, area: str, report: pytest.TestReport, outcome: str) -> None:
        # A test can pass and fail when it is cleaned up: that is one test, and it failed.
        known = self._worst.get(report.nodeid, ("", ""))[1]
        if known != "failed":
            self._worst[report.nodeid] = (area, outcome)
        self._began[area] = min(report.start, self._began.get(area, report.start))
        if outcome == "skipped":
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._reasons[report.nodeid] = why.removeprefix("Skipped: ")

    def _number(self, outcome: str, area: str | None = None) -> int:
        return sum(what == outcome and area in (None, where) for where, what in self._worst.values())

    @property
    def passed(self) -> int:
        return self._number("passed")

    @property
    def applied(self) -> int:
        return self.passed + self._number("failed")

    @property
    def whole(self) -> bool:
        return self.passed == self.applied > 0

    def lines(self) -> Iterator[str]:
        yield f"{'area':<14}" + "".join(f"{outcome:>9}" for outcome in _OUTCOMES)
        for area in sorted(self._began, key=self._began.__getitem__):
            yield f"{area:<14}" + "".join(f"{self._number(outcome, area):>9}" for outcome in _OUTCOMES)
        by_reason: dict[str, int] = {}
        for why in self._reasons.values():
            by_reason[why] = by_reason.get(why, 0) + 1
        for why, number in by_reason.items():
            yield f"skipped {number:>4}  {why}"
