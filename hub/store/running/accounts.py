"""Accounts: their health, when their work is due, and how it went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.discussions import ours
from hub.store.prepared import Prepared
from hub.store.running import changes, waking
from hub.store.tables import Moment, accounts, jobs, runs


class Health(NamedTuple):
    """What the hub knows of an account's state."""

    name: str
    platform: str
    identity: str
    display_name: str
    state: str
    reason: str
    not_before: datetime | None
    last_ok_at: datetime | None
    last_error: str
    last_error_at: datetime | None
    checked_at: datetime | None
    expires_at: datetime | None
    token_kind: str
    missing: str
    quota_left: int | None
    quota_limit: int | None
    quota_until: datetime | None
    failures: int


def register(
    connection: Connection,
    platforms: Mapping[str, str],
    kinds: Mapping[str, Sequence[str]],
    now: datetime,
    first_runs: Callable[[Sequence[str]], Mapping[str, datetime]] | None = None,
) -> None:
    """Make rows for accounts and their kinds of work that have none.

    They are due at once, or when `first_runs` says of the accounts that it is given.
    """
    known = dict(connection.execute(sa.select(accounts.c.name, accounts.c.platform)).all())
    fresh = [
        {
            "name": name,
            "platform": platform,
            "identity": "",
            "display_name": "",
            "state": "active",
            "reason": "",
            "failures": 0,
            "first_seen_at": now,
            "last_error": "",
            "lease_owner": "",
            "fence": 0,
        }
        for name, platform in platforms.items()
        if name not in known
    ]
    if fresh:
        connection.execute(upsert(connection, accounts).on_conflict_do_nothing(), fresh)
    for name, platform in platforms.items():
        if known.get(name, platform) != platform:
            connection.execute(accounts.update().where(accounts.c.name == name).values(platform=platform))
    have = {(row.account, row.kind) for row in connection.execute(sa.select(jobs.c.account, jobs.c.kind))}
    missing = [(name, kind) for name in platforms for kind in kinds[name] if (name, kind) not in have]
    if missing:
        names = list(dict.fromkeys(name for name, _ in missing))
        times = first_runs(names) if first_runs else dict.fromkeys(names, now)
        rows = [{"account": name, "kind": kind, "due_at": times[name]} for name, kind in missing]
        connection.execute(upsert(connection, jobs).on_conflict_do_nothing(), rows)


def next_due(connection: Connection) -> datetime | None:
    """Return when the earliest job of an active account is due."""
    found: datetime | None = connection.execute(
        sa.select(jobs.c.due_at)
        .join(accounts, accounts.c.name == jobs.c.account)
        .where(accounts.c.state == "active")
        .order_by(jobs.c.due_at)
        .limit(1)
    ).scalar()
    return found


_NAMED = accounts.c.name == sa.bindparam("at_name")


def reschedule(
    connection: Connection, account: str, kinds: Mapping[str, datetime], ran_at: datetime | None
) -> None:
    """Set when these kinds of work are due again."""
    for kind, due_at in kinds.items():
        if ran_at is None:
            _MOVE.run(connection, at_account=account, at_kind=kind, due_at=due_at)
        else:
            _RAN.run(connection, at_account=account, at_kind=kind, due_at=due_at, last_run_at=ran_at)
    if kinds:
        waking.note(connection, [account], min(kinds.values()))


_JOB = sa.and_(jobs.c.account == sa.bindparam("at_account"), jobs.c.kind == sa.bindparam("at_kind"))
_MOVE = Prepared(lambda _: jobs.update().where(_JOB), columns=("due_at",))
_RAN = Prepared(lambda _: jobs.update().where(_JOB), columns=("due_at", "last_run_at"))


def last_run(connection: Connection, account: str, kind: str) -> datetime | None:
    """Return when a kind of work was last done for an account."""
    found: datetime | None = connection.execute(
        sa.select(jobs.c.last_run_at).where(jobs.c.account == account, jobs.c.kind == kind)
    ).scalar()
    return found


def hasten(connection: Connection, names: Iterable[str], kind: str, due_at: datetime) -> None:
    """Let a kind of work be due at `due_at`, unless it is due earlier, or the network does not answer it yet."""
    wanted = list(names)
    wished = sa.literal(due_at, type_=Moment())
    answered = sa.case((jobs.c.not_before > wished, jobs.c.not_before), else_=wished)
    earlier = jobs.c.due_at > answered
    if connection.dialect.name == "sqlite":
        changed = jobs.update().where(earlier).values(due_at=answered)
    else:
        # Also what is due already is written, to hold the row until the commit: see `hold_jobs`.
        changed = jobs.update().values(due_at=sa.case((earlier, answered), else_=jobs.c.due_at))
    connection.execute(changed.where(jobs.c.account.in_(wanted), jobs.c.kind == kind))
    waking.note(connection, wanted, due_at)


def hold_jobs(connection: Connection, account: str) -> None:
    """Let nobody hasten the account's work until the commit; what somebody did is seen from here on.

    A turn's end asks what is still to be done and sets when it is due. On PostgreSQL something else may be
    accepted between the two, by a transaction that found the work due already and had no reason to hasten it.
    """
    if connection.dialect.name == "postgresql":
        _HOLD_JOBS.rows(connection, at_account=account)


_HOLD_JOBS = Prepared(
    lambda _: (
        sa.select(jobs.c.kind)
        .where(jobs.c.account == sa.bindparam("at_account"))
        .order_by(jobs.c.kind)
        .with_for_update()
    )
)


