"""Reads what changed in an address book: by the server's own report, or by comparing the ETags of all cards."""

from __future__ import annotations

from collections.abc import Iterator

from hub import Batch, Contact, RejectedError
from plugins.carddav import dav, wire
from plugins.carddav.dav import DAV
from plugins.carddav.server import Server
from plugins.carddav.wire import Bookmark

# Cards may hold pictures: fifty of them stay well below the size that an answer may have.
_AT_ONCE = 50
_GONE = (404, 410)
_MORE = 507


def changes(server: Server, mark: Bookmark | None) -> Iterator[Batch[Contact]]:
    """Ask part by part. A first read leaves no bookmark until its end, so that it is one whole."""
    path, first = server.book.path, mark is None
    token = mark.token if mark is not None else ""
    whole = first
    while True:
        page = server.report(dav.changes(token))
        if not page.token:
            raise RejectedError("the address book tells what changed, and gives no token to go on from")
        told = [(name, one.status) for one in page.found if (name := server.name(one.path))]
        # What a first read names as deleted was never known here.
        items = (
            [] if first else [Contact(remote_id=name, deleted=True) for name, status in told if status in _GONE]
        )
        names = dict.fromkeys(name for name, status in told if status not in (*_GONE, _MORE))
        before = None if first else Bookmark(path, token).as_cursor()
        for some in wire.chunks(list(names), _AT_ONCE):
            if items:
                yield Batch(items, before)
            items, all_of_them = server.cards(some)
            whole = whole and all_of_them
        after = Bookmark(path, page.token).as_cursor()
        if not any(one.status == _MORE for one in page.found):
            # What could not be read is not gone: then nothing is said of what was not seen.
            yield Batch(items, after, complete=whole)
            return
        if page.token == token:
            raise RejectedError("the address book tells the same part of what changed again and again")
        yield Batch(items, None if first else after)
        token = page.token


def differences(server: Server, mark: Bookmark | None) -> Iterator[Batch[Contact]]:
    """List all ETags and read the cards whose are others; list nothing if the book's own tag is the same."""
    known = mark.etags if mark is not None else {}
    tag = server.tag()
    if mark is not None and tag and tag == mark.tag:
        yield Batch([], mark.as_cursor())
        return
    etags = {
        name: wire.short(one.text(f"{DAV}getetag"))
        for one in server.properties(f"{DAV}getetag", f"{DAV}resourcetype", depth=1)
        if f"{DAV}collection" not in one.names(f"{DAV}resourcetype") and (name := server.name(one.path))
    }
    before = mark.as_cursor() if mark is not None else None
    items = [Contact(remote_id=name, deleted=True) for name in known if name not in etags]
    whole = mark is None
    for some in wire.chunks([name for name, etag in etags.items() if known.get(name) != etag], _AT_ONCE):
        if items:
            yield Batch(items, before)
        items, all_of_them = server.cards(some)
        whole = whole and all_of_them
    yield Batch(items, Bookmark(server.book.path, tag=tag, etags=etags).as_cursor(), complete=whole)
