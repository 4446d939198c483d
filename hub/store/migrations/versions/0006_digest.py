"""Keep the digests that are published, and what they showed last."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    pass
