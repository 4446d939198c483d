"""Fills every table of a database with what columns may hold, the odd things first."""

from __future__ import annotations

import random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.moving.carrying import tables

TEXTS = (
    "",
    "plain",
    "Съешь же ещё этих мягких французских булок",
    "👩‍👩‍👧‍👦 и 🏳️‍🌈",
    "e\u0301 is not é",
    "\u202eright to left\u202c שלום",
    "tab\tline\nreturn\rquote'\"back\\slash",
    "\\N",
    "\\.",
    "\\\\x00 \\000",
    "NULL",
    "\uffff \U0010ffff \ufeff",
    " spaces around  ",
    '{"json": "\\u0000 \\" ё", "n": 1e400}',
    "long " * 60,
)
BYTES = (b"", b"\x00\x01\xff\\x", bytes(range(256)), b"\\x00")
FLOATS = (0.0, -0.0, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.5)
LONG = (0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, 1_900_000_000_123)
SHORT = (0, 1, -1, 2**31 - 1, -(2**31))


def fill(connection: Connection, seed: int, rows: int = 6) -> int:
    """Put so many rows into every table that is carried; return how many there are in all. What points is true."""
    dice = random.Random(seed)
    made: dict[str, list[dict[str, Any]]] = {}
    for table in tables():
        made[table.name] = [_row(table, dice, made, number) for number in range(rows)]
        raw = sa.table(table.name, *(sa.column(column.name, _stored(column)) for column in table.columns))
        connection.execute(raw.insert(), made[table.name])
    return sum(map(len, made.values()))


def _stored(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    return column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type


def _row(
    table: sa.Table, dice: random.Random, made: dict[str, list[dict[str, Any]]], number: int
) -> dict[str, Any]:
    unique = {column.name for column in table.primary_key}
    unique |= {column.name for column in table.columns if column.unique}
    unique |= {column.name for index in table.indexes if index.unique for column in index.columns}
    return {column.name: _value(column, column.name in unique, dice, made, number) for column in table.columns}


def _value(
    column: sa.Column[Any],
    unique: bool,
    dice: random.Random,
    made: dict[str, list[dict[str, Any]]],
    number: int,
) -> Any:
    for key in column.foreign_keys:
        parents = made[key.column.table.name]
        # One after the other, so that a row which is unique by whom it points to is so.
        return parents[number % len(parents)][key.column.name]
    if column.nullable and not unique and dice.random() < 0.3:
        return None
    kind = _stored(column).python_type
    if kind is bool:
        return dice.random() < 0.5
    if kind is float:
        return dice.choice(FLOATS)
    if kind is bytes:
        return dice.choice(BYTES) + (number.to_bytes(4, "big") if unique else b"")
    if kind is str:
        return dice.choice(TEXTS) + (f" {number}" if unique else "")
    if unique:
        return number * 1000 + dice.randrange(1, 1000)
    return dice.choice(SHORT if type(_stored(column)) is sa.Integer else LONG)
