"""Erasure: nothing of the person is left in any table, index or file, nothing comes back, and all else stays."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from planted import NOW, Planted, plant
from planted import word_of as word
from sqlalchemy.engine import Connection

from hub import Author, Contact, ContactSync, Mention
from hub.contacts.privacy import erasing
from hub.contacts.privacy.admission import Admission
from hub.errors import ConfigError, HubError, RejectedError, TransientError, UsageError
from hub.sections import RetentionSection
from hub.store import Store, migrate, tables
from hub.store.discussions import dropping, ingesting, mentions, threads
from hub.store.privacy import erasures, held
from hub.store.privacy.tombstones import Mark, Tombstones, lift_all
from hub.store.running import accounts, switches

KEY = bytes(range(32))


class Rolodex(ContactSync):
    """A CRM in memory, which deletes, or answers as it is told."""

    platform = "rolodex"

    def __init__(self, fails: HubError | BaseException | None = None, can: bool = True) -> None:
        self.account = "crm"
        self.deleted: list[str] = []
        self.fails = fails
        self.can = can

    @property
    def abilities(self) -> Any:
        return frozenset({"delete"}) if self.can else frozenset()

    def delete_contact(self, remote_id: str, version: str = "") -> None:
        if self.fails is not None:
            raise self.fails
        self.deleted.append(remote_id)

    def check(self) -> Any: ...
    def pull_contacts(self, cursor: str | None) -> Any: ...
    def push_contact(self, contact: Contact, remote_id: str | None) -> Any: ...
    def add_note(self, remote_id: str, note: Any) -> Any: ...


@dataclass
class House:
    """What an erasure works with; `crash` ends the program where the time is asked next."""

    store: Store
    crm: Rolodex = field(default_factory=Rolodex)
    crash: bool = False
    key: bytes = KEY

    def __post_init__(self) -> None:
        self.tombstones = Tombstones(lambda: self.key)

    def clock(self) -> Any:
        if self.crash:
            raise KeyboardInterrupt
        return NOW

    def adapter(self, name: str) -> Rolodex:
        assert name == "crm"
        return self.crm


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    opened = Store.open(database_url)
    if opened.is_sqlite:
        # As SQLite is built by itself: what is deleted stays in the file until something is written there.
        sa.event.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA secure_delete = OFF"))
    migrate.upgrade(opened)
    yield House(opened)
    opened.close()


def erase(house: House, planted: Planted, *, crms: bool = False) -> erasing.Proof:
    return erasing.erase(house, planted.person, None, NOW, crms)


def found(store: Store, words: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return every place in the database where one of the words stands, the index of words included."""
    places = [
        (table.name, column.name) for table in tables.metadata.sorted_tables for column in held.texts_of(table)
    ]
    if store.is_sqlite:
        places += [("mention_search_content", "c0"), ("mention_search_content", "c1")]
    with store.read() as connection:
        return [
            (table, column, one)
            for table, column in places
            for (text,) in connection.execute(sa.text(f"SELECT {column} FROM {table}"))
            for one in words
            if one in str(text)
        ]


def counted(store: Store, table: sa.Table) -> int:
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def take_in(house: House, items: Sequence[Mention], retention: RetentionSection | None = None) -> int:
    """Let a page of a network come in as a turn does it; return how many were new or changed."""
    admit = Admission(house.tombstones, retention or RetentionSection(), lambda: NOW)

    def work(connection: Connection) -> int:
        kept = admit(connection, "village", items)
        roots = threads.ensure(connection, "one", sorted({item.thread_id for item in kept}), NOW)
        got = ingesting.ingest(connection, "one", "village", roots, kept, NOW)
        return len(got.new) + got.changed + got.deleted

    return house.store.write(work)


ANNA = Author(remote_id=word("authors", "remote_id"), name="Anna")


def test_nothing_of_the_person_is_left_in_any_text_of_any_table(house: House) -> None:
    planted = plant(house.store)
    words = sorted(set(planted.words.values()))
    assert len({table for table, _, _ in found(house.store, words)}) > 20
    erase(house, planted)
    assert found(house.store, words) == []


