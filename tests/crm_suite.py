"""A double of SuiteCRM's V8 API (JSON:API), written from its documentation, with its own ways."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from crm_documented import documented_account

from hub.testing import ContactsDouble, Reply, Request

DOC = Path(__file__).resolve().parents[1] / "docs" / "crm" / "suitecrm.toml"
_TEXTS = ("first_name", "last_name", "email1", "email2", "phone_mobile", "phone_work", "account_name", "birthdate")
_TYPE = "application/vnd.api+json"


class SuiteDouble(ContactsDouble):
    """SuiteCRM with one OAuth client, whose tokens end after `calls_of_a_token` calls.

    Ids are UUIDs, birthdays are written as 31/12/1980, a custom field counts cents, what is not set is "". What is
    not found is a 400, as is everything else that goes wrong.
    """

    samples: ClassVar[Mapping[str, str | Sequence[str]]] = {
        "company": "Smith & Søns",
        "birthday": "1980-12-31",
        "value": "1234.5",
    }
    secret = "su1t3-cl13nt-s3cr3t"

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        super().__init__(port, latency=latency)
        self.modules: dict[str, dict[str, dict[str, Any]]] = {"Contacts": {}, "Notes": {}, "Tasks": {}}
        self.calls_of_a_token = 40
        self._tokens: dict[str, int] = {}

    def add_contact(self, name: str, *emails: str) -> str:
        first, _, last = name.rpartition(" ")
        held = dict(zip(("email1", "email2"), emails, strict=False))
        with self.lock:
            return self._save("Contacts", None, {"first_name": first, "last_name": last, **held})

    def rename_contact(self, contact_id: str, name: str) -> None:
        first, _, last = name.rpartition(" ")
        with self.lock:
            self._save("Contacts", contact_id, {"first_name": first, "last_name": last})

    def remove_contact(self, contact_id: str) -> None:
        with self.lock:
            del self.modules["Contacts"][contact_id]

    def people(self) -> list[tuple[str, Sequence[str]]]:
        with self.lock:
            held = list(self.modules["Contacts"].values())
        return [
            (
                f"{one['first_name']} {one['last_name']}".strip(),
                [one[key] for key in ("email1", "email2") if one[key]],
            )
            for one in held
        ]

    def noted(self) -> list[str]:
        with self.lock:
            return [one["description"] for one in self.modules["Notes"].values()]

    def writes(self, request: Request) -> bool:
        return super().writes(request) and request.path != "/Api/access_token"

    def account(self) -> dict[str, Any]:
        return documented_account(DOC, "suite", api_url=f"{self.url}/Api", secret=self.secret)

    def answer(self, request: Request) -> Reply:
        if (request.method, request.path) == ("POST", "/Api/access_token"):
            return self._grant(request.json())
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) <= 0:
            return Reply(
                {"error": "access_denied", "message": "The resource owner denied the request."}, status=401
            )
        self._tokens[token] -= 1
        try:
            return self._route(request)
        except LookupError as error:
            detail = f"[SuiteCRM] [API] [Not Found] {error.args[0]}"
            return Reply({"errors": {"status": None, "title": None, "detail": detail}}, status=400)

    def _grant(self, asked: dict[str, str]) -> Reply:
        client = "5f2c0b1e-8f3a-4d1c-9a77-1d0f6b9f2a10"
        if asked != {"grant_type": "client_credentials", "client_id": client, "client_secret": self.secret}:
            return Reply({"error": "invalid_client", "message": "Client authentication failed"}, status=401)
        token = f"eyJ0-{uuid.uuid4()}"
        self._tokens[token] = self.calls_of_a_token
        return Reply({"token_type": "Bearer", "expires_in": 3600, "access_token": token})

    def _route(self, request: Request) -> Reply:
        parts = request.path.removeprefix("/Api/V8/").split("/")
        match request.method, parts:
            case "GET", ["current-user"]:
                return self._document({"type": "User", "id": "1", "attributes": {"user_name": "robot"}})
            case "GET", ["module", "Contacts"]:
                return self._list(request)
            case "GET", ["module", module, one]:
                return self._document(self._shown(module, self._held(module, one)))
            case "DELETE", ["module", module, one]:
                self._held(module, one)
                del self.modules[module][one]
                return Reply({"meta": {"message": f"Record with id {one} is deleted"}, "data": []})
            case ("POST" | "PATCH") as method, ["module"]:
                return self._saved(method, request)
        raise LookupError(f"{request.method} {request.path} is not found")

    def _saved(self, method: str, request: Request) -> Reply:
        if request.content_type != _TYPE:
            return Reply({"errors": {"detail": "Unsupported media type"}}, status=415)
        data = request.json()["data"]
        module, one = data["type"], data.get("id")
        if (one is None) is (method == "PATCH"):
            raise LookupError("id is wanted for PATCH, and for PATCH only")
        if one is not None:
            self._held(module, one)
        made = self._save(module, one, data["attributes"])
        return self._document(self._shown(module, self.modules[module][made]), status=201)

    def _save(self, module: str, one: str | None, values: Mapping[str, Any]) -> str:
        if module == "Contacts":
            for name, value in values.items():
                wanted = (int, str) if name == "lifetime_cents_c" else str
                if name not in (*_TEXTS, "lifetime_cents_c") or not isinstance(value, wanted):
                    raise LookupError(f"The property {name} = {value!r} is invalid")
            if values.get("birthdate"):
                datetime.strptime(values["birthdate"], "%d/%m/%Y")  # noqa: DTZ007
        if module == "Notes":
            self._held("Contacts", values["parent_id"])
        made = one or str(uuid.uuid4())
        blank = {"id": made, "deleted": "0", **dict.fromkeys((*_TEXTS, "lifetime_cents_c"), "")}
        now = datetime.now(UTC)
        self.modules[module][made] = {
            **(self.modules[module].get(made) or (blank if module == "Contacts" else {"id": made})),
            **values,
            "date_modified": now.isoformat(timespec="microseconds"),
        }
        return made

    def _held(self, module: str, one: str) -> dict[str, Any]:
        if one not in self.modules.get(module, {}):
            raise LookupError(f"{module} with id {one} is not found")
        return self.modules[module][one]

    def _list(self, request: Request) -> Reply:
        found = list(self.modules["Contacts"].values())
        size, page = 20, 1
        for name, value in request.query.items():
            match name:
                case "filter[date_modified][gte]":
                    since = datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
                    found = [one for one in found if datetime.fromisoformat(one["date_modified"]) >= since]
                case "filter[email1][eq]":
                    found = [one for one in found if one["email1"].lower() == value.lower()]
                case "page[size]":
                    size = min(int(value), 50)
                case "page[number]":
                    page = int(value)
                case "sort" if value == "date_modified":
                    found.sort(key=lambda one: one["date_modified"])
                case _:
                    raise LookupError(f"The parameter {name} is not found")
        shown = self.arranged(found[(page - 1) * size : page * size])
        data = [self._shown("Contacts", one) for one in shown]
        pages = -(-len(found) // size)
        body = {"meta": {"total-pages": pages, "records-on-this-page": len(data)}, "data": data}
        return Reply(body, headers={"Content-Type": _TYPE})

    def _shown(self, module: str, held: dict[str, Any]) -> dict[str, Any]:
        attributes = {name: value for name, value in held.items() if name != "id"}
        return {"type": module, "id": held["id"], "attributes": attributes, "relationships": {}}

    def _document(self, data: dict[str, Any], status: int = 200) -> Reply:
        return Reply({"data": data}, status=status, headers={"Content-Type": _TYPE})
