"""Says in the store's numbers what a query says in names, within what a user may see."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy.engine import Connection

from hub.discussions.query import Query
from hub.errors import UsageError
from hub.store.desk import work
from hub.store.desk.inbox import Filter, Flag
from hub.store.running import accounts
from hub.store.team.who import people_by_name
from hub.users.roles import User


def may_see(user: User, account: str) -> bool:
    """Tell whether a user may see what is said to an account."""
    return user.accounts is None or account in user.accounts


def filter_of(connection: Connection, query: Query, user: User, now: datetime) -> Filter:
    """Say in the store's numbers what a query says in names; raise `UsageError` for a name that is none."""
    flags = {flag for flag in query.flags if flag != "unread"}
    without = {flag for flag in query.without_flags if flag != "unread"}
    return Filter(
        now=now,
        statuses=query.statuses,
        accounts=_accounts(connection, query, user),
        kinds=query.kinds,
        assignees=_assignees(connection, query, user),
        labels=tuple(_label_numbers(connection, group) for group in query.labels),
        without_labels=_label_numbers(connection, query.without_labels, forgiving=True),
        discussion=query.discussion,
        since=query.begins,
        before=query.ends,
        flags=tuple(cast("Flag", flag) for flag in sorted(flags)),
        without_flags=tuple(cast("Flag", flag) for flag in sorted(without)),
        unread_by=user.id if "unread" in query.flags else None,
        read_by=user.id if "unread" in query.without_flags else None,
        terms=query.terms,
    )


def _accounts(connection: Connection, query: Query, user: User) -> tuple[str, ...] | None:
    """Return the accounts that are wanted and allowed; None for all."""
    if not query.accounts and not query.platforms:
        return None if user.accounts is None else tuple(sorted(user.accounts))
    platforms = {health.name: health.platform for health in accounts.all_health(connection)}
    for name in query.accounts:
        if name not in platforms and not may_see(user, name):
            continue
        if name not in platforms:
            raise _unknown("account", name, [one for one in platforms if may_see(user, one)])
    wanted = query.accounts or tuple(platforms)
    if query.platforms:
        wanted = tuple(name for name in wanted if platforms.get(name) in query.platforms)
    return tuple(name for name in wanted if may_see(user, name))


def _assignees(connection: Connection, query: Query, user: User) -> tuple[int | None, ...]:
    found: list[int | None] = []
    people: dict[str, int] | None = None
    for name in query.assignees:
        if name.lower() == "nobody":
            found.append(None)
        elif name.lower() == "me":
            found.append(user.id)
        else:
            people = people_by_name(connection) if people is None else people
            if name.casefold() not in people:
                raise _unknown("assignee", name, ["me", "nobody", *people])
            found.append(people[name.casefold()])
    return tuple(dict.fromkeys(found))


def _label_numbers(connection: Connection, names: Sequence[str], forgiving: bool = False) -> tuple[int, ...]:
    if not names:
        return ()
    known = work.label_ids(connection, names)
    for name in names:
        if name.casefold() not in known and not forgiving:
            raise _unknown("label", name, [label.name for label in work.all_labels(connection)])
    return tuple(dict.fromkeys(known[name.casefold()] for name in names if name.casefold() in known))


def _unknown(key: str, name: str, known: Sequence[str]) -> UsageError:
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return UsageError("{key}:{name} is none", hint="did you mean {close}?", key=key, name=name, close=close[0])
    return UsageError(
        "{key}:{name} is none", hint="there are: {known}", key=key, name=name, known=", ".join(known) or "-"
    )
