"""What a digest holds: the lines that stand, and nothing of what was taken back or of who wants to be in none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from discussions.digesting import Stage, staged
from sqlalchemy.engine import Connection

from hub.discussions.digest import Line, clean, safe_url
from hub.discussions.rendering import FORMS, render
from hub.store.discussions import left_out


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with staged(tmp_path, database_url) as stage:
        yield stage


def told(lines: list[Line]) -> list[tuple[int, str, str]]:
    return [(line.depth, line.author, line.text) if line.place else (line.depth, "", "") for line in lines]


def everything(stage: Stage) -> str:
    return "\n".join(render(stage.digest(), form) for form in FORMS)


def test_each_line_has_its_author_site_time_and_permalink_and_stands_under_what_it_answers(stage: Stage) -> None:
    first = stage.say("one", "Anna", "Is there a decaf?")
    stage.say("one", "Boris", "There is", first)
    stage.say("blog", "Clara", "Well done")
    stage.listen()
    found = stage.digest()
    assert sorted(told(list(found.lines))) == [
        (0, "Anna", "Is there a decaf?"),
        (0, "Clara", "Well done"),
        (1, "Boris", "There is"),
    ]
    line = next(line for line in found.lines if line.author == "Anna")
    assert line.place is not None
    assert line.place.site == "village.example"
    assert line.place.url == f"https://village.example/{stage.post['one']}#{first}"
    assert line.place.at == stage.doubles["one"].remarks[first].sent_at.replace(
        microsecond=line.place.at.microsecond
    )
    answer = next(line for line in found.lines if line.author == "Boris")
    assert answer.parent == line.key
    assert found.url == "https://company.example/news"


def test_an_edit_is_shown_with_the_newest_text_alone(stage: Stage) -> None:
    said = stage.say("one", "Anna", "It was bad")
    stage.listen()
    stage.doubles["one"].edit_remark(said, "It was good")
    stage.listen()
    (line,) = stage.digest().lines
    assert (line.text, line.edited_at is not None) == ("It was good", True)
    shown = everything(stage)
    assert "It was bad" not in shown
    assert shown.count("edited ") >= len(FORMS) - 1


def test_of_a_deleted_remark_nothing_stays_but_the_gap_that_others_answer(stage: Stage) -> None:
    said = stage.say("one", "Anna", "Something unwise")
    stage.say("one", "Boris", "Why so?", said)
    alone = stage.say("one", "Clara", "Also unwise")
    stage.listen()
    for remark in (said, alone):
        stage.doubles["one"].delete_remark(remark)
    stage.listen(2)
    assert told(list(stage.digest().lines)) == [(0, "", ""), (1, "Boris", "Why so?")]
    shown = everything(stage)
    for word in ("unwise", "Anna", "Clara", f"#{said}", f"#{alone}"):
        assert word not in shown, word


def test_who_is_left_out_is_in_no_form_until_they_are_let_in(stage: Stage) -> None:
    said = stage.say("one", "Anna", "I said this")
    stage.say("one", "Boris", "Noted", said)
    stage.listen()
    with stage.store.read() as connection:
        author = left_out.author_of(connection, stage.number("I said this"))
    assert author is not None
    before = everything(stage)
    assert stage.store.write(left_out.add, *author, stage.hub.clock())
    assert not stage.store.write(left_out.add, *author, stage.hub.clock())
    assert told(list(stage.digest().lines)) == [(0, "", ""), (1, "Boris", "Noted")]
    assert "Anna" not in everything(stage)
    assert "I said this" not in everything(stage)
    assert stage.store.write(left_out.remove, *author)
    assert everything(stage) == before


def test_who_is_left_out_is_so_under_every_name_of_the_same_contact(stage: Stage) -> None:
    stage.say("one", "Anna", "Here")
    stage.say("two", "Anna", "And there")
    stage.listen()

    def join(connection: Connection) -> None:
        # The villages show no e-mail, so a person says that they are one.
        connection.execute(
            sa.text("INSERT INTO contacts (id, person_id, name, created_at) VALUES (77, 77, 'Anna', 0)")
        )
        connection.execute(sa.text("UPDATE authors SET contact_id = 77"))

    stage.store.write(join)
    with stage.store.read() as connection:
        author = left_out.author_of(connection, stage.number("Here"))
    assert author is not None
    stage.store.write(left_out.add, *author, stage.hub.clock())
    assert not stage.digest().lines
    stage.store.write(left_out.remove, "hamlet", stage.people["two", "Anna"].id)
    assert len(stage.digest().lines) == 2


def test_what_we_said_ourselves_is_marked_as_ours(stage: Stage) -> None:
    double = stage.doubles["one"]
    said = stage.say("one", "Anna", "How much is it?")
    double.say(double.us, stage.post["one"], "Nothing at all", said)
    stage.listen()
    assert [(line.text, line.ours) for line in stage.digest().lines] == [
        ("How much is it?", False),
        ("Nothing at all", True),
    ]
    assert "our answer" in render(stage.digest(), "text")


def test_only_the_chosen_lines_are_shown_and_move_up(stage: Stage) -> None:
    first = stage.say("one", "Anna", "First")
    second = stage.say("one", "Boris", "Second", first)
    stage.say("one", "Clara", "Third", second)
    stage.listen()
    chosen = [stage.number("First"), stage.number("Third")]
    assert told(list(stage.digest(chosen).lines)) == [(0, "Anna", "First"), (1, "Clara", "Third")]
    assert told(list(stage.digest(chosen[1:]).lines)) == [(0, "Clara", "Third")]


def test_the_same_remark_on_two_sites_is_one_line_with_both_links(stage: Stage) -> None:
    text = "The new roast is too dark for my taste, the old one was better"
    here = stage.say("one", "Anna", text)
    there = stage.say("two", "Anna", text)
    stage.say("two", "Boris", "No, it is not", there)
    stage.listen(2)
    found = stage.digest()
    assert [(line.depth, line.author) for line in found.lines] == [(0, "Anna"), (1, "Boris")]
    assert sorted(place.url for place in found.lines[0].places) == sorted(
        f"https://village.example/{stage.post[name]}#{said}" for name, said in (("one", here), ("two", there))
    )
    with stage.store.read() as connection:
        author = left_out.author_of(connection, found.lines[0].repeats[0].mention_id)
    assert author is not None
    stage.store.write(left_out.add, *author, stage.hub.clock())
    assert told(list(stage.digest().lines)) == [(0, "", ""), (1, "Boris", "No, it is not")]


def test_a_very_long_chain_of_answers_is_laid_out(stage: Stage) -> None:
    above = None
    for number in range(300):
        above = stage.say("one", "Anna", f"Number {number}", above)
    stage.listen()
    assert [line.depth for line in stage.digest().lines] == list(range(300))
    assert all("Number 299" in render(stage.digest(), form) for form in FORMS)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.org/a?b=1&c=2#d", "https://example.org/a?b=1&c=2#d"),
        ("javascript:alert(1)", ""),
        (" java\nscript:alert(1)", ""),
        ("data:text/html,<script>", ""),
        ("//example.org", ""),
        ("https://", ""),
        ('https://example.org/"><script>', "https://example.org/%22%3E%3Cscript%3E"),
        ("https://[bad", ""),
    ],
)
def test_only_an_address_of_the_web_is_led_to(given: str, kept: str) -> None:
    assert safe_url(given) == kept


def test_what_steers_a_reader_is_taken_out_of_a_text() -> None:
    assert clean("a\x1b[2Jb\u202ec\ufeff\x00d\r\n\n\n\n  e  ") == "a [2Jbc d\n\ne"
