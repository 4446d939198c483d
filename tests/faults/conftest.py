"""What the tests of faults share, and the table that they end in: what each fault led to."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from faults.stage import Stage, set_up
from faults.truth import Tally

from hub.store import Store, migrate

_MEMORY = Path("/dev/shm")  # noqa: S108  # named after the process by mkdtemp, and removed
_FACT = "what a fault led to"


@pytest.fixture(scope="session")
def blank() -> Iterator[Path]:
    """A database with all tables and nothing in them: copying it costs a hundredth of making it."""
    with tempfile.TemporaryDirectory(prefix="hub-faults-") as folder:
        path = Path(folder) / "hub.db"
        store = Store.open(f"sqlite:///{path}")
        migrate.upgrade(store)
        store.close()
        yield path


@pytest.fixture
def room(blank: Path) -> Iterator[Path]:
    """A folder with a blank database, in memory where there is one: it spares the disk the commits."""
    memory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="hub-faults-", dir=memory, ignore_cleanup_errors=True) as folder:
        shutil.copy(blank, folder)
        yield Path(folder)


Record = Callable[[str, str, Tally], None]


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Write down what a fault led to on a settle kind, for the table at the end."""

    def note(fault: str, kind: str, became: Tally) -> None:
        request.node.user_properties.append((_FACT, [fault, kind, *became]))

    return note


@pytest.fixture
def staged(room: Path) -> Iterator[Callable[..., Stage]]:
    """A way to set up the stage for a settle kind."""
    with ExitStack() as stack:

        def stage(kind: str, **options: Any) -> Stage:
            opened: AbstractContextManager[Stage] = set_up(room, kind, **options)
            return stack.enter_context(opened)

        yield stage


@pytest.fixture
def proved(capfd: pytest.CaptureFixture[str], record: Record) -> Callable[[Stage, str, str], Tally]:
    """Check all rules on a stage, and write down what the fault led to."""

    def check(stage: Stage, fault: str, kind: str) -> Tally:
        said = capfd.readouterr()
        became = stage.tally()
        record(fault, kind, became)
        assert stage.audit(said.out + said.err) == []
        assert (became.duplicates, became.lost) == (0, 0)
        return became

    return check


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what each fault led to, over all settle kinds."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    kinds: dict[str, list[str]] = defaultdict(list)
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    for report in reports:
        for name, fact in getattr(report, "user_properties", ()):
            if name == _FACT and report.when == "call":
                fault, kind, *numbers = fact
                sums[fault] = [one + other for one, other in zip(sums[fault], numbers, strict=True)]
                kinds[fault].append(kind)
    if not sums:
        return
    width = max(len(fault) for fault in sums)
    terminalreporter.section("what each fault led to")
    terminalreporter.write_line(f"{'fault':{width}}  " + "".join(f"{name:>11}" for name in Tally._fields) + "  on")
    for fault, numbers in sorted(sums.items()):
        counts = "".join(f"{number:11}" for number in numbers)
        terminalreporter.write_line(f"{fault:{width}}  {counts}  {', '.join(sorted(set(kinds[fault])))}")
    total = [sum(column) for column in zip(*sums.values(), strict=True)]
    terminalreporter.write_line(f"{'all':{width}}  " + "".join(f"{number:11}" for number in total))
