"""Know the workers, and let each periodic work happen once."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Change nothing yet."""
