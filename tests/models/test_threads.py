"""Whatever happens under a post, however the looks at it break off: quiet looks end in what the network shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from models.blank import emptied
from models.ticking import Ticking
from models.trying import trying

import hub
from hub.discussions.collecting import Ear, listen, watch
from hub.models import Batch, Mention, Thread
from hub.scheduling.due import poll_after
from hub.store import Store
from hub.store.discussions import mentions
from hub.store.running import accounts
from hub.store.verify import verify
from hub.testing import open_adapter

ROOT = "post"
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class Said:
    """A remark on the network: `flagged` is shown as deleted, `hidden` is not shown at all."""

    id: str
    parent: str | None
    text: str
    edited_at: datetime | None = None
    flagged: bool = False
    hidden: bool = False

    def shown(self) -> Mention:
        if self.flagged:
            return Mention(remote_id=self.id, thread_id=ROOT, deleted=True)
        return Mention(
            remote_id=self.id,
            thread_id=ROOT,
            parent_id=self.parent,
            text=self.text,
            sent_at=START,
            edited_at=self.edited_at,
        )


@dataclass
class Place:
    """A network with one post: what is said under it, the pages it is read by, and what it does next."""

    said: dict[str, Said] = field(default_factory=dict)
    page: int = 2
    break_at: int | None = None
    gone: bool = False
    trouble: dict[str, hub.HubError] = field(default_factory=dict)
    news: list[Mention] = field(default_factory=list)
    looks: int = 0
    """Whole looks at the thread that came to an end."""


class Square(hub.ThreadReader, hub.Listener):
    """The plugin of that network. Its feed tells what happened, late, twice or in any order."""

    platform = "square"
    place: Place

    class Settings(hub.AccountSettings):
        api_url: str = "http://127.0.0.1:1"

    def check(self) -> hub.Identity:
        return hub.Identity(remote_id="us")

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        told, self.place.news = self.place.news, []
        yield Batch(told, str(int(cursor or 0) + 1))

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        place = self.place
        if thread.remote_id in place.trouble:
            raise place.trouble[thread.remote_id]
        if place.gone:
            raise hub.GoneError("no such post")
        shown = [one.shown() for one in place.said.values() if not one.hidden]
        pages = [shown[start : start + place.page] for start in range(0, len(shown), place.page)] or [[]]
        for number, page in enumerate(pages):
            if place.break_at == number:
                raise hub.TransientError("cut off")
            yield Batch(page, None, complete=number == len(pages) - 1)
        place.looks += 1


class Listening:
    """A hub's ear at that place, and the model of what it must believe."""

    def __init__(self, store: Store) -> None:
        self.store = emptied(store)
        self.clock = Ticking()
        self.clock.now = START + timedelta(days=1)
        self.place = Place()
        self.adapter = open_adapter(Square, {"api_url": "http://127.0.0.1:1"}, account="one")
        self.adapter.place = self.place
        store.write(accounts.register, {"one": "square"}, {"one": ["listen"]}, self.clock())
        watch(store, "one", ROOT, "", self.clock())
        # What a dictionary can say of it: how often in a row each remark was missing from a whole look.
        self.missing: dict[str, int] = {}
        self.alarms: list[str] = []

    def tell(self, event: str, **facts: Any) -> None:
        """Be the hooks: nobody listens."""

    def listen(self) -> None:
        self.clock.forward(hours=2)
        looks, known = self.place.looks, self.stored()
        ear = Ear(self.store, self.adapter, self, self.clock, poll_after)
        with suppress(hub.TransientError):
            listen(ear)
        self.alarms = ear.alarms
        if self.place.looks > looks:
            for one in self.place.said.values():
                self.missing[one.id] = self.missing.get(one.id, 0) + 1 if one.hidden and one.id in known else 0

    def stored(self) -> dict[str, mentions.StoredMention]:
        with self.store.read() as connection:
            return {one.remote_id: one for one in mentions.of_discussion(connection, 1)}