def test_nothing_is_left_in_the_bytes_of_the_file(house: House) -> None:
    if not house.store.is_sqlite:
        pytest.skip("PostgreSQL's files are the server's")
    planted = plant(house.store)
    file = Path(str(house.store.engine.url.database))
    files = [file, file.with_name(file.name + "-wal")]
    words = [one.encode() for one in set(planted.words.values())]
    assert any(one in each.read_bytes() for one in words for each in files)
    erase(house, planted)
    assert [one for one in words for each in files if each.exists() and one in each.read_bytes()] == []


def test_the_index_finds_none_of_their_words(house: House) -> None:
    from hub.store.discussions import search

    planted = plant(house.store)

    def hits(connection: Connection) -> int:
        terms = [search.Term(word("mentions", "text"))]
        query = sa.select(sa.func.count()).select_from(search.search).where(search.matches(connection, terms))
        return int(connection.execute(query).scalar_one())

    with house.store.read() as connection:
        assert hits(connection) > 0
    erase(house, planted)
    with house.store.read() as connection:
        assert hits(connection) == 0


def test_the_proof_says_what_was_removed_where_and_how_many(house: House) -> None:
    planted = plant(house.store)
    proof = erase(house, planted)
    removed = {line.where: line.number for line in proof.lines}
    assert (removed["contacts"], removed["contact_values"], removed["authors"], removed["records"]) == (2, 2, 1, 1)
    assert removed["tombstones"] == len(tombs(planted))
    assert removed["crm"] == 1


def tombs(planted: Planted) -> list[Mark]:
    """Return what must be known again of Anna; what was planted as her e-mail is none."""
    author, remark = ANNA.remote_id, word("mentions", "remote_id")
    said: list[Mark] = [("mention", "village", one) for one in (remark, "anna-2", "us-1")]
    handle = word("authors", "handle")
    names: list[Mark] = [(kind, "village", handle) for kind in ("handle", "author")]
    record: list[Mark] = [("record", "crm", word("records", "remote_id")), ("key", "crm", "key-")]
    mail: list[Mark] = [("email", word("contact_values", "key"))]
    return [("author", "village", author), *names, *said, *record, *mail]


def test_what_others_said_stays_and_names_her_remark_no_more(house: House) -> None:
    planted = plant(house.store)
    erase(house, planted)
    with house.store.read() as connection:
        boris = mentions.get(connection, planted.mentions["boris"])
    assert boris is not None
    assert (boris.text, boris.author_name, boris.deleted_at) == ("I agree", "Boris", None)
    assert (boris.parent_id or "").startswith("erased:")
    assert boris.thread_id == boris.parent_id


def test_what_others_said_is_no_news_when_it_is_read_again(house: House) -> None:
    planted = plant(house.store)
    root = word("mentions", "remote_id")
    again = Mention(
        remote_id="boris-says",
        thread_id=root,
        parent_id=root,
        author=Author(remote_id="boris-1", name="Boris", handle="boris"),
        text="I agree",
        sent_at=NOW,
    )
    assert take_in(house, [again]) == 1
    assert take_in(house, [again]) == 0
    erase(house, planted)
    assert take_in(house, [again]) == 0
    assert found(house.store, [root]) == []


def test_nothing_they_said_comes_back(house: House) -> None:
    planted = plant(house.store)
    erase(house, planted)
    before = counted(house.store, tables.mentions)
    page = [
        Mention(remote_id="new", thread_id="other", author=ANNA, text="Hello again", sent_at=NOW),
        Mention(remote_id=word("mentions", "remote_id"), thread_id="other", text="without a name", sent_at=NOW),
        Mention(remote_id="anna-2", thread_id="other", deleted=True),
    ]
    assert take_in(house, page) == 0
    assert (counted(house.store, tables.mentions), counted(house.store, tables.authors)) == (before, 1)
    stranger = Author(remote_id="carl", name="Carl")
    assert (
        take_in(house, [Mention(remote_id="c", thread_id="other", author=stranger, text="Hi", sent_at=NOW)]) == 1
    )


