"""Make users, their sessions, tokens and failed logins."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass
