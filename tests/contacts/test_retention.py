"""Retention: what is past its time goes, a batch at a time; nothing needed does, and nothing comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub import Author, Mention
from hub.contacts.privacy import retention
from hub.contacts.privacy.admission import Admission
from hub.sections import RetentionSection
from hub.store import Store, migrate, tables
from hub.store.discussions import ingesting, search, threads
from hub.store.people import cards
from hub.store.privacy.tombstones import Tombstones
from hub.store.running import accounts

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
OLD = NOW - 2 * YEAR
ANNA = Author(remote_id="anna", name="Anna")


class Shelf:
    """A store, and the ways in which the tests fill it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tombstones = Tombstones(lambda: bytes(32))

    def say(self, name: str, at: datetime | None, **facts: Any) -> int:
        """Let a remark come in as a network shows it on that day, or without a time of its own."""
        item = Mention(remote_id=name, thread_id="post", text=name, sent_at=at, **{"author": ANNA, **facts})
        return self.take_in([item], RetentionSection(), at or OLD)

    def take_in(self, items: list[Mention], section: RetentionSection, now: datetime = NOW) -> int:
        admit = Admission(self.tombstones, section, lambda: now)

        def work(connection: Connection) -> int:
            kept = admit(connection, "village", items)
            roots = threads.ensure(connection, "one", sorted({item.thread_id for item in kept}), now)
            return len(ingesting.ingest(connection, "one", "village", roots, kept, now).new)

        return self.store.write(work)

    def put(self, table: sa.Table, **values: Any) -> int:
        insert = table.insert().values(**values).returning(next(iter(table.primary_key.columns)))
        return int(self.store.write(lambda connection: connection.execute(insert).scalar_one()))

    def number(self, name: str) -> int:
        query = sa.select(tables.mentions.c.id).where(tables.mentions.c.remote_id == name)
        with self.store.read() as connection:
            return int(connection.execute(query).scalar_one())

    def count(self, table: sa.Table) -> int:
        with self.store.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def said(self) -> list[str]:
        with self.store.read() as connection:
            return sorted(connection.execute(sa.select(tables.mentions.c.remote_id)).scalars())

    def apply(self, **lines: timedelta) -> Counter[str]:
        section = RetentionSection(**lines)
        gone: Counter[str] = Counter()
        for one in retention.apply(self.store, section, self.tombstones, NOW):
            gone[one.kind] += one.number
        return gone


@pytest.fixture
def shelf(database_url: str) -> Iterator[Shelf]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    opened.write(accounts.register, {"one": "village"}, {"one": []}, NOW)
    yield Shelf(opened)
    opened.close()


def test_without_a_line_all_is_kept_but_how_old_turns_went(shelf: Shelf) -> None:
    shelf.say("old", OLD)
    run = {"account": "one", "kinds": "listen", "outcome": "ok", "counts": "{}", "error": ""}
    shelf.put(tables.runs, **run, started_at=OLD, ended_at=OLD)
    shelf.put(tables.runs, **run, started_at=NOW, ended_at=NOW)
    assert shelf.apply() == {"runs": 1}
    assert (shelf.said(), shelf.count(tables.runs)) == (["old"], 1)


def test_remarks_and_private_messages_go_by_their_own_lines(shelf: Shelf) -> None:
    for name, days, kind in (
        ("m1", 100, "message"),
        ("m2", 10, "message"),
        ("c1", 100, "comment"),
        ("c2", 400, "comment"),
    ):
        shelf.say(name, NOW - timedelta(days=days), kind=kind)
    assert shelf.apply(mentions=YEAR, messages=timedelta(days=30)) == {"messages": 1, "mentions": 1}
    assert shelf.said() == ["c1", "m2"]


def test_messages_go_with_the_remarks_if_they_have_no_line(shelf: Shelf) -> None:
    shelf.say("m", OLD, kind="message")
    assert shelf.apply(mentions=YEAR) == {"messages": 1}


