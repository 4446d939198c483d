"""Count what accounts and apps may do, for all machines."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Change nothing yet."""
