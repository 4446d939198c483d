"""Whatever text is brought to the door: what no database holds is refused there, the rest comes back as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.blank import emptied
from models.trying import trying

from hub import Author, Mention, clean_text
from hub.cli import arguments
from hub.errors import RejectedError, UsageError
from hub.models import Limits, Media, Post
from hub.publishing.routes import add_post
from hub.publishing.text import fit
from hub.store import Store
from hub.store.discussions import ingesting, mentions, threads
from hub.store.outbox import posts
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts

NOW = datetime(2026, 5, 1, tzinfo=UTC)
# Newlines of every kind, both directions of writing and the marks that turn them, joiners, the last code point.
ODD = ["\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029", "שלום", "مرحبا", "\u202e", "\u2067", "\u2069",
       "\u200f", "👨‍👩‍👧", "e\u0301", "\ufeff", "\ufffe", "\U0010ffff", "\x1b[31m", "'; --"]  # fmt: skip
texts = (
    st.lists(st.sampled_from(ODD) | st.text(max_size=5), max_size=8)
    .map("".join)
    .filter(lambda text: "\0" not in text)
)
wrong = st.builds(
    lambda before, bad, after: before + bad + after,
    texts,
    st.just("\0") | st.characters(categories=["Cs"]),
    texts,
)


@trying(100)
@given(wrong, st.sampled_from(["text", "title", "link", "alt"]))
def test_what_no_database_holds_is_refused_wherever_it_stands(text: str, field: str) -> None:
    with pytest.raises(UsageError, match=r"holds a NUL|lone surrogate"):
        arguments.checked(text, "the text")
    content: dict[str, Any] = (
        {"media": [Media(alt=text)], "text": "a"} if field == "alt" else {"text": "a", field: text}
    )
    with pytest.raises(RejectedError, match=r"holds a"):
        fit(Post(**content), Limits(), overflow="shorten")


@trying(60)
@given(texts)
def test_every_other_text_passes_and_comes_back_as_it_was(store: Store, text: str) -> None:
    emptied(store)
    assert arguments.checked(text, "the text") == text
    number, _ = add_post(store, NewPost(key="k", text=text, title=text, publish_at=NOW), [], NOW)
    with store.read() as connection:
        found = posts.get(connection, number)
    assert found is not None
    assert (found.text, found.title) == (text, text)


@trying(60)
@given(wrong)
def test_what_others_say_is_stored_once_it_was_cleaned(store: Store, text: str) -> None:
    emptied(store)
    said = Mention(
        remote_id="1", thread_id="p", text=clean_text(text), author=Author(remote_id="a", name=clean_text(text))
    )

    def work(connection: Any) -> None:
        accounts.register(connection, {"one": "x"}, {"one": []}, NOW)
        known = threads.ensure(connection, "one", ["p"], NOW)
        ingesting.ingest(connection, "one", "x", known, [said], NOW)

    store.write(work)
    with store.read() as connection:
        (found,) = mentions.newest(connection, 10)
    assert (found.text, found.author_name) == (clean_text(text), clean_text(text))