def test_what_hangs_on_a_remark_goes_with_it(shelf: Shelf) -> None:
    shelf.say("old", OLD)
    shelf.store.write(search.catch_up)
    number = shelf.number("old")
    shelf.put(tables.replies, mention_id=number, account="one", text="yes", state="published", created_at=OLD)
    shelf.put(tables.desk_notes, mention_id=number, by_id=1, by_name="x", text="note", at=OLD)
    shelf.put(tables.mention_versions, mention_id=number, text="before", replaced_at=OLD)
    shelf.apply(mentions=YEAR)
    left = {
        table.name: shelf.count(table) for table in (tables.replies, tables.desk_notes, tables.mention_versions)
    }
    assert left == {"replies": 0, "desk_notes": 0, "mention_versions": 0}
    with shelf.store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(search.search)).scalar() == 0
    assert (shelf.count(tables.threads), shelf.count(tables.authors)) == (0, 0)


@pytest.mark.parametrize("state", ["sending", "unknown"])
def test_an_answer_in_doubt_keeps_its_remark(shelf: Shelf, state: str) -> None:
    shelf.say("old", OLD)
    shelf.put(
        tables.replies, mention_id=shelf.number("old"), account="one", text="yes", state=state, created_at=OLD
    )
    assert shelf.apply(mentions=YEAR) == {}


@pytest.mark.parametrize("state", ["queued", "sending", "waiting", "asked"])
def test_what_a_crm_is_still_to_be_told_is_kept(shelf: Shelf, state: str) -> None:
    shelf.say("old", OLD)
    activity = {"account": "crm", "rule": "", "make": "note", "key": 5, "state": state}
    shelf.put(tables.activities, **activity, mention_id=shelf.number("old"), created_at=OLD, updated_at=OLD)
    assert shelf.apply(mentions=YEAR) == {}


def test_what_a_crm_was_told_is_known_when_the_remark_is_gone(shelf: Shelf) -> None:
    shelf.say("old", OLD)
    activity = {"account": "crm", "rule": "", "make": "note", "key": 5, "state": "sent"}
    shelf.put(tables.activities, **activity, mention_id=shelf.number("old"), created_at=OLD, updated_at=OLD)
    assert shelf.apply(mentions=YEAR) == {"mentions": 1}
    assert shelf.count(tables.activities) == 1


def test_what_stands_in_a_live_digest_is_kept_until_it_ends(shelf: Shelf) -> None:
    shelf.say("old", OLD)
    with shelf.store.read() as connection:
        discussion = connection.execute(sa.select(tables.discussions.c.id)).scalar_one()
    digest = {"discussion_id": discussion, "kind": "post", "state": "live", "created_at": OLD, "updated_at": OLD}
    shelf.put(tables.digests, **digest)
    assert shelf.apply(mentions=YEAR) == {}
    shelf.store.write(lambda connection: connection.execute(tables.digests.update().values(state="ended")))
    assert shelf.apply(mentions=YEAR) == {"mentions": 1}


def test_our_posts_their_copies_and_deliveries_stay(shelf: Shelf) -> None:
    """The map of copies is for ever: without it a copy would be routed again."""
    post = shelf.put(
        tables.posts, key="p", text="Hello", hash=1, created_at=OLD, publish_at=OLD, title="", link="", url=""
    )
    copy = tables.copies.insert().values(account="one", remote_id="post", post_id=post)
    shelf.store.write(lambda connection: connection.execute(copy))
    shelf.put(tables.deliveries, post_id=post, account="one", state="published", updated_at=OLD)
    shelf.say("old", OLD)
    shelf.apply(mentions=YEAR, messages=YEAR, contacts=YEAR, history=YEAR, runs=YEAR)
    kept = (tables.posts, tables.copies, tables.deliveries, tables.threads)
    assert [shelf.count(table) for table in kept] == [1, 1, 1, 1]


def test_what_went_does_not_come_back_with_the_next_read(shelf: Shelf) -> None:
    shelf.say("old", OLD)
    shelf.say("timeless", None)
    assert shelf.apply(mentions=YEAR) == {"mentions": 2}
    page = [
        Mention(remote_id="old", thread_id="post", author=ANNA, text="old", sent_at=OLD),
        Mention(remote_id="timeless", thread_id="post", author=ANNA, text="timeless"),
        Mention(remote_id="new", thread_id="post", author=ANNA, text="new", sent_at=NOW),
    ]
    assert shelf.take_in(page, RetentionSection(mentions=YEAR)) == 1
    assert shelf.said() == ["new"]


