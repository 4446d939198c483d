"""Make the table of switches, and the indexes that the governor and the settling of doubts look things up by."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "switches",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "deliveries_attempted",
            ["account", "first_attempt_at"],
            unique=False,
            sqlite_where=sa.text("first_attempt_at IS NOT NULL"),
            postgresql_where=sa.text("first_attempt_at IS NOT NULL"),
        )
        batch_op.create_index(
            "deliveries_in_doubt",
            ["account", "due_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('sending', 'unknown', 'asked')"),
            postgresql_where=sa.text("state IN ('sending', 'unknown', 'asked')"),
        )
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_posts_publish_at"), ["publish_at"], unique=False)
