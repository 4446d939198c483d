"""The kit on the two-way sync: what a CRM is told to change, and nothing else, is changed there, and surely."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from hub.adapter import Ability, ContactSync
from hub.errors import HubError, StaleRecord, UnknownOutcome
from hub.models import Contact, Push, Receipt
from hub.testing.contract.ground import DEADLINE, needs
from hub.testing.contract.shelf import ReadingGround, Shelf, named, raised_by, some
from hub.testing.contract.verbs import Reading
from hub.testing.faults import LOST
from hub.testing.social import ContactsDouble

Value = str | Sequence[str]
_ANNA = Contact(name="Anna Example", emails=("anna@example.org",))
_PHONE = "+49 30 901820"


class Exchange(ReadingGround):
    area: ClassVar[str] = "contacts"

    @needs(ContactSync, ContactsDouble)
    def test_an_update_sets_only_what_changed(self, network: ContactsDouble, account: Any) -> None:
        made = account.push_contact(_ANNA, None).remote_id
        network.rename_contact(made, "Theirs Since")
        change = Contact(name="Anna Example", emails=("new@example.org",), changed=frozenset({"emails"}))
        account.push_contact(change, made)
        ((name, emails),) = network.people()
        assert list(emails) == ["new@example.org"], f"an update of the e-mails left {list(emails)}"
        assert name == "Theirs Since", (
            f"an update of the e-mails alone made the name {name!r}, which somebody had changed at the CRM: "
            "send only what contact.changed names"
        )

    @needs(ContactSync, ContactsDouble)
    def test_every_field_comes_back_as_it_was_given(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        given = _samples(network, account)
        made = account.push_contact(_with(_ANNA, given), None).remote_id
        back = _pull(people, account)[made]
        for name, value in given.items():
            assert _listed(_value(back, name)) == _listed(value), (
                f"{name} was pushed as {value!r} and came back as {_value(back, name)!r}"
            )

    @needs(ContactSync, ContactsDouble)
    def test_what_was_emptied_is_empty_and_the_rest_stays(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        given = _samples(network, account)
        made = account.push_contact(_with(_ANNA, given), None).remote_id
        for name in given:
            others = {other: value for other, value in given.items() if other != name}
            account.push_contact(_with(_ANNA, others, changed=frozenset({name})), made)
            back = _pull(people, account)[made]
            assert not _value(back, name), (
                f"{name} was emptied by an update, and still is {_value(back, name)!r}: a name in contact.changed "
                "without a value is to be emptied"
            )
            for other, value in others.items():
                assert _listed(_value(back, other)) == _listed(value), (
                    f"an update that emptied {name} made {other} {_value(back, other)!r}"
                )
            assert (back.name, list(back.emails)) == (_ANNA.name, list(_ANNA.emails)), (
                f"an update that emptied {name} left {back.name!r} and {list(back.emails)}"
            )
            account.push_contact(_with(_ANNA, given, changed=frozenset({name})), made)

    @needs(ContactSync, ContactsDouble)
    def test_what_it_reads_and_writes_are_names_of_a_contact(self, network: ContactsDouble, account: Any) -> None:
        for verb in ("reads", "writes", "single"):
            found = getattr(account, verb)
            assert isinstance(found, frozenset), f"{verb} must be a frozenset of names, not {found!r}"
        odd = account.single - {"emails", "phones"}
        assert not odd, f"single names lists only, and not {some(odd)}"
        unread = set(network.samples) - account.reads
        assert not unread, f"the double holds {some(unread)}, which reads does not name"

    # Looking

    @needs(ContactSync, ContactsDouble)
    def test_what_a_lost_answer_made_is_found(self, network: ContactsDouble, opened: Callable[..., Any]) -> None:
        account = opened()
        _able(account, "find")
        wanted = Contact(name=_ANNA.name, emails=_ANNA.emails, key="key-of-anna")
        network.add_contact("Bo Other", "bo@example.org")
        network.inject(LOST, network.writes)
        raised = raised_by(lambda: opened(deadline=DEADLINE).push_contact(wanted, None))
        network.calm()
        assert raised is None or isinstance(raised, HubError), f"a lost creation ended with {named(raised)}"
        found = account.find_contacts(wanted)
        assert [one.name for one in found] == [_ANNA.name], (
            f"of a creation whose answer was lost find_contacts found {[one.name for one in found]}"
        )
        assert found[0].remote_id, "find_contacts found a record without its remote_id"
        assert not account.find_contacts(Contact(name="Nobody Here", emails=("nobody@example.org",))), (
            "find_contacts found somebody by an e-mail that nobody has"
        )
        assert not account.find_contacts(Contact(name=_ANNA.name)), (
            "find_contacts found somebody by the name alone: a name never says who it is"
        )

    @needs(ContactSync, ContactsDouble)
    def test_one_record_is_as_it_was_pulled_and_none_when_it_is_gone(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        _able(account, "get")
        made = network.add_contact("Anna Example", "anna@example.org")
        one, pulled = account.get_contact(made), _pull(people, account)[made]
        assert one is not None, f"get_contact({made!r}) is None, and the record is there"
        seen = [(c.remote_id, c.name, list(c.emails), list(c.phones), dict(c.fields)) for c in (one, pulled)]
        assert seen[0] == seen[1], f"one record reads as {seen[0]} alone and as {seen[1]} in the list"
        network.remove_contact(made)
        assert account.get_contact(made) is None, "get_contact must return None for a record that is gone"

    # Deleting

    @needs(ContactSync, ContactsDouble)
    def test_a_deletion_takes_one_record_and_again_is_no_error(
        self, network: ContactsDouble, account: Any
    ) -> None:
        _able(account, "delete")
        gone, _ = (network.add_contact(name, f"{name[0]}@example.org") for name in ("Anna Example", "Bo Other"))
        account.delete_contact(gone)
        left = [name for name, _ in network.people()]
        assert left == ["Bo Other"], f"of two records one was deleted, and {left} stand"
        again = raised_by(lambda: account.delete_contact(gone))
        assert again is None, f"deleting what is gone already ended with {named(again)}: it is a success"

    # Conditions

    @needs(ContactSync, ContactsDouble)
    def test_a_write_to_what_has_changed_since_is_refused(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        made = network.add_contact("Anna Example", "anna@example.org")
        seen = _pull(people, account)[made]
        if not seen.version:
            pytest.skip(f"{account.platform} tells no version of a record")
        network.rename_contact(made, "Theirs Since")
        ours = Contact(name="Ours Now", emails=seen.emails, version=seen.version, changed=frozenset({"name"}))
        raised = raised_by(lambda: account.push_contact(ours, made))
        assert isinstance(raised, StaleRecord), (
            f"a push with the version of a record before its last change ended with {named(raised)}: raise "
            "hub.StaleRecord, or tell no version"
        )
        names = [name for name, _ in network.people()]
        assert names == ["Theirs Since"], f"a push that was refused as stale left the name {names}"
        fresh = _pull(people, account)[made].version
        assert fresh != seen.version, "the version of a record stayed what it was although the record changed"
        account.push_contact(Contact(name="Ours Now", version=fresh, changed=frozenset({"name"})), made)
        names = [name for name, _ in network.people()]
        assert names == ["Ours Now"], f"a push with the newest version left the name {names}"

    # Many at once

    @needs(ContactSync, ContactsDouble)
    def test_of_many_the_bad_one_alone_fails(self, network: ContactsDouble, account: Any) -> None:
        gone, stays = (network.add_contact(name, f"{name[0]}@example.org") for name in ("Gone Soon", "Stays Here"))
        network.remove_contact(gone)
        pushes = [
            Push(contact=Contact(name="New One", emails=("n1@example.org",))),
            Push(contact=Contact(name="To Nobody", changed=frozenset({"name"})), remote_id=gone),
            Push(contact=Contact(name="Stays Renamed", changed=frozenset({"name"})), remote_id=stays),
            Push(contact=Contact(name="New Two", emails=("n2@example.org",))),
            Push(contact=Contact(name="Gone Again", changed=frozenset({"name"})), remote_id=gone),
        ]
        outcomes = _pushed(account, pushes)
        assert len(outcomes) == len(pushes), (
            f"push_contacts gave {len(outcomes)} outcomes for {len(pushes)} pushes"
        )
        good = [isinstance(outcome, Receipt) for outcome in outcomes]
        assert good == [True, False, True, True, False], (
            f"of five pushes, two to a record that is gone, came {outcomes}"
        )
        assert outcomes[2].remote_id == stays, (
            f"the receipt of an update names {outcomes[2].remote_id}, not {stays}"
        )
        names = sorted(name for name, _ in network.people())
        assert names == ["New One", "New Two", "Stays Renamed"], f"five pushes left {names}"
        ids = {outcomes[0].remote_id, outcomes[3].remote_id}
        assert len(ids) == 2, "two contacts that were created bear one remote_id"

    @needs(ContactSync, ContactsDouble)
    def test_of_many_whose_answer_is_lost_none_is_there_twice(
        self, network: ContactsDouble, people: Reading, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=DEADLINE)
        pushes = [Push(contact=Contact(name=f"New {n}", emails=(f"n{n}@example.org",))) for n in ("One", "Two")]
        network.inject(LOST, network.writes, times=20)
        outcomes = _pushed(account, pushes)
        network.calm()
        names = sorted(name for name, _ in network.people())
        assert len(names) == len(set(names)), f"creations whose answer was lost left {names}"
        for push, outcome in zip(pushes, outcomes, strict=True):
            there = push.contact.name in names
            assert not there or isinstance(outcome, UnknownOutcome), (
                f"{push.contact.name} was created and its answer lost, and its outcome is {outcome!r}: it must be "
                "hub.UnknownOutcome"
            )

    # All records

    @needs(ContactSync, ContactsDouble)
    def test_a_list_that_is_called_complete_has_every_record(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        standing = people.add(people.many)
        gone: list[str] = []

        def lose(_: object) -> None:
            if len(gone) < 12:
                gone.append(standing.pop(0))
                network.remove_contact(gone[-1])

        network.after = lose
        batches = list(account.pull_contacts(None))
        network.after = None
        early = [number for number, batch in enumerate(batches[:-1]) if batch.complete]
        assert not early, (
            f"batch {some(map(str, early))} of {len(batches)} is called complete; only the last may be"
        )
        seen = {item.remote_id for batch in batches for item in batch.items}
        if batches[-1].complete:
            missing = set(standing) - seen
            assert not missing, (
                "records were deleted while the list was read, and it is called complete without "
                f"{some(missing)}, which stand: the hub takes these for deleted"
            )

    @needs(ContactSync, ContactsDouble)
    def test_a_record_that_is_gone_is_seen_to_be(
        self, network: ContactsDouble, people: Reading, account: Any
    ) -> None:
        gone, stays = people.add(2)
        shelf = Shelf(people, account)
        shelf.read()
        network.remove_contact(gone)
        shelf.read()
        told = gone not in shelf.live
        again = list(account.pull_contacts(None))
        seen = {item.remote_id for batch in again for item in batch.items if not item.deleted}
        assert stays in seen, f"the record {stays} was not pulled by pull_contacts(None), which asks for all"
        assert gone not in seen, f"the removed record {gone} is pulled as if it stood"
        assert told or again[-1].complete, (
            "a record was deleted at the CRM: neither did a pull call it deleted, nor was a whole list complete"
        )


def _pushed(account: Any, pushes: Sequence[Push]) -> list[Any]:
    """Push in batches of the size that the account allows."""
    size = account.batch_size
    outcomes: list[Any] = []
    for start in range(0, len(pushes), size):
        outcomes += account.push_contacts(pushes[start : start + size])
    return outcomes


def _able(account: Any, ability: Ability) -> None:
    if ability not in account.abilities:
        pytest.skip(f"this account of {account.platform} cannot {ability}")


def _samples(network: ContactsDouble, account: Any) -> dict[str, Value]:
    """Return values for the names that the account reads and writes, beside name and e-mails."""
    both = account.reads & account.writes
    wanted: dict[str, Value] = {"phones": [_PHONE], **network.samples}
    return {name: value for name, value in wanted.items() if name in both}


def _with(contact: Contact, values: Mapping[str, Value], changed: frozenset[str] | None = None) -> Contact:
    fields = {name: value for name, value in values.items() if name != "phones"}
    phones = values.get("phones", ())
    return Contact(name=contact.name, emails=contact.emails, phones=phones, fields=fields, changed=changed)


def _value(contact: Contact, name: str) -> Value:
    return contact.phones if name == "phones" else contact.fields.get(name, "")


def _listed(value: Value) -> list[str]:
    return [value] if isinstance(value, str) else sorted(value)


def _pull(people: Reading, account: Any) -> dict[str, Contact]:
    shelf = Shelf(people, account)
    shelf.read()
    return shelf.items
