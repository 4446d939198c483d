"""The databases of the models: in memory where that can be, since a model fills one hundreds of times."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store import Store, migrate

_MEMORY = Path("/dev/shm")  # noqa: S108  # the folder in it gets a name of its own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give models time, in seconds: with HUB_MODELS=faults one of them takes minutes."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def room() -> Iterator[Path]:
    """A folder in memory, if this machine has one."""
    with tempfile.TemporaryDirectory(
        prefix="hub-models-", dir=_MEMORY if _MEMORY.is_dir() else None, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def store(room: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store for all examples of a module; `models.blank.emptied` makes it empty."""
    opened = Store.open(f"sqlite:///{room}/{request.module.__name__}.db")
    try:
        migrate.upgrade(opened)
        yield opened
    finally:
        opened.close()
