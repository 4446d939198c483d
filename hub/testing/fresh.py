"""Lays out empty databases: migrated once in a process, copied from then on."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from hub.settings import Settings
from hub.store import Store, migrate


def lay_out(settings: Settings) -> None:
    """Put an empty database where the settings want one, unless it is there or is not SQLite."""
    path = settings.database_url.removeprefix("sqlite:///")
    if path != settings.database_url and not Path(path).exists():
        Path(path).write_bytes(empty_database())


@functools.cache
def empty_database() -> bytes:
    """Return a database of this program's schema, as the hub's first start makes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hub.db"
        store = Store.open(f"sqlite:///{path}")
        try:
            migrate.upgrade(store)
        finally:
            store.close()
        return path.read_bytes()
