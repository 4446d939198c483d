"""Keep what was told to a CRM by rule, each thing once."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PAGE = 1000
# What was in doubt a person decides; it was never looked for, and never sent again.
_STATES = {"sent": "sent", "failed": "failed"}


def upgrade() -> None:
    op.create_table(
        "activity_rules",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("mention_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "rule"),
    )
    op.create_table(
        "activities",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("make", sa.String(), nullable=False),
        sa.Column("mention_id", _ID, nullable=True),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["mention_id"], ["mentions.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_activities_mention_id"), "activities", ["mention_id"], unique=False)
    op.create_index("activities_once", "activities", ["account", "rule", "key"], unique=True)
    for name, columns, condition in (
        ("activities_to_tell", ["account", "id"], "state IN ('queued', 'waiting')"),
        ("activities_sending", ["account"], "state = 'sending'"),
        ("activities_asked", ["account"], "state = 'asked'"),
    ):
        op.create_index(
            name,
            "activities",
            columns,
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    _take_over_the_notes()
    op.drop_table("notes")


def _take_over_the_notes() -> None:
    connection = op.get_bind()
    page = sa.text(
        "SELECT n.account, n.mention_id, n.state, n.updated_at, m.platform, m.remote_id"
        " FROM notes n JOIN mentions m ON m.id = n.mention_id"
        " WHERE (n.account, n.mention_id) > (:account, :mention_id) ORDER BY n.account, n.mention_id LIMIT :page"
    )
    insert = sa.text(
        "INSERT INTO activities (account, rule, make, mention_id, key, state, attempts, fence, record_id,"
        " remote_id, url, error, created_at, updated_at) VALUES (:account, '', 'note', :mention_id, :key, :state,"
        " 1, 0, '', '', '', '', :at, :at)"
    )
    account, mention_id = "", 0
    while True:
        rows = connection.execute(page, {"account": account, "mention_id": mention_id, "page": _PAGE}).all()
        if not rows:
            return
        connection.execute(insert, [_activity(row) for row in rows])
        account, mention_id = rows[-1].account, rows[-1].mention_id


def _activity(row: Any) -> dict[str, object]:
    account, mention_id, state, at, platform, remote_id = row
    return {
        "account": account,
        "mention_id": mention_id,
        "key": _key((platform, remote_id)),
        "state": _STATES.get(state, "asked"),
        "at": at,
    }


def _key(fields: Sequence[str]) -> int:
    """Hash as the program does it: a migration must go on meaning what it meant."""
    joined = "\x1f".join(fields).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), "big", signed=True)
