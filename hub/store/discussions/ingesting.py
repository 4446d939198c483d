"""Takes mentions in: stored once, changed with their history, believed gone at the second look."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Mention
from hub.store.database import upsert
from hub.store.discussions import hashes, history, ours, profiles, search
from hub.store.prepared import Prepared, among
from hub.store.tables import mention_versions, mentions

# Fewer than this many may vanish at once without looking like a network that lost its memory …
_FEW = 5
# … and above that, no more than this share of a thread.
_SHARE = 0.2
# The hash of a remark of which nothing was ever seen but that it is gone.
_UNSEEN = 0
# The store keeps times to the millisecond.
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True)
class Ingested:
    """What a page brought."""

    new: list[Mention] = field(default_factory=list)
    changed: int = 0
    deleted: int = 0

    def add(self, other: Ingested) -> None:
        self.new += other.new
        self.changed += other.changed
        self.deleted += other.deleted

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.deleted)


def ingest(
    connection: Connection,
    account: str,
    platform: str,
    threads_by_remote: Mapping[str, int],
    items: Sequence[Mention],
    now: datetime,
    whole_at: datetime | None = None,
) -> Ingested:
    """Store what is new or changed among `items`, in the caller's transaction; leave the rest untouched.

    `threads_by_remote` maps each item's `thread_id` to the thread's row. `whole_at` says that the items show how
    a thread stood then; without it they are events, and an old one may come late, or again.
    """
    result = Ingested()
    unique = {item.remote_id: item for item in items}
    again: list[Mention] = []
    if len(unique) != len(items):
        unique = {item.remote_id: item for item in reversed(items)}
        again = [item for item in items if item != unique[item.remote_id]]
    known = _known(connection, platform, list(unique))
    fresh: list[dict[str, Any]] = []
    for remote_id, item in unique.items():
        before = known.get(remote_id)
        hashed = hashes.mention_hash(item)
        if before is None:
            fresh.append(_row(item, account, platform, threads_by_remote[item.thread_id], hashed, now))
            result.new.append(item)
        elif (
            before.hash != hashed
            or before.doubted
            or _edited_since(item, before.edited_at)
            or (item.links and _more_links(before, item))
        ):
            _update(connection, before, item, hashed, now, whole_at, result)
    profiles.keep(connection, platform, unique.values())
    if fresh:
        said = ours.among_these(connection, account, platform, result.new)
        for row in fresh:
            if row["remote_id"] in said:
                row["status"] = "ours"
        _INSERT.many(connection, fresh)
        new = [item.remote_id for item in result.new]
        ours.link(connection, platform, new, said)
    if again:
        result.add(ingest(connection, account, platform, threads_by_remote, again, now, whole_at))
    return result


class _Known(NamedTuple):
    """What a stored mention is compared by."""

    id: int
    remote_id: str
    hash: int
    missed: int
    edited_at: datetime | None
    deleted_at: datetime | None
    links: str

    @property
    def doubted(self) -> bool:
        """Tell whether the hub believes, or begins to, that it is gone."""
        return self.missed > 0 or self.deleted_at is not None


_KNOWN = Prepared(
    lambda connection: sa.select(*(mentions.c[field] for field in _Known._fields)).where(
        mentions.c.platform == sa.bindparam("platform"), among(connection, mentions.c.remote_id, "remote_ids")
    )
)

_INSERT = Prepared(
    lambda connection: upsert(connection, mentions).inline().on_conflict_do_nothing(),
    columns=[column.name for column in mentions.columns if not column.primary_key],
)


def _known(connection: Connection, platform: str, remote_ids: Sequence[str]) -> dict[str, _Known]:
    rows = _KNOWN.rows(connection, platform=platform, remote_ids=remote_ids)
    return {row[1]: _Known(*row) for row in rows}


def _row(item: Mention, account: str, platform: str, thread_id: int, hashed: int, now: datetime) -> dict[str, Any]:
    return {
        "platform": platform,
        "remote_id": item.remote_id,
        "account": account,
        "kind": item.kind,
        "thread_id": thread_id,
        "parent_id": item.parent_id,
        "author_id": item.author.remote_id if item.author else None,
        "text": item.text,
        "url": item.url,
        "sent_at": item.sent_at or now,
        "seen_at": now,
        "edited_at": item.edited_at,
        "deleted_at": now if item.deleted else None,
        "missed": 0,
        "hash": _UNSEEN if item.deleted else hashed,
        "links": hashes.links_of(item),
        "unmerged": 0,
        "status": "new",
        "assignee_id": None,
        "snoozed_until": None,
        "answered_at": None,
    }


def _more_links(before: _Known, item: Mention) -> bool:
    """Tell whether the item leads where it was not known to: some pages of a network show a card, others none."""
    return not set(hashes.links_of(item).split()) <= set(before.links.split())


def _edited_since(item: Mention, edited_at: datetime | None) -> bool:
    """Tell whether the network gives the item a later edit than the one that is stored."""
    if item.edited_at is None:
        return False
    return edited_at is None or item.edited_at - edited_at >= _MILLISECOND


def _update(
    connection: Connection,
    before: _Known,
    item: Mention,
    hashed: int,
    now: datetime,
    whole_at: datetime | None,
    result: Ingested,
) -> None:
    if item.deleted:
        if before.deleted_at is None:
            history.hide(connection, [before.id], now)
            result.deleted += 1
        return
    said_at = max(filter(None, (item.edited_at or item.sent_at, whole_at)), default=None)
    if before.deleted_at is not None and (said_at is None or said_at <= before.deleted_at):
        # A tombstone stands against anything that was said before it …
        _complete(connection, before, item, hashed, now)
        return
    if before.hash != hashed and _outdated(connection, before, item, whole_at):
        history.keep_text(connection, before.id, item.text, now)
        return
    values: dict[str, Any] = {"missed": 0, "deleted_at": None} if before.deleted_at or whole_at else {}
    if before.hash != hashed or before.deleted_at is not None:
        # … and against nothing that came after it; what it hides is in the history already.
        if before.deleted_at is None:
            history.keep_versions(connection, [before.id], now)
            values |= {"missed": 0, "edited_at": item.edited_at or now}
        else:
            values |= {"edited_at": item.edited_at or before.edited_at}
        values |= _content_values(before, item, hashed)
        result.changed += 1
    elif _edited_since(item, before.edited_at):
        values["edited_at"] = item.edited_at
    if before.hash == hashed and item.links and _more_links(before, item):
        values["links"] = "\n".join(dict.fromkeys([*before.links.split(), *hashes.links_of(item).split()]))
    if "hash" in values or "links" in values:
        values["unmerged"] = 1
    if values:
        connection.execute(mentions.update().where(mentions.c.id == before.id).values(**values))
    if "text" in values or "deleted_at" in values:
        search.follow(connection, [before.id])
    if "author_id" in values:
        _recognise(connection, before.id, item)


def _recognise(connection: Connection, mention_id: int, item: Mention) -> None:
    """Let a remark be ours of which only now is known who said it."""
    platform = connection.execute(sa.select(mentions.c.platform).where(mentions.c.id == mention_id)).scalar_one()
    who = item.author.remote_id if item.author is not None else ""
    if who in ours.identities(connection, platform):
        ours.recognise(connection, platform, who, [mention_id])


def _content_values(before: _Known, item: Mention, hashed: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "hash": hashed,
        "text": item.text,
        "parent_id": item.parent_id,
        "author_id": item.author.remote_id if item.author else None,
        "links": hashes.links_of(item),
    }
    if before.hash == _UNSEEN:
        values |= {"kind": item.kind, "url": item.url}
        values |= {"sent_at": item.sent_at} if item.sent_at is not None else {}
    return values


def _outdated(connection: Connection, before: _Known, item: Mention, whole_at: datetime | None) -> bool:
    """Tell whether the item is an older version than the one that is stored, by the network's own times.

    A network that gives an edit no time is taken at its last word. The hub notes its own time for such an edit:
    the very time at which it put the version before into the history.
    """
    if before.edited_at is None or (item.edited_at is None and whole_at is not None):
        return False
    if item.edited_at is not None and item.edited_at >= before.edited_at:
        return False
    noted = sa.select(mention_versions.c.id).where(
        mention_versions.c.mention_id == before.id, mention_versions.c.replaced_at == before.edited_at
    )
    return connection.execute(noted.limit(1)).first() is None


def _complete(connection: Connection, before: _Known, item: Mention, hashed: int, now: datetime) -> None:
    """Let a tombstone learn from an older event what it hides: who said it, where, and what."""
    if before.hash == hashed and not _edited_since(item, before.edited_at):
        return
    history.keep_text(connection, before.id, item.text, now)
    if before.hash == _UNSEEN or _edited_since(item, before.edited_at):
        values = {**_content_values(before, item, hashed), "text": "", "links": "", "edited_at": item.edited_at}
        connection.execute(mentions.update().where(mentions.c.id == before.id).values(**values))


class Absent(NamedTuple):
    """What a whole thread no longer shows: what was `deleted` for it, and what is `doubted` and still stands.

    `alarm` says that so much vanished at once that nothing was believed.
    """

    deleted: int = 0
    doubted: int = 0
    alarm: bool = False


def note_absent(connection: Connection, thread_id: int, root: str, seen: Collection[str], now: datetime) -> Absent:
    """Count a sighting of absence for what the thread no longer shows; at the second one it is deleted."""
    rows = connection.execute(
        sa.select(mentions.c.id, mentions.c.remote_id, mentions.c.missed).where(
            mentions.c.thread_id == thread_id, mentions.c.deleted_at.is_(None), mentions.c.remote_id != root
        )
    ).all()
    absent = [row for row in rows if row.remote_id not in seen]
    if not absent:
        return Absent()
    if len(absent) > _FEW and len(absent) > _SHARE * len(rows):
        return Absent(doubted=len(absent), alarm=True)
    connection.execute(
        mentions.update().where(mentions.c.id.in_([row.id for row in absent])).values(missed=mentions.c.missed + 1)
    )
    gone = [row.id for row in absent if row.missed >= 1]
    if gone:
        history.hide(connection, gone, now)
    return Absent(deleted=len(gone), doubted=len(absent) - len(gone))
