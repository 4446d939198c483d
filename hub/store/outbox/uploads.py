"""Images that somebody gave to a form, before a draft or a post holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Media
from hub.store.database import upsert
from hub.store.tables import draft_media, media, post_media, uploads

# An image that was given to a form which was never saved is kept so long.
_KEPT = timedelta(days=7)


def add(connection: Connection, image: Media, now: datetime) -> str:
    """Keep an image for a draft that may not be saved yet; return its name. Forget those that nobody saved."""
    name = sha256(image.content).hexdigest()
    connection.execute(
        upsert(connection, media)
        .values(sha256=name, mime=image.mime, content=image.content)
        .on_conflict_do_nothing()
    )
    touch(connection, [name], now)
    stale = sa.select(uploads.c.sha256).where(uploads.c.at < now - _KEPT)
    for table in (post_media, draft_media):
        stale = stale.where(~sa.exists().where(table.c.sha256 == uploads.c.sha256))
    connection.execute(media.delete().where(media.c.sha256.in_(stale)))
    connection.execute(uploads.delete().where(uploads.c.at < now - _KEPT))
    return name


def touch(connection: Connection, names: Iterable[str], now: datetime) -> None:
    """Note that images are still in a form that somebody has open."""
    for name in names:
        connection.execute(
            upsert(connection, uploads)
            .values(sha256=name, at=now)
            .on_conflict_do_update(index_elements=["sha256"], set_={"at": now})
        )


def load(connection: Connection, names: Sequence[str]) -> dict[str, Media]:
    """Return images by their names, those that are there."""
    rows = connection.execute(
        sa.select(media.c.sha256, media.c.mime, media.c.content).where(media.c.sha256.in_(list(names)))
    )
    return {name: Media(content=bytes(content), mime=mime) for name, mime, content in rows}


def known(connection: Connection, names: Sequence[str]) -> set[str]:
    """Return those of the names that an image has."""
    return set(connection.execute(sa.select(media.c.sha256).where(media.c.sha256.in_(list(names)))).scalars())
