"""Answers a mention on the network where it was said."""

from __future__ import annotations

from datetime import datetime

from hub.adapter import Adapter, Responder
from hub.errors import HubError, RejectedError, UnknownOutcome, UsageError
from hub.models import Author, Mention, Receipt, check_text
from hub.store import Store, mentions, replies
from hub.store.mentions import StoredMention


def find(store: Store, mention_id: int) -> StoredMention:
    """Return a mention that can be answered; raise `UsageError` if there is none."""
    with store.read() as connection:
        found = mentions.get(connection, mention_id)
    if found is None:
        raise UsageError("there is no mention {id}", hint="`hub inbox` lists them", id=mention_id)
    if found.deleted_at is not None:
        raise UsageError("mention {id} was deleted by its author; it cannot be answered", id=mention_id)
    return found


def reply(store: Store, adapter: Adapter, mention: StoredMention, text: str, now: datetime) -> Receipt:
    """Answer a mention and write down what came of it.

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
    number = store.write(replies.begin, mention.id, mention.account, text, now)
    try:
        receipt = adapter.reply(as_model(mention), text)
    except UnknownOutcome as error:
        _finish(store, number, "unknown", str(error))
        raise UnknownOutcome(
            "{why}",
            hint="look at {url} before you send it again",
            why=str(error),
            url=mention.url or mention.thread_url,
        ) from None
    except HubError as error:
        _finish(store, number, "failed", str(error))
        raise
    except Exception as error:
        _finish(store, number, "unknown", f"{type(error).__name__} in plugin {adapter.platform}: {error}")
        raise
    store.write(replies.finish, number, state="published", remote_id=receipt.remote_id, url=receipt.url)
    return receipt


def _finish(store: Store, number: int, state: str, error: str) -> None:
    store.write(replies.finish, number, state=state, error=error)


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
