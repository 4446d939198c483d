"""What is known of a kind of work beyond its due time: when it had news, and when the network answers it again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.prepared import Prepared
from hub.store.tables import accounts, jobs

_JOB = sa.and_(jobs.c.account == sa.bindparam("at_account"), jobs.c.kind == sa.bindparam("at_kind"))


def news_at(connection: Connection, account: str, kind: str) -> datetime | None:
    """Return when something was last heard or sent there; None if that was never noted."""
    found = _NEWS_AT.rows(connection, at_account=account, at_kind=kind)
    return found[0][0] if found else None


_NEWS_AT = Prepared(lambda _: sa.select(jobs.c.news_at).where(_JOB))


def note_news(connection: Connection, account: str, kind: str, now: datetime) -> None:
    """Note that something was heard or sent."""
    _NEWS.run(connection, at_account=account, at_kind=kind, news_at=now)


_NEWS = Prepared(lambda _: jobs.update().where(_JOB), columns=("news_at",))


def wait_until(connection: Connection, account: str, kind: str, until: datetime) -> None:
    """Note that the network answers no more of this work before then: nothing makes it due earlier."""
    _WAIT.run(connection, at_account=account, at_kind=kind, not_before=until)


_WAIT = Prepared(lambda _: jobs.update().where(_JOB), columns=("not_before",))


def leave_alone(connection: Connection, account: str, until: datetime) -> None:
    """Let the account have no turn before then, though nothing is wrong with it."""
    _LEAVE.run(connection, at_name=account, not_before=until)


_LEAVE = Prepared(
    lambda _: accounts.update().where(accounts.c.name == sa.bindparam("at_name")), columns=("not_before",)
)
