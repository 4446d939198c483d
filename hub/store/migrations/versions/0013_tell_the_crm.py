"""Keep what was told to a CRM by rule, each thing once."""

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables of activities."""
