"""A person of whom every table holds something: a word of its own in every text that may be theirs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store import Store, tables
from hub.store.discussions import search
from hub.store.privacy import held
from hub.store.running import accounts

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

# What the hub or the team writes into these columns, never somebody outside.
OURS = {
    *("platform", "account", "kind", "state", "status", "origin", "source", "event", "hook", "action", "purpose"),
    *("by", "by_name", "undone_by", "rule", "make", "template", "error_code", "kinds", "outcome", "counts"),
    *("message", "token_kind", "missing", "lease_owner", "cursor", "identity", "display_name"),
}
# A comment of ours is ours: where it stands, and the id that the network gave it.
OURS_THERE = {
    ("digest_lines", "remote_id"),
    ("digest_lines", "permalink"),
    ("digest_lines", "thread_id"),
    ("replies", "key"),
    ("accounts", "name"),
}


def word_of(table: str, column: str) -> str:
    """Return the word that is planted in a column: of letters alone, so that every index knows it."""
    digest = blake2b(f"{table}.{column}".encode(), digest_size=10).hexdigest()
    return "zq" + "".join(chr(ord("a") + int(digit, 16)) for digit in digest)


@dataclass
class Planted:
    """What was planted: the person's number, another person's, and the words by table and column."""

    person: int = 0
    boris: int = 0
    thread: int = 0
    mentions: dict[str, int] = field(default_factory=dict)
    words: dict[tuple[str, str], str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


class Planter:
    """Plants rows, with a word in every text that is not given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.planted = Planted()

    def row(self, table: sa.Table, **given: Any) -> Any:
        """Insert a row of the person's; return its first key."""
        values: dict[str, Any] = {}
        texts = held.texts_of(table)
        for column in table.columns:
            if column.name in given:
                values[column.name] = given[column.name]
            elif any(column is text for text in texts):
                values[column.name] = self._word(table, column.name)
            elif column.primary_key or column.nullable:
                continue
            elif isinstance(column.type, tables.Moment):
                values[column.name] = NOW
            else:
                values[column.name] = 0
        key = next(iter(table.primary_key.columns))
        return self._connection.execute(table.insert().values(values).returning(key)).scalar_one()

    def _word(self, table: sa.Table, column: str) -> str:
        if column in OURS or (table.name, column) in OURS_THERE:
            return f"{column}-{len(self.planted.words)}" if column == "key" else ""
        word = word_of(table.name, column)
        self.planted.words[table.name, column] = word
        return word

    def word(self, table: sa.Table, column: str) -> str:
        """Plant a word inside of a text that the caller writes."""
        return self._word(table, column)


def plant(store: Store) -> Planted:
    """Plant Anna, with something in every table, and Boris, who answered her."""
    store.write(accounts.register, {"one": "village", "crm": "rolodex"}, {"one": [], "crm": []}, NOW)
    planted = store.write(_plant)
    store.write(search.catch_up)
    return planted


def _plant(connection: Connection) -> Planted:
    planter = Planter(connection)
    anna = _person(planter, connection)
    _said(planter, connection, anna)
    return planter.planted


def _person(planter: Planter, connection: Connection) -> int:
    t, row, planted = tables, planter.row, planter.planted
    anna = row(t.contacts, origin="author")
    other = row(t.contacts, origin="record", person_id=anna)
    boris = connection.execute(
        t.contacts.insert()
        .values(name="Boris Petrov", origin="author", created_at=NOW, unmatched=0)
        .returning(t.contacts.c.id)
    ).scalar_one()
    for number, person in ((anna, anna), (boris, boris)):
        connection.execute(t.contacts.update().where(t.contacts.c.id == number).values(person_id=person))
    planted.person, planted.boris = anna, boris
    row(t.contact_values, contact_id=anna, field="emails", many=1)
    row(t.contact_values, contact_id=other, field="company")
    row(t.contact_evidence, one_id=anna, other_id=other, state="joined", weight=1.0)
    row(t.contact_evidence, one_id=anna, other_id=boris, state="refused", weight=0.5)
    row(t.contact_apart, one_id=anna, other_id=boris)
    record = row(t.records, account="crm", contact_id=other, state="synced", hash=1)
    row(t.contact_questions, kind="conflict", record_id=record, contact_id=other)
    row(t.contact_history, contact_id=anna)
    row(t.contact_notes, contact_id=other)
    row(t.consents, contact_id=anna, purpose="news", granted=True)
    return int(anna)


