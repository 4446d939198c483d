"""A double of a small CRM: contacts, custom fields, notes, search and batches; four ways to sign, five to page."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from hub import AuthError, GoneError, RejectedError, TransientError
from hub.testing import Refusal, Reply, Request
from plugins.crm_generic.sandbox_account import settings
from plugins.crm_generic.sandbox_door import AuthKind, CrmDoor, PagingKind
from plugins.crm_generic.sandbox_records import Failed, Record, checked, only

_ACTIVITIES = {
    "notes": {"text": str, "url": str, "external_id": str},
    "tasks": {"text": str, "title": str, "url": str, "external_id": str, "due_at": str},
    "leads": {"text": str, "title": str, "url": str, "external_id": str},
}


def _answer(status: int, code: str, message: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"error": {"code": code, "message": message}}, status=status, headers=named)


# What its configuration makes of the statuses that every CRM has; no page of a network stands behind these.
_REFUSALS = (
    Refusal("401", _answer(401, "unauthorized", "The token has ended"), AuthError, verb="check"),
    Refusal("401", _answer(401, "unauthorized", "The token has ended"), AuthError, verb="read"),
    Refusal("400", _answer(400, "bad_parameter", "updated_since is not a time"), RejectedError, verb="read"),
    Refusal("403", _answer(403, "forbidden", "You may not list contacts"), RejectedError, verb="read"),
    Refusal("404", _answer(404, "not_found", "There is no such list"), GoneError, verb="read"),
    Refusal("410", _answer(410, "gone", "This version of the API is gone"), GoneError, verb="read"),
    Refusal("422", _answer(422, "unprocessable", "The filter is not known"), RejectedError, verb="read"),
    Refusal("429", _answer(429, "slow", "Too many", Retry_After="120"), TransientError, 120.0, verb="read"),
    Refusal("503", _answer(503, "down", "Maintenance", Retry_After="600"), TransientError, 600.0, verb="read"),
    Refusal("500", _answer(500, "broken", "Something broke"), TransientError, verb="read"),
)


class CrmDouble(CrmDoor):
    """A CRM on loopback.

    `contacts` and `notes` are its state, by id. `unique_email` refuses a second contact with the same e-mail
    with 409. `max_size` caps a page in silence. `budget` is the number of calls in `window` seconds. The search
    does not find what was made less than `search_lag` seconds ago.
    """

    secret = "s3cr3t-of-the-crm"
    user = "robot"
    refusals = _REFUSALS
    samples: ClassVar[Mapping[str, str | Sequence[str]]] = {"company": "Анна & Co", "tags": ["a b", "vip"]}

    def __init__(
        self,
        port: int = 0,
        *,
        latency: float = 0.0,
        auth: AuthKind = "bearer",
        paging: PagingKind = "cursor",
        unique_email: bool = True,
        id_in: Literal["body", "location"] = "body",
        max_size: int = 100,
        budget: int | None = None,
        window: float = 1.0,
        search_lag: float = 0.0,
    ) -> None:
        super().__init__(port, latency=latency)
        self.auth = auth
        self.paging = paging
        self.unique_email = unique_email
        self.id_in = id_in
        self.max_size = max_size
        self.budget = budget
        self.window = window
        self.search_lag = search_lag
        self.contacts: dict[str, Record] = {}
        self.notes: dict[str, dict[str, str]] = {}
        self._made_at: dict[int, float] = {}
        self._last_id = 0

    def add_contact(
        self,
        name: str,
        *emails: str,
        phones: tuple[str, ...] = (),
        vk: str = "",
        facebook: str = "",
        x: str = "",
        updated_at: datetime | None = None,
    ) -> str:
        """Let somebody at the CRM enter a contact; return its id."""
        first, _, last = name.partition(" ")
        custom = {"vk_id": vk, "facebook": facebook, "x": x}
        with self.lock:
            record = self._made(
                first_name=first,
                last_name=last,
                emails=list(emails),
                phones=list(phones),
                custom={key: value for key, value in custom.items() if value},
            )
            record.updated_at = updated_at or record.updated_at
            self._made_at[record.id] = 0.0
        return str(record.id)

    def people(self) -> list[tuple[str, Sequence[str]]]:
        with self.lock:
            return [(one.name, one.emails) for one in self.contacts.values()]

    def noted(self) -> list[str]:
        with self.lock:
            return [note["text"] for note in self.notes.values()]

    def rename_contact(self, contact_id: str, name: str) -> None:
        """Let somebody at the CRM change a contact's name."""
        with self.lock:
            record = self.contacts[contact_id]
            record.first_name, _, record.last_name = name.partition(" ")
            record.touch()

    def change_contact(self, contact_id: str, **values: Any) -> None:
        """Let somebody at the CRM change a contact's fields, named as in `Record`."""
        with self.lock:
            record = self.contacts[contact_id]
            for name, value in values.items():
                setattr(record, name, value)
            record.touch()

    def archive_contact(self, contact_id: str) -> None:
        """Let somebody at the CRM archive a contact; it stays in the list, marked."""
        with self.lock:
            self.contacts[contact_id].archived = True
            self.contacts[contact_id].touch()

    def remove_contact(self, contact_id: str) -> None:
        """Let somebody at the CRM delete a contact for good."""
        with self.lock:
            del self.contacts[contact_id]

    def account(self) -> dict[str, Any]:
        """Return settings for an account on this double; secrets as plain text."""
        auth: dict[str, Any] = {"kind": self.auth, "secret": self.secret}
        auth |= {
            "bearer": {},
            "basic": {"user": self.user},
            "header": {"name": "X-Api-Key", "prefix": "Token "},
            "query": {"name": "api_key"},
        }[self.auth]
        return settings(self.url, auth, self.paging, self.id_in)

    def answer(self, request: Request) -> Reply:
        try:
            self.check_auth(request)
            self.check_budget()
            return self._route(request)
        except Failed as failed:
            return failed.reply
        except ValueError:
            return Failed(400, "bad_json", "The body is not JSON").reply

    def _route(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        match request.method, parts:
            case "GET", ["api", "me"]:
                self.parameters(request)
                return Reply({"id": 7, "name": "Sales robot"})
            case "GET", ["api", "contacts"]:
                return self.listed(request)
            case "GET", ["api", "search"]:
                return self._search(request)
            case "POST", ["api", "contacts"]:
                self.parameters(request)
                return self._create(request)
            case "GET", ["api", "contacts", contact_id]:
                self.parameters(request)
                return self._one(self._record(contact_id))
            case "PATCH", ["api", "contacts", contact_id]:
                self.parameters(request)
                return self._one(self._updated(contact_id, request.json(), request.headers.get("if-match")))
            case "DELETE", ["api", "contacts", contact_id]:
                self._record(contact_id, request.headers.get("if-match"))
                del self.contacts[contact_id]
                return Reply(body=b"", status=204)
            case ("POST" | "PATCH") as method, ["api", "batch"]:
                return self._batch(method, request)
            case "POST", ["api", "contacts", contact_id, ("notes" | "tasks" | "leads") as kind]:
                self.parameters(request)
                return self._activity(request, contact_id, kind)
        raise Failed(404, "not_found", f"There is no {request.method} {request.path}")

    def _search(self, request: Request) -> Reply:
        given = self.parameters(request, "email", "phone", "external_id")
        indexed = clock.monotonic() - self.search_lag
        found = []
        for record in self.contacts.values():
            held = {
                "email": [email.lower() for email in record.emails],
                "phone": record.phones,
                "external_id": [record.external_id],
            }
            if self._made_at[record.id] <= indexed and any(given[name].lower() in held[name] for name in given):
                found.append(record.shown(self.url))
        return Reply({"data": found})

    def _create(self, request: Request) -> Reply:
        record = self._entered(request.json())
        if self.id_in == "location":
            return Reply(body=b"", status=201, headers={"Location": f"/api/contacts/{record.id}"})
        return Reply(record.shown(self.url), status=201)

    def _entered(self, body: Any) -> Record:
        fields = checked(body)
        if "last_name" not in fields:
            raise Failed(422, "required", "last_name is required")
        self._check_unique(fields, None)
        return self._made(**fields)

    def _made(self, **fields: Any) -> Record:
        self._last_id += 1
        record = Record(id=self._last_id, **fields)
        self.contacts[str(record.id)] = record
        self._made_at[record.id] = clock.monotonic()
        return record

    def _one(self, record: Record) -> Reply:
        return Reply(record.shown(self.url), headers={"ETag": f'"{record.version}"'})

    def _updated(self, contact_id: str, body: Any, condition: str | None) -> Record:
        record = self._record(contact_id, condition)
        fields = checked(body)
        self._check_unique(fields, record)
        fields["custom"] = {**record.custom, **fields.get("custom", {})}
        for name, value in fields.items():
            setattr(record, name, value)
        record.touch()
        return record

    def _batch(self, method: str, request: Request) -> Reply:
        self.parameters(request)
        body = request.json()
        only(body, {"records": list}, "batch")
        results = []
        for part in body["records"]:
            only(part, {"ref": str, "id": int, "version": int, "fields": dict}, "record of a batch")
            try:
                if method == "POST":
                    record = self._entered(part["fields"])
                else:
                    condition = f'"{part["version"]}"' if "version" in part else None
                    record = self._updated(str(part["id"]), part["fields"], condition)
            except Failed as failed:
                means = {404: "gone", 409: "duplicate", 412: "changed"}.get(failed.reply.status, "rejected")
                results.append({"ref": part["ref"], "error": {**failed.reply.json["error"], "means": means}})
            else:
                results.append({"ref": part["ref"], "id": record.id})
        return Reply({"results": results}, status=207)

    def _activity(self, request: Request, contact_id: str, kind: str) -> Reply:
        self._record(contact_id)
        body = request.json()
        only(body, _ACTIVITIES[kind], kind.removesuffix("s"))
        if not body.get("text"):
            raise Failed(422, "required", "text is required")
        self._last_id += 1
        self.notes[str(self._last_id)] = {
            "contact": contact_id,
            **({"kind": kind} if kind != "notes" else {}),
            **body,
        }
        return Reply({"id": self._last_id}, status=201)

    def _check_unique(self, fields: dict[str, Any], own: Record | None) -> None:
        if not self.unique_email:
            return
        for other in self.contacts.values():
            same = {email.lower() for email in fields.get("emails", ())} & {
                email.lower() for email in other.emails
            }
            if other is not own and same:
                raise Failed(
                    409, "duplicate", f"A contact with the e-mail {min(same)} exists", existing_id=other.id
                )

    def _record(self, contact_id: str, condition: str | None = None) -> Record:
        record = self.contacts.get(contact_id)
        if record is None:
            raise Failed(404, "not_found", f"There is no contact {contact_id}")
        if condition is not None and condition != f'"{record.version}"':
            raise Failed(412, "changed", f"The contact {contact_id} has changed")
        return record
