"""What all tables are made of: their metadata, their numbers and their times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, Table, TypeDecorator
from sqlmodel import SQLModel

metadata: MetaData = SQLModel.metadata
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# SQLite numbers rows by itself only if the key is spelt INTEGER; PostgreSQL's INTEGER is 32 bits.
Id = BigInteger().with_variant(Integer(), "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware time, kept as milliseconds since 1970 UTC: the same number on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return None if value is None else (value - _EPOCH) // _MILLISECOND

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else _EPOCH + value * _MILLISECOND


def table_of(row: type[SQLModel]) -> Table:
    """Return the table that a row class declares."""
    table: Table = row.__table__  # type: ignore[attr-defined]  # SQLModel adds it to table models
    return table
