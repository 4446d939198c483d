"""Users, their sessions and tokens, and the counts of failed logins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.tables import sessions, tokens, users

_OWNER = "owner"


class StoredUser(NamedTuple):
    """A user as the store keeps it; `accounts` None for all, `scopes` None without a token."""

    id: int
    name: str
    display_name: str
    role: str
    password: str
    accounts: frozenset[str] | None
    language: str
    theme: str
    created_at: datetime
    seen_at: datetime | None
    disabled_at: datetime | None


class StoredSession(NamedTuple):
    """A login that holds."""

    id: int
    user_id: int
    created_at: datetime
    seen_at: datetime
    agent: str
    address: str


class StoredToken(NamedTuple):
    """A token of the API, without its secret, which nobody keeps."""

    id: int
    user_id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


_USER = [users.c[field] for field in StoredUser._fields]
_SESSION = [sessions.c[field] for field in StoredSession._fields]
_TOKEN = [tokens.c[field] for field in StoredToken._fields]


def _user(row: Sequence[object]) -> StoredUser:
    found = StoredUser(*row)  # type: ignore[arg-type]  # a row is its columns in their order
    names = found.accounts
    return found if names is None else found._replace(accounts=frozenset(str(names).split()))


def _token(row: Sequence[object]) -> StoredToken:
    found = StoredToken(*row)  # type: ignore[arg-type]  # a row is its columns in their order
    return found._replace(scopes=tuple(str(found.scopes).split()))


def _joined(names: Iterable[str] | None) -> str | None:
    return None if names is None else " ".join(sorted(names))


def add(
    connection: Connection,
    name: str,
    role: str,
    password: str,
    now: datetime,
    *,
    display_name: str = "",
    accounts: Iterable[str] | None = None,
) -> StoredUser | None:
    """Add a user; None if the name is taken."""
    row = connection.execute(
        upsert(connection, users)
        .values(
            name=name,
            role=role,
            password=password,
            display_name=display_name,
            accounts=_joined(accounts),
            language="",
            theme="",
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(*_USER)
    ).first()
    return None if row is None else _user(row)


def everybody(connection: Connection) -> list[StoredUser]:
    """Return all users by name, the disabled ones too."""
    return [_user(row) for row in connection.execute(sa.select(*_USER).order_by(users.c.name))]


def by_id(connection: Connection, user_id: int) -> StoredUser | None:
    row = connection.execute(sa.select(*_USER).where(users.c.id == user_id)).first()
    return None if row is None else _user(row)


def by_name(connection: Connection, name: str) -> StoredUser | None:
    row = connection.execute(sa.select(*_USER).where(users.c.name == name)).first()
    return None if row is None else _user(row)


def any_user(connection: Connection) -> bool:
    return connection.execute(sa.select(users.c.id).limit(1)).first() is not None


def change(connection: Connection, user_id: int, **values: object) -> None:
    """Set columns of a user."""
    connection.execute(users.update().where(users.c.id == user_id).values(**values))


def set_accounts(connection: Connection, user_id: int, accounts: Iterable[str] | None) -> None:
    change(connection, user_id, accounts=_joined(accounts))


def replace_password(connection: Connection, user_id: int, old: str, new: str) -> bool:
    """Put a stronger hash of the same password in place of `old`; False if it has been changed meanwhile."""
    done = connection.execute(
        users.update().where(users.c.id == user_id, users.c.password == old).values(password=new)
    )
    return done.rowcount == 1


def is_last_owner(connection: Connection, user_id: int) -> bool:
    """Tell whether nobody else could manage users if this one could not; holds until the transaction ends."""
    owners = sa.select(users.c.id).where(users.c.role == _OWNER, users.c.disabled_at.is_(None)).with_for_update()
    return set(connection.execute(owners).scalars()) <= {user_id}


# Sessions


def begin_session(
    connection: Connection, user_id: int, digest: bytes, now: datetime, agent: str, address: str
) -> int:
    """Keep a login; return its number."""
    made = sessions.insert().values(
        user_id=user_id, digest=digest, created_at=now, seen_at=now, agent=agent, address=address
    )
    number: int = connection.execute(made.returning(sessions.c.id)).scalar_one()
    change(connection, user_id, seen_at=now)
    return number


def session(
    connection: Connection, digest: bytes, born: datetime, seen: datetime
) -> tuple[StoredUser, StoredSession] | None:
    """Return who a cookie speaks for, if the login is younger than `born` and was used since `seen`."""
    row = connection.execute(
        sa.select(*_USER, *_SESSION)
        .join_from(sessions, users, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.digest == digest,
            sessions.c.created_at > born,
            sessions.c.seen_at > seen,
            users.c.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    return _user(row[: len(_USER)]), StoredSession(*row[len(_USER) :])


def touch_session(connection: Connection, session_id: int, user_id: int, now: datetime) -> None:
    connection.execute(sessions.update().where(sessions.c.id == session_id).values(seen_at=now))
    change(connection, user_id, seen_at=now)


def sessions_of(connection: Connection, user_id: int, born: datetime, seen: datetime) -> list[StoredSession]:
    """Return a user's logins that hold, the one used last first."""
    rows = connection.execute(
        sa.select(*_SESSION)
        .where(sessions.c.user_id == user_id, sessions.c.created_at > born, sessions.c.seen_at > seen)
        .order_by(sessions.c.seen_at.desc(), sessions.c.id.desc())
    )
    return [StoredSession(*row) for row in rows]


