"""Gathers everything that is held of one person, readable for a machine, with where each thing came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from hub.contacts.privacy.consent import known_person
from hub.i18n import _
from hub.store import Store
from hub.store.privacy import held

FORMAT = "crosshub person 1"
_Value = str | int | float | bool | datetime | None


class Section(msgspec.Struct, frozen=True):
    """What one table holds of the person; `about` says it in the reader's language."""

    name: str
    about: str
    rows: Sequence[Mapping[str, _Value]]


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """All that is held of one person. `person` is their number, `made_at` when it was gathered (UTC)."""

    format: str = FORMAT
    person: int
    made_at: datetime
    sections: Sequence[Section]

    def encoded(self) -> bytes:
        """Return it as JSON that a person can read too."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)


def everything(store: Store, person_id: int, now: datetime) -> Dossier:
    """Gather all that is held of a person; raise `UsageError` if there is none with this number.

    Tables that hold nothing of them are left out.
    """
    with store.read() as connection:
        who = held.subject(connection, known_person(connection, person_id))
        assert who is not None
        sections = [
            Section(str(part.table.name), _(part.about), rows)
            for part in held.PARTS
            if (
                rows := [
                    {name: _plain(value) for name, value in row.items()}
                    for row in held.rows(connection, part, who)
                ]
            )
        ]
    return Dossier(person=who.person_id, made_at=now, sections=sections)


def _plain(value: object) -> _Value:
    """Large numbers are hashes, which readers of JSON in a browser would round: they are written as texts."""
    if isinstance(value, bool) or value is None or isinstance(value, str | float | datetime):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    return str(value)
