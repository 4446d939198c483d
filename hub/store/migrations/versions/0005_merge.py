"""Keep where remarks lead to, which threads were joined for it, and which remarks are one."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STANDS = sa.text("undone_at IS NULL")


def upgrade() -> None:
    _note_what_is_new()
    op.create_table(
        "mention_links",
        sa.Column("mention_id", _ID, sa.ForeignKey("mentions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("place", sa.BigInteger(), primary_key=True),
        sa.Column("url", sa.Text(), nullable=False),
    )
    op.create_index("mention_links_place", "mention_links", ["place"])
    op.create_table(
        "addresses",
        sa.Column("place", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("ref", sa.BigInteger(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "marks",
        sa.Column("key", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("mention_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    _make_joins()
    _make_repeats()


def _note_what_is_new() -> None:
    """Let what is there already be looked at once: every thread, and every mention from the first on."""
    op.add_column("mentions", sa.Column("links", sa.Text(), server_default="", nullable=False))
    op.add_column("mentions", sa.Column("unmerged", sa.Integer(), server_default="0", nullable=False))
    op.add_column("threads", sa.Column("unmerged", sa.Integer(), server_default="1", nullable=False))
    for table in ("mentions", "threads"):
        where = sa.text("unmerged = 1")
        op.create_index(f"{table}_unmerged", table, ["id"], sqlite_where=where, postgresql_where=where)
    op.create_index("mentions_in_order", "mentions", ["account", "id"])


def _why() -> list[sa.Column[object]]:
    return [
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=False),
    ]


def _make_joins() -> None:
    op.create_table(
        "joins",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("thread_id", _ID, sa.ForeignKey("threads.id"), nullable=False),
        sa.Column("discussion_id", _ID, sa.ForeignKey("discussions.id"), nullable=False),
        sa.Column("from_discussion_id", _ID, sa.ForeignKey("discussions.id"), nullable=False),
        sa.Column("via", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("was_polled", sa.Boolean(), nullable=False),
        *_why(),
    )
    for column in ("thread_id", "discussion_id", "from_discussion_id"):
        op.create_index(f"ix_joins_{column}", "joins", [column])
    op.create_index(
        "joins_once",
        "joins",
        ["thread_id", "discussion_id"],
        unique=True,
        sqlite_where=_STANDS,
        postgresql_where=_STANDS,
    )


def _make_repeats() -> None:
    op.create_table(
        "repeats",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("first_id", _ID, sa.ForeignKey("mentions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("mention_id", _ID, sa.ForeignKey("mentions.id", ondelete="CASCADE"), nullable=False),
        *_why(),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_repeats_mention_id", "repeats", ["mention_id"])
    op.create_index("repeats_once", "repeats", ["first_id", "mention_id"], unique=True)
