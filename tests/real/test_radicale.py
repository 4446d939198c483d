"""The address book plugin on Radicale, while a phone works with the same cards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from real.proxy import FAULTS, FaultProxy
from real.radicale import Phone, Radicale
from real.report import Note as Seen
from real.serving import until

from hub import (
    AuthError,
    Batch,
    Contact,
    DuplicateError,
    Note,
    StaleCursor,
    StaleRecord,
    TransientError,
    UnknownOutcome,
)
from hub.testing import open_adapter
from plugins.carddav import CardDav

MANY = 1000
# Seconds; a late answer comes after them.
_DEADLINE = 4.0


@pytest.fixture(scope="class")
def between(server: Radicale) -> Iterator[FaultProxy]:
    """A proxy before the server that can lose its answers."""
    with FaultProxy(server.url) as running:
        yield running


@pytest.fixture
def book(request: pytest.FixtureRequest) -> str:
    """An address book of this test alone."""
    return "".join(letter for letter in request.node.name if letter.isalnum())[:60]


@pytest.fixture
def phone(server: Radicale, book: str) -> Iterator[Phone]:
    made = server.phone(book)
    yield made
    made.close()


@pytest.fixture
def opened(server: Radicale, book: str, phone: Phone) -> Iterator[Callable[..., CardDav]]:
    """A way to open the account, through the proxy or not."""
    adapters: list[CardDav] = []

    def open_one(url: str = "", deadline: float = _DEADLINE, **more: Any) -> CardDav:
        settings = {**server.account(url, book), **more}
        adapters.append(open_adapter(CardDav, settings, deadline=deadline))
        return adapters[-1]

    yield open_one
    for adapter in adapters:
        adapter.http.close()


def read(
    adapter: CardDav, cursor: str | None = None
) -> tuple[dict[str, Contact], str | None, list[Batch[Contact]]]:
    batches = list(adapter.pull_contacts(cursor))
    return {one.remote_id: one for batch in batches for one in batch.items}, batches[-1].cursor, batches


class TestRadicale:
    runs = Radicale

    def test_the_book_is_found_from_the_server_alone(
        self, opened: Callable[..., CardDav], book: str, note: Seen
    ) -> None:
        identity = opened().check()
        assert identity.remote_id == f"/alice/{book}/"
        assert not identity.missing
        with pytest.raises(AuthError):
            opened(password="wrong").check()

    @pytest.mark.parametrize("version", ["3.0", "4.0"])
    def test_what_the_hub_creates_changes_and_deletes_the_phone_sees(
        self, opened: Callable[..., CardDav], phone: Phone, version: str, note: Seen
    ) -> None:
        adapter = opened(version=version)
        made = adapter.push_contact(
            Contact(
                name="Анна Example",
                emails=["anna@example.org"],
                phones=["+7 495 123-45-67"],
                handles={"vk": "anna_e"},
                url="https://example.org/anna",
                fields={
                    "company": "Steel; Iron",
                    "city": "Москва",
                    "birthday": "--04-05",
                    "categories": ["a,b", "c"],
                },
                key="hub-1",
            ),
            None,
        )
        (seen,) = phone.people().values()
        assert (seen.name, seen.emails, seen.phones, seen.handles) == (
            "Анна Example",
            ["anna@example.org"],
            ["+7 495 123-45-67"],
            {"vk": "anna_e"},
        )
        assert seen.fields == {
            "company": "Steel; Iron",
            "city": "Москва",
            "birthday": "--04-05",
            "categories": ["a,b", "c"],
        }
        changed = Contact(name="Анна Петрова", emails=[], changed=frozenset({"name", "emails"}))
        adapter.push_contact(changed, made.remote_id)
        (seen,) = phone.people().values()
        assert (seen.name, seen.emails, seen.phones) == ("Анна Петрова", [], ["+7 495 123-45-67"])
        adapter.delete_contact(made.remote_id)
        adapter.delete_contact(made.remote_id)
        assert phone.names() == []
        note.posts += 1

    def test_what_the_phone_creates_changes_and_deletes_the_hub_sees(
        self, opened: Callable[..., CardDav], phone: Phone, note: Seen
    ) -> None:
        adapter = opened()
        ann = phone.add("ann", "Ann Lee", "ann@example.org")
        bob = phone.add("bob", "Bob Ray")
        found, cursor, batches = read(adapter)
        assert set(found) == {ann, bob}
        assert batches[-1].complete
        phone.change(ann, "FN:Ann Lee", "FN:Ann Smith")
        phone.delete(bob)
        found, cursor, _ = read(adapter, cursor)
        assert found[ann].name == "Ann Smith"
        assert found[bob].deleted
        assert read(adapter, cursor)[0] == {}

    def test_what_the_phone_keeps_in_a_card_stays_when_the_hub_changes_it(
        self, opened: Callable[..., CardDav], phone: Phone, note: Seen
    ) -> None:
        picture = "PHOTO;ENCODING=b;TYPE=JPEG:" + "QUJDREVG" * 40
        lines = [
            "X-VENDOR;X-P=1:kept",
            "item1.URL:http://a.example/",
            "item1.X-ABLabel:site",
            "NOTE:by hand",
            picture,
        ]
        name = phone.add("ann", "Ann Lee", "ann@example.org", lines=lines)
        before, _ = phone.read(name)
        adapter = opened()
        record = read(adapter)[0][name]
        adapter.push_contact(replace(record, fields={"title": "Boss"}, changed=frozenset({"title"})), name)
        after, _ = phone.read(name)
        assert set(before.splitlines()) - set(after.splitlines()) == set()
        assert set(after.splitlines()) - set(before.splitlines()) == {"TITLE:Boss"}

    def test_two_who_change_different_fields_of_one_card_lose_nothing(
        self, opened: Callable[..., CardDav], phone: Phone, note: Seen
    ) -> None:
        name = phone.add("ann", "Ann Lee", "ann@example.org")
        adapter = opened()
        record = read(adapter)[0][name]
        phone.change(name, "FN:Ann Lee", "FN:Ann Smith")
        ours = {"fields": {"title": "Boss"}, "changed": frozenset({"title"})}
        with pytest.raises(StaleRecord):
            adapter.push_contact(replace(record, **ours), name)
        fresh = adapter.get_contact(name)
        assert fresh is not None and fresh.name == "Ann Smith"
        adapter.push_contact(replace(fresh, **ours), name)
        seen = phone.people()[name]
        assert (seen.name, seen.fields) == ("Ann Smith", {"title": "Boss"})

    def test_two_who_change_the_same_field_do_not_overwrite_each_other(
        self, opened: Callable[..., CardDav], phone: Phone, note: Seen
    ) -> None:
        """Whoever comes second is told so: the hub by StaleRecord, the phone by 412."""
        name = phone.add("ann", "Ann Lee")
        adapter = opened()
        record = read(adapter)[0][name]
        card, etag = phone.read(name)
        adapter.push_contact(replace(record, name="Anna Lee", changed=frozenset({"name"})), name)
        assert phone.write(name, card.replace("Ann Lee", "Annie Lee"), etag) == 412
        phone.change(name, "FN:Anna Lee", "FN:Annie Lee")
        with pytest.raises(StaleRecord):
            adapter.push_contact(replace(record, name="Anne Lee", changed=frozenset({"name"})), name)
        with pytest.raises(StaleRecord):
            adapter.delete_contact(name, record.version)
        assert phone.people()[name].name == "Annie Lee"

    @pytest.mark.parametrize("kind", FAULTS)
    def test_a_creation_whose_answer_is_lost_is_made_once(
        self, kind: str, opened: Callable[..., CardDav], phone: Phone, between: FaultProxy, note: Seen
    ) -> None:
        adapter = opened(between.url)
        adapter.check()
        between.strike(kind, "PUT", "", seconds=_DEADLINE + 1)
        ann = Contact(name="Ann Lee", emails=["ann@example.org"], key="hub-17")
        with pytest.raises(UnknownOutcome):
            adapter.push_contact(ann, None)
        with pytest.raises(DuplicateError) as raised:
            adapter.push_contact(ann, None)
        assert raised.value.receipt is not None and phone.names() == [raised.value.receipt.remote_id]
        assert [one["server_said"] for one in struck(between)] == [201]
        note.faults += 1
        note.posts += 1

    @pytest.mark.parametrize("kind", FAULTS)
    def test_a_change_a_note_and_a_deletion_whose_answers_are_lost_are_done_once(
        self, kind: str, opened: Callable[..., CardDav], phone: Phone, between: FaultProxy, note: Seen
    ) -> None:
        name = phone.add("ann", "Ann Lee")
        adapter = opened(between.url)
        record = read(adapter)[0][name]
        changed = replace(record, name="Anna Lee", changed=frozenset({"name"}))
        between.strike(kind, "PUT", "", seconds=_DEADLINE + 1)
        with pytest.raises(UnknownOutcome):
            adapter.push_contact(changed, name)
        # A second attempt sees that the card is another one, and the hub reads that it is what it wanted.
        with pytest.raises(StaleRecord):
            adapter.push_contact(changed, name)
        held = adapter.get_contact(name)
        assert held is not None and held.name == "Anna Lee"
        between.strike(kind, "PUT", "", seconds=_DEADLINE + 1)
        asked = Note(key="note-1", text="Asked: «да»?")
        with pytest.raises(UnknownOutcome):
            adapter.add_note(name, asked)
        adapter.add_note(name, asked)
        assert phone.read(name)[0].count("Asked") == 1
        between.strike(kind, "DELETE", "", seconds=_DEADLINE + 1)
        try:
            adapter.delete_contact(name, (adapter.get_contact(name) or record).version)
        except TransientError:
            # The deadline of the call is over; the next turn finds it gone.
            assert kind == "late"
            adapter.delete_contact(name)
        assert phone.names() == []
        struck(between)
        note.faults += 3

    def test_people_are_found_by_key_email_and_number(
        self, opened: Callable[..., CardDav], phone: Phone, note: Seen
    ) -> None:
        name = phone.add("ann-uid", "Ann", "Ann@Example.org", lines=["TEL;TYPE=CELL:+7 (495) 123-45-67"])
        phone.add("bob-uid", "Bob", "bob@example.org", lines=["TEL:+7 495 765-43-21"])
        adapter = opened()
        for wanted in ({"key": "ann-uid"}, {"emails": ["ann@example.org"]}, {"phones": ["84951234567"]}):
            assert [one.remote_id for one in adapter.find_contacts(Contact(**wanted))] == [name], wanted
        assert adapter.find_contacts(Contact(emails=["nobody@example.org"])) == []

    def test_a_token_that_the_server_does_not_know_is_a_stale_cursor(
        self, opened: Callable[..., CardDav], book: str, note: Seen
    ) -> None:
        mark = f'{{"book":"/alice/{book}/","token":"http://radicale.org/ns/sync/{"0" * 64}"}}'
        with pytest.raises(StaleCursor):
            read(opened(), mark)

    def test_a_thousand_cards_are_read_and_then_only_what_changed(
        self, opened: Callable[..., CardDav], phone: Phone, note: Seen
    ) -> None:
        phone.fill([(f"person-{number}", f"Person {number}", f"p{number}@example.org") for number in range(MANY)])
        adapter = opened(deadline=60.0)
        begun = time.perf_counter()
        found, cursor, batches = read(adapter)
        took = time.perf_counter() - begun
        assert (len(found), len(batches), batches[-1].complete) == (MANY, MANY // 50, True)
        print(f"{MANY} cards read in {took:.2f} s")
        name = next(one for one in phone.names() if found[one].name == "Person 500")
        phone.change(name, "FN:Person 500", "FN:Renamed Person")
        found, cursor, batches = read(adapter, cursor)
        assert {one.name for one in found.values()} == {"Renamed Person"}
        assert len(batches) == 1
        note.posts += MANY


def struck(proxy: FaultProxy) -> list[dict[str, Any]]:
    """Return what struck, once the server's answer to it has come (a late one takes its time), and calm down."""
    until(proxy.struck, "the fault struck")
    found = proxy.struck()
    proxy.calm()
    return found
