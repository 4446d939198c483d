"""Posts: our own content, its versions and its images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b, sha256
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Media
from hub.store.database import upsert
from hub.store.prepared import Prepared
from hub.store.running import changes
from hub.store.tables import media, post_media, post_versions, posts


class NewPost(NamedTuple):
    """A post to be stored. `key` makes it one: a second post with the same key is the first.

    `html` is the same content for networks that take HTML; without it they get what the text says.
    `versions` are the texts of accounts that have one for themselves, by their names.
    `link` is what the post points to and goes out with it; `url` is where the post itself stands, if it stands
    somewhere, and goes out only where the text had to be shortened.
    """

    key: str
    text: str
    publish_at: datetime
    title: str = ""
    link: str = ""
    url: str = ""
    media: Sequence[Media] = ()
    versions: Mapping[str, str] = {}
    source: str = ""
    source_id: str = ""
    late_after: datetime | None = None
    html: str = ""


class StoredPost(NamedTuple):
    id: int
    key: str
    text: str
    title: str
    link: str
    url: str
    version: int
    source: str
    source_id: str
    created_at: datetime
    publish_at: datetime
    late_after: datetime | None
    deleted_at: datetime | None
    html: str


def digest(*fields: str) -> int:
    """Return a 64-bit hash of some texts, fit for a BIGINT."""
    joined = "\x1f".join(fields).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), "big", signed=True)


def content_hash(text: str, title: str, link: str, images: Iterable[Media], html: str = "") -> int:
    own_html = [f"html\x1e{html}"] if html else []
    return digest(text, title, link, *(f"{image.url}\x1e{image.alt}" for image in images), *own_html)


_FIELDS = [posts.c[field] for field in StoredPost._fields]


def add(connection: Connection, post: NewPost, now: datetime) -> tuple[int, bool]:
    """Store a post; return its id and whether it is new."""
    inserted = connection.execute(
        upsert(connection, posts)
        .values(
            key=post.key,
            text=post.text,
            title=post.title,
            link=post.link,
            url=post.url,
            html=post.html,
            version=1,
            hash=content_hash(post.text, post.title, post.link, post.media, post.html),
            source=post.source,
            source_id=post.source_id,
            created_at=now,
            publish_at=post.publish_at,
            late_after=post.late_after,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(posts.c.id)
    ).first()
    if inserted is None:
        return int(connection.execute(sa.select(posts.c.id).where(posts.c.key == post.key)).scalar_one()), False
    changes.note(connection, "posts", inserted.id)
    _set_media(connection, inserted.id, post.media)
    _set_versions(connection, inserted.id, post.versions)
    return int(inserted.id), True


def change(
    connection: Connection,
    post_id: int,
    text: str,
    title: str,
    link: str,
    images: Sequence[Media],
    versions: Mapping[str, str] | None = None,
    html: str = "",
) -> bool:
    """Give a post new content; False if it says the same already. Without `versions` those of accounts stay."""
    new_hash = content_hash(text, title, link, images, html)
    other_words = versions is not None and dict(versions) != versions_of(connection, post_id)
    changed = connection.execute(
        posts.update()
        .where(
            posts.c.id == post_id,
            sa.or_(posts.c.hash != new_hash, sa.literal(other_words)),
            posts.c.deleted_at.is_(None),
        )
        .values(text=text, title=title, link=link, html=html, hash=new_hash, version=posts.c.version + 1)
    )
    if changed.rowcount == 0:
        return False
    if versions is not None and other_words:
        connection.execute(post_versions.delete().where(post_versions.c.post_id == post_id))
        _set_versions(connection, post_id, versions)
    changes.note(connection, "posts", post_id)
    connection.execute(post_media.delete().where(post_media.c.post_id == post_id))
    _set_media(connection, post_id, images)
    return True


def set_time(connection: Connection, post_id: int, publish_at: datetime, late_after: datetime) -> None:
    """Let a post go out at another time, and be missed after another one."""
    connection.execute(
        posts.update().where(posts.c.id == post_id).values(publish_at=publish_at, late_after=late_after)
    )


def mark_deleted(connection: Connection, post_id: int, now: datetime) -> bool:
    changed = connection.execute(
        posts.update().where(posts.c.id == post_id, posts.c.deleted_at.is_(None)).values(deleted_at=now)
    )
    if changed.rowcount == 1:
        changes.note(connection, "posts", post_id)
    return changed.rowcount == 1


def get(connection: Connection, post_id: int) -> StoredPost | None:
    row = connection.execute(sa.select(*_FIELDS).where(posts.c.id == post_id)).first()
    return None if row is None else StoredPost(*row)


def by_key(connection: Connection, key: str) -> StoredPost | None:
    row = connection.execute(sa.select(*_FIELDS).where(posts.c.key == key)).first()
    return None if row is None else StoredPost(*row)


def get_many(connection: Connection, ids: Iterable[int]) -> dict[int, StoredPost]:
    rows = connection.execute(sa.select(*_FIELDS).where(posts.c.id.in_(list(ids))))
    return {row.id: StoredPost(*row) for row in rows}


def for_account(connection: Connection, ids: Iterable[int], account: str) -> dict[int, StoredPost]:
    """Return posts as one account is to say them: with the text that it has for itself, where it has one."""
    rows = connection.execute(
        sa.select(*(_SAID.get(column.name, column) for column in _FIELDS))
        .outerjoin(
            post_versions, sa.and_(post_versions.c.post_id == posts.c.id, post_versions.c.account == account)
        )
        .where(posts.c.id.in_(list(ids)))
    )
    return {row.id: StoredPost(*row) for row in rows}


_SAID = {
    "text": sa.func.coalesce(post_versions.c.text, posts.c.text).label("text"),
    # The HTML says what the post's own text says.
    "html": sa.case((post_versions.c.text.is_not(None), ""), else_=posts.c.html).label("html"),
}


def versions_of(connection: Connection, post_id: int) -> dict[str, str]:
    """Return the texts that accounts have for themselves, by account."""
    rows = connection.execute(
        sa.select(post_versions.c.account, post_versions.c.text).where(post_versions.c.post_id == post_id)
    )
    return dict(rows.all())


def _set_versions(connection: Connection, post_id: int, versions: Mapping[str, str]) -> None:
    if versions:
        rows = [{"post_id": post_id, "account": account, "text": text} for account, text in versions.items()]
        connection.execute(post_versions.insert(), rows)


def newest(connection: Connection, limit: int, before: int | None = None) -> list[StoredPost]:
    """Return the newest posts, those with an id below `before` if that is given."""
    query = sa.select(*_FIELDS).order_by(posts.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(posts.c.id < before)
    return [StoredPost(*row) for row in connection.execute(query)]


def media_of(connection: Connection, post_id: int) -> list[Media]:
    """Return a post's images with their content, in order."""
    return [
        Media(url=url, content=bytes(content), mime=mime, alt=alt)
        for url, content, mime, alt in _MEDIA.rows(connection, post_id=post_id)
    ]