def end_session(connection: Connection, digest: bytes) -> None:
    connection.execute(sessions.delete().where(sessions.c.digest == digest))


def revoke_session(connection: Connection, user_id: int, session_id: int) -> bool:
    done = connection.execute(sessions.delete().where(sessions.c.id == session_id, sessions.c.user_id == user_id))
    return done.rowcount == 1


def revoke_sessions(connection: Connection, user_id: int, keep: int | None = None) -> int:
    """End all of a user's logins but `keep`; return how many there were."""
    others = [] if keep is None else [sessions.c.id != keep]
    return connection.execute(sessions.delete().where(sessions.c.user_id == user_id, *others)).rowcount


def forget_sessions(connection: Connection, born: datetime, seen: datetime) -> None:
    """Delete the logins that hold no longer."""
    over = sa.or_(sessions.c.created_at <= born, sessions.c.seen_at <= seen)
    connection.execute(sessions.delete().where(over))


# Tokens


def add_token(
    connection: Connection,
    user_id: int,
    name: str,
    digest: bytes,
    scopes: Iterable[str],
    now: datetime,
    expires_at: datetime | None,
) -> StoredToken:
    made = tokens.insert().values(
        user_id=user_id,
        name=name,
        digest=digest,
        scopes=" ".join(sorted(scopes)),
        created_at=now,
        expires_at=expires_at,
    )
    return _token(connection.execute(made.returning(*_TOKEN)).one())


def token(connection: Connection, digest: bytes, now: datetime) -> tuple[StoredUser, StoredToken] | None:
    """Return who a token speaks for, if it holds at `now`."""
    row = connection.execute(
        sa.select(*_USER, *_TOKEN)
        .join_from(tokens, users, tokens.c.user_id == users.c.id)
        .where(
            tokens.c.digest == digest,
            sa.or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now),
            users.c.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    return _user(row[: len(_USER)]), _token(row[len(_USER) :])


def touch_token(connection: Connection, token_id: int, now: datetime) -> None:
    connection.execute(tokens.update().where(tokens.c.id == token_id).values(used_at=now))


def tokens_of(connection: Connection, user_id: int | None = None) -> list[StoredToken]:
    """Return a user's tokens, or all; the newest first."""
    whose = [] if user_id is None else [tokens.c.user_id == user_id]
    rows = connection.execute(sa.select(*_TOKEN).where(*whose).order_by(tokens.c.id.desc()))
    return [_token(row) for row in rows]


def revoke_token(connection: Connection, token_id: int, user_id: int | None = None) -> bool:
    whose = [] if user_id is None else [tokens.c.user_id == user_id]
    return connection.execute(tokens.delete().where(tokens.c.id == token_id, *whose)).rowcount == 1


def revoke_tokens(connection: Connection, user_id: int) -> int:
    return connection.execute(tokens.delete().where(tokens.c.user_id == user_id)).rowcount
