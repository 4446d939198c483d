"""A double of a small CRM: contacts, custom fields and notes; four ways to sign, five to page."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

from hub import AuthError, GoneError, RejectedError, TransientError
from hub.testing import ContactsDouble, Refusal, Reply, Request

AuthKind = Literal["bearer", "basic", "header", "query"]
PagingKind = Literal["page", "offset", "cursor", "link", "link_header"]

_SIZES = {"page": "per_page", "offset": "limit", "cursor": "limit", "link": "per_page", "link_header": "per_page"}
_CUSTOM = ("vk_id", "facebook", "x")


@dataclass(slots=True)
class Record:
    """One contact as the CRM holds it."""

    id: int
    first_name: str = ""
    last_name: str = ""
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)
    archived: bool = False
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Failed(Exception):
    """What the CRM answers instead, as `Reply`."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.reply = Reply({"error": {"code": code, "message": message, **more}}, status=status)


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


class CrmDouble(ContactsDouble):
    """A CRM on loopback.

    `contacts` and `notes` are its state, by id. `unique_email` refuses a second contact with the same e-mail
    with 409. `max_size` caps a page in silence. `budget` is the number of calls in `window` seconds.
    """

    secret = "s3cr3t-of-the-crm"
    user = "robot"
    refusals = _REFUSALS

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
    ) -> None:
        super().__init__(port, latency=latency)
        self.auth = auth
        self.paging = paging
        self.unique_email = unique_email
        self.id_in = id_in
        self.max_size = max_size
        self.budget = budget
        self.window = window
        self.contacts: dict[str, Record] = {}
        self.notes: dict[str, dict[str, str]] = {}
        self._last_id = 0
        self._window_ends = 0.0
        self._spent = 0

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
            record = Record(
                id=self._next_id(),
                first_name=first,
                last_name=last,
                emails=list(emails),
                phones=list(phones),
                custom={key: value for key, value in custom.items() if value},
            )
            record.updated_at = updated_at or record.updated_at
            self.contacts[str(record.id)] = record
        return str(record.id)

    def people(self) -> list[tuple[str, Sequence[str]]]:
        with self.lock:
            everyone = list(self.contacts.values())
        return [(f"{one.first_name} {one.last_name}".strip(), one.emails) for one in everyone]

    def noted(self) -> list[str]:
        with self.lock:
            return [note["text"] for note in self.notes.values()]

    def rename_contact(self, contact_id: str, name: str) -> None:
        """Let somebody at the CRM change a contact's name."""
        with self.lock:
            record = self.contacts[contact_id]
            record.first_name, _, record.last_name = name.partition(" ")
            record.updated_at = datetime.now(UTC)

    def archive_contact(self, contact_id: str) -> None:
        """Let somebody at the CRM archive a contact; it stays in the list, marked."""
        with self.lock:
            record = self.contacts[contact_id]
            record.archived = True
            record.updated_at = datetime.now(UTC)

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
        size = {"size_param": _SIZES[self.paging], "size": 100}
        paging: dict[str, Any] = {
            "page": {"kind": "page", "param": "page", **size},
            "offset": {"kind": "offset", "param": "offset", **size},
            "cursor": {"kind": "cursor", "param": "after", "next": "paging.next.after", **size},
            "link": {"kind": "link", "next": "links.next", **size},
            "link_header": {"kind": "link", **size},
        }[self.paging]
        return {
            "api_url": f"{self.url}/api",
            "auth": auth,
            "check": {"path": "/me", "id": "id", "name": "name"},
            "contacts": {
                "list": {
                    "path": "/contacts",
                    "params": {"updated_since": "{since}"},
                    "items": "data",
                    "paging": paging,
                    "since": {"format": "iso"},
                },
                "create": {
                    "path": "/contacts",
                    "existing_id": "error.existing_id",
                    **({"id": "id"} if self.id_in == "body" else {}),
                },
                "update": {"path": "/contacts/{id}"},
            },
            "map": {
                "id": "id",
                "name": "join(' ', [first_name, last_name][?@])",
                "emails": "emails[].value",
                "phones": "phones",
                "updated_at": "updated_at",
                "url": "url",
                "deleted": "archived",
                "handles": {"vk": "custom.vk_id", "facebook": "custom.facebook", "twitter": "custom.x"},
            },
            "write": {
                "first_name": "{first_name}",
                "last_name": "{last_name}",
                "emails": [{"value": "{emails[]}"}],
                "phones": "{phones}",
                "custom": {"vk_id": "{handles.vk}", "facebook": "{handles.facebook}", "x": "{handles.twitter}"},
            },
            "notes": {
                "path": "/contacts/{id}/notes",
                "body": {"text": "{text}", "url": "{url}", "external_id": "{key}"},
                "id": "id",
            },
        }

    def answer(self, request: Request) -> Reply:
        try:
            self._check_auth(request)
            self._check_budget()
            return self._route(request)
        except Failed as failed:
            return failed.reply
        except ValueError:
            return Failed(400, "bad_json", "The body is not JSON").reply

    def _check_auth(self, request: Request) -> None:
        basic = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        header = request.headers.get("authorization")
        proved = {
            "bearer": header == f"Bearer {self.secret}",
            "basic": header == f"Basic {basic}",
            "header": request.headers.get("x-api-key") == f"Token {self.secret}",
            "query": request.query.get("api_key") == self.secret,
        }
        if not proved[self.auth]:
            raise Failed(401, "unauthorized", "The credentials are missing or wrong")

    def _check_budget(self) -> None:
        if self.budget is None:
            return
        now = time.monotonic()
        if now >= self._window_ends:
            self._window_ends, self._spent = now + self.window, 0
        self._spent += 1
        if self._spent > self.budget:
            failed = Failed(429, "too_many_requests", "Too many requests")
            left = self._window_ends - now
            headers = {
                "Retry-After": f"{left:.2f}",
                "X-RateLimit-Limit": str(self.budget),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": f"{left:.2f}",
            }
            failed.reply = Reply(failed.reply.json, status=429, headers=headers)
            raise failed

    def _route(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        match request.method, parts:
            case "GET", ["api", "me"]:
                self._parameters(request)
                return Reply({"id": 7, "name": "Sales robot"})
            case "GET", ["api", "contacts"]:
                return self._list(request)
            case "POST", ["api", "contacts"]:
                self._parameters(request)
                return self._create(request)
            case "PATCH", ["api", "contacts", contact_id]:
                self._parameters(request)
                return self._update(request, contact_id)
            case "POST", ["api", "contacts", contact_id, "notes"]:
                self._parameters(request)
                return self._note(request, contact_id)
        raise Failed(404, "not_found", f"There is no {request.method} {request.path}")

    def _parameters(self, request: Request, *allowed: str) -> dict[str, str]:
        given = {name: value for name, value in request.query.items() if name != "api_key" or self.auth != "query"}
        for name in given:
            if name not in allowed:
                raise Failed(400, "unknown_parameter", f"Unknown parameter {name}")
        return given

    def _list(self, request: Request) -> Reply:
        size_name = _SIZES[self.paging]
        place = {"page": "page", "offset": "offset"}.get(self.paging, "after")
        given = self._parameters(request, size_name, place, "updated_since")
        size = min(_number(given, size_name, 20), self.max_size)
        records = sorted(self.contacts.values(), key=lambda record: record.id)
        if "updated_since" in given:
            since = _time(given["updated_since"])
            records = [record for record in records if record.updated_at >= since]
        if self.paging == "page":
            start = (_number(given, "page", 1) - 1) * size
            if start < 0:
                raise Failed(400, "bad_parameter", "page begins with 1")
            return Reply({"data": self._page(records[start : start + size])})
        if self.paging == "offset":
            start = _number(given, "offset", 0)
            found = records[start : start + size]
            more = start + size < len(records)
            return Reply({"data": self._page(found), "has_more": more})
        if self.stale_cursors and "after" in given:
            raise Failed(400, "bad_parameter", "after is no cursor")
        after = _id_after(given.get("after", ""))
        records = [record for record in records if record.id > after]
        found = records[:size]
        data = self._page(found)
        if len(records) <= size:
            return Reply({"data": data})
        following = base64.urlsafe_b64encode(f"id:{found[-1].id}".encode()).decode()
        if self.paging == "cursor":
            return Reply({"data": data, "paging": {"next": {"after": following}}})
        # As many CRMs do, the link repeats the whole query, the key in it too.
        link = f"{self.url}{request.path}?{urlencode({**request.query, 'after': following})}"
        if self.paging == "link":
            return Reply({"data": data, "links": {"next": link}})
        return Reply(
            {"data": data}, headers={"Link": f'<{self.url}{request.path}>; rel="first", <{link}>; rel="next"'}
        )

    def _page(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        return [self._shown(record) for record in self.arranged(records)]

    def _create(self, request: Request) -> Reply:
        fields = _checked(request.json())
        if "last_name" not in fields:
            raise Failed(422, "required", "last_name is required")
        self._check_unique(fields, None)
        record = Record(id=self._next_id(), **fields)
        self.contacts[str(record.id)] = record
        if self.id_in == "location":
            return Reply(body=b"", status=201, headers={"Location": f"/api/contacts/{record.id}"})
        return Reply(self._shown(record), status=201)

    def _update(self, request: Request, contact_id: str) -> Reply:
        record = self._record(contact_id)
        fields = _checked(request.json())
        self._check_unique(fields, record)
        fields["custom"] = {**record.custom, **fields.get("custom", {})}
        for name, value in fields.items():
            setattr(record, name, value)
        record.updated_at = datetime.now(UTC)
        return Reply(self._shown(record))

    def _note(self, request: Request, contact_id: str) -> Reply:
        self._record(contact_id)
        body = request.json()
        _only(body, {"text": str, "url": str, "external_id": str}, "note")
        if not body.get("text"):
            raise Failed(422, "required", "text is required")
        note_id = str(self._next_id())
        self.notes[note_id] = {"contact": contact_id, **body}
        return Reply({"id": int(note_id)}, status=201)

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

    def _record(self, contact_id: str) -> Record:
        if contact_id not in self.contacts:
            raise Failed(404, "not_found", f"There is no contact {contact_id}")
        return self.contacts[contact_id]

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _shown(self, record: Record) -> dict[str, Any]:
        return {
            "id": record.id,
            "first_name": record.first_name,
            "last_name": record.last_name,
            "emails": [{"value": email} for email in record.emails],
            "phones": record.phones,
            "custom": {name: record.custom.get(name) for name in _CUSTOM},
            "archived": record.archived,
            "updated_at": record.updated_at.isoformat(),
            "url": f"{self.url}/contacts/{record.id}",
        }


def _number(given: dict[str, str], name: str, default: int) -> int:
    try:
        return int(given.get(name, default))
    except ValueError:
        raise Failed(400, "bad_parameter", f"{name} is not a number") from None


def _time(text: str) -> datetime:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        raise Failed(400, "bad_parameter", "updated_since is not a time") from None
    if then.tzinfo is None:
        raise Failed(400, "bad_parameter", "updated_since has no time zone")
    return then


def _id_after(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("id:"))
    except ValueError:
        raise Failed(400, "bad_parameter", "after is no cursor") from None


def _only(body: Any, shape: dict[str, type], what: str) -> None:
    if not isinstance(body, dict):
        raise Failed(400, "bad_body", f"A {what} is an object")
    for name, value in body.items():
        if name not in shape:
            raise Failed(400, "unknown_field", f"Unknown field {name} of a {what}")
        if not isinstance(value, shape[name]):
            raise Failed(400, "bad_field", f"{name} of a {what} has the wrong type")


def _checked(body: Any) -> dict[str, Any]:
    """Return the fields of a contact as `Record` has them, or refuse what the CRM does not know."""
    _only(body, {"first_name": str, "last_name": str, "emails": list, "phones": list, "custom": dict}, "contact")
    _only(body.get("custom", {}), dict.fromkeys(_CUSTOM, str), "contact")
    for email in body.get("emails", ()):
        _only(email, {"value": str}, "e-mail")
    for phone in body.get("phones", ()):
        _only({"phone": phone}, {"phone": str}, "contact")
    fields = dict(body)
    if "emails" in body:
        fields["emails"] = [email["value"] for email in body["emails"] if "value" in email]
    return fields
