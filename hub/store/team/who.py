"""Who of the team does something, and who is called what."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import users


class Who(Protocol):
    """Somebody who does something; `hub.users.roles.User` is one."""

    @property
    def id(self) -> int: ...

    @property
    def shown(self) -> str: ...


class Person(NamedTuple):
    """One of the team, by the name under which they did it."""

    id: int
    name: str


def person(connection: Connection, user_id: int) -> Person | None:
    """Return one of the team by their number; nobody who may not log in any more."""
    row = connection.execute(
        sa.select(users.c.id, users.c.display_name, users.c.name).where(
            users.c.id == user_id, users.c.disabled_at.is_(None)
        )
    ).first()
    return None if row is None else Person(row.id, row.display_name or row.name)


def people_by_name(connection: Connection) -> dict[str, int]:
    """Return the numbers of all users by what they are called, in small letters."""
    rows = connection.execute(sa.select(users.c.id, users.c.name, users.c.display_name)).all()
    by_display = {row.display_name.casefold(): row.id for row in rows if row.display_name}
    return by_display | {row.name.casefold(): row.id for row in rows}