_MEDIA = Prepared(
    lambda _: (
        sa.select(post_media.c.url, media.c.content, media.c.mime, post_media.c.alt)
        .join(media, media.c.sha256 == post_media.c.sha256)
        .where(post_media.c.post_id == sa.bindparam("post_id"))
        .order_by(post_media.c.position)
    )
)


class Picture(NamedTuple):
    """An image of a post, by the hash of its bytes, with its alt text."""

    sha256: str
    alt: str = ""


def pictures_of(connection: Connection, post_id: int) -> list[Picture]:
    """Return a post's images without their content, in order."""
    rows = connection.execute(
        sa.select(post_media.c.sha256, post_media.c.alt)
        .where(post_media.c.post_id == post_id, post_media.c.sha256.is_not(None))
        .order_by(post_media.c.position)
    )
    return [Picture(*row) for row in rows]


def _set_media(connection: Connection, post_id: int, images: Sequence[Media]) -> None:
    for position, image in enumerate(images):
        name = sha256(image.content).hexdigest()
        connection.execute(
            upsert(connection, media)
            .values(sha256=name, mime=image.mime, content=image.content)
            .on_conflict_do_nothing()
        )
        connection.execute(
            post_media.insert().values(
                post_id=post_id, position=position, sha256=name, url=image.url, alt=image.alt
            )
        )
