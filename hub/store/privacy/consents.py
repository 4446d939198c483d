"""What people agreed to, for which purpose, and what they took back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.running import changes
from hub.store.tables import consents, contacts, users


class Consent(NamedTuple):
    """One yes or no of a person. `by` is who of the team wrote it down, "" if nobody of them did."""

    purpose: str
    granted: bool
    at: datetime
    by: str
    source: str
    note: str


def add(
    connection: Connection,
    person_id: int,
    purpose: str,
    granted: bool,
    *,
    source: str,
    now: datetime,
    note: str = "",
    user_id: int | None = None,
) -> None:
    """Write down what a person said; it is on the card with their number."""
    connection.execute(
        consents.insert().values(
            contact_id=person_id,
            purpose=purpose,
            granted=granted,
            at=now,
            source=source,
            note=note,
            user_id=user_id,
        )
    )
    changes.note(connection, "contacts", person_id)


def history(connection: Connection, person_id: int) -> Sequence[Consent]:
    """Return all that a person ever said, the newest first."""
    rows = connection.execute(
        sa.select(
            consents.c.purpose,
            consents.c.granted,
            consents.c.at,
            sa.func.coalesce(sa.func.nullif(users.c.display_name, ""), users.c.name, ""),
            consents.c.source,
            consents.c.note,
        )
        .join(contacts, contacts.c.id == consents.c.contact_id)
        .outerjoin(users, users.c.id == consents.c.user_id)
        .where(contacts.c.person_id == person_id)
        .order_by(consents.c.at.desc(), consents.c.id.desc())
    )
    return [Consent(*row) for row in rows]


def agreed(connection: Connection, person_ids: Sequence[int], purpose: str) -> set[int]:
    """Return those of the people who agreed to a purpose and did not take that back."""
    found: dict[int, bool] = {}
    for some in chunks(person_ids):
        rows = connection.execute(
            sa.select(contacts.c.person_id, consents.c.granted)
            .join(contacts, contacts.c.id == consents.c.contact_id)
            .where(contacts.c.person_id.in_(some), consents.c.purpose == purpose)
            .order_by(consents.c.at, consents.c.id)
        )
        found.update({row.person_id: row.granted for row in rows})
    return {person for person, granted in found.items() if granted}
