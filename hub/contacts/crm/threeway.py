"""Merges what the hub and a CRM hold of one person, field by field, against what both last agreed on."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from hub.sections import Policy

Value = str | tuple[str, ...]
Fields = Mapping[str, Value]
KeyOf = Callable[[str, str], str]

LISTS = frozenset({"emails", "phones"})
_EVER = datetime.fromtimestamp(0, UTC)


class Lost(NamedTuple):
    """A value that gave way: nobody sees it any more, so the history has to keep it."""

    field: str
    value: Value
    side: str


class Merged(NamedTuple):
    """What to change on each side, what a person is asked, what gave way, and what both sides agree on then.

    What `ours` and `theirs` name is the whole new value. `base` goes with what they hold now: where ours differs
    from it, there is something to push.
    """

    ours: Mapping[str, Value]
    theirs: Mapping[str, Value]
    conflicts: Sequence[str]
    lost: Sequence[Lost] = ()
    base: Mapping[str, Value] = {}


def plain_key(field: str, value: str) -> str:
    """Return a value as it is compared: without regard to spaces and composition, of e-mails to capitals."""
    folded = " ".join(unicodedata.normalize("NFC", value).split())
    return folded.casefold() if field == "emails" else folded


def same(field: str, one: Value, other: Value, key: KeyOf = plain_key) -> bool:
    """Tell whether two values are one; a list is one with the same in another order."""
    if _is_list(field, one, other):
        return set(_keyed(field, one, key)) == set(_keyed(field, other, key))
    return key(field, _text(one)) == key(field, _text(other))


def alike(one: str, other: str) -> bool:
    """Tell whether two texts differ only in capitals, marks, accents or spaces, as where a CRM tidies up."""
    return one == other or (bool(_letters(one)) and _letters(one) == _letters(other))


def tidied(given: str, found: str) -> bool:
    """Tell whether `found` is what a CRM made of `given`: tidied up, or cut off at its end."""
    short, whole = found.strip(), given.strip()
    return alike(given, found) or (len(short) >= 8 and whole.startswith(short))


def merge(
    base: Fields | None,
    ours: Fields,
    theirs: Fields,
    policies: Mapping[str, Policy],
    ours_at: Mapping[str, datetime],
    theirs_at: datetime,
    *,
    before: Fields | None = None,
    key: KeyOf = plain_key,
    single: Collection[str] = (),
) -> Merged:
    """Merge every field that one of them names.

    `base` is what the hub held when both agreed, None if they never met. `before` is what the CRM held then, where
    it says the same in another form. `ours_at` has when a field was chosen here, `theirs_at` when the record was
    changed there. Of the lists in `single` a record holds the first alone.
    """
    before = base if before is None else before
    change_ours: dict[str, Value] = {}
    change_theirs: dict[str, Value] = {}
    conflicts: list[str] = []
    lost: list[Lost] = []
    agreed: dict[str, Value] = {}
    for field in sorted({*ours, *theirs}):
        here, there = ours.get(field, ""), theirs.get(field, "")
        many = _is_list(field, here, there)
        policy = policies.get(field) or ("union" if many else "newest")
        common = None if base is None else base.get(field)
        seen = None if common is None or before is None else before.get(field, "")
        if field in single:
            step = _first_of_list(field, common, seen, here, there, key)
        elif many:
            here, there = tuple(_keyed(field, here, key).values()), tuple(_keyed(field, there, key).values())
            step = _list(field, common, seen, here, there, policy, key)
        else:
            step = _scalar(field, common, seen, here, there, key)
        if step.both_changed:
            side = _side(policy, ours_at.get(field, _EVER), theirs_at)
            if side == "ask":
                conflicts.append(field)
                if common is not None:
                    agreed[field] = common
                continue
            loser = Lost(field, there, "theirs") if side == "ours" else Lost(field, here, "ours")
            if loser.value:
                lost.append(loser)
            step = _Step(theirs=here, base=there) if side == "ours" else _Step(ours=there, base=there)
        if step.ours is not None:
            change_ours[field] = step.ours
        if step.theirs is not None:
            change_theirs[field] = step.theirs
        agreed[field] = step.base
    return Merged(change_ours, change_theirs, conflicts, lost, agreed)


def still_held(base: Fields, ours: Fields, theirs: Fields, key: KeyOf = plain_key) -> Fields:
    """Return a base without elements of lists that neither side holds any more: who adds one again means it."""
    held: dict[str, Value] = {}
    for field, value in base.items():
        if isinstance(value, tuple):
            known = {*_keyed(field, ours.get(field, ()), key), *_keyed(field, theirs.get(field, ()), key)}
            value = tuple(one for one in value if key(field, one) in known)
        held[field] = value
    return held


class _Step(NamedTuple):
    """What becomes of one field; None leaves a side as it is."""

    ours: Value | None = None
    theirs: Value | None = None
    base: Value = ""
    both_changed: bool = False


def _side(policy: Policy, ours_at: datetime, theirs_at: datetime) -> str:
    if policy in ("ours", "theirs", "ask"):
        return policy
    return "ours" if ours_at > theirs_at else "theirs"


def _scalar(field: str, base: Value | None, before: Value | None, here: Value, there: Value, key: KeyOf) -> _Step:
    ours, theirs = _text(here), _text(there)
    if same(field, ours, theirs, key):
        return _Step(base=ours)
    if base is None:
        if not theirs:
            return _Step(theirs=ours)
        if not ours:
            return _Step(ours=theirs, base=theirs)
    changed = base is not None and not same(field, ours, _text(base), key)
    changed_there = before is not None and not same(field, theirs, _text(before), key)
    if base is not None and not changed and not changed_there:
        return _Step(base=base)
    if base is not None and not changed:
        return _Step(ours=theirs, base=theirs)
    if base is not None and not changed_there:
        return _Step(theirs=ours, base=base)
    if alike(ours, theirs):
        return _Step(base=ours)
    return _Step(both_changed=True)


def _list(
    field: str,
    base: Value | None,
    before: Value | None,
    here: Value,
    there: Value,
    policy: Policy,
    key: KeyOf,
) -> _Step:
    """Merge a list by its elements: what one side added is added, what one side took out is taken out."""
    ours, theirs = _keyed(field, here, key), _keyed(field, there, key)
    if ours.keys() == theirs.keys():
        return _Step(base=_elements(here))
    agreed, agreed_there = _keyed(field, base or (), key), _keyed(field, before or (), key)
    both_changed = ours.keys() != agreed.keys() and theirs.keys() != agreed_there.keys()
    if policy != "union" and both_changed and (base is not None or (ours and theirs)):
        return _Step(both_changed=True)
    kept = {
        name: ours.get(name, value)
        for name, value in {**ours, **theirs}.items()
        if not (name in agreed_there and name not in theirs) and not (name in agreed and name not in ours)
    }
    # What the CRM was given and did not take stays here, and is not offered again.
    refused = {name for name in agreed if name not in agreed_there and name not in theirs}
    offered = {name: value for name, value in kept.items() if name not in refused}
    merged = tuple(kept.values())
    pending = offered.keys() != theirs.keys()
    still = tuple(value for name, value in agreed.items() if name in refused and name in kept)
    return _Step(
        ours=merged if kept.keys() != ours.keys() else None,
        theirs=tuple(offered.values()) if pending else None,
        base=(*_elements(there), *still) if pending else merged,
    )


def _first_of_list(
    field: str, base: Value | None, before: Value | None, here: Value, there: Value, key: KeyOf
) -> _Step:
    """Merge a list of which the CRM holds one element: what it lacks was not taken out there."""
    ours = _keyed(field, here, key)
    name, theirs = next(iter(_keyed(field, there, key).items()), ("", ""))
    was = next(iter(_keyed(field, before or (), key)), "")
    all_of_ours = tuple(ours.values())
    if name in ours or (not name and not ours):
        return _Step(base=all_of_ours)
    if name == was and (not name or base is not None):
        # Only our side can have changed.
        if base is not None and ours.keys() == _keyed(field, base, key).keys():
            return _Step(base=all_of_ours)
        return _Step(theirs=all_of_ours[:1], base=base if base is not None else ())
    kept = (theirs, *(value for other, value in ours.items() if other != was)) if name else ()
    kept = kept or tuple(value for other, value in ours.items() if other != was)
    return _Step(ours=kept, base=kept)


def _is_list(field: str, *values: Value) -> bool:
    return field in LISTS or any(isinstance(value, tuple) for value in values)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _elements(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ((value,) if value else ())


def _keyed(field: str, value: Value, key: KeyOf) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in _elements(value):
        name = key(field, one)
        if name:
            found.setdefault(name, one)
    return found


def _letters(text: str) -> str:
    return "".join(_significant(unicodedata.normalize("NFKD", text).casefold()))


def _significant(text: str) -> Iterable[str]:
    return (char for char in text if char.isalnum())
