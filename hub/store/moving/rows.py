"""Rows in a form that is the same on every database, and the sum by which two tables are compared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from hub.errors import StoreError

Row = tuple[Any, ...]
Change = Callable[[Any], Any]

# What a table says of a process that works on the database; in a copy nobody works.
_OF_A_PROCESS: dict[str, Any] = {"lease_owner": "", "lease_until": None}
_MODULUS = 1 << 128


class Kind(NamedTuple):
    """What a column may hold: Python's types, and how those come to be the one that is compared."""

    name: str
    types: dict[type, Change | None]


def _truth(value: int) -> bool:
    if value not in (0, 1):
        raise ValueError(value)
    return bool(value)


def _one_zero(value: float) -> float:
    """SQLite knows one zero only."""
    return value + 0.0


_WHOLE = Kind("a whole number", {int: None})
_NUMBER = Kind("a number", {float: _one_zero, int: float})
_TRUTH = Kind("yes or no", {bool: None, int: _truth})
_TEXT = Kind("a text", {str: None})
_BYTES = Kind("bytes", {bytes: None, memoryview: bytes})


def _kind(column: sa.Column[Any]) -> Kind:
    kinds: dict[type, Kind] = {bool: _TRUTH, int: _WHOLE, float: _NUMBER, str: _TEXT, bytes: _BYTES}
    stored = column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type
    held: Any = stored.python_type
    return kinds[held]


class Form:
    """Brings the rows of one table into the form that is compared, as tuples in the order of `columns`.

    `without_nul` are columns whose texts hold NUL, which the target cannot hold: it becomes U+FFFD. `mended`
    counts the texts that were changed so, by column.
    """

    def __init__(self, table: sa.Table, without_nul: Collection[str] = ()) -> None:
        self.table = table
        self.columns = [column.name for column in table.columns]
        self.mended: dict[str, int] = {}
        self._without_nul = frozenset(without_nul)
        self._known: dict[tuple[type, ...], list[tuple[int, Change]]] = {}

    def __call__(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows in that form; raise `StoreError` for a value that is none of its column's kind."""
        formed = []
        for row in rows:
            types = tuple(map(type, row))
            changes = self._known.get(types)
            if changes is None:
                changes = self._known[types] = self._changes(types)
            formed.append(self._changed(row, changes) if changes else row)
        return formed

    def _changed(self, row: Row, changes: Iterable[tuple[int, Change]]) -> Row:
        values = list(row)
        for index, change in changes:
            try:
                values[index] = change(values[index])
            except ValueError:
                raise self._wrong(index, repr(values[index])) from None
        return tuple(values)

    def _changes(self, types: tuple[type, ...]) -> list[tuple[int, Change]]:
        """Say what is to be done with the values of a row whose values have these types."""
        found: list[tuple[int, Change]] = []
        for index, (column, given) in enumerate(zip(self.table.columns, types, strict=True)):
            if column.name in _OF_A_PROCESS:
                found.append((index, _always(_OF_A_PROCESS[column.name])))
                continue
            if given is type(None):
                continue
            kind = _kind(column)
            if given not in kind.types:
                raise self._wrong(index, given.__name__)
            change = kind.types[given]
            if change is not None:
                found.append((index, change))
            if column.name in self._without_nul:
                found.append((index, self._mend(column.name)))
        return found

    def _mend(self, column: str) -> Change:
        def mend(text: str) -> str:
            if "\x00" not in text:
                return text
            self.mended[column] = self.mended.get(column, 0) + 1
            return text.replace("\x00", "\ufffd")

        return mend

    def _wrong(self, index: int, found: str) -> StoreError:
        column = self.table.columns[self.columns[index]]
        return StoreError(
            "the database holds {found} in {table}.{column}, where {wanted} belongs",
            hint="`hub db verify` says what else is wrong; nothing was changed",
            found=found,
            table=self.table.name,
            column=column.name,
            wanted=_kind(column).name,
        )


def _always(constant: Any) -> Change:
    return lambda _: constant


class Sum:
    """The number of some rows and a hash of them that does not depend on their order."""

    def __init__(self) -> None:
        self.rows = 0
        self._total = 0
        self._encode = msgspec.msgpack.Encoder().encode

    def add(self, rows: Iterable[Row]) -> None:
        encode, total, count = self._encode, 0, 0
        for row in rows:
            total += int.from_bytes(blake2b(encode(row), digest_size=16).digest(), "big")
            count += 1
        self._total = (self._total + total) % _MODULUS
        self.rows += count

    @property
    def hash(self) -> str:
        return f"{self._total:032x}"
