"""Values are checked when they are made, so that a plugin's slip is told where it happens."""

from __future__ import annotations

from typing import Any

import pytest

from hub.models import Author, Contact, Identity, Mention, Receipt, RemotePost

_SLIPS = [
    (Receipt, {"remote_id": "1", "url": {"of": "another type"}}, "Receipt.url"),
    (RemotePost, {"remote_id": "1", "text": None}, "RemotePost.text"),
    (RemotePost, {"remote_id": "1", "title": 7}, "RemotePost.title"),
    (RemotePost, {"remote_id": "1", "reply_to": 7}, "RemotePost.reply_to"),
    (Author, {"remote_id": "1", "name": None}, "Author.name"),
    (Author, {"remote_id": "1", "handle": 7}, "Author.handle"),
    (Mention, {"remote_id": "1", "thread_id": "2", "text": None}, "Mention.text"),
    (Mention, {"remote_id": "1", "thread_id": "2", "url": 7}, "Mention.url"),
    (Contact, {"remote_id": 7}, "Contact.remote_id"),
    (Identity, {"remote_id": "1", "name": None}, "Identity.name"),
]


@pytest.mark.parametrize(("kind", "fields", "named"), _SLIPS, ids=[slip[2] for slip in _SLIPS])
def test_what_is_no_text_is_refused_by_name(kind: type[Any], fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} must be a text"):
        kind(**fields)
