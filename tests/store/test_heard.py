"""What a person said on all sites, and what was answered, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pages import Page, page_over
from persons import Persons

from hub.models import Author
from hub.store.desk import replies
from hub.store.people import heard
from hub.store.tables import contact_notes


@pytest.fixture
def page(tmp_path: Path, database_url: str) -> Iterator[Page]:
    with page_over(tmp_path, database=database_url) as found:
        yield found


@pytest.fixture
def persons(page: Page) -> Persons:
    return Persons(page)


def answer(page: Page, mention: int, text: str, state: str = "published") -> None:
    now = page.hub.clock()

    def work(connection: sa.Connection) -> None:
        number = replies.begin(connection, mention, "club", text, now)
        replies.finish(connection, number, state=state, remote_id=f"answer-{mention}-{state}")

    page.store.write(work)


def test_the_identities_of_a_person_say_how_much_was_said_and_answered(page: Page, persons: Persons) -> None:
    first = persons.voice("club", "10", "Вера Ли", "Когда?", "Почём?")
    other = persons.voice("shop", "20", "Vera Li", "Hello")
    persons.voice("shop", "30", "Somebody else", "Me too")
    persons.join(first, other)
    (when,) = page.hub.rows("SELECT id FROM mentions WHERE text = 'Когда?'")
    answer(page, when["id"], "В девять")
    with page.store.read() as connection:
        found = heard.voices(connection, first)
        nobody = heard.voices(connection, other)
    assert [(one.platform, one.remote_id, one.card, one.remarks, one.answered) for one in found] == [
        ("village", "10", first, 2, 1),
        ("hamlet", "20", other, 1, 0),
    ]
    assert found[0].first_at is not None
    assert found[0].last_at is not None
    assert found[0].first_at < found[0].last_at
    assert nobody == [], "the number of a card that was joined is not the person's"


def test_the_discussions_of_a_person_come_newest_first_and_in_pages(page: Page, persons: Persons) -> None:
    card = persons.voice("club", "10", "Вера Ли", "one", thread_id="a")
    other = persons.voice("shop", "20", "Vera Li", "two", thread_id="b")
    persons.join(card, other)
    for text, thread in (("three", "c"), ("four", "a")):
        persons.voice("club", "11", "Somebody else", "noise " + text, thread_id=thread)
        persons.page.ingest("club", text, author=_vera(), thread_id=thread)
    with page.store.read() as connection:
        rows = heard.talks(connection, card, 10)
        first = heard.talks(connection, card, 2)
        rest = heard.talks(connection, card, 2, before=first[-1].newest)
        said = heard.said_in(connection, card, [one.discussion for one in rows], each=1)
    assert [one.remarks for one in rows] == [2, 1, 1]
    assert first + rest == rows
    assert [[one.mention.text for one in said[row.discussion]] for row in rows] == [["four"], ["three"], ["two"]]


def _vera() -> Author:
    return Author(remote_id="10", name="Вера Ли", handle="вера", url="https://club.example/вера")


def test_answers_stand_under_what_they_answer_and_failed_ones_do_not(page: Page, persons: Persons) -> None:
    card = persons.voice("club", "10", "Вера Ли", "Когда?", thread_id="a")
    (mention,) = (row["id"] for row in page.hub.rows("SELECT id FROM mentions"))
    answer(page, mention, "never came", state="failed")
    answer(page, mention, "В девять")
    with page.store.read() as connection:
        ((discussion, said),) = heard.said_in(
            connection, card, [one.discussion for one in heard.talks(connection, card, 1)], each=5
        ).items()
    assert discussion > 0
    assert [[one.text for one in each.answers] for each in said] == [["В девять"]]


def test_notes_come_with_who_wrote_them_from_all_cards(page: Page, persons: Persons) -> None:
    card, other = persons.typed(name="Вера"), persons.typed(name="Vera")
    persons.join(card, other)
    anna = page.user("anna")
    now = page.hub.clock()

    def work(connection: sa.Connection) -> None:
        for number, user, text in ((other, anna.id, "likes tea"), (card, None, "by the machine")):
            connection.execute(contact_notes.insert().values(contact_id=number, user_id=user, text=text, at=now))

    page.store.write(work)
    with page.store.read() as connection:
        found = heard.notes_of(connection, card)
    assert [(one.by, one.text) for one in found] == [("Anna", "likes tea"), ("", "by the machine")]


def test_what_waits_is_counted_up_to_a_bound(page: Page, persons: Persons) -> None:
    card = persons.record("crm", "1", name="Вера")
    persons.conflict(card, "company", '""', '"Tea"', '"Coffee"')
    with page.store.read() as connection:
        assert heard.waiting(connection) == (1, 0)
