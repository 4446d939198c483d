"""Mentions: stored once, changed with their history, deleted for good."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Author, Mention
from hub.store import ours, search
from hub.store.database import chunks, upsert
from hub.store.prepared import Prepared, among
from hub.store.tables import authors, contacts, discussions, mention_versions, mentions, replies, threads
from hub.store.threads import sites

# Fewer than this many may vanish at once without looking like a network that lost its memory …
_FEW = 5
# … and above that, no more than this share of a thread.
_SHARE = 0.2
# The hash of a remark of which nothing was ever seen but that it is gone.
_UNSEEN = 0
# The store keeps times to the millisecond.
_MILLISECOND = timedelta(milliseconds=1)


class StoredMention(NamedTuple):
    """A mention as it is shown, with what is known of its author and where it belongs.

    `ours` says that one of our accounts said it, `by` which of us, if it was sent through the hub.
    """

    id: int
    account: str
    platform: str
    remote_id: str
    kind: str
    thread_id: str
    thread_url: str
    parent_id: str | None
    author_id: str | None
    author_name: str
    author_handle: str
    author_url: str
    contact_id: int | None
    text: str
    url: str
    sent_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    versions: int
    discussion: int
    ours: bool = False
    by: str = ""


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


def mention_hash(mention: Mention) -> int:
    """Hash what counts as the mention's content: what it says, to whom, and whether it stands."""
    return _hash(_content(mention))


def page_digest(items: Iterable[Mention]) -> int:
    """Hash a page, whatever the order of its items; an empty one is 0."""
    contents = sorted(f"{item.remote_id}\x1f{_content(item)}{_links(item)}" for item in items)
    return _hash("\x1e".join(contents)) if contents else 0


def _content(mention: Mention) -> str:
    author = mention.author
    who = f"{author.remote_id}\x1f{author.name}" if author is not None else "\x1f"
    return f"{mention.parent_id}\x1f{who}\x1f{int(mention.deleted)}\x1f{mention.text}"


def _links(mention: Mention) -> str:
    """Write down where a mention leads beyond its text, an address a line."""
    return "\n".join("".join(link.split()) for link in mention.links) if mention.links else ""


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


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
        hashed = mention_hash(item)
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
    _store_authors(connection, platform, unique.values())
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
        "links": _links(item),
        "unmerged": 0,
        "status": "new",
        "assignee_id": None,
        "snoozed_until": None,
        "answered_at": None,
    }


def _more_links(before: _Known, item: Mention) -> bool:
    """Tell whether the item leads where it was not known to: some pages of a network show a card, others none."""
    return not set(_links(item).split()) <= set(before.links.split())


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
            _tombstone(connection, [before.id], now)
            result.deleted += 1
        return
    said_at = max(filter(None, (item.edited_at or item.sent_at, whole_at)), default=None)
    if before.deleted_at is not None and (said_at is None or said_at <= before.deleted_at):
        # A tombstone stands against anything that was said before it …
        _complete(connection, before, item, hashed, now)
        return
    if before.hash != hashed and _outdated(connection, before, item, whole_at):
        _keep_text(connection, before.id, item.text, now)
        return
    values: dict[str, Any] = {"missed": 0, "deleted_at": None} if before.deleted_at or whole_at else {}
    if before.hash != hashed or before.deleted_at is not None:
        # … and against nothing that came after it; what it hides is in the history already.
        if before.deleted_at is None:
            _keep_version(connection, [before.id], now)
            values |= {"missed": 0, "edited_at": item.edited_at or now}
        else:
            values |= {"edited_at": item.edited_at or before.edited_at}
        values |= _content_values(before, item, hashed)
        result.changed += 1
    elif _edited_since(item, before.edited_at):
        values["edited_at"] = item.edited_at
    if before.hash == hashed and item.links and _more_links(before, item):
        values["links"] = "\n".join(dict.fromkeys([*before.links.split(), *_links(item).split()]))
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
        "links": _links(item),
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
    _keep_text(connection, before.id, item.text, now)
    if before.hash == _UNSEEN or _edited_since(item, before.edited_at):
        values = {**_content_values(before, item, hashed), "text": "", "links": "", "edited_at": item.edited_at}
        connection.execute(mentions.update().where(mentions.c.id == before.id).values(**values))


