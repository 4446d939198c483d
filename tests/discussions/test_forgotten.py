"""Row 27: the network forgot a bookmark: what is new is stored, and nobody is told of what is old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support import Clock, Village, VillageDouble, write_config

from hub import Batch, Mention, PluginError, StaleCursor, Thread, TransientError, hookimpl
from hub.adapter import Adapter
from hub.discussions.collecting import watch
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler
from hub.settings import load
from hub.store.discussions import mentions
from hub.store.verify import verify
from hub.testing import faults


class Forgetful(Village):
    """A village that forgets bookmarks, those in `forgotten`, or whatever it is asked.

    With `breaks` a read from the start breaks off after its first remark.
    """

    forgotten: ClassVar[set[str]] = set()
    forgets: ClassVar[bool] = False
    breaks: ClassVar[bool] = False

    def _recall(self, cursor: str | None) -> None:
        if cursor in self.forgotten or (self.forgets and cursor is None):
            raise StaleCursor("the village does not know {cursor}", cursor=cursor)

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        self._recall(cursor)
        for batch in super().fetch_mentions(cursor):
            if cursor is None and self.breaks:
                yield Batch(batch.items[:1], None)
                raise TransientError("the line broke")
            yield batch

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        self._recall(cursor)
        for batch in super().fetch_replies(thread, None):
            yield Batch(batch.items, "thread", complete=cursor is None)


class Ears:
    """Hears what plugins are told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @hookimpl
    def register_adapters(self) -> list[type[Adapter]]:
        return [Forgetful]

    @hookimpl
    def mention_received(self, mention: Mention) -> None:
        self.told.append(mention.text)


class Room:
    """A hub that listens to one village."""

    def __init__(self, hub: Hub, double: VillageDouble, clock: Clock, ears: Ears) -> None:
        self.hub = hub
        self.double = double
        self.clock = clock
        self.ears = ears
        self.anna = double.add_person("Anna", "anna")
        self._scheduler = Scheduler(hub)

    def say(self, text: str, *, ago: timedelta = timedelta(0)) -> str:
        return str(self.double.mention(self.anna, text, self.clock() - ago))

    def listen(self) -> list[Exception]:
        self.clock.forward(minutes=6)
        return [error for _, error in self._scheduler.tick().errors]

    def stored(self) -> set[str]:
        with self.hub.store.read() as connection:
            return {mention.text for mention in mentions.newest(connection, 1000)}

    def close(self) -> None:
        self._scheduler.close()


@pytest.fixture
def room(tmp_path: Path, database_url: str) -> Iterator[Room]:
    clock, ears = Clock(), Ears()
    Forgetful.forgotten, Forgetful.forgets, Forgetful.breaks = set(), False, False
    with VillageDouble() as double:
        path = write_config(tmp_path, {"one": {"platform": "village", **double.account()}}, database=database_url)
        with Hub.open(load(path, {}), clock=clock, plugins={"ears": ears}) as hub:
            room = Room(hub, double, clock, ears)
            yield room
            room.close()


def forget(room: Room) -> None:
    """Let the village forget every bookmark that it has given out."""
    with room.hub.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT cursor FROM cursors UNION SELECT cursor FROM threads").all()
    Forgetful.forgotten = {cursor for (cursor,) in rows if cursor is not None}


def test_what_is_new_is_stored_and_told_and_what_is_old_is_stored_only(room: Room) -> None:
    old = room.say("old", ago=timedelta(days=3))
    room.double.hidden.add(old)
    room.say("known")
    room.listen()
    room.listen()
    forget(room)
    room.double.hidden.clear()
    room.say("news")
    assert room.listen() == []
    assert room.stored() == {"old", "known", "news"}
    assert room.ears.told == ["known", "news"]


def test_a_remark_of_the_moment_of_the_last_read_is_told(room: Room) -> None:
    """Clocks differ, and networks cut off fractions: two minutes of doubt are told."""
    room.say("known")
    room.listen()
    forget(room)
    room.say("just before", ago=timedelta(minutes=1))
    room.listen()
    assert room.ears.told == ["known", "just before"]


def test_after_a_new_beginning_reading_goes_on_as_ever(room: Room) -> None:
    room.say("known")
    room.listen()
    forget(room)
    room.listen()
    Forgetful.forgotten = set()
    room.say("late, but shown only now", ago=timedelta(hours=5))
    room.listen()
    assert room.ears.told == ["known", "late, but shown only now"]
    assert verify(room.hub.store) == []


def test_a_new_beginning_that_breaks_off_loses_no_news_and_tells_nothing_old(room: Room) -> None:
    old = room.say("old", ago=timedelta(days=3))
    room.double.hidden.add(old)
    room.say("known")
    room.listen()
    forget(room)
    room.double.hidden.clear()
    room.say("news")
    Forgetful.breaks = True
    assert [str(error) for error in room.listen()] == ["the line broke"]
    Forgetful.breaks = False
    room.listen()
    assert room.stored() == {"old", "known", "news"}
    assert room.ears.told == ["known", "news"]


def test_a_first_read_tells_of_all_that_it_finds(room: Room) -> None:
    room.say("old", ago=timedelta(days=3))
    room.listen()
    assert room.ears.told == ["old"]


def test_a_start_that_is_stale_too_is_an_error_of_the_plugin(room: Room) -> None:
    room.say("known")
    room.listen()
    forget(room)
    Forgetful.forgets = True
    assert [type(error) for error in room.listen()] == [PluginError]


def test_a_thread_whose_bookmark_was_forgotten_is_read_as_a_whole_and_only_news_are_told(room: Room) -> None:
    post = room.double.remarks[room.say("first")].post_id
    watch(room.hub.store, "one", post, "", room.clock())
    room.listen()
    # Too many to be read as a whole every time.
    for number in range(110):
        room.double.say(room.anna, post, f"remark {number}")
    room.listen()
    room.listen()
    before = len(room.ears.told)
    forget(room)
    for text, age in (("old", timedelta(days=3)), ("news", timedelta(0))):
        said = room.double.say(room.anna, post, text)
        room.double.remarks[said].sent_at = room.clock() - age
    # Only the thread shows them, not the mentions.
    room.double.inject(faults.answered(_nothing()), lambda request: request.path == "/remarks")
    room.listen()
    assert {"old", "news"} <= room.stored()
    assert room.ears.told[before:] == ["news"]


def _nothing() -> Any:
    from hub.testing import Reply

    return Reply([])
