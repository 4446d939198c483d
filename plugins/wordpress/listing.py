"""Reads what WordPress lists by time, oldest first, so that a read may break off anywhere and skip nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

import msgspec

from hub import Answer, StaleCursor
from plugins.wordpress import wire

T = TypeVar("T", bound=wire.Item)
Time = Literal["date", "modified"]
Fetch = Callable[[Mapping[str, str | None]], Answer]

PER_PAGE = 100  # WordPress's maximum
# How far a read goes back before its cursor. WordPress compares the site's local time, of whole seconds, which
# repeats an hour when summer time ends; and a slow request may store a time that is past.
OVERLAP = timedelta(hours=1)
# Ids that a cursor remembers because they may become public with a time that is past.
_WAITING = 100


class Mark(msgspec.Struct, omit_defaults=True):
    """How far a reader is: all that is older than `since` was seen.

    `waiting` are comments held for moderation, or scheduled posts: they appear later, with a time of their own.
    """

    since: datetime | None = None
    waiting: list[int] = []

    @classmethod
    def read(cls, cursor: str) -> Mark:
        try:
            return msgspec.json.decode(cursor, type=cls)
        except msgspec.DecodeError:
            raise StaleCursor("the cursor {cursor} is none of this plugin's", cursor=cursor) from None

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()

    def after(self, items: Sequence[T], time: Time, waits: Callable[[T], bool]) -> Mark:
        """Return the mark to keep after these items."""
        times = [at for item in items if not waits(item) and (at := wire.utc(_gmt(item, time))) is not None]
        waiting = {item.id: waits(item) for item in items}
        kept = {number for number in self.waiting if waiting.get(number, True)}
        kept.update(number for number, still in waiting.items() if still)
        since = max([*times, *([self.since] if self.since else [])], default=None)
        return Mark(since=since, waiting=sorted(kept)[-_WAITING:])


def newest(fetch: Fetch, shape: type[T], time: Time) -> list[T]:
    """Return the newest page."""
    page: list[T] = fetch({"orderby": time, "order": "desc"}).decode(list[shape])  # type: ignore[valid-type]
    return page


def since(fetch: Fetch, shape: type[T], time: Time, start: datetime | None) -> Iterator[tuple[list[T], bool]]:
    """Yield all that is not older than `start` less the overlap, page by page; with each whether it is the last.

    The next page is asked for by the time of the last item, not by its number: what comes or vanishes meanwhile
    moves nothing. The time is inclusive, and what was seen of that second is left out by id.
    """
    name = "modified_after" if time == "modified" else "after"
    after = (start - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if start else None
    edge: set[int] = set()
    edge_time: datetime | None = None
    offset = 0
    while True:
        exclude = ",".join(map(str, sorted(edge))) or None
        query = {"orderby": time, "order": "asc", name: after, "exclude": exclude}
        answer = fetch({**query, "offset": str(offset) if offset else None})
        page: list[T] = answer.decode(list[shape])  # type: ignore[valid-type]
        fresh = [item for item in page if item.id not in edge]
        last = _is_last(answer, len(page), offset)
        yield fresh, last
        if last:
            return
        if not fresh:  # a page of items that this user may not read
            offset += PER_PAGE
            continue
        newest_time = max(_local(item, time) for item in fresh)
        edge = {item.id for item in fresh if _local(item, time) == newest_time} | (
            edge if newest_time == edge_time else set()
        )
        edge_time, offset = newest_time, 0
        # Without a zone it is the site's own time, by which WordPress orders.
        after = (newest_time - timedelta(seconds=1)).isoformat(timespec="seconds")


def _is_last(answer: Answer, number: int, offset: int) -> bool:
    total = answer.headers.get("x-wp-total", "")
    return offset + PER_PAGE >= int(total) if total.isdecimal() else number < PER_PAGE


def _local(item: wire.Item, time: Time) -> datetime:
    return item.modified if time == "modified" and isinstance(item, wire.Article) else item.date


def _gmt(item: wire.Item, time: Time) -> datetime | None:
    return item.modified_gmt if time == "modified" and isinstance(item, wire.Article) else item.date_gmt
