"""Keep the class of each attempt's answer, what was decided, and when each bookmark was last moved."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("answer", sa.String(), server_default="", nullable=False))
    op.add_column("attempts", sa.Column("next_at", sa.BigInteger(), nullable=True))
    op.add_column("cursors", sa.Column("read_at", sa.BigInteger(), nullable=True))
    # A bookmark from before was moved at the last run of its kind of work at the latest.
    op.execute(
        "UPDATE cursors SET read_at = (SELECT j.last_run_at FROM jobs j WHERE j.account = cursors.account "
        "AND j.kind = CASE WHEN cursors.verb = 'contacts' THEN 'contacts' ELSE 'listen' END)"
    )
