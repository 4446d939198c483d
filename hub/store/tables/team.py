"""Users, the sessions and tokens that speak for them, failed logins, and the tokens of the first run."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of


class UserRow(SQLModel, table=True):
    """Somebody who works with the hub. `accounts` are names with blanks between, NULL for all."""

    __tablename__ = "users"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    name: str = Field(unique=True)
    display_name: str = ""
    role: str
    password: str = Field(default="", sa_type=Text)
    accounts: str | None = Field(default=None, sa_type=Text)
    language: str = ""
    theme: str = ""
    created_at: datetime = Field(sa_type=Moment)
    seen_at: datetime | None = Field(default=None, sa_type=Moment)
    disabled_at: datetime | None = Field(default=None, sa_type=Moment)


class SessionRow(SQLModel, table=True):
    """A login that holds; `digest` is the SHA-256 of what the browser's cookie says."""

    __tablename__ = "sessions"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE", index=True, sa_type=Id)
    digest: bytes = Field(sa_type=LargeBinary, unique=True)
    created_at: datetime = Field(sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    agent: str = ""
    address: str = ""


class TokenRow(SQLModel, table=True):
    """A token of the API; `digest` is its SHA-256, `scopes` are permissions with blanks between."""

    __tablename__ = "tokens"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE", index=True, sa_type=Id)
    name: str
    digest: bytes = Field(sa_type=LargeBinary, unique=True)
    scopes: str
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime | None = Field(default=None, sa_type=Moment)
    used_at: datetime | None = Field(default=None, sa_type=Moment)


class LoginAttemptRow(SQLModel, table=True):
    """A login that failed or is being tried; the name is a digest, for people type passwords there by mistake."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("login_attempts_by_address", "address", "at"),
        Index("login_attempts_by_name", "name", "at"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    address: str
    name: str
    at: datetime = Field(sa_type=Moment)


class SetupTokenRow(SQLModel, table=True):
    """What lets the first owner in, while there is no user."""

    __tablename__ = "setup_tokens"
    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    created_at: datetime = Field(sa_type=Moment)


users = table_of(UserRow)
sessions = table_of(SessionRow)
tokens = table_of(TokenRow)
login_attempts = table_of(LoginAttemptRow)
setup_tokens = table_of(SetupTokenRow)
