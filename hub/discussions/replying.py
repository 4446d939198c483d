"""Answers a mention on the network where it was said."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from hub.adapter import Adapter, Responder
from hub.errors import HubError, RejectedError, StoreError, UnknownOutcome, UsageError
from hub.models import Author, Mention, Receipt, check_text
from hub.store import Store
from hub.store.desk import replies
from hub.store.desk.replies import StoredReply
from hub.store.discussions import mentions
from hub.store.discussions.mentions import StoredMention
from hub.users.roles import User


def find(store: Store, mention_id: int) -> StoredMention:
    """Return a mention that can be answered; raise `UsageError` if there is none."""
    with store.read() as connection:
        found = mentions.get(connection, mention_id)
    if found is None:
        raise UsageError("there is no mention {id}", hint="`hub inbox` lists them", id=mention_id)
    if found.deleted_at is not None:
        raise UsageError("mention {id} was deleted by its author; it cannot be answered", id=mention_id)
    return found


class AnsweredError(HubError):
    """Somebody has answered in the meantime; `reply` is that answer, to be seen before another is sent.

    `same_form` says that it is this very answer, handed in a moment ago: still on its way, or of unknown outcome.
    """

    code = "answered"

    def __init__(self, reply: StoredReply, *, same_form: bool = False) -> None:
        super().__init__(
            "{who} answered this at {at}: {text}",
            hint="read that answer first; then send yours, or leave it",
            who=reply.by or reply.account,
            at=reply.at.isoformat(timespec="seconds"),
            text=reply.text,
        )
        self.reply = reply
        self.same_form = same_form


def reply(
    store: Store,
    adapter: Adapter,
    mention: StoredMention,
    text: str,
    now: datetime,
    by: User | None = None,
    seen: int | None = None,
    key: str | None = None,
) -> Receipt:
    """Answer a mention and write down what came of it.

    `seen` is the number of the newest answer that the writer knew of, 0 for none: if there is a newer one, this
    one is not sent, and `AnsweredError` has it. Without `seen` nothing is compared. `key` is that of a form:
    however often it is handed in, it is sent once, and the second time gets the receipt of the first.
    Raises `UnknownOutcome` when no answer came: it may be there, so look before you send it again.
    """
    if not isinstance(adapter, Responder):
        raise RejectedError("{platform} cannot answer", platform=adapter.platform)
    try:
        text = check_text("the answer", text).strip()
    except ValueError as error:
        raise UsageError("{why}", why=error) from None
    if not text:
        raise UsageError("the answer is empty")
    begun = store.write(_begin, mention, text, now, by, seen, key)
    if isinstance(begun, Receipt):
        return begun
    try:
        receipt = adapter.reply(as_model(mention), text)
    except (UnknownOutcome, StoreError) as error:
        _finish(store, begun, "unknown", str(error))
        raise UnknownOutcome(
            "{why}",
            hint="look at {url} before you send it again",
            why=str(error),
            url=mention.url or mention.thread_url,
        ) from None
    except HubError as error:
        _finish(store, begun, "failed", str(error))
        raise
    except Exception as error:
        _finish(store, begun, "unknown", f"{type(error).__name__} in plugin {adapter.platform}: {error}")
        raise
    store.keep(replies.finish, begun, by, state="published", remote_id=receipt.remote_id, url=receipt.url)
    return receipt


def _begin(
    connection: Connection,
    mention: StoredMention,
    text: str,
    now: datetime,
    by: User | None,
    seen: int | None,
    key: str | None,
) -> int | Receipt:
    """Commit that an answer is about to be sent; return its number, or the receipt of the form's first sending.

    The mention's row is locked first, so that of two who begin at once the second sees the first one's answer.
    """
    replies.lock(connection, mention.id)
    if key is not None:
        first = replies.of_key(connection, key)
        if first is not None:
            if first.state == "published" and first.remote_id is not None and first.mention_id == mention.id:
                return Receipt(remote_id=first.remote_id, url=first.url)
            raise AnsweredError(first, same_form=True)
    if seen is not None:
        newer = replies.newer_than(connection, mention.id, seen)
        if newer is not None:
            raise AnsweredError(newer)
    return replies.begin(connection, mention.id, mention.account, text, now, by, key)


def _finish(store: Store, number: int, state: str, error: str) -> None:
    store.keep(replies.finish, number, state=state, error=error)


def as_model(mention: StoredMention) -> Mention:
    """Return a stored mention as its plugin produced it."""
    author = None
    if mention.author_id is not None:
        author = Author(
            remote_id=mention.author_id,
            name=mention.author_name,
            handle=mention.author_handle,
            url=mention.author_url,
        )
    return Mention(
        remote_id=mention.remote_id,
        kind=mention.kind,  # type: ignore[arg-type]  # it came from a Mention
        thread_id=mention.thread_id,
        parent_id=mention.parent_id,
        author=author,
        text=mention.text,
        url=mention.url,
        sent_at=mention.sent_at,
        edited_at=mention.edited_at,
    )
