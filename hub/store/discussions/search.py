"""The index of words: what was said and by whom, found by beginnings of words and by phrases.

On SQLite it is an FTS5 table (`unicode61`: words, whatever their case and accents), on PostgreSQL a `tsvector`
with the words as they stand and their Russian and English stems (`hub_words`, made by the migration). Both hold
what stands now: a deleted remark is not found.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import regex
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.tables import mentions

# What FTS5's unicode61 takes for a part of a word; it takes accents off Latin letters, and й stays й.
_ACCENTED = regex.compile(r"(\p{Latin})\p{Mn}+")
_TOKEN = regex.compile(r"[\p{L}\p{N}\p{Co}][\p{L}\p{N}\p{Co}\p{Mn}]*")


class Term(NamedTuple):
    """Something to look for: a word's beginning, or the very words of a `phrase`; in the author's name alone, or
    anywhere."""

    text: str
    phrase: bool = False
    negated: bool = False
    author: bool = False


def tokens(text: str) -> list[str]:
    """Cut a text into the words that the index knows: in small letters, without accents, with ё as е."""
    bare = _ACCENTED.sub(r"\1", unicodedata.normalize("NFD", text.lower()))
    return _TOKEN.findall(unicodedata.normalize("NFC", bare).replace("ё", "е"))


search = sa.table(
    "mention_search", sa.column("rowid", sa.BigInteger), sa.column("mention_id", sa.BigInteger), sa.column("words")
)


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


# A word of so few letters is looked for as a whole.
_SHORT = 2
_AUTHOR = "coalesce(a.name, '') || ' ' || coalesce(a.handle, '')"
# Longer texts are searched up to here, as they are by `hub_words`, which the migration makes on PostgreSQL.
_MOST = 100_000


def _folded(expression: str) -> str:
    return f"replace(replace(substr({expression}, 1, {_MOST}), 'ё', 'е'), 'Ё', 'Е')"


# So far back a transaction may be that took its numbers earlier and is committed later.
_LATE = 10_000
_FROM = (
    "FROM mentions m LEFT JOIN authors a ON a.platform = m.platform AND a.remote_id = m.author_id "
    "WHERE m.deleted_at IS NULL AND"
)
_THESE = "IN (SELECT value FROM json_each(?))"
_INTO = {
    "sqlite": (
        "INSERT INTO mention_search (rowid, text, author) "
        f"SELECT m.id, {_folded('m.text')}, {_folded(_AUTHOR)} {_FROM}"
    ),
    "postgresql": (
        f"INSERT INTO mention_search (mention_id, words) SELECT m.id, hub_words(m.text, {_AUTHOR}) {_FROM}"
    ),
}


def is_behind(connection: Connection) -> bool:
    """Tell whether there are mentions that the index does not know yet."""
    query = sa.select(mentions.c.id).where(mentions.c.id > reach(connection), mentions.c.deleted_at.is_(None))
    return connection.execute(query.limit(1)).first() is not None


def catch_up(connection: Connection, most: int = 2000) -> None:
    """Put what is not in the index yet into it, by one statement, the oldest first.

    To take words apart costs as much as all the rest of storing a page, so it is not done in the page's
    transaction: the index follows at the end of a turn. What a crash kept from it is taken in by the next one.
    """
    query = _INTO[connection.dialect.name]
    if is_sqlite(connection):
        connection.exec_driver_sql(f"{query} m.id > ? ORDER BY m.id LIMIT ?", (reach(connection), most))
    else:
        # Numbers are given out before they are committed: one that is a little lower may come later.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(4857394)")
        missing = "NOT EXISTS (SELECT 1 FROM mention_search s WHERE s.mention_id = m.id)"
        query = f"{query} m.id > %s AND {missing} ORDER BY m.id LIMIT %s"
        connection.exec_driver_sql(query, (reach(connection) - _LATE, most))


def reach(connection: Connection) -> int:
    """Return the newest mention that is in the index."""
    return connection.execute(sa.select(sa.func.max(number(connection)))).scalar() or 0


def number(connection: Connection) -> sa.ColumnElement[int]:
    """Return the column of the index that numbers the mention."""
    return search.c.rowid if is_sqlite(connection) else search.c.mention_id


def follow(connection: Connection, ids: Sequence[int]) -> None:
    """Let the index say what these mentions say now, as far as it has come."""
    newest = reach(connection)
    head = _INTO[connection.dialect.name]
    for some in chunks(ids):
        connection.execute(search.delete().where(number(connection).in_(some)))
    if is_sqlite(connection):
        connection.exec_driver_sql(f"{head} m.id <= ? AND m.id {_THESE}", (newest, json.dumps(list(ids))))
    else:
        connection.exec_driver_sql(f"{head} m.id <= %s AND m.id = ANY(%s)", (newest, list(ids)))


def matches(connection: Connection, terms: Sequence[Term]) -> sa.ColumnElement[bool]:
    """Return the condition on a row of the index that all terms hold; at least one must not be negated."""
    if is_sqlite(connection):
        return sa.literal_column("mention_search").op("MATCH")(_fts(terms))
    return search.c.words.op("@@")(_tsquery(terms))


def lacks(connection: Connection, terms: Sequence[Term]) -> sa.ColumnElement[bool]:
    """Return the condition on a mention that none of the terms holds."""
    some = [matches(connection, [term._replace(negated=False)]) for term in terms]
    row = number(connection)
    return sa.and_(*(~sa.exists().select_from(search).where(row == mentions.c.id, one) for one in some))


def _fts(terms: Sequence[Term]) -> str:
    """Write terms for FTS5; every word is quoted, so that none is an operator."""
    wanted = " AND ".join(_fts_term(term) for term in terms if not term.negated)
    for term in terms:
        if term.negated:
            wanted = f"({wanted}) NOT {_fts_term(term)}"
    return wanted


def _fts_term(term: Term) -> str:
    quoted = '"' + " ".join(tokens(term.text)) + '"'
    return f"({'author : ' if term.author else ''}{quoted}{' *' if _begins(term) else ''})"


def _begins(term: Term) -> bool:
    """Tell whether the beginning of a word is enough: with two letters half of all words begin."""
    return not term.phrase and len(tokens(term.text)[-1]) > _SHORT


def _tsquery(terms: Sequence[Term]) -> sa.ColumnElement[Any]:
    found: sa.ColumnElement[Any] | None = None
    for term in terms:
        one = _tsterm(term)
        if term.negated:
            one = sa.func.tsquery_not(one)
        found = one if found is None else sa.func.tsquery_and(found, one)
    assert found is not None
    return found


def _tsterm(term: Term) -> sa.ColumnElement[Any]:
    """A word matches by its beginning, or by its stem; a phrase as it stands."""
    words = [f"'{token}'" for token in tokens(term.text)]
    mark = ("*" if _begins(term) else "") + ("A" if term.author else "")
    if term.author:
        words = [f"{word}:A" for word in words[:-1]] + words[-1:]
    words[-1] += f":{mark}" if mark else ""
    literal = sa.cast(sa.literal(" <-> ".join(words), sa.Text), _TsQuery())
    if term.phrase or term.author or len(words) > 1:
        return literal
    return sa.func.tsquery_or(literal, sa.func.to_tsquery(sa.text("'russian'"), tokens(term.text)[0]))


class _TsQuery(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "TSQUERY"
