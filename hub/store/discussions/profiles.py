"""Who speaks: the profiles of authors, written only where they changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Author, Mention
from hub.store.database import upsert
from hub.store.discussions import hashes
from hub.store.prepared import Prepared, among
from hub.store.tables import authors


def keep(connection: Connection, platform: str, items: Iterable[Mention]) -> None:
    """Store who said these, those whose profile is new or changed."""
    wanted = {item.author.remote_id: item.author for item in items if item.author is not None}
    known = dict(_AUTHORS.rows(connection, platform=platform, remote_ids=list(wanted)))
    changed = []
    for author in wanted.values():
        hashed = hashes.author_hash(author)
        if known.get(author.remote_id) != hashed:
            changed.append(_author_row(author, platform, hashed))
    if changed:
        _UPSERT_AUTHORS.many(connection, changed)


_AUTHORS = Prepared(
    lambda connection: sa.select(authors.c.remote_id, authors.c.hash).where(
        authors.c.platform == sa.bindparam("platform"), among(connection, authors.c.remote_id, "remote_ids")
    )
)


def _upsert_authors(connection: Connection) -> Any:
    insert = upsert(connection, authors)
    return insert.on_conflict_do_update(
        index_elements=["platform", "remote_id"],
        set_={name: insert.excluded[name] for name in _PROFILE},
    )


_PROFILE = ("name", "handle", "url", "emails", "links", "verified_links", "hash")
_UPSERT_AUTHORS = Prepared(_upsert_authors, columns=("platform", "remote_id", *_PROFILE))


def _author_row(author: Author, platform: str, hashed: int) -> dict[str, Any]:
    return {
        "platform": platform,
        "remote_id": author.remote_id,
        "name": author.name,
        "handle": author.handle,
        "url": author.url,
        "emails": " ".join(sorted(email.lower() for email in author.emails)),
        "links": _joined(author.links),
        "verified_links": _joined(author.verified_links),
        "hash": hashed,
    }


def _joined(links: Sequence[str]) -> str:
    return "\n".join(dict.fromkeys("".join(link.split()) for link in links)) if links else ""
