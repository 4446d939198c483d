"""Who may be whom, for a person to say: the pairs that evidence proposes and that nobody has decided on."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.people.evidence import Evidence
from hub.store.tables import contact_apart, contact_evidence, contacts


class Asked(NamedTuple):
    """Two persons who may be one; `id` is the number of the oldest evidence for it."""

    id: int
    one: int
    other: int
    evidence: Sequence[Evidence]

    @property
    def weight(self) -> float:
        """What the evidence weighs together: each kind once."""
        heaviest: dict[str, float] = {}
        for each in self.evidence:
            heaviest[each.kind] = max(heaviest.get(each.kind, 0.0), each.weight)
        return round(min(1 - prod(1 - weight for weight in heaviest.values()), 0.99), 3)


_ONE = contacts.alias("one")
_OTHER = contacts.alias("other")
_LOW = sa.case((_ONE.c.person_id < _OTHER.c.person_id, _ONE.c.person_id), else_=_OTHER.c.person_id)
_HIGH = sa.case((_ONE.c.person_id < _OTHER.c.person_id, _OTHER.c.person_id), else_=_ONE.c.person_id)
_OPEN = sa.and_(
    sa.literal_column("contact_evidence.state = 'proposed'"),
    _ONE.c.person_id != _OTHER.c.person_id,
    _ONE.c.deleted_at.is_(None),
    _OTHER.c.deleted_at.is_(None),
    ~sa.exists().where(
        contact_apart.c.one_id == contact_evidence.c.one_id,
        contact_apart.c.other_id == contact_evidence.c.other_id,
    ),
)


def asked(connection: Connection, limit: int, after: int | None = None) -> list[Asked]:
    """Return the open questions with a higher number than `after`, in their order."""
    number = sa.func.min(contact_evidence.c.id)
    pairs = (
        sa.select(number.label("number"), _LOW.label("low"), _HIGH.label("high"))
        .select_from(contact_evidence)
        .join(_ONE, _ONE.c.id == contact_evidence.c.one_id)
        .join(_OTHER, _OTHER.c.id == contact_evidence.c.other_id)
        .where(_OPEN)
        .group_by(_LOW, _HIGH)
        .order_by(number)
        .limit(limit)
    )
    if after is not None:
        pairs = pairs.having(number > after)
    found = [(int(row.number), int(row.low), int(row.high)) for row in connection.execute(pairs)]
    held: dict[tuple[int, int], list[Evidence]] = {}
    persons = sorted({low for _, low, _ in found})
    columns = [contact_evidence.c[name] for name in Evidence._fields]
    rows = connection.execute(
        sa.select(_LOW.label("low"), _HIGH.label("high"), *columns)
        .select_from(contact_evidence)
        .join(_ONE, _ONE.c.id == contact_evidence.c.one_id)
        .join(_OTHER, _OTHER.c.id == contact_evidence.c.other_id)
        .where(_OPEN, sa.or_(_ONE.c.person_id.in_(persons), _OTHER.c.person_id.in_(persons)))
        .order_by(contact_evidence.c.id)
    )
    for low, high, *rest in rows:
        held.setdefault((low, high), []).append(Evidence(*rest))
    return [Asked(number, low, high, held.get((low, high), [])) for number, low, high in found]


def count(connection: Connection) -> int:
    """Return how many pairs are asked about."""
    pairs = (
        sa.select(_LOW, _HIGH)
        .select_from(contact_evidence)
        .join(_ONE, _ONE.c.id == contact_evidence.c.one_id)
        .join(_OTHER, _OTHER.c.id == contact_evidence.c.other_id)
        .where(_OPEN)
        .distinct()
        .subquery()
    )
    return int(connection.execute(sa.select(sa.func.count()).select_from(pairs)).scalar_one())
