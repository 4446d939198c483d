"""The kit on contacts: a CRM's records come whole, and what we give it is there once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from hub.adapter import ContactSync
from hub.errors import HubError, UnknownOutcome
from hub.models import Contact, Note, Receipt
from hub.testing.contract.ground import DEADLINE, needs
from hub.testing.contract.replying import LOST
from hub.testing.contract.shelf import ReadingGround, Shelf, named, raised_by, some
from hub.testing.contract.verbs import People, Reading
from hub.testing.double import Double
from hub.testing.faults import Fault
from hub.testing.social import ContactsDouble

_NAMES = {
    "accents": "Ünï Cödé",
    "Chinese": "李 小龙",
    "Cyrillic": "Анна-Мария О'Коннор",
    "an emoji": "Zoë 🎉 Party",
    "two letters": "Ng",
}
_ANNA = Contact(name="Anna Example", emails=("anna@example.org",))


class Contacts(ReadingGround):
    area: ClassVar[str] = "contacts"

    @pytest.fixture
    def people(self, network: Double, opened: Callable[..., Any]) -> Reading:
        """The CRM's records."""
        return self.reading_of(People, network, opened)

    @needs(ContactSync, ContactsDouble)
    def test_records_are_contacts_with_an_id(self, network: ContactsDouble, people: Reading, account: Any) -> None:
        made = network.add_contact("Anna Example", "anna@example.org", "a.example@example.com")
        items = _pull(people, account)
        for item in items.values():
            assert isinstance(item, Contact), f"pull_contacts must yield hub.Contact, not {type(item).__name__}"
            assert item.remote_id, (
                "a contact was pulled without remote_id: it would be entered anew at every exchange"
            )
        assert sorted(items[made].emails) == ["a.example@example.com", "anna@example.org"], (
            f"of a record with two e-mails came {list(items[made].emails)}: by them a person is recognised"
        )

    @needs(ContactSync, ContactsDouble)
    @pytest.mark.parametrize("name", _NAMES.values(), ids=_NAMES)
    def test_any_name_comes_and_goes_as_it_is(
        self, network: ContactsDouble, people: Reading, account: Any, name: str
    ) -> None:
        pulled = _pull(people, account).keys()
        theirs = network.add_contact(name, "theirs@example.org")
        ours = account.push_contact(Contact(name=name, emails=("ours@example.org",)), None).remote_id
        items = _pull(people, account)
        assert not pulled, "a CRM without records has some"
        assert items[theirs].name == name, f"the CRM's {name!r} was pulled as {items[theirs].name!r}"
        assert items[ours].name == name, f"{name!r} was pushed and came back as {items[ours].name!r}"

    @needs(ContactSync, ContactsDouble)
    def test_a_changed_record_comes_with_the_next_pull(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        first, *_ = people.add(5)
        shelf = Shelf(people, account)
        shelf.read()
        network.rename_contact(first, "Renamed Person")
        shelf.read()
        name = shelf.items[first].name
        assert name == "Renamed Person", f"a record was renamed at the CRM, and the next pull left it as {name!r}"

    @needs(ContactSync, ContactsDouble)
    def test_a_removed_record_is_not_pulled_as_if_it_stood(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        gone, stays = people.add(2)
        network.remove_contact(gone)
        shelf = Shelf(people, account)
        shelf.read()
        assert gone not in shelf.live, f"the removed record {gone} is pulled as if it stood"
        assert stays in shelf.live, f"the record {stays} was not pulled"

    @needs(ContactSync, ContactsDouble)
    def test_a_push_creates_once_and_then_updates_in_place(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        made = account.push_contact(_ANNA, None)
        assert isinstance(made, Receipt), f"push_contact must return a hub.Receipt, not {made!r}"
        assert _names(network) == {"Anna Example": 1}, f"one push made {_names(network)} at the CRM"
        assert made.remote_id in _pull(people, account), (
            f"push_contact gave the id {made.remote_id}, under which nothing is pulled: it would be pushed again"
        )
        again = account.push_contact(_ANNA, made.remote_id)
        assert again.remote_id == made.remote_id, "a push of what had not changed gave another id"
        assert _names(network) == {"Anna Example": 1}, (
            f"a push of what had not changed left {_names(network)}: with a remote_id, update that record"
        )
        account.push_contact(Contact(name="Anna Renamed", emails=_ANNA.emails), made.remote_id)
        assert _names(network) == {"Anna Renamed": 1}, (
            f"a push to the record {made.remote_id} left {_names(network)} instead of updating it in place"
        )

    @needs(ContactSync, ContactsDouble)
    def test_a_push_to_a_record_that_is_gone_is_refused(self, network: ContactsDouble, account: Any) -> None:
        made = account.push_contact(_ANNA, None)
        network.remove_contact(made.remote_id)
        with pytest.raises(HubError):
            account.push_contact(_ANNA, made.remote_id)
            pytest.fail("the record is gone, and a push to it was called a success: raise hub.GoneError")
        assert not network.people(), "the record is gone, and a push to it made another one"

    @needs(ContactSync, ContactsDouble)
    @pytest.mark.parametrize("fault", LOST, ids=str)
    def test_a_lost_answer_to_a_creation_is_unknown_and_the_next_pull_shows_the_record(
        self, fault: Fault, network: ContactsDouble, people: Reading, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=DEADLINE)
        network.inject(fault, network.writes, times=20)
        made: list[Receipt] = []
        raised = raised_by(lambda: made.append(account.push_contact(_ANNA, None)))
        network.calm()
        assert _names(network) == {"Anna Example": 1}, (
            f"{fault}: a creation whose answer was lost left {_names(network)}; never retry in push_contact()"
        )
        pulled = _pull(people, opened())
        # Where a header tells the id, rubbish in the body is no loss.
        told = [receipt.remote_id for receipt in made] == list(pulled)
        assert told or isinstance(raised, UnknownOutcome), (
            f"{fault}: a creation was done and its answer lost, and push_contact ended with {named(raised)}; "
            "raise hub.UnknownOutcome, and the hub looks for the record before it tries again"
        )
        names = [item.name for item in pulled.values()]
        assert names == ["Anna Example"], f"{fault}: after a lost answer the next pull showed {names}"

    @needs(ContactSync, ContactsDouble)
    def test_a_note_is_there_once(self, network: ContactsDouble, account: Any) -> None:
        record = account.push_contact(_ANNA, None).remote_id
        made = account.add_note(record, Note(key="note-1", text="Asked: 5 < 6 & «почему?» 🎉"))
        assert isinstance(made, Receipt), f"add_note must return a hub.Receipt, not {made!r}"
        noted = network.noted()
        assert len(noted) == 1, f"one note was added and {len(noted)} are there"
        assert "5 < 6 & «почему?» 🎉" in noted[0], f"the note stands there as {noted[0]!r}"

    @needs(ContactSync, ContactsDouble)
    @pytest.mark.parametrize("fault", LOST, ids=str)
    def test_a_note_whose_answer_was_lost_is_not_there_twice(
        self, fault: Fault, network: ContactsDouble, opened: Callable[..., Any]
    ) -> None:
        record = opened().push_contact(_ANNA, None).remote_id
        account = opened(deadline=DEADLINE)
        network.inject(fault, network.writes, times=20)
        raised = raised_by(lambda: account.add_note(record, Note(key="note-1", text="Asked something")))
        network.calm()
        number = len(network.noted())
        assert number == 1, (
            f"{fault}: a note whose answer was lost is there {number} times; never retry in add_note()"
        )
        # Some CRMs answer a note with nothing: then a receipt without a look at the body is right.
        assert raised is None or isinstance(raised, UnknownOutcome), (
            f"{fault}: a note was added and its answer lost, and add_note ended with {named(raised)}: raise "
            "hub.UnknownOutcome"
        )

    @needs(ContactSync, ContactsDouble)
    def test_a_note_to_a_record_that_is_gone_is_refused(self, network: ContactsDouble, account: Any) -> None:
        record = account.push_contact(_ANNA, None).remote_id
        network.remove_contact(record)
        with pytest.raises(HubError):
            account.add_note(record, Note(key="note-1", text="Asked something"))
            pytest.fail("the record is gone, and a note to it was called a success: raise hub.GoneError")
        assert not network.noted(), f"a note was put on a record that is gone: {some(network.noted())}"


def _pull(people: Reading, account: Any) -> dict[str, Contact]:
    shelf = Shelf(people, account)
    shelf.read()
    return shelf.items


def _names(network: ContactsDouble) -> dict[str, int]:
    return dict(Counter(name for name, _ in network.people()))
