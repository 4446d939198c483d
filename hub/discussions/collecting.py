"""Collects mentions and the answers under our posts, each page with its bookmark in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import structlog
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from hub.adapter import Adapter, Listener, Searcher, ThreadReader
from hub.bookmarks import read_on
from hub.discussions import desk, joining
from hub.errors import GoneError, RejectedError, StaleCursor, TransientError
from hub.lease import never
from hub.models import Batch, Mention, Thread
from hub.resemblance import not_before
from hub.store import Store
from hub.store.discussions import hashes, ingesting, joins, mentions, threads
from hub.store.discussions.ingesting import Absent, Ingested
from hub.store.discussions.threads import StoredThread
from hub.store.running import changes
from hub.store.running.notices import NOBODY, Notices

log = structlog.get_logger()

# A thread is read as a whole (edits and deletions show only there) when it was quiet no longer than …
_FULL_EVERY = timedelta(hours=6)
# … and while it is small: one page of most networks, so the whole costs what the news would.
_SMALL = 100


class Hooks(Protocol):
    """What is told to the plugins; `hub.registry.Registry` is one."""

    def tell(self, event: str, **facts: Any) -> None:
        """Tell plugins a fact."""


def _everything(_connection: Connection, _platform: str, items: Sequence[Mention]) -> Sequence[Mention]:
    return items


@dataclass
class Ear:
    """One account's turn at listening: what it works with, and what it has heard from others.

    `ourselves` is the account's own remote id: what it says is stored with the rest, and is no news. `past` is
    set in a read from the start that is not the first: what is older than that is stored, and nobody is told.
    `others` returns what others said of what a network shows: without the comments that the hub made for a digest.
    `admit` returns what of that may be stored, in the transaction that stores it. `enough` says when to break off
    between two pages.
    """

    store: Store
    adapter: Adapter
    hooks: Hooks
    clock: Callable[[], datetime]
    poll_after: Callable[[datetime, datetime], datetime]
    ourselves: str = ""
    heard: Ingested = field(default_factory=Ingested)
    alarms: list[str] = field(default_factory=list)
    notices: Notices = NOBODY
    past: datetime | None = None
    others: Callable[[Sequence[Mention]], Sequence[Mention]] = tuple
    admit: Callable[[Connection, str, Sequence[Mention]], Sequence[Mention]] = _everything
    enough: Callable[[], bool] = never

    @property
    def account(self) -> str:
        return self.adapter.account


def listen(ear: Ear, searches: Sequence[str] = ()) -> bool:
    """Read mentions, searches and every thread that is due, then merge what was heard with what is there.

    True if it was broken off, at bookmarks from which it goes on.

    A thread whose post is gone, or that cannot be read, does not stop the others; nor does trouble with the
    network keep what came before it from being merged.
    """
    try:
        return _hear(ear, searches)
    finally:
        desk.index(ear.store)
        joining.merge(ear.store, ear.account, ear.clock)


def _hear(ear: Ear, searches: Sequence[str]) -> bool:
    adapter = ear.adapter
    if isinstance(adapter, Listener) and _read(ear, "mentions", "", adapter.fetch_mentions):
        return True
    if isinstance(adapter, Searcher) and any(
        _read(ear, "search", query, partial(adapter.search, query)) for query in searches
    ):
        return True
    return isinstance(adapter, ThreadReader) and _read_threads(ear, adapter)


def _read(ear: Ear, verb: str, subject: str, fetch: Callable[[str | None], Iterable[Batch[Mention]]]) -> bool:
    with ear.store.read() as connection:
        cursor, digest, last_read, _ = threads.read_cursor(connection, ear.account, verb, subject)
        unread = not threads.has_cursor(connection, ear.account, verb)
    # Without a bookmark after an earlier read, a read from the start was broken off.
    broken_off = cursor is None
    try:
        for batch, anew in read_on(ear.account, ear.adapter.platform, fetch, cursor):
            ear.past = last_read if anew or broken_off else None
            batch = replace(batch, items=ear.others(batch.items))
            found = hashes.page_digest(batch.items)
            if found == digest and batch.cursor == cursor and not unread:
                continue
            _store_page(ear, verb, subject, batch, found)
            # A page without a bookmark of its own would be read again from the start.
            if batch.cursor not in (None, cursor) and ear.enough():
                return True
            cursor, digest, unread = batch.cursor, found, False
    finally:
        ear.past = None
    return False


def _store_page(ear: Ear, verb: str, subject: str, batch: Batch[Mention], digest: int) -> None:
    now = ear.clock()

    def work(connection: Connection) -> Ingested:
        items = ear.admit(connection, ear.adapter.platform, batch.items)
        roots = sorted({item.thread_id for item in items})
        known = threads.ensure(connection, ear.account, roots, now) if roots else {}
        ingested = ingesting.ingest(connection, ear.account, ear.adapter.platform, known, items, now)
        if ingested:
            # The threads themselves may know better: the next look at them compares again.
            threads.forget_digests(connection, list(known.values()))
            changes.note(connection, "discussions")
        threads.write_cursor(connection, ear.account, verb, batch.cursor, digest, subject, now)
        return _tell_webhooks(connection, ear, ingested, now)

    _announce(ear, ear.store.write(work))


def _read_threads(ear: Ear, adapter: ThreadReader) -> bool:
    with ear.store.read() as connection:
        waiting = threads.due(connection, ear.account, ear.clock())
    next_polls: list[tuple[int, datetime | None]] = []
    try:
        for thread in waiting:
            try:
                changed_at = read_thread(ear, adapter, thread)
            except GoneError:
                ear.store.write(threads.note_gone, thread.id)
                # Twice not there is gone: the thread stays, with what was said, and is not asked for again.
                again = ear.clock() + timedelta(hours=1) if thread.gone == 0 else None
                next_polls.append((thread.id, again))
            except RejectedError as error:
                why = adapter.http.redact(str(error))
                with ear.store.read() as connection:
                    strange = joins.joined_by_itself(connection, thread.id)
                if strange:
                    # A stranger's thread that we may not read: nobody asked for it, and what was seen of it stays.
                    log.info("joined thread not readable", account=ear.account, thread=thread.id, reason=why)
                    next_polls.append((thread.id, None))
                    continue
                ear.alarms.append(f"the thread {thread.url or thread.remote_id} cannot be read: {why}")
                next_polls.append((thread.id, ear.poll_after(ear.clock(), thread.changed_at)))
            except TransientError:
                # The network may be gone, so the turn ends; if it is this thread, the others come first next time.
                next_polls.append((thread.id, ear.clock()))
                raise
            else:
                next_polls.append((thread.id, ear.poll_after(ear.clock(), changed_at)))
            if thread is not waiting[-1] and ear.enough():
                return True
    finally:
        if next_polls:
            ear.store.write(threads.schedule, next_polls)
    return False


def read_thread(ear: Ear, adapter: ThreadReader, thread: StoredThread) -> datetime:
    """Bring one thread up to date; return when it last changed. An unchanged one is not written to.

    If the network no longer knows its bookmark, it is read as a whole, and nobody is told of what is older than
    its last change.
    """
    try:
        return _read_thread(ear, adapter, thread)
    except StaleCursor:
        if thread.cursor is None:
            raise
        ear.past = thread.changed_at
    try:
        return _read_thread(ear, adapter, thread._replace(cursor=None))
    finally:
        ear.past = None


def _read_thread(ear: Ear, adapter: ThreadReader, thread: StoredThread) -> datetime:
    """Do what `read_thread` says.

    The last page is stored together with what the thread no longer shows and the bookmark.
    """
    started = ear.clock()
    with ear.store.read() as connection:
        live = mentions.live_ids(connection, thread.id)
    stale = thread.full_read_at is None or started - thread.full_read_at > _FULL_EVERY
    whole = thread.cursor is None or len(live) < _SMALL or stale
    whole_at = started if whole else None
    asked = Thread(remote_id=thread.remote_id, url=thread.url, known=live)
    heard = Ingested()
    seen: set[str] = set()
    digest = 0
    last = Batch[Mention]([], thread.cursor)
    for batch in adapter.fetch_replies(asked, None if whole else thread.cursor):
        _refuse_strangers(ear, thread, batch.items)
        batch = replace(batch, items=ear.others(batch.items))
        if last.items:
            heard.add(_announce(ear, ear.store.write(_ingest, ear, thread, last.items, whole_at)))
        last = batch
        digest ^= hashes.page_digest(batch.items)
        seen.update(item.remote_id for item in batch.items)
    kept = digest if whole else thread.digest
    news = last.items if digest != thread.digest or not whole else []
    moved = last.cursor != thread.cursor or kept != thread.digest or (whole and stale)
    if not (news or moved or heard or thread.gone):
        return thread.changed_at

    def finish(connection: Connection) -> tuple[Ingested, bool]:
        found = _ingest(connection, ear, thread, news, whole_at)
        absent = Absent()
        if last.complete and digest != thread.digest:
            absent = ingesting.note_absent(connection, thread.id, thread.remote_id, seen, started)
            found.deleted += absent.deleted
        if found:
            changes.note(connection, "mentions")
            changes.note(connection, "discussions", thread.discussion_id)
        if moved or found or heard or thread.gone:
            threads.note_read(
                connection,
                thread.id,
                cursor=last.cursor,
                # While something is missing it is not kept, so that the next look counts it a second time.
                digest=None if absent.doubted else kept,
                full_read_at=whole_at,
                changed_at=started if found or heard else None,
            )
        return found, absent.alarm

    found, alarm = ear.store.write(finish)
    heard.add(_announce(ear, found))
    if alarm:
        place = thread.url or thread.remote_id
        ear.alarms.append(f"most of the thread {place} vanished at once; nothing was deleted")
    return started if heard else thread.changed_at


def _ingest(
    connection: Connection, ear: Ear, thread: StoredThread, items: Sequence[Mention], whole_at: datetime | None
) -> Ingested:
    items = ear.admit(connection, ear.adapter.platform, items) if items else items
    if not items:
        return Ingested()
    roots = {thread.remote_id: thread.id}
    now = ear.clock()
    ingested = ingesting.ingest(connection, ear.account, ear.adapter.platform, roots, items, now, whole_at)
    return _tell_webhooks(connection, ear, ingested, now)


def _refuse_strangers(ear: Ear, thread: StoredThread, items: Sequence[Mention]) -> None:
    strangers = sum(item.thread_id != thread.remote_id for item in items)
    if strangers:
        raise TransientError(
            "plugin {platform} returned {count} items of other threads",
            platform=ear.adapter.platform,
            count=strangers,
        )


def _tell_webhooks(connection: Connection, ear: Ear, ingested: Ingested, now: datetime) -> Ingested:
    """Write down what webhooks are to be told of a page, in the page's transaction; return what it brought."""
    if ingested:
        changes.note(connection, "mentions")
    ear.notices.mentions(connection, ear.account, ear.adapter.platform, _news(ear, ingested), now)
    return ingested


