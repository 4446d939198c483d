"""The documented HubSpot account against HubSpot's official OpenAPI: what it sends, and what it reads."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator

from hub import AuthError, Contact, DuplicateError, HubError, TransientError
from hub.testing import Double, Reply, Request, faults, open_adapter
from plugins.crm_generic import Crm

pytestmark = pytest.mark.contract

DOC = Path(__file__).resolve().parents[2] / "docs" / "crm_generic.md"
CONTACTS = "/crm/v3/objects/contacts"
TIMES = {"createdAt": "2026-05-04T10:00:00.000Z", "updatedAt": "2026-05-04T10:00:00.000Z"}
ANN = Contact(name="Ann Lee", emails=["a@x.org"], phones=["+7 1"], handles={"twitter": "annlee"})


class HubSpot(Double):
    """HubSpot's answers, in two pages; the specification has none recorded."""

    answers: list[tuple[str, Reply]]

    def answer(self, request: Request) -> Reply:
        reply = self._answer(request)
        self.answers = [*getattr(self, "answers", []), (request.method.lower(), reply)]
        return reply

    def _answer(self, request: Request) -> Reply:
        if request.method == "GET" and "after" not in request.query:
            following = {"next": {"after": "NTI1Cg%3D%3D", "link": "?after=NTI1Cg%3D%3D"}}
            return Reply({"results": [self._contact("1")], "paging": following})
        if request.method == "GET":
            assert request.query["after"] == "NTI1Cg%3D%3D"
            return Reply({"results": [self._contact("2")]})
        return Reply(self._contact("3"), status=201 if request.method == "POST" else 200)

    def _contact(self, contact_id: str) -> dict[str, Any]:
        properties = {"firstname": "Ann", "lastname": "Lee", "email": f"a{contact_id}@x.org"}
        return {"id": contact_id, "properties": properties, "archived": False, **TIMES}


@pytest.fixture
def spec(contracts: Path) -> Any:
    return json.loads((contracts / "hubspot" / "contacts-v3.json").read_text(encoding="utf-8"))


@pytest.fixture
def hubspot() -> Iterator[HubSpot]:
    with HubSpot() as double:
        yield double


@pytest.fixture
def crm(hubspot: HubSpot) -> Iterator[Crm]:
    account: dict[str, Any] = {}
    for block in re.findall(r"^```toml\n(.*?)^```", DOC.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        account |= tomllib.loads(block)["accounts"].get("hubspot", {})
    del account["platform"]
    account |= {"auth": {"kind": "bearer", "secret": "pat-eu1-secret"}, "api_url": hubspot.url}
    adapter = open_adapter(Crm, account, deadline=0.3)
    yield adapter
    adapter.http.close()


def story(crm: Crm) -> list[Contact]:
    crm.check()
    read = [contact for batch in crm.pull_contacts(None) for contact in batch.items]
    crm.push_contact(ANN, None)
    crm.push_contact(ANN, "3")
    return read


def operation(spec: Any, method: str, path: str) -> Any:
    return spec["paths"][path if path == CONTACTS else CONTACTS + "/{contactId}"][method]


def check(spec: Any, schema: Any, value: Any) -> None:
    OAS30Validator({"allOf": [schema], "components": spec["components"]}).validate(value)


def test_every_call_is_one_that_hubspot_knows(spec: Any, hubspot: HubSpot, crm: Crm) -> None:
    story(crm)
    for call in hubspot.calls:
        known = operation(spec, call.method.lower(), call.path)
        assert set(call.query) <= {parameter["name"] for parameter in known["parameters"]}
        if call.body:
            check(spec, known["requestBody"]["content"]["application/json"]["schema"], call.json())
    assert [call.method for call in hubspot.calls] == ["GET", "GET", "GET", "POST", "PATCH"]


def test_answers_in_the_official_shape_are_read(spec: Any, hubspot: HubSpot, crm: Crm) -> None:
    read = story(crm)
    for (method, reply), call in zip(hubspot.answers, hubspot.calls, strict=True):
        content = operation(spec, method, call.path)["responses"][str(reply.status)]["content"]
        check(spec, content["application/json"]["schema"], reply.json)
    assert [(contact.remote_id, contact.name, contact.emails) for contact in read] == [
        ("1", "Ann Lee", ["a1@x.org"]),
        ("2", "Ann Lee", ["a2@x.org"]),
    ]


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
def test_an_error_in_the_official_shape_is_understood(
    spec: Any, hubspot: HubSpot, crm: Crm, status: int, category: str, error: type[HubError]
) -> None:
    body = {"status": "error", "message": "No", "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf"}
    body["category"] = category
    check(spec, {"$ref": "#/components/schemas/Error"}, body)
    hubspot.inject(faults.answered(Reply(body, status=status, headers={"Retry-After": "60"})), times=9)
    with pytest.raises(error, match=r"\(No\)"):
        crm.push_contact(ANN, None)
