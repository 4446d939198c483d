"""Which remarks are one, why, and what a person undid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks, upsert
from hub.store.discussions import grounds
from hub.store.tables import mentions, repeats, threads


class Repeat(NamedTuple):
    """A mention that repeats another one, `first_id`; `mention_id` is the one that was recognised as a repeat."""

    id: int
    first_id: int
    mention_id: int
    template: str
    facts: str
    confidence: float
    at: datetime
    by: str
    ended_at: datetime | None
    undone_at: datetime | None
    undone_by: str

    @property
    def kind(self) -> str:
        return "repeat"

    @property
    def name(self) -> str:
        """What a person calls it in a command."""
        return f"r{self.id}"

    @property
    def evidence(self) -> str:
        """Why, in the reader's language."""
        return grounds.said(self.template, self.facts)

    @property
    def stands(self) -> bool:
        return self.ended_at is None and self.undone_at is None


_REPEATS = sa.select(*(repeats.c[field] for field in Repeat._fields))


class NewRepeat(NamedTuple):
    """A repeat to be written down."""

    first_id: int
    mention_id: int
    template: str
    facts: Mapping[str, str]
    confidence: float


def add(connection: Connection, new: NewRepeat, now: datetime) -> None:
    """Write a repeat down; one that had ended begins anew, with the evidence of today."""
    insert = upsert(connection, repeats).values(
        **{**new._asdict(), "facts": grounds.packed(new.facts)}, at=now, by="", undone_by=""
    )
    changes = {name: insert.excluded[name] for name in ("template", "facts", "confidence", "at")}
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["first_id", "mention_id"],
            set_={**changes, "ended_at": None},
            where=repeats.c.undone_at.is_(None),
        )
    )


def end(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Note that these are no repeats any more: one of the two was changed, or is gone."""
    connection.execute(repeats.update().where(repeats.c.id.in_(ids)).values(ended_at=now))


def get(connection: Connection, repeat_id: int) -> Repeat | None:
    row = connection.execute(_REPEATS.where(repeats.c.id == repeat_id)).first()
    return None if row is None else Repeat(*row)


def undo(connection: Connection, repeat_id: int, by: str, now: datetime) -> None:
    connection.execute(repeats.update().where(repeats.c.id == repeat_id).values(undone_at=now, undone_by=by))


def of_mentions(connection: Connection, ids: Iterable[int]) -> list[Repeat]:
    """Return all repeats, ended and undone ones too, in which one of these mentions has a part."""
    found: dict[int, Repeat] = {}
    for some in chunks(sorted(set(ids))):
        for side in (repeats.c.first_id, repeats.c.mention_id):
            for row in connection.execute(_REPEATS.where(side.in_(some))):
                found[row.id] = Repeat(*row)
    return sorted(found.values())


def of_discussion(connection: Connection, discussion_id: int) -> list[Repeat]:
    """Return the repeats between mentions of a discussion, those that a person undid too, oldest first."""
    one, other = mentions.alias("one"), mentions.alias("other")
    here, there = threads.alias("here"), threads.alias("there")
    rows = connection.execute(
        _REPEATS.join(one, one.c.id == repeats.c.first_id)
        .join(here, here.c.id == one.c.thread_id)
        .join(other, other.c.id == repeats.c.mention_id)
        .join(there, there.c.id == other.c.thread_id)
        .where(
            here.c.discussion_id == discussion_id,
            there.c.discussion_id == discussion_id,
            repeats.c.ended_at.is_(None),
        )
        .order_by(repeats.c.id)
    )
    return [Repeat(*row) for row in rows]
