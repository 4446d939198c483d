"""The switch that stops the hub: while it is on, nothing is written to any network, by any process."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoppedError
from hub.store.database import upsert
from hub.store.running import changes
from hub.store.tables import activities, deliveries, digest_lines, records, replies, switches

STOP = "stop"


class Stop(NamedTuple):
    """Since when the hub is stopped, why, and who did it."""

    since: datetime
    reason: str
    who: str


def stop(connection: Connection, reason: str, who: str, now: datetime) -> tuple[Stop, bool]:
    """Stop the hub; return the stop that holds, and whether it is this one.

    What was begun before is on its way; nothing is begun once this is committed.
    """
    if connection.dialect.name == "postgresql":
        # There a statement that began before this commit would still see the hub going.
        tables = ", ".join(table.name for table in (deliveries, digest_lines, replies, records, activities))
        connection.execute(sa.text(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE"))
    made = connection.execute(
        upsert(connection, switches)
        .values(name=STOP, since=now, reason=reason, who=who)
        .on_conflict_do_nothing()
        .returning(switches.c.name)
    ).first()
    if made is not None:
        changes.note(connection, "accounts")
    held = stopped(connection)
    assert held is not None
    return held, made is not None


def resume(connection: Connection) -> Stop | None:
    """Let the hub go on; return the stop that held, None if there was none."""
    row = connection.execute(
        switches.delete().where(switches.c.name == STOP).returning(*(switches.c[field] for field in Stop._fields))
    ).first()
    if row is not None:
        changes.note(connection, "accounts")
    return None if row is None else Stop(*row)


def stopped(connection: Connection) -> Stop | None:
    """Return the stop that holds, None if the hub is going."""
    row = connection.execute(
        sa.select(*(switches.c[field] for field in Stop._fields)).where(switches.c.name == STOP)
    ).first()
    return None if row is None else Stop(*row)


def holds(connection: Connection) -> bool:
    """Tell whether the hub is stopped, and let nobody resume it before this transaction ends."""
    query = sa.select(switches.c.name).where(switches.c.name == STOP).with_for_update(read=True)
    return connection.execute(query).first() is not None


def refuse_if_stopped(connection: Connection) -> None:
    """Raise `StoppedError` while the hub is stopped."""
    held = stopped(connection)
    if held is not None:
        raise StoppedError(since=held.since, reason=held.reason)


def insert_unless_stopped(connection: Connection, table: sa.Table, **values: Any) -> sa.Row[Any]:
    """Write down, as a row of `table`, that something is about to be sent; return the row.

    Whether the hub is stopped is asked in the same statement; `StoppedError` if it is.
    """
    columns = [sa.literal(value, table.c[name].type) for name, value in values.items()]
    going = sa.select(*columns).where(~sa.exists().where(switches.c.name == STOP))
    row = connection.execute(table.insert().from_select(list(values), going).returning(*table.c)).first()
    if row is None:
        refuse_if_stopped(connection)
    assert row is not None
    return row
