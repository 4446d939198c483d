"""Reads a list page by page, in the five ways in which CRMs page, so that nothing is skipped and the end comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

from hub import Answer, Contact, RejectedError, StaleCursor
from plugins.crm_generic import wire
from plugins.crm_generic.expressions import Get, getter
from plugins.crm_generic.listing import List, Paging
from plugins.crm_generic.refusals import misfit


class Place(NamedTuple):
    """Where a page is: values of placeholders, parameters beside those of the list, or a whole address."""

    values: Mapping[str, Any] = {}
    extra: Mapping[str, Any] = {}
    link: tuple[str, Mapping[str, Any]] | None = None


Call = Callable[[Place], Answer]
"""Make the listing's call for a page."""

# How often a list may have moved further than the overlap before we give up and come back later.
_STEPS_BACK = 5
_LINK = re.compile(r'<([^>]*)>\s*;[^<]*?\brel="?next"?(?=[\s;,]|$)', re.IGNORECASE)


class Page(NamedTuple):
    """One page: the answer it came in, its contacts, and whether it is surely the last one.

    `complete` on the last one says that no record can have slipped between two pages.
    """

    answer: Answer
    contacts: list[Contact]
    last: bool
    complete: bool = False


class Pager:
    """Reads the pages of one listing; `key` is where it stands in the settings."""

    def __init__(self, key: str, listing: List, read: Callable[[list[Any]], list[Contact]]) -> None:
        self._key = key
        self._paging = listing.paging
        self._placed = listing.holds("at")
        self._items = getter(listing.items)
        self._next = getter(listing.paging.next if listing.paging else None)
        self._more = getter(listing.paging.more if listing.paging else None)
        self._read = read

    def pages(self, call: Call) -> Iterator[Page]:
        """Yield the pages. Raises TransientError for a page that cannot be right."""
        paging = self._paging
        if paging is None:
            answer, _, contacts = self._get(call, Place())
            yield Page(answer, contacts, last=True, complete=True)
            return
        follow = {
            "page": self._counted,
            "offset": self._counted,
            "cursor": self._led,
            "link": self._led,
            "after": self._after,
        }
        yield from follow[paging.kind](call, paging)

    def _place(self, paging: Paging, at: Any = None) -> Place:
        at = paging.first if at is None else at
        values: dict[str, Any] = {"size": paging.size}
        extra: dict[str, Any] = {}
        if paging.size_param:
            extra[paging.size_param] = paging.size
        if at is not None:
            if self._placed:
                values["at"] = at
            else:
                extra[paging.param] = at
        return Place(values, extra)

    def _get(self, call: Call, place: Place) -> tuple[Answer, Any, list[Contact]]:
        answer = call(place)
        if not answer.body:  # 204: amoCRM's way to say that nothing was found
            return answer, None, []
        body = answer.json()
        try:
            items = self._items(body)
        except ValueError as error:
            raise misfit(answer, f"{self._key}.items", str(error)) from None
        if not isinstance(items, list):
            raise misfit(answer, f"{self._key}.items", f"gave {type(items).__name__} instead of a list")
        try:
            return answer, body, self._read(items)
        except ValueError as error:
            raise misfit(answer, "map", str(error)) from None

    def _counted(self, call: Call, paging: Paging) -> Iterator[Page]:
        """Page by number or by offset: the end is an empty page, or what `more` says.

        A short page is no end: many CRMs cap the size in silence. Offsets overlap, and step back when the
        list has moved by more than the overlap; page numbers cannot, so their list needs an order that stays,
        and is looked through once more before it counts as complete.
        """
        at = paging.start if paging.kind == "page" else 0
        before: dict[str, Contact] = {}
        pages: list[list[str]] = []
        steps_back = 0
        while True:
            answer, body, contacts = self._get(call, self._place(paging, at))
            ids = {contact.remote_id: contact for contact in contacts}
            if ids and list(ids) == list(before):
                raise misfit(answer, f"{self._key}.paging.param", "the page is the same as the one before it")
            # After a page of one record the overlap is empty, and so may be the next page.
            overlaps = not before or not ids.keys().isdisjoint(before) or (not ids and len(before) == 1)
            if paging.kind == "offset" and not overlaps:
                steps_back += 1
                if steps_back > _STEPS_BACK:
                    raise misfit(answer, f"{self._key}.paging", "the list moves faster than it can be read")
                at = max(0, at - paging.size)
                before = {}
                continue
            new = [contact for contact in contacts if before.get(contact.remote_id) != contact]
            pages.append(list(ids))
            last = not contacts or self._ends(answer, body, paging)
            if paging.kind == "offset":
                last = last or (not new and len(contacts) <= paging.overlap)
                at += max(1, len(contacts) - paging.overlap)
            else:
                at += 1
            if not last:
                yield Page(answer, new, last=False)
                before = ids
                continue
            if paging.kind == "page" and len([page for page in pages if page]) > 1:
                yield Page(answer, new, last=False)
                yield from self._once_more(call, paging, answer, pages)
            else:
                yield Page(answer, new, last=True, complete=True)
            return

    def _once_more(self, call: Call, paging: Paging, answer: Answer, pages: list[list[str]]) -> Iterator[Page]:
        """End a list paged by number: complete if a second look shows the same pages.

        What was deleted before a page was read has moved a record over to the page before, where it shows now.
        """
        same = True
        for number, known in enumerate(pages[:-1]):
            if same:
                answer, _, contacts = self._get(call, self._place(paging, paging.start + number))
                same = [contact.remote_id for contact in contacts] == known
                if not same:
                    yield Page(answer, contacts, last=False)
        yield Page(answer, [], last=True, complete=same)

    def _after(self, call: Call, paging: Paging) -> Iterator[Page]:
        """Ask for what comes after the greatest id so far; the list is in the order of its ids."""
        at: str | None = None
        while True:
            answer, body, contacts = self._get(call, self._place(paging, at))
            ids = [contact.remote_id for contact in contacts]
            last = not ids or self._ends(answer, body, paging)
            yield Page(answer, contacts, last, complete=last)
            if last:
                return
            following = max(ids, key=int) if all(one.isdecimal() for one in ids) else ids[-1]
            if following == at:
                raise misfit(answer, f"{self._key}.paging", "it asks for the same page again: {at} is not heeded")
            at = following

    def _ends(self, answer: Answer, body: Any, paging: Paging) -> bool:
        return paging.more is not None and not wire.truth(self._look(self._more, answer, body))

    def _led(self, call: Call, paging: Paging) -> Iterator[Page]:
        """Follow the cursor or the link that each page gives for the next one.

        Should the CRM not know one that it gave, the pages are read anew, once.
        """
        first = place = self._place(paging)
        seen: set[str] = set()
        anew = False
        while True:
            try:
                answer, body, contacts = self._get(call, place)
            except RejectedError as error:
                if anew or not seen or isinstance(error, StaleCursor):
                    raise
                anew, place = True, first
                seen.clear()
                continue
            if paging.next is not None:
                found = self._look(self._next, answer, body)
                following = "" if found is False else str(found) if found is not None else ""
            else:
                link = _LINK.search(answer.headers.get("link", ""))
                following = link[1] if link else ""
            yield Page(answer, contacts, last=not following, complete=not following)
            if not following:
                return
            if following in seen:
                raise misfit(answer, f"{self._key}.paging.next", "it leads in a circle")
            seen.add(following)
            if paging.kind == "cursor":
                place = self._place(paging, following)
            else:
                place = Place(link=_same_host(f"{self._key}.paging.next", answer, following))

    def _look(self, get: Get, answer: Answer, body: Any) -> Any:
        try:
            return get(body)
        except ValueError as error:
            raise misfit(answer, f"{self._key}.paging", str(error)) from None


def _same_host(key: str, answer: Answer, link: str) -> tuple[str, dict[str, Any]]:
    """Return address and parameters of a next page; its host must be the CRM's, which gets our credentials.

    Scheme and port stay ours: a CRM behind a proxy often writes links with those that it sees itself.
    """
    here, there = urlsplit(answer.url), urlsplit(urljoin(answer.url, link))
    if there.hostname != here.hostname:
        raise misfit(answer, key, f"it leads to another host, {there.hostname}")
    return f"{here.scheme}://{here.netloc}{there.path}", dict(parse_qs(there.query, keep_blank_values=True))
