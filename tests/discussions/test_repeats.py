"""One remark of one person on two sites is shown once; nobody's words are taken for another's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from discussions.gathering import ARTICLE, NOW, Gathering

from hub.discussions import joining, tree
from hub.discussions.repeats import Said, compare
from hub.discussions.tree import Node

SAID = "Пробовал вчера дома: очень чисто и сладко, а послевкусие долгое, как обещали."
ANNA, BEN = ("Анна Смирнова", "anna_s"), ("Ben Miller", "ben")


class Table(Gathering):
    """An article on two sites, whose one discussion is looked at."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.discussion = self.post()

    def both(self, one: str = SAID, other: str = SAID, **how: object) -> tuple[str, str]:
        """Let Anna say one thing on the club's site and another on the page's, ten minutes later."""
        first = self.say("club", one, thread="club-roast", who=ANNA)
        second = self.say("page", other, thread="page-roast", **{"who": ANNA, "minutes": 10, **how})  # type: ignore[arg-type]  # as `say` has them
        self.merge()
        return first, second

    def nodes(self) -> list[Node]:
        return [node for _, node in tree.load(self.store, self.discussion).walk()]

    def shown(self) -> list[tuple[str, list[str]]]:
        """Return who is shown with a remark, and on which further accounts it was made."""
        return [
            (node.mention.account, [one.account for one in node.repeats]) for node in self.nodes() if node.mention
        ]


@pytest.fixture
def table(database_url: str) -> Iterator[Table]:
    made = Table(database_url)
    yield made
    made.store.close()


def test_a_remark_made_on_two_sites_is_shown_once_with_both_addresses(table: Table) -> None:
    first, second = table.both(other=SAID.replace("очень", "Очень") + " 😋")
    (node,) = table.nodes()
    assert node.mention is not None
    assert [node.mention.url, *(one.url for one in node.repeats)] == [
        f"https://village.example/club-roast#{first}",
        f"https://hamlet.example/page-roast#{second}",
    ]
    (repeat,) = joining.why(table.store, table.discussion).repeats
    assert node.repeat == repeat
    assert repeat.evidence == "the same handle, annas; the same words; 10 minutes apart"
    assert repeat.confidence > 0.9


def test_what_answers_either_hangs_under_the_one(table: Table) -> None:
    first, second = table.both()
    table.say("club", "Где купить?", thread="club-roast", parent=first, who=BEN, minutes=11)
    table.say("page", "И мне понравился", thread="page-roast", parent=second, who=BEN, minutes=12)
    table.merge()
    assert table.lines(table.discussion) == [(0, SAID), (1, "Где купить?"), (1, "И мне понравился")]


def test_the_earliest_stands_even_if_it_came_last(table: Table) -> None:
    table.both(minutes=-30)
    assert table.shown() == [("page", ["club"])]


def test_words_alone_are_not_enough(table: Table) -> None:
    table.both(who=BEN)
    assert table.shown() == [("club", []), ("page", [])] or table.shown() == [("page", []), ("club", [])]


@pytest.mark.parametrize("text", ["Согласен!", "+1", "Thanks!", "Спасибо", "Great post", "Да, именно так"])
def test_a_short_agreement_is_no_repeat(table: Table, text: str) -> None:
    table.both(text, text)
    assert len(table.nodes()) == 2


def test_a_shared_e_mail_makes_one_author_of_two_names(table: Table) -> None:
    table.say("club", SAID, thread="club-roast", who=ANNA, emails=("anna@example.org",))
    table.say("page", SAID, thread="page-roast", who=("nyuta", "nyuta"), emails=("anna@example.org",), minutes=3)
    table.merge()
    assert table.shown() == [("club", ["page"])]


def test_two_accounts_on_one_site_are_two_people_and_on_two_servers_of_a_kind_may_be_one() -> None:
    one = Said(SAID, NOW, "many", 1, "a", "Анна Смирнова", "anna_s", site="town.example")
    assert compare(one, one._replace(thread=2, author_id="b")) is None
    assert compare(one, one._replace(thread=2, author_id="b", site="village.example")) is not None


