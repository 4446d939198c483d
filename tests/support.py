"""A hub on imaginary networks, whose time the test moves."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from hub import settings
from hub.adapter import Adapter
from hub.lease import never
from hub.scheduling.hub import Hub
from hub.scheduling.report import Report
from hub.scheduling.tick import Scheduler, TickReport, make_everything_due
from hub.testing.fresh import lay_out

EXAMPLE = Path(__file__).resolve().parents[1] / "docs" / "example"


def load_example(name: str) -> ModuleType:
    """Import a module of the worked example in the docs."""
    full = f"example_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, EXAMPLE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


village = load_example("village")
VillageDouble = load_example("sandbox").VillageDouble
Village: Any = village.Village


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def plugin(*adapters: type[Adapter]) -> Any:
    """Make a plugin of adapter classes."""
    from hub import hookimpl

    @hookimpl
    def register_adapters() -> list[type[Adapter]]:
        return list(adapters)

    return SimpleNamespace(register_adapters=register_adapters)


class TestHub:
    """A hub with its clock, and the ways in which tests drive it."""

    __test__ = False

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self.hub = hub
        self.clock = clock
        self.store = hub.store
        self.scheduler = Scheduler(hub)
        self.begun: list[Future[Report]] = []

    def tick(self, **delta: float) -> TickReport:
        """Let time pass, then do all that is due."""
        self.clock.forward(**delta)
        return self.scheduler.tick()

    def begin_due(self) -> list[Future[Report]]:
        """Begin a turn of each account that is due and free; they run until they end, and the hub's end waits."""
        pool = ThreadPoolExecutor(thread_name_prefix="turn")
        started = [pool.submit(held.carry_out, never) for held in self.scheduler.turns.claim(16)]
        pool.shutdown(wait=False)
        self.begun += started
        return started

    def tick_all(self) -> TickReport:
        """Do everything, due or not."""
        make_everything_due(self.hub)
        return self.scheduler.tick()

    def rows(self, query: str) -> list[Any]:
        import sqlalchemy as sa

        with self.store.read() as connection:
            return list(connection.execute(sa.text(query)).mappings())

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows("SELECT state FROM deliveries ORDER BY id")]


def write_config(
    folder: Path, accounts: dict[str, dict[str, Any]], routes: str = "", database: str = "", extra: str = ""
) -> Path:
    """Write a hub.toml without a bound of posts per hour; tokens go into files."""
    lines = ["[hub]", f'database = "{database or "sqlite:///hub.db"}"']
    if "posts_per_hour" not in extra:
        lines.append("posts_per_hour = 0")
    lines.append(extra)
    for name, values in accounts.items():
        lines.append(f"[accounts.{name}]")
        for key, value in values.items():
            if key == "token":
                (folder / f"{name}.token").write_text(value)
                lines.append(f'token = {{ file = "{name}.token" }}')
            else:
                lines.append(f"{key} = {json.dumps(value)}")
    path = folder / "hub.toml"
    path.write_text("\n".join([*lines, routes]))
    return path


@contextmanager
def open_hub(path: Path, *adapters: type[Adapter], clock: Clock | None = None) -> Iterator[TestHub]:
    """Open a hub on a hub.toml with these adapters beside the installed ones."""
    time = clock or Clock()
    loaded = settings.load(path, {})
    lay_out(loaded)
    with Hub.open(loaded, clock=time, plugins={"tests": plugin(*adapters)}) as hub:
        under_test = TestHub(hub, time)
        try:
            yield under_test
        finally:
            under_test.scheduler.close()
            # What they opened after the hub's end nobody would close.
            wait(under_test.begun, timeout=60)