@pytest.mark.parametrize(
    "contact",
    [
        Contact(remote_id="9", name="A", emails=("Anna@Example.org",)),
        Contact(remote_id="9", name="A", phones=("+7 912 345-67-89",)),
        Contact(remote_id="r-1", name="A"),
        Contact(remote_id="9", name="A", key="our-key"),
        Contact(remote_id="9", name="A", handles={"village": "@Anna_I"}),
        Contact(remote_id="9", name="A", handles={"village": "anna-id"}),
    ],
)
def test_no_record_of_theirs_is_taken_in(house: House, contact: Contact) -> None:
    add_anna(house)
    others = [Contact(remote_id="7", name="Boris", emails=("boris@example.org",))]
    with house.store.read() as connection:
        assert len(house.tombstones.contacts(connection, "crm", [contact, *others])) == 2
    erasing.erase(house, 1, None, NOW)
    with house.store.read() as connection:
        assert list(house.tombstones.contacts(connection, "crm", [contact, *others])) == others
        gone = Contact(remote_id="r-1", deleted=True)
        assert list(house.tombstones.contacts(connection, "crm", [gone])) == [gone]


def add_anna(house: House, *more: tuple[str, str]) -> None:
    """Store a person with an e-mail, a phone, an identity and a record, and another one with `more` values."""

    def work(connection: Connection) -> None:
        for name in ("Anna Ivanova", "Boris Petrov"):
            connection.execute(tables.contacts.insert().values(name=name, created_at=NOW))
        connection.execute(tables.contacts.update().values(person_id=tables.contacts.c.id))
        values = [(1, "emails", "anna@example.org"), (1, "phones", "+79123456789")]
        for card, name, value in [*values, *((2, *one) for one in more)]:
            connection.execute(
                tables.contact_values.insert().values(
                    contact_id=card, field=name, value=value, many=1, key=value, at=NOW, source="crm"
                )
            )
        who = {"platform": "village", "remote_id": "anna-id", "handle": "Anna_I", "name": "Anna Ivanova"}
        connection.execute(tables.authors.insert().values(**who, url="", emails="", hash=1, contact_id=1))
        connection.execute(
            tables.records.insert().values(
                account="crm",
                remote_id="r-1",
                contact_id=1,
                state="synced",
                updated_at=NOW,
                key="our-key",
                hash=0,
                url="",
                error="",
            )
        )

    house.store.write(accounts.register, {"one": "village", "crm": "rolodex"}, {"one": [], "crm": []}, NOW)
    house.store.write(work)


def test_an_address_that_somebody_else_has_too_lets_them_in(house: House) -> None:
    add_anna(house, ("emails", "anna@example.org"))
    erasing.erase(house, 1, None, NOW)
    theirs = [Contact(remote_id="7", name="Boris", emails=("anna@example.org",))]
    with house.store.read() as connection:
        assert list(house.tombstones.contacts(connection, "crm", theirs)) == theirs


def test_they_are_typed_in_again_only_after_they_are_readmitted(house: House) -> None:
    add_anna(house)
    erasing.erase(house, 1, None, NOW)
    with house.store.read() as connection, pytest.raises(UsageError, match="was erased"):
        house.tombstones.refuse(connection, {"name": "Anna", "emails": ["ANNA@example.org"]})
    assert erasing.readmit(house, "anna@example.org") == 1
    with house.store.read() as connection:
        house.tombstones.refuse(connection, {"name": "Anna", "emails": ["anna@example.org"]})
    assert erasing.readmit(house, "village:anna-id") >= 1


def test_the_hashes_tell_nobody_who_was_erased(house: House) -> None:
    add_anna(house)
    erasing.erase(house, 1, None, NOW)
    with house.store.read() as connection:
        digests = set(connection.execute(sa.select(tables.tombstones.c.digest)).scalars())
    guesses = ["anna@example.org", "email\x1fanna@example.org"]
    assert digests.isdisjoint({hashlib.sha256(one.encode()).digest() for one in guesses})
    other = Tombstones(lambda: bytes(32))
    assert digests.isdisjoint({other._digest(("email", "anna@example.org"))})


