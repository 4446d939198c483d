"""What the API takes and gives: typed, checked at the door, and described by the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from hub.discussions.desk import Item
from hub.models import check_text
from hub.scheduling.health import AccountFacts
from hub.store.contacts import Person
from hub.store.deliveries import Delivery
from hub.store.mentions import StoredMention
from hub.store.posts import StoredPost
from hub.store.replies import StoredReply

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


class Team(Answer):
    team: Sequence[Somebody]


class Me(Answer):
    """Who asks, and what they may do; `accounts` null is all of them."""

    id: int
    name: str
    display_name: str
    role: str
    may: Sequence[str]
    accounts: Sequence[str] | None


class Author(Answer):
    """Who said it; `id` null where the network hides it."""

    id: str | None
    name: str
    handle: str
    url: str


class Remark(Answer):
    """Something that others said to or about us."""

    id: int
    account: str
    platform: str
    remote_id: str
    kind: str
    discussion: int
    thread_id: str
    parent_id: str | None
    author: Author
    contact: int | None
    text: str
    url: str
    sent_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None

    @classmethod
    def fields_of(cls, mention: StoredMention) -> dict[str, Any]:
        author = Author(
            id=mention.author_id,
            name=mention.author_name,
            handle=mention.author_handle,
            url=mention.author_url,
        )
        same = set(Remark.model_fields) - {"author", "contact"}
        return {name: getattr(mention, name) for name in same} | {"author": author, "contact": mention.contact_id}

    @classmethod
    def of(cls, mention: StoredMention) -> Remark:
        return cls(**cls.fields_of(mention))


class MentionAnswer(Remark):
    """A mention as a piece of work, as the asker sees it."""

    status: str
    assignee: Somebody | None
    labels: Sequence[str]
    snoozed_until: datetime | None
    unread: bool
    notes: int
    replies: int

    @classmethod
    def of_item(cls, item: Item) -> MentionAnswer:
        who = None if item.assignee is None else Somebody(id=item.assignee.id, name=item.assignee.name)
        return cls(
            **cls.fields_of(item.mention),
            status=item.status,
            assignee=who,
            labels=item.labels,
            snoozed_until=item.snoozed_until,
            unread=item.unread,
            notes=item.notes,
            replies=item.replies,
        )


class MentionPage(Answer):
    """A page of mentions; `next` and `previous` are cursors, null at the ends."""

    mentions: Sequence[MentionAnswer]
    next: str | None
    previous: str | None


class NoteAnswer(Answer):
    id: int
    by: Somebody
    text: str
    at: datetime


class Notes(Answer):
    notes: Sequence[NoteAnswer]


class EventAnswer(Answer):
    """Who did what with a mention: `kind` is status, assigned, labelled, unlabelled, noted or replied."""

    by: Somebody
    kind: str
    detail: str
    at: datetime


class History(Answer):
    events: Sequence[EventAnswer]


class ReplyAnswer(Answer):
    """An answer of ours. `state` is sending, published, failed or unknown: then look before you send it again."""

    id: int
    by: str
    text: str
    state: str
    url: str
    error: str
    at: datetime

    @classmethod
    def of(cls, reply: StoredReply) -> ReplyAnswer:
        return cls(**{name: getattr(reply, name) for name in cls.model_fields})


class Replies(Answer):
    """Our answers, oldest first. `seen` is what to give when you answer, having read these."""

    replies: Sequence[ReplyAnswer]
    seen: int


class Sent(Answer):
    """What the network gave back."""

    remote_id: str
    url: str


class ClaimAnswer(Answer):
    """Who is answering, and until when; `mine` says that it is the asker."""

    by: Somebody
    until: datetime
    mine: bool


class SavedAnswer(Answer):
    id: int
    name: str
    text: str
    by: str
    updated_at: datetime


class SavedReplies(Answer):
    saved_replies: Sequence[SavedAnswer]


class LabelAnswer(Answer):
    id: int
    name: str


class Labels(Answer):
    labels: Sequence[LabelAnswer]


class StatusWish(Wish):
    """`until` goes with `snoozed`, and only with it."""

    status: Literal["new", "open", "waiting", "snoozed", "done"]
    until: Moment | None = None


class AssignWish(Wish):
    """`user` null takes the mention from whoever has it."""

    user: Number | None


class LabelWish(Wish):
    name: Name


class NoteWish(Wish):
    text: Words


class ReplyWish(Wish):
    """`seen` is the number of the newest answer that the writer knows (`seen` of the list of answers).

    A newer one is a 409, which says so. Two calls with one `key` send one answer.
    """

    text: Words
    seen: Annotated[int, Field(ge=0, le=LARGEST)]
    key: Name = ""


class SaveWish(Wish):
    name: Name
    text: Words


class DeliveryAnswer(Answer):
    """What became of a post on one account; a long text has several `part`s."""

    id: int
    post: int
    account: str
    part: int
    state: str
    action: str
    remote_id: str | None
    url: str
    attempts: int
    error: str
    due_at: datetime | None

    @classmethod
    def of(cls, one: Delivery) -> DeliveryAnswer:
        same = {name: getattr(one, name) for name in cls.model_fields if name != "post"}
        return cls(**same, post=one.post_id)


class PostAnswer(Answer):
    id: int
    key: str
    text: str
    title: str
    link: str
    source: str
    created_at: datetime
    publish_at: datetime
    deleted_at: datetime | None
    deliveries: Sequence[DeliveryAnswer]

    @classmethod
    def of(cls, post: StoredPost, deliveries: Sequence[Delivery]) -> PostAnswer:
        same = {name: getattr(post, name) for name in cls.model_fields if name != "deliveries"}
        return cls(**same, deliveries=[DeliveryAnswer.of(one) for one in deliveries])


class PostPage(Answer):
    """A page of posts, newest first; `before` is what to ask for the next one with, null at the end."""

    posts: Sequence[PostAnswer]
    before: int | None


class PostWish(Wish):
    """A post. Two with one `key` are one post; `to` names accounts; `versions` have texts for some of them."""

    text: Words = ""
    title: Name = ""
    link: Address = ""
    to: Annotated[list[Name], Field(min_length=1, max_length=100)]
    versions: Annotated[dict[str, Words], Field(max_length=100)] = {}
    publish_at: Moment | None = None
    key: Name = ""
    dry_run: bool = False


class PartAnswer(Answer):
    """One part as it would go out; `used` of `most` (null: no limit) in the network's `unit`."""

    text: str
    title: str
    link: str
    used: int
    most: int | None
    unit: str


