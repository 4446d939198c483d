"""Whole lists and changes: when a list is called complete, and how each kind of feed goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from hub import Batch, Contact, GoneError, StaleCursor, TransientError
from hub.testing import Double, Reply, Request, open_adapter
from plugins.crm_generic import Crm
from plugins.crm_generic.wire import Bookmark, cursor_of


class Listing(Double):
    """Records 1 to `count`, by page, by place or after an id; `between` happens after each page."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.ids = list(range(1, count + 1))
        self.between: Callable[[Listing], object] | None = None
        self.changed: dict[str, list[int]] = {}

    def answer(self, request: Request) -> Reply:
        query = request.query
        size = int(query.get("size", 10))
        if request.path == "/changes":
            if query["mark"] not in self.changed:
                return Reply({"message": "no such mark"}, status=410)
            return Reply({"data": [{"id": one} for one in self.changed[query["mark"]]], "mark": "two"})
        if "after" in query or "page" not in query:
            start = sum(one <= int(query.get("after") or 0) for one in self.ids)
        else:
            start = (int(query["page"]) - 1) * size
        found = self.ids[start : start + size]
        reply = Reply({"data": [{"id": one} for one in found], "total": len(self.ids), "mark": "one"})
        if self.between:
            self.between(self)
        return reply


BARE = {"id": "id"}


@contextmanager
def opened(
    double: Double, *, rules: Sequence[dict[str, Any]] = (), record: Mapping[str, str] = BARE, **contacts: Any
) -> Iterator[Crm]:
    settings = {
        "api_url": double.url,
        "auth": {"kind": "bearer", "secret": "s3cr3t"},
        "check": {"path": "/me", "id": "id"},
        "contacts": {name: {"path": f"/{name}", "items": "data", **listing} for name, listing in contacts.items()},
        "map": dict(record),
        "errors": list(rules),
    }
    adapter = open_adapter(Crm, settings, deadline=1.0)
    try:
        yield adapter
    finally:
        adapter.http.close()


def seen(batches: list[Batch[Contact]]) -> set[int]:
    return {int(one.remote_id) for batch in batches for one in batch.items}


PAGE = {"kind": "page", "param": "page", "size_param": "size", "size": 10}
AFTER = {"kind": "after", "param": "after", "size_param": "size", "size": 10}


def lose_the_first(double: Listing) -> None:
    """Delete a record that was read already, so that the next page begins one too late."""
    if double.ids[0] == 1:
        del double.ids[0]


@pytest.mark.parametrize("paging", [PAGE, AFTER], ids=["page", "after"])
def test_a_list_that_stands_still_is_complete_at_its_end(paging: dict[str, Any]) -> None:
    with Listing(35) as double, opened(double, list={"paging": paging}) as crm:
        batches = list(crm.pull_contacts(None))
    assert seen(batches) == set(range(1, 36))
    assert [batch.complete for batch in batches] == [False] * (len(batches) - 1) + [True]


def test_pages_that_moved_are_not_complete_and_a_second_look_brings_what_slipped_through() -> None:
    with Listing(35) as double, opened(double, list={"paging": PAGE}) as crm:
        double.between = lose_the_first
        batches = list(crm.pull_contacts(None))
    assert not batches[-1].complete
    assert 11 in seen(batches)


def test_what_comes_after_an_id_is_complete_however_the_list_moves() -> None:
    with Listing(35) as double, opened(double, list={"paging": AFTER}) as crm:
        double.between = lose_the_first
        batches = list(crm.pull_contacts(None))
    assert (seen(batches), batches[-1].complete) == (set(range(1, 36)), True)


def test_ids_are_compared_as_numbers() -> None:
    with Listing(120) as double, opened(double, list={"paging": AFTER}) as crm:
        assert len(seen(list(crm.pull_contacts(None)))) == 120


