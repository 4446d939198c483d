"""Carries what appears on one account to the others, and stops what comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import ThreadReader, Timeline, text_key
from hub.errors import HubError, TransientError
from hub.models import Batch, Media, Receipt, RemotePost
from hub.publishing import steps
from hub.publishing.media import read_image
from hub.settings import RouteSection
from hub.store import Store, accounts, deliveries, posts, threads
from hub.store.posts import Copy, NewPost

log = structlog.get_logger()


@dataclass
class Source:
    """One account's timeline as the source of routes.

    `targets` are the accounts its posts go to; `late` holds for routes that have no such bound of their own.
    """

    store: Store
    adapter: Timeline
    targets: Mapping[str, RouteSection]
    clock: Callable[[], datetime]
    late: timedelta = timedelta(days=1)
    counts: Counter[str] = field(default_factory=Counter)

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


def read_timeline(source: Source) -> None:
    """Store what is new or changed on the account's timeline, with the deliveries that its routes ask for.

    Items and cursor are stored in one transaction per page. What the hub put there itself is recognised and
    goes nowhere.
    """
    with source.store.read() as connection:
        cursor, _ = threads.read_cursor(connection, source.account, "posts")
        first = not threads.has_cursor(connection, source.account, "posts")
    for batch in source.adapter.fetch_posts(cursor):
        items = _load_media(source, batch, cursor, first)
        if items or batch.cursor != cursor or first:
            _store(source, items, batch.cursor, first)
        cursor = batch.cursor


def _load_media(source: Source, batch: Batch[RemotePost], cursor: str | None, first: bool) -> list[Item]:
    """Download the images of what is new before anything is stored: a post never goes out without them."""
    with source.store.read() as connection:
        known = posts.copies_of(connection, source.account, [item.remote_id for item in batch.items])
    items = []
    for post in batch.items:
        item = Item(post)
        copy = known.get(post.remote_id)
        if copy is not None and (not copy.origin or (copy.hash == item.hash and not post.deleted)):
            continue
        if copy is None and first and not _young_enough(source, post):
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
        known = posts.copies_of(connection, source.account, [item.post.remote_id for item in items])
        for item in sorted(items, key=lambda item: item.post.sent_at or now):
            _store_item(source, connection, item, known.get(item.post.remote_id), now, counts, first)
        threads.write_cursor(connection, source.account, "posts", cursor)
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
            _wake(connection, deliveries.follow_change(connection, copy.post_id, now), now)
    elif copy.origin and copy.hash != item.hash:
        posts.set_copy_hash(connection, source.account, post.remote_id, item.hash)
        if item.fault:
            log.warning("edit left out", account=source.account, item=post.remote_id, reason=item.fault)
        elif posts.change(connection, copy.post_id, post.text, post.title, post.link, item.images):
            counts["changed posts"] += 1
            _wake(connection, deliveries.follow_change(connection, copy.post_id, now), now)


def _adopted(source: Source, connection: Connection, post: RemotePost, now: datetime) -> bool:
    """Recognise a post of the hub's own whose answer was lost, before it is routed back to where it came from."""
    for delivery in deliveries.unsettled(connection, source.account):
        if delivery.text is not None and text_key(delivery.text) == text_key(post.text):
            receipt = Receipt(remote_id=post.remote_id, url=post.url)
            settled = deliveries.set_state(
                connection,
                delivery.id,
                ("unknown", "asked"),
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
                deliveries.add_attempt(connection, delivery, "settle", now, "seen on the timeline", post.url)
                steps.take_over(connection, source.adapter, delivery, receipt, now)
            return True
    return False


def _add(
    source: Source, connection: Connection, item: Item, now: datetime, counts: Counter[str], first: bool
) -> None:
    post = item.post
    wanted = {} if first and not _young_enough(source, post) else source.targets
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
    posts.add_copy(connection, source.account, post.remote_id, post_id, origin=True, hash=item.hash)
    if wanted:
        counts["new posts"] += 1
        _listen_under(source, connection, post, post_id, now)
    else:
        counts["old posts"] += 1
    for target, route in wanted.items():
        late = post.sent_at is not None and now - post.sent_at > (route.late or source.late) and not first
        if item.fault:
            deliveries.add(connection, post_id, target, now, due_at=None, state="failed", error=item.fault)
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
    _wake(connection, list(wanted), now)


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


def add_post(
    store: Store,
    post: NewPost,
    targets: Sequence[str],
    now: datetime,
) -> tuple[int, bool]:
    """Accept a post for some accounts; return its id and whether it is new. From here on it is not lost."""

    def work(connection: Connection) -> tuple[int, bool]:
        post_id, new = posts.add(connection, post, now)
        for target in targets:
            deliveries.add(connection, post_id, target, now, due_at=post.publish_at)
        accounts.hasten(connection, targets, "publish", post.publish_at)
        return post_id, new

    return store.write(work)


def change_post(store: Store, post_id: int, now: datetime, **content: Any) -> bool:
    """Give a post new content (`text`, `title`, `link`, `images`); its copies follow. False if nothing changed."""

    def work(connection: Connection) -> bool:
        changed = posts.change(connection, post_id, **content)
        if changed:
            _wake(connection, deliveries.follow_change(connection, post_id, now), now)
        return changed

    return store.write(work)


def delete_post(store: Store, post_id: int, now: datetime) -> bool:
    """Withdraw a post; its copies are deleted. False if it was withdrawn before."""

    def work(connection: Connection) -> bool:
        marked = posts.mark_deleted(connection, post_id, now)
        if marked:
            _wake(connection, deliveries.follow_change(connection, post_id, now), now)
        return marked

    return store.write(work)
