"""The people behind the authors, and what a CRM holds of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of


class ContactRow(SQLModel, table=True):
    """The person behind one or more authors and CRM records."""

    __tablename__ = "contacts"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    name: str = ""
    created_at: datetime = Field(sa_type=Moment)


class ContactEmailRow(SQLModel, table=True):
    """An e-mail of a contact, in lower case; it belongs to one contact only."""

    __tablename__ = "contact_emails"
    email: str = Field(primary_key=True)
    contact_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id, index=True)


class RecordRow(SQLModel, table=True):
    """A contact's record in one CRM, as it was last seen or pushed."""

    __tablename__ = "records"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    account: str = Field(index=True)
    remote_id: str | None = None
    contact_id: int = Field(foreign_key="contacts.id", sa_type=Id, index=True)
    state: str = "synced"
    hash: int = Field(default=0, sa_type=BigInteger)
    url: str = ""
    error: str = Field(default="", sa_type=Text)
    updated_at: datetime = Field(sa_type=Moment)
    __table_args__ = (Index("records_once", "account", "remote_id", unique=True),)


class NoteRow(SQLModel, table=True):
    """A mention that was written to a CRM record as a note; once."""

    __tablename__ = "notes"
    account: str = Field(primary_key=True)
    mention_id: int = Field(primary_key=True, foreign_key="mentions.id", ondelete="CASCADE", sa_type=Id)
    state: str
    updated_at: datetime = Field(sa_type=Moment)


contacts = table_of(ContactRow)
contact_emails = table_of(ContactEmailRow)
records = table_of(RecordRow)
notes = table_of(NoteRow)
