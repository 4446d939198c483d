"""An imaginary network whose list moves while it is read, and a plugin that reads it as the contract wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import hub
from hub.models import Batch

START = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class Entry:
    """Something on the list; `mark` is what a cursor can name, an id or a second. It never falls."""

    id: int
    mark: int


@dataclass
class MovingList:
    """What the network has. `newest_first` and `by_second` say how it lets itself be read."""

    newest_first: bool = False
    by_second: bool = False
    page: int = 2
    between: Callable[[int], None] = lambda page: None
    """Is called before each page, with its number: the list moves, or the line breaks."""
    entries: list[Entry] = field(default_factory=list)
    made: int = 0
    second: int = 1

    def add(self) -> None:
        self.made += 1
        self.entries.append(Entry(self.made, self.second if self.by_second else self.made))

    def remove(self, index: int) -> None:
        if self.entries:
            del self.entries[index % len(self.entries)]

    def pages(self, cursor: int) -> Iterator[tuple[list[Entry], int]]:
        """Yield pages, each with the cursor to keep. The cursor is inclusive; inside, a page goes on by id."""
        last: Entry | None = None
        newest = cursor
        number = 0
        while True:
            self.between(number)
            number += 1
            wanted = [entry for entry in self.entries if entry.mark >= cursor]
            if self.newest_first:
                wanted.reverse()
                page = [entry for entry in wanted if last is None or entry.id < last.id][: self.page]
            else:
                page = [entry for entry in wanted if last is None or entry.id > last.id][: self.page]
            newest = max([newest, *(entry.mark for entry in page)])
            more = len(page) == self.page
            # Going down, what is between the last page and the cursor is not read yet: only the end moves it.
            yield page, cursor if self.newest_first and more else newest
            if not more:
                return
            last = page[-1]


class Reading(hub.Timeline, hub.Listener):
    """The plugin of such a network."""

    platform = "moving"
    list: MovingList

    class Settings(hub.AccountSettings):
        api_url: str = "http://127.0.0.1:1"

    def check(self) -> hub.Identity:
        return hub.Identity(remote_id="us")

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[hub.Mention]]:
        for page, mark in self.list.pages(int(cursor or 0)):
            yield Batch([hub.Mention(thread_id="post", **_fields(entry)) for entry in page], str(mark))

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[hub.RemotePost]]:
        for page, mark in self.list.pages(int(cursor or 0)):
            yield Batch([hub.RemotePost(**_fields(entry)) for entry in page], str(mark))


def _fields(entry: Entry) -> dict[str, Any]:
    return {"remote_id": str(entry.id), "text": f"no {entry.id}", "sent_at": START + timedelta(seconds=entry.mark)}
