"""Waits until somebody, in whatever process, has committed something."""

from __future__ import annotations

import threading
import time
from typing import Any

import sqlalchemy as sa

from hub.store.database import Store
from hub.store.plain import plain_errors
from hub.store.running.changes import CHANNEL

# On PostgreSQL, where a connection may die without a word: look again after so many seconds.
_SAFETY_NET = 5.0
# Behind a pooler, which passes on no word: look so often.
_POOLED_PACE = 1.0
# A stop must not wait longer for somebody who listens.
_STEP = 0.5


class Watch:
    """One connection that waits for commits. Waiting and closing are one thread's; `stop` is for any other.

    `pace` is how often SQLite is asked, in seconds: there nobody tells of a commit. `channel` is what PostgreSQL
    tells of; behind a pooler, where nothing can be heard, `wait` returns every second.
    """

    def __init__(self, store: Store, *, pace: float, channel: str = CHANNEL) -> None:
        self._store = store
        self._pace = pace
        self._channel = channel
        self._connection: sa.Connection | None = None
        self._version: Any = None
        self._hears = False
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let `wait` return soon, now and ever after."""
        self._stopped.set()

    def close(self) -> None:
        if self._connection is not None:
            # It listened, or pinned nothing: no other should be given it.
            self._connection.detach()
            self._connection.close()
            self._connection = None

    def wait(self) -> None:
        """Return when something may have been committed since the last call; the first returns at once."""
        try:
            with plain_errors():
                if self._connection is None:
                    self._connection = self._open()
                elif self._store.is_sqlite:
                    self._wait_for_version()
                elif self._hears:
                    self._wait_for_word(self._connection)
                else:
                    self._stopped.wait(max(self._pace, _POOLED_PACE))
        except BaseException:
            broken, self._connection = self._connection, None
            if broken is not None:
                broken.invalidate()
                broken.close()
            raise

    def _open(self) -> sa.Connection:
        # In autocommit: a transaction of ours would show us an old state for ever.
        connection = self._store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if self._store.is_sqlite:
            self._version = _data_version(connection)
        else:
            from hub.store import postgresql

            self._hears = postgresql.listen(connection, self._channel)
        return connection

    def _wait_for_version(self) -> None:
        assert self._connection is not None
        while not self._stopped.wait(self._pace):
            found = _data_version(self._connection)
            if found != self._version:
                self._version = found
                return

    def _wait_for_word(self, connection: sa.Connection) -> None:
        from hub.store import postgresql

        until = time.monotonic() + _SAFETY_NET
        while not self._stopped.is_set() and time.monotonic() < until:
            if postgresql.heard(connection, _STEP):
                return
        # A line on which nothing is said may be broken as well as quiet.
        connection.exec_driver_sql("SELECT 1")


def _data_version(connection: sa.Connection) -> Any:
    """Return the number that changes with every commit of another connection, in whatever process."""
    driver: Any = connection.connection.driver_connection
    return driver.execute("PRAGMA data_version").fetchone()[0]
