"""Whatever the order, the repetition and the pages in which remarks are seen, the store ends the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from models.blank import emptied
from models.trying import trying

from hub import Author, Mention
from hub.discussions import tree
from hub.store import Store
from hub.store.discussions import ingesting, mentions, threads
from hub.store.discussions.ingesting import Ingested
from hub.store.running import accounts
from hub.store.verify import verify

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
ROOT = "post"


class Remark(NamedTuple):
    """One remark as its network knows it: what it said, version by version, and whether it was deleted.

    Version 0 was sent, each later one bears the time of its edit.
    """

    id: str
    parent: str | None
    author: str | None
    texts: Sequence[str]
    deleted: bool

    def events(self) -> list[Mention]:
        """Return every state in which the network could have shown it."""
        shown = [
            Mention(
                remote_id=self.id,
                thread_id=ROOT,
                parent_id=self.parent,
                author=Author(remote_id=self.author, name=self.author.upper()) if self.author else None,
                text=text,
                url=f"https://example.org/{self.id}",
                sent_at=LONG_AGO + timedelta(minutes=int(self.id)),
                edited_at=LONG_AGO + timedelta(hours=number) if number else None,
            )
            for number, text in enumerate(self.texts)
        ]
        return shown + ([Mention(remote_id=self.id, thread_id=ROOT, deleted=True)] if self.deleted else [])

    def end(self) -> tuple[Any, ...]:
        """Return what must be stored at the end: reckoned from what happened, in no order."""
        last = len(self.texts) - 1
        return (
            "" if self.deleted else self.texts[last],
            self.deleted,
            self.parent,
            self.author,
            f"https://example.org/{self.id}",
            LONG_AGO + timedelta(minutes=int(self.id)),
            LONG_AGO + timedelta(hours=last) if last else None,
        )


NUMBERS = [str(number) for number in range(1, 7)]


@st.composite
def remarks(draw: st.DrawFn) -> list[Remark]:
    """A thread: remarks under each other at any depth, under the post, or under one that is never seen."""
    count = draw(st.integers(1, len(NUMBERS)))
    made = []
    for number in NUMBERS[:count]:
        above = [other for other in NUMBERS if other < number]
        made.append(
            Remark(
                number,
                draw(st.sampled_from([None, ROOT, "never", *above])),
                draw(st.sampled_from([None, "anna", "boris"])),
                # Few texts, so that an edit may bring back what was said before.
                draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4)),
                draw(st.booleans()),
            )
        )
    return made


@st.composite
def sightings(draw: st.DrawFn) -> tuple[list[Remark], list[list[Mention]]]:
    """A thread, and pages that show each of its states at least once, in any order."""
    made = draw(remarks())
    events = [event for remark in made for event in remark.events()]
    again = draw(st.lists(st.sampled_from(events), max_size=len(events)))
    order = draw(st.permutations(events + again))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=5)) | {len(order)})
    return made, [order[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]


class Notebook:
    """A store with one account, its thread, and a clock that goes on a second a page."""

    def __init__(self, store: Store) -> None:
        self.store = emptied(store)
        self.now = NOW
        self.store.write(accounts.register, {"one": "imaginary"}, {"one": []}, NOW)

    def see(self, page: Sequence[Mention]) -> Ingested:
        self.now += timedelta(seconds=1)

        def work(connection: sa.Connection) -> Ingested:
            known = threads.ensure(connection, "one", [ROOT], self.now)
            return ingesting.ingest(connection, "one", "imaginary", known, page, self.now)

        return self.store.write(work)

    def shown(self) -> list[mentions.StoredMention]:
        with self.store.read() as connection:
            return mentions.of_discussion(connection, 1)

    def rows(self) -> dict[str, tuple[Any, ...]]:
        return {
            one.remote_id: (
                one.text,
                one.deleted_at is not None,
                one.parent_id,
                one.author_id,
                one.url,
                one.sent_at,
                one.edited_at,
            )
            for one in self.shown()
        }

    def history(self) -> dict[str, set[str]]:
        """Return every text that is kept of each remark, the one that stands among them."""
        with self.store.read() as connection:
            return {
                one.remote_id: {text for _, text in mentions.versions_of(connection, one.id)}
                | ({one.text} if one.deleted_at is None else set())
                for one in mentions.of_discussion(connection, 1)
            }


def branches(nodes: Sequence[tree.Node]) -> Any:
    """Return a tree without the order of those that stand side by side."""
    return frozenset((node.remote_id, node.mention is None, branches(node.children)) for node in nodes)


def grown(made: Sequence[Remark]) -> Any:
    """Return the tree that remarks must make; one whose parent is never seen hangs under a stub."""
    below: dict[str, list[Remark]] = {}
    for remark in made:
        below.setdefault(remark.parent or ROOT, []).append(remark)

    def under(parent: str) -> Any:
        return frozenset((child.id, False, under(child.id)) for child in below.get(parent, []))

    stub = {("never", True, under("never"))} if "never" in below else set()
    return under(ROOT) | stub


@trying(120)
@given(sightings())
def test_every_order_of_events_ends_in_the_same_store(
    store: Store, seen: tuple[list[Remark], list[list[Mention]]]
) -> None:
    made, pages = seen
    book = Notebook(store)
    for page in pages:
        book.see(page)
    assert book.rows() == {remark.id: remark.end() for remark in made}
    assert book.history() == {remark.id: set(remark.texts) for remark in made}
    assert branches(tree.build(book.shown())) == grown(made)
    assert verify(book.store) == []


@trying(40)
@given(sightings())
def test_what_was_seen_before_is_no_news_and_no_write(
    store: Store, seen: tuple[list[Remark], list[list[Mention]]]
) -> None:
    _, pages = seen
    book = Notebook(store)
    for page in pages:
        book.see(page)
    writes = book.store.content_writes()
    assert not any(book.see(page) for page in pages)
    assert book.store.content_writes() == writes
