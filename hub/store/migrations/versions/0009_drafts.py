"""Keep drafts, their approval, and a version of a post for each account."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "post_versions",
        sa.Column("post_id", _Id, sa.ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("account", sa.String(), sa.ForeignKey("accounts.name"), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "drafts",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("title", "link", "utm_source", "utm_medium", "utm_campaign", "advertiser", "erid")
        ),
        sa.Column("publish_at", sa.BigInteger(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("post_id", _Id, sa.ForeignKey("posts.id", ondelete="SET NULL"), nullable=True),
    )
    op.create_index("drafts_by_state", "drafts", ["state", "updated_at"])
    op.create_index("ix_drafts_publish_at", "drafts", ["publish_at"])
    op.create_table(
        "draft_targets",
        sa.Column("draft_id", _Id, sa.ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
    )
    op.create_table(
        "draft_media",
        sa.Column("draft_id", _Id, sa.ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        sa.Column("sha256", sa.String(), sa.ForeignKey("media.sha256"), nullable=False),
        sa.Column("alt", sa.Text(), nullable=False),
    )
    op.create_table(
        "draft_events",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("draft_id", _Id, sa.ForeignKey("drafts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_index("ix_draft_events_draft_id", "draft_events", ["draft_id"])
    op.create_table(
        "uploads",
        sa.Column("sha256", sa.String(), sa.ForeignKey("media.sha256", ondelete="CASCADE"), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_uploads_at", "uploads", ["at"])
