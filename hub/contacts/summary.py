"""What is asked first of a voice: did they write before, and do our CRMs know them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.store.crm import records
from hub.store.crm.records import GONE, Record
from hub.store.people import cards, heard
from hub.store.people.heard import Voice


class Summary(NamedTuple):
    """How much a person said on all sites, how much of it was answered, and in which CRMs they are."""

    person_id: int
    remarks: int
    answered: int
    first_at: datetime | None
    records: Sequence[Record]


def of(connection: Connection, number: int) -> Summary | None:
    """Return it for the person whose card has this number; None if there is none."""
    person_id = cards.person_of(connection, number)
    if person_id is None:
        return None
    return summed(person_id, heard.voices(connection, person_id), records.of_person(connection, person_id))


def summed(person_id: int, voices: Sequence[Voice], held: Sequence[Record]) -> Summary:
    """Sum up what the identities of a person said."""
    return Summary(
        person_id=person_id,
        remarks=sum(one.remarks for one in voices),
        answered=sum(one.answered for one in voices),
        first_at=min((one.first_at for one in voices if one.first_at is not None), default=None),
        records=[one for one in held if one.remote_id is not None and one.state != GONE],
    )
