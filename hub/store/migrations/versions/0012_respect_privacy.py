"""Keep what people agreed to, and the hashes of those who were erased."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables of privacy."""