def test_another_key_is_refused_and_takes_nobody_in(house: House) -> None:
    add_anna(house)
    erasing.erase(house, 1, None, NOW)
    lost = House(house.store, key=bytes(32))
    with pytest.raises(ConfigError, match="with this key the hub cannot tell"):
        take_in(lost, [Mention(remote_id="new", thread_id="t", author=ANNA, text="Hi", sent_at=NOW)])
    assert house.store.write(lift_all) > 0
    assert take_in(lost, [Mention(remote_id="new", thread_id="t", author=ANNA, text="Hi", sent_at=NOW)]) == 1


def test_while_nobody_was_erased_a_page_costs_one_statement_more(house: House) -> None:
    said: list[str] = []
    sa.event.listen(house.store.engine, "before_cursor_execute", lambda *facts: said.append(facts[2]))
    page = [Mention(remote_id=f"m{number}", thread_id="t", author=ANNA, sent_at=NOW) for number in range(100)]
    with house.store.read() as connection:
        said.clear()
        assert house.tombstones.mentions(connection, "village", page) is page
    assert len([one for one in said if "SELECT" in one]) == (1 if house.store.is_sqlite else 2)


def test_what_is_taken_in_while_somebody_is_erased_is_not_stored_after_it(house: House) -> None:
    """On PostgreSQL many write at once: a page that was looked at before the erasure must be stored before it."""
    if house.store.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    planted = plant(house.store)
    page = [Mention(remote_id="late", thread_id="t", author=ANNA, text="zqlate", sent_at=NOW)]
    looked, other = threading.Event(), Store.open(house.store.engine.url.render_as_string(hide_password=False))

    def late(connection: Connection) -> None:
        kept = house.tombstones.mentions(connection, "village", page)
        looked.set()
        time.sleep(0.5)
        roots = threads.ensure(connection, "one", ["t"], NOW)
        ingesting.ingest(connection, "one", "village", roots, kept, NOW)

    taking = threading.Thread(target=other.write, args=(late,))
    taking.start()
    looked.wait(5)
    erase(house, planted)
    taking.join()
    other.close()
    assert found(house.store, ["zqlate"]) == []


def test_a_comment_with_their_words_is_taken_away_and_then_its_row_goes(house: House) -> None:
    planted = plant(house.store)
    proof = erase(house, planted)
    assert [(step.kind, step.account) for step in proof.steps] == [("line", "one")]
    with house.store.read() as connection:
        line = connection.execute(sa.select(tables.digest_lines)).one()
    assert (line.action, line.state, line.text, line.author, line.remote_id) == (
        "delete",
        "queued",
        "",
        "",
        "ours-77",
    )
    assert counted(house.store, tables.mentions) == 2
    taken_away = tables.digest_lines.update().values(state="deleted", due_at=None)
    house.store.write(lambda connection: connection.execute(taken_away))
    proof = erasing.go_on(house, proof.erasure.id)
    assert (proof.erasure.state, list(proof.steps)) == ("done", [])
    assert (counted(house.store, tables.mentions), counted(house.store, tables.digest_lines)) == (1, 0)


def test_with_the_crms_the_records_are_deleted_there(house: House) -> None:
    add_anna(house)
    proof = erasing.erase(house, 1, None, NOW, crms=True)
    assert house.crm.deleted == ["r-1"]
    assert (proof.erasure.state, proof.lines[-1]) == (
        "done",
        erasures.ProofLine("records deleted in the CRM", "crm", 1),
    )
    assert found(house.store, ["r-1"]) == []


def test_a_crm_that_is_not_there_is_asked_again(house: House) -> None:
    add_anna(house)
    house.crm.fails = TransientError("anna@example.org cannot be deleted now")
    proof = erasing.erase(house, 1, None, NOW, crms=True)
    assert [(step.state, step.error) for step in proof.steps] == [("open", "transient")]
    assert found(house.store, ["anna@example.org"]) == []
    house.crm.fails = None
    assert erasing.go_on(house, proof.erasure.id).erasure.state == "done"
    assert house.crm.deleted == ["r-1"]


