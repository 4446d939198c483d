"""Search: words, phrases and what is not there, the same on SQLite and PostgreSQL; edits and deletions follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from hub import Author, Mention
from hub.discussions import desk
from hub.discussions.query import parse
from hub.errors import UsageError
from hub.store import Store, migrate
from hub.store.discussions import ingesting, search, threads
from hub.store.discussions.search import tokens
from hub.store.running import accounts
from hub.users.roles import Role, User

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANNA = User(1, "anna", Role.OWNER)
PEOPLE = {
    "a": Author(remote_id="a", name="Анна Ёлкина", handle="anna_e"),
    "b": Author(remote_id="b", name="José Müller", handle="jose"),
}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    opened.write(accounts.register, {"club": "vk"}, {"club": []}, NOW)
    yield opened
    opened.close()


def say(store: Store, texts: dict[str, str], *, who: str = "a", at: datetime = NOW, deleted: bool = False) -> None:
    """Let somebody say texts, by remote id; one that is there already is edited."""
    items = [
        Mention(
            remote_id=key,
            thread_id="r",
            author=PEOPLE[who],
            text=text,
            sent_at=NOW,
            edited_at=at if at > NOW else None,
            deleted=deleted,
        )
        for key, text in texts.items()
    ]

    def work(connection: Connection) -> None:
        known = threads.ensure(connection, "club", ["r"], NOW)
        ingesting.ingest(connection, "club", "vk", known, items, at)

    store.write(work)
    desk.index(store)


def found(store: Store, query: str) -> str:
    """Return the remote ids that a query finds, newest first."""
    return "".join(item.mention.remote_id for item in desk.page(store, parse(query), ANNA, NOW).items)


def test_the_language_of_search(store: Store) -> None:
    say(store, {"1": "Ёлки-палки, где моя ДОСТАВКА?", "2": "Доставили вовремя, спасибо. Сайт работает."})
    say(store, {"3": "The delivery is late: see cafés.example/déjà", "4": "Сайт не работает"}, who="b")
    expected = {
        "достав": "21",
        "ДОСТАВКА": "1",
        "елки": "21",
        "ёлки": "21",
        "ёлки-палки": "1",
        "палки": "1",
        '"не работает"': "4",
        '"работает сайт"': "",
        "сайт": "42",
        "сайт -не": "2",
        "-сайт": "31",
        "-сайт -the": "1",
        "сайт работает": "42",
        "cafes": "3",
        "CAFÉ": "3",
        "example": "3",
        "deja": "3",
        "елкина": "21",
        "from:ёлк": "21",
        "from:anna_e": "21",
        'from:"jose muller"': "43",
        "-from:jose": "21",
        "muller late": "3",
        # A beginning of a word is enough from three letters on.
        "дос": "21",
        "до": "",
        "нет-такого": "",
    }
    assert {query: found(store, query) for query in expected} == expected


def test_a_phrase_is_found_within_one_remark_and_not_across_text_and_name(store: Store) -> None:
    say(store, {"1": "Здравствуйте"})
    assert found(store, '"здравствуйте анна"') == ""
    assert found(store, "здравствуйте анна") == "1"


def test_an_edited_remark_is_found_by_what_it_says_now(store: Store) -> None:
    say(store, {"1": "Первое слово"})
    say(store, {"1": "Второе"}, at=NOW + timedelta(hours=1))
    assert (found(store, "первое"), found(store, "второе")) == ("", "1")


def test_a_deleted_remark_is_not_found_and_one_that_stands_again_is(store: Store) -> None:
    say(store, {"1": "Тайна", "2": "Другое"})
    say(store, {"1": ""}, at=NOW + timedelta(hours=1), deleted=True)
    assert found(store, "тайна") == ""
    with store.read() as connection:
        kept = connection.execute(sa.text("SELECT * FROM mention_search")).all()
    assert "тайна" not in str(kept).lower()
    say(store, {"1": "Тайна"}, at=NOW + timedelta(hours=2))
    assert found(store, "тайна") == "1"


def test_what_is_edited_before_the_index_has_come_to_it_is_indexed_once(store: Store) -> None:
    say(store, {"1": "Раз"})

    def work(connection: Connection) -> None:
        known = threads.ensure(connection, "club", ["r"], NOW)
        for text, at in (("Два", NOW), ("Три", NOW + timedelta(hours=1))):
            edited = at if at > NOW else None
            one = Mention(remote_id="2", thread_id="r", text=text, sent_at=NOW, edited_at=edited)
            two = Mention(remote_id="3", thread_id="r", text="Иное", sent_at=NOW)
            ingesting.ingest(connection, "club", "vk", known, [two, one], at)

    store.write(work)
    desk.index(store)
    assert [found(store, word) for word in ("два", "три", "иное", "раз")] == ["", "2", "3", "1"]


def test_a_quiet_hub_does_not_write_to_the_index(store: Store) -> None:
    say(store, {"1": "Раз", "2": "Два"})
    say(store, {"2": ""}, at=NOW + timedelta(hours=1), deleted=True)
    before = store.transactions
    desk.index(store)
    assert store.transactions == before


def test_the_index_comes_to_the_end_in_steps(store: Store) -> None:
    items = [Mention(remote_id=f"m{n}", thread_id="r", text=f"слово{n}", sent_at=NOW) for n in range(50)]

    def work(connection: Connection) -> None:
        known = threads.ensure(connection, "club", ["r"], NOW)
        ingesting.ingest(connection, "club", "vk", known, items, NOW)

    store.write(work)
    steps = 0
    while True:
        with store.read() as connection:
            if not search.is_behind(connection):
                break
        store.write(search.catch_up, 20)
        steps += 1
    assert steps == 3
    assert [found(store, f"слово{n}") for n in (0, 19, 20, 49)] == [
        "m0",
        "m19",
        "m20",
        "m49",
    ]


def test_what_a_text_holds_is_cut_as_the_index_cuts_it() -> None:
    assert tokens("Ёлка, ЙОД! café_x 3d «naïve» É") == ["елка", "йод", "cafe", "x", "3d", "naive", "e"]
    assert tokens("😀 — !") == []


HOSTILE = [
    '" OR 1=1 --',
    "NEAR(a b)",
    "a* OR b",
    "^a",
    "{text} : a",
    "text:a",
    "'; DROP TABLE mentions; --",
    "a & b | !c",
    "a:*",
    "x'y",
    "\\",
    "%",
    "_",
    "a\x00b",
    "\ud800",
    "AND",
    "NOT a",
    '"a" "b" -"c d"',
    "ﬁ ǅ ß İ",
    "и" * 500,
]


@example(HOSTILE[0])
@given(
    st.sampled_from(HOSTILE)
    | st.text(max_size=40)
    | st.lists(
        st.sampled_from([*"\"'*^:(){}-+|&!<>\\%_~", "NEAR", "AND", "OR", "NOT", "a", "ё", "from:", "-", " "]),
        max_size=12,
    ).map("".join)
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_is_answered_or_refused(store: Store, asked: str) -> None:
    """300 hostile queries on each database: nothing but `UsageError` comes out."""
    try:
        query = parse(asked)
        desk.page(store, query, ANNA, NOW)
        desk.counts(store, query, ANNA, NOW)
    except UsageError:
        pass


def test_each_known_trick_is_answered_or_refused_and_breaks_nothing(store: Store) -> None:
    say(store, {"1": "a b c"})
    for asked in HOSTILE:
        try:
            desk.page(store, parse(asked), ANNA, NOW)
        except UsageError:
            continue
    assert found(store, "a") == "1"