def _news(ear: Ear, ingested: Ingested) -> list[Mention]:
    """Return what others said and is to be told."""
    return [one for one in _by_others(ear, ingested) if not _is_past(ear, one)]


def _is_past(ear: Ear, mention: Mention) -> bool:
    return ear.past is not None and (mention.sent_at is None or not not_before(mention.sent_at, ear.past))


def _by_others(ear: Ear, ingested: Ingested) -> list[Mention]:
    """Return what others said; what we say ourselves is no news."""
    return [one for one in ingested.new if one.author is None or one.author.remote_id != ear.ourselves]


def _announce(ear: Ear, ingested: Ingested) -> Ingested:
    """Count what was stored, tell the plugins what others said, and return it all."""
    ear.heard.add(Ingested(_by_others(ear, ingested), ingested.changed, ingested.deleted))
    for mention in _news(ear, ingested):
        ear.hooks.tell("mention_received", account=ear.account, mention=mention)
    return ingested


def watch(
    store: Store,
    account: str,
    remote_id: str,
    url: str,
    now: datetime,
    discussion: int | None = None,
    by: str = "",
) -> int:
    """Attach a thread by hand, to a discussion or as one of its own; return the discussion."""

    def work(connection: Connection) -> int:
        thread = threads.ensure(connection, account, [remote_id], now)[remote_id]
        own = threads.attach(connection, thread, url, now)
        return own if discussion is None else joining.join_by_hand(connection, thread, discussion, by, now)

    return store.write(work)
