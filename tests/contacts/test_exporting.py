"""Export: everything held of one person is in it, from every table, and says where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from planted import NOW, plant

from hub.contacts.privacy import exporting
from hub.errors import UsageError
from hub.store import Store, migrate, tables
from hub.store.privacy import held


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    yield opened
    opened.close()


def test_every_table_says_whether_it_holds_something_of_a_person() -> None:
    """A new table without a word here fails: it would be left out of every export and every erasure."""
    known = [part.table.name for part in held.PARTS] + list(held.APART)
    assert sorted(known) == sorted(tables.metadata.tables)


def test_every_table_that_holds_something_of_a_person_is_planted(store: Store) -> None:
    planted = plant(store)
    assert {table for table, _ in planted.words} | {"contact_apart", "left_out", "mention_labels"} == {
        part.table.name for part in held.PARTS
    }


def test_the_export_has_every_word_that_is_held_of_a_person(store: Store) -> None:
    planted = plant(store)
    dossier = exporting.everything(store, planted.person, NOW)
    by_table = {section.name: json.dumps(section.rows, default=str) for section in dossier.sections}
    missing = [place for place, word in planted.words.items() if word not in by_table.get(place[0], "")]
    assert missing == []


def test_any_number_of_a_person_names_them(store: Store) -> None:
    planted = plant(store)
    assert exporting.everything(store, planted.person + 1, NOW).person == planted.person


def test_the_export_is_json_with_its_format_and_the_words_of_each_table(store: Store) -> None:
    planted = plant(store)
    document = json.loads(exporting.everything(store, planted.person, NOW).encoded())
    assert (document["format"], document["person"]) == ("crosshub person 1", planted.person)
    assert all(section["about"] and section["rows"] for section in document["sections"])
    said = next(section for section in document["sections"] if section["name"] == "mentions")
    assert {row["id"] for row in said["rows"]} == {
        planted.mentions[name] for name in ("first", "second", "answer")
    }


def test_the_export_of_one_has_nothing_of_another(store: Store) -> None:
    planted = plant(store)
    of_boris = exporting.everything(store, planted.boris, NOW).encoded().decode()
    theirs = {section["name"] for section in json.loads(of_boris)["sections"]}
    assert theirs == {"contacts", "contact_evidence", "contact_apart"}


def test_nobody_is_not_exported(store: Store) -> None:
    with pytest.raises(UsageError, match="there is no contact 99"):
        exporting.everything(store, 99, NOW)
