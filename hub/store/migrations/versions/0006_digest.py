"""Keep the digests that are published, what their comments say, who is in none, and a post's own HTML."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVE = sa.text("state <> 'ended'")
_DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("posts", sa.Column("html", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "digests",
        sa.Column("id", _ID, nullable=False),
        sa.Column("discussion_id", _ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("post_id", _ID, nullable=True),
        sa.Column("hash", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["discussion_id"], ["discussions.id"]),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "digests_once",
        "digests",
        ["discussion_id", "kind", "account", "target"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_index(op.f("ix_digests_discussion_id"), "digests", ["discussion_id"], unique=False)
    op.create_index(op.f("ix_digests_post_id"), "digests", ["post_id"], unique=False)
    op.create_table(
        "digest_lines",
        sa.Column("id", _ID, nullable=False),
        sa.Column("digest_id", _ID, nullable=False),
        sa.Column("mention_id", _ID, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("thread_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("parent", _ID, nullable=True),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("author_url", sa.Text(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.Column("sent_hash", sa.BigInteger(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("looked", sa.Integer(), nullable=False),
        sa.Column("first_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=True),
        sa.Column("permalink", sa.Text(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["digest_id"], ["digests.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["mention_id"], ["mentions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("digest_lines_once", "digest_lines", ["digest_id", "mention_id"], unique=True)
    op.create_index(
        "digest_lines_due", "digest_lines", ["account", "due_at"], sqlite_where=_DUE, postgresql_where=_DUE
    )
    op.create_index("digest_lines_remote", "digest_lines", ["account", "remote_id"], unique=False)
    op.create_index(op.f("ix_digest_lines_mention_id"), "digest_lines", ["mention_id"], unique=False)
    op.create_table(
        "left_out",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "author_id"),
    )
