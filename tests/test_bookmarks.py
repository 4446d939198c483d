"""A bookmark that the network no longer knows: the read begins anew, once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub import Batch, PluginError, StaleCursor
from hub.bookmarks import read_on


class Shelf:
    """Numbers, of which a read from the start shows the last three; it knows the bookmarks in `known`."""

    def __init__(self, known: set[str | None]) -> None:
        self.known = known
        self.asked: list[str | None] = []

    def fetch(self, cursor: str | None) -> Iterator[Batch[int]]:
        self.asked.append(cursor)
        if cursor not in self.known:
            raise StaleCursor("the shelf does not know {cursor}", cursor=cursor)
        for number in (7, 8, 9):
            yield Batch([number], str(number))

    def read(self, cursor: str | None) -> list[tuple[int, bool]]:
        return [(batch.items[0], anew) for batch, anew in read_on("one", "shelf", self.fetch, cursor)]


def test_a_bookmark_that_is_known_is_read_on_from() -> None:
    shelf = Shelf({"6"})
    assert shelf.read("6") == [(7, False), (8, False), (9, False)]
    assert shelf.asked == ["6"]


def test_a_bookmark_that_was_forgotten_lets_the_read_begin_anew() -> None:
    shelf = Shelf({None})
    assert shelf.read("6") == [(7, True), (8, True), (9, True)]
    assert shelf.asked == ["6", None]


@pytest.mark.parametrize(("cursor", "asked"), [("6", ["6", None]), (None, [None])])
def test_a_start_that_is_called_a_stale_bookmark_is_an_error_of_the_plugin(
    cursor: str | None, asked: list[str | None]
) -> None:
    shelf = Shelf(set())
    with pytest.raises(PluginError, match=r"account one: plugin shelf .*: the shelf does not know None"):
        shelf.read(cursor)
    assert shelf.asked == asked
