"""Reads lists whose newest come first, by ids, so that nothing is skipped wherever a read breaks off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeVar

from plugins.mastodon.wire import order

# Where a list begins that nothing was on yet.
_BEGINNING = "0"


class Listed(Protocol):
    """What stands on a list."""

    id: str


T = TypeVar("T", bound=Listed)
Fetch = Callable[[Mapping[str, str]], tuple[list[T], Mapping[str, str]]]
"""Get a page by `min_id` or `max_id`: its items, and the ids at which the pages beside it begin, if it tells."""


def seen(cursor: str | None) -> frozenset[str]:
    """Return the ids of the newest page that was read: ids are not handed out in strict order."""
    return frozenset((cursor or "").split(","))


def pages(
    fetch: Fetch[T], cursor: str | None, *, most: int, upwards: bool = True
) -> Iterator[tuple[list[T], str | None]]:
    """Yield the newest page, and what lies between it and the cursor, each with the cursor to keep after it.

    The newest page comes each time, so that edits and late arrivals show. A gap below it is read upwards by
    `min_id`, which loses nothing when it breaks off; where a list knows only `max_id`, downwards, and the old
    cursor stays until the gap is closed. A first read goes down until it has `most` items.
    """
    page, beside = fetch({})
    ids = {item.id for item in page}
    marks = seen(cursor)
    mark = max(marks, key=order)
    newest = max([*ids, mark], key=order)
    done = ",".join(sorted(ids, key=order, reverse=True)) or cursor or _BEGINNING
    if cursor is not None and upwards and _gap(ids, mark):
        yield page, cursor
        while order(mark) < order(newest):
            page, beside = fetch({"min_id": mark})
            higher = max([*(item.id for item in page), mark], key=order)
            if higher == mark:
                break
            mark = higher
            yield page, mark
        yield [], done
        return
    count, lowest = len(page), ""
    while page and (_gap(ids, mark) if cursor is not None else count < most):
        below = beside.get("next", "" if beside else min(ids, key=order))
        if not below or (lowest and order(below) >= order(lowest)):
            break
        yield page, cursor
        lowest = below
        page, beside = fetch({"max_id": below})
        ids = {item.id for item in page}
        count += len(page)
    yield page, done


def _gap(ids: set[str], mark: str) -> bool:
    return bool(ids) and order(min(ids, key=order)) > order(mark)
