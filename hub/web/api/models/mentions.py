"""What the API takes and gives about mentions: remarks, the work on them, answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from hub.discussions.desk import Item
from hub.store.desk.replies import StoredReply
from hub.store.discussions.mentions import StoredMention
from hub.web.api.models.ground import LARGEST, Answer, Moment, Name, Number, Somebody, Wish, Words


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
