"""Which accounts are due, and the leases under which one process at a time works on each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.prepared import Prepared, among
from hub.store.tables import Moment, accounts, jobs


class Claim(NamedTuple):
    """An account that is taken for one turn at these kinds of work; `fence` is the token of its lease."""

    account: str
    kinds: Sequence[str]
    fence: int


class Load(NamedTuple):
    """How much there is to do: accounts that wait, since when the first one does, and turns that run."""

    depth: int
    oldest_due: datetime | None
    running: int


# For so long work on a paused account is out of sight: whoever mends the account brings it back at once.
_ASIDE = timedelta(days=1)
_NOW = sa.bindparam("now", type_=jobs.c.due_at.type)
_FREE = sa.or_(accounts.c.lease_until.is_(None), accounts.c.lease_until <= _NOW)
_READY = sa.and_(
    accounts.c.state == "active",
    sa.or_(accounts.c.not_before.is_(None), accounts.c.not_before <= _NOW),
    _FREE,
)
_NAMED = accounts.c.name == sa.bindparam("at_name")
_HELD = sa.and_(_NAMED, accounts.c.fence == sa.bindparam("at_fence"))


def due(connection: Connection, now: datetime, limit: int, besides: Collection[str] = ()) -> list[str]:
    """Return accounts that are due, free and not paused, longest overdue first."""
    rows = _DUE.rows(connection, now=now, count=limit, besides=list(besides))
    return [str(name) for (name,) in rows]


def claim_due(
    connection: Connection, owner: str, now: datetime, until: datetime, limit: int, besides: Collection[str] = ()
) -> list[Claim]:
    """Take so many of them, the longest overdue first.

    On PostgreSQL what another worker is just taking is passed over, so that nobody waits for anybody.
    """
    names = [str(name) for (name,) in _PICK.rows(connection, now=now, count=limit, besides=list(besides))]
    if not names:
        return []
    taken = _TAKE.rows(connection, names=names, now=now, lease_owner=owner, lease_until=until)
    return _with_kinds(connection, dict(taken), now)


def claim_one(connection: Connection, name: str, owner: str, now: datetime, until: datetime) -> Claim | None:
    """Take this account, if it is due, free and not paused."""
    taken = _TAKE_READY.rows(connection, at_name=name, now=now, lease_owner=owner, lease_until=until)
    return next(iter(_with_kinds(connection, dict(taken), now)), None)


def _with_kinds(connection: Connection, fences: dict[Any, Any], now: datetime) -> list[Claim]:
    """Ask what is due on accounts now that they are ours; give back those that somebody saw to meanwhile."""
    kinds: dict[str, list[str]] = {}
    if fences:
        for account, kind in _KINDS.rows(connection, names=list(fences), now=now):
            kinds.setdefault(account, []).append(kind)
    for name in fences.keys() - kinds.keys():
        release(connection, name, fences[name])
    return [Claim(name, found, fences[name]) for name, found in kinds.items()]


def claim(connection: Connection, name: str, owner: str, now: datetime, lease: timedelta) -> int | None:
    """Take the account for one turn, due or not; return the fencing token, or None if somebody holds it."""
    taken = _CLAIM.rows(connection, at_name=name, now=now, lease_owner=owner, lease_until=now + lease)
    return int(taken[0][0]) if taken else None


def owners(connection: Connection) -> list[str]:
    """Return the processes that hold an account; it reads all accounts."""
    held = connection.execute(sa.select(accounts.c.lease_owner).where(accounts.c.lease_owner != "").distinct())
    return list(held.scalars())


def free(connection: Connection, owners: Sequence[str]) -> None:
    """Take back the leases of processes that are no more, so that nobody need wait for them to end."""
    connection.execute(
        accounts.update().where(accounts.c.lease_owner.in_(owners)).values(lease_owner="", lease_until=None)
    )


def free_besides(connection: Connection, owner: str, known: Mapping[str, int]) -> None:
    """Give back the accounts of a process but those that it knows of, each with the token of its lease."""
    rows = connection.execute(
        sa.select(accounts.c.name, accounts.c.fence).where(accounts.c.lease_owner == owner)
    ).all()
    for name, fence in rows:
        if known.get(name) != fence:
            release(connection, name, fence)


def extend(connection: Connection, name: str, fence: int, until: datetime) -> bool:
    """Keep a turn's lease alive; False if it was taken, or given back."""
    return _EXTEND.run(connection, at_name=name, at_fence=fence, lease_until=until) == 1


def release(connection: Connection, name: str, fence: int) -> bool:
    """End a turn; False if its lease was taken meanwhile."""
    return _RELEASE.run(connection, at_name=name, at_fence=fence) == 1


