"""Gathers, in a transaction, whose work falls due by it, and tells it on before the commit.

What is told is a hint for whoever carries the work out; the rows say what is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.engine import Connection

CHANNEL = "hub_due"
"""What PostgreSQL tells its listeners of at the commit of what is due now."""

Tell = Callable[[Connection, Mapping[str, datetime]], None]
_NOTED = "hub_due"


def note(connection: Connection, accounts: Iterable[str], due_at: datetime) -> None:
    """Note that work of these accounts is due then, by the caller's transaction."""
    noted: dict[str, datetime] | None = connection.info.get(_NOTED)
    if noted is not None:
        for account in accounts:
            noted[account] = min(due_at, noted.get(account, due_at))


@contextmanager
def noting(connection: Connection, tell: Tell) -> Iterator[Callable[[], Callable[[], None]]]:
    """Gather what is noted in a transaction and tell it at the end; for `Store.write` alone.

    Gives what to call before a unit of work begins: it returns how to forget what that unit noted.
    """
    noted: dict[str, datetime] = {}
    # Asked for now: a connection that broke has none any more.
    info = connection.info
    info[_NOTED] = noted

    def mark() -> Callable[[], None]:
        before = dict(noted)

        def forget() -> None:
            noted.clear()
            noted.update(before)

        return forget

    try:
        yield mark
        if noted:
            tell(connection, noted)
    finally:
        info.pop(_NOTED, None)


def nobody(connection: Connection, accounts: Mapping[str, datetime]) -> None:
    """Tell nobody."""


def notify(connection: Connection) -> None:
    """Let every process that waits on PostgreSQL look at what is due, once this is committed."""
    connection.exec_driver_sql(f"SELECT pg_notify('{CHANNEL}', '')")
