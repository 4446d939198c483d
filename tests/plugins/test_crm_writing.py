"""What is sent: filters, emptied values, lists whose parts have ids, whole records, conditions, batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from crm_scripted import Scripted

from hub import (
    AuthError,
    Contact,
    DuplicateError,
    GoneError,
    HubError,
    Note,
    Push,
    Receipt,
    RejectedError,
    StaleRecord,
    TransientError,
    UnknownOutcome,
)
from hub.testing import Reply, faults, open_adapter
from plugins.crm_generic import Crm
from plugins.crm_generic.expressions import getter
from plugins.crm_generic.templates import Empties, fill
from plugins.crm_generic.values import contact_values

ANN = Contact(name="Ann Lee", emails=["a@x.org"], phones=["+7 1"], fields={"city": "Köln", "tags": ["a", "b"]})


# Filters and expressions


@pytest.mark.parametrize(
    ("template", "value", "made"),
    [
        ("{id|int}", "7", 7),
        ("{id|float}", "7,5", 7.5),
        ("{id|bool}", "no", False),
        ("{id|cents}", "12.345", 1234),
        ("{id|digits}", "+7 (999) 1", "79991"),
        ("{id|list}", "a; b,c", ["a", "b", "c"]),
        ("{id|semicolons}", ["a", "b"], "a;b"),
        ("{id|text}", ["a", "b"], "a, b"),
        ("{id|date(%d.%m.%Y)}", "1980-12-31", "31.12.1980"),
        ("{id|unix_ms}", "1970-01-02", 86_400_000),
        ("{id|lower|upper}", "a", "A"),
        ("q = '{id|escaped}'", "o'hara\\", "q = 'o\\'hara\\\\'"),
        ("q eq '{id|doubled}'", "o'hara", "q eq 'o''hara'"),
        ("<p>{id|html}</p>", "a<b\nc", "<p>a&lt;b<br>c</p>"),
        ("query { contacts { id } }", "7", "query { contacts { id } }"),
    ],
)
def test_a_filter_writes_a_value_as_the_crm_wants_it(template: str, value: Any, made: Any) -> None:
    assert fill(template, {"id": value}) == made


@pytest.mark.parametrize(
    ("expression", "record", "found"),
    [
        ("split(a, ';')", {"a": "x; y;"}, ["x", "y"]),
        ("match(a, 'ID: (\\d+)')", {"a": "Existing ID: 909"}, "909"),
        ("divide(a, `100`)", {"a": 1250}, "12.5"),
        ("divide(a, `100`)", {"a": "100000"}, "1000"),
        ("iso_date(a)", {"a": "2001-11-11T02:00:00+02:00"}, "2001-11-11"),
        ("iso_date(a)", {"a": 1_000_000_000}, "2001-09-09"),
        ("read_date(a, '%d.%m.%Y')", {"a": "31.12.1980"}, "1980-12-31"),
        ("read_date(a, '%d.%m.%Y')", {"a": ""}, None),
    ],
)
def test_a_function_reads_a_value_as_the_crm_writes_it(expression: str, record: Any, found: Any) -> None:
    assert getter(expression)(record) == found


# Emptied values

WRITE = {
    "first": "{first_name}",
    "last": "{last_name}",
    "mail": "{email}",
    "mails": "{emails}",
    "tel": [{"v": "{phones[]}"}],
    "city": "{fields.city}",
    "day": "{fields.day|date(%d.%m.%Y)|or_null}",
    "both": "{fields.city} {fields.day}",
}


@pytest.mark.parametrize(
    ("contact", "empties", "made"),
    [
        (Contact(changed=frozenset({"city"})), Empties(), {"city": "", "both": ""}),
        (Contact(changed=frozenset({"city"})), Empties(text="null"), {"city": None, "both": None}),
        (Contact(changed=frozenset({"city"})), Empties(text="keep"), {}),
        (Contact(changed=frozenset({"emails"})), Empties(text="false"), {"mail": False, "mails": []}),
        (Contact(changed=frozenset({"phones"})), Empties(list="null"), {"tel": None}),
        (Contact(changed=frozenset({"phones"})), Empties(list="keep"), {}),
        (Contact(changed=frozenset({"day"})), Empties(), {"day": None, "both": ""}),
        (Contact(name="Cher", changed=frozenset({"name"})), Empties(), {"first": "", "last": "Cher"}),
        (
            Contact(name="Cher", emails=["a@x"]),
            Empties(),
            {"first": "", "last": "Cher", "mail": "a@x", "mails": ["a@x"]},
        ),
    ],
)
def test_an_update_sends_what_changed_and_empties_what_was_emptied(
    contact: Contact, empties: Empties, made: Any
) -> None:
    wanted = ("fields.city", "fields.day", "phones[]", "email", "emails")
    assert fill(WRITE, contact_values(contact, wanted, update=True), empties) == made


# Whole calls


@contextmanager
def opened(script: dict[str, Reply], **changed: Any) -> Iterator[tuple[Scripted, Crm]]:
    contacts: dict[str, Any] = {
        "list": {"path": "/c"},
        "create": {"path": "/c", "id": "id"},
        "update": {"path": "/c/{id}"},
        "get": {"path": "/c/{id}"},
    }
    settings: dict[str, Any] = {
        "auth": {"kind": "bearer", "secret": "s3cr3t"},
        "check": {"path": "/me", "id": "id"},
        "map": {"id": "id", "name": "name", "emails": "mails[].v", "version": "rev"},
        "write": {"name": "{name}", "mails": [{"v": "{emails[]}", "kind": "work"}]},
    }
    contacts |= changed.pop("contacts", {})
    with Scripted(script) as double:
        crm = open_adapter(Crm, {"api_url": double.url, "contacts": contacts, **settings, **changed}, deadline=1.0)
        try:
            yield double, crm
        finally:
            crm.http.close()


RECORD = {
    "id": 1,
    "name": "Ann",
    "rev": 4,
    "owner": 9,
    "mails": [{"no": 11, "v": "a@x", "kind": "home"}, {"no": 12, "v": "b@x", "kind": "work"}],
}


def held(method: str = "PATCH") -> dict[str, Reply]:
    return {"GET /c/1": Reply(RECORD), f"{method} /c/1": Reply({})}


def test_the_parts_of_a_list_keep_their_ids_and_those_that_go_are_named() -> None:
    elements = [{"field": "mails", "value": "v", "id": "no", "remove": {"gone": True}}]
    change = Contact(emails=["b@x", "c@x"], changed=frozenset({"emails"}))
    with opened(held(), contacts={"update": {"path": "/c/{id}", "elements": elements}}) as (double, crm):
        crm.push_contact(change, "1")
        assert double.calls[-1].json() == {
            "mails": [{"no": 12, "v": "b@x"}, {"v": "c@x", "kind": "work"}, {"no": 11, "gone": True}]
        }


def test_an_update_that_replaces_the_record_sends_the_whole_of_it() -> None:
    update = {"method": "PUT", "path": "/c/{id}", "whole": True}
    with opened(held("PUT"), contacts={"update": update}) as (double, crm):
        crm.push_contact(Contact(name="Bo", changed=frozenset({"name"})), "1")
        assert double.calls[-1].json() == {**RECORD, "name": "Bo"}


@pytest.mark.parametrize(("version", "calls"), [("4", 2), ("", 2), ("3", 1)])
def test_a_record_is_looked_at_before_it_is_written_where_the_crm_knows_no_condition(
    version: str, calls: int
) -> None:
    update = {"path": "/c/{id}", "condition": "read"}
    change = Contact(name="Bo", version=version, changed=frozenset({"name"}))
    with opened(held(), contacts={"update": update}) as (double, crm):
        if calls == 1:
            with pytest.raises(StaleRecord):
                crm.push_contact(change, "1")
        else:
            crm.push_contact(change, "1")
        assert len(double.calls) == calls


@pytest.mark.parametrize("status", [404, 410])
def test_a_record_that_is_gone_is_none_and_an_update_of_it_gone(status: int) -> None:
    update = {"path": "/c/{id}", "condition": "read"}
    with opened({"GET /c/1": Reply({}, status=status)}, contacts={"update": update}) as (_, crm):
        assert crm.get_contact("1") is None
        with pytest.raises(GoneError):
            crm.push_contact(Contact(name="Bo"), "1")


def test_the_version_of_a_header_goes_back_in_one() -> None:
    contacts = {
        "get": {"path": "/c/{id}", "version_header": "ETag"},
        "update": {"path": "/c/{id}", "headers": {"If-Match": "{version}"}},
    }
    script = {"GET /c/1": Reply(RECORD, headers={"ETag": '"x7"'}), "PATCH /c/1": Reply({}, status=412)}
    with opened(script, contacts=contacts) as (double, crm):
        one = crm.get_contact("1")
        assert one is not None
        with pytest.raises(StaleRecord):
            crm.push_contact(Contact(name="Bo", version=one.version, changed=frozenset({"name"})), "1")
        assert double.calls[-1].headers["if-match"] == '"x7"'


def test_what_a_filter_cannot_take_is_refused_before_a_call() -> None:
    with opened({}, write={"n": "{fields.n|int}"}) as (double, crm):
        with pytest.raises(RejectedError, match=r"\{fields\.n\|int\}: 'many' is no whole number"):
            crm.push_contact(Contact(fields={"n": "many"}), None)
        assert double.calls == []


def test_a_creation_that_the_crm_knows_by_its_key_is_made_again_when_its_answer_is_lost() -> None:
    create = {"method": "PUT", "path": "/key/{key}", "id": "id", "repeatable": True}
    with opened({"PUT /key/k.*": Reply({"id": 5})}, contacts={"create": create}) as (double, crm):
        double.inject(faults.LOST)
        assert crm.push_contact(Contact(name="Bo", key="k 1"), None) == Receipt(remote_id="5")
        assert [call.path for call in double.calls] == ["/key/k%201"] * 2


def test_a_form_is_nested_as_php_reads_it() -> None:
    create = {"path": "/c", "id": "id", "form": True, "body": {"fields": "{contact}", "on": True}}
    with opened({"POST /c": Reply({"id": 5})}, contacts={"create": create}) as (double, crm):
        crm.push_contact(Contact(name="Bo", emails=["a@x"]), None)
        assert double.calls[-1].form() == {
            "fields[name]": "Bo",
            "fields[mails][0][v]": "a@x",
            "fields[mails][0][kind]": "work",
            "on": "1",
        }


# Batches

BATCH = {
    "size": 10,
    "create": {
        "path": "/batch",
        "body": {"all": "{contacts}"},
        "items": "done",
        "id": "id",
        "error": "error",
        "means": "error == 'exists' && 'duplicate' || 'rejected'",
    },
}
TWO = [Push(contact=Contact(name="Ann")), Push(contact=Contact(name="Bo"))]


def batched(reply: Reply, **more: Any) -> Any:
    script = {"POST /batch": reply, "POST /c": Reply({"id": 7})}
    return opened(script, contacts={"batch": {**BATCH, "create": {**BATCH["create"], **more}}})  # type: ignore[dict-item]


def test_outcomes_stand_in_order_where_there_are_no_refs() -> None:
    with batched(Reply({"done": [{"id": 1}, {"error": "exists"}]})) as (double, crm):
        good, bad = crm.push_contacts(TWO)
        assert double.calls[-1].json() == {"all": [{"name": "Ann"}, {"name": "Bo"}]}
    assert (good, type(bad), str(bad)) == (
        Receipt(remote_id="1"),
        DuplicateError,
        "the CRM refuses this contact: exists",
    )


def test_one_that_the_answer_does_not_mention_is_unknown() -> None:
    with batched(Reply({"done": [{"n": "1", "id": 8}]}), ref="n") as (_, crm):
        first, second = crm.push_contacts(TWO)
    assert (type(first), second) == (UnknownOutcome, Receipt(remote_id="8"))


def test_fewer_outcomes_than_contacts_without_refs_are_unknown_for_all() -> None:
    with batched(Reply({"done": [{"id": 1}]})) as (_, crm):
        assert [type(one) for one in crm.push_contacts(TWO)] == [UnknownOutcome, UnknownOutcome]


def test_a_call_that_is_refused_as_a_whole_is_made_for_each_alone() -> None:
    with batched(Reply({"message": "one is bad"}, status=400)) as (double, crm):
        assert list(crm.push_contacts(TWO)) == [Receipt(remote_id="7"), Receipt(remote_id="7")]
        assert [call.path for call in double.calls] == ["/batch", "/c", "/c"]


@pytest.mark.parametrize(("status", "kind"), [(401, AuthError), (429, TransientError), (500, UnknownOutcome)])
def test_what_says_nothing_of_any_stands_for_each(status: int, kind: type[HubError]) -> None:
    with batched(Reply({}, status=status, headers={"Retry-After": "60"})) as (double, crm):
        assert [type(one) for one in crm.push_contacts(TWO)] == [kind, kind]
        assert len(double.calls) == 1


# Activities


def test_a_task_without_a_time_is_due_a_day_later_and_has_a_title_of_its_text() -> None:
    tasks = {
        "path": "/t",
        "id": "id",
        "due_format": "unix",
        "body": {"to": "{id|int}", "title": "{title}", "text": "{text}", "at": "{due_at}", "now": "{now}"},
    }
    with opened({"POST /t": Reply({"id": 3})}, tasks=tasks) as (double, crm):
        assert crm.abilities == {"get", "task"}
        assert crm.add_note("1", Note(key="k", text="Asked:\nwhy?", kind="task")) == Receipt(remote_id="3")
        sent = double.calls[-1].json()
        with pytest.raises(RejectedError, match="this CRM takes no leads"):
            crm.add_note("1", Note(key="k", text="x", kind="lead"))
    assert (sent["to"], sent["title"], sent["at"] - sent["now"]) == (1, "Asked:", 86_400)


def test_it_says_of_which_lists_it_holds_the_first_alone() -> None:
    with opened({}, write={"mail": "{email}", "tels": "{phones|semicolons}"}) as (_, crm):
        assert (crm.single, crm.writes) == ({"emails"}, {"emails", "phones"})