def _said(planter: Planter, connection: Connection, anna: int) -> None:
    t, row, planted = tables, planter.row, planter.planted
    author = planter.word(t.authors, "remote_id")
    row(t.authors, platform="village", remote_id=author, contact_id=anna)
    row(t.left_out, platform="village", author_id=author)
    discussion = connection.execute(
        t.discussions.insert().values(title="", url="", created_at=NOW).returning(t.discussions.c.id)
    ).scalar_one()
    root = word_of("mentions", "remote_id")
    # Boris speaks in the thread under her post, which therefore stays.
    thread = row(t.threads, account="one", remote_id=root, discussion_id=discussion, cursor=None)
    said = {"platform": "village", "account": "one", "kind": "comment", "thread_id": thread, "hash": 7}
    mine = {**said, "author_id": author, "status": "new"}
    first = row(t.mentions, **{**mine, "parent_id": None})
    second = row(t.mentions, **{**mine, "remote_id": "anna-2", "parent_id": None})
    answer = row(
        t.mentions, **{**said, "author_id": "us", "status": "ours", "remote_id": "us-1", "parent_id": root}
    )
    boris = _boris(connection, said, root)
    planted.thread = thread
    planted.mentions = {"first": first, "second": second, "answer": answer, "boris": boris}
    row(t.mention_versions, mention_id=first)
    row(t.mention_links, mention_id=first, place=5)
    row(
        t.repeats,
        first_id=first,
        mention_id=second,
        confidence=0.9,
        facts=json.dumps({"who": planter.word(t.repeats, "facts")}),
    )
    row(t.replies, mention_id=first, account="one", state="published")
    row(t.desk_notes, mention_id=first)
    row(t.desk_events, mention_id=first)
    label = connection.execute(
        t.labels.insert().values(key="hot", name="hot").returning(t.labels.c.id)
    ).scalar_one()
    row(t.mention_labels, label_id=label, mention_id=first)
    row(t.activities, mention_id=first, account="crm", rule="leads", make="lead", state="sent", key=3)
    digest = connection.execute(
        t.digests.insert()
        .values(discussion_id=discussion, kind="comments", account="one", created_at=NOW, updated_at=NOW)
        .returning(t.digests.c.id)
    ).scalar_one()
    row(
        t.digest_lines,
        digest_id=digest,
        mention_id=second,
        account="one",
        state="published",
        remote_id="ours-77",
        thread_id="elsewhere",
        parent_id=root,
        hash=3,
        sent_hash=3,
    )
    row(t.notices, hook="shop", event="mention.received", body=_notice(planter, first), state="queued", rank=1)
    url = word_of("mentions", "url")
    facts = json.dumps({"url": "https://shop.example/post", "remark": url})
    row(
        t.joins,
        thread_id=thread,
        discussion_id=discussion,
        from_discussion_id=discussion,
        kind="post",
        facts=facts,
        confidence=0.9,
    )
    profile = word_of("authors", "url")
    row(t.runs, account="one", error=f"the network refused {profile} twice")
    connection.execute(
        t.accounts.update()
        .where(t.accounts.c.name == "one")
        .values(last_error=f"no answer about {profile}", reason=f"see {profile}")
    )
    planted.words["runs", "error"] = planted.words["accounts", "last_error"] = profile
    planted.words["joins", "facts"] = url


def _boris(connection: Connection, said: dict[str, Any], parent: str) -> int:
    """Let Boris answer Anna; what he says is his."""
    t = tables
    connection.execute(
        t.authors.insert().values(
            platform="village", remote_id="boris-1", name="Boris", handle="boris", url="", emails="", hash=1
        )
    )
    values = {**said, "author_id": "boris-1", "remote_id": "boris-says", "parent_id": parent, "status": "new"}
    row = t.mentions.insert().values(**values, text="I agree", url="", sent_at=NOW, seen_at=NOW)
    return int(connection.execute(row.returning(t.mentions.c.id)).scalar_one())


def _notice(planter: Planter, mention: int) -> str:
    return json.dumps(
        {"type": "mention.received", "data": {"mention": mention, "text": planter.word(tables.notices, "body")}}
    )
