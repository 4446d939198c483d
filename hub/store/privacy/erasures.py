"""Erasures that were begun: by number alone, with their proof and what is still to be done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.discussions.digest_lines import Line
from hub.store.tables import digest_lines, digests, erasure_steps, erasures, mentions, threads

REMOVED, SWEPT, DONE = "removed", "swept", "done"
"""An erasure's states: out of the tables; out of the files too; with nothing left to do."""
OPEN, ASKED = "open", "asked"


class ProofLine(NamedTuple):
    """What was removed or found, in English to be translated; where; how many."""

    what: str
    where: str
    number: int


class Step(NamedTuple):
    """What an erasure cannot do at once; see the table."""

    id: int
    erasure_id: int
    kind: str
    account: str
    remote_id: str
    ref: int | None
    mention_id: int | None
    state: str
    error: str


class Erasure(NamedTuple):
    """A person who was erased, by number."""

    id: int
    person_id: int
    at: datetime
    crms: bool
    state: str
    proof: Sequence[ProofLine]
    ended_at: datetime | None


_STEP = [erasure_steps.c[field] for field in Step._fields]


def begin(connection: Connection, person_id: int, user_id: int | None, crms: bool, now: datetime) -> int:
    """Note that a person is erased; return the erasure's number."""
    values = {"person_id": person_id, "user_id": user_id, "crms": crms, "at": now, "state": REMOVED, "proof": "[]"}
    return int(connection.execute(erasures.insert().values(**values).returning(erasures.c.id)).scalar_one())


def add_steps(connection: Connection, erasure_id: int, steps: Sequence[dict[str, Any]]) -> None:
    """Note what is still to be done. Each has a `kind` and what the table says of that."""
    for step in steps:
        values = {"account": "", "remote_id": "", "state": OPEN, "error": "", **step}
        connection.execute(erasure_steps.insert().values(erasure_id=erasure_id, **values))


def prove(connection: Connection, erasure_id: int, lines: Sequence[ProofLine]) -> None:
    """Write down further lines of the proof."""
    known = get(connection, erasure_id).proof
    proof = json.dumps([*known, *lines], ensure_ascii=False)
    connection.execute(erasures.update().where(erasures.c.id == erasure_id).values(proof=proof))


def set_state(connection: Connection, erasure_id: int, state: str, now: datetime) -> None:
    ended = now if state == DONE else None
    connection.execute(erasures.update().where(erasures.c.id == erasure_id).values(state=state, ended_at=ended))


def end_step(connection: Connection, step: Step, now: datetime) -> None:
    """Note that a step is done, and forget which record it was."""
    values = {"state": DONE, "remote_id": "", "error": "", "tried_at": now}
    connection.execute(erasure_steps.update().where(erasure_steps.c.id == step.id).values(**values))


def fail_step(connection: Connection, step: Step, state: str, error: str, now: datetime) -> None:
    """Note that a step could not be done: it stays open, or a person is asked."""
    values = {"state": state, "error": error, "tried_at": now}
    connection.execute(erasure_steps.update().where(erasure_steps.c.id == step.id).values(**values))


def get(connection: Connection, erasure_id: int) -> Erasure:
    row = connection.execute(_erasure().where(erasures.c.id == erasure_id)).one()
    return _read(row)


def newest(connection: Connection, limit: int) -> list[Erasure]:
    """Return the newest erasures."""
    return [_read(row) for row in connection.execute(_erasure().order_by(erasures.c.id.desc()).limit(limit))]


def unfinished(connection: Connection, person_id: int | None = None) -> list[Erasure]:
    """Return the erasures with something left to do, of a person who had this number, or all."""
    query = _erasure().where(erasures.c.state != DONE).order_by(erasures.c.id)
    if person_id is not None:
        query = query.where(erasures.c.person_id == person_id)
    return [_read(row) for row in connection.execute(query)]


def steps_of(connection: Connection, erasure_id: int) -> list[Step]:
    """Return what is still to be done for an erasure."""
    query = sa.select(*_STEP).where(erasure_steps.c.erasure_id == erasure_id, sa.literal_column("state <> 'done'"))
    return [Step(*row) for row in connection.execute(query.order_by(erasure_steps.c.id))]


def _erasure() -> sa.Select[Any]:
    return sa.select(*(erasures.c[field] for field in Erasure._fields))


def _read(row: Any) -> Erasure:
    return Erasure(*row)._replace(proof=[ProofLine(*line) for line in json.loads(row.proof)])


def lines_showing(connection: Connection, mention_ids: Sequence[int]) -> list[Line]:
    """Return the comments of ours that show these mentions, or may; those that were taken away are none."""
    return _lines(connection, digest_lines.c.mention_id, mention_ids)


def lines_by_number(connection: Connection, ids: Sequence[int]) -> dict[int, Line]:
    """Return these comments of ours by number, those that were not taken away."""
    return {line.id: line for line in _lines(connection, digest_lines.c.id, ids)}


def _lines(connection: Connection, column: sa.Column[Any], numbers: Sequence[int]) -> list[Line]:
    found: list[Line] = []
    for some in chunks(numbers):
        query = sa.select(*(digest_lines.c[field] for field in Line._fields)).where(
            column.in_(some), digest_lines.c.state != "deleted"
        )
        found += [Line(*row) for row in connection.execute(query)]
    return found


def digests_showing(connection: Connection, mention_ids: Sequence[int]) -> list[int]:
    """Return the digests, as a post or a file, whose discussion holds one of these mentions."""
    found: set[int] = set()
    for some in chunks(mention_ids):
        query = (
            sa.select(digests.c.id)
            .join(threads, threads.c.discussion_id == digests.c.discussion_id)
            .join(mentions, mentions.c.thread_id == threads.c.id)
            .where(mentions.c.id.in_(some), digests.c.kind != "comments")
        )
        found.update(connection.execute(query).scalars())
    return sorted(found)