# At most five, or they could not vanish at once; and few, so that much happens to each.
IDS = ["1", "2", "3"]
TEXTS = ["a", "b", "c"]
acts = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(IDS), st.sampled_from([None, *IDS]), st.sampled_from(TEXTS)),
    st.tuples(st.just("edit"), st.sampled_from(IDS), st.sampled_from(TEXTS)),
    st.tuples(st.sampled_from(["flag", "hide"]), st.sampled_from(IDS), st.booleans()),
    # Each way of going, seen, and back again.
    st.tuples(st.sampled_from(["flag and back", "hide and back"]), st.sampled_from(IDS), st.integers(1, 3)),
    st.tuples(st.just("tell"), st.sampled_from(IDS), st.integers(0, 10)),
    st.tuples(st.just("look"), st.integers(1, 4), st.sampled_from([None, None, None, 0, 1, 2])),
)
BEGUN = [("say", "1", None, "a"), ("say", "2", "1", "b"), ("look", 2, None)]


class Story:
    """Carries out acts at a place; keeps every state that its feed may tell of, however late."""

    def __init__(self, hearing: Listening, stamps: bool) -> None:
        self.hearing = hearing
        self.place = hearing.place
        self.stamps = stamps
        self.past: dict[str, list[Mention]] = {}

    def act(self, what: str, *how: Any) -> None:
        if what == "look":
            self.place.page, self.place.break_at = how
            self.hearing.listen()
            return
        remote_id, *rest = how
        if what == "say":
            parent, text = rest
            self.place.said.setdefault(remote_id, Said(remote_id, None if parent == remote_id else parent, text))
        one = self.place.said.get(remote_id)
        if one is None:
            return
        if what == "edit":
            self.hearing.clock.forward(seconds=10)
            edited_at = self.hearing.clock() if self.stamps else None
            self.place.said[remote_id] = replace(one, text=rest[0], edited_at=edited_at)
        elif what in ("flag and back", "hide and back"):
            self.act(what[:4], remote_id, True)
            self.quiet(rest[0])
            self.act(what[:4], remote_id, False)
            return
        elif what == "flag":
            one.flagged = rest[0]
        elif what == "hide":
            one.hidden = rest[0]
        states = self.past.setdefault(remote_id, [])
        if what == "tell" and states:
            self.place.news.append(states[rest[0] % len(states)])
        states.append(self.place.said[remote_id].shown())

    def quiet(self, looks: int) -> None:
        self.place.break_at = None
        for _ in range(looks):
            self.hearing.listen()


stories = st.builds(
    lambda begun, acts: [*begun, *acts], st.sampled_from([BEGUN, []]), st.lists(acts, min_size=3, max_size=25)
)


@trying(80)
@given(stories, st.booleans())
def test_quiet_looks_end_in_what_the_thread_shows(store: Store, acts: list[tuple[Any, ...]], stamps: bool) -> None:
    """An item told by the feed, flagged as deleted, out of sight or back again: the whole thread has the word."""
    story = Story(Listening(store), stamps)
    for act in acts:
        story.act(*act)
    story.quiet(3)
    stored = story.hearing.stored()
    for one in story.place.said.values():
        if one.hidden or one.flagged:
            assert one.id not in stored or (stored[one.id].deleted_at is not None and stored[one.id].text == "")
        else:
            found = stored[one.id]
            assert (found.deleted_at, found.text, found.parent_id) == (None, one.text, one.parent)
    assert verify(story.hearing.store) == []


@trying(40)
@given(stories, st.booleans())
def test_a_thread_that_stands_still_is_not_written_to(
    store: Store, acts: list[tuple[Any, ...]], stamps: bool
) -> None:
    story = Story(Listening(store), stamps)
    for act in acts:
        story.act(*act)
    story.quiet(3)
    writes = story.hearing.store.content_writes()
    story.quiet(2)
    assert story.hearing.store.content_writes() == writes