def test_three_sites_are_one_line(table: Table) -> None:
    root = table.say("search", f"Читали? {ARTICLE}", who=BEN, minutes=-60)
    table.both()
    table.say("search", SAID, thread=root, who=ANNA, minutes=20)
    table.merge()
    assert [one.account for node in table.nodes() for one in node.repeats] == ["page", "search"]
    assert len(table.nodes()) == 2


def test_a_thread_that_is_joined_later_brings_its_repeats(table: Table) -> None:
    root = table.say("search", "Интересное", who=BEN, minutes=-60)
    table.say("search", SAID, thread=root, who=ANNA, minutes=5)
    table.both()
    assert table.shown() == [("club", ["page"])]
    table.say("search", f"Интересное {ARTICLE}", id=root, who=BEN, minutes=-60, edited=True)
    table.merge()
    assert ("club", ["search", "page"]) in table.shown()


def test_an_edit_that_says_something_else_parts_them_and_another_brings_them_together(table: Table) -> None:
    _, second = table.both()
    table.say(
        "page", "Передумала: слишком кисло для меня.", id=second, thread="page-roast", minutes=10, edited=True
    )
    table.merge()
    assert len(table.nodes()) == 2
    table.say("page", SAID, id=second, thread="page-roast", minutes=20, edited=True)
    table.merge()
    assert table.shown() == [("club", ["page"])]


def test_when_one_is_deleted_the_other_stands_alone(table: Table) -> None:
    first, _ = table.both()
    table.delete("club", first, "club-roast")
    table.merge()
    standing = [
        (node.mention.account, node.repeats)
        for node in table.nodes()
        if node.mention and not node.mention.deleted_at
    ]
    assert standing == [("page", [])]


def test_when_the_first_of_three_is_deleted_the_others_are_still_one(table: Table) -> None:
    root = table.say("search", f"Читали? {ARTICLE}", who=BEN, minutes=-60)
    first, _ = table.both()
    table.say("search", SAID, thread=root, who=ANNA, minutes=20)
    table.merge()
    table.delete("club", first, "club-roast")
    table.merge()
    assert [one.account for node in table.nodes() for one in node.repeats] == ["search"]


def test_an_undone_repeat_does_not_come_back(table: Table) -> None:
    _, second = table.both()
    (repeat,) = joining.why(table.store, table.discussion).repeats
    joining.undo_repeat(table.store, repeat.id, "anna", table.now)
    assert len(table.nodes()) == 2
    table.say("page", SAID + "!", id=second, thread="page-roast", minutes=10, edited=True)
    table.merge()
    again = Table.__new__(Table)
    Gathering.__init__(again, str(table.store.engine.url.render_as_string(hide_password=False)), migrated=True)
    again.discussion = table.discussion
    again.merge()
    assert len(again.nodes()) == 2
    assert [one.undone_by for one in joining.why(again.store, again.discussion).repeats] == ["anna"]
    again.store.close()


def test_an_undone_repeat_does_not_come_back_through_a_third(table: Table) -> None:
    root = table.say("search", f"Читали? {ARTICLE}", who=BEN, minutes=-60)
    first, second = table.both()
    (repeat,) = joining.why(table.store, table.discussion).repeats
    joining.undo_repeat(table.store, repeat.id, "anna", table.now)
    longer = f"{SAID} Возьму ещё одну пачку."
    table.say("page", longer, id=second, thread="page-roast", minutes=10, edited=True)
    table.say("search", longer, thread=root, who=ANNA, minutes=20)
    table.merge()
    table.say("club", longer, id=first, thread="club-roast", minutes=30, edited=True)
    table.merge()
    assert sorted(table.shown()) == [("club", []), ("page", ["search"]), ("search", [])]


def test_who_leaves_a_discussion_leaves_its_repeats(table: Table) -> None:
    root = table.say("search", f"Читали? {ARTICLE}", who=BEN, minutes=-60)
    table.say("club", SAID, thread="club-roast", who=ANNA)
    table.say("search", SAID, thread=root, who=ANNA, minutes=20)
    table.merge()
    assert ("club", ["search"]) in table.shown()
    (join,) = joining.why(table.store, table.discussion).joins
    joining.undo_join(table.store, join.id, "anna", table.now)
    assert table.shown() == [("club", [])]
