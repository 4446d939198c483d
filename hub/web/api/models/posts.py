"""What the API takes and gives about posts: their deliveries, plans, and a word on what is in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from hub.store.outbox.deliveries import Delivery
from hub.store.outbox.posts import StoredPost
from hub.web.api.models.ground import Address, Answer, Moment, Name, Wish, Words


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
    versions: Annotated[dict[str, Words], Field(max_length=100)] = Field(default={})
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
