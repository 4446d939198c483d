"""Number what changes, so that a page can be told."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    pass
