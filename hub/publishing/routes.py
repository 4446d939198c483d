"""Carries what appears on one account to the others, and stops what comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import ThreadReader, Timeline
from hub.bookmarks import read_on
from hub.errors import HubError, TransientError, UsageError
from hub.lease import never
from hub.models import Batch, Media, Receipt, RemotePost
from hub.publishing import steps
from hub.publishing.media import read_image
from hub.resemblance import not_before, resembles
from hub.sections import RouteSection
from hub.store import Store
from hub.store.discussions import threads
from hub.store.outbox import copies, deliveries, following, posts, repeats, sending
from hub.store.outbox.copies import Copy
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts, changes
from hub.store.running.notices import NOBODY, Notices

log = structlog.get_logger()

# An echo may bear a time so long before our attempt, where the network's clock is wrong: if it is not recognised
# it goes round, which is worse than what a look risks.
_SLOW_CLOCK = timedelta(hours=1)


@dataclass
class Source:
    """One account's timeline as the source of routes.

    `targets` are the accounts its posts go to; `late` holds for routes that have no such bound of their own.
    `past` is set in a read from the start that is not the first: what is older, and was not seen before, goes
    nowhere. `last_read` is when the timeline was read before, `restored` when a backup was put back: what appeared
    before may be out already. `enough` says when to break off between two pages.
    """

    store: Store
    adapter: Timeline
    targets: Mapping[str, RouteSection]
    clock: Callable[[], datetime]
    late: timedelta = timedelta(days=1)
    counts: Counter[str] = field(default_factory=Counter)
    notices: Notices = NOBODY
    past: datetime | None = None
    restored: datetime | None = None
    last_read: datetime | None = None
    enough: Callable[[], bool] = never

    @property
    def account(self) -> str:
        return self.adapter.account


@dataclass(frozen=True, slots=True)
class Item:
    """A timeline item with its images downloaded; `fault` says why it cannot go out."""

    post: RemotePost
    images: Sequence[Media] = ()
    fault: str = ""

    @property
    def hash(self) -> int:
        post = self.post
        return posts.digest(post.text, post.title, post.link, *(f"{m.url}\x1e{m.alt}" for m in post.media))


def read_timeline(source: Source) -> bool:
    """Store what is new or changed on the account's timeline, with the deliveries that its routes ask for.

    True if it was broken off, at a bookmark from which it goes on.

    Items and cursor are stored in one transaction per page. What the hub put there itself is recognised and
    goes nowhere.
    """
    with source.store.read() as connection:
        cursor, _, last_read, restored = threads.read_cursor(connection, source.account, "posts")
        first = not threads.has_cursor(connection, source.account, "posts")
    # Without a bookmark after an earlier read, a read from the start was broken off.
    broken_off = cursor is None
    adapter = source.adapter
    source.restored, source.last_read = restored, last_read
    for batch, anew in read_on(source.account, adapter.platform, adapter.fetch_posts, cursor):
        source.past = last_read if anew or broken_off else None
        items = _load_media(source, batch, cursor, first)
        if items or batch.cursor != cursor or first:
            _store(source, items, batch.cursor, first)
        if batch.cursor not in (None, cursor) and source.enough():
            return True
        cursor = batch.cursor
    return False


def _load_media(source: Source, batch: Batch[RemotePost], cursor: str | None, first: bool) -> list[Item]:
    """Download the images of what is new before anything is stored: a post never goes out without them."""
    with source.store.read() as connection:
        known = copies.known(connection, source.account, [item.remote_id for item in batch.items])
    items = []
    for post in batch.items:
        item = Item(post)
        copy = known.get(post.remote_id)
        if copy is not None and (not copy.origin or (copy.hash == item.hash and not post.deleted)):
            continue
        if copy is None and _is_past(source, post, first):
            items.append(item)
            continue
        items.append(_with_images(source, item) if source.targets and not post.deleted else item)
    return items


def _with_images(source: Source, item: Item) -> Item:
    images = []
    for image in item.post.media:
        try:
            answer = source.adapter.http.fetch(image.url)
            found = read_image(answer.body, image.url)
        except TransientError:
            raise
        except HubError as error:
            return Item(item.post, fault=f"{image.url}: {error}")
        images.append(Media(url=image.url, content=found.content, mime=found.mime, alt=image.alt))
    return Item(item.post, images)


def _store(source: Source, items: Sequence[Item], cursor: str | None, first: bool) -> None:
    now = source.clock()

    def work(connection: Connection) -> Counter[str]:
        counts: Counter[str] = Counter()
        known = copies.known(connection, source.account, [item.post.remote_id for item in items])
        for item in sorted(items, key=lambda item: item.post.sent_at or now):
            _store_item(source, connection, item, known.get(item.post.remote_id), now, counts, first)
        threads.write_cursor(connection, source.account, "posts", cursor, read_at=now)
        return counts

    source.counts += source.store.write(work)


def _store_item(
    source: Source,
    connection: Connection,
    item: Item,
    copy: Copy | None,
    now: datetime,
    counts: Counter[str],
    first: bool,
) -> None:
    post = item.post
    if copy is None:
        if post.deleted or post.reply_to is not None or _adopted(source, connection, post, now):
            return
        _add(source, connection, item, now, counts, first)
    elif copy.origin and post.deleted:
        if posts.mark_deleted(connection, copy.post_id, now):
            counts["deleted posts"] += 1
            _follow(connection, source.notices, copy.post_id, now)
    elif copy.origin and copy.hash != item.hash:
        copies.set_hash(connection, source.account, post.remote_id, item.hash)
        if item.fault:
            log.warning("edit left out", account=source.account, item=post.remote_id, reason=item.fault)
        elif posts.change(connection, copy.post_id, post.text, post.title, post.link, item.images):
            counts["changed posts"] += 1
            _follow(connection, source.notices, copy.post_id, now)


def _adopted(source: Source, connection: Connection, post: RemotePost, now: datetime) -> bool:
    """Recognise a post of the hub's own whose answer was lost, before it is routed back to where it came from."""
    for delivery in deliveries.unsettled(connection, source.account):
        # An older post with the same words is another one.
        since = (delivery.first_attempt_at or delivery.updated_at) - _SLOW_CLOCK
        if delivery.text is None or not not_before(post.sent_at, since):
            continue
        if resembles(post, delivery.text):
            receipt = Receipt(remote_id=post.remote_id, url=post.url)
            settled = deliveries.set_state(
                connection,
                delivery.id,
                # This turn has the account, so one that is being sent was left so by a process that died.
                ("sending", "unknown", "asked"),
                now,
                state="published",
                due_at=None,
                remote_id=receipt.remote_id,
                url=receipt.url,
                error="",
                error_code="",
                resend=False,
            )
            if settled:
                changes.note(connection, "posts", delivery.post_id)
                sending.add_attempt(connection, delivery, "settle", now, "seen on the timeline", post.url)
                source.notices.delivery(connection, "delivery.published", delivery.id, now)
                steps.take_over(connection, source.adapter, delivery, receipt, now)
            return True
    return False


