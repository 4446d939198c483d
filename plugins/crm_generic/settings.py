"""What hub.toml says about a CRM: every endpoint, its paging, the field map both ways, checked when it is read."""

from __future__ import annotations

from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from hub import AccountSettings
from plugins.crm_generic.auth import Auth
from plugins.crm_generic.endpoints import Batches, Check, Create, Delete, Find, Get, Notes, Update
from plugins.crm_generic.fields import Expression, Link, Part, Path, Zone, holds, only
from plugins.crm_generic.listing import List
from plugins.crm_generic.presets import merged
from plugins.crm_generic.templates import names
from plugins.crm_generic.values import CONTACT_NAMES, owner_of

# The usual shapes of an error: Salesforce's list, the flat ones, RFC 9457, Bitrix24's, JSON:API's, nested ones.
REASON = (
    "[0].message || message || detail || error_description || errors[0].message || errors[0].detail "
    "|| error.data.message || error.message || error || title"
)
Means = Literal["transient", "auth", "rejected", "gone", "duplicate", "stale", "changed", "unknown", "empty"]
_WORDS = Literal["text", "null", "list", "false", "keep"]
BASIC = frozenset({"name", "emails", "phones", "handles", "url"})


class Rpc(Part):
    """The one address of a CRM that takes the name of a method and its parameters (JSON-RPC)."""

    path: Path
    body: Any = Field(
        default_factory=lambda: {"jsonrpc": "2.0", "method": "{method}", "params": "{params}", "id": 1}
    )
    parts: dict[str, Any] = Field(default_factory=dict)
    form: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        only(self.body, ("method", "params", "auth.user", "auth.secret", "auth.token", "part.*"), "body")
        for name in ("method", "params"):
            if not holds(name, self.body):
                raise ValueError(f"body must hold {{{name}}}")
        return self


class Contacts(Part):
    """What is done with contacts; without `create` or `update` the CRM is only read."""

    list: List
    changes: List | None = None
    create: Create | None = None
    update: Update | None = None
    get: Get | None = None
    find: Find | None = None
    delete: Delete | None = None
    batch: Batches | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        changes = self.changes
        if changes is not None:
            if changes.since is None and not changes.holds("bookmark"):
                raise ValueError("changes needs {since} or {bookmark}: without them it is what list is for")
            if self.list.since is not None:
                raise ValueError("since belongs to changes, where there is such a table")
            if changes.holds("bookmark") and self.list.bookmark is None:
                raise ValueError("changes wants a bookmark: let list have bookmark, which finds the first one")
        elif self.list.bookmark is not None and not self.list.holds("bookmark"):
            raise ValueError("list.bookmark and the placeholder {bookmark} in params belong together")
        update = self.update
        if update is not None and self.get is None:
            for key in ("whole", "condition", "elements"):
                if getattr(update, key):
                    raise ValueError(f"update.{key} reads the record first, and needs contacts.get")
        if self.find is not None and self.get is None and any(search.ids for _, search in self.find.searches):
            raise ValueError("find with ids needs contacts.get, which reads the records")
        batch = self.batch
        if batch is not None:
            for key in ("create", "update"):
                if getattr(batch, key) is not None and getattr(self, key) is None:
                    raise ValueError(f"batch.{key} needs contacts.{key} too, for what must go alone")
        return self


class ContactMap(Part):
    """Where a contact's fields are in a record of the CRM. Times without a zone are in `timezone`."""

    id: Expression
    name: Expression | None = None
    emails: Expression | None = None
    phones: Expression | None = None
    updated_at: Expression | None = None
    url: Expression | None = None
    link: Link | None = None
    deleted: Expression | None = None
    key: Expression | None = None
    version: Expression | None = None
    handles: dict[str, Expression] = Field(default_factory=dict)
    fields: dict[str, Expression] = Field(default_factory=dict)
    timezone: Zone = "UTC"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name in self.fields:
            if name in BASIC or name == "key":
                raise ValueError(f"fields.{name}: {name} is no field of its own; it is map.{name}")
            if not name.replace("_", "a").replace("-", "a").isalnum():
                raise ValueError(f"fields.{name}: use letters, digits, - and _ in the name of a field")
        return self


class ErrorRule(Part):
    """What an answer means, where its HTTP status alone does not tell."""

    status: int | None = Field(default=None, ge=100, le=599)
    when: Expression | None = None
    means: Means
    retry_after: Expression | None = None

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        if self.status is None and self.when is None:
            raise ValueError("give status, when, or both")
        if self.retry_after and self.means != "transient":
            raise ValueError("retry_after belongs to means = 'transient'")
        return self


class Empty(Part):
    """What the CRM takes for nothing, where a value is emptied."""

    text: _WORDS = "text"
    list: _WORDS = "list"


class CrmSettings(AccountSettings):
    """One CRM; docs/crm_generic.md explains every key."""

    preset: str | None = None
    set: dict[str, str | int | float | bool] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    auth: Auth
    rpc: Rpc | None = None
    check: Check
    contacts: Contacts
    map: ContactMap
    write: dict[str, Any] = Field(default_factory=dict)
    empty: Empty = Field(default_factory=Empty)
    notes: Notes | None = None
    tasks: Notes | None = None
    leads: Notes | None = None
    reason: Expression = REASON
    errors: tuple[ErrorRule, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        return merged(values)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        url = urlsplit(self.api_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
            raise ValueError("api_url must be like https://crm.example.com/api, without a user or a query")
        only(self.write, CONTACT_NAMES, "write")
        if (self.contacts.create or self.contacts.update) and not self.write:
            raise ValueError("write is empty: say which fields contacts.create and contacts.update send")
        for name in ("list", "changes"):
            listing: List | None = getattr(self.contacts, name)
            if listing is not None and listing.since and not self.map.updated_at:
                raise ValueError(f"contacts.{name}.since needs map.updated_at")
        self._check_rpc()
        self._check_version()
        return self

    def _check_rpc(self) -> None:
        if self.rpc is None:
            for where, part in (
                ("check", self.check),
                *((f"contacts.{name}", getattr(self.contacts, name)) for name in type(self.contacts).model_fields),
                *((name, getattr(self, name)) for name in ("notes", "tasks", "leads")),
            ):
                if getattr(part, "rpc", ""):
                    raise ValueError(f"{where}.rpc needs a table rpc, which says where methods are called")
        if self.auth.kind == "body" and not (self.rpc and holds("auth.secret", self.rpc.body)):
            raise ValueError("auth.kind 'body' needs a table rpc whose body holds {auth.secret}")

    def _check_version(self) -> None:
        update, get = self.contacts.update, self.contacts.get
        told = self.map.version or (get is not None and get.version_header)
        if update is not None and not told and (update.condition or update.holds("version")):
            raise ValueError(
                "contacts.update has a condition: it needs map.version, or contacts.get.version_header"
            )

    @property
    def reads(self) -> frozenset[str]:
        """The names that a record can hold."""
        basic = {name for name in BASIC if getattr(self.map, name)}
        return frozenset({*basic, *self.map.fields})

    @property
    def writes(self) -> frozenset[str]:
        """The names that `write` sends."""
        if self.contacts.create is None and self.contacts.update is None:
            return frozenset()
        return frozenset({owner_of(name) for name in names(self.write)} - {"key"})
