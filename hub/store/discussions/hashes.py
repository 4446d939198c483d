"""Hashes what mentions, pages of them and authors say: by these the hub tells what changed."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from hub.models import Author, Mention


def mention_hash(mention: Mention) -> int:
    """Hash what counts as the mention's content: what it says, to whom, and whether it stands."""
    return _hash(_content(mention))


def page_digest(items: Iterable[Mention]) -> int:
    """Hash a page, whatever the order of its items; an empty one is 0."""
    contents = sorted(f"{item.remote_id}\x1f{_content(item)}{links_of(item)}" for item in items)
    return _hash("\x1e".join(contents)) if contents else 0


def _content(mention: Mention) -> str:
    author = mention.author
    who = f"{author.remote_id}\x1f{author.name}" if author is not None else "\x1f"
    return f"{mention.parent_id}\x1f{who}\x1f{int(mention.deleted)}\x1f{mention.text}"


def links_of(mention: Mention) -> str:
    """Write down where a mention leads beyond its text, an address a line."""
    return "\n".join("".join(link.split()) for link in mention.links) if mention.links else ""


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def author_hash(author: Author) -> int:
    """Hash a profile, whatever the order of its e-mails and links."""
    profile = "\x1f".join((author.name, author.handle, author.url, *sorted(author.emails)))
    if author.links or author.verified_links:
        profile = "\x1e".join((profile, *sorted(author.links), "", *sorted(author.verified_links)))
    return _hash(profile)
