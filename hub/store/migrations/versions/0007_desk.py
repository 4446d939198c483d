"""Let a team work through mentions: states, people, labels, private notes, saved replies, and a search."""

import sqlalchemy as sa
import sqlalchemy.dialects.postgresql
from alembic import op

revision = "0007"
down_revision = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _widen_mentions()
    _widen_replies()
    _make_desk()
    _make_search()
    _fill()


def _widen_mentions() -> None:
    op.add_column("mentions", sa.Column("status", sa.String(), server_default="new", nullable=False))
    op.add_column("mentions", sa.Column("assignee_id", sa.BigInteger(), nullable=True))
    op.add_column("mentions", sa.Column("snoozed_until", sa.BigInteger(), nullable=True))
    op.add_column("mentions", sa.Column("answered_at", sa.BigInteger(), nullable=True))


def _index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "mentions", columns, sqlite_where=condition, postgresql_where=condition)


def _widen_replies() -> None:
    op.add_column("replies", sa.Column("by_id", sa.BigInteger(), nullable=True))
    op.add_column("replies", sa.Column("by_name", sa.String(), server_default="", nullable=False))
    with op.batch_alter_table("replies") as batch:
        batch.add_column(sa.Column("key", sa.String(), nullable=True))
        batch.create_unique_constraint("replies_key_key", ["key"])
    op.create_index("replies_remote", "replies", ["account", "remote_id"])


def _of_mention(primary: bool = False) -> sa.Column[int]:
    return sa.Column(
        "mention_id", _ID, sa.ForeignKey("mentions.id", ondelete="CASCADE"), nullable=False, primary_key=primary
    )


def _who() -> list[sa.Column[object]]:
    return [
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
    ]


def _make_desk() -> None:
    op.create_table(
        "labels",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
    )
    op.create_table(
        "mention_labels",
        sa.Column("label_id", _ID, sa.ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True),
        _of_mention(primary=True),
    )
    op.create_table(
        "desk_notes",
        sa.Column("id", _ID, primary_key=True),
        _of_mention(),
        *_who(),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "desk_events",
        sa.Column("id", _ID, primary_key=True),
        _of_mention(),
        *_who(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    for table in ("mention_labels", "desk_notes", "desk_events"):
        op.create_index(f"ix_{table}_mention_id", table, ["mention_id"])
    op.create_table(
        "readers",
        sa.Column("user_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("read_to", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "reads",
        sa.Column("user_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        _of_mention(primary=True),
        sa.Column("unread", sa.Boolean(), nullable=False),
    )
    op.create_index("reads_unread", "reads", ["user_id", "unread", "mention_id"])
    op.create_table(
        "claims", _of_mention(primary=True), *_who(), sa.Column("until", sa.BigInteger(), nullable=False)
    )
    op.create_table(
        "saved_replies",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "saved_views",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
    )
    op.create_index("saved_views_once", "saved_views", ["user_id", "name"], unique=True)


# PostgreSQL folds by the database's locale, which may know English alone; and it keeps addresses and compounds
# whole, where FTS5 sees words.
_LARGE = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯҐЄІЇЎЂЈЉЊЋЏёÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖòóôõöÙÚÛÜùúûüÝýÿŠšŽžČč"
_SMALL = "абвгдеежзийклмнопрстуфхцчшщъыьэюяґєіїўђјљњћџеaaaaaaaaaaaacceeeeeeeeiiiiiiiinnoooooooooouuuuuuuuyyysszzcc"
_MARKS = '-./@:;,!?_#$%^&*()[]{}<>=+|~`"\\'
_JOINED = "FROM mentions m LEFT JOIN authors a ON a.platform = m.platform AND a.remote_id = m.author_id"
_AUTHOR = "coalesce(a.name, '') || ' ' || coalesce(a.handle, '')"


def _make_search() -> None:
    """Make the index of words: full text on both databases, each with its own means."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE mention_search USING fts5"
            "(text, author, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0)"
        )
        text, author = (
            f"replace(replace(substr({column}, 1, 100000), 'ё', 'е'), 'Ё', 'Е')" for column in ("m.text", _AUTHOR)
        )
        op.execute(
            "INSERT INTO mention_search (rowid, text, author) "
            f"SELECT m.id, {text}, {author} {_JOINED} WHERE m.deleted_at IS NULL"
        )
        return
    marks = _MARKS.replace(":", "\\:")
    op.execute(
        "CREATE FUNCTION hub_folded(said TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ "
        f"SELECT translate(lower(left(said, 100000)), '{_LARGE}{marks}', '{_SMALL}{' ' * len(_MARKS)}') $$"
    )
    # A word of nobody's between the parts: no phrase reaches over.
    gap = "$gap$'¶'\\:1$gap$\\:\\:tsvector"
    op.execute(
        "CREATE FUNCTION hub_words(said TEXT, author TEXT) RETURNS TSVECTOR LANGUAGE sql IMMUTABLE PARALLEL SAFE "
        f"AS $$ SELECT to_tsvector('simple', hub_folded(said)) || {gap} "
        f"|| to_tsvector('russian', hub_folded(said)) || {gap} "
        "|| setweight(to_tsvector('simple', hub_folded(author)), 'A') $$"
    )
    op.create_table(
        "mention_search",
        sa.Column(
            "mention_id",
            sa.BigInteger(),
            sa.ForeignKey("mentions.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("words", sa.dialects.postgresql.TSVECTOR(), nullable=False),
    )
    said = f"SELECT m.id, hub_words(m.text, {_AUTHOR})"
    op.execute(f"INSERT INTO mention_search {said} {_JOINED} WHERE m.deleted_at IS NULL")
    op.create_index("mention_search_words", "mention_search", ["words"], postgresql_using="gin")


def _fill() -> None:
    """Say which mentions are our own, and which are answered; the rest is new."""
    op.execute(
        "UPDATE mentions SET status = 'ours' WHERE EXISTS (SELECT 1 FROM accounts a "
        "WHERE a.platform = mentions.platform AND a.identity <> '' AND a.identity = mentions.author_id)"
    )
    op.execute(
        "UPDATE mentions SET status = 'ours' WHERE EXISTS (SELECT 1 FROM replies r "
        "WHERE r.account = mentions.account AND r.remote_id = mentions.remote_id)"
    )
    op.execute(
        "UPDATE mentions SET status = 'waiting', answered_at = (SELECT max(r.created_at) FROM replies r "
        "WHERE r.mention_id = mentions.id AND r.state = 'published') "
        "WHERE status = 'new' AND EXISTS (SELECT 1 FROM replies r "
        "WHERE r.mention_id = mentions.id AND r.state = 'published')"
    )
    op.create_index("mentions_of_status", "mentions", ["status", "id"])
    op.create_index("mentions_of_account", "mentions", ["account", "status", "id"])
    op.create_index("mentions_of_author", "mentions", ["platform", "author_id", "id"])
    _index("mentions_of_kind", ["kind", "status", "id"], "kind IN ('mention', 'review', 'message')")
    _index("mentions_assigned", ["assignee_id", "status", "id"], "assignee_id IS NOT NULL")
    _index("mentions_ours", ["platform", "parent_id"], "status = 'ours'")
