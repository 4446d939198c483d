"""The people behind the authors: their cards, what is held of them, what joins them, their records in a CRM."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Index, Text, literal_column, text
from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Id, Moment, table_of

_JOINED = text("state = 'joined'")
_PROPOSED = text("state = 'proposed'")
_OPEN = text("answered_at IS NULL")
_DUE = text("due = 1")
# What matching has not looked at yet.
UNMATCHED: ColumnElement[bool] = literal_column("unmatched = 1")
# Records about which something is to be done, and those that a read of all has not shown.
UNSETTLED: ColumnElement[bool] = literal_column("state <> 'synced'")
MISSING: ColumnElement[bool] = literal_column("missing > 0")
# The card that has the number of its person. SQLite takes an index with a condition only where a query repeats it.
FIRST: ColumnElement[bool] = literal_column("person_id = id")
# What can be looked up by its key.
KEYED: ColumnElement[bool] = literal_column("key != ''")


class ContactRow(SQLModel, table=True):
    """A card: what one source says of a person. Cards that evidence joins are one person, the contact.

    `person_id` is the lowest number among the joined cards, and the contact's number; a card that is joined with
    none has its own. `name` is what the person is called, kept on the card that has the person's number.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        Index("contacts_by_name", "name", "id", sqlite_where=FIRST, postgresql_where=FIRST),
        Index("contacts_unmatched", "id", sqlite_where=UNMATCHED, postgresql_where=UNMATCHED),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    person_id: int | None = Field(default=None, sa_type=Id, index=True)
    name: str = ""
    origin: str = Field(default="", sa_column_kwargs={"server_default": ""})
    created_at: datetime = Field(sa_type=Moment)
    changed_at: datetime | None = Field(default=None, sa_type=Moment)
    deleted_at: datetime | None = Field(default=None, sa_type=Moment)
    unmatched: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class ContactValueRow(SQLModel, table=True):
    """What a card holds in one field; a list has a row for each of its values, which are `many`.

    `key` is the value as it is compared (an e-mail, a phone number in E.164), "" where it is not. Of the cards of
    one person the value that was chosen last, by `at`, is the person's; what lost a choice has 1970.
    `source` is an account's name, "user", "import" or "author".
    """

    __tablename__ = "contact_values"
    __table_args__ = (
        Index("contact_values_once", "contact_id", "field", "value", unique=True).ddl_if(dialect="sqlite"),
        # PostgreSQL holds no long value in an index.
        Index("contact_values_hashed", "contact_id", "field", text("md5(value)"), unique=True).ddl_if(
            dialect="postgresql"
        ),
        Index("contact_values_by_key", "key", "field", sqlite_where=KEYED, postgresql_where=KEYED),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    contact_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id)
    field: str
    value: str = Field(sa_type=Text)
    many: int = 0
    key: str = ""
    at: datetime = Field(sa_type=Moment)
    source: str = ""
    user_id: int | None = Field(default=None, sa_type=Id)


class EvidenceRow(SQLModel, table=True):
    """Why two cards may be one person: `state` is joined, proposed, refused or undone.

    `kind` is email, phone, link, record, handle, name or word (a person's); `value` what is the same; `source` who
    says so (an account, "user"); `weight` is between 0 and 1. `one_id` is the lower number.
    """

    __tablename__ = "contact_evidence"
    __table_args__ = (
        Index("contact_evidence_once", "one_id", "other_id", "kind", "value", unique=True),
        Index("contact_evidence_joined", "other_id", sqlite_where=_JOINED, postgresql_where=_JOINED),
        Index("contact_evidence_proposed", "id", sqlite_where=_PROPOSED, postgresql_where=_PROPOSED),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    one_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id)
    other_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id)
    kind: str
    value: str = ""
    source: str = ""
    weight: float
    state: str
    at: datetime = Field(sa_type=Moment)
    user_id: int | None = Field(default=None, sa_type=Id)
    decided_at: datetime | None = Field(default=None, sa_type=Moment)


