"""The card of a person: all identities, discussions, records, evidence, consents and notes, in one load.

The number of statements is the same however much there is: every list is read for all cards at once, and the
discussions come in pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.contacts import editing
from hub.contacts.identity import merging
from hub.contacts.identity.merging import Merge
from hub.contacts.privacy import consent
from hub.contacts.privacy.consent import Consent
from hub.contacts.summary import Summary, summed
from hub.store.crm import activities, questions, records
from hub.store.crm.activities import Activity
from hub.store.crm.questions import Question
from hub.store.crm.records import Record
from hub.store.database import Store
from hub.store.discussions import nearby
from hub.store.discussions.nearby import Site
from hub.store.people import cards, contacts, heard
from hub.store.people.cards import Change, Value, View
from hub.store.people.contacts import Person
from hub.store.people.evidence import Evidence
from hub.store.people.heard import PersonNote, Said, Talk, Voice

# How much of each is shown: of discussions a page, of one of them its newest remarks, of changes the last ones.
TALKS = 10
_REMARKS = 5
_CHANGES = 50
_QUESTIONS = 100


class Heard(NamedTuple):
    """A discussion in which the person spoke: where it is held, and what they said last in it."""

    talk: Talk
    sites: Sequence[Site]
    said: Sequence[Said]


class Part(NamedTuple):
    """One card of the person: what one source says of them, and what came by it."""

    id: int
    origin: str
    values: Sequence[Value]
    voices: Sequence[Voice]
    records: Sequence[Record]


class Card(NamedTuple):
    """All that is known of a person. `older` asks for the discussions before these, None at the end.

    `names` are those of the team who did something here, by number.
    """

    person: Person
    view: View
    summary: Summary
    voices: Sequence[Voice]
    talks: Sequence[Heard]
    older: int | None
    parts: Sequence[Part]
    records: Sequence[Record]
    questions: Sequence[Question]
    evidence: Sequence[Evidence]
    merges: Sequence[Merge]
    consents: Sequence[Consent]
    activities: Sequence[Activity]
    notes: Sequence[PersonNote]
    history: Sequence[Change]
    names: Mapping[int, str]


def person_of(store: Store, number: int) -> int:
    """Return the number of the person that any of their cards names; raise `UsageError` if there is none."""
    with store.read() as connection:
        return editing.there_is(connection, number)


def load(store: Store, number: int, *, before: int | None = None, talks: int = TALKS) -> Card:
    """Read the card of a person by the number of any of their cards; raise `UsageError` if there is none.

    It holds what was said on all accounts, so that it is for those alone who may see all of them.
    """
    person_id = person_of(store, number)
    with store.read() as connection:
        (person,) = contacts.of_ids(connection, [person_id])
        voices = heard.voices(connection, person_id)
        held = records.of_person(connection, person_id)
        found, older = _talks(connection, person_id, talks, before)
        history = cards.history(connection, person_id, _CHANGES)
        view = cards.view(connection, person_id)
        parts = _parts(connection, person_id, voices, held)
        asked = questions.open(connection, _QUESTIONS, contact_id=person_id)
        notes = heard.notes_of(connection, person_id)
        told = activities.of_person(connection, person_id)
        who = {one.user_id for one in history} | {one.user_id for one in view.chosen.values()}
        evidence = merging.why(store, person_id)
        who |= {one.user_id for one in evidence}
        names = heard.names_of(connection, sorted(one for one in who if one))
    return Card(
        person=person,
        view=view,
        summary=summed(person_id, voices, held),
        voices=voices,
        talks=found,
        older=older,
        parts=parts,
        records=held,
        questions=asked,
        evidence=evidence,
        merges=merging.merges(store, person_id) if evidence else (),
        consents=consent.of(store, person_id),
        activities=told,
        notes=notes,
        history=history,
        names=names,
    )


def _talks(
    connection: Connection, person_id: int, most: int, before: int | None
) -> tuple[Sequence[Heard], int | None]:
    rows = heard.talks(connection, person_id, most + 1, before)
    page = rows[:most]
    ids = [one.discussion for one in page]
    sites = nearby.sites_of(connection, ids, None)
    said = heard.said_in(connection, person_id, ids, _REMARKS)
    found = [Heard(one, sites.get(one.discussion, ()), said.get(one.discussion, ())) for one in page]
    return found, page[-1].newest if len(rows) > most else None


def _parts(
    connection: Connection, person_id: int, voices: Sequence[Voice], held: Sequence[Record]
) -> Sequence[Part]:
    values = cards.values_of(connection, [person_id])[person_id]
    return [
        Part(
            id=number,
            origin=origin,
            values=[one for one in values if one.contact_id == number],
            voices=[one for one in voices if one.card == number],
            records=[one for one in held if one.contact_id == number],
        )
        for number, origin in heard.origins_of(connection, person_id).items()
    ]
