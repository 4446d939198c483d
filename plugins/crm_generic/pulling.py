"""Reads a CRM's contacts: all of them, or what changed since the last read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from hub import Answer, Batch, Contact, GoneError, StaleCursor
from plugins.crm_generic import wire
from plugins.crm_generic.calls import Line
from plugins.crm_generic.expressions import getter
from plugins.crm_generic.listing import List
from plugins.crm_generic.paging import Page, Pager, Place
from plugins.crm_generic.refusals import NothingFound, misfit
from plugins.crm_generic.settings import CrmSettings


class Puller:
    """Reads the contacts of one account."""

    def __init__(self, settings: CrmSettings, line: Line, read: Callable[[Sequence[Any]], list[Contact]]) -> None:
        self._line = line
        self._zone = settings.map.timezone
        self._all = settings.contacts.list
        self._changes = settings.contacts.changes or self._all
        self._pagers = {
            key: Pager(f"contacts.{key}", listing, read)
            for key, listing in (("list", self._all), ("changes", self._changes))
        }

    def pull(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        """Read the whole list, or what changed since; only the last batch moves the cursor.

        The pages come in no promised order, and a contact may change while they are read: so the cursor never
        goes beyond the moment, by the CRM's own clock, at which the first page was read.
        """
        bookmark = wire.bookmark_of(cursor)
        if bookmark.updated_at and not self._changes.since:
            bookmark = wire.Bookmark(token=bookmark.token)
        if bookmark.token and not self._changes.holds("bookmark"):
            bookmark = wire.Bookmark(updated_at=bookmark.updated_at)
        whole = bookmark.begins
        key, listing = ("list", self._all) if whole else ("changes", self._changes)
        newest = bookmark.updated_at
        started: datetime | None = None
        token = ""
        for page in self._pages(key, listing, bookmark):
            started = started or wire.http_date(page.answer.headers.get("date"))
            if self._changes.since:
                times = [contact.updated_at for contact in page.contacts if contact.updated_at]
                newest = max(filter(None, (newest, *times)), default=None)
            token = self._token_in(key, listing, page.answer) or token
            if not page.last:
                yield Batch(page.contacts, cursor)
                continue
            ceiling = min(filter(None, (newest, started)), default=None) if newest else None
            following = wire.Bookmark(updated_at=ceiling, token=token or bookmark.token)
            yield Batch(page.contacts, wire.cursor_of(following), complete=whole and page.complete)

    def _pages(self, key: str, listing: List, bookmark: wire.Bookmark) -> Iterator[Page]:
        values = wire.since_of(bookmark.updated_at, listing.since, self._zone)
        if bookmark.token:
            values["bookmark"] = bookmark.token

        def call(place: Place) -> Answer:
            try:
                return self._line.call(
                    listing, {**values, **place.values}, repeatable=True, extra=place.extra, link=place.link
                )
            except NothingFound as nothing:
                return nothing.answer

        try:
            yield from self._pagers[key].pages(call)
        except GoneError as error:
            if not bookmark.token:
                raise
            raise StaleCursor(error.message, hint=error.hint, **error.facts) from None

    def _token_in(self, key: str, listing: List, answer: Answer) -> str:
        if not listing.bookmark or not answer.body:
            return ""
        try:
            found = getter(listing.bookmark)(answer.json())
        except ValueError as error:
            raise misfit(answer, f"contacts.{key}.bookmark", str(error)) from None
        return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
