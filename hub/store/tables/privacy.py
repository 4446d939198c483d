"""What people agreed to, who was erased, what of that is still to be done, and when the hub last cleaned up."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of

_OPEN = text("state <> 'done'")


class ConsentRow(SQLModel, table=True):
    """What a person said to a purpose: yes or no. The latest counts, the others are its history.

    `source` is where it came from: "user", "import", or an account's name; `note` is the wording or the place.
    """

    __tablename__ = "consents"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    contact_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id, index=True)
    purpose: str
    granted: bool
    at: datetime = Field(sa_type=Moment)
    source: str = ""
    note: str = Field(default="", sa_type=Text)
    user_id: int | None = Field(default=None, sa_type=Id)


class TombstoneRow(SQLModel, table=True):
    """Something that is never taken in again: `digest` is its HMAC, which tells nobody what it is.

    `kind` is author, handle, mention, email, phone, record or key; "check" is the one by which the key is known.
    """

    __tablename__ = "tombstones"
    __table_args__ = ({"sqlite_with_rowid": False},)
    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    kind: str
    at: datetime = Field(sa_type=Moment)


class ErasureRow(SQLModel, table=True):
    """A person who was erased, by number alone. `proof` is JSON: what was removed, where, and how many."""

    __tablename__ = "erasures"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    person_id: int = Field(sa_type=Id, index=True)
    at: datetime = Field(sa_type=Moment)
    user_id: int | None = Field(default=None, sa_type=Id)
    crms: bool
    state: str
    proof: str = Field(default="[]", sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)


class ErasureStepRow(SQLModel, table=True):
    """What an erasure cannot do at once.

    `kind` is record (to be deleted in a CRM), line (a comment of ours with their words, to be taken away) or
    digest (to be published without them). `ref` is the number of the line or the digest, `remote_id` the record's;
    it is forgotten when the step is done. `state` is open, asked (a person must do it), or done.
    """

    __tablename__ = "erasure_steps"
    __table_args__ = (Index("erasure_steps_open", "erasure_id", sqlite_where=_OPEN, postgresql_where=_OPEN),)
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    erasure_id: int = Field(foreign_key="erasures.id", ondelete="CASCADE", sa_type=Id)
    kind: str
    account: str = ""
    remote_id: str = ""
    ref: int | None = Field(default=None, sa_type=Id)
    mention_id: int | None = Field(default=None, sa_type=Id)
    state: str = "open"
    error: str = Field(default="", sa_type=Text)
    tried_at: datetime | None = Field(default=None, sa_type=Moment)


class ChoreRow(SQLModel, table=True):
    """When something that is done now and then was last begun, by whichever process."""

    __tablename__ = "chores"
    name: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Moment)


consents = table_of(ConsentRow)
tombstones = table_of(TombstoneRow)
erasures = table_of(ErasureRow)
erasure_steps = table_of(ErasureStepRow)
chores = table_of(ChoreRow)
