"""Keep where remarks lead to, which threads were joined for it, and which remarks are one."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    pass
