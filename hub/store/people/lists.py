"""Finds people of a former import, of whom nothing is known by which matching would know them again."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.tables import contacts

IMPORT = "import"
"""The origin and the source of a card that came with a list."""


def imported_as(connection: Connection, names: Sequence[str]) -> dict[str, list[int]]:
    """Return the people with an imported card, by the name that it has, for these names."""
    found: dict[str, list[int]] = {}
    for some in chunks(names):
        rows = connection.execute(
            sa.select(contacts.c.name, contacts.c.person_id)
            .where(contacts.c.name.in_(some), contacts.c.origin == IMPORT, contacts.c.person_id.is_not(None))
            .order_by(contacts.c.id)
        )
        for row in rows:
            found.setdefault(row.name, []).append(row.person_id)
    return found
