"""Keep drafts, their approval, and a version of a post for each account."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass
