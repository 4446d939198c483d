"""Takes in lists of people and gives them out: CSV, vCard, JSON; nobody comes in twice, nobody who was erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy.engine import Connection

from hub import vcard
from hub.contacts.crm import fields
from hub.contacts.files import sheets
from hub.contacts.files.sheets import Bad, Row, Values
from hub.contacts.identity import matching
from hub.errors import RejectedError, UsageError
from hub.models import Contact
from hub.settings import Settings
from hub.store import Store
from hub.store.people import cards, contacts, lists
from hub.store.people.contacts import Person
from hub.store.people.keys import EMAILS, PHONES, normal
from hub.store.privacy.tombstones import Tombstones
from hub.store.team.who import Who

_BATCH = 500
_PAGE = 1000

State = Literal["new", "known", "same", "erased"]


class Fate(NamedTuple):
    """What becomes of a line: somebody `new`; somebody `known`, with something more; the `same` as is held; or
    nothing, for they were `erased`. `person` is their number, where there is one already."""

    row: Row
    state: State
    person: int | None = None


def read_vcards(content: bytes) -> tuple[list[Row], list[Bad]]:
    """Read the people of a file of vCards; their numbers are those of the cards in the file."""
    rows: list[Row] = []
    bad: list[Bad] = []
    for number, found in enumerate(vcard.read(content), 1):
        if isinstance(found, RejectedError):
            bad.append(Bad(number, "", UsageError(found.message, hint=found.hint, **found.facts)))
        else:
            rows.append(Row(number, matching.values_of(found)))
    return rows, bad


def foresee(store: Store, settings: Settings, tombstones: Tombstones, rows: Sequence[Row]) -> list[Fate]:
    """Say what would become of each line; nothing is written."""
    with store.read() as connection:
        return [
            fate
            for start in range(0, len(rows), _BATCH)
            for fate in _fates(connection, settings, tombstones, rows[start : start + _BATCH])
        ]


def take_in(
    store: Store, settings: Settings, tombstones: Tombstones, rows: Sequence[Row], by: Who | None, now: datetime
) -> list[Fate]:
    """Make a card of each line that says something new, then join it with whom it surely is.

    Who was erased does not come in, and what is held already makes no second card: the same list can be taken in
    again.
    """
    fates: list[Fate] = []
    for start in range(0, len(rows), _BATCH):
        fates += store.write(_take_some, settings, tombstones, rows[start : start + _BATCH], by, now)
    matching.match(store, settings, now)
    return fates


def _take_some(
    connection: Connection,
    settings: Settings,
    tombstones: Tombstones,
    rows: Sequence[Row],
    by: Who | None,
    now: datetime,
) -> list[Fate]:
    fates = _fates(connection, settings, tombstones, rows)
    coming = [fate.row.values for fate in fates if fate.state in ("new", "known")]
    user_id = by.id if by is not None and by.id else None
    cards.create_many(connection, coming, origin=lists.IMPORT, source=lists.IMPORT, now=now, user_id=user_id)
    return fates


def _fates(connection: Connection, settings: Settings, tombstones: Tombstones, rows: Sequence[Row]) -> list[Fate]:
    region = settings.contacts.region
    given = [fields.as_contact(_values(row)) for row in rows]
    admitted = {id(contact) for contact in tombstones.contacts(connection, "", given)}
    named = lists.imported_as(connection, [contact.name for contact in given if contact.name])
    fates: list[Fate] = []
    for row, contact in zip(rows, given, strict=True):
        if id(contact) not in admitted:
            fates.append(Fate(row, "erased"))
            continue
        found = matching.candidates(connection, settings, contact)
        alike = named.get(contact.name, []) if not _has_keys(contact) else []
        shown = cards.views(connection, [*found, *alike])
        same = next((one for one in (*found, *alike) if _covers(shown[one].values, row.values, region)), None)
        if same is not None:
            fates.append(Fate(row, "same", same))
        else:
            fates.append(Fate(row, "known", found[0]) if found else Fate(row, "new"))
    return fates


def _values(row: Row) -> dict[str, str | tuple[str, ...]]:
    return {field: value if isinstance(value, str) else tuple(value) for field, value in row.values.items()}


def _has_keys(contact: Contact) -> bool:
    return bool(contact.emails or contact.phones or contact.handles or contact.url)


def _covers(shown: Values, given: Values, region: str) -> bool:
    """Tell whether a person holds all that a line says."""
    for field, value in given.items():
        held = shown.get(field, "")
        if isinstance(value, str) and isinstance(held, str):
            if value != held:
                return False
            continue
        known = {_key(field, one, region) for one in ([held] if isinstance(held, str) else held)}
        if not {_key(field, one, region) for one in ([value] if isinstance(value, str) else value)} <= known:
            return False
    return True


def _key(field: str, value: str, region: str) -> str:
    return (normal(field, value, region) if field in (EMAILS, PHONES) else "") or value


def everybody(store: Store) -> Iterator[Person]:
    """Yield all people, by name."""
    after: tuple[str, int] | None = None
    while True:
        with store.read() as connection:
            page = contacts.people(connection, _PAGE, after=after)
        yield from page
        if len(page) < _PAGE:
            return
        after = (page[-1].name, page[-1].id)


def as_csv(people: Iterator[Person], delimiter: str = ",") -> str:
    """Write people as a list that a spreadsheet opens and `take_in` reads back."""
    return sheets.write(((person.id, person.values) for person in people), delimiter)


def as_vcards(people: Iterator[Person]) -> str:
    """Write people as vCards, which address books read."""
    return "".join(
        vcard.write(fields.as_contact(person.values, key=f"crosshub-{person.id}"))
        for person in people
        if person.values
    )
