"""What the team notes about people, for itself alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from hub.store.running import changes
from hub.store.tables import contact_notes


def add(connection: Connection, person_id: int, text: str, user_id: int | None, now: datetime) -> None:
    """Note something about a person; the note stays with the card that bears the person's number."""
    connection.execute(contact_notes.insert().values(contact_id=person_id, text=text, user_id=user_id, at=now))
    changes.note(connection, "contacts", person_id)