@trying(60)
@given(stories)
def test_what_is_missing_is_deleted_at_the_second_look_in_a_row_and_not_before(
    store: Store, acts: list[tuple[Any, ...]]
) -> None:
    story = Story(Listening(store), stamps=True)
    for act in acts:
        if act[0] not in ("flag", "flag and back", "tell"):
            story.act(*act)
        for remote_id, found in story.hearing.stored().items():
            assert (found.deleted_at is not None) == (story.hearing.missing.get(remote_id, 0) >= 2)


@trying(40)
@given(stories)
def test_what_was_said_stays_in_the_history(store: Store, acts: list[tuple[Any, ...]]) -> None:
    story = Story(Listening(store), stamps=True)
    believed: dict[str, set[str]] = {}
    for act in acts:
        story.act(*act)
        for remote_id, found in story.hearing.stored().items():
            believed.setdefault(remote_id, set()).update({found.text} if found.deleted_at is None else ())
    with story.hearing.store.read() as connection:
        for remote_id, found in story.hearing.stored().items():
            kept = {text for _, text in mentions.versions_of(connection, found.id)}
            assert believed[remote_id] <= kept | {found.text}


@trying(40)
@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_a_post_that_is_gone_twice_in_a_row_is_not_asked_for_again(store: Store, gone: list[bool]) -> None:
    hearing = Listening(store)
    hearing.place.said["1"] = Said("1", None, "a")
    hearing.listen()
    given_up = False
    for now, before in zip(gone, [False, *gone], strict=False):
        hearing.place.gone = now
        looks = hearing.place.looks
        hearing.listen()
        assert hearing.place.looks - looks == (0 if now or given_up else 1)
        given_up = given_up or (now and before)
    assert hearing.stored()["1"].text == "a"


def test_a_remark_that_its_network_brings_back_stands_again(store: Store) -> None:
    """It was called deleted, not only out of sight, and nobody edited it since."""
    hearing = Listening(store)
    hearing.place.said["1"] = said = Said("1", None, "a")
    for flagged in (False, True, False):
        said.flagged = flagged
        hearing.listen()
    found = hearing.stored()["1"]
    assert (found.text, found.deleted_at) == ("a", None)


def test_what_the_feed_tells_late_does_not_outlast_a_look_at_the_thread(store: Store) -> None:
    hearing = Listening(store)
    hearing.place.said["1"] = said = Said("1", None, "a")
    hearing.listen()
    hearing.place.news = [Mention(remote_id="1", thread_id=ROOT, deleted=True)]
    hearing.listen()
    hearing.listen()
    assert hearing.stored()["1"].text == said.text


def test_what_vanishes_from_the_depth_of_a_long_thread_is_deleted_too(store: Store) -> None:
    hearing = Listening(store)
    hearing.place.page = 50
    hearing.place.said = {str(number): Said(str(number), None, "a") for number in range(150)}
    hearing.listen()
    hearing.place.said["0"].hidden = True
    hearing.listen()
    assert hearing.stored()["0"].deleted_at is None
    hearing.listen()
    assert hearing.stored()["0"].deleted_at is not None


def test_a_thread_that_may_not_be_read_leaves_the_others_their_turn(store: Store) -> None:
    hearing = Listening(store)
    watch(store, "one", "other", "", hearing.clock() - timedelta(minutes=1))
    hearing.place.trouble["other"] = hub.RejectedError("not for you")
    hearing.place.said["1"] = Said("1", None, "a")
    hearing.listen()
    assert hearing.alarms == ["the thread other cannot be read: not for you"]
    assert hearing.stored()["1"].text == "a"


def test_a_thread_that_breaks_off_every_time_goes_behind_the_others(store: Store) -> None:
    hearing = Listening(store)
    watch(store, "one", "other", "", hearing.clock() - timedelta(minutes=1))
    hearing.place.trouble["other"] = hub.TransientError("cut off")
    hearing.place.said["1"] = Said("1", None, "a")
    hearing.listen()
    assert hearing.stored() == {}
    hearing.listen()
    assert hearing.stored()["1"].text == "a"
