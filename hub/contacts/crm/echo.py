"""Tells what a CRM made of a value that it was given from what somebody typed there since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hub.contacts.crm import fields
from hub.contacts.crm.threeway import LISTS, Fields, KeyOf, Value, same, tidied
from hub.store.crm.records import Record

# A CRM that answers a value so often with the same other one, or without it, is not given it again.
_PATIENCE = 3


class Sent(NamedTuple):
    """What a field was set to by a push, and what the CRM held in it before."""

    value: Value
    before: Value


class Form(NamedTuple):
    """A value that the CRM was given, what it held after that, and how often that was so.

    What is known of them is named by the field, of an element of a list by the field and its key.
    """

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


def adds(field: str, sent: Sent, key: KeyOf) -> bool:
    """Tell whether a list was given something that it did not hold."""
    held = {key(field, value) for value in _elements(sent.before)}
    return isinstance(sent.value, tuple) and any(key(field, value) not in held for value in sent.value)


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
            _hear_list(field, sent, found, base, before, forms, key)
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
        if field in forms and forms[field].given == value:
            del forms[field]
    elif same(field, found, sent.before, key):
        if arrived:
            # It was accepted, and is not there: somebody took it back, or the CRM sets this field by a rule of its
            # own. Which it is shows when it is given again.
            before[field] = found
            if _count(forms, field, value, found) < _PATIENCE:
                base[field] = found
    elif tidied(value, found):
        base[field], before[field] = value, found
    elif arrived:
        _count(forms, field, value, found)


def _count(forms: dict[str, Form], mark: str, given: str, found: str) -> int:
    """Count one more time that what was given was answered so; return how often that was by now."""
    known = forms.get(mark)
    times = known.times + 1 if known is not None and known[:2] == (given, found) else 1
    forms[mark] = Form(given, found, times)
    return times


def _hear_list(
    field: str,
    sent: Sent,
    found: Value,
    base: dict[str, Value],
    before: dict[str, Value],
    forms: dict[str, Form],
    key: KeyOf,
) -> None:
    """What a push added and is not there was not taken, or taken out since: it is given again, a few times."""
    old = {key(field, value) for value in _elements(sent.before)}
    new = {key(field, value): value for value in _elements(sent.value)}
    there = {key(field, value) for value in _elements(found)}
    added = new.keys() - old
    arrived = same(field, before.get(field, ()), sent.value, key)
    if not arrived and not (added & there) and not (old - new.keys() - there):
        return
    agreed = {key(field, value): value for value in _elements(base.get(field, ()))}
    if not arrived:
        held = {key(field, value) for value in _elements(before.get(field, ()))}
        agreed = new | {name: value for name, value in agreed.items() if name not in held}
    for name in added:
        mark = f"{field} {name}"
        if name not in there and _count(forms, mark, name, "") < _PATIENCE:
            # What is not agreed on is ours alone, and so is pushed.
            agreed.pop(name, None)
        else:
            forms.pop(mark, None)
    base[field] = tuple(agreed.values())
    before[field] = tuple(value for name, value in new.items() if name in there or name not in added)


def _value(held: str | list[str]) -> Value:
    return held if isinstance(held, str) else tuple(held)


def _elements(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ((value,) if value else ())
