"""What each source says of a person, on a card of its own: made, and changed with what was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.crm import records
from hub.store.database import chunks
from hub.store.people.keys import normal
from hub.store.people.views import (
    COLUMNS,
    LOST,
    Change,
    Held,
    Value,
    View,
    as_value,
    cards_of,
    held_of,
    history,
    person_of,
    persons_of,
    same,
    shown,
    values_of,
    view,
    views,
)
from hub.store.running import changes
from hub.store.tables import contact_history, contact_values, contacts

__all__ = [
    "LOST",
    "Change",
    "Fields",
    "Value",
    "View",
    "cards_of",
    "create",
    "create_many",
    "history",
    "normal",
    "person_of",
    "persons_of",
    "put_values",
    "refresh",
    "set_values",
    "shown",
    "values_of",
    "view",
    "views",
]

Fields = Mapping[str, "str | Sequence[str]"]

_TICK = timedelta(milliseconds=1)
_LISTED = 500


def create(
    connection: Connection,
    values: Fields,
    *,
    origin: str,
    source: str,
    now: datetime,
    user_id: int | None = None,
    at: datetime | None = None,
) -> int:
    """Make a card, which is a person until something joins it with others; return its number.

    `at` is the moment at which the values were chosen, `now` if it is not told.
    """
    return create_many(connection, [values], origin=origin, source=source, now=now, user_id=user_id, at=at)[0]


def create_many(
    connection: Connection,
    rows: Sequence[Fields],
    *,
    origin: str,
    source: str,
    now: datetime,
    user_id: int | None = None,
    at: datetime | None = None,
    ats: Sequence[datetime] | None = None,
) -> list[int]:
    """Make a card of each row; return their numbers in this order. `ats` are their moments, one for each row."""
    if not rows:
        return []
    heads = [
        {"name": _listed(row.get("name", "")), "origin": origin, "created_at": now, "changed_at": now}
        for row in rows
    ]
    insert = contacts.insert().returning(contacts.c.id, sort_by_parameter_order=True)
    ids = [int(number) for number in connection.execute(insert, heads).scalars()]
    for some in chunks(ids):
        connection.execute(contacts.update().where(contacts.c.id.in_(some)).values(person_id=contacts.c.id))
    moments = ats or [at or now] * len(rows)
    held = [
        {
            "contact_id": number,
            "field": field,
            "value": value,
            "many": many,
            "key": normal(field, value),
            "at": moment,
            "source": source,
            "user_id": user_id,
        }
        for number, row, moment in zip(ids, rows, moments, strict=True)
        for field, given in row.items()
        for value, many in _elements(field, given)
    ]
    if held:
        connection.execute(contact_values.insert(), held)
    changes.note(connection, "contacts", ids[0] if len(ids) == 1 else 0)
    return ids


def _listed(name: str | Sequence[str]) -> str:
    """Return a name as people are listed by it: an index holds no longer ones, and networks let them be long."""
    return _text(name)[:_LISTED]


def _text(given: str | Sequence[str]) -> str:
    return given if isinstance(given, str) else next(iter(given), "")


def _elements(field: str, given: str | Sequence[str]) -> list[tuple[str, int]]:
    if isinstance(given, str):
        return [(given, 0)] if given else []
    once = {same(field, value): value for value in reversed([value for value in given if value])}
    return [(value, 1) for value in reversed(once.values())]


def set_values(
    connection: Connection,
    person_id: int,
    values: Fields,
    *,
    source: str,
    now: datetime,
    user_id: int | None = None,
    card: int | None = None,
    why: str = "",
) -> list[Change]:
    """Let a person have these values from now on; return what was changed, nothing if nothing differs.

    A value is written to the card whose value was shown, a new one to the person's first card, or to `card`. A
    list is the whole new list; an empty value clears. What is not named stays.
    """
    held = [one for _, one in held_of(connection, [person_id])]
    first = card or next(iter(cards_of(connection, [person_id])[person_id]), person_id)
    pen = _Pen(connection, source=source, user_id=user_id, why=why, now=now)
    before = shown([one.value for one in held])
    for field, given in values.items():
        of_field = [one for one in held if one.value.field == field]
        if not isinstance(given, str) or any(one.value.many for one in of_field):
            wanted = [given] if isinstance(given, str) else given
            pen.make_list(first, field, of_field, wanted, now)
            continue
        was = before.chosen.get(field)
        if given == (was.value if was is not None else ""):
            continue
        target = card or (was.contact_id if was is not None else first)
        # A clock that was ahead when the value before was chosen does not make it win for ever.
        at = max(now, was.at + _TICK) if was is not None else now
        own = next((one for one in of_field if one.value.contact_id == target), None)
        pen.make_scalar(target, field, own, given, at, before=was.value if was is not None else "")
    return pen.finish(person_id)


def put_values(
    connection: Connection,
    card_id: int,
    values: Fields,
    *,
    source: str,
    at: datetime,
    now: datetime,
    why: str = "",
) -> list[Change]:
    """Let a card hold what its source says; return what was changed.

    `at` is the moment of the choice, `LOST` where another value was chosen. What is not named stays. An element of
    a list that is there keeps whose word it is: a source that only repeats what it was told confirms nothing.
    """
    rows = connection.execute(
        sa.select(contact_values.c.id, *COLUMNS)
        .where(contact_values.c.contact_id == card_id, contact_values.c.field.in_(list(values)))
        .order_by(contact_values.c.id)
    )
    held = [Held(number, as_value(rest)) for number, *rest in rows]
    pen = _Pen(connection, source=source, user_id=None, why=why, now=now)
    for field, given in values.items():
        of_field = [one for one in held if one.value.field == field]
        if not isinstance(given, str) or any(one.value.many for one in of_field):
            pen.make_list(card_id, field, of_field, [given] if isinstance(given, str) else given, at)
            continue
        own = next(iter(of_field), None)
        was = own.value.value if own is not None else ""
        if given != was or (own is not None and at > own.value.at):
            pen.make_scalar(card_id, field, own, given, at, before=was)
    return pen.finish(person_of(connection, card_id) or card_id)


class _Pen:
    """Writes values of cards, and what they were before."""

    def __init__(
        self, connection: Connection, *, source: str, user_id: int | None, why: str, now: datetime
    ) -> None:
        self._connection = connection
        self._source, self._user_id, self._why, self._now = source, user_id, why, now
        self._changed: list[Change] = []
        self._touched = False

    def make_scalar(
        self, card: int, field: str, own: Held | None, value: str, at: datetime, *, before: str
    ) -> None:
        new = {
            "value": value,
            "many": 0,
            "key": normal(field, value),
            "at": at,
            "source": self._source,
            "user_id": self._user_id,
        }
        if own is not None:
            self._connection.execute(contact_values.update().where(contact_values.c.id == own.id).values(**new))
        else:
            self._connection.execute(contact_values.insert().values(contact_id=card, field=field, **new))
        self._touched = True
        if value != before:
            self._note(card, field, before, value)

    def make_list(self, card: int, field: str, held: Sequence[Held], given: Sequence[str], at: datetime) -> None:
        wanted = {same(field, value): value for value, _ in _elements(field, given)}
        there: set[str] = set()
        for one in held:
            name = same(field, one.value.value)
            if one.value.value:
                there.add(name)
            if name not in wanted:
                self._connection.execute(contact_values.delete().where(contact_values.c.id == one.id))
                if one.value.value:
                    self._note(one.value.contact_id, field, one.value.value, "")
        for name, value in wanted.items():
            if name not in there:
                self._connection.execute(
                    contact_values.insert().values(
                        contact_id=card,
                        field=field,
                        value=value,
                        many=1,
                        key=normal(field, value),
                        at=at,
                        source=self._source,
                        user_id=self._user_id,
                    )
                )
                self._note(card, field, "", value)

    def _note(self, card: int, field: str, before: str, after: str) -> None:
        self._changed.append(Change(card, field, before, after, self._why, self._source, self._user_id, self._now))

    def finish(self, person_id: int) -> list[Change]:
        if self._changed:
            self._connection.execute(contact_history.insert(), [change._asdict() for change in self._changed])
            cards = sorted({change.contact_id for change in self._changed})
            self._connection.execute(contacts.update().where(contacts.c.id.in_(cards)).values(unmatched=1))
        if self._changed or self._touched:
            refresh(self._connection, [person_id], self._now)
        return self._changed


def refresh(connection: Connection, person_ids: Sequence[int], now: datetime) -> None:
    """Write what these persons are called to where they are listed by it, and that they changed."""
    rows = []
    for person, seen in views(connection, person_ids).items():
        name = seen.values.get("name", "")
        rows.append({"b_id": person, "b_name": _listed(name), "b_at": now})
        changes.note(connection, "contacts", person)
    if rows:
        connection.execute(_NAME, rows)
        records.touch(connection, person_ids)


_NAME = (
    contacts.update()
    .where(contacts.c.id == sa.bindparam("b_id"))
    .values(name=sa.bindparam("b_name"), changed_at=sa.bindparam("b_at"))
)