def jobs_of(connection: Connection, account: str) -> dict[str, datetime]:
    """Return when each kind of an account's work is due next."""
    rows = connection.execute(
        sa.select(jobs.c.kind, jobs.c.due_at).where(jobs.c.account == account).order_by(jobs.c.kind)
    )
    return {row.kind: row.due_at for row in rows}


def make_all_due(connection: Connection, now: datetime) -> None:
    """Let everything be due now, also what a network asked to wait for."""
    connection.execute(jobs.update().where(jobs.c.due_at > now).values(due_at=now, not_before=None))
    connection.execute(accounts.update().where(accounts.c.not_before > now).values(not_before=None))


def pause(connection: Connection, name: str, reason: str, now: datetime) -> bool:
    """Stop the account's work and keep its queue; True if it was not paused before."""
    changed = connection.execute(
        accounts.update()
        .where(accounts.c.name == name, accounts.c.state != "paused")
        .values(state="paused", reason=reason, last_error=reason, last_error_at=now)
    )
    if changed.rowcount == 1:
        changes.note(connection, "accounts")
    return changed.rowcount == 1


def is_paused(connection: Connection, name: str) -> bool:
    """Tell whether the account's work is stopped."""
    return connection.execute(sa.select(accounts.c.state).where(accounts.c.name == name)).scalar() == "paused"


def resume(
    connection: Connection,
    name: str,
    identity: str,
    display_name: str,
    now: datetime,
    *,
    token_kind: str = "",
    missing: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> None:
    """Note that the credentials work, whose they are and what they lack; a paused account goes on.

    A network that asked to be left alone, or that takes no posts, may well say who we are: that wait stays.
    """
    known = sa.select(accounts.c.platform, accounts.c.identity, accounts.c.state).where(accounts.c.name == name)
    before = connection.execute(known).first()
    if before is not None and before.state == "paused":
        for kind in jobs_of(connection, name):
            hasten(connection, [name], kind, now)
    if before is not None and before.identity != identity:
        # What the account said was stored as anybody's while nobody knew who it is.
        ours.recognise(connection, before.platform, identity)
    paused = accounts.c.state == "paused"
    connection.execute(
        accounts.update()
        .where(accounts.c.name == name)
        .values(
            state="active",
            reason="",
            identity=identity,
            display_name=display_name,
            failures=sa.case((paused, 0), else_=accounts.c.failures),
            last_ok_at=now,
            not_before=sa.case((paused, None), else_=accounts.c.not_before),
            checked_at=now,
            token_kind=token_kind,
            missing="\n".join(missing),
            expires_at=expires_at,
        )
    )
    changes.note(connection, "accounts")


def note_success(connection: Connection, name: str, now: datetime) -> None:
    _SUCCEEDED.run(connection, at_name=name, last_ok_at=now)


_SUCCEEDED = Prepared(
    lambda _: accounts.update().where(_NAMED).values(failures=0, last_error="", not_before=None),
    columns=("last_ok_at",),
)


def note_failure(
    connection: Connection, name: str, error: str, now: datetime, not_before: datetime | None, failures: int
) -> None:
    """Note what went wrong; with `not_before` leave the account alone until then.

    `failures` are the turns in a row, this one counted, in which the network could not be used.
    """
    connection.execute(
        accounts.update()
        .where(accounts.c.name == name)
        .values(failures=failures, last_error=error, last_error_at=now, not_before=not_before)
    )
    changes.note(connection, "accounts")


def note_error(connection: Connection, name: str, error: str, now: datetime) -> None:
    """Note what went wrong outside of a turn; the account goes on as before."""
    connection.execute(
        accounts.update().where(accounts.c.name == name).values(last_error=error, last_error_at=now)
    )
    changes.note(connection, "accounts")


def note_quota(
    connection: Connection, name: str, left: int | None, most: int | None, until: datetime | None
) -> None:
    """Note how many calls the network said are left of `most`, and until when."""
    connection.execute(
        accounts.update()
        .where(accounts.c.name == name)
        .values(quota_left=left, quota_limit=most, quota_until=until)
    )


def failures(connection: Connection, name: str) -> int:
    """Return in how many turns in a row the network could not be used."""
    return int(connection.execute(sa.select(accounts.c.failures).where(accounts.c.name == name)).scalar() or 0)


def identity(connection: Connection, name: str) -> str:
    """Return the account's own remote id, "" if it was never checked."""
    found = _IDENTITY.rows(connection, at_name=name)
    return str(found[0][0]) if found else ""


_IDENTITY = Prepared(lambda _: sa.select(accounts.c.identity).where(_NAMED))


def all_health(connection: Connection) -> list[Health]:
    rows = connection.execute(
        sa.select(*(accounts.c[field] for field in Health._fields)).order_by(accounts.c.name)
    )
    return [Health(*row) for row in rows]


def add_run(
    connection: Connection,
    account: str,
    kinds: Iterable[str],
    started_at: datetime,
    ended_at: datetime,
    outcome: str,
    counts: str,
    error: str,
) -> None:
    _ADD_RUN.run(
        connection,
        account=account,
        kinds=" ".join(kinds),
        started_at=started_at,
        ended_at=ended_at,
        outcome=outcome,
        counts=counts,
        error=error,
    )


_ADD_RUN = Prepared(
    lambda _: runs.insert().inline(),
    columns=("account", "kinds", "started_at", "ended_at", "outcome", "counts", "error"),
)


def recent_runs(connection: Connection, account: str, limit: int = 20) -> list[dict[str, object]]:
    rows = connection.execute(
        sa.select(runs).where(runs.c.account == account).order_by(runs.c.id.desc()).limit(limit)
    )
    return [dict(row) for row in rows.mappings()]
