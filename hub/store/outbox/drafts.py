"""Drafts: what is being written, for which accounts, and who did what to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import upsert
from hub.store.outbox.posts import Picture
from hub.store.tables import draft_events, draft_media, draft_targets, drafts

STATES = ("draft", "approval", "declined", "accepted")
"""`draft` is being written, `approval` waits for somebody, `accepted` became a post."""


class Content(NamedTuple):
    """What a person wrote. `accounts` are those it goes to; `versions` hold also what was written for others.

    Without `publish_at` it goes out as soon as it is accepted.
    """

    text: str = ""
    title: str = ""
    link: str = ""
    accounts: tuple[str, ...] = ()
    versions: Mapping[str, str] = {}
    pictures: tuple[Picture, ...] = ()
    publish_at: datetime | None = None
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    advertiser: str = ""
    erid: str = ""


class Draft(NamedTuple):
    id: int
    key: str
    version: int
    state: str
    author_id: int
    author: str
    created_at: datetime
    updated_at: datetime
    post_id: int | None
    content: Content


class Event(NamedTuple):
    """Something that somebody did to a draft; `version` is the one that it became or was done to."""

    at: datetime
    by_id: int
    by: str
    what: str
    version: int
    note: str


_OWN = [drafts.c[field] for field in Draft._fields if field != "content"]
_PLAIN = [drafts.c[field] for field in Content._fields if field not in ("accounts", "versions", "pictures")]


def add(
    connection: Connection, key: str, content: Content, author_id: int, author: str, now: datetime
) -> tuple[int, bool]:
    """Store a draft; return its number and whether it is new: a second one with the same key is the first."""
    inserted = connection.execute(
        upsert(connection, drafts)
        .values(
            key=key,
            version=1,
            state="draft",
            author_id=author_id,
            author=author,
            created_at=now,
            updated_at=now,
            **_plain(content),
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(drafts.c.id)
    ).first()
    if inserted is None:
        return int(connection.execute(sa.select(drafts.c.id).where(drafts.c.key == key)).scalar_one()), False
    _set_parts(connection, inserted.id, content)
    return int(inserted.id), True


def change(connection: Connection, draft_id: int, version: int, content: Content, now: datetime) -> bool:
    """Give a draft new content; False if it is not of that version any more, or became a post."""
    changed = connection.execute(
        drafts.update()
        .where(drafts.c.id == draft_id, drafts.c.version == version, drafts.c.state != "accepted")
        .values(state="draft", version=version + 1, updated_at=now, **_plain(content))
    )
    if changed.rowcount == 0:
        return False
    for table in (draft_targets, draft_media):
        connection.execute(table.delete().where(table.c.draft_id == draft_id))
    _set_parts(connection, draft_id, content)
    return True


def move(
    connection: Connection, draft_id: int, version: int, before: Sequence[str], state: str, now: datetime
) -> bool:
    """Put a draft of that version into another state; False if it is not of it, or in none of those before."""
    changed = connection.execute(
        drafts.update()
        .where(drafts.c.id == draft_id, drafts.c.version == version, drafts.c.state.in_(before))
        .values(state=state, updated_at=now)
    )
    return changed.rowcount == 1


def set_post(connection: Connection, draft_id: int, post_id: int) -> None:
    """Note which post a draft became."""
    connection.execute(drafts.update().where(drafts.c.id == draft_id).values(post_id=post_id))


def remove(connection: Connection, draft_id: int, version: int) -> bool:
    """Forget a draft that never became a post; False if it is not of that version any more."""
    removed = connection.execute(
        drafts.delete().where(drafts.c.id == draft_id, drafts.c.version == version, drafts.c.state != "accepted")
    )
    return removed.rowcount == 1


def get(connection: Connection, draft_id: int) -> Draft | None:
    found = _load(connection, sa.select(*_OWN, *_PLAIN).where(drafts.c.id == draft_id))
    return found[0] if found else None


def by_key(connection: Connection, key: str) -> Draft | None:
    found = _load(connection, sa.select(*_OWN, *_PLAIN).where(drafts.c.key == key))
    return found[0] if found else None


def newest(
    connection: Connection,
    states: Collection[str],
    *,
    account: str | None = None,
    scope: frozenset[str] | None = None,
    author_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Draft]:
    """Return drafts in these states, the newest first, those with a number below `before` if that is given.

    `scope` are the accounts that the reader may see: a draft for others only is left out, unless it is their own
    (`author_id`).
    """
    query = sa.select(*_OWN, *_PLAIN).where(drafts.c.state.in_(list(states))).order_by(drafts.c.id.desc())
    if account is not None:
        query = query.where(_goes_to([account]))
    if before is not None:
        query = query.where(drafts.c.id < before)
    return _load(connection, query.where(_seen_by(scope, author_id)).limit(limit))


def between(
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    account: str | None = None,
    scope: frozenset[str] | None = None,
    author_id: int | None = None,
    limit: int = 500,
) -> list[Draft]:
    """Return drafts that are to go out from `start` on and before `end`, in the order of time."""
    query = (
        sa.select(*_OWN, *_PLAIN)
        .where(
            drafts.c.publish_at >= start,
            drafts.c.publish_at < end,
            drafts.c.state != "accepted",
            _seen_by(scope, author_id),
        )
        .order_by(drafts.c.publish_at, drafts.c.id)
        .limit(limit)
    )
    return _load(connection, query if account is None else query.where(_goes_to([account])))


def count(
    connection: Connection, scope: frozenset[str] | None = None, author_id: int | None = None
) -> dict[str, int]:
    """Count drafts by state, those that became posts left out."""
    rows = connection.execute(
        sa.select(drafts.c.state, sa.func.count())
        .where(drafts.c.state != "accepted", _seen_by(scope, author_id))
        .group_by(drafts.c.state)
    )
    return dict(rows.all())


def _goes_to(names: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        draft_targets.c.draft_id == drafts.c.id, draft_targets.c.chosen, draft_targets.c.account.in_(list(names))
    )


def _seen_by(scope: frozenset[str] | None, author_id: int | None) -> sa.ColumnElement[bool]:
    if scope is None:
        return sa.true()
    own = drafts.c.author_id == author_id if author_id is not None else sa.false()
    return sa.or_(_goes_to(scope), own)


def _load(connection: Connection, query: sa.Select[tuple[object, ...]]) -> list[Draft]:
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    targets: dict[int, list[sa.Row[tuple[object, ...]]]] = {}
    found = connection.execute(
        sa.select(draft_targets).where(draft_targets.c.draft_id.in_(ids)).order_by(draft_targets.c.account)
    )
    for target in found:
        targets.setdefault(target.draft_id, []).append(target)
    pictures: dict[int, list[Picture]] = {}
    for draft_id, name, alt in connection.execute(
        sa.select(draft_media.c.draft_id, draft_media.c.sha256, draft_media.c.alt)
        .where(draft_media.c.draft_id.in_(ids))
        .order_by(draft_media.c.position)
    ):
        pictures.setdefault(draft_id, []).append(Picture(name, alt))
    return [
        Draft(
            **{column.name: row._mapping[column.name] for column in _OWN},
            content=Content(
                accounts=tuple(one.account for one in targets.get(row.id, ()) if one.chosen),
                versions={one.account: one.text for one in targets.get(row.id, ()) if one.text is not None},
                pictures=tuple(pictures.get(row.id, ())),
                **{column.name: row._mapping[column.name] for column in _PLAIN},
            ),
        )
        for row in rows
    ]


def _plain(content: Content) -> dict[str, object]:
    return {column.name: getattr(content, column.name) for column in _PLAIN}


def _set_parts(connection: Connection, draft_id: int, content: Content) -> None:
    names = sorted({*content.accounts, *content.versions})
    if names:
        rows = [
            {
                "draft_id": draft_id,
                "account": name,
                "chosen": name in content.accounts,
                "text": content.versions.get(name),
            }
            for name in names
        ]
        connection.execute(draft_targets.insert(), rows)
    if content.pictures:
        rows = [
            {"draft_id": draft_id, "position": position, "sha256": picture.sha256, "alt": picture.alt}
            for position, picture in enumerate(content.pictures)
        ]
        connection.execute(draft_media.insert(), rows)


def add_event(
    connection: Connection,
    draft_id: int,
    by_id: int,
    by: str,
    what: str,
    version: int,
    now: datetime,
    note: str = "",
) -> None:
    """Keep who did what to a draft."""
    connection.execute(
        draft_events.insert().values(
            draft_id=draft_id, at=now, by_id=by_id, by=by, what=what, version=version, note=note
        )
    )


def events_of(connection: Connection, draft_id: int) -> list[Event]:
    """Return what was done to a draft, the oldest first."""
    rows = connection.execute(
        sa.select(*(draft_events.c[field] for field in Event._fields))
        .where(draft_events.c.draft_id == draft_id)
        .order_by(draft_events.c.id)
    )
    return [Event(*row) for row in rows]
