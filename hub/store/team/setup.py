"""The tokens of the first run, and whether one still lets the first owner in."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import setup_tokens
from hub.store.team import users


def put(connection: Connection, digest: bytes, now: datetime, born: datetime) -> bool:
    """Keep a token of the first run, and forget those made before `born`; False if there is a user."""
    if users.any_user(connection):
        return False
    connection.execute(setup_tokens.delete().where(setup_tokens.c.created_at <= born))
    connection.execute(setup_tokens.insert().values(digest=digest, created_at=now))
    return True


def holds(connection: Connection, digest: bytes, born: datetime) -> bool:
    """Tell whether a token lets the first owner in."""
    query = sa.select(setup_tokens.c.digest).where(
        setup_tokens.c.digest == digest, setup_tokens.c.created_at > born
    )
    return connection.execute(query).first() is not None and not users.any_user(connection)


def use(connection: Connection, digest: bytes, born: datetime) -> bool:
    """Use up a token, and every other with it; False if it lets nobody in."""
    if connection.dialect.name == "postgresql":
        # Two that come at once must not both find that there is no user.
        connection.execute(sa.text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))
    if not holds(connection, digest, born):
        return False
    connection.execute(setup_tokens.delete())
    return True
