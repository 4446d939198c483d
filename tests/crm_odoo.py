"""A double of Odoo's external API (JSON-RPC), written from its documentation: one address, errors in a 200."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from crm_documented import documented_account

from hub.testing import ContactsDouble, Reply, Request

DOC = Path(__file__).resolve().parents[1] / "docs" / "crm" / "odoo.toml"
_FIELDS = {
    **dict.fromkeys(("name", "email", "phone", "function", "city", "website", "ref"), str),
    "is_company": bool,
    "active": bool,
}


class OdooError(Exception):
    """What Odoo says in `error.data`."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class OdooDouble(ContactsDouble):
    """Odoo with the database `production` and one user. A text that is not set reads as false."""

    samples: ClassVar[Mapping[str, str | Sequence[str]]] = {"title": "Head of «Sales»", "city": "Köln"}
    db, user, secret, uid = "production", "robot@example.com", "0d00-4p1-k3y-0f-th3-r0b0t", 6

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        super().__init__(port, latency=latency)
        self.partners: dict[int, dict[str, Any]] = {}
        self.messages: dict[int, dict[str, Any]] = {}
        self._last_id = 40

    def add_contact(self, name: str, *emails: str) -> str:
        with self.lock:
            # Odoo has one field for it, in which people write several.
            return str(self._create({"name": name, "email": ", ".join(emails)}))

    def rename_contact(self, contact_id: str, name: str) -> None:
        with self.lock:
            self._write([int(contact_id)], {"name": name})

    def remove_contact(self, contact_id: str) -> None:
        with self.lock:
            del self.partners[int(contact_id)]

    def people(self) -> list[tuple[str, Sequence[str]]]:
        with self.lock:
            held = [(one["name"], str(one.get("email") or "")) for one in self.partners.values()]
        return [(name, [email for email in emails.split(", ") if email]) for name, emails in held]

    def noted(self) -> list[str]:
        with self.lock:
            return [message["body"] for message in self.messages.values()]

    def writes(self, request: Request) -> bool:
        params = request.json()["params"]
        return params["method"] == "execute_kw" and params["args"][4] in (
            "create",
            "write",
            "unlink",
            "message_post",
        )

    def account(self) -> dict[str, Any]:
        return documented_account(DOC, "odoo", api_url=self.url, secret=self.secret)

    def answer(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/jsonrpc") or request.content_type != "application/json":
            return Reply(body=b"<h1>Not Found</h1>", status=404)
        call = request.json()
        envelope = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            if call["method"] != "call":
                raise OdooError("werkzeug.exceptions.NotFound", "Not Found")
            return Reply({**envelope, "result": self._dispatch(**call["params"])})
        except OdooError as error:
            data = {"name": error.name, "message": str(error), "arguments": [str(error)], "debug": "Traceback …"}
            return Reply({**envelope, "error": {"code": 200, "message": "Odoo Server Error", "data": data}})

    def _dispatch(self, service: str, method: str, args: list[Any]) -> Any:
        if (service, method) == ("common", "authenticate"):
            db, user, secret, _ = args
            return self.uid if (db, user, secret) == (self.db, self.user, self.secret) else False
        if (service, method) != ("object", "execute_kw"):
            raise OdooError("builtins.KeyError", f"{service}.{method}")
        db, uid, secret, model, name, positional, *keywords = args
        if (db, uid, secret) != (self.db, self.uid, self.secret):
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied")
        named = keywords[0] if keywords else {}
        if model == "res.users" and name == "search_read":
            return [{"id": self.uid, "name": "Sales Robot"}]
        if model != "res.partner" or name not in (
            "search_read",
            "read",
            "create",
            "write",
            "unlink",
            "message_post",
        ):
            raise OdooError("builtins.AttributeError", f"The method '{model}.{name}' does not exist")
        return getattr(self, f"_{name}")(*positional, **named)

    def _search_read(
        self, domain: list[Any], fields: list[str], offset: int = 0, limit: int | None = None, order: str = "name"
    ) -> list[dict[str, Any]]:
        found = [
            one for one in self.partners.values() if one["active"] and all(_fits(one, *term) for term in domain)
        ]
        key, _, direction = order.partition(" ")
        found.sort(key=lambda one: one[key], reverse=direction == "desc")
        return self.arranged(
            [_shown(one, fields) for one in found[offset : None if limit is None else offset + limit]]
        )

    def _read(self, ids: list[int], fields: list[str]) -> list[dict[str, Any]]:
        return [_shown(self.partners[one], fields) for one in ids if one in self.partners]

    def _create(self, values: Any) -> Any:
        if isinstance(values, list):
            made = [_checked(one) for one in values]
            return [self._create(one) for one in made]
        values = _checked(values)
        if not values.get("name"):
            raise OdooError("odoo.exceptions.ValidationError", "Contacts require a name")
        self._last_id += 1
        self.partners[self._last_id] = {"is_company": False, "active": True, **values, "id": self._last_id}
        self._touch(self._last_id)
        return self._last_id

    def _write(self, ids: list[int], values: dict[str, Any]) -> bool:
        for one in ids:
            self._need(one)
            self.partners[one] |= _checked(values)
            self._touch(one)
        return True

    def _unlink(self, ids: list[int]) -> bool:
        for one in ids:
            self._need(one)
            del self.partners[one]
        return True

    def _message_post(self, ids: list[int], *, body: str, message_type: str = "notification") -> int:
        for one in ids:
            self._need(one)
        self._last_id += 1
        self.messages[self._last_id] = {"body": body, "res_ids": ids, "message_type": message_type}
        return self._last_id

    def _need(self, one: int) -> None:
        if not isinstance(one, int):
            raise OdooError("builtins.ValueError", f"invalid input syntax for type integer: {one!r}")
        if one not in self.partners:
            why = f"Record does not exist or has been deleted.\n(Record: res.partner({one},), User: {self.uid})"
            raise OdooError("odoo.exceptions.MissingError", why)

    def _touch(self, one: int) -> None:
        self.partners[one]["write_date"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        if name not in _FIELDS:
            raise OdooError("builtins.ValueError", f"Invalid field '{name}' on model 'res.partner'")
        if value is not False and not isinstance(value, _FIELDS[name]):
            raise OdooError("builtins.TypeError", f"{name} got {value!r}")
    return values


def _shown(partner: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    return {"id": partner["id"], **{name: partner.get(name) or False for name in fields}}


def _fits(partner: dict[str, Any], name: str, operator: str, value: Any) -> bool:
    held = partner.get(name) or False
    if operator == "=ilike":
        return isinstance(held, str) and held.lower() == value.lower()
    if operator == "=":
        return bool(held == value)
    if type(held) is not type(value):
        raise OdooError("psycopg2.errors.InvalidTextRepresentation", f"{name} {operator} {value!r}")
    return bool({">": held > value, ">=": held >= value}[operator])
