"""Count what accounts and apps may do, for all machines; remember when a kind of work may go on, and had news."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "buckets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("hour_at", sa.BigInteger(), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("jobs", sa.Column("not_before", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("news_at", sa.BigInteger(), nullable=True))
