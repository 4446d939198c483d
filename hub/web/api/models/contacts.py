"""What the API takes and gives about contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from hub.contacts.card import Card, Heard, Part
from hub.contacts.wording import value_in
from hub.store.crm.questions import Question
from hub.store.people.contacts import Person
from hub.store.people.evidence import Evidence
from hub.store.people.heard import Said
from hub.web.api.models.ground import Answer
from hub.web.api.models.mentions import Remark, ReplyAnswer

# What a field holds: a text, or a list of them.
Held = str | Sequence[str]
A = TypeVar("A", bound=Answer)


class KnownAs(Answer):
    """One identity of a person on one platform."""

    platform: str
    remote_id: str
    name: str
    handle: str
    url: str


class RecordAnswer(Answer):
    """A person's record in a CRM."""

    account: str
    remote_id: str | None
    state: str
    url: str


class ContactAnswer(Answer):
    id: int
    name: str
    emails: Sequence[str]
    phones: Sequence[str]
    fields: Mapping[str, Held]
    authors: Sequence[KnownAs]
    records: Sequence[RecordAnswer]

    @classmethod
    def facts_of(cls, person: Person) -> dict[str, Any]:
        return {
            "id": person.id,
            "name": person.name,
            "emails": person.emails,
            "phones": person.phones,
            "fields": person.values,
            "authors": [same(KnownAs, one) for one in person.authors],
            "records": [same(RecordAnswer, one) for one in person.records],
        }

    @classmethod
    def of(cls, person: Person) -> ContactAnswer:
        return cls(**cls.facts_of(person))


class Contacts(Answer):
    """People by number; `after` is what to ask for the next page with, null at the end."""

    contacts: Sequence[ContactAnswer]
    after: int | None


class ValueAnswer(Answer):
    """What one source says of a field, since when; `source` is an account, user, import or author."""

    field: str
    value: str
    source: str
    at: datetime


class VoiceAnswer(KnownAs):
    """An identity, and how much was said by it and answered."""

    remarks: int
    answered: int
    first_at: datetime | None
    last_at: datetime | None


class CardPartAnswer(Answer):
    """What one source tells of a person: a card. `split` takes its number."""

    id: int
    origin: str
    values: Sequence[ValueAnswer]
    identities: Sequence[VoiceAnswer]
    records: Sequence[RecordAnswer]

    @classmethod
    def of(cls, part: Part) -> CardPartAnswer:
        return cls(
            id=part.id,
            origin=part.origin,
            values=[same(ValueAnswer, one) for one in part.values],
            identities=[same(VoiceAnswer, one) for one in part.voices],
            records=[same(RecordAnswer, one) for one in part.records],
        )


class GroundsAnswer(Answer):
    """Why two cards are, may be, or are not one person; `weight` is between 0 and 1."""

    id: int
    cards: Sequence[int]
    kind: str
    value: str
    source: str
    weight: float
    state: str
    at: datetime

    @classmethod
    def of(cls, one: Evidence) -> GroundsAnswer:
        same = {name: getattr(one, name) for name in cls.model_fields if name != "cards"}
        return cls(**same, cards=[one.one_id, one.other_id])


class MergeAnswer(Answer):
    """A merge that stands, and the cards that would part if it were taken back."""

    id: int
    at: datetime
    one: Sequence[int]
    other: Sequence[int]


class SaidAnswer(Answer):
    """A remark of the person, and our answers to it."""

    mention: Remark
    replies: Sequence[ReplyAnswer]

    @classmethod
    def of(cls, one: Said) -> SaidAnswer:
        return cls(mention=Remark.of(one.mention), replies=[ReplyAnswer.of(answer) for answer in one.answers])


class TalkAnswer(Answer):
    """A discussion in which the person spoke, with what they said last in it."""

    discussion: int
    title: str
    url: str
    remarks: int
    last_at: datetime
    accounts: Sequence[str]
    said: Sequence[SaidAnswer]

    @classmethod
    def of(cls, one: Heard) -> TalkAnswer:
        talk = one.talk
        return cls(
            discussion=talk.discussion,
            title=talk.title,
            url=talk.url,
            remarks=talk.remarks,
            last_at=talk.last_at,
            accounts=[site.account for site in one.sites],
            said=[SaidAnswer.of(said) for said in one.said],
        )


class QuestionAnswer(Answer):
    """What only a person can decide: `kind` is conflict (of one `field`), gone_there, gone_here or create."""

    id: int
    kind: str
    account: str
    remote_id: str | None
    contact: int
    field: str
    base: Held
    ours: Held
    theirs: Held
    at: datetime

    @classmethod
    def of(cls, one: Question) -> QuestionAnswer:
        same = {name: getattr(one, name) for name in ("id", "kind", "account", "remote_id", "field", "at")}
        return cls(
            **same,
            contact=one.contact_id,
            base=value_in(one.base, one.field),
            ours=value_in(one.ours, one.field),
            theirs=value_in(one.theirs, one.field),
        )


class Questions(Answer):
    questions: Sequence[QuestionAnswer]


class ConsentAnswer(Answer):
    """What a person agreed to, or no longer does."""

    purpose: str
    granted: bool
    at: datetime
    by: str
    source: str
    note: str


class PersonNoteAnswer(Answer):
    """What one of the team noted; `by` is empty for who works at the machine itself."""

    id: int
    by: str
    text: str
    at: datetime


class FieldChange(Answer):
    """What a field was before, and who changed it."""

    field: str
    before: str
    after: str
    why: str
    source: str
    at: datetime


class CardAnswer(ContactAnswer):
    """All that is known of a person. `before` asks for the discussions before these, null at the end."""

    remarks: int
    answered: int
    cards: Sequence[CardPartAnswer]
    talks: Sequence[TalkAnswer]
    before: int | None
    questions: Sequence[QuestionAnswer]
    evidence: Sequence[GroundsAnswer]
    merges: Sequence[MergeAnswer]
    consents: Sequence[ConsentAnswer]
    notes: Sequence[PersonNoteAnswer]
    history: Sequence[FieldChange]

    @classmethod
    def of_card(cls, found: Card) -> CardAnswer:
        return cls(
            **cls.facts_of(found.person),
            remarks=found.summary.remarks,
            answered=found.summary.answered,
            cards=[CardPartAnswer.of(one) for one in found.parts],
            talks=[TalkAnswer.of(one) for one in found.talks],
            before=found.older,
            questions=[QuestionAnswer.of(one) for one in found.questions],
            evidence=[GroundsAnswer.of(one) for one in found.evidence],
            merges=[same(MergeAnswer, one) for one in found.merges],
            consents=[same(ConsentAnswer, one) for one in found.consents],
            notes=[same(PersonNoteAnswer, one) for one in found.notes],
            history=[same(FieldChange, one) for one in found.history],
        )


def same(answer: type[A], one: object) -> A:
    """Make an answer of what has its fields under the same names."""
    return answer(**{name: getattr(one, name) for name in answer.model_fields})
