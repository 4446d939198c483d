"""Pushes several contacts in one call, and finds in its answer what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hub import Answer, HubError, Receipt, UnknownOutcome
from plugins.crm_generic import wire
from plugins.crm_generic.encode import query
from plugins.crm_generic.endpoints import Many
from plugins.crm_generic.expressions import getter
from plugins.crm_generic.refusals import Refusals, misfit, safely
from plugins.crm_generic.templates import fill

Outcome = Receipt | HubError


class Item(NamedTuple):
    """One contact on its way: what `write` made of it, and what else its part may hold."""

    made: Any
    remote_id: str | None
    values: Mapping[str, Any]


def list_of(many: Many, items: Sequence[Item]) -> Any:
    """Return what `{contacts}` stands for; the refs are the places of the items, from "0"."""
    parts = []
    for number, item in enumerate(items):
        values: dict[str, Any] = {**item.values, "contact": item.made, "ref": str(number)}
        if item.remote_id is not None:
            values["id"] = item.remote_id
        part = fill(many.item, values)
        parts.append(f"{many.query_of}?{query(part)}" if many.query_of else part)
    return {str(number): part for number, part in enumerate(parts)} if many.keyed else parts


class Told:
    """What the answer to a call for several contacts tells of each. `key` is its place in the settings."""

    def __init__(self, key: str, many: Many, refusals: Refusals) -> None:
        self._key = key
        self._many = many
        self._refusals = refusals
        self._items = getter(many.items)
        self._ref = getter(many.ref)
        self._id = getter(many.id)
        self._error = getter(many.error)
        self._errors = getter(many.errors)
        self._error_ref = getter(many.error_ref or many.ref)
        self._text = getter(many.error_text)
        self._means = getter(many.means)

    def outcomes(self, answer: Answer, items: Sequence[Item]) -> list[Outcome]:
        """Return the outcome of each, in order; one that the answer does not mention is unknown."""
        body = answer.json() if answer.body else None
        done = self._by_ref(answer, "items", self._items, self._ref, body)
        failed = self._by_ref(answer, "errors", self._errors, self._error_ref, body)
        by_place = not self._many.ref and not self._many.keyed
        if by_place and not failed and len(done) != len(items):
            raise misfit(answer, f"{self._key}.items", f"gave {len(done)} outcomes for {len(items)} contacts")
        return [self._outcome(str(number), item, done, failed) for number, item in enumerate(items)]

    def _by_ref(self, answer: Answer, key: str, get: Any, ref: Any, body: Any) -> dict[str, Any]:
        try:
            found = get(body)
        except ValueError as error:
            raise misfit(answer, f"{self._key}.{key}", str(error)) from None
        if isinstance(found, dict):
            return {str(name): part for name, part in found.items()}
        made = {}
        for number, part in enumerate(found if isinstance(found, list) else []):
            named = safely(ref, part)
            name = named[0] if isinstance(named, list) and named else named
            made[str(name) if isinstance(name, str | int) else str(number)] = part
        return made

    def _outcome(self, ref: str, item: Item, done: Mapping[str, Any], failed: Mapping[str, Any]) -> Outcome:
        if ref in failed:
            return self._refused(failed[ref])
        part = done.get(ref)
        if ref not in done:
            return UnknownOutcome("the CRM does not say what became of this contact")
        if wire.truth(safely(self._error, part)):
            return self._refused(part)
        if item.remote_id is not None:
            return Receipt(remote_id=item.remote_id)
        found = part if self._many.id == "@" else safely(self._id, part)
        if isinstance(found, int | str) and found and not isinstance(found, bool):
            return Receipt(remote_id=str(found))
        return UnknownOutcome("the CRM does not say under which id it holds this contact")

    def _refused(self, part: Any) -> HubError:
        why = safely(self._text, part)
        means = safely(self._means, part)
        words = why if isinstance(why, str) else str(part)
        return self._refusals.of_item(means if isinstance(means, str) else "rejected", words, part)
