"""The time of the database, by which all machines that work on it agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from hub.lease import elapsed
from hub.store.database import Store

# What took so long (seconds) to answer says too little about now.
_SLOW = 1.0
# A difference below this is the way of the question there and back, and no reason to let the clock jump.
_TOLERANCE = timedelta(milliseconds=50)


def now_of(connection: sa.Connection) -> datetime:
    """Return the time that all who work on this database agree on: PostgreSQL's, with a file the machine's."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    told: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return told.astimezone(UTC)


class DatabaseClock:
    """PostgreSQL's clock: asked when it is made and at each `ask`, and carried on by a clock that nobody sets.

    So it goes on while the database cannot be reached, and while this machine's own time is wrong.
    """

    def __init__(self, store: Store) -> None:
        """Ask the database; raise `StoreError` if it cannot be reached."""
        self._store = store
        self._at: tuple[datetime, float] | None = None
        self.ask()

    def __call__(self) -> datetime:
        assert self._at is not None
        told, at = self._at
        return told + timedelta(seconds=elapsed() - at)

    def ask(self) -> None:
        """Ask the database what time it is; raise `StoreError` if it cannot be reached."""
        with self._store.read() as connection:
            # The first statement of a connection brings a ping along.
            connection.exec_driver_sql("SELECT 1")
            before = elapsed()
            told = now_of(connection)
            after = elapsed()
        if self._at is not None and (after - before > _SLOW or abs(self() - told) < _TOLERANCE):
            return
        self._at = told, (before + after) / 2
