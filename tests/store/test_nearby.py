"""What stands around a mention, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import Page, page_over

from hub.discussions import replying
from hub.models import Author
from hub.store.discussions import mentions, nearby


@pytest.fixture
def page(tmp_path: Path, database_url: str) -> Iterator[Page]:
    with page_over(tmp_path, database=database_url) as found:
        yield found


def test_a_mention_is_shown_among_those_that_it_answers_and_that_answer_it(page: Page) -> None:
    top = page.ingest(remote_id="top")
    middle = page.ingest(remote_id="middle", parent_id="top")
    beside = [page.ingest(remote_id=f"b{number}", parent_id="middle") for number in range(5)]
    here = page.ingest(remote_id="here", parent_id="middle")
    after = [page.ingest(remote_id=f"a{number}", parent_id="middle") for number in range(5)]
    under = [page.ingest(remote_id=f"u{number}", parent_id="here") for number in range(3)]
    page.ingest(remote_id="far", parent_id="u0")
    page.ingest(remote_id="elsewhere", parent_id="here", thread_id="another")
    with page.store.read() as connection:
        mention = mentions.get(connection, here)
        assert mention is not None
        found = nearby.around(connection, mention, beside=2, most=2)
        root = mentions.get(connection, top)
        assert root is not None
        above = nearby.around(connection, root)
    assert [one.id for one in found.parents] == [top, middle]
    assert [one.id for one in found.before] == beside[-2:]
    assert [one.id for one in found.after] == after[:2]
    assert [one.id for one in found.answers] == under[:2]
    assert (above.parents, above.before, above.after) == ([], [], [])
    assert [one.id for one in above.answers] == [middle]


def test_remarks_that_answer_each_other_in_a_circle_end(page: Page) -> None:
    page.ingest(remote_id="one", parent_id="two")
    here = page.ingest(remote_id="two", parent_id="one")
    with page.store.read() as connection:
        mention = mentions.get(connection, here)
        assert mention is not None
        assert [one.remote_id for one in nearby.around(connection, mention).parents] == ["one"]


def test_the_newest_of_the_same_author_come_first_and_within_the_accounts(page: Page) -> None:
    who = Author(remote_id="9", name="Анна")
    ids = [page.ingest(remote_id=f"r{number}", author=who) for number in range(5)]
    page.ingest(remote_id="other", author=Author(remote_id="10"))
    nameless = page.ingest(remote_id="hidden", author=None)
    with page.store.read() as connection:
        newest, hidden = mentions.get(connection, ids[-1]), mentions.get(connection, nameless)
        assert newest is not None
        assert hidden is not None
        said = nearby.by_the_same(connection, newest, None, most=3)
        assert [one.id for one in said] == ids[3:0:-1]
        assert nearby.by_the_same(connection, newest, {"shop"}) == []
        assert nearby.by_the_same(connection, hidden, None) == []


def test_what_we_said_is_known_with_its_writer(page: Page) -> None:
    anna = page.user("anna")
    number = page.hear()
    with page.store.read() as connection:
        heard = mentions.get(connection, number)
    assert heard is not None
    replying.reply(page.store, page.hub.hub.adapter("club"), heard, "Да", page.hub.clock(), by=anna)
    page.hub.tick_all()
    with page.store.read() as connection:
        answers = nearby.around(connection, heard).answers
        assert [one.text for one in answers] == ["Да"]
        assert nearby.ours_among(connection, [number, answers[0].id]) == {answers[0].id: "Anna"}


def test_a_discussion_names_its_accounts(page: Page) -> None:
    first = page.ingest("club", remote_id="a", thread_id="t1")
    with page.store.read() as connection:
        mention = mentions.get(connection, first)
        assert mention is not None
        sites = nearby.sites_of(connection, [mention.discussion], None)
        assert sites == {mention.discussion: [nearby.Site("club", "village")]}
        assert nearby.sites_of(connection, [mention.discussion], {"shop"}) == {}
