"""The records of the double of a small CRM, and what it refuses to hold."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hub.testing import Reply

CUSTOM = ("vk_id", "facebook", "x")
_SHAPE: dict[str, type] = {
    "first_name": str,
    "last_name": str,
    "emails": list,
    "phones": list,
    "custom": dict,
    "company": str,
    "tags": list,
    "external_id": str,
}


@dataclass(slots=True)
class Record:
    """One contact as the CRM holds it."""

    id: int
    first_name: str = ""
    last_name: str = ""
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)
    company: str = ""
    tags: list[str] = field(default_factory=list)
    external_id: str = ""
    archived: bool = False
    version: int = 1
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def touch(self) -> None:
        """Note that somebody changed it."""
        self.version += 1
        self.updated_at = datetime.now(UTC)

    def shown(self, address: str) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "id": self.id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "emails": [{"value": email} for email in self.emails],
            "phones": self.phones,
            "custom": {name: self.custom.get(name) for name in CUSTOM},
            "company": self.company or None,
            "tags": self.tags,
            "external_id": self.external_id or None,
            "archived": self.archived,
            "version": self.version,
            "updated_at": self.updated_at.isoformat(),
            "url": f"{address}/contacts/{self.id}",
        }


class Failed(Exception):
    """What the CRM answers instead, as `reply`."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.reply = Reply({"error": {"code": code, "message": message, **more}}, status=status)


def checked(body: Any) -> dict[str, Any]:
    """Return the fields of a contact as `Record` has them, or refuse what the CRM does not know."""
    only(body, _SHAPE, "contact")
    only(body.get("custom", {}), dict.fromkeys(CUSTOM, str), "contact")
    for email in body.get("emails", ()):
        only(email, {"value": str}, "e-mail")
    for name in ("phones", "tags"):
        for text in body.get(name, ()):
            only({name: text}, {name: str}, "contact")
    fields = dict(body)
    if "emails" in body:
        fields["emails"] = [email["value"] for email in body["emails"] if "value" in email]
    return fields


def only(body: Any, shape: Mapping[str, type], what: str) -> None:
    """Refuse a body that is no table, or has a key or a type that the CRM does not know."""
    if not isinstance(body, dict):
        raise Failed(400, "bad_body", f"A {what} is an object")
    for name, value in body.items():
        if name not in shape:
            raise Failed(400, "unknown_field", f"Unknown field {name} of a {what}")
        if not isinstance(value, shape[name]):
            raise Failed(400, "bad_field", f"{name} of a {what} has the wrong type")


def number(given: dict[str, str], name: str, default: int) -> int:
    try:
        return int(given.get(name, default))
    except ValueError:
        raise Failed(400, "bad_parameter", f"{name} is not a number") from None


def time(text: str) -> datetime:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        raise Failed(400, "bad_parameter", "updated_since is not a time") from None
    if then.tzinfo is None:
        raise Failed(400, "bad_parameter", "updated_since has no time zone")
    return then


def id_after(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("id:"))
    except ValueError:
        raise Failed(400, "bad_parameter", "after is no cursor") from None
