"""Reads what X lists newest first, so that a read may break off anywhere and nothing is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated

from msgspec import DecodeError, Meta, Struct, json, structs

from hub import GoneError, RejectedError, TransientError
from plugins.twitter.shapes import Page

# How far a read reaches back before the newest id that it has seen (two minutes, in the unit of an id): ids
# are not handed out in strict order, and by how much the search lags behind is not documented.
_OVERLAP = 120_000 << 22

Number = Annotated[str, Meta(pattern=r"^[0-9]{0,19}$")]


class Bookmark(Struct, omit_defaults=True):
    """How far a reader is: everything up to `since` has been read.

    A read that broke off leaves `newest`, the newest id that it saw, and `until`, the oldest one: between
    `since` and `until` there is a gap to be read first. `root` is the conversation that is read.
    """

    since: Number = ""
    newest: Number = ""
    until: Number = ""
    root: Number = ""

    @classmethod
    def read(cls, cursor: str | None) -> Bookmark:
        """Read a cursor; one that is none of ours is read from the start."""
        try:
            return json.decode(cursor, type=cls) if cursor else cls()
        except DecodeError:
            return cls()

    def __str__(self) -> str:
        return json.encode(self).decode()

    @property
    def after(self) -> str | None:
        """The `since_id` to ask for."""
        start = int(self.since or 0) - _OVERLAP
        return str(start) if start > 0 else None


def pages(
    fetch: Callable[[Mapping[str, str | None]], Page], mark: Bookmark, *, whole: bool = True, forgets: bool = False
) -> Iterator[tuple[Page, Bookmark]]:
    """Yield what is newer than the bookmark, each page with the bookmark to keep after it.

    Pages are followed by X's tokens, and by ids should X no longer know one.

    `whole` is false to stop after one page. `forgets` says that X refuses ids that are too old there: seven
    days in the search. Then nothing is left between them and what it still shows, and it is read from the top.
    """
    while True:
        gap, token = mark.until, ""
        while True:
            try:
                page = fetch({"since_id": mark.after, "until_id": gap or None, "pagination_token": token or None})
            except GoneError:
                raise
            except RejectedError:
                if token and mark.until != gap:
                    # X no longer knows the page: what is below the last one is read by its id.
                    gap, token = mark.until, ""
                    continue
                if not forgets or token or not (mark.after or gap):
                    raise
                mark, gap = Bookmark(root=mark.root), ""
                continue
            if token and page.meta.next_token == token:
                raise TransientError("X gives the same page again and again")
            token = page.meta.next_token
            ids = [int(post.id) for post in page.data]
            newest = str(max([*ids, int(mark.newest or mark.since or 0)]))
            if not (token and whole):
                mark = Bookmark(since=newest, root=mark.root)
                yield page, mark
                break
            mark = structs.replace(mark, newest=newest, until=str(min(ids)) if ids else mark.until)
            yield page, mark
        if not gap:
            return
