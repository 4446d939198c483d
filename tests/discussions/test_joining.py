"""Threads elsewhere are joined to the discussion that they are about; a person's no is for good."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from discussions.gathering import ARTICLE, Gathering

from hub.discussions import collecting, joining, tree
from hub.errors import UsageError
from hub.store.discussions import threads
from hub.store.verify import verify

BEN = ("Ben", "ben")


@pytest.fixture
def people(database_url: str) -> Iterator[Gathering]:
    made = Gathering(database_url)
    yield made
    made.store.close()


def test_a_thread_whose_root_leads_to_the_article_is_joined(people: Gathering) -> None:
    discussion = people.post()
    said = people.say("search", "Читали? http://www.blog.example/news/roast?utm_source=x")
    assert people.where("search", said) != discussion
    people.merge()
    assert people.where("search", said) == discussion
    (join,) = joining.why(people.store, discussion).joins
    assert (join.kind, join.by, join.undone_at) == ("post", "", None)
    assert join.evidence == "the post at its root leads to https://blog.example/news/roast"
    assert join.confidence > 0.9


def test_what_only_the_networks_own_data_tells_counts_as_well(people: Gathering) -> None:
    discussion = people.post()
    said = people.say("search", "Читали? https://short.example/x1", links=(ARTICLE,))
    people.merge()
    assert people.where("search", said) == discussion


def test_the_link_of_a_post_and_the_permalink_of_a_copy_count_as_its_address(people: Gathering) -> None:
    discussion = people.post(url="", link="https://other.example/a?id=5")
    linked = people.say("search", "see https://other.example/a?id=5&fbclid=1")
    quoted = people.say("search", "вот: https://m.village.example/club-roast")
    people.merge()
    assert {people.where("search", linked), people.where("search", quoted)} == {discussion}
    assert [join.kind for join in joining.why(people.store, discussion).joins] == ["post", "copy"]


def test_a_post_that_comes_after_the_mention_joins_it_too(people: Gathering) -> None:
    said = people.say("search", f"Ждём: {ARTICLE}")
    people.merge()
    discussion = people.post()
    people.merge("club")
    assert people.where("search", said) == discussion


def test_a_thread_is_joined_for_the_remark_for_which_the_hub_has_it_and_not_for_a_later_one(
    people: Gathering,
) -> None:
    discussion = people.post()
    found = people.say("search", f"Об этом {ARTICLE}", thread="far", parent="unseen")
    people.say("search", "Погода хорошая", thread="other")
    later = people.say("search", f"Кстати: {ARTICLE}", thread="other")
    people.merge()
    assert people.where("search", found) == discussion
    assert people.where("search", later) != discussion
    (join,) = joining.why(people.store, discussion).joins
    assert join.confidence < 0.9


def test_the_address_of_a_whole_site_joins_nothing(people: Gathering) -> None:
    discussion = people.post(url="https://blog.example/")
    said = people.say("search", "Есть такой сайт https://blog.example/")
    people.merge()
    assert people.where("search", said) != discussion


def test_a_joined_thread_is_read_from_then_on(people: Gathering) -> None:
    people.post()
    said = people.say("search", ARTICLE)
    people.merge()
    with people.store.read() as connection:
        due = threads.due(connection, "search", people.now)
    assert [thread.remote_id for thread in due] == [said]


def test_a_thread_under_a_copy_of_ours_is_never_moved(people: Gathering) -> None:
    first, second = people.post(), people.post("other", url="https://blog.example/other")
    said = people.say("club", f"Как и тут: {ARTICLE}", thread="club-other")
    people.merge()
    assert people.where("club", said) == second != first


def test_a_digest_of_ours_is_no_article(people: Gathering) -> None:
    digest = people.post("digest:1", url="https://blog.example/digest", copies=("club",))
    said = people.say("search", "https://blog.example/digest")
    people.merge()
    assert people.where("search", said) != digest


def test_an_undone_join_does_not_come_back(people: Gathering) -> None:
    discussion = people.post()
    said = people.say("search", f"Читали? {ARTICLE}")
    people.merge()
    (join,) = joining.why(people.store, discussion).joins
    joining.undo_join(people.store, join.id, "anna", people.now)
    before = people.where("search", said)
    assert before == join.from_discussion_id != discussion
    people.say("search", "И я читал", thread=said, who=BEN)
    people.say("search", f"Читали? Ещё раз: {ARTICLE}", id=said, edited=True)
    people.merge()
    again = Gathering(str(people.store.engine.url.render_as_string(hide_password=False)), migrated=True)
    again.say("search", "И я", thread=said, who=BEN)
    again.merge()
    assert again.where("search", said) == before
    (kept,) = joining.why(again.store, discussion).joins
    assert (kept.undone_by, kept.undone_at) == ("anna", people.now)
    with again.store.read() as connection:
        assert threads.due(connection, "search", people.now) == []
    again.store.close()


def test_an_undone_join_does_not_come_back_from_the_other_side(people: Gathering) -> None:
    one = people.say("search", "Первая тема", id="one")
    two = people.say("search", "Вторая, см. https://harbour.example/one", id="two", who=BEN)
    people.merge()
    assert people.where("search", one) == people.where("search", two)
    (join,) = joining.why(people.store, people.where("search", one)).joins
    joining.undo_join(people.store, join.id, "anna", people.now)
    people.say("search", "Первая тема, а вторая тут: https://harbour.example/two", id="one", edited=True)
    people.merge()
    assert people.where("search", one) != people.where("search", two)


def test_what_came_along_goes_back_with_it(people: Gathering) -> None:
    root = people.say("search", "Обсуждаем статью", id="root")
    quote = people.say("page", "Смотрите: https://harbour.example/root", who=BEN)
    people.merge()
    topic = people.where("search", root)
    assert people.where("page", quote) == topic
    discussion = people.post()
    people.say("search", f"Обсуждаем статью {ARTICLE}", id="root", edited=True)
    people.merge()
    assert {people.where("search", root), people.where("page", quote)} == {discussion}
    first = next(join for join in joining.why(people.store, discussion).joins if join.kind == "post")
    joining.undo_join(people.store, first.id, "anna", people.now)
    assert {people.where("search", root), people.where("page", quote)} == {topic}
    people.merge()
    assert {people.where("search", root), people.where("page", quote)} == {topic}


def test_a_thread_attached_by_hand_is_a_join_and_can_be_undone(people: Gathering) -> None:
    discussion = people.post()
    collecting.watch(people.store, "search", "far", "https://harbour.example/far", people.now, discussion, "anna")
    (join,) = joining.why(people.store, discussion).joins
    assert (join.kind, join.by, join.evidence, join.confidence) == ("hand", "anna", "by hand", 1.0)
    joining.undo_join(people.store, join.id, "ben", people.now)
    assert [member.account for member in tree.load(people.store, discussion).members] == ["club", "page"]
    collecting.watch(people.store, "search", "far", "", people.now, discussion, "anna")
    kept = joining.why(people.store, discussion).joins
    assert [join.undone_at is None for join in kept] == [False, True]


def test_quotes_and_cross_posted_replies_stand_under_what_they_answer(people: Gathering) -> None:
    discussion = people.post()
    asked = people.say("club", "Сколько стоит пачка?", thread="club-roast")
    people.say("search", f"Отвечаю: 900. https://village.example/club-roast#{asked}", who=BEN, minutes=5)
    people.say(
        "page", f"Дорого! https://village.example/club-roast#{asked}", thread="page-roast", who=BEN, minutes=6
    )
    quote = people.say("search", "Хорошая заметка https://hamlet.example/page-roast", who=BEN, minutes=7)
    people.say("search", "Согласна", thread=quote, minutes=8)
    people.merge()
    assert people.lines(discussion) == [
        (0, "Сколько стоит пачка?"),
        (1, f"Отвечаю: 900. https://village.example/club-roast#{asked}"),
        (1, f"Дорого! https://village.example/club-roast#{asked}"),
        (0, "Хорошая заметка https://hamlet.example/page-roast"),
        (1, "Согласна"),
    ]


def test_remarks_that_lead_to_each_other_are_all_shown(people: Gathering) -> None:
    discussion = people.post()
    people.say("club", "см. https://hamlet.example/page-roast#b", thread="club-roast", id="a")
    people.say("page", "см. https://village.example/club-roast#a", thread="page-roast", id="b", who=BEN, minutes=1)
    people.merge()
    assert len(people.lines(discussion)) == 2


def test_a_discussion_is_listed_by_time_and_by_site(people: Gathering) -> None:
    discussion = people.post()
    first = people.say("club", "Раз", thread="club-roast")
    people.say("page", "Два", thread="page-roast", minutes=1, who=BEN)
    people.say("club", "Три", thread="club-roast", parent=first, minutes=2)
    people.merge()
    assert people.lines(discussion) == [(0, "Раз"), (1, "Три"), (0, "Два")]
    assert people.lines(discussion, "time") == [(0, "Раз"), (0, "Два"), (0, "Три")]
    assert people.lines(discussion, "site") == [(0, "Раз"), (0, "Три"), (0, "Два")]


def test_nothing_is_written_when_nothing_is_new(people: Gathering) -> None:
    people.post()
    people.say("search", f"Читали? {ARTICLE}")
    people.say("club", "Пробовал вчера — очень чисто и сладко.", thread="club-roast")
    people.merge()
    written, commits = people.written(), people.store.transactions
    people.merge()
    assert (people.written(), people.store.transactions) == (written, commits)


def test_a_link_that_a_network_shows_only_later_joins_then(people: Gathering) -> None:
    discussion = people.post()
    said = people.say("search", "Читали? https://short.example/x1", id="late")
    people.merge()
    assert people.where("search", said) != discussion
    people.say("search", "Читали? https://short.example/x1", id="late", links=(ARTICLE,))
    people.merge()
    mention = people.stored("search", said)
    assert (mention.discussion, mention.edited_at) == (discussion, None)


def test_many_who_merge_at_once_join_once(people: Gathering) -> None:
    discussion = people.post()
    for number in range(30):
        people.say("search", f"{number}: {ARTICLE}", who=(f"Reader {number}", f"reader{number}"))
    workers = [threading.Thread(target=people.merge) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    made = joining.why(people.store, discussion).joins
    assert len({join.thread_id for join in made}) == len(made) == 30
    assert verify(people.store) == []


def test_what_is_not_there_cannot_be_undone(tmp_path: Path) -> None:
    people = Gathering(f"sqlite:///{tmp_path}/hub.db")
    with pytest.raises(UsageError, match="no join j7"):
        joining.undo_join(people.store, 7, "anna", people.now)
    with pytest.raises(UsageError, match="no repeat r7"):
        joining.undo_repeat(people.store, 7, "anna", people.now)
    with pytest.raises(UsageError, match="no discussion 7"):
        joining.why(people.store, 7)
    people.store.close()
