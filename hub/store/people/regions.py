"""Keys phone numbers that are written without a country anew when the region that they are read by is another."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks, upsert
from hub.store.people.keys import PHONES, normal
from hub.store.tables import chores, contact_values, contacts

_MARK = "region "


def is_current(connection: Connection, region: str) -> bool:
    """Tell whether all phone numbers are keyed as those of this region, "" if there is none."""
    marks = set(connection.execute(sa.select(chores.c.name).where(chores.c.name.startswith(_MARK))).scalars())
    return marks == {_MARK + region} if marks else not region


def rekey(connection: Connection, region: str, after: int, limit: int, now: datetime) -> int | None:
    """Key the next phone numbers, from the value after `after`; return the last one, None when all are done.

    Cards of which a key is another now are compared again.
    """
    rows = connection.execute(
        sa.select(contact_values.c.id, contact_values.c.contact_id, contact_values.c.value, contact_values.c.key)
        .where(contact_values.c.field == PHONES, contact_values.c.id > after)
        .order_by(contact_values.c.id)
        .limit(limit)
    ).all()
    keys = {row.id: normal(PHONES, row.value, region) for row in rows}
    moved = [row for row in rows if row.key != keys[row.id]]
    if moved:
        connection.execute(_KEY, [{"b_id": row.id, "b_key": keys[row.id]} for row in moved])
        for some in chunks(sorted({row.contact_id for row in moved})):
            connection.execute(contacts.update().where(contacts.c.id.in_(some)).values(unmatched=1))
    if len(rows) == limit:
        return int(rows[-1].id)
    connection.execute(chores.delete().where(chores.c.name.startswith(_MARK)))
    mark = upsert(connection, chores).values(name=_MARK + region, at=now)
    connection.execute(mark.on_conflict_do_nothing())
    return None


_KEY = contact_values.update().where(contact_values.c.id == sa.bindparam("b_id")).values(key=sa.bindparam("b_key"))
