"""Claims of every reading verb: repeating is fine, skipping is not, whatever happens between two pages."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from hub.errors import HubError, StaleCursor
from hub.models import clean_text
from hub.testing.contract.ground import calls_of, nth
from hub.testing.contract.shelf import Drift, ReadingGround, Shelf, some
from hub.testing.contract.verbs import Answers, OwnPosts, People, Reading
from hub.testing.faults import too_many

_SEED = 20260101
# An hour is past every deadline, so that nothing is tried again.
_NO_MORE = too_many("3600")

_ARRANGEMENTS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "reversed": lambda page: page[::-1],
    "shuffled": lambda page: random.Random(_SEED).sample(page, len(page)),  # noqa: S311  # no secret
    "repeating": lambda page: [*page, *page[:3]],
}


class Paging(ReadingGround):
    area: ClassVar[str] = "reading"

    def test_the_first_read_of_an_empty_network_leaves_a_cursor(self, reading: Reading, shelf: Shelf) -> None:
        if isinstance(reading, Answers | People):
            pytest.skip(f"{reading.verb} may begin without a cursor")
        batches = shelf.read()
        assert batches, (
            f"{reading.verb} found nothing and yielded no batch: without a cursor the next read is a first read "
            "again, and shows only the newest page of what came meanwhile; yield Batch([], cursor)"
        )
        assert shelf.cursor is not None, (
            f"{reading.verb} found nothing and left no cursor: the next read is a first read again, and shows "
            "only the newest page of what came meanwhile"
        )

    def test_the_first_read_brings_what_is_there(self, reading: Reading, shelf: Shelf) -> None:
        wanted = reading.add(5)
        shelf.read()
        missing = set(wanted) - shelf.items.keys()
        assert not missing, (
            f"{len(missing)} of 5 items did not come with the first read of {reading.verb}: {some(missing)}. It "
            f"brought {some(shelf.items) or 'nothing'}: the remote_id must be the network's own id, in full"
        )

    def test_what_comes_after_a_cursor_comes_with_the_next_read(self, reading: Reading, shelf: Shelf) -> None:
        reading.add(3)
        shelf.read()
        wanted = reading.add(3)
        shelf.read()
        missing = set(wanted) - shelf.items.keys()
        assert not missing, f"what came after the cursor was skipped by {reading.verb}: {some(missing)}"

    def test_what_comes_after_an_empty_first_read_comes(self, reading: Reading, shelf: Shelf) -> None:
        shelf.read()
        wanted = reading.add(30)
        missing = shelf.read_all(wanted)
        assert not missing, (
            f"after a first read that found nothing, {reading.verb} skipped what came next: {some(missing)}. "
            "Leave the cursor at the network's beginning, not at the present moment by our clock"
        )

    def test_what_shares_its_moment_with_the_cursor_is_not_skipped(self, reading: Reading, shelf: Shelf) -> None:
        moment = datetime.now(UTC).replace(microsecond=0)
        for number in range(3):
            wanted = reading.add(1, at=moment)
            shelf.read()
            missing = set(wanted) - shelf.items.keys()
            assert not missing, (
                f"item {number + 1} of the same second was skipped by {reading.verb}: a cursor is inclusive, so "
                "ask for what is at or after it (>=, not >); repeats do no harm"
            )

    def test_a_second_read_from_one_cursor_brings_the_same_or_more(self, reading: Reading, account: Any) -> None:
        first = Shelf(reading, account)
        first.read()
        reading.add(3)
        once, again = (Shelf(reading, account, first.cursor) for _ in range(2))
        once.read()
        again.read()
        lost = once.items.keys() - again.items.keys()
        assert not lost, (
            f"{reading.verb} read twice from one cursor did not show {some(lost)} again: the adapter remembers "
            "how far it has read. Only the cursor may: if the hub dies before it has stored a page, it asks again"
        )

    def test_another_account_object_reads_on_from_the_cursor(
        self, reading: Reading, shelf: Shelf, opened: Callable[..., Any]
    ) -> None:
        reading.add(2)
        shelf.read()
        wanted = reading.add(2)
        later = Shelf(reading, opened(), shelf.cursor)
        missing = later.read_all(wanted)
        assert not missing, (
            f"after a restart {reading.verb} skipped {some(missing)}: it keeps in memory what belongs in the "
            "cursor"
        )

    def test_ids_are_unique_and_stay(self, reading: Reading, account: Any) -> None:
        wanted = reading.add(5)
        reads = []
        for _ in range(2):
            shelf = Shelf(reading, account)
            shelf.read()
            reads.append([item.remote_id for batch in shelf.batches for item in batch.items])
        assert set(reads[0]) >= set(wanted) or len(set(reads[0])) >= 5, (
            f"5 items have {len(set(reads[0]))} ids in {reading.verb}: two items with one id are one item to the "
            "hub"
        )
        assert set(reads[0]) == set(reads[1]), (
            f"the ids of {reading.verb} differ between two reads of the same "
            f"({some(set(reads[0]) ^ set(reads[1]))}): each item would be stored anew at every read"
        )

    def test_many_items_come_over_all_pages(self, reading: Reading, shelf: Shelf) -> None:
        reading.add(1)
        shelf.read()
        wanted = reading.add(reading.many)
        missing = shelf.read_all(wanted)
        assert not missing, (
            f"{reading.verb} skipped {len(missing)} of {reading.many} items: {some(missing)}. Read all pages "
            "between the cursor and now, and move the cursor only when no gap is left behind it"
        )

    def test_nothing_that_stays_is_skipped_while_the_list_moves(self, reading: Reading, shelf: Shelf) -> None:
        standing = reading.add(1)
        shelf.read()
        standing += reading.add(reading.many)
        drift = Drift(reading, standing)
        reading.network.after = drift
        shelf.read()
        reading.network.after = None
        missing = shelf.read_all([*drift.standing, *drift.came])
        assert not missing, (
            f"items came and vanished between two pages, and {reading.verb} skipped {len(missing)} that were "
            f"there all the time or came meanwhile: {some(missing)}. Page by ids or the network's cursors; where "
            "there are only offsets, let pages overlap"
        )

    @pytest.mark.parametrize("order", _ARRANGEMENTS)
    def test_pages_in_another_order_or_with_repeats_skip_nothing(
        self, reading: Reading, shelf: Shelf, order: str
    ) -> None:
        reading.add(1)
        shelf.read()
        wanted = reading.add(min(reading.many, 120))
        reading.network.arrange = _ARRANGEMENTS[order]
        missing = shelf.read_all(wanted)
        assert not missing, (
            f"the network's pages came {order}, and {reading.verb} skipped {len(missing)} items: {some(missing)}. "
            "Take the greatest of a page as the next cursor, not the last, and count no items to find the end"
        )

    def test_a_read_that_breaks_off_anywhere_goes_on_without_a_gap(self, reading: Reading, account: Any) -> None:
        reading.add(1)
        begin = Shelf(reading, account)
        begin.read()
        wanted = reading.add(reading.many)
        pages = len(calls_of(reading.network, Shelf(reading, account, begin.cursor).read))
        for place in range(min(pages, 8)):
            shelf = Shelf(reading, account, begin.cursor)
            reading.network.inject(_NO_MORE, nth(place))
            with pytest.raises(HubError):
                shelf.read()
                pytest.fail(
                    f"call {place + 1} of {reading.verb} was answered with HTTP 429, and it ended as if all was "
                    "read: an error in the middle must be raised, or what was not read counts as not there"
                )
            reading.network.calm()
            missing = shelf.read_all(wanted)
            assert not missing, (
                f"{reading.verb} broke off at call {place + 1} of {pages}, went on from the last cursor it had "
                f"yielded, and skipped {len(missing)} items: {some(missing)}. If the newest come first, hand the "
                "old cursor along until the last page"
            )

    def test_a_cursor_that_the_network_forgot_loses_nothing(self, reading: Reading, shelf: Shelf) -> None:
        reading.add(3)
        shelf.read()
        wanted = reading.add(3)
        reading.network.stale_cursors = True
        try:
            shelf.read()
        except HubError as error:
            assert isinstance(error, StaleCursor), (
                f"the network no longer knows the cursor, and {reading.verb} raised {type(error).__name__} "
                f"({error}): that comes again at every read. Raise hub.StaleCursor, and the hub reads from the "
                "start"
            )
            shelf.cursor = None
        missing = shelf.read_all(wanted)
        assert not missing, (
            f"the network no longer knew the cursor, and {reading.verb} skipped {some(missing)}: raise "
            "hub.StaleCursor, or read from the start by itself"
        )

    def test_reading_changes_nothing_on_the_network(self, reading: Reading, shelf: Shelf) -> None:
        reading.add(3)
        before = reading.picture()
        shelf.read()
        shelf.read()
        assert reading.picture() == before, (
            f"{reading.verb} changed what the network holds: reading must not write"
        )

    def test_odd_characters_in_foreign_text_are_survived(self, reading: Reading, shelf: Shelf) -> None:
        if isinstance(reading, OwnPosts):
            pytest.skip(f"{reading.verb} reads our own texts")
        wanted = [
            reading.put("a NUL \0 in it"),
            reading.put("half an emoji \ud83d in it"),
            reading.put("Ünï 🎉 李"),
        ]
        try:
            shelf.read()
        except Exception as error:
            pytest.fail(
                f"{reading.verb} stumbled over a NUL or half an emoji in foreign text, and would at every read: "
                f"{type(error).__name__}: {error}. Decode with Answer.decode, pass texts through hub.clean_text"
            )
        missing = set(wanted) - shelf.items.keys()
        assert not missing, f"{reading.verb} left out items with odd characters: {some(missing)}"
        for remote_id in wanted:
            item = shelf.items[remote_id]
            text = str(getattr(item, "text", None) or getattr(item, "name", ""))
            assert clean_text(text) == text, (
                f"{reading.verb} gave the text {text!r}, which no database holds: pass it through hub.clean_text"
            )
