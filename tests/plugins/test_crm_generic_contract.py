"""The presets against what the CRMs say of themselves: requests by their specifications, recorded answers read."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crm_scripted import preset
from openapi_schema_validator import OAS30Validator

from hub import AuthError, Contact, DuplicateError, HubError, Note, Push, Receipt, TransientError
from hub.testing import Reply, Request, faults
from plugins.crm_generic import Crm

pytestmark = pytest.mark.contract

ANN = Contact(
    name="Ann Lee",
    emails=["a@x.org"],
    phones=["+7 1"],
    handles={"twitter": "annlee"},
    fields={"title": "CEO", "city": "Köln", "birthday": "1980-12-31"},
)
BO = Contact(name="Bo Li", emails=["b@x.org"])
NOTE = Note(key="k1", text="5 < 6", url="https://vk.com/wall-1_2")
DUE = datetime(2026, 5, 4, 10, tzinfo=UTC)
SINCE = '{"updated_at":"2026-05-04T10:00:00Z"}'


def everything(crm: Crm, record: str) -> list[Contact]:
    """Do all that an account can, with the record of this id; return what was read as a whole."""
    crm.check()
    read = [contact for batch in crm.pull_contacts(None) for contact in batch.items]
    list(crm.pull_contacts(SINCE))
    crm.push_contact(ANN, None)
    crm.push_contact(Contact(emails=["new@x.org"], changed=frozenset({"emails", "phones"})), record)
    list(crm.push_contacts([Push(contact=ANN), Push(contact=BO)]))
    update = Push(contact=Contact(name="New", changed=frozenset({"name"})), remote_id=record)
    list(crm.push_contacts([update, update]))
    crm.find_contacts(ANN)
    crm.get_contact(record)
    if "delete" in crm.abilities:
        crm.delete_contact(record)
    for kind in ("note", "task", "lead"):
        if kind in crm.abilities:
            due = DUE if kind == "task" else None
            crm.add_note(record, Note(key=f"k-{kind}", text="5 < 6", url=NOTE.url, kind=kind, due_at=due))  # type: ignore[arg-type]
    return read


# HubSpot: its OpenAPI description

CONTACTS = "/crm/v3/objects/contacts"
TIMES = {"createdAt": "2026-05-04T10:00:00.000Z", "updatedAt": "2026-05-04T10:00:00.000Z"}
STARTED = {"startedAt": TIMES["createdAt"], "completedAt": TIMES["createdAt"], "status": "COMPLETE"}


def hubspot_contact(contact_id: str, **more: Any) -> dict[str, Any]:
    properties = {"firstname": "Ann", "lastname": "Lee", "email": f"a{contact_id}@x.org", "company": "Acme"}
    return {"id": contact_id, "properties": properties, "archived": False, **TIMES, **more}


HUBSPOT = {
    f"GET {CONTACTS}": Reply({"results": [hubspot_contact("1")]}),
    f"POST {CONTACTS}": Reply(hubspot_contact("3"), status=201),
    f"POST {CONTACTS}/search": Reply({"total": 1, "results": [hubspot_contact("2")]}),
    f"POST {CONTACTS}/batch/create": Reply(
        {
            **STARTED,
            "results": [hubspot_contact("5", objectWriteTraceId="1")],
            "numErrors": 1,
            "errors": [
                {
                    "status": "error",
                    "category": "VALIDATION_ERROR",
                    "message": "Invalid e-mail",
                    "context": {"objectWriteTraceId": ["0"]},
                    "errors": [],
                    "links": {},
                }
            ],
        },
        status=207,
    ),
    f"POST {CONTACTS}/batch/update": Reply(
        {**STARTED, "results": [hubspot_contact("3", objectWriteTraceId=n) for n in ("0", "1")]}
    ),
    f"GET {CONTACTS}/[^/]+": Reply(hubspot_contact("3")),
    f"PATCH {CONTACTS}/3": Reply(hubspot_contact("3")),
    f"DELETE {CONTACTS}/3": Reply(body=b"", status=204),
    "POST /crm/v3/objects/(notes|tasks)": Reply({"id": "9"}, status=201),
}
HUBSPOT_OWN: dict[str, Any] = {"auth": {"secret": "pat-eu1-secret"}}


@pytest.fixture
def spec(contracts: Path) -> Any:
    return json.loads((contracts / "hubspot" / "contacts-v3.json").read_text(encoding="utf-8"))


def operation(spec: Any, call: Request) -> Any:
    paths = {path: re.sub(r"\{\w+\}", "[^/]+", path) for path in spec["paths"]}
    # A fixed path before one with an id in it.
    found = sorted((path for path, pattern in paths.items() if re.fullmatch(pattern, call.path)), key=len)
    exact = [path for path in found if path == call.path]
    return spec["paths"][(exact or found)[0]][call.method.lower()]


def check(spec: Any, schema: Any, value: Any) -> None:
    OAS30Validator({"allOf": [schema], "components": spec["components"]}).validate(value)


def test_hubspot_every_call_is_one_that_it_knows_and_its_answers_are_read(spec: Any) -> None:
    with preset("hubspot", HUBSPOT, **HUBSPOT_OWN) as (double, crm):
        read = everything(crm, "3")
        kinds = set()
        for call in double.calls:
            if not call.path.startswith(CONTACTS):
                continue
            known = operation(spec, call)
            kinds.add(known["operationId"])
            assert set(call.query) <= {parameter["name"] for parameter in known.get("parameters", [])}, call.path
            if call.body:
                check(spec, known["requestBody"]["content"]["application/json"]["schema"], call.json())
            reply = double.answer(call)
            content = known["responses"][str(reply.status)].get("content")
            if content:
                check(spec, content["application/json"]["schema"], reply.json)
    assert len(kinds) == 8, kinds
    assert [(one.remote_id, one.name, one.emails, one.fields) for one in read] == [
        ("1", "Ann Lee", ["a1@x.org"], {"company": "Acme"})
    ]


def test_hubspot_of_a_batch_each_is_told_its_own() -> None:
    with preset("hubspot", HUBSPOT, **HUBSPOT_OWN) as (_, crm):
        bad, good = crm.push_contacts([Push(contact=ANN), Push(contact=BO)])
    assert (type(bad).__name__, str(bad)) == ("RejectedError", "the CRM refuses this contact: Invalid e-mail")
    assert good == Receipt(remote_id="5")


def test_hubspot_an_emptied_value_is_an_empty_text() -> None:
    with preset("hubspot", HUBSPOT, **HUBSPOT_OWN) as (double, crm):
        crm.push_contact(Contact(changed=frozenset({"phones", "company"})), "3")
        assert double.calls[-1].json() == {"properties": {"phone": "", "company": ""}}


@pytest.mark.parametrize(
    ("status", "category", "error"),
    [
        (401, "EXPIRED_AUTHENTICATION", AuthError),
        (403, "MISSING_SCOPES", AuthError),
        (409, "CONFLICT", DuplicateError),
        (423, "LOCKED", TransientError),
        (429, "RATE_LIMITS", TransientError),
    ],
)
def test_hubspot_an_error_in_the_official_shape_is_understood(
    spec: Any, status: int, category: str, error: type[HubError]
) -> None:
    body = {"status": "error", "message": "Contact already exists. Existing ID: 909090", "category": category}
    body["correlationId"] = "aeb5f871-7f07-4993-9211-075dc63e7cbf"
    check(spec, {"$ref": "#/components/schemas/Error"}, body)
    with preset("hubspot", HUBSPOT, **HUBSPOT_OWN) as (double, crm):
        double.inject(faults.answered(Reply(body, status=status, headers={"Retry-After": "60"})), times=9)
        with pytest.raises(error, match=r"\(Contact already exists") as caught:
            crm.push_contact(ANN, None)
    if isinstance(caught.value, DuplicateError):
        assert caught.value.receipt == Receipt(remote_id="909090")


# Bitrix24: its documented methods and their recorded results


def recorded(contracts: Path, method: str) -> Any:
    return json.loads((contracts / "bitrix24" / "methods" / f"{method}.json").read_text(encoding="utf-8"))


BITRIX_OWN: dict[str, Any] = {"auth": {"user": "1", "secret": "c0de-of-the-w3bhook"}}
_METHODS = (
    *("crm.contact.list", "crm.contact.get", "crm.contact.add", "crm.contact.update", "crm.contact.delete"),
    *("crm.duplicate.findbycomm", "crm.timeline.comment.add", "crm.activity.todo.add", "crm.lead.add"),
)


@pytest.fixture
def bitrix(contracts: Path) -> dict[str, Reply]:
    """The results that its documentation shows; where it shows none, an id."""
    script = {}
    for method in _METHODS:
        example = recorded(contracts, method).get("resultExample") or {"result": 46}
        script[f"POST /1/{BITRIX_OWN['auth']['secret']}/{re.escape(method)}"] = Reply(example)
    prefix = f"/1/{BITRIX_OWN['auth']['secret']}"
    script[f"GET {prefix}/profile"] = Reply({"result": {"ID": "1", "NAME": "Robot", "ADMIN": True}})
    mixed = {
        "result": {"result": {"0": 46}, "result_error": {"1": {"error": "X", "error_description": "No name"}}}
    }
    script[f"POST {prefix}/batch"] = Reply(mixed)
    return script


def test_bitrix24_every_call_is_a_method_with_parameters_that_it_knows(
    contracts: Path, bitrix: dict[str, Reply]
) -> None:
    lines = [line for line in bitrix if line.endswith(re.escape("crm.contact.list"))]
    shown = bitrix.pop(lines[0])
    with preset("bitrix24", bitrix, **BITRIX_OWN) as (double, crm):

        class Listing(type(double)):  # type: ignore[misc]
            def answer(self, request: Request) -> Reply:
                if request.path.endswith("crm.contact.list"):
                    after = int(request.json().get("filter", {}).get(">ID", 0))
                    items = sorted((one for one in shown.json["result"] if int(one["ID"]) > after), key=_number)[
                        :2
                    ]
                    return Reply({**shown.json, "result": items})
                reply: Reply = super().answer(request)
                return reply

        double.__class__ = Listing
        read = everything(crm, "43")
        known_fields = set(recorded(contracts, "crm.contact.list")["entityFields"]) | {"DATE_MODIFY", "POST"}
        known_fields |= {"ADDRESS_CITY", "ORIGINATOR_ID", "ORIGIN_ID"}  # shown by crm.contact.get
        for call in double.calls:
            method = call.path.rpartition("/")[2]
            if method in ("profile", "batch"):
                continue
            params = {param["name"] for param in recorded(contracts, method)["params"]}
            assert set(call.json()) <= params, (method, call.json())
            fields = call.json().get("fields", {}) if method.startswith("crm.contact") else {}
            assert set(fields) | set(call.json().get("select", ())) <= known_fields | {
                "ID",
                "NAME",
                "LAST_NAME",
            } | {
                "EMAIL",
                "PHONE",
                "BIRTHDATE",
            }, call.json()
        asked = {call.path.rpartition("/")[2] for call in double.calls}
    assert asked == {*_METHODS, "profile", "batch"}
    names = sorted((one.remote_id, one.name) for one in read)
    assert names == sorted((one["ID"], f"{one['NAME']} {one['LAST_NAME']}") for one in shown.json["result"])


def _number(record: Any) -> int:
    return int(record["ID"])


def test_bitrix24_a_recorded_contact_is_read_whole(bitrix: dict[str, Reply]) -> None:
    with preset("bitrix24", bitrix, **BITRIX_OWN) as (_, crm):
        one = crm.get_contact("43")
    assert one is not None
    assert (one.remote_id, one.name, one.emails) == (
        "43",
        "Иван Иванов",
        ["ivanov@example.mailing", "ivanov@example.work"],
    )
    assert one.phones == ["+7333333555", "+35599888666"]
    assert one.fields == {"title": "Администратор", "birthday": "2001-11-11"}
    assert one.link.endswith("/crm/contact/details/43/")


def test_bitrix24_an_update_names_each_phone_by_its_id(bitrix: dict[str, Reply]) -> None:
    change = Contact(emails=["ivanov@example.work", "new@x.org"], changed=frozenset({"emails", "phones"}))
    with preset("bitrix24", bitrix, **BITRIX_OWN) as (double, crm):
        crm.push_contact(change, "43")
        sent = double.calls[-1].json()["fields"]
    assert sent == {
        "EMAIL": [
            {"ID": "159", "VALUE": "ivanov@example.work"},
            {"VALUE": "new@x.org", "VALUE_TYPE": "WORK"},
            {"ID": "158", "VALUE": ""},
        ],
        "PHONE": [{"ID": "156", "VALUE": ""}, {"ID": "157", "VALUE": ""}],
    }


def test_bitrix24_a_batch_is_of_queries_and_each_is_told_its_own(bitrix: dict[str, Reply]) -> None:
    with preset("bitrix24", bitrix, **BITRIX_OWN) as (double, crm):
        good, bad = crm.push_contacts([Push(contact=ANN), Push(contact=BO)])
        sent = double.calls[-1].json()
    assert sent["halt"] == 0
    assert sent["cmd"]["1"] == (
        "crm.contact.add?fields[NAME]=Bo&fields[LAST_NAME]=Li&fields[EMAIL][0][VALUE]=b%40x.org"
        "&fields[EMAIL][0][VALUE_TYPE]=WORK&fields[ORIGINATOR_ID]=crosshub&params[REGISTER_SONET_EVENT]=N"
    )
    assert good == Receipt(remote_id="46")
    assert str(bad) == "the CRM refuses this contact: No name"


def test_bitrix24_the_webhooks_code_is_in_no_error(bitrix: dict[str, Reply]) -> None:
    with preset("bitrix24", {}, **BITRIX_OWN) as (_, crm), pytest.raises(HubError) as caught:
        crm.check()
    assert BITRIX_OWN["auth"]["secret"] not in repr((caught.value, caught.value.facts, str(caught.value)))


@pytest.mark.parametrize(
    ("status", "code", "error", "wait"),
    [
        (503, "QUERY_LIMIT_EXCEEDED", TransientError, 2),
        (503, "OVERLOAD_LIMIT", TransientError, 3600),
        (401, "expired_token", AuthError, None),
        (403, "insufficient_scope", AuthError, None),
    ],
)
def test_bitrix24_an_error_is_understood(
    status: int, code: str, error: type[HubError], wait: float | None
) -> None:
    body = {"error": code, "error_description": "Said so"}
    script = {"POST .*": Reply(body, status=status)}
    with preset("bitrix24", script, **BITRIX_OWN) as (_, crm), pytest.raises(error) as caught:
        crm.push_contact(ANN, None)
    assert getattr(caught.value, "retry_after", None) == wait


# Salesforce: the requests of its own Postman collection

DATA = "/services/data/v61.0"
SF_RECORD = {
    "attributes": {"type": "Contact", "url": f"{DATA}/sobjects/Contact/003A0000000000A"},
    "Id": "003A0000000000A",
    "FirstName": "Ann",
    "LastName": "Lee",
    "Email": "a@x.org",
    "Phone": None,
    "MobilePhone": "+7 1",
    "Title": "CEO",
    "IsDeleted": False,
    "Birthdate": "1980-12-31",
    "SystemModstamp": "2021-08-10T18:45:03.000+0000",
}
MADE = {"id": "003A0000000000B", "success": True, "errors": []}
NOT_MADE = {
    "success": False,
    "errors": [{"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": []}],
}
SALESFORCE = {
    "GET /services/oauth2/userinfo": Reply({"user_id": "005A", "name": "Robot"}),
    f"GET {DATA}/queryAll": Reply(
        {"totalSize": 2, "done": False, "nextRecordsUrl": f"{DATA}/query/01g-2000", "records": [SF_RECORD]}
    ),
    f"GET {DATA}/query/01g-2000": Reply({"done": True, "records": [{**SF_RECORD, "Id": "003A0000000000C"}]}),
    f"GET {DATA}/query": Reply({"totalSize": 1, "done": True, "records": [SF_RECORD]}),
    f"POST {DATA}/sobjects/(Contact|Task)": Reply(MADE, status=201),
    f"PATCH {DATA}/sobjects/Contact/\\w+": Reply(body=b"", status=204),
    f"GET {DATA}/sobjects/Contact/\\w+": Reply(SF_RECORD),
    f"DELETE {DATA}/sobjects/Contact/\\w+": Reply(body=b"", status=204),
    f"POST {DATA}/composite/sobjects": Reply([MADE, NOT_MADE]),
    f"PATCH {DATA}/composite/sobjects": Reply([MADE, MADE]),
}


def salesforce_own(**more: Any) -> dict[str, Any]:
    return {"auth": {"client_id": "3MVG9-app", "secret": "sf-cl13nt-s3cr3t", **more}}


def with_token(url: str) -> dict[str, Reply]:
    grant = {"access_token": "00D!token", "instance_url": url, "token_type": "Bearer", "issued_at": "1"}
    return {"POST /services/oauth2/token": Reply(grant)}


def test_salesforce_every_call_is_in_its_own_collection_and_its_answers_are_read(contracts: Path) -> None:
    shown = json.loads((contracts / "salesforce" / "postman-requests.json").read_text(encoding="utf-8"))
    known = {(one["method"], _sf_pattern(one["url"])) for one in shown}
    # The collection writes the object's name behind it. The reference does not, since each record names its own:
    # resources_composite_sobjects_collections_update.
    known.add(("PATCH", re.escape(f"{DATA}/composite/sobjects")))
    with preset("salesforce", SALESFORCE, **salesforce_own()) as (double, crm):
        double.script |= with_token(double.url)
        read = everything(crm, "003A0000000000A")
        for call in double.calls:
            assert any(method == call.method and re.fullmatch(pattern, call.path) for method, pattern in known), (
                call.method,
                call.path,
            )
        made, duplicate = crm.push_contacts([Push(contact=ANN), Push(contact=BO)])
    assert [one.remote_id for one in read] == ["003A0000000000A", "003A0000000000C"]
    assert (read[0].name, read[0].emails, read[0].phones) == ("Ann Lee", ["a@x.org"], ["+7 1"])
    assert read[0].fields == {"title": "CEO", "birthday": "1980-12-31"}
    assert read[0].updated_at == datetime(2021, 8, 10, 18, 45, 3, tzinfo=UTC)
    assert made == Receipt(remote_id="003A0000000000B")
    assert isinstance(duplicate, DuplicateError)


def _sf_pattern(url: str) -> str:
    path = re.sub(r"^(\{\{\w+\}\})+", "", url).partition("?")[0].replace("v{{version}}", "v61.0").rstrip("/")
    path = re.sub(r"<SOBJECT_API_NAME>|<\w+>|\{\{\w+\}\}", "ID", path)
    pattern = re.escape(path).replace("ID", "[^/]+")
    # The pages of a query, and the collections of one kind, are paths below.
    return pattern + (r"(/[\w-]+)?" if path.endswith(("/query", "/queryAll")) else "")


def test_salesforce_a_quote_in_an_e_mail_ends_no_query() -> None:
    with preset("salesforce", SALESFORCE, **salesforce_own()) as (double, crm):
        double.script |= with_token(double.url)
        crm.find_contacts(Contact(emails=["o'hara\\@x.org"]))
        assert double.calls[-1].query["q"].endswith("WHERE Email = 'o\\'hara\\\\@x.org'")


def test_salesforce_an_emptied_value_is_null_and_the_login_follows_its_instance() -> None:
    with preset("salesforce", SALESFORCE, **salesforce_own()) as (double, crm):
        double.script |= with_token(double.url.replace("127.0.0.1", "localhost"))
        crm.push_contact(Contact(changed=frozenset({"phones", "title"})), "003A0000000000A")
        assert double.calls[-1].json() == {"MobilePhone": None, "Title": None}
        assert double.calls[-1].headers["host"].startswith("localhost")
        assert double.calls[-1].headers["authorization"] == "Bearer 00D!token"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "REQUEST_LIMIT_EXCEEDED", TransientError),
        (400, "UNABLE_TO_LOCK_ROW", TransientError),
        (400, "DUPLICATE_VALUE", DuplicateError),
    ],
)
def test_salesforce_an_error_is_understood(status: int, code: str, error: type[HubError]) -> None:
    message = "duplicate value found: Email__c duplicates value on record with id: 003A0000000000Z"
    script = {"POST .*Contact": Reply([{"errorCode": code, "message": message}], status=status), **SALESFORCE}
    with preset("salesforce", script, **salesforce_own()) as (double, crm):
        double.script |= with_token(double.url)
        with pytest.raises(error) as caught:
            crm.push_contact(ANN, None)
    if isinstance(caught.value, DuplicateError):
        assert caught.value.receipt == Receipt(remote_id="003A0000000000Z")


# amoCRM: no machine-readable contract; the shapes of its own pages

AMO_RECORD = {
    "id": 3,
    "name": "Ann Lee",
    "updated_at": 1628621103,
    "is_deleted": False,
    "custom_fields_values": [
        {"field_id": 1, "field_code": "PHONE", "values": [{"value": "+7 1", "enum_code": "WORK"}]},
        {"field_id": 2, "field_code": "EMAIL", "values": [{"value": "a@x.org", "enum_code": "WORK"}]},
        {"field_id": 3, "field_code": "POSITION", "values": [{"value": "CEO"}]},
    ],
}
AMO = {
    "GET /api/v4/account": Reply({"id": 7, "name": "Club"}),
    "GET /api/v4/contacts": Reply({"_page": 1, "_embedded": {"contacts": [AMO_RECORD]}, "_links": {}}),
    "GET /api/v4/contacts/3": Reply(AMO_RECORD),
    "PATCH /api/v4/contacts/3": Reply({"id": 3, "updated_at": 1}),
    "POST /api/v4/contacts": Reply(
        {"_embedded": {"contacts": [{"id": 8, "request_id": "1"}, {"id": 7, "request_id": "0"}]}}
    ),
    "PATCH /api/v4/contacts": Reply({"_embedded": {"contacts": [{"id": 3, "request_id": n} for n in ("0", "1")]}}),
    "POST /api/v4/contacts/notes": Reply({"_embedded": {"notes": [{"id": 1}]}}),
    "POST /api/v4/tasks": Reply({"_embedded": {"tasks": [{"id": 1}]}}),
    "POST /api/v4/leads": Reply({"_embedded": {"leads": [{"id": 1}]}}),
}
AMO_OWN: dict[str, Any] = {"auth": {"secret": "am0-t0ken"}}


def test_amocrm_everything_goes_and_comes_in_its_shapes() -> None:
    with preset("amocrm", AMO, **AMO_OWN) as (double, crm):
        (read,) = everything(crm, "3")
        sent = {f"{call.method} {call.path}": call for call in double.calls}
        first, second = crm.push_contacts([Push(contact=ANN), Push(contact=BO)])
    assert (read.name, read.emails, read.phones, read.fields) == (
        "Ann Lee",
        ["a@x.org"],
        ["+7 1"],
        {"title": "CEO"},
    )
    assert sent["PATCH /api/v4/contacts/3"].json() == {
        "custom_fields_values": [
            {"field_code": "EMAIL", "values": [{"value": "new@x.org", "enum_code": "WORK"}]},
            {"field_code": "PHONE", "values": None},
        ]
    }
    assert sent["POST /api/v4/tasks"].json()[0]["complete_till"] == int(DUE.timestamp())
    assert (first, second) == (Receipt(remote_id="7"), Receipt(remote_id="8"))


def test_amocrm_nothing_found_is_an_empty_answer() -> None:
    empty = Reply(body=b"", status=204)
    with preset("amocrm", {"GET .*": empty}, **AMO_OWN) as (_, crm):
        assert [batch.items for batch in crm.pull_contacts(None)] == [[]]
        assert (crm.get_contact("3"), crm.find_contacts(ANN)) == (None, [])