def holds(connection: Connection, name: str, fence: int) -> bool:
    """Tell whether the turn with this token is still the account's."""
    return connection.execute(sa.select(accounts.c.fence).where(accounts.c.name == name)).scalar() == fence


def set_aside(connection: Connection, now: datetime) -> int:
    """Let what is due on paused accounts, and on those that are left alone, be due later; return how much it was.

    Nobody takes it anyway, and every look at what is due would read it again: thousands of rows, if a network
    refuses an app with thousands of accounts. Whatever lets an account go on makes it due again.
    """
    is_due = jobs.c.due_at <= now
    named = accounts.c.name == jobs.c.account
    # Held until the commit: whoever lets one go on meanwhile comes after this, and makes its work due again.
    held = connection.execute(
        sa.select(accounts.c.name)
        .where(
            sa.or_(accounts.c.state == "paused", accounts.c.not_before > now),
            sa.exists().where(named, is_due),
        )
        .order_by(accounts.c.name)
        .with_for_update(read=True)
    )
    moment = sa.literal(now + _ASIDE, type_=Moment())
    later = sa.select(sa.case((accounts.c.state == "paused", moment), else_=accounts.c.not_before)).where(named)
    return sum(
        connection.execute(
            jobs.update().where(jobs.c.account.in_(names), is_due).values(due_at=later.scalar_subquery())
        ).rowcount
        for names in chunks(held.scalars().all())
    )


def load(connection: Connection, now: datetime) -> Load:
    """Say how much there is to do."""
    depth, oldest = connection.execute(
        sa.select(sa.func.count(jobs.c.account.distinct()), sa.func.min(jobs.c.due_at))
        .join(accounts, accounts.c.name == jobs.c.account)
        .where(jobs.c.due_at <= _NOW, _READY),
        {"now": now},
    ).one()
    running = connection.execute(
        sa.select(sa.func.count()).select_from(accounts).where(accounts.c.lease_until > now)
    ).scalar_one()
    return Load(depth, oldest, running)


def _due_accounts(connection: Connection) -> sa.Select[Any]:
    """Walk the jobs in the order in which they are due: one row an account, that of its earliest job."""
    earlier = jobs.alias()
    first = ~sa.exists().where(
        earlier.c.account == jobs.c.account,
        sa.tuple_(earlier.c.due_at, earlier.c.kind) < sa.tuple_(jobs.c.due_at, jobs.c.kind),
    )
    return (
        sa.select(jobs.c.account)
        .join(accounts, accounts.c.name == jobs.c.account)
        .where(jobs.c.due_at <= _NOW, _READY, first, ~among(connection, jobs.c.account, "besides"))
        .order_by(jobs.c.due_at)
        .limit(sa.bindparam("count", type_=sa.Integer()))
    )


def _taking(connection: Connection, *conditions: sa.ColumnElement[bool]) -> sa.Update:
    return (
        accounts.update()
        .where(*conditions)
        .values(fence=accounts.c.fence + 1)
        .returning(accounts.c.name, accounts.c.fence)
    )


_LEASE = ("lease_owner", "lease_until")
_DUE = Prepared(_due_accounts)
# SQLite knows no such lock, and needs none: it has one writer at a time.
_PICK = Prepared(lambda connection: _due_accounts(connection).with_for_update(of=accounts, skip_locked=True))
_TAKE = Prepared(
    lambda connection: _taking(connection, among(connection, accounts.c.name, "names"), _READY), columns=_LEASE
)
_TAKE_READY = Prepared(
    lambda connection: _taking(
        connection, _NAMED, _READY, sa.exists().where(jobs.c.account == accounts.c.name, jobs.c.due_at <= _NOW)
    ),
    columns=_LEASE,
)
_CLAIM = Prepared(
    lambda _: (
        accounts.update().where(_NAMED, _FREE).values(fence=accounts.c.fence + 1).returning(accounts.c.fence)
    ),
    columns=_LEASE,
)
_KINDS = Prepared(
    lambda connection: (
        sa.select(jobs.c.account, jobs.c.kind)
        .where(among(connection, jobs.c.account, "names"), jobs.c.due_at <= _NOW)
        .order_by(jobs.c.due_at, jobs.c.kind)
    )
)
_EXTEND = Prepared(
    lambda _: accounts.update().where(_HELD, accounts.c.lease_until.is_not(None)), columns=("lease_until",)
)
_RELEASE = Prepared(lambda _: accounts.update().where(_HELD).values(lease_owner="", lease_until=None))