class ApartRow(SQLModel, table=True):
    """Two cards that a person said are not the same; nothing but a person's word joins them again."""

    __tablename__ = "contact_apart"
    one_id: int = Field(primary_key=True, foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id)
    other_id: int = Field(primary_key=True, foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id, index=True)
    at: datetime = Field(sa_type=Moment)
    user_id: int | None = Field(default=None, sa_type=Id)


class RecordRow(SQLModel, table=True):
    """A card's record in one CRM, as it was last seen or pushed.

    `base` is the last state common to both sides, `theirs` what the CRM held when it was last read, each as JSON
    of names and values. `key` is our id for a creation, found again after a lost answer. `state` is synced,
    sending, unknown, failed, asked, deleting, kept or gone. `missing` counts the full reads in which a record did
    not come. `due` is 1 when the person may have changed since it was compared. `sent` is what was pushed last and
    not seen since, `forms` what the CRM makes of values that it was given, both JSON.
    """

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
    base: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    theirs: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    version: str = Field(default="", sa_column_kwargs={"server_default": ""})
    key: str = Field(default="", sa_column_kwargs={"server_default": ""})
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    missing: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    changed_at: datetime | None = Field(default=None, sa_type=Moment)
    due: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    sent: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    forms: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    __table_args__ = (
        Index("records_once", "account", "remote_id", unique=True),
        Index("records_due", "account", sqlite_where=_DUE, postgresql_where=_DUE),
        Index("records_unsettled", "account", "state", sqlite_where=UNSETTLED, postgresql_where=UNSETTLED),
        Index("records_missing", "account", sqlite_where=MISSING, postgresql_where=MISSING),
        Index(
            "records_by_key",
            "account",
            "key",
            unique=True,
            sqlite_where=text("key != ''"),
            postgresql_where=text("key != ''"),
        ),
    )


class QuestionRow(SQLModel, table=True):
    """What only a person can decide about a record: `kind` is conflict, gone_there, gone_here, create or delete.

    A conflict is about one `field`; `base`, `ours` and `theirs` are JSON. `answer` is ours, theirs, or a value's
    JSON; for the others what is to be done.
    """

    __tablename__ = "contact_questions"
    __table_args__ = (
        Index(
            "contact_questions_once",
            "record_id",
            "kind",
            "field",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    kind: str
    record_id: int = Field(foreign_key="records.id", ondelete="CASCADE", sa_type=Id)
    contact_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id, index=True)
    field: str = ""
    base: str = Field(default="", sa_type=Text)
    ours: str = Field(default="", sa_type=Text)
    theirs: str = Field(default="", sa_type=Text)
    at: datetime = Field(sa_type=Moment)
    answer: str | None = Field(default=None, sa_type=Text)
    answered_at: datetime | None = Field(default=None, sa_type=Moment)
    user_id: int | None = Field(default=None, sa_type=Id)


class ContactHistoryRow(SQLModel, table=True):
    """What a field of a card was before, and who changed it: nothing that was typed is lost without this."""

    __tablename__ = "contact_history"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    contact_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id, index=True)
    field: str
    before: str = Field(default="", sa_type=Text)
    after: str = Field(default="", sa_type=Text)
    why: str = ""
    source: str = ""
    user_id: int | None = Field(default=None, sa_type=Id)
    at: datetime = Field(sa_type=Moment)


class ContactNoteRow(SQLModel, table=True):
    """What one of the team noted about a person, for the team alone."""

    __tablename__ = "contact_notes"
    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    contact_id: int = Field(foreign_key="contacts.id", ondelete="CASCADE", sa_type=Id, index=True)
    user_id: int | None = Field(default=None, sa_type=Id)
    text: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Moment)


contacts = table_of(ContactRow)
contact_values = table_of(ContactValueRow)
contact_evidence = table_of(EvidenceRow)
contact_apart = table_of(ApartRow)
records = table_of(RecordRow)
contact_questions = table_of(QuestionRow)
contact_history = table_of(ContactHistoryRow)
contact_notes = table_of(ContactNoteRow)
