"""The pure conversions: one record to one contact, one contact to one body, times and cursors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hub import Contact
from plugins.crm_generic import wire
from plugins.crm_generic.expressions import getter
from plugins.crm_generic.listing import Since
from plugins.crm_generic.settings import ContactMap
from plugins.crm_generic.templates import LEFT_OUT, fill
from plugins.crm_generic.values import contact_values

MOMENT = datetime(2021, 8, 10, 18, 45, 3, tzinfo=UTC)


def read(record: Any, **fields: Any) -> Contact:
    return wire.contact_reader(ContactMap.model_validate({"id": "id", **fields}))([record])[0]


def test_a_record_in_the_shape_of_hubspot_becomes_a_contact() -> None:
    record = {
        "id": "51",
        "properties": {
            "firstname": "Ann",
            "lastname": None,
            "email": "a@x.org",
            "hs_additional_emails": "b@x.org;a@x.org",
        },
        "updatedAt": "2021-08-10T18:45:03.000Z",
        "archived": False,
    }
    fields = {
        "name": "join(' ', [properties.firstname, properties.lastname][?@])",
        "emails": "[properties.email, properties.hs_additional_emails]",
        "updated_at": "updatedAt",
        "deleted": "archived",
    }
    assert read(record, **fields) == Contact(
        remote_id="51", name="Ann", emails=["a@x.org", "b@x.org"], updated_at=MOMENT
    )


def test_a_record_in_the_shape_of_bitrix24_becomes_a_contact() -> None:
    record = {
        "ID": "75",
        "NAME": "Анна",
        "LAST_NAME": "Ли",
        "EMAIL": [{"ID": "1", "VALUE": "a@x.org", "VALUE_TYPE": "WORK"}],
        "DATE_MODIFY": "2021-08-10T21:45:03+03:00",
        "UF_CRM_VK": 12,
    }
    fields = {
        "id": "ID",
        "name": "join(' ', [NAME, LAST_NAME][?@])",
        "emails": "EMAIL[].VALUE",
        "phones": "PHONE[].VALUE",
        "updated_at": "DATE_MODIFY",
        "url": "join('', ['https://portal.example/crm/contact/details/', ID, '/'])",
        "handles": {"vk": "UF_CRM_VK", "twitter": "UF_CRM_X"},
    }
    assert read(record, **fields) == Contact(
        remote_id="75",
        name="Анна Ли",
        emails=["a@x.org"],
        phones=[],
        handles={"vk": "12"},
        url="https://portal.example/crm/contact/details/75/",
        updated_at=MOMENT,
    )


@pytest.mark.parametrize(
    "value", ["2021-08-10T18:45:03.000+0000", 1628621103, "1628621103", 1628621103000, "2021-08-10 21:45:03"]
)
def test_times_are_read_in_the_forms_that_crms_write(value: Any) -> None:
    contact = read({"id": 1, "at": value}, updated_at="at", timezone="Europe/Moscow")
    assert contact.updated_at == MOMENT


@pytest.mark.parametrize("value", [None, "", "0000-00-00 00:00:00"])
def test_no_time_is_none(value: Any) -> None:
    assert read({"id": 1, "at": value}, updated_at="at").updated_at is None


@pytest.mark.parametrize("value", [True, 1, "Y", "true", "2026-01-01T00:00:00Z"])
def test_what_means_yes_is_deleted(value: Any) -> None:
    assert read({"id": 1, "gone": value}, deleted="gone").deleted


@pytest.mark.parametrize("value", [False, 0, "N", "false", "0", "", None])
def test_what_means_no_is_not_deleted(value: Any) -> None:
    assert not read({"id": 1, "gone": value}, deleted="gone").deleted


@pytest.mark.parametrize(
    ("record", "fields", "message"),
    [
        ({}, {}, "record 1 of the page: map.id: gave no id"),
        ({"id": True}, {}, "record 1 of the page: map.id: gave a bool instead of a text"),
        ({"id": 1, "at": "soon"}, {"updated_at": "at"}, "map.updated_at: 'soon' is no time that can be read"),
        ({"id": 1, "v": {}}, {"handles": {"vk": "v"}}, "map.handles.vk: gave a dict instead of a text"),
        ({"id": 1}, {"name": "join(' ', [a])"}, "map.name: In function join()"),
        ("text", {}, "map.id: gave no id"),
    ],
)
def test_a_record_that_does_not_fit_names_the_key(record: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(record, **fields)
    assert message in str(caught.value)


def test_text_that_no_database_holds_is_cleaned() -> None:
    assert read({"id": "1\0", "name": "A\0nn\ud800"}, name="name") == Contact(remote_id="1", name="Ann\ufffd")


def test_a_plain_path_finds_what_jmespath_finds() -> None:
    import jmespath

    values: list[Any] = [{"a": {"b": 1}}, {"a": [1]}, {"a": None}, {}, [], None, "text", {"a": {"c": 1}}]
    for value in values:
        assert getter("a.b")(value) == jmespath.search("a.b", value)


@pytest.mark.parametrize(
    ("contact", "template", "body"),
    [
        (Contact(name="Ann"), {"first": "{first_name}", "last": "{last_name}"}, {"last": "Ann"}),
        (Contact(name="Ann van Lee"), ["{first_name}", "{last_name}"], ["Ann", "van Lee"]),
        (
            Contact(emails=["a@x", "b@x"]),
            {"one": "{email}", "all": "{emails}"},
            {"one": "a@x", "all": ["a@x", "b@x"]},
        ),
        (Contact(emails=["a@x", "b@x"]), "mail: {emails}", "mail: a@x, b@x"),
        (
            Contact(emails=["a@x", "b@x", "c@x"]),
            {"primaryEmail": "{email}", "second": "{emails|second}", "additionalEmails": "{emails|rest}"},
            {"primaryEmail": "a@x", "second": "b@x", "additionalEmails": ["b@x", "c@x"]},
        ),
        (
            Contact(emails=["a@x"]),
            {"second": "{emails|second}", "rest": "{emails|rest}"},
            {"second": "", "rest": []},
        ),
        (Contact(emails=["a@x"]), "{name} {email}", "a@x"),
        (Contact(name="Ann"), {"a": {"b": "{email}", "c": 1}, "n": "{name}"}, {"n": "Ann"}),
        (Contact(name="Ann"), {"EMAIL": [{"V": "{emails[]}", "T": "WORK"}]}, LEFT_OUT),
        (
            Contact(emails=["a@x", "b@x"]),
            {"EMAIL": [{"V": "{emails[]}", "T": "WORK"}]},
            {"EMAIL": [{"V": "a@x", "T": "WORK"}, {"V": "b@x", "T": "WORK"}]},
        ),
        (
            Contact(emails=["a@x", "b@x"], phones=["1"]),
            [{"f": "E", "v": [{"x": "{emails[]}"}]}, {"f": "P", "v": [{"x": "{phones[]}"}]}],
            [{"f": "E", "v": [{"x": "a@x"}, {"x": "b@x"}]}, {"f": "P", "v": [{"x": "1"}]}],
        ),
        (
            Contact(emails=["a@x"]),
            [{"f": "E", "v": ["{emails[]}"]}, {"f": "P", "v": ["{phones[]}"]}],
            [{"f": "E", "v": ["a@x"]}],
        ),
        (Contact(handles={"vk": "{email}"}), {"vk": "id {handles.vk}"}, {"vk": "id {email}"}),
        (Contact(), {"source": "hub", "n": 5, "on": True}, {"source": "hub", "n": 5, "on": True}),
    ],
)
def test_a_template_is_filled(contact: Contact, template: Any, body: Any) -> None:
    assert fill(template, contact_values(contact)) == body


@pytest.mark.parametrize(
    ("since", "value"),
    [
        (Since(), "2021-08-10T21:44:03+03:00"),
        (Since(format="unix"), 1628621043),
        (Since(format="unix_ms", overlap=0), 1628621103000),
        (Since(format="%Y-%m-%d %H:%M:%S", overlap=3), "2021-08-10 21:45:00"),
    ],
)
def test_since_is_written_as_the_crm_wants_it(since: Since, value: Any) -> None:
    assert wire.since_of(MOMENT, since, "Europe/Moscow") == {"since": value}


@pytest.mark.parametrize("cursor", [None, "", '{"updated_at":null}', "17", "not json", '{"updated_at":"soon"}'])
def test_a_cursor_that_is_not_ours_reads_from_the_beginning(cursor: str | None) -> None:
    assert wire.since_of(wire.bookmark_of(cursor).updated_at, Since(), "UTC") == {}
    assert wire.since_of(wire.bookmark_of(cursor).updated_at, Since(first="1970-01-01"), "UTC") == {
        "since": "1970-01-01"
    }