def _keep_text(connection: Connection, mention_id: int, text: str, now: datetime) -> None:
    """Put what a mention once said into its history, unless it is there."""
    kept = sa.select(mention_versions.c.id).where(
        mention_versions.c.mention_id == mention_id, mention_versions.c.text == text
    )
    if connection.execute(kept.limit(1)).first() is None:
        connection.execute(mention_versions.insert().values(mention_id=mention_id, text=text, replaced_at=now))


def _keep_version(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    connection.execute(
        mention_versions.insert().from_select(
            ["mention_id", "text", "replaced_at"],
            sa.select(mentions.c.id, mentions.c.text, sa.literal(now, mention_versions.c.replaced_at.type)).where(
                mentions.c.id.in_(ids)
            ),
        )
    )


def _tombstone(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Hide what was deleted; what it said stays in its history."""
    _keep_version(connection, ids, now)
    gone = {"deleted_at": now, "text": "", "links": "", "unmerged": 1}
    connection.execute(mentions.update().where(mentions.c.id.in_(ids)).values(**gone))
    search.follow(connection, ids)


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
        _tombstone(connection, gone, now)
    return Absent(deleted=len(gone), doubted=len(absent) - len(gone))


def _store_authors(connection: Connection, platform: str, items: Iterable[Mention]) -> None:
    wanted = {item.author.remote_id: item.author for item in items if item.author is not None}
    known = dict(_AUTHORS.rows(connection, platform=platform, remote_ids=list(wanted)))
    changed = []
    for author in wanted.values():
        hashed = _author_hash(author)
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


def _author_hash(author: Author) -> int:
    profile = "\x1f".join((author.name, author.handle, author.url, *sorted(author.emails)))
    if author.links or author.verified_links:
        profile = "\x1e".join((profile, *sorted(author.links), "", *sorted(author.verified_links)))
    return _hash(profile)


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


def live_ids(connection: Connection, thread_id: int, limit: int = 100) -> list[str]:
    """Return the newest mentions of a thread that stand."""
    return [remote_id for (remote_id,) in _LIVE.rows(connection, thread_id=thread_id, count=limit)]


_LIVE = Prepared(
    lambda _: (
        sa.select(mentions.c.remote_id)
        .where(mentions.c.thread_id == sa.bindparam("thread_id"), mentions.c.deleted_at.is_(None))
        .order_by(mentions.c.id.desc())
        .limit(sa.bindparam("count", type_=sa.Integer()))
    )
)


def _shown() -> sa.Select[Any]:
    versions = (
        sa.select(sa.func.count())
        .where(mention_versions.c.mention_id == mentions.c.id)
        .correlate(mentions)
        .scalar_subquery()
    )
    writer = (
        sa.select(sa.func.max(replies.c.by_name))
        .where(replies.c.account == mentions.c.account, replies.c.remote_id == mentions.c.remote_id)
        .correlate(mentions)
        .scalar_subquery()
    )
    is_ours = mentions.c.status == "ours"
    return (
        sa.select(
            mentions.c.id,
            mentions.c.account,
            mentions.c.platform,
            mentions.c.remote_id,
            mentions.c.kind,
            threads.c.remote_id.label("thread_id"),
            threads.c.url.label("thread_url"),
            mentions.c.parent_id,
            mentions.c.author_id,
            sa.func.coalesce(authors.c.name, "").label("author_name"),
            sa.func.coalesce(authors.c.handle, "").label("author_handle"),
            sa.func.coalesce(authors.c.url, "").label("author_url"),
            contacts.c.person_id.label("contact_id"),
            mentions.c.text,
            mentions.c.url,
            mentions.c.sent_at,
            mentions.c.edited_at,
            mentions.c.deleted_at,
            versions.label("versions"),
            threads.c.discussion_id.label("discussion"),
            is_ours.label("ours"),
            sa.case((is_ours, sa.func.coalesce(writer, "")), else_="").label("by"),
        )
        .join(threads, threads.c.id == mentions.c.thread_id)
        .outerjoin(
            authors,
            sa.and_(authors.c.platform == mentions.c.platform, authors.c.remote_id == mentions.c.author_id),
        )
        .outerjoin(contacts, contacts.c.id == authors.c.contact_id)
    )


def newest(
    connection: Connection, limit: int, *, account: str | None = None, before: int | None = None
) -> list[StoredMention]:
    """Return the newest mentions by others, those with an id below `before` if that is given."""
    query = _shown().where(mentions.c.status != "ours").order_by(mentions.c.id.desc()).limit(limit)
    if account is not None:
        query = query.where(mentions.c.account == account)
    if before is not None:
        query = query.where(mentions.c.id < before)
    return [StoredMention(*row) for row in connection.execute(query)]


def of_ids(connection: Connection, ids: Sequence[int]) -> dict[int, StoredMention]:
    """Return these mentions by their numbers, those that there are."""
    rows = connection.execute(_shown().where(mentions.c.id.in_(ids)))
    return {row.id: StoredMention(*row) for row in rows}


def accounts_of(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the accounts that these mentions were said to; those of others only."""
    found: dict[int, str] = {}
    for some in chunks(ids):
        query = sa.select(mentions.c.id, mentions.c.account).where(
            mentions.c.id.in_(some), mentions.c.status != "ours"
        )
        found |= {row.id: row.account for row in connection.execute(query)}
    return found


def get(connection: Connection, mention_id: int) -> StoredMention | None:
    row = connection.execute(_shown().where(mentions.c.id == mention_id)).first()
    return None if row is None else StoredMention(*row)


def of_discussion(connection: Connection, discussion_id: int) -> list[StoredMention]:
    """Return all mentions of a discussion, oldest first."""
    query = _shown().where(threads.c.discussion_id == discussion_id).order_by(mentions.c.sent_at, mentions.c.id)
    return [StoredMention(*row) for row in connection.execute(query)]


def of_author(connection: Connection, platform: str, author_id: str) -> list[StoredMention]:
    query = (
        _shown().where(mentions.c.platform == platform, mentions.c.author_id == author_id).order_by(mentions.c.id)
    )
    return [StoredMention(*row) for row in connection.execute(query)]


def seen_at(connection: Connection, mention_id: int) -> datetime | None:
    """Return when the hub first saw a mention."""
    found: datetime | None = connection.execute(
        sa.select(mentions.c.seen_at).where(mentions.c.id == mention_id)
    ).scalar()
    return found


def versions_of(connection: Connection, mention_id: int) -> list[tuple[datetime, str]]:
    """Return what a mention said before, and until when."""
    rows = connection.execute(
        sa.select(mention_versions.c.replaced_at, mention_versions.c.text)
        .where(mention_versions.c.mention_id == mention_id)
        .order_by(mention_versions.c.id)
    )
    return [(row.replaced_at, row.text) for row in rows]


class DiscussionSummary(NamedTuple):
    id: int
    title: str
    url: str
    post_id: int | None
    mentions: int
    last_at: datetime | None
    accounts: Sequence[str] = ()


def discussion_list(
    connection: Connection, limit: int, accounts: Collection[str] | None = None
) -> list[DiscussionSummary]:
    """Return the discussions with the newest answers first, each with the accounts that have a thread in it.

    With `accounts` only those with a thread on one of them; what is counted is there too.
    """
    query = (
        sa.select(
            discussions.c.id,
            discussions.c.title,
            discussions.c.url,
            discussions.c.post_id,
            sa.func.count(mentions.c.id),
            sa.func.max(mentions.c.sent_at),
        )
        .join(threads, threads.c.discussion_id == discussions.c.id)
        .outerjoin(mentions, mentions.c.thread_id == threads.c.id)
        .group_by(discussions.c.id, discussions.c.title, discussions.c.url, discussions.c.post_id)
        .order_by(sa.func.coalesce(sa.func.max(mentions.c.sent_at), 0).desc(), discussions.c.id.desc())
        .limit(limit)
    )
    if accounts is not None:
        query = query.where(threads.c.account.in_(accounts))
    found = [DiscussionSummary(*row) for row in connection.execute(query)]
    there = sites(connection, [one.id for one in found])
    return [one._replace(accounts=there.get(one.id, ())) for one in found]
