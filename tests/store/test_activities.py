"""What is told to a CRM, in the store: old notes are taken over, and nothing new costs next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from contacts.telling import NOW, Scene

from hub.store import Store, migrate, tables
from hub.store.crm import activity_rules
from hub.store.database import upsert

OLD = datetime(2025, 5, 1, tzinfo=UTC)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def scene(store: Store, tmp_path: Path) -> Scene:
    migrate.upgrade(store)
    return Scene(store, tmp_path)


def fill(connection: Any, name: str, *rows: dict[str, Any]) -> None:
    """Store rows as an older version of the program did."""
    for row in rows:
        names = ", ".join(row)
        connection.execute(
            sa.text(f"INSERT INTO {name} ({names}) VALUES ({', '.join(':' + key for key in row)})"), row
        )


def test_the_notes_of_an_older_version_are_known_and_not_told_again(
    bare_database_url: str, tmp_path: Path
) -> None:
    from alembic import command

    store = Store.open(bare_database_url)
    with store.engine.begin() as connection:
        command.upgrade(migrate._config(connection), "0012")
    said = {"platform": "vk", "account": "club", "kind": "comment", "thread_id": 1, "author_id": "anna", "url": ""}
    times = {"sent_at": 1, "seen_at": 1, "hash": 1, "missed": 0}
    with store.engine.begin() as connection:
        empty = dict.fromkeys(("identity", "display_name", "reason", "last_error", "lease_owner"), "")
        club = {"name": "club", "platform": "vk", "state": "active", "failures": 0, "fence": 0, "first_seen_at": 1}
        fill(connection, "accounts", club | empty)
        fill(connection, "discussions", {"id": 1, "title": "", "url": "", "created_at": 1})
        place = {"id": 1, "account": "club", "remote_id": "p1", "url": "", "discussion_id": 1, "changed_at": 1}
        fill(connection, "threads", {**place, "polled": False, "gone": 0})
        for number, state in enumerate(("sent", "unknown", "sending", "failed"), 1):
            fill(connection, "mentions", {"id": number, "remote_id": f"c{number}", "text": "Hi", **said, **times})
            note = {"account": "crm", "mention_id": number, "state": state, "updated_at": 5}
            fill(connection, "notes", note)
    assert migrate.upgrade(store) is True
    scene = Scene(store, tmp_path)
    assert [(row.rule, row.mention_id, row.state) for row in scene.rows()] == [
        ("", 1, "sent"),
        ("", 2, "asked"),
        ("", 3, "asked"),
        ("", 4, "failed"),
    ]
    scene.know("Anna", "77")
    scene.tell()
    assert scene.crm.notes == []
    store.close()


def test_a_mention_whose_number_was_given_out_before_that_of_another_is_not_missed(scene: Scene) -> None:
    scene.start('[activities.all]\nto = "crm"')
    scene.now += timedelta(minutes=1)
    late = scene.say("Numbered first")
    scene.say("Numbered second")
    scene.know("Anna", "77")
    row = scene.store.write(
        lambda c: c.execute(tables.mentions.select().where(tables.mentions.c.id == late)).one()
    )
    scene.store.write(lambda c: c.execute(tables.mentions.delete().where(tables.mentions.c.id == late)))
    scene.tell()
    scene.store.write(lambda c: c.execute(upsert(c, tables.mentions).values(row._asdict())))
    scene.tell()
    # SQLite has one writer at a time: there numbers come in order, and nobody looks back.
    assert [note.text[-6:] for _, note in scene.crm.notes] == (
        ["second"] if scene.store.is_sqlite else ["second", " first"]
    )


def test_what_the_index_of_words_does_not_know_yet_is_looked_at_later(scene: Scene) -> None:
    scene.start('[activities.all]\nto = "crm"\nwhen = "price"')
    said = scene.say("The price?")
    with scene.store.read() as connection:
        (rule,) = activity_rules.rules(connection).values()
        early = activity_rules.news(connection, rule, NOW - timedelta(days=1), scene.now, 10, said - 1)
        later = activity_rules.news(connection, rule, NOW - timedelta(days=1), scene.now, 10, said)
    assert (early.mentions, early.mention_id) == ([], rule.mention_id)
    assert (later.mentions, later.mention_id) == ([said], said)


def test_a_look_at_nothing_new_is_a_few_reads(scene: Scene) -> None:
    scene.start("".join(f'[activities.r{n}]\nto = "crm"\nwhen = "platform:vk"\n' for n in range(3)))
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.tell()
    # On PostgreSQL what came a moment ago is looked at twice.
    scene.now += timedelta(hours=1)
    turn_fence = scene.begin_turn()
    statements: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement.split(None, 1)[0])

    sa.event.listen(scene.store.engine, "before_cursor_execute", count)
    scene.tell(fence=turn_fence)
    sa.event.remove(scene.store.engine, "before_cursor_execute", count)
    asked = [one for one in statements if one not in ("BEGIN", "ROLLBACK")]
    assert set(asked) == {"SELECT"}
    assert len(asked) == 3 + 3
