"""Let a team work through mentions: states, people, labels, private notes, saved replies, and a search."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass
