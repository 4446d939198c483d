"""Adds users, changes what they may do, and finds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.errors import UsageError
from hub.i18n import LANGUAGES
from hub.models import check_text
from hub.store import Store
from hub.store.team import users as stored
from hub.store.team.users import StoredUser
from hub.users.passwords import check, make_hash
from hub.users.roles import Permission, Role, User

THEMES = ("light", "dark")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_LONGEST_NAME = 80


class Member(NamedTuple):
    """A user, and when they came, were last seen and were shut out."""

    user: User
    created_at: datetime
    seen_at: datetime | None
    disabled_at: datetime | None


def user_of(row: StoredUser, scopes: Iterable[str] | None = None) -> User:
    """Return a stored user as the rest of the hub knows them."""
    return User(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        display_name=row.display_name,
        accounts=row.accounts,
        language=row.language,
        theme=row.theme,
        scopes=None if scopes is None else frozenset(Permission(scope) for scope in scopes),
    )


def _member(row: StoredUser) -> Member:
    return Member(user_of(row), row.created_at, row.seen_at, row.disabled_at)


def everybody(store: Store) -> Sequence[User]:
    """Return those who may log in, by name: for lists of whom a thing can be given to."""
    return [member.user for member in members(store) if member.disabled_at is None]


def members(store: Store) -> Sequence[Member]:
    """Return all users by name, also those who were shut out."""
    with store.read() as connection:
        return [_member(row) for row in stored.everybody(connection)]


def find(store: Store, who: int | str) -> Member:
    """Return a user by number or name; raise `UsageError` if there is none."""
    with store.read() as connection:
        return _member(_found(connection, who))


def by_name(connection: Connection, name: str) -> StoredUser | None:
    """Return a user by the name that they type; None also for what no database would look for."""
    return stored.by_name(connection, name) if _NAME.fullmatch(name) else None


def _found(connection: Connection, who: int | str) -> StoredUser:
    named = isinstance(who, str)
    row = by_name(connection, str(who).strip().casefold()) if named else stored.by_id(connection, int(who))
    if row is None:
        raise UsageError("there is no user {name}", hint="`hub users` lists them", name=who)
    return row


def add(
    store: Store,
    name: str,
    role: Role,
    password: str,
    now: datetime,
    *,
    display_name: str = "",
    accounts: Iterable[str] | None = None,
) -> User:
    """Add a user; raise `UsageError` for a name that is taken or none, or a password that is too weak."""
    name = checked_name(name)
    shown = _shown(display_name)
    hashed = make_hash(password, name)
    row = store.write(
        lambda connection: stored.add(
            connection, name, role.value, hashed, now, display_name=shown, accounts=accounts
        )
    )
    if row is None:
        raise UsageError("there is a user {name} already", hint="choose another name", name=name)
    return user_of(row)


def checked_name(name: str) -> str:
    """Return a name as it is kept; raise `UsageError` for one that is none."""
    name = name.strip().casefold()
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            "{name} is not a usable name",
            hint="names are small Latin letters, digits, . - and _; 40 at most",
            name=name[:_LONGEST_NAME],
        )
    return name


def _shown(name: str) -> str:
    name = " ".join(name.split())
    try:
        check_text("name", name)
    except ValueError as error:
        raise UsageError("{why}", hint="take it out", why=str(error)) from None
    if len(name) > _LONGEST_NAME:
        raise UsageError(
            "the name is longer than {most} characters", hint="choose a shorter one", most=_LONGEST_NAME
        )
    return name


def _change(store: Store, who: int | str, work: Callable[[Connection, StoredUser], None]) -> User:
    def unit(connection: Connection) -> User:
        row = _found(connection, who)
        work(connection, row)
        return user_of(_found(connection, row.id))

    return store.write(unit)


def _keep_an_owner(connection: Connection, row: StoredUser) -> None:
    if stored.is_last_owner(connection, row.id):
        raise UsageError(
            "{name} is the last owner: nobody could manage users then",
            hint="make somebody else an owner first",
            name=row.name,
        )


def change_role(store: Store, who: int | str, role: Role) -> User:
    """Give a user another role, at once; the last owner stays one."""

    def work(connection: Connection, row: StoredUser) -> None:
        if role is not Role.OWNER and row.role == Role.OWNER and row.disabled_at is None:
            _keep_an_owner(connection, row)
        stored.change(connection, row.id, role=role.value)

    return _change(store, who, work)


def set_accounts(store: Store, who: int | str, accounts: Iterable[str] | None) -> User:
    """Say which accounts a user may see and use; None for all."""
    names = None if accounts is None else frozenset(accounts)
    return _change(store, who, lambda connection, row: stored.set_accounts(connection, row.id, names))


def disable(store: Store, who: int | str, now: datetime) -> User:
    """Shut a user out: their sessions and tokens end at once. The last owner stays."""

    def work(connection: Connection, row: StoredUser) -> None:
        if row.role == Role.OWNER and row.disabled_at is None:
            _keep_an_owner(connection, row)
        stored.change(connection, row.id, disabled_at=row.disabled_at or now)
        stored.revoke_sessions(connection, row.id)
        stored.revoke_tokens(connection, row.id)

    return _change(store, who, work)


def enable(store: Store, who: int | str) -> User:
    """Let a user in again."""
    return _change(store, who, lambda connection, row: stored.change(connection, row.id, disabled_at=None))


def set_password(store: Store, who: int | str, password: str, keep_session: int | None = None) -> User:
    """Give a user another password; all their sessions end but `keep_session`."""
    with store.read() as connection:
        name = _found(connection, who).name
    hashed = make_hash(password, name)

    def work(connection: Connection, row: StoredUser) -> None:
        stored.change(connection, row.id, password=hashed)
        stored.revoke_sessions(connection, row.id, keep_session)

    return _change(store, who, work)


def change_password(store: Store, user: User, old: str, new: str, keep_session: int | None) -> None:
    """Change one's own password; raise `UsageError` if `old` is not the one that holds."""
    with store.read() as connection:
        row = _found(connection, user.id)
    if not check(old, row.password).right:
        raise UsageError("the present password is wrong", hint="type it again")
    set_password(store, user.id, new, keep_session)


def set_preferences(
    store: Store, who: int, *, language: str = "", theme: str = "", display_name: str | None = None
) -> User:
    """Set how the page looks to a user; "" follows the browser, and what is unknown counts as that."""
    values = {
        "language": language if language in LANGUAGES else "",
        "theme": theme if theme in THEMES else "",
    }
    if display_name is not None:
        values["display_name"] = _shown(display_name)
    return _change(store, who, lambda connection, row: stored.change(connection, row.id, **values))
