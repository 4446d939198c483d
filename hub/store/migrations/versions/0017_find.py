"""Hold long values, and know what a restore puts in doubt."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

# What networks count, and numbers of users.
_WIDER = (
    ("accounts", "quota_left"),
    ("accounts", "quota_limit"),
    ("drafts", "author_id"),
    ("draft_events", "by_id"),
)


def upgrade() -> None:
    op.add_column("activity_rules", sa.Column("restored_at", sa.BigInteger(), nullable=True))
    op.add_column("cursors", sa.Column("restored_at", sa.BigInteger(), nullable=True))
    op.add_column("digests", sa.Column("restored_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE contacts SET name = substr(name, 1, 500) WHERE length(name) > 500")
    if op.get_bind().dialect.name == "postgresql":
        # SQLite's whole numbers are of any size.
        for table, column in _WIDER:
            op.alter_column(table, column, type_=sa.BigInteger())
        op.drop_index("contact_values_once", "contact_values")
        op.create_index(
            "contact_values_hashed", "contact_values", ["contact_id", "field", sa.text("md5(value)")], unique=True
        )
