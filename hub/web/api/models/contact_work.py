"""What the API takes to work on contacts, and what it says before: previews, proposals, decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hub.contacts.identity.merging import Preview, Proposal, Told
from hub.web.api.models.contacts import ContactAnswer, GroundsAnswer, Held, same
from hub.web.api.models.ground import Answer, Name, Number, Wish, Words

FieldName = Annotated[Name, StringConstraints(min_length=1)]


class ToldAnswer(Answer):
    """What a CRM would be told of a field."""

    account: str
    remote_id: str | None
    field: str
    before: Held
    after: Held


class PreviewAnswer(Answer):
    """Two people, what is shown of them once they are one, and what the CRMs are told then."""

    one: ContactAnswer
    other: ContactAnswer
    fields: Mapping[str, Held]
    crm: Sequence[ToldAnswer]
    both_in: Sequence[str]

    @classmethod
    def of(cls, found: Preview, crm: Sequence[Told]) -> PreviewAnswer:
        return cls(
            one=ContactAnswer.of(found.one),
            other=ContactAnswer.of(found.other),
            fields=found.after.values,
            crm=[same(ToldAnswer, one) for one in crm],
            both_in=found.both_in,
        )


class ProposalAnswer(Answer):
    """A pair that may be one person, and what speaks for it."""

    id: int
    one: ContactAnswer
    other: ContactAnswer
    weight: float
    evidence: Sequence[GroundsAnswer]

    @classmethod
    def of(cls, one: Proposal) -> ProposalAnswer:
        return cls(
            id=one.id,
            one=ContactAnswer.of(one.one),
            other=ContactAnswer.of(one.other),
            weight=one.weight,
            evidence=[GroundsAnswer.of(each) for each in one.evidence],
        )


class Proposals(Answer):
    """Pairs that may be one person; `after` is what to ask for the next page with, null at the end."""

    proposals: Sequence[ProposalAnswer]
    after: int | None


class Parted(Answer):
    """The numbers of the two people: who stays, and who went."""

    contacts: Sequence[int]


class FieldsWish(Wish):
    """New values by field: a text, or a list in place of the one there was; an empty one clears the field."""

    fields: Annotated[
        dict[FieldName, Words | Annotated[list[Words], Field(max_length=100)]], Field(min_length=1, max_length=100)
    ]

    model_config = Wish.model_config | {
        "json_schema_extra": {"examples": [{"fields": {"company": "Coffee Ltd", "phones": ["+7 916 123-45-67"]}}]}
    }


class MergeWish(Wish):
    """The number of the other one."""

    other: Number


class SplitWish(Wish):
    """The cards that go, as `cards` of the contact numbers them."""

    cards: Annotated[list[Number], Field(min_length=1, max_length=1000)]


class JudgeWish(Wish):
    """Whether a proposed pair is one person."""

    word: Literal["accept", "refuse"]


class DecideWish(Wish):
    """`ours` or `theirs`, and `typed` for a third `value`: of a list its elements, with commas or as JSON.

    For gone_there `ours` keeps the person here, `theirs` deletes them here too, `again` makes a new record there.
    For gone_here `ours` deletes the record there too, `theirs` brings the person back, `keep` leaves both.
    For create `ours` makes a record, `theirs` says that it is the one there, `keep` leaves the person out.
    """

    answer: Literal["ours", "theirs", "again", "keep", "typed"]
    value: Words = ""
