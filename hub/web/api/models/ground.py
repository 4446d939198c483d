"""What all answers and wishes of the API are made of: texts, numbers and times that are checked at the door."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from hub.models import check_text

LARGEST = 2**63 - 1
"""The largest number that both databases keep."""

# Times that every database and every clock can bear, and milliseconds have room for.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def _storable(text: str) -> str:
    return check_text("the text", text)


def _sane(moment: datetime) -> datetime:
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError("the time is out of range")
    return moment


# `pattern` says the same to clients: no NUL; anything that is more than blanks.
_NO_NUL = {"pattern": r"^[^\x00]*$"}
Words = Annotated[
    str, StringConstraints(max_length=100_000), AfterValidator(_storable), Field(json_schema_extra=_NO_NUL)
]
Name = Annotated[
    str, StringConstraints(max_length=200), AfterValidator(_storable), Field(json_schema_extra=_NO_NUL)
]
Address = Annotated[
    str, StringConstraints(max_length=2000), AfterValidator(_storable), Field(json_schema_extra=_NO_NUL)
]
Moment = Annotated[AwareDatetime, AfterValidator(_sane)]
Number = Annotated[int, Field(ge=1, le=LARGEST)]

# What stands in addresses.
Id = Annotated[int, Path(ge=1, le=LARGEST)]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Before = Annotated[int | None, Query(ge=1, le=LARGEST, description="Only those with a lower number.")]
Cursor = Annotated[
    str,
    Query(max_length=100, description="What the page before gave as `next` or `previous`; empty for the first."),
]
Asked = Annotated[
    str,
    Query(
        max_length=2000,
        description='What is wanted, as in the inbox: `status:open label:urgent "exact words" -not`.',
        json_schema_extra=_NO_NUL,
    ),
    AfterValidator(_storable),
]


class Answer(BaseModel):
    """What is given."""

    model_config = ConfigDict(frozen=True)


class Wish(BaseModel):
    """What is taken; what is not known is refused, so that a misspelt name does not pass for nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Done(Answer):
    ok: Literal[True] = True


class Changed(Answer):
    """`changed` says whether it was otherwise before."""

    changed: bool


class Somebody(Answer):
    """One of the team."""

    id: int
    name: str
