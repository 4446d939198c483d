"""The hub and a phone on one address book of Radicale: two ways, nothing lost, nobody twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from real.command import Command
from real.proxy import FAULTS, FaultProxy
from real.radicale import Phone, Radicale
from real.report import Note as Seen

from plugins.carddav import CardDav

MANY = 1000
COMMON = 60


class Desk:
    """A hub with the address book as its only account."""

    def __init__(
        self, folder: Path, settings: dict[str, Any], policies: dict[str, str], options: dict[str, Any]
    ) -> None:
        self.hub = Command(folder)
        self.hub.add("book", CardDav, settings, **{"create": "all", **options})
        if policies:
            lines = [f'{name} = "{policy}"' for name, policy in policies.items()]
            self.hub.append("\n".join(["[accounts.book.policies]", *lines]))

    def tick(self) -> dict[str, int]:
        """Do everything there is; return what was pulled, pushed and asked."""
        done = self.hub.tick()
        assert done["errors"] == [], done["errors"]
        counts: dict[str, int] = done["contacts"]
        return counts

    def until_quiet(self) -> None:
        """Tick until a tick finds nothing to do."""
        quiet = {"pulled": 0, "pushed": 0, "conflicts": 0}
        for _ in range(5):
            if self.tick() == quiet:
                return
        raise AssertionError(f"after five ticks there is still something to do: {self.hub.last}")

    def people(self) -> dict[str, dict[str, Any]]:
        """Return the contacts with all their fields, by name."""
        listed = self.hub("contacts")["contacts"]
        shown = [self.hub("contacts", "show", str(one["id"]))["contact"] for one in listed]
        found = {one["fields"]["name"]: one for one in shown}
        assert len(found) == len(listed), f"somebody is there twice: {[one['name'] for one in listed]}"
        return found

    def add(self, *values: str) -> str:
        return str(self.hub("contacts", "add", *values)["contact"]["id"])

    def edit(self, number: object, *values: str) -> None:
        self.hub("contacts", "edit", str(number), *values)

    def questions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.hub("contacts", "conflicts")["questions"]
        return found


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
def desk(server: Radicale, book: str, phone: Phone, tmp_path: Path) -> Callable[..., Desk]:
    """A way to open a hub on the book, through the proxy or not, with policies by field and options."""

    def open_desk(url: str = "", policies: dict[str, str] | None = None, **options: Any) -> Desk:
        return Desk(tmp_path / "hub", server.account(url, book), policies or {}, options)

    return open_desk


def names(phone: Phone) -> list[str]:
    return sorted(one.name for one in phone.people().values())


class TestRadicaleInStep:
    runs = Radicale

    def test_people_that_are_added_on_either_side_are_on_both(
        self, desk: Callable[..., Desk], phone: Phone, note: Seen
    ) -> None:
        phone.add("ann", "Ann Lee", "ann@example.org", lines=["TEL:+74951234567", "ORG:Steel;Sales"])
        hub = desk()
        hub.tick()
        hub.add("name=Борис Hub", "emails+=boris@example.org", "city=Москва", "birthday=--04-05")
        hub.until_quiet()
        here, there = hub.people(), {one.name: one for one in phone.people().values()}
        assert set(here) == set(there) == {"Ann Lee", "Борис Hub"}
        assert here["Ann Lee"]["fields"]["company"] == "Steel"
        assert here["Ann Lee"]["phones"] == ["+74951234567"]
        assert (there["Борис Hub"].emails, dict(there["Борис Hub"].fields)) == (
            ["boris@example.org"],
            {"city": "Москва", "birthday": "--04-05"},
        )
        before = phone.tags()
        assert hub.tick() == {"pulled": 0, "pushed": 0, "conflicts": 0}
        assert phone.tags() == before
        note.posts += 2

    def test_changes_of_different_fields_on_both_sides_meet(
        self, desk: Callable[..., Desk], phone: Phone, note: Seen
    ) -> None:
        name = phone.add("ann", "Ann Lee", "ann@example.org", lines=["X-VENDOR:kept", "NOTE:by hand"])
        hub = desk()
        hub.tick()
        number = hub.people()["Ann Lee"]["id"]
        phone.change(name, "FN:Ann Lee", "FN:Ann Smith")
        hub.edit(number, "title=Boss", "emails+=ann@work.example")
        hub.until_quiet()
        person, card = hub.people()["Ann Smith"], phone.people()[name]
        assert (card.name, card.fields["title"]) == ("Ann Smith", "Boss")
        assert sorted(card.emails) == sorted(person["emails"]) == ["ann@example.org", "ann@work.example"]
        assert {"X-VENDOR:kept", "NOTE:by hand"} <= set(phone.read(name)[0].splitlines())
        assert hub.questions() == []

    @pytest.mark.parametrize("answer", ["ours", "theirs", "Annabel Lee"])
    def test_changes_of_one_field_on_both_sides_are_asked_and_both_kept(
        self, desk: Callable[..., Desk], phone: Phone, answer: str, note: Seen
    ) -> None:
        name = phone.add("ann", "Ann Lee", "ann@example.org")
        hub = desk(policies={"name": "ask"})
        hub.tick()
        number = hub.people()["Ann Lee"]["id"]
        phone.change(name, "FN:Ann Lee", "FN:Ann Smith")
        hub.edit(number, "name=Anne Lee", "title=Boss")
        hub.tick()
        (asked,) = hub.questions()
        assert (asked["kind"], asked["field"]) == ("conflict", "name")
        assert (asked["base"], asked["ours"], asked["theirs"]) == ("Ann Lee", "Anne Lee", "Ann Smith")
        hub.until_quiet()
        # The name waits for a person, and nothing else does.
        assert (phone.people()[name].name, phone.people()[name].fields) == ("Ann Smith", {"title": "Boss"})
        hub.hub("contacts", "decide", str(asked["id"]), answer)
        hub.until_quiet()
        wanted = {"ours": "Anne Lee", "theirs": "Ann Smith"}.get(answer, answer)
        assert set(hub.people()) == {wanted}
        assert names(phone) == [wanted]
        assert hub.questions() == []

    def test_without_a_question_the_newer_value_stands_and_the_other_is_in_the_history(
        self, desk: Callable[..., Desk], phone: Phone, note: Seen
    ) -> None:
        name = phone.add("ann", "Ann Lee", "ann@example.org")
        hub = desk()
        hub.tick()
        number = hub.people()["Ann Lee"]["id"]
        hub.edit(number, "name=Anne Lee")
        phone.change(name, "FN:Ann Lee", "FN:Ann Smith")
        hub.until_quiet()
        (shown,) = hub.people().values()
        assert names(phone) == [shown["fields"]["name"]]
        said = {one[side] for one in shown["history"] for side in ("before", "after")} | {shown["fields"]["name"]}
        assert {"Ann Lee", "Anne Lee", "Ann Smith"} <= said, shown["history"]

    def test_two_phones_and_the_hub_on_one_card_lose_no_change(
        self, desk: Callable[..., Desk], phone: Phone, server: Radicale, book: str, note: Seen
    ) -> None:
        name = phone.add("ann", "Ann Lee", "ann@example.org")
        hub = desk()
        hub.tick()
        number = hub.people()["Ann Lee"]["id"]
        other = server.phone(book)
        card, etag = other.read(name)
        hub.edit(number, "title=Boss")
        hub.until_quiet()
        phone.change(name, "END:VCARD", "NICKNAME:Annie\r\nEND:VCARD")
        # The other phone has an old card in its hand: the server refuses it, and it begins anew.
        assert other.write(name, card.replace("ann@example.org", "ann@example.net"), etag) == 412
        other.change(name, "ann@example.org", "ann@example.net")
        hub.edit(number, "company=Steel")
        hub.until_quiet()
        other.close()
        seen = phone.people()[name]
        assert seen.emails == ["ann@example.net"]
        assert seen.fields == {"title": "Boss", "nickname": "Annie", "company": "Steel"}
        person = hub.people()["Ann Lee"]
        assert person["emails"] == ["ann@example.net"]
        assert person["fields"]["nickname"] == "Annie"

    def test_a_card_that_is_deleted_on_the_phone_is_a_question(
        self, desk: Callable[..., Desk], phone: Phone, note: Seen
    ) -> None:
        ann, _ = phone.add("ann", "Ann Lee"), phone.add("bob", "Bob Ray")
        hub = desk()
        hub.tick()
        phone.delete(ann)
        hub.tick()
        (asked,) = hub.questions()
        assert asked["kind"] == "gone_there"
        assert set(hub.people()) == {"Ann Lee", "Bob Ray"}
        hub.hub("contacts", "decide", str(asked["id"]), "theirs")
        hub.until_quiet()
        assert set(hub.people()) == {"Bob Ray"}
        assert names(phone) == ["Bob Ray"]

    def test_deletions_on_either_side_follow_where_the_account_says_so(
        self, desk: Callable[..., Desk], phone: Phone, note: Seen
    ) -> None:
        for uid, name in (("ann", "Ann Lee"), ("bob", "Bob Ray"), ("cat", "Cat Poe")):
            phone.add(uid, name, f"{uid}@example.org")
        hub = desk(deletions="follow")
        hub.tick()
        phone.delete("ann.vcf")
        hub.hub("contacts", "delete", str(hub.people()["Bob Ray"]["id"]), "--yes")
        hub.until_quiet()
        assert names(phone) == sorted(hub.people()) == ["Cat Poe"]

    @pytest.mark.parametrize("kind", FAULTS)
    def test_creations_changes_and_deletions_whose_answers_are_lost_are_done_once(
        self, kind: str, desk: Callable[..., Desk], phone: Phone, between: FaultProxy, note: Seen
    ) -> None:
        hub = desk(between.url, deletions="follow")
        hub.tick()
        number = hub.add("name=Ann Lee", "emails+=ann@example.org")
        between.strike(kind, "PUT", "", seconds=5)
        hub.hub.until(lambda: _settled(hub, phone, "Ann Lee"), "the creation is settled")
        hub.edit(number, "name=Ann Smith")
        between.strike(kind, "PUT", "", seconds=5)
        hub.hub.until(lambda: _settled(hub, phone, "Ann Smith"), "the change is settled")
        hub.hub("contacts", "delete", number, "--yes")
        between.strike(kind, "DELETE", "", seconds=5)
        hub.hub.until(lambda: not phone.names(), "the deletion is done")
        hub.hub.until(lambda: hub.hub.last["errors"] == [], "no error is left")
        # It creates with 201 and changes with 204 or, in newer versions, 201.
        said = [one["server_said"] for one in between.struck()]
        assert len(said) == 3 and all(200 <= status < 300 for status in said), said
        between.calm()
        assert hub.people() == {}
        note.faults += 3

    def test_a_thousand_cards_and_those_who_are_here_already_make_nobody_twice(
        self, desk: Callable[..., Desk], phone: Phone, note: Seen
    ) -> None:
        phone.fill([(f"person-{number}", f"Person {number}", f"p{number}@example.org") for number in range(MANY)])
        hub = desk()
        # What it has just imported it takes in once more before it answers.
        config = hub.hub.config.read_text(encoding="utf-8")
        hub.hub.config.write_text(config.replace('deadline = "4s"', 'deadline = "60s"'), encoding="utf-8")
        for number in range(COMMON):
            # Half of them are on the phone too, in another spelling.
            place = number if number % 2 else MANY + number
            hub.add(f"name=person {place}", f"emails+=P{place}@EXAMPLE.org")
        begun = time.perf_counter()
        hub.until_quiet()
        print(f"{MANY} cards and {COMMON} contacts in step in {time.perf_counter() - begun:.1f} s")
        cards = phone.people().values()
        everybody = {f"p{number}@example.org" for number in range(MANY)}
        everybody |= {f"p{MANY + number}@example.org" for number in range(0, COMMON, 2)}
        assert sorted(one.emails[0].lower() for one in cards) == sorted(everybody)
        listed = hub.hub("contacts", "--limit", "10000")["contacts"]
        assert sorted(one["emails"][0].lower() for one in listed) == sorted(everybody)
        before = phone.tags()
        assert hub.tick() == {"pulled": 0, "pushed": 0, "conflicts": 0}
        assert phone.tags() == before
        note.posts += len(listed)


def _settled(hub: Desk, phone: Phone, name: str) -> bool:
    """Tell whether the name is there, once, and the hub knows the card."""
    records = [record for one in hub.hub("contacts")["contacts"] for record in one["records"]]
    return names(phone) == [name] and [record["state"] for record in records] == ["synced"]
