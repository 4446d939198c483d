"""What hub.toml says about a CRM: every endpoint, its paging, the field map both ways, checked when it is read."""

from __future__ import annotations

import re
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hub import AccountSettings
from plugins.crm_generic.fields import Expression, Path, TimeFormat, Zone, holds, only

CONTACT_NAMES = ("name", "first_name", "last_name", "email", "emails", "emails[]", "phone", "phones", "phones[]")
# The usual shapes of an error: Salesforce's list, the flat ones, RFC 9457, Bitrix24's, JSON:API's, nested ones.
REASON = (
    "[0].message || message || detail || error_description || errors[0].message || errors[0].detail "
    "|| error.message || error || title"
)
Means = Literal["transient", "auth", "rejected", "gone", "duplicate", "stale"]


class Part(BaseModel):
    """A table inside the account's table."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Auth(Part):
    """How a call proves who makes it; one `secret` whatever the kind."""

    kind: Literal["bearer", "basic", "header", "query"]
    secret: SecretStr
    user: str = ""
    name: str = ""
    prefix: str = ""

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        secret = self.secret.get_secret_value()
        if not secret:
            raise ValueError("secret is empty")
        # h11 would quote the whole header in its complaint, and with it the secret.
        if self.kind in ("bearer", "header") and not re.fullmatch(r"[!-~]([ -~]*[!-~])?", secret):
            raise ValueError("secret holds a character that a header cannot carry, such as a line break")
        needed = {"basic": {"user"}, "header": {"name"}, "query": {"name"}}.get(self.kind, set())
        for key in sorted(needed):
            if not getattr(self, key):
                raise ValueError(f"kind {self.kind!r} needs {key}")
        allowed = needed | ({"prefix"} if self.kind == "header" else set())
        for key in ("user", "name", "prefix"):
            if getattr(self, key) and key not in allowed:
                raise ValueError(f"{key} has no meaning with kind {self.kind!r}")
        if self.kind == "basic" and ":" in self.user:
            raise ValueError("user cannot hold a colon")
        if self.kind == "header" and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", self.name):
            raise ValueError(f"name {self.name!r} is no header name")
        return self


class Check(Part):
    """The cheapest signed read, and where its answer says who we are."""

    method: Literal["GET", "POST"] = "GET"
    path: Path
    id: Expression
    name: Expression | None = None


class Paging(Part):
    """How one page leads to the next."""

    kind: Literal["page", "offset", "cursor", "link"]
    param: str = ""
    size_param: str = ""
    size: int = Field(default=100, ge=1, le=10_000)
    start: int = Field(default=1, ge=0)
    overlap: int = Field(default=5, ge=1)
    next: Expression | None = None
    more: Expression | None = None

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if self.kind == "link":
            if self.param:
                raise ValueError("param has no meaning with kind 'link'")
        elif not self.param:
            raise ValueError(f"kind {self.kind!r} needs param")
        if self.kind == "cursor" and not self.next:
            raise ValueError("kind 'cursor' needs next")
        only = {"start": ("page",), "overlap": ("offset",), "more": ("page", "offset"), "next": ("cursor", "link")}
        for key, kinds in only.items():
            if key in self.model_fields_set and self.kind not in kinds:
                raise ValueError(f"{key} has no meaning with kind {self.kind!r}")
        if self.kind == "offset" and self.overlap >= self.size:
            raise ValueError("overlap must be smaller than size")
        return self


class Since(Part):
    """How {since} is written, and how much earlier than the newest contact seen it lies (in seconds)."""

    format: TimeFormat = "iso"
    overlap: int = Field(default=60, ge=0)
    first: str | None = None


class List(Part):
    """Reads contacts. `params` go into the query of a GET, or as JSON into the body of a POST."""

    method: Literal["GET", "POST"] = "GET"
    path: Path
    params: dict[str, Any] = {}
    items: Expression = "@"
    paging: Paging | None = None
    since: Since | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if "{" in self.path:
            raise ValueError("path cannot hold a placeholder")
        only(self.params, ("since",), "params")
        if (self.since is not None) != holds("since", self.params):
            raise ValueError("since and the placeholder {since} in params belong together")
        if self.method == "GET":
            for key, value in self.params.items():
                if isinstance(value, dict) or (
                    isinstance(value, list) and any(isinstance(v, dict) for v in value)
                ):
                    raise ValueError(f"params.{key} is a table, which only method POST can send")
        elif self.paging is not None and self.paging.kind == "link":
            raise ValueError("paging of kind 'link' needs method GET")
        return self


class Create(Part):
    """Makes a contact. Without `id` the new id is the last part of the answer's Location header."""

    method: Literal["POST", "PUT"] = "POST"
    path: Path
    body: Any = "{contact}"
    id: Expression | None = None
    existing_id: Expression | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if "{" in self.path:
            raise ValueError("path cannot hold a placeholder")
        only(self.body, ("contact",), "body")
        if not holds("contact", self.body):
            raise ValueError("body must hold {contact}, which stands for what write makes")
        return self


class Update(Part):
    """Changes a contact, known by {id} in the path or in the body."""

    method: Literal["PATCH", "PUT", "POST"] = "PATCH"
    path: Path
    body: Any = "{contact}"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        only(self.body, ("contact", "id"), "body")
        if not holds("contact", self.body):
            raise ValueError("body must hold {contact}, which stands for what write makes")
        if not holds("id", self.path, self.body):
            raise ValueError("path or body must hold {id}")
        return self


class Contacts(Part):
    """The three things done with contacts; without `create` or `update` the CRM is only read."""

    list: List
    create: Create | None = None
    update: Update | None = None


class Notes(Part):
    """Puts a piece of conversation on a contact's record."""

    method: Literal["POST"] = "POST"
    path: Path
    body: Any
    id: Expression | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        only(self.body, ("text", "url", "key", "id"), "body")
        if not holds("text", self.body):
            raise ValueError("body must hold {text}")
        if not holds("id", self.path, self.body):
            raise ValueError("path or body must hold {id}")
        return self


class ContactMap(Part):
    """Where a contact's fields are in a record of the CRM. Times without a zone are in `timezone`."""

    id: Expression
    name: Expression | None = None
    emails: Expression | None = None
    phones: Expression | None = None
    updated_at: Expression | None = None
    url: Expression | None = None
    deleted: Expression | None = None
    handles: dict[str, Expression] = {}
    timezone: Zone = "UTC"


class ErrorRule(Part):
    """What an answer means, where its HTTP status alone does not tell."""

    status: int | None = Field(default=None, ge=100, le=599)
    when: Expression | None = None
    means: Means

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        if self.status is None and self.when is None:
            raise ValueError("give status, when, or both")
        return self


class CrmSettings(AccountSettings):
    """One CRM; docs/crm_generic.md explains every key."""

    headers: dict[str, str] = Field(default_factory=dict)
    auth: Auth
    check: Check
    contacts: Contacts
    map: ContactMap
    write: dict[str, Any] = Field(default_factory=dict)
    notes: Notes | None = None
    reason: Expression = REASON
    errors: tuple[ErrorRule, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        url = urlsplit(self.api_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
            raise ValueError("api_url must be like https://crm.example.com/api, without a user or a query")
        only(self.write, (*CONTACT_NAMES, "handles.*"), "write")
        if (self.contacts.create or self.contacts.update) and not self.write:
            raise ValueError("write is empty: say which fields contacts.create and contacts.update send")
        if self.contacts.list.since and not self.map.updated_at:
            raise ValueError("contacts.list.since needs map.updated_at")
        return self