@pytest.mark.parametrize("how", ["cannot", "refuses"])
def test_what_a_crm_does_not_do_a_person_is_asked_for(house: House, how: str) -> None:
    add_anna(house)
    house.crm.can = how != "cannot"
    house.crm.fails = RejectedError("no") if how == "refuses" else None
    proof = erasing.erase(house, 1, None, NOW, crms=True)
    assert [(step.state, step.remote_id) for step in proof.steps] == [("asked", "r-1")]
    assert erasing.settle(house.store, proof.erasure.id, NOW) == 1
    assert found(house.store, ["r-1"]) == []
    assert erasing.go_on(house, proof.erasure.id).erasure.state == "done"


def test_a_stopped_hub_deletes_nothing_in_a_crm_until_it_goes_on(house: House) -> None:
    add_anna(house)
    house.store.write(switches.stop, "", "tests", NOW)
    proof = erasing.erase(house, 1, None, NOW, crms=True)
    assert (house.crm.deleted, len(proof.steps)) == ([], 1)
    house.store.write(switches.resume)
    erasing.go_on(house, proof.erasure.id)
    assert house.crm.deleted == ["r-1"]


def test_after_a_crash_the_same_command_goes_on(house: House) -> None:
    """The program ends right after the person is out of the tables, before the file is swept."""
    planted = plant(house.store)
    house.crash = True
    with pytest.raises(KeyboardInterrupt):
        erase(house, planted)
    house.crash = False
    assert found(house.store, sorted(set(planted.words.values()))) == []
    proof = erase(house, planted)
    assert proof.erasure.state == "swept"
    assert "database" in {line.where for line in proof.lines}
    if house.store.is_sqlite:
        file = Path(str(house.store.engine.url.database))
        assert [one for one in planted.words.values() if one.encode() in file.read_bytes()] == []


def test_a_crash_in_the_middle_of_the_tables_changes_nothing(house: House) -> None:
    planted = plant(house.store)
    words = sorted(set(planted.words.values()))
    before = found(house.store, words)

    def half(connection: Connection) -> None:
        who = held.subject(connection, planted.person)
        assert who is not None
        erasing._remove(connection, house.tombstones, who, None, False, NOW)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.store.write(half)
    assert found(house.store, words) == before
    assert counted(house.store, tables.tombstones) == 0


def test_no_number_of_theirs_is_given_to_somebody_else(house: House) -> None:
    """SQLite gives the highest number out again: the next person and the next remark must not be taken for old."""
    add_anna(house)

    def work(connection: Connection) -> int:
        connection.execute(tables.contacts.delete().where(tables.contacts.c.id == 2))
        connection.execute(tables.readers.insert().values(user_id=1, read_to=50))
        return 0

    house.store.write(work)
    erasing.erase(house, 1, None, NOW)
    row = tables.contacts.insert().values(name="Carl", created_at=NOW).returning(tables.contacts.c.id)
    assert house.store.write(lambda connection: connection.execute(row).scalar_one()) > 1
    with house.store.read() as connection:
        assert connection.execute(sa.select(tables.readers.c.read_to)).scalar() == 0


def test_who_is_named_by_others_is_said_in_the_proof(house: House) -> None:
    planted = plant(house.store)
    mail = word("contact_values", "value")
    quote = tables.mentions.update().where(tables.mentions.c.id == planted.mentions["boris"])
    house.store.write(lambda connection: connection.execute(quote.values(text=f"write to {mail}")))
    proof = erase(house, planted)
    named = [line for line in proof.lines if "named: see" in line.what]
    assert [(line.where, line.number) for line in named] == [(f"mentions {planted.mentions['boris']}", 1)]


def test_what_was_chosen_for_a_digest_never_becomes_everything(house: House) -> None:
    planted = plant(house.store)
    chosen = tables.digests.update().values(chosen=str(planted.mentions["first"]))
    house.store.write(lambda connection: connection.execute(chosen))
    house.store.write(dropping.mentions, [planted.mentions["first"]], [])
    with house.store.read() as connection:
        assert connection.execute(sa.select(tables.digests.c.chosen)).scalar() == "0"


def test_nobody_cannot_be_erased(house: House) -> None:
    with pytest.raises(UsageError, match="there is no contact 99"):
        erasing.erase(house, 99, None, NOW)