class PlanAnswer(Answer):
    """What would go out on an account, or why nothing can."""

    account: str
    platform: str
    parts: Sequence[PartAnswer]
    error: str


class CautionAnswer(Answer):
    """Something to know before going on."""

    code: str
    account: str
    text: str


class Posted(Answer):
    """`post` is null for a dry run, of which nothing is stored; `new` is false for a key that was there."""

    new: bool
    post: PostAnswer | None
    plans: Sequence[PlanAnswer]
    cautions: Sequence[CautionAnswer]


class SettleWish(Wish):
    """A person's word: `sent` (with the post's address, or its id there), `again`, or `drop`."""

    word: Literal["sent", "again", "drop"]
    url: Address = ""
    remote_id: Name = ""


class DiscussionLine(Answer):
    id: int
    title: str
    url: str
    post: int | None
    mentions: int
    last_at: datetime | None


class Discussions(Answer):
    """A page of discussions, the youngest first; `before` asks for the next one, null at the end."""

    discussions: Sequence[DiscussionLine]
    before: int | None


class NodeAnswer(Answer):
    """A remark in its place: it answers the nearest one before it that is a step less deep; 0 answers the post.

    `mention` is null for one that others answer and that the hub has not seen. `repeats` are the same remark by
    the same person on other sites.
    """

    depth: int
    mention: Remark | None
    repeats: Sequence[Remark]


class ThreadAnswer(Answer):
    account: str
    url: str


class DiscussionAnswer(Answer):
    id: int
    title: str
    url: str
    text: str
    threads: Sequence[ThreadAnswer]
    nodes: Sequence[NodeAnswer]


class EvidenceAnswer(Answer):
    """One join, or one recognised repeat: why, how sure (0 to 1), since when, and whether it was undone."""

    id: int
    kind: str
    evidence: str
    confidence: float
    at: datetime
    by: str
    undone_at: datetime | None


class WhyAnswer(Answer):
    joins: Sequence[EvidenceAnswer]
    repeats: Sequence[EvidenceAnswer]


class DigestAnswer(Answer):
    """A discussion that is published on an account and kept up to date; `kind` says as what."""

    id: int
    kind: str
    account: str
    target: str
    state: str
    post: int | None
    error: str
    created_at: datetime
    updated_at: datetime


class Digests(Answer):
    digests: Sequence[DigestAnswer]


class AccountAnswer(Answer):
    """How an account fares; `level` is good, warning or bad, `why` in plain words."""

    name: str
    platform: str
    state: str
    level: str
    why: str
    display_name: str
    last_ok_at: datetime | None
    last_error: str
    expires_at: datetime | None
    missing: Sequence[str]
    quota_left: int | None
    queue: int
    asked: int

    @classmethod
    def of(cls, one: AccountFacts, why: str) -> AccountAnswer:
        health = one.health
        return cls(
            name=one.name,
            platform=health.platform,
            state=health.state,
            level=one.level,
            why=why,
            display_name=health.display_name,
            last_ok_at=health.last_ok_at,
            last_error=health.last_error,
            expires_at=health.expires_at,
            missing=one.missing,
            quota_left=health.quota_left,
            queue=one.queue.depth,
            asked=one.queue.asked,
        )


class Accounts(Answer):
    accounts: Sequence[AccountAnswer]


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
    authors: Sequence[KnownAs]
    records: Sequence[RecordAnswer]

    @classmethod
    def of(cls, person: Person) -> ContactAnswer:
        return cls(
            id=person.id,
            name=person.name,
            emails=person.emails,
            authors=[
                KnownAs(**{name: getattr(one, name) for name in KnownAs.model_fields}) for one in person.authors
            ],
            records=[
                RecordAnswer(**{name: getattr(one, name) for name in RecordAnswer.model_fields})
                for one in person.records
            ],
        )


class Contacts(Answer):
    """People by number; `after` is what to ask for the next page with, null at the end."""

    contacts: Sequence[ContactAnswer]
    after: int | None


class ChangeAnswer(Answer):
    """Something changed; `ref` is the number of the one, 0 for several, or for whose accounts are bounded."""

    id: int
    kind: str
    ref: int


class Changes(Answer):
    """What changed, in order. `gap` says that some of it is no longer kept: read everything anew."""

    changes: Sequence[ChangeAnswer]
    latest: int
    gap: bool