def test_a_private_message_beyond_its_age_is_not_taken_in(shelf: Shelf) -> None:
    item = Mention(remote_id="m", thread_id="post", kind="message", author=ANNA, sent_at=NOW - timedelta(days=40))
    assert shelf.take_in([item], RetentionSection(mentions=YEAR, messages=timedelta(days=30))) == 0
    assert shelf.take_in([item], RetentionSection(mentions=YEAR)) == 1


def add_person(shelf: Shelf, name: str, at: datetime) -> int:
    values = {"name": name, "emails": [f"{name}@example.org"]}
    return shelf.store.write(lambda c: cards.create(c, values, origin="import", source="import", now=at))


def test_people_with_whom_nothing_happened_go(shelf: Shelf) -> None:
    lost, recent, noted = (add_person(shelf, *one) for one in (("lost", OLD), ("recent", NOW), ("noted", OLD)))
    shelf.put(tables.contact_notes, contact_id=noted, text="called", at=NOW)
    speaking = add_person(shelf, "speaking", OLD)
    shelf.say("hello", NOW)
    author = tables.authors.update().values(contact_id=speaking)
    shelf.store.write(lambda connection: connection.execute(author))
    in_crm = add_person(shelf, "client", OLD)
    shelf.put(
        tables.records,
        account="crm",
        remote_id="1",
        contact_id=in_crm,
        state="synced",
        updated_at=OLD,
        hash=0,
        url="",
        error="",
    )
    assert shelf.apply(contacts=YEAR) == {"contacts": 1}
    with shelf.store.read() as connection:
        known = {cards.person_of(connection, number) for number in (lost, recent, noted, speaking, in_crm)}
    assert known == {None, recent, noted, speaking, in_crm}


def test_a_person_goes_when_the_last_that_they_said_is_gone(shelf: Shelf) -> None:
    anna = add_person(shelf, "anna", OLD)
    shelf.say("old", OLD)
    author = tables.authors.update().values(contact_id=anna)
    shelf.store.write(lambda connection: connection.execute(author))
    assert shelf.apply(mentions=YEAR, contacts=YEAR) == {"mentions": 1, "contacts": 1}
    assert shelf.count(tables.authors) == 0


def test_history_goes_by_its_own_line(shelf: Shelf) -> None:
    anna = add_person(shelf, "anna", OLD)
    for at in (OLD, NOW):
        shelf.put(tables.contact_history, contact_id=anna, field="name", before="A", after="B", at=at)
    assert shelf.apply(history=YEAR) == {"history": 1}
    assert shelf.count(tables.contact_history) == 1


def test_a_dry_run_counts_what_would_go_and_removes_nothing(shelf: Shelf) -> None:
    for name in ("a", "b", "c"):
        shelf.say(name, OLD)
    section = RetentionSection(mentions=YEAR, history=YEAR)
    going = retention.foresee(shelf.store, section, shelf.tombstones, NOW)
    assert {one.kind: one.number for one in going} == {"messages": 0, "mentions": 3, "history": 0, "runs": 0}
    assert len(shelf.said()) == 3


def test_much_goes_in_batches_and_each_is_its_own_transaction(shelf: Shelf) -> None:
    page = [Mention(remote_id=f"m{n}", thread_id="post", author=ANNA, sent_at=OLD) for n in range(1100)]
    shelf.take_in(page, RetentionSection(), OLD)
    before = shelf.store.transactions
    work = retention.apply(shelf.store, RetentionSection(mentions=YEAR), shelf.tombstones, NOW)
    assert next(work).number == 500
    assert len(shelf.said()) == 600
    assert [one.number for one in work] == [500, 100]
    assert shelf.store.transactions - before <= 6


def test_it_is_due_once_a_day_for_one_process(shelf: Shelf) -> None:
    times = [NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=24), NOW + timedelta(hours=25)]
    assert [retention.is_due(shelf.store, at) for at in times] == [True, False, True, False]
