"""Reads a list page by page, in the four ways in which CRMs page, so that nothing is skipped and the end comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

from hub import Answer, Contact, RejectedError
from plugins.crm_generic import wire
from plugins.crm_generic.settings import List, Paging

Params = dict[str, Any]
Call = Callable[[str, Params], Answer]
"""Make the listing's call: path, or a whole address on the CRM's host, and parameters."""

# How often a list may have moved further than the overlap before we give up and come back later.
_STEPS_BACK = 5
_LINK = re.compile(r'<([^>]*)>\s*;[^<]*?\brel="?next"?(?=[\s;,]|$)', re.IGNORECASE)


class Page(NamedTuple):
    """One page: the answer it came in, its contacts, and whether it is surely the last one."""

    answer: Answer
    contacts: list[Contact]
    last: bool


class Pager:
    """Reads the pages of one listing."""

    def __init__(self, listing: List, read: Callable[[list[Any]], list[Contact]]) -> None:
        self._path = listing.path
        self._paging = listing.paging
        self._items = wire.getter(listing.items)
        self._next = wire.getter(listing.paging.next if listing.paging else None)
        self._more = wire.getter(listing.paging.more if listing.paging else None)
        self._read = read

    def pages(self, call: Call, params: Params) -> Iterator[Page]:
        """Yield the pages. Raises TransientError for a page that cannot be right."""
        paging = self._paging
        if paging is None:
            answer, _, contacts = self._get(call, self._path, params)
            yield Page(answer, contacts, last=True)
            return
        if paging.size_param:
            params = {**params, paging.size_param: paging.size}
        follow = {"page": self._counted, "offset": self._counted, "cursor": self._led, "link": self._led}
        yield from follow[paging.kind](call, params, paging)

    def _get(self, call: Call, path: str, params: Params) -> tuple[Answer, Any, list[Contact]]:
        answer = call(path, params)
        if not answer.body:  # 204: amoCRM's way to say that nothing was found
            return answer, None, []
        body = answer.json()
        try:
            items = self._items(body)
        except ValueError as error:
            raise misfit(answer, "contacts.list.items", str(error)) from None
        if not isinstance(items, list):
            raise misfit(answer, "contacts.list.items", f"gave {type(items).__name__} instead of a list")
        try:
            return answer, body, self._read(items)
        except ValueError as error:
            raise misfit(answer, "map", str(error)) from None

    def _counted(self, call: Call, params: Params, paging: Paging) -> Iterator[Page]:
        """Page by number or by offset: the end is an empty page, or what `more` says.

        A short page is no end: many CRMs cap the size in silence. Offsets overlap, and step back when the
        list has moved by more than the overlap; page numbers cannot, so their list needs an order that stays.
        """
        at = paging.start if paging.kind == "page" else 0
        before: dict[str, Contact] = {}
        steps_back = 0
        while True:
            answer, body, contacts = self._get(call, self._path, {**params, paging.param: at})
            ids = {contact.remote_id: contact for contact in contacts}
            if ids and list(ids) == list(before):
                raise misfit(answer, "contacts.list.paging.param", "the page is the same as the one before it")
            # After a page of one record the overlap is empty, and so may be the next page.
            overlaps = not before or not ids.keys().isdisjoint(before) or (not ids and len(before) == 1)
            if paging.kind == "offset" and not overlaps:
                steps_back += 1
                if steps_back > _STEPS_BACK:
                    raise misfit(answer, "contacts.list.paging", "the list moves faster than it can be read")
                at = max(0, at - paging.size)
                before = {}
                continue
            new = [contact for contact in contacts if before.get(contact.remote_id) != contact]
            last = not contacts or (
                paging.more is not None and not wire.truth(self._look(self._more, answer, body))
            )
            if paging.kind == "offset":
                last = last or (not new and len(contacts) <= paging.overlap)
                at += max(1, len(contacts) - paging.overlap)
            else:
                at += 1
            yield Page(answer, new, last)
            if last:
                return
            before = ids

    def _led(self, call: Call, params: Params, paging: Paging) -> Iterator[Page]:
        """Follow the cursor or the link that each page gives for the next one.

        Should the CRM not know one that it gave, the pages are read anew, once.
        """
        path, first = self._path, params
        seen: set[str] = set()
        anew = False
        while True:
            try:
                answer, body, contacts = self._get(call, path, params)
            except RejectedError:
                if anew or not seen:
                    raise
                anew, path, params = True, self._path, first
                seen.clear()
                continue
            if paging.next is not None:
                found = self._look(self._next, answer, body)
                following = "" if found is False else str(found) if found is not None else ""
            else:
                link = _LINK.search(answer.headers.get("link", ""))
                following = link[1] if link else ""
            yield Page(answer, contacts, last=not following)
            if not following:
                return
            if following in seen:
                raise misfit(answer, "contacts.list.paging.next", "it leads in a circle")
            seen.add(following)
            if paging.kind == "cursor":
                params = {**params, paging.param: following}
            else:
                path, params = _same_host(answer, following)

    @staticmethod
    def _look(get: wire.Get, answer: Answer, body: Any) -> Any:
        try:
            return get(body)
        except ValueError as error:
            raise misfit(answer, "contacts.list.paging", str(error)) from None


def _same_host(answer: Answer, link: str) -> tuple[str, Params]:
    """Return address and parameters of a next page; its host must be the CRM's, which gets our credentials.

    Scheme and port stay ours: a CRM behind a proxy often writes links with those that it sees itself.
    """
    here, there = urlsplit(answer.url), urlsplit(urljoin(answer.url, link))
    if there.hostname != here.hostname:
        raise misfit(answer, "contacts.list.paging.next", f"it leads to another host, {there.hostname}")
    return f"{here.scheme}://{here.netloc}{there.path}", dict(parse_qs(there.query, keep_blank_values=True))


def misfit(answer: Answer, key: str, why: str) -> Exception:
    """Return the error for an answer that a key of the settings does not fit."""
    error = answer.misread(f"{key}: {why}")
    error.hint = f"compare {key} in hub.toml with what the CRM answers"
    return error