def _add(
    source: Source, connection: Connection, item: Item, now: datetime, counts: Counter[str], first: bool
) -> None:
    post = item.post
    wanted = {} if _is_past(source, post, first) else source.targets
    post_id, _ = posts.add(
        connection,
        NewPost(
            key=f"{source.account}:{post.remote_id}",
            text=post.text,
            title=post.title,
            link=post.link,
            url=post.url or post.link,
            media=item.images,
            publish_at=now,
            late_after=now + max((route.late or source.late for route in wanted.values()), default=source.late),
            source=source.account,
            source_id=post.remote_id,
        ),
        now,
    )
    copies.add(connection, source.account, post.remote_id, post_id, origin=True, hash=item.hash)
    if wanted:
        counts["new posts"] += 1
        _listen_under(source, connection, post, post_id, now)
    else:
        counts["old posts"] += 1
    for target, route in wanted.items():
        late = post.sent_at is not None and now - post.sent_at > (route.late or source.late) and not first
        if item.fault:
            deliveries.add(connection, post_id, target, now, due_at=None, state="failed", error=item.fault)
        elif _may_be_out(source, post):
            deliveries.add(
                connection,
                post_id,
                target,
                now,
                due_at=now,
                state="unknown",
                text=post.text,
                error="it appeared before the database was restored from a backup, and may be out",
                version=1,
                first_attempt_at=post.sent_at or source.last_read or source.restored,
            )
        elif late:
            deliveries.add(
                connection,
                post_id,
                target,
                now,
                due_at=None,
                state="missed",
                error=f"it appeared at {post.sent_at}, while the hub was not running",
            )
        else:
            deliveries.add(connection, post_id, target, now, due_at=now)
    for state in ("failed", "missed"):
        _tell_of(connection, source.notices, state, post_id, now)
    if wanted and not first:
        _warn_of_repeats(source, connection, item, list(wanted), now)
    _wake(connection, list(wanted), now)


def _warn_of_repeats(
    source: Source, connection: Connection, item: Item, targets: Sequence[str], now: datetime
) -> None:
    """Say in the log where the same text went lately; a first read is all of one piece and says nothing."""
    post = item.post
    hashed = posts.content_hash(post.text, post.title, post.link, item.images)
    key = f"{source.account}:{post.remote_id}"
    for one in repeats.of(connection, key, post.text, hashed, targets, now):
        log.warning(
            "same text again",
            account=one.account,
            source=source.account,
            item=post.remote_id,
            earlier=one.post_id,
            at=one.at.isoformat(),
        )


