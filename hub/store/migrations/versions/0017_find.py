"""Find people by parts of their names."""

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Change nothing yet."""
