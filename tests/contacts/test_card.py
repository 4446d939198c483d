"""The card of a person takes as many statements however much there is of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pages import Page, page_over
from persons import Persons

from hub.contacts import card as loading
from hub.contacts import summary
from hub.errors import UsageError
from hub.models import Author


@pytest.fixture
def page(tmp_path: Path, database_url: str) -> Iterator[Page]:
    with page_over(tmp_path, database=database_url) as found:
        yield found


@pytest.fixture
def persons(page: Page) -> Persons:
    return Persons(page)


def statements(page: Page, work: Any) -> int:
    """Count the statements that a piece of work takes."""
    seen: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(page.store.engine, "before_cursor_execute", count)
    try:
        work()
    finally:
        sa.event.remove(page.store.engine, "before_cursor_execute", count)
    return len([one for one in seen if one.lstrip().upper().startswith(("SELECT", "WITH"))])


def test_a_large_card_takes_as_many_statements_as_a_small_one(page: Page, persons: Persons) -> None:
    small = persons.voice("club", "10", "Вера Ли", "one")
    persons.join(small, persons.record("crm", "small", name="Вера"))
    large = [persons.voice("club", "20", "Зоя Ким", "one", thread_id="z")]
    for number in range(30):
        large.append(persons.voice("shop", f"z{number}", f"Zoya {number}", "hello", thread_id=f"z{number % 7}"))
        large.append(persons.record("crm", f"r{number}", name=f"Zoya {number}", company=f"Tea {number}"))
        persons.conflict(large[-1], "company", '""', '"a"', '"b"')
        who = Author(remote_id="20", name="Зоя Ким", handle="зоя")
        page.ingest("club", f"words {number}", author=who, thread_id=f"t{number}")
    persons.join(*large)
    first = statements(page, lambda: loading.load(page.store, small))
    second = statements(page, lambda: loading.load(page.store, large[0]))
    found = loading.load(page.store, large[0])
    assert (len(found.parts), len(found.talks), len(found.questions)) == (61, loading.TALKS, 30)
    assert found.older is not None
    assert second == first
    assert first <= 30


def test_all_pages_of_a_card_together_hold_each_discussion_once(page: Page, persons: Persons) -> None:
    card = persons.voice("club", "10", "Вера Ли", "words", thread_id="t")
    who = Author(remote_id="10", name="Вера Ли", handle="вера")
    for number in range(25):
        page.ingest("club", f"words {number}", author=who, thread_id=f"t{number}")
    seen: list[int] = []
    before = None
    for _ in range(3):
        found = loading.load(page.store, card, before=before)
        seen += [one.talk.discussion for one in found.talks]
        before = found.older
    assert before is None, "three pages hold them all"
    assert len(seen) == len(set(seen)) == 26


def test_what_is_asked_first_counts_all_sites_and_no_record_that_is_gone(page: Page, persons: Persons) -> None:
    card = persons.voice("club", "10", "Вера Ли", "one", "two")
    other = persons.voice("shop", "20", "Vera Li", "three")
    record = persons.record("crm", "1", name="Вера")
    gone = persons.record("old", "2", name="Вера")
    persons.join(card, other, record, gone)
    page.store.write(
        lambda connection: connection.execute(sa.text("UPDATE records SET state = 'gone' WHERE account = 'old'"))
    )
    with page.store.read() as connection:
        found = summary.of(connection, other)
        nobody = summary.of(connection, 999)
    assert found is not None
    assert (found.person_id, found.remarks, [one.account for one in found.records]) == (card, 3, ["crm"])
    assert nobody is None


def test_nobody_has_no_card(page: Page) -> None:
    with pytest.raises(UsageError, match="there is no contact 7"):
        loading.load(page.store, 7)
