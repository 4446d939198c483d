"""Makes the engine that hub.toml names, and prepares the database for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hub.engine.local import Local
from hub.engine.port import Engine
from hub.errors import ConfigError
from hub.settings import Settings
from hub.store import Store

LOCAL = "local"


def choose(settings: Settings, store: Store, clock: Callable[[], datetime], turns: int | None = None) -> Engine:
    """Return the engine of `[hub] engine`; nothing runs yet. `turns`, side by side, replaces `[hub] workers`.

    Raises `ConfigError` if it cannot work here.
    """
    size = turns or settings.hub.workers
    if settings.hub.engine == LOCAL:
        return Local(store, size)
    if store.is_sqlite:
        raise ConfigError(
            "{file}: hub.engine is {engine}, which needs PostgreSQL, and the database is SQLite",
            hint="`hub db move` takes the database to PostgreSQL; without that line the hub works on SQLite",
            file=settings.path,
            engine=settings.hub.engine,
        )
    from hub.engine import procrastinate, procrastinate_sql

    procrastinate_sql.kit()
    return procrastinate.Procrastinate(store, clock, size)


def prepare(settings: Settings, store: Store, now: datetime) -> bool:
    """Bring the engine's own part of the database to the version that is installed; False if it was already."""
    if settings.hub.engine == LOCAL or store.is_sqlite:
        return False
    from hub.engine import procrastinate_sql

    return procrastinate_sql.prepare(store, now)


def check(settings: Settings, store: Store) -> None:
    """Raise `StoreError` if the engine's own part of the database is not of the version that is installed."""
    if settings.hub.engine != LOCAL and not store.is_sqlite:
        from hub.engine import procrastinate_sql

        procrastinate_sql.check(store)
