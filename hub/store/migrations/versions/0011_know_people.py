"""Keep each source's card of a person, what joins cards, what both sides last agreed on, and what was before."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person_id", _ID, nullable=True))
        batch_op.add_column(sa.Column("origin", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("changed_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("unmatched", sa.Integer(), server_default="1", nullable=False))
        batch_op.create_index(batch_op.f("ix_contacts_person_id"), ["person_id"], unique=False)
    op.execute("UPDATE contacts SET person_id = id")
    op.create_index(
        "contacts_by_name",
        "contacts",
        ["name", "id"],
        unique=False,
        sqlite_where=sa.text("person_id = id"),
        postgresql_where=sa.text("person_id = id"),
    )
    op.create_index(
        "contacts_unmatched",
        "contacts",
        ["id"],
        unique=False,
        sqlite_where=sa.text("unmatched = 1"),
        postgresql_where=sa.text("unmatched = 1"),
    )
    op.create_table(
        "contact_values",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("many", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("user_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("contact_values_once", "contact_values", ["contact_id", "field", "value"], unique=True)
    op.create_index(
        "contact_values_by_key",
        "contact_values",
        ["key", "field"],
        unique=False,
        sqlite_where=sa.text("key != ''"),
        postgresql_where=sa.text("key != ''"),
    )
    op.execute(
        "INSERT INTO contact_values (contact_id, field, value, many, key, at, source)"
        " SELECT contact_id, 'emails', email, 1, email, 0, '' FROM contact_emails"
    )
    op.execute(
        "INSERT INTO contact_values (contact_id, field, value, many, key, at, source)"
        " SELECT id, 'name', name, 0, '', 0, '' FROM contacts WHERE name != ''"
    )
    op.drop_table("contact_emails")
    op.create_table(
        "contact_evidence",
        sa.Column("id", _ID, nullable=False),
        sa.Column("one_id", _ID, nullable=False),
        sa.Column("other_id", _ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user_id", _ID, nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["one_id"], ["contacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other_id"], ["contacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "contact_evidence_once", "contact_evidence", ["one_id", "other_id", "kind", "value"], unique=True
    )
    for name, column, condition in (
        ("contact_evidence_joined", "other_id", "state = 'joined'"),
        ("contact_evidence_proposed", "id", "state = 'proposed'"),
    ):
        op.create_index(
            name,
            "contact_evidence",
            [column],
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "contact_apart",
        sa.Column("one_id", _ID, nullable=False),
        sa.Column("other_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(["one_id"], ["contacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other_id"], ["contacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("one_id", "other_id"),
    )
    op.create_index(op.f("ix_contact_apart_other_id"), "contact_apart", ["other_id"], unique=False)
    with op.batch_alter_table("records", schema=None) as batch_op:
        batch_op.add_column(sa.Column("base", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("theirs", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("version", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("key", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("missing", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("changed_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("due", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("sent", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("forms", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "records_due",
        "records",
        ["account"],
        unique=False,
        sqlite_where=sa.text("due = 1"),
        postgresql_where=sa.text("due = 1"),
    )
    for name, columns, condition in (
        ("records_unsettled", ["account", "state"], "state <> 'synced'"),
        ("records_missing", ["account"], "missing > 0"),
    ):
        op.create_index(
            name,
            "records",
            columns,
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_index(
        "records_by_key",
        "records",
        ["account", "key"],
        unique=True,
        sqlite_where=sa.text("key != ''"),
        postgresql_where=sa.text("key != ''"),
    )
    op.create_table(
        "contact_questions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_id", _ID, nullable=False),
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("user_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_contact_questions_contact_id"), "contact_questions", ["contact_id"], unique=False)
    op.create_index(
        "contact_questions_once",
        "contact_questions",
        ["record_id", "kind", "field"],
        unique=True,
        sqlite_where=sa.text("answered_at IS NULL"),
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_table(
        "contact_history",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("user_id", _ID, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_contact_history_contact_id"), "contact_history", ["contact_id"], unique=False)
    op.create_table(
        "contact_notes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_contact_notes_contact_id"), "contact_notes", ["contact_id"], unique=False)
    with op.batch_alter_table("authors", schema=None) as batch_op:
        batch_op.add_column(sa.Column("links", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("verified_links", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("known", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "authors_unknown",
        "authors",
        ["platform", "remote_id"],
        unique=False,
        sqlite_where=sa.text("hash != known"),
        postgresql_where=sa.text("hash != known"),
    )