def test_a_list_that_does_not_heed_after_is_an_error_and_no_loop() -> None:
    with Listing(5) as double, opened(double, list={"paging": {**AFTER, "param": "from"}}) as crm:
        with pytest.raises(TransientError, match="it asks for the same page again"):
            list(crm.pull_contacts(None))
        assert len(double.calls) == 2


def test_places_may_stand_anywhere_in_the_parameters() -> None:
    listing = {"params": {"after": "{at}", "size": "{size}"}, "paging": {"kind": "after", "size": 10}}
    with Listing(25) as double, opened(double, list=listing) as crm:
        assert len(seen(list(crm.pull_contacts(None)))) == 25
        assert [call.query for call in double.calls][:2] == [{"size": "10"}, {"after": "10", "size": "10"}]


CHANGES: dict[str, Any] = {
    "list": {"paging": AFTER, "bookmark": "mark"},
    "changes": {"params": {"mark": "{bookmark}"}, "bookmark": "mark"},
}


def test_after_a_whole_read_the_bookmark_brings_only_what_changed() -> None:
    with Listing(25) as double, opened(double, **CHANGES) as crm:
        double.changed = {"one": [7]}
        whole = list(crm.pull_contacts(None))
        news = list(crm.pull_contacts(whole[-1].cursor))
        assert (whole[-1].complete, seen(news), news[-1].complete) == (True, {7}, False)
        double.changed = {"two": []}
        assert seen(list(crm.pull_contacts(news[-1].cursor))) == set()
        assert double.calls[-1].query == {"mark": "two"}


def test_a_bookmark_that_the_crm_forgot_is_stale_and_none_asks_for_all() -> None:
    with Listing(25) as double, opened(double, **CHANGES) as crm:
        cursor = list(crm.pull_contacts(None))[-1].cursor
        with pytest.raises(StaleCursor):
            list(crm.pull_contacts(cursor))
        again = list(crm.pull_contacts(None))
    assert (len(seen(again)), again[-1].complete) == (25, True)


class Silent(Double):
    """A CRM that says "nothing" with an error: 404 to a read of all (Dolibarr), 304 to one of changes (Zoho)."""

    def answer(self, request: Request) -> Reply:
        if "if-modified-since" in request.headers:
            return Reply(None, status=304)
        return Reply({"error": {"message": "No record found"}}, status=404)


EMPTY = (
    {"status": 404, "when": "contains(error.message, 'No record')", "means": "empty"},
    {"status": 304, "means": "empty"},
)


@pytest.mark.parametrize("paging", [None, {"kind": "page", "param": "page"}, {"kind": "offset", "param": "from"}])
def test_a_list_that_is_empty_by_an_error_is_empty(paging: dict[str, Any] | None) -> None:
    listing = {"paging": paging} if paging else {}
    with Silent() as double, opened(double, rules=EMPTY, list=listing) as crm:
        (batch,) = crm.pull_contacts(None)
    assert (batch.items, batch.complete) == ([], True)


def test_what_changed_is_asked_for_in_a_header_and_nothing_changed() -> None:
    since = {"format": "%a, %d %b %Y %H:%M:%S GMT", "overlap": 0}
    listing = {"headers": {"If-Modified-Since": "{since}"}, "since": since}
    timed = {"id": "id", "updated_at": "updated"}
    cursor = cursor_of(Bookmark(updated_at=datetime(2026, 5, 4, 12, tzinfo=UTC)))
    with Silent() as double, opened(double, rules=EMPTY, record=timed, list=listing) as crm:
        (batch,) = crm.pull_contacts(cursor)
        assert double.calls[-1].headers["if-modified-since"] == "Mon, 04 May 2026 12:00:00 GMT"
    assert (batch.items, batch.complete, batch.cursor) == ([], False, cursor)


def test_without_a_rule_an_error_to_a_list_stays_one() -> None:
    with Silent() as double, opened(double, list={}) as crm, pytest.raises(GoneError, match="No record found"):
        list(crm.pull_contacts(None))
