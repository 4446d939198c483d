"""What hub.toml says about reading many records: the call, its pages, and how only the changes are asked for."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from plugins.crm_generic.endpoints import Endpoint
from plugins.crm_generic.fields import Expression, Part, TimeFormat, holds


class Paging(Part):
    """How one page leads to the next."""

    kind: Literal["page", "offset", "cursor", "link", "after"]
    param: str = ""
    size_param: str = ""
    size: int = Field(default=100, ge=1, le=10_000)
    start: int = Field(default=1, ge=0)
    first: str | None = None
    overlap: int = Field(default=5, ge=1)
    next: Expression | None = None
    more: Expression | None = None

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if self.kind == "link" and self.param:
            raise ValueError("param has no meaning with kind 'link'")
        if self.kind == "cursor" and not self.next:
            raise ValueError("kind 'cursor' needs next")
        only = {
            "start": ("page",),
            "first": ("cursor", "after"),
            "overlap": ("offset",),
            "more": ("page", "offset", "after"),
            "next": ("cursor", "link"),
        }
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


class List(Endpoint):
    """Reads contacts. `params` go into the query of a GET, or as JSON into the body of a POST without `body`.

    `bookmark` finds, in the last page, what `{bookmark}` is to be at the next read.
    """

    method: Literal["GET", "POST"] = "GET"
    items: Expression = "@"
    paging: Paging | None = None
    since: Since | None = None
    bookmark: Expression | None = None

    @property
    def in_query(self) -> dict[str, Any]:
        return self.params if self.method == "GET" or self.body is not None or self.rpc else {}

    @property
    def in_body(self) -> Any:
        if self.body is not None:
            return self.body
        return self.params if self.method == "POST" and self.params and not self.rpc else None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check_paging()
        if (self.since is not None) != self.holds("since"):
            raise ValueError("since and the placeholder {since} in params belong together")
        if self.holds("bookmark") and self.bookmark is None:
            raise ValueError("the placeholder {bookmark} needs bookmark, which says where an answer has it")
        if self.since is not None and self.bookmark is not None:
            raise ValueError("give since or bookmark, not both")
        if self.method == "GET":
            for key, value in self.params.items():
                if isinstance(value, dict) or (
                    isinstance(value, list) and any(isinstance(v, dict) for v in value)
                ):
                    raise ValueError(f"params.{key} is a table, which only method POST can send")
        elif self.paging is not None and self.paging.kind == "link":
            raise ValueError("paging of kind 'link' needs method GET")
        return self

    def _check_paging(self) -> None:
        paging = self.paging
        if holds("id", self.path):
            raise ValueError("path cannot hold {id}")
        self.check_placeholders("since", "bookmark", *(("at", "size") if paging else ()))
        if paging is None or paging.kind == "link":
            return
        if self.holds("at") and paging.param:
            raise ValueError("paging.param and the placeholder {at} say the same: give one of them")
        if not self.holds("at") and not paging.param:
            raise ValueError(
                f"paging: kind {paging.kind!r} needs param, or the placeholder {{at}} in params or body"
            )
        if paging.param and self.body is not None:
            raise ValueError("paging.param goes into params; with body write {at} where it belongs")
