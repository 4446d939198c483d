"""The shapes of X's answers, in both spellings of its API; only what is read of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import DecodeError, Meta, Struct, json

from hub import Answer

Id = Annotated[str, Meta(pattern=r"^[0-9]{1,19}$")]
# The same without a look at its digits, which takes as long as the rest of a post.
SomeId = Annotated[str, Meta(min_length=1)]


class Url(Struct, frozen=True):
    url: str | None = None
    expanded_url: str | None = None
    unwound_url: str | None = None
    media_key: str | None = None


class Entities(Struct, frozen=True):
    urls: list[Url] | None = None


class Note(Struct, frozen=True):
    text: str = ""
    entities: Entities | None = None


class Attachments(Struct, frozen=True):
    media_keys: list[str] | None = None


class EditControls(Struct, frozen=True):
    is_edit_eligible: bool | None = None
    edits_remaining: int | None = None


class Reference(Struct, frozen=True):
    type: str
    id: SomeId


class XPost(Struct, frozen=True):
    """A post as X gives it; the members that were renamed in 2026-08 are here under both names."""

    id: Id
    text: str = ""
    author_id: SomeId | None = None
    conversation_id: SomeId | None = None
    created_at: datetime | None = None
    display_text_range: list[int] | None = None
    attachments: Attachments | None = None
    edit_controls: EditControls | None = None
    entities: Entities | None = None
    note_post: Note | None = None
    note_tweet: Note | None = None
    referenced_posts: list[Reference] | None = None
    referenced_tweets: list[Reference] | None = None
    edit_history_post_ids: list[SomeId] | None = None
    edit_history_tweet_ids: list[SomeId] | None = None

    @property
    def versions(self) -> list[str]:
        """The ids of all its versions, oldest first: an edit makes a new id."""
        return self.edit_history_post_ids or self.edit_history_tweet_ids or [self.id]

    @property
    def answers(self) -> str | None:
        """The id of the post that this one replies to."""
        for reference in self.referenced_posts or self.referenced_tweets or ():
            if reference.type == "replied_to":
                return reference.id
        return None

    @property
    def media_keys(self) -> list[str]:
        return (self.attachments and self.attachments.media_keys) or []


class User(Struct, frozen=True):
    id: Id
    name: str = ""
    username: str = ""
    description: str = ""


class Picture(Struct, frozen=True):
    media_key: str = ""
    url: str = ""
    alt_text: str = ""


class Includes(Struct, frozen=True):
    users: list[User] = []
    media: list[Picture] = []
    posts: list[XPost] = []
    tweets: list[XPost] = []


class Problem(Struct, frozen=True):
    """An error in any of X's shapes: a problem, the old `code` and `message`, or OAuth's `error`."""

    type: str = ""
    title: str = ""
    detail: str = ""
    message: str = ""
    code: Any = None
    resource_id: str = ""
    error: str = ""
    error_description: str = ""
    errors: list[Problem] = []

    @property
    def name(self) -> str:
        """The last part of `type`; its host was renamed in 2026."""
        return self.type.rpartition("/")[2]

    @property
    def missing(self) -> bool:
        return self.name == "resource-not-found" or self.title == "Not Found Error"

    @property
    def why(self) -> str:
        own = self.detail or self.message or self.error_description or self.title or self.error
        inner = [error.why for error in self.errors]
        return "; ".join(dict.fromkeys(text for text in [own, *inner] if text))


class PageMeta(Struct, frozen=True):
    next_token: str = ""


class Page(Struct, frozen=True):
    """A page of posts. `data` is absent when there are none; `errors` beside `data` are no failure."""

    data: list[XPost] = []
    includes: Includes = Includes()
    errors: list[Problem] = []
    meta: PageMeta = PageMeta()


class Me(Struct, frozen=True):
    data: User


class _NewId(Struct, frozen=True):
    id: Id


class Created(Struct, frozen=True):
    data: _NewId


class _Deletion(Struct, frozen=True):
    deleted: bool = False


class Deleted(Struct, frozen=True):
    data: _Deletion = _Deletion()
    errors: list[Problem] = []


class Processing(Struct, frozen=True):
    state: str = "succeeded"
    check_after_secs: float = 1.0


class Upload(Struct, frozen=True):
    id: Id
    processing_info: Processing = Processing()


class Uploaded(Struct, frozen=True):
    data: Upload


class Renewed(Struct, frozen=True):
    access_token: SomeId
    refresh_token: str = ""


def problem(answer: Answer) -> Problem:
    """Read an error in whatever shape it came; an unreadable one is empty."""
    try:
        return json.decode(answer.body, type=Problem)
    except (DecodeError, UnicodeDecodeError):
        return Problem()


def upload(answer: Answer) -> Upload:
    """Read the answer to an upload; the one-shot one was recorded without `data` around it."""
    bare = answer.body.lstrip().startswith(b'{"id"')
    return answer.decode(Upload) if bare else answer.decode(Uploaded).data
