"""What hub.toml says about the calls that a CRM takes: where each goes, what it carries, where its answer is."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from plugins.crm_generic.fields import (
    Expression,
    Part,
    Path,
    Pattern,
    RecordPath,
    TimeFormat,
    holds,
    only,
)

_OF_RECORD = ("id", "version")


class Endpoint(Part):
    """One call. `rpc` names a method in place of a path, where the CRM has one address for all."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Path | None = None
    rpc: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    body: Any = None
    parts: dict[str, Any] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    form: bool = False

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if not self.path and not self.rpc:
            raise ValueError("path is missing (or rpc, where the account has a table rpc)")
        if self.path and self.rpc:
            raise ValueError("give path or rpc, not both")
        if self.parts and not self.rpc:
            raise ValueError("parts belong to rpc: they fill {part.…} in the body of the table rpc")
        return self

    def check_placeholders(self, *allowed: str) -> None:
        for key in ("path", "params", "body", "parts", "headers"):
            only(getattr(self, key), allowed, key)

    def holds(self, name: str) -> bool:
        return holds(name, self.path, self.params, self.body, self.parts, self.headers)


class Check(Endpoint):
    """The cheapest signed read, and where its answer says who we are."""

    method: Literal["GET", "POST"] = "GET"
    id: Expression
    name: Expression | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.check_placeholders()
        return self


class Create(Endpoint):
    """Makes a contact. Without `id` the new id is the last part of the answer's Location header."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    body: Any = "{contact}"
    id: Expression | None = None
    existing_id: Expression | None = None
    existing_id_pattern: Pattern | None = None
    repeatable: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.path:
            only(self.path, ("key",), "path")
        for key in ("params", "parts", "headers"):
            only(getattr(self, key), ("key",), key)
        only(self.body, ("contact", "key"), "body")
        if not holds("contact", self.body):
            raise ValueError("body must hold {contact}, which stands for what write makes")
        if self.existing_id_pattern and not self.existing_id:
            raise ValueError("existing_id_pattern needs existing_id, the expression for the text to look in")
        if self.repeatable and not self.holds("key"):
            raise ValueError("repeatable needs {key} in path, body or headers, by which the CRM knows a repeat")
        return self


class Elements(Part):
    """A list in `write` whose parts the CRM knows by ids of its own, and to which an update would only add."""

    field: str
    value: str
    id: str = "id"
    remove: dict[str, Any]


class Update(Endpoint):
    """Changes a contact, known by {id} in the path or in the body."""

    method: Literal["PATCH", "PUT", "POST"] = "PATCH"
    path: RecordPath | None = None
    body: Any = "{contact}"
    whole: bool = False
    repeatable: bool | None = None
    condition: Literal["read"] | None = None
    elements: tuple[Elements, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        only(self.body, ("contact", *_OF_RECORD), "body")
        for key in ("params", "parts", "headers"):
            only(getattr(self, key), _OF_RECORD, key)
        if not holds("contact", self.body):
            raise ValueError("body must hold {contact}, which stands for what write makes")
        if not self.holds("id"):
            raise ValueError("path or body must hold {id}")
        return self


class Get(Endpoint):
    """Reads one record."""

    method: Literal["GET", "POST"] = "GET"
    path: RecordPath | None = None
    item: Expression = "@"
    version_header: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.check_placeholders("id")
        if not self.holds("id"):
            raise ValueError("path or body must hold {id}")
        return self


class Delete(Endpoint):
    """Deletes or archives a record."""

    method: Literal["DELETE", "POST", "PUT", "PATCH"] = "DELETE"
    path: RecordPath | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.check_placeholders(*_OF_RECORD)
        if not self.holds("id"):
            raise ValueError("path or body must hold {id}")
        return self


class Search(Endpoint):
    """Looks for records by one thing: `items` finds them in the answer, `ids` only their ids."""

    method: Literal["GET", "POST"] = "GET"
    items: Expression | None = None
    ids: Expression | None = None

    @model_validator(mode="after")
    def _finds(self) -> Self:
        if (self.items is None) == (self.ids is None):
            raise ValueError("give items (records), or ids where the answer holds no more")
        return self


class Find(Part):
    """How to look for a person: each kind of search holds the placeholder of its own name."""

    key: Search | None = None
    email: Search | None = None
    phone: Search | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name in ("key", "email", "phone"):
            search: Search | None = getattr(self, name)
            if search is not None:
                for part in ("path", "params", "body", "parts", "headers"):
                    only(getattr(search, part), (name,), f"{name}.{part}")
                if not search.holds(name):
                    raise ValueError(f"{name}: path, params or body must hold {{{name}}}")
        return self

    @property
    def searches(self) -> list[tuple[str, Search]]:
        """The searches that there are, the surest first."""
        given = [(name, getattr(self, name)) for name in ("key", "email", "phone")]
        return [(name, search) for name, search in given if search is not None]


class Many(Endpoint):
    """One call for several contacts; `item` is the part of each, and the answer tells what became of it.

    `items` finds what was done, `errors` what was not. Each part of these is found again by `ref`, or else by its
    place; where they are tables, their keys are the refs.
    """

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    body: Any
    item: Any = "{contact}"
    query_of: str = ""
    keyed: bool = False
    items: Expression
    ref: Expression | None = None
    id: Expression | None = None
    error: Expression | None = None
    errors: Expression | None = None
    error_ref: Expression | None = None
    error_text: Expression = "message || error_description || description || error || @"
    means: Expression | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        only(self.body, ("contacts",), "body")
        if not holds("contacts", self.body):
            raise ValueError("body must hold {contacts}, which stands for the list of all item")
        only(self.item, ("contact", "ref", *_OF_RECORD, "key"), "item")
        if not holds("contact", self.item):
            raise ValueError("item must hold {contact}, which stands for what write makes")
        for key in ("path", "params", "parts", "headers"):
            only(getattr(self, key), (), key)
        return self


class Batches(Part):
    """Creates and updates several contacts in one call, up to `size`."""

    size: int = Field(default=50, ge=2, le=1000)
    create: Many | None = None
    update: Many | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.create is None and self.update is None:
            raise ValueError("give create, update, or both")
        if self.create is not None and not self.create.id:
            raise ValueError("create needs id, the expression for the new id")
        if self.update is not None and not holds("id", self.update.item):
            raise ValueError("update.item must hold {id}")
        return self


class Notes(Endpoint):
    """Puts a piece of conversation on a contact's record, as a note, a task or a lead."""

    method: Literal["POST", "PUT"] = "POST"
    body: Any = None
    id: Expression | None = None
    due_format: TimeFormat = "iso"
    due_hours: int = Field(default=24, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for key in ("body", "parts"):
            only(getattr(self, key), ("text", "url", "key", "id", "title", "due_at", "now"), key)
        for key in ("path", "params", "headers"):
            only(getattr(self, key), ("id", "key"), key)
        if not (holds("text", self.body, self.parts) or holds("title", self.body, self.parts)):
            raise ValueError("body must hold {text}")
        if not self.holds("id"):
            raise ValueError("path or body must hold {id}")
        return self
