"""Says in plain words what a database says of its own state, and whether it will be better by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from hub.errors import StoreAway, StoreError

# What the program does wrong by itself, and not the database; whoever waits for one of them catches it as it is.
_OURS = (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.DataError)
_TROUBLE = (sa.exc.DBAPIError, sa.exc.TimeoutError, sa.exc.PendingRollbackError, sqlite3.Error)
# PostgreSQL's word for a unit that another transaction brought down: deadlock, serialization.
_BEATEN = ("40P01", "40001")
# Waited too long for a lock or an answer; kept still for too long in a transaction.
_HELD = (*_BEATEN, "55P03", "57014", "25P03")
# Stopped, starting, full of connections, or one that takes no writes; class 08 is about the connection itself.
_AWAY = ("57P01", "57P02", "57P03", "57P05", "53300", "25006")


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a database says of its own state into a `StoreError` that names the mend.

    It is `StoreAway` where nothing was stored for now, and later can be.
    """
    try:
        yield
    except _TROUBLE as error:
        said = plain(error)
        if said is error:
            raise
        raise said from error


def beaten(error: BaseException) -> bool:
    """Tell whether another transaction brought this one down, so that it is worth another try at once."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _BEATEN


def plain(error: BaseException) -> BaseException:
    """Return the `StoreError` for what a database said, the error itself if it is about something else."""
    if not isinstance(error, _TROUBLE):
        return error
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    told = _told(reason, error)
    if told is None and isinstance(error, _OURS):
        return error
    said = told or StoreError("the database cannot be used: {why}", why=reason)
    said.__cause__ = error
    return said


def _told(reason: str, error: BaseException) -> StoreError | None:
    """Recognise what a database says of its state, in SQLite's words or by PostgreSQL's codes."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    if "disk is full" in reason or "No space left" in reason:
        return StoreError("the disk of the database is full", hint="free some space; nothing was sent")
    if state in _HELD or (state is None and ("locked" in reason or "busy" in reason)):
        hint = "wait for it, or find out which one has it open"
        return StoreAway("the database is held by another program: {why}", hint=hint, why=reason)
    if state in _AWAY or (state or "").startswith("08") or _lost(error, state):
        hint = "see that it runs, and is where hub.toml says; a hub that runs goes on by itself when it is back"
        return StoreAway("the database cannot be reached: {why}", hint=hint, why=reason)
    if "no such table" in reason or ("relation" in reason and "does not exist" in reason):
        return StoreError("the database is empty", hint="run `hub db upgrade`")
    if "not a database" in reason or "malformed" in reason:
        return StoreError("the database file is damaged or none: {why}", hint="restore a backup of it", why=reason)
    return None


def _lost(error: BaseException, state: str | None) -> bool:
    """Tell whether the connection is lost, or there is none to be had: a server that speaks gives a code."""
    if isinstance(error, sa.exc.TimeoutError | sa.exc.PendingRollbackError):
        return True
    if not isinstance(error, sa.exc.DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    return error.connection_invalidated or (state is None and not isinstance(error, _OURS))
