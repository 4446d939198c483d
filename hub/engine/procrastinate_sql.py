"""Finds the SQL that the installed Procrastinate brings along, and has the store apply it."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import regex

from hub.errors import ConfigError
from hub.store import Store
from hub.store.engines import scripts
from hub.store.engines.scripts import Kit
from hub.store.running import workers

NAME = "procrastinate"

# As in 03.02.00_50_post_batch_defer_jobs.sql: from 50 on it is for when every worker has the new version
# (https://procrastinate.readthedocs.io/en/stable/howto/production/migrations.html).
_LATE = regex.compile(r"\d+\.\d+\.\d+_[5-9]\d_")


@cache
def kit() -> Kit:
    """Find the files of the installed package, without importing it; raise `ConfigError` if there is none.

    Procrastinate has no table that says which of its migrations were applied; the store keeps that.
    """
    found = find_spec(NAME)
    if found is None or found.origin is None:
        raise ConfigError(
            'engine = "procrastinate" needs the package procrastinate', hint="pip install 'crosshub[cluster]'"
        )
    folder = Path(found.origin).parent / "sql"
    return Kit(
        engine=NAME,
        version=version(NAME),
        table="procrastinate_jobs",
        whole=folder / "schema.sql",
        scripts=sorted((folder / "migrations").glob("*.sql")),
        is_late=_is_late,
    )


def prepare(store: Store, now: datetime) -> bool:
    """Bring Procrastinate's part of the database to the installed version; False if there was nothing to do."""
    with store.read() as connection:
        if not scripts.state(connection, kit()).lacking:
            scripts.check(connection, kit())
            return False
        others = [one for one in workers.latest(connection) if one.engine == NAME and one.is_alive(now)]
    return scripts.apply(store, kit(), now, alone=not others)


def check(store: Store) -> None:
    """Raise `StoreError` if the database is prepared for another version than the installed one, or for none."""
    with store.read() as connection:
        scripts.check(connection, kit())


def _is_late(name: str) -> bool:
    return _LATE.match(name) is not None
