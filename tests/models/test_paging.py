"""Whatever moves between two pages and wherever a read breaks off: nothing that is there is skipped."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.blank import emptied
from models.moving import MovingList, Reading
from models.trying import trying
from support import Clock

import hub
from hub.discussions.collecting import Ear, listen
from hub.errors import StoreError
from hub.publishing.routes import Source, read_timeline
from hub.scheduling.due import poll_after
from hub.store import Store
from hub.store.discussions import threads
from hub.store.running import accounts
from hub.testing import open_adapter

Verb = Literal["mentions", "posts"]

# A disk that is full, as SQLite tells it, while there is a row in the table `full`.
_FULL = [
    "CREATE TABLE IF NOT EXISTS full (yes INTEGER)",
    *(
        f"CREATE TRIGGER IF NOT EXISTS full_{table} BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM full) "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        for table in ("mentions", "posts")
    ),
]

moves = st.lists(st.one_of(st.just("add"), st.just("second"), st.integers(0, 20)), max_size=6)
reads = st.fixed_dictionaries(
    {
        "before": moves,
        "page": st.integers(1, 4),
        "moves": st.lists(moves, max_size=4),
        "break_at": st.none() | st.integers(0, 3),
        "full_at": st.none() | st.integers(0, 3),
    }
)


class Reader:
    """A hub that reads one list, as mentions or as posts."""

    def __init__(self, store: Store, moving: MovingList, verb: Verb) -> None:
        self.store = emptied(store)
        self.list = moving
        self.verb = verb
        self.clock = Clock()
        self.adapter = open_adapter(Reading, {"api_url": "http://127.0.0.1:1"}, account="one")
        self.adapter.list = moving
        store.write(accounts.register, {"one": "moving"}, {"one": ["listen"]}, self.clock())

        def fill(connection: Any) -> None:
            for statement in _FULL:
                connection.exec_driver_sql(statement)

        store.write(fill)

    def tell(self, event: str, **facts: Any) -> None:
        """Be the hooks: nobody listens."""

    def move(self, moves: list[Any]) -> None:
        for move in moves:
            if move == "add":
                self.list.add()
            elif move == "second":
                self.list.second += 1
            else:
                self.list.remove(move)

    def fill(self, full: bool) -> None:
        self.store.write(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO full VALUES (1)" if full else "DELETE FROM full"
            )
        )

    def read(
        self,
        before: list[Any] = (),
        page: int = 2,
        moves: list[list[Any]] = (),
        break_at: int | None = None,
        full_at: int | None = None,
    ) -> None:
        """Read the list, which moves before and between the pages; let the line break or the disk be full."""

        def between(number: int) -> None:
            if number < len(moves):
                self.move(moves[number])
            if number == break_at:
                raise hub.TransientError("cut off")
            if number == full_at:
                self.fill(full=True)

        self.move(before)
        self.list.page, self.list.between = page, between
        with suppress(hub.TransientError, StoreError):
            if self.verb == "posts":
                read_timeline(Source(self.store, self.adapter, {}, self.clock))
            else:
                listen(Ear(self.store, self.adapter, self, self.clock, poll_after))
        self.fill(full=False)

    def cursor(self) -> int | None:
        with self.store.read() as connection:
            if not threads.has_cursor(connection, "one", self.verb):
                return None
            return int(threads.read_cursor(connection, "one", self.verb)[0] or 0)

    def stored(self) -> set[int]:
        query = {
            "mentions": "SELECT remote_id FROM mentions",
            "posts": "SELECT remote_id FROM copies WHERE origin",
        }[self.verb]
        with self.store.read() as connection:
            return {int(found) for found in connection.exec_driver_sql(query).scalars()}


lists = st.builds(MovingList, newest_first=st.booleans(), by_second=st.booleans())


@pytest.mark.parametrize("verb", ["mentions", "posts"])
@trying(60)
@given(moving=lists, story=st.lists(reads, min_size=1, max_size=6))
def test_what_is_older_than_the_cursor_is_stored_after_every_read(
    store: Store, verb: Verb, moving: MovingList, story: list[dict[str, Any]]
) -> None:
    reader = Reader(store, MovingList(moving.newest_first, moving.by_second), verb)
    for one in story:
        reader.read(**one)
        cursor = reader.cursor() or 0
        assert {entry.id for entry in reader.list.entries if entry.mark < cursor} <= reader.stored()


@pytest.mark.parametrize("verb", ["mentions", "posts"])
@trying(60)
@given(moving=lists, story=st.lists(reads, min_size=1, max_size=6))
def test_a_read_to_the_end_has_everything_that_is_there(
    store: Store, verb: Verb, moving: MovingList, story: list[dict[str, Any]]
) -> None:
    reader = Reader(store, MovingList(moving.newest_first, moving.by_second), verb)
    for one in story:
        reader.read(**one)
    reader.read()
    assert {entry.id for entry in reader.list.entries} <= reader.stored()
    writes = reader.store.content_writes()
    reader.read()
    assert reader.store.content_writes() == writes


@pytest.mark.parametrize("verb", ["mentions", "posts"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_first_read_of_nothing_leaves_a_cursor(store: Store, verb: Verb, newest_first: bool) -> None:
    reader = Reader(store, MovingList(newest_first), verb)
    assert reader.cursor() is None
    reader.read()
    assert reader.cursor() == 0
