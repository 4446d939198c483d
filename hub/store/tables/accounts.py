"""Accounts, when their work is due, how it went, their secrets, and what is switched."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary, Text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of


class AccountRow(SQLModel, table=True):
    """One account's health, and the lease that keeps its work serial."""

    __tablename__ = "accounts"
    name: str = Field(primary_key=True)
    platform: str
    identity: str = ""
    display_name: str = ""
    state: str = "active"
    reason: str = ""
    not_before: datetime | None = Field(default=None, sa_type=Moment)
    failures: int = 0
    first_seen_at: datetime = Field(sa_type=Moment)
    last_ok_at: datetime | None = Field(default=None, sa_type=Moment)
    last_error: str = ""
    last_error_at: datetime | None = Field(default=None, sa_type=Moment)
    lease_owner: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=Moment)
    fence: int = Field(default=0, sa_type=BigInteger)
    # What the last check found; `missing` are rights, one a line.
    checked_at: datetime | None = Field(default=None, sa_type=Moment)
    expires_at: datetime | None = Field(default=None, sa_type=Moment)
    token_kind: str = Field(default="", sa_column_kwargs={"server_default": ""})
    missing: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    # How many calls the network said are left, of how many, until when.
    quota_left: int | None = Field(default=None, sa_type=BigInteger)
    quota_limit: int | None = Field(default=None, sa_type=BigInteger)
    quota_until: datetime | None = Field(default=None, sa_type=Moment)


class JobRow(SQLModel, table=True):
    """When a kind of work is due for an account, and when it was done last.

    Before `not_before` the network answers no more of it; at `news_at` it last found something new.
    """

    __tablename__ = "jobs"
    account: str = Field(primary_key=True, foreign_key="accounts.name", ondelete="CASCADE")
    kind: str = Field(primary_key=True)
    due_at: datetime = Field(sa_type=Moment, index=True)
    last_run_at: datetime | None = Field(default=None, sa_type=Moment)
    not_before: datetime | None = Field(default=None, sa_type=Moment)
    news_at: datetime | None = Field(default=None, sa_type=Moment)


class RunRow(SQLModel, table=True):
    """One turn of an account: what it did and how it ended."""

    __tablename__ = "runs"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    account: str = Field(index=True)
    kinds: str
    started_at: datetime = Field(sa_type=Moment)
    ended_at: datetime = Field(sa_type=Moment)
    outcome: str
    counts: str = "{}"
    error: str = ""


class CursorRow(SQLModel, table=True):
    """A plugin's bookmark for one reading verb; `subject` is the query of a search."""

    __tablename__ = "cursors"
    account: str = Field(primary_key=True)
    verb: str = Field(primary_key=True)
    subject: str = Field(default="", primary_key=True)
    cursor: str | None = Field(default=None, sa_type=Text)
    digest: int | None = Field(default=None, sa_type=BigInteger)
    read_at: datetime | None = Field(default=None, sa_type=Moment)
    # When the database was restored from a backup: what is older may have been seen to, by rows that are lost.
    restored_at: datetime | None = Field(default=None, sa_type=Moment)


class SecretRow(SQLModel, table=True):
    """A secret that the hub renews by itself, encrypted; `lease_*` keeps the renewing to one process."""

    __tablename__ = "secrets"
    account: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    nonce: bytes = Field(default=b"", sa_type=LargeBinary)
    sealed: bytes = Field(default=b"", sa_type=LargeBinary)
    lease_owner: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=Moment)


class SwitchRow(SQLModel, table=True):
    """Something that a person has switched for every process on this database; there while it is on."""

    __tablename__ = "switches"
    name: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Moment)
    reason: str = Field(default="", sa_type=Text)
    who: str = ""


accounts = table_of(AccountRow)
jobs = table_of(JobRow)
runs = table_of(RunRow)
cursors = table_of(CursorRow)
secrets = table_of(SecretRow)
switches = table_of(SwitchRow)