def _may_be_out(source: Source, post: RemotePost) -> bool:
    """Tell whether an item may have been routed by rows that are lost, since a backup was put back."""
    if source.restored is None:
        return False
    # What bears no time appeared since the last read.
    at = post.sent_at or source.last_read
    return at is None or at <= source.restored


def _is_past(source: Source, post: RemotePost, first: bool) -> bool:
    """Tell whether an item that was never seen before is linked only, and goes nowhere."""
    if source.past is not None:
        return post.sent_at is None or not not_before(post.sent_at, source.past)
    return first and not _young_enough(source, post)


def _young_enough(source: Source, post: RemotePost) -> bool:
    """Tell whether a first read routes the item: a new route must not pour out an archive."""
    ages = [route.backfill for route in source.targets.values()]
    if "all" in ages:
        return True
    limit = max((age for age in ages if not isinstance(age, str)), default=None)
    return limit is not None and post.sent_at is not None and source.clock() - post.sent_at <= limit


def _listen_under(source: Source, connection: Connection, post: RemotePost, post_id: int, now: datetime) -> None:
    if isinstance(source.adapter, ThreadReader):
        discussion = threads.discussion_of_post(connection, post_id, now)
        threads.add(connection, source.account, post.remote_id, discussion, now, url=post.url, polled=True)


def _wake(connection: Connection, names: Sequence[str], now: datetime) -> None:
    accounts.hasten(connection, names, "publish", now)


def _follow(connection: Connection, notices: Notices, post_id: int, now: datetime) -> None:
    """Let the copies of a changed or withdrawn post follow it, and tell of what is not sent any more."""
    before = deliveries.in_state(connection, post_id, "deleted") if notices.wants("delivery.deleted") else set()
    _wake(connection, following.follow_change(connection, post_id, now), now)
    _tell_of(connection, notices, "deleted", post_id, now, before)


def _tell_of(
    connection: Connection,
    notices: Notices,
    state: str,
    post_id: int,
    now: datetime,
    before: Collection[int] = frozenset(),
) -> None:
    """Tell of the post's deliveries that came into a state without a turn of their account."""
    if notices.wants(f"delivery.{state}"):
        for delivery_id in sorted(deliveries.in_state(connection, post_id, state).difference(before)):
            notices.delivery(connection, f"delivery.{state}", delivery_id, now)


def add_post(
    store: Store,
    post: NewPost,
    targets: Sequence[str],
    now: datetime,
) -> tuple[int, bool]:
    """Accept a post for some accounts; return its id and whether it is new. From here on it is not lost."""
    return store.write(accept, post, targets, now)


def accept(connection: Connection, post: NewPost, targets: Sequence[str], now: datetime) -> tuple[int, bool]:
    """Do what `add_post` does, within the caller's transaction."""
    post_id, new = posts.add(connection, post, now)
    for target in targets:
        deliveries.add(connection, post_id, target, now, due_at=post.publish_at)
    accounts.hasten(connection, targets, "publish", post.publish_at)
    return post_id, new


def change_post(store: Store, post_id: int, now: datetime, *, notices: Notices = NOBODY, **content: Any) -> bool:
    """Give a post new content (`text`, `title`, `link`, `images`, `versions`); its copies follow.

    False if nothing changed. Without `versions` the texts that accounts have for themselves stay.
    """

    def work(connection: Connection) -> bool:
        changed = posts.change(connection, post_id, **content)
        if changed:
            _follow(connection, notices, post_id, now)
        return changed

    return store.write(work)


def delete_post(store: Store, post_id: int, now: datetime, *, notices: Notices = NOBODY) -> bool:
    """Withdraw a post; its copies are deleted. False if it was withdrawn before."""

    def work(connection: Connection) -> bool:
        marked = posts.mark_deleted(connection, post_id, now)
        if marked:
            _follow(connection, notices, post_id, now)
        return marked

    return store.write(work)


def move_post(store: Store, post_id: int, publish_at: datetime, late: timedelta, now: datetime) -> None:
    """Let a post go out at another time; raise `UsageError` if it waits nowhere any more.

    Where an attempt was made it stays as it is. It may be `late` by that much before it is missed.
    """

    def work(connection: Connection) -> None:
        moved = deliveries.move(connection, post_id, publish_at, now)
        if not moved:
            raise UsageError(
                "post {id} waits nowhere any more, so that it cannot be moved",
                hint="what is out can be withdrawn; what failed can be sent again",
                id=post_id,
            )
        posts.set_time(connection, post_id, publish_at, publish_at + late)
        accounts.hasten(connection, moved, "publish", publish_at)
        changes.note(connection, "posts", post_id)

    store.write(work)
