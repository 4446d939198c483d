"""Tells what a CRM made of a value that it was given from what somebody typed there since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hub.contacts.crm import fields
from hub.contacts.crm.threeway import LISTS, Fields, KeyOf, Value, same, tidied
from hub.store.crm.records import Record

# A CRM that answers a value with the same other one so often is not given it again.
_PATIENCE = 3


class Sent(NamedTuple):
    """What a field was set to by a push, and what the CRM held in it before."""

    value: Value
    before: Value


class Form(NamedTuple):
    """A value that the CRM was given, what it held after that, and how often that was so."""

    given: str
    found: str
    times: int


class Heard(NamedTuple):
    """What a record says, and what it is to be compared with, once our own pushes are taken out of it."""

    theirs: Mapping[str, Value]
    base: Mapping[str, Value] | None
    before: Mapping[str, Value] | None
    forms: str


def write_sent(sent: Mapping[str, Sent]) -> str:
    """Return what was pushed as it is stored."""
    return msgspec.json.encode(sent).decode()


def read_sent(text: str) -> dict[str, Sent]:
    """Read what `write_sent` wrote."""
    if not text:
        return {}
    found = msgspec.json.decode(text, type=dict[str, tuple[str | list[str], str | list[str]]])
    return {field: Sent(_value(value), _value(before)) for field, (value, before) in found.items()}


def read_forms(text: str) -> dict[str, Form]:
    """Read what is known of how a CRM writes what it is given."""
    return msgspec.json.decode(text, type=dict[str, Form]) if text else {}


def refuses(forms: Mapping[str, Form], field: str, value: Value, found: Value) -> bool:
    """Tell whether the CRM has answered this value with what it holds now too often to be given it again."""
    form = forms.get(field)
    return form is not None and form.times >= _PATIENCE and (form.given, form.found) == (value, found)


def is_made_of(given: Fields, found: Fields) -> bool:
    """Tell whether a record holds what a creation gave it, and no more than the CRM's own way of writing it."""
    texts = [field for field, value in given.items() if isinstance(value, str) and value]
    return bool(texts) and all(
        tidied(fields.show(given[field]), fields.show(found.get(field, ""))) for field in texts
    )


def hear(record: Record, theirs: Mapping[str, Value], key: KeyOf) -> Heard:
    """Return a record's values and what to compare them with: what came back of a push, as it was or tidied."""
    if not record.base and not record.theirs and not record.sent:
        return Heard(theirs, None, None, record.forms)
    base, before = fields.read(record.base), fields.read(record.theirs)
    forms = read_forms(record.forms)
    for field, sent in read_sent(record.sent).items():
        found = theirs.get(field, "")
        if field in LISTS or isinstance(sent.value, tuple) or isinstance(found, tuple):
            _hear_list(field, sent, found, base, before, key)
        else:
            _hear_text(field, sent, fields.show(found), base, before, forms, key)
    return Heard(theirs, base, before, msgspec.json.encode(forms).decode() if forms else "")


def _hear_text(
    field: str,
    sent: Sent,
    found: str,
    base: dict[str, Value],
    before: dict[str, Value],
    forms: dict[str, Form],
    key: KeyOf,
) -> None:
    value = fields.show(sent.value)
    arrived = same(field, before.get(field, ""), value, key)
    if same(field, found, value, key):
        base[field], before[field] = value, found
    elif same(field, found, sent.before, key):
        if arrived:
            # It was accepted, and is not there: the CRM sets this field by a rule of its own.
            before[field] = found
    elif tidied(value, found):
        base[field], before[field] = value, found
    elif arrived:
        known = forms.get(field)
        times = known.times + 1 if known is not None and known[:2] == (value, found) else 1
        forms[field] = Form(value, found, times)


def _hear_list(
    field: str, sent: Sent, found: Value, base: dict[str, Value], before: dict[str, Value], key: KeyOf
) -> None:
    """What was added by a push and is not there was not taken, which is not the same as taken out."""
    old = {key(field, value) for value in _elements(sent.before)}
    new = {key(field, value): value for value in _elements(sent.value)}
    there = {key(field, value) for value in _elements(found)}
    added = new.keys() - old
    arrived = same(field, before.get(field, ()), sent.value, key)
    if not arrived and not (added & there) and not (old - new.keys() - there):
        return
    if not arrived:
        base[field] = tuple(new.values())
    before[field] = tuple(value for name, value in new.items() if name in there or name not in added)


def _value(held: str | list[str]) -> Value:
    return held if isinstance(held, str) else tuple(held)


def _elements(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ((value,) if value else ())
