"""Mistakes that plugin authors make in reading, each a plugin of its own, and the kit's words that name it."""

from __future__ import annotations

import html
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar, NamedTuple, TypeVar

from msgspec import structs
from support import Village, VillageDouble, village

import hub
from hub.testing import Double, Refusal, Reply, Request
from plugins.crm_generic import Crm
from plugins.crm_generic.sandbox import CrmDouble

A = TypeVar("A", bound=type[hub.Adapter])


class Mistake(NamedTuple):
    """`adapter` makes it; the test `caught_by` must fail on `double`, with `says` in what it prints."""

    adapter: type[hub.Adapter]
    double: type[Double]
    caught_by: str
    says: str

    @property
    def test(self) -> str:
        return self.caught_by.partition("[")[0]


MISTAKES: list[Mistake] = []


def caught(by: str, says: str, double: type[Double] = VillageDouble) -> Callable[[A], A]:
    def note(adapter: A) -> A:
        MISTAKES.append(Mistake(adapter, double, by, says))
        return adapter

    return note


def changed(batch: hub.Batch[Any], change: Callable[[Any], Any]) -> hub.Batch[Any]:
    return structs.replace(batch, items=[change(item) for item in batch.items])


class Changed(Village):
    """Changes what the village gives: the sloppy ones below say what."""

    def post(self, item: hub.RemotePost) -> hub.RemotePost:
        return item

    def mention(self, item: hub.Mention) -> hub.Mention:
        return item

    def fetch_posts(self, cursor: str | None) -> Iterator[hub.Batch[hub.RemotePost]]:
        for batch in super().fetch_posts(cursor):
            yield changed(batch, self.post)

    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        for batch in super().fetch_mentions(cursor):
            yield changed(batch, self.mention)

    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        for batch in super().fetch_replies(thread, cursor):
            yield changed(batch, self.mention)


# Timelines


@caught("test_a_post_bears_the_id_of_its_receipt", "would take this one for a new post")
class OtherIds(Changed):
    def post(self, item: hub.RemotePost) -> hub.RemotePost:
        return structs.replace(item, remote_id=f"post/{item.remote_id}")


@caught("test_a_post_bears_the_time_at_which_it_was_made", "in its own time zone")
class MoscowTime(Changed):
    def post(self, item: hub.RemotePost) -> hub.RemotePost:
        return structs.replace(item, sent_at=item.sent_at + timedelta(hours=3))


@caught("test_a_post_bears_the_time_at_which_it_was_made", "has no sent_at")
class NoTime(Changed):
    def post(self, item: hub.RemotePost) -> hub.RemotePost:
        return structs.replace(item, sent_at=None)


@caught("test_a_post_says_what_was_published", "take the network's escapes and tags out")
class Escaped(Changed):
    def post(self, item: hub.RemotePost) -> hub.RemotePost:
        return structs.replace(item, text=html.escape(item.text))


@caught("test_an_edit_shows", "shown as it was before")
class OldTexts(Changed):
    def post(self, item: hub.RemotePost) -> hub.RemotePost:
        return structs.replace(item, text="Before the edit, something else")


@caught("test_a_deleted_post_does_not_come_back", "is still shown")
class RemembersPosts(Village):
    def delete(self, remote_id: str) -> None:
        pass


@caught("test_a_post_that_the_network_shows_late_is_not_skipped", "present moment by our clock")
class ClockCursor(Village):
    def fetch_posts(self, cursor: str | None) -> Iterator[hub.Batch[hub.RemotePost]]:
        for batch in super().fetch_posts(None):
            fresh = [item for item in batch.items if item.sent_at.timestamp() >= float(cursor or 0)]
            yield hub.Batch(fresh, str(time.time()))


@caught("test_a_part_of_a_thread_names_the_part_before", "routed on as a post of its own")
class ForgetsThreads(Changed):
    def post(self, item: hub.RemotePost) -> hub.RemotePost:
        return structs.replace(item, reply_to=None)


@caught("test_what_others_say_is_not_on_our_timeline", "published in our name")
class TakesOthersPosts(Village):
    def fetch_posts(self, cursor: str | None) -> Iterator[hub.Batch[hub.RemotePost]]:
        yield from super().fetch_posts(cursor)
        for batch in super().fetch_mentions(None):
            items = [hub.RemotePost(remote_id=item.remote_id, text=item.text) for item in batch.items]
            yield hub.Batch(items, cursor)


@caught("test_what_comes_after_a_cursor_comes_with_the_next_read[fetch_posts]", "must yield hub.Batch")
class YieldsItems(Village):
    def fetch_posts(self, cursor: str | None) -> Iterator[Any]:
        for batch in super().fetch_posts(cursor):
            yield from batch.items


# Pages and cursors


@caught("test_the_first_read_of_an_empty_network_leaves_a_cursor[fetch_mentions]", "yielded no batch")
class SilentWhenEmpty(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        for batch in super().fetch_mentions(cursor):
            if batch.items:
                yield batch


@caught("test_the_first_read_of_an_empty_network_leaves_a_cursor[fetch_mentions]", "left no cursor")
class NoCursorWhenEmpty(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        for batch in super().fetch_mentions(cursor):
            yield batch if batch.items else hub.Batch([], cursor)


@caught("test_what_shares_its_moment_with_the_cursor_is_not_skipped[fetch_mentions]", "a cursor is inclusive")
class ExclusiveCursor(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        for batch in super().fetch_mentions(None):
            times = [int(item.sent_at.timestamp()) for item in batch.items]
            fresh = [
                item for item, at in zip(batch.items, times, strict=True) if cursor is None or at > int(cursor)
            ]
            yield hub.Batch(fresh, str(max([int(cursor or 0), *times])))


@caught("test_a_second_read_from_one_cursor_brings_the_same_or_more[fetch_mentions]", "Only the cursor may")
class RemembersWhatItGave(Changed):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        given = vars(self).setdefault("given", set())
        for batch in super().fetch_mentions(cursor):
            fresh = [item for item in batch.items if item.remote_id not in given]
            given.update(item.remote_id for item in fresh)
            yield hub.Batch(fresh, batch.cursor)


@caught("test_another_account_object_reads_on_from_the_cursor[fetch_mentions]", "after a restart")
class CursorInMemory(Village):
    last = "999999"

    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        for batch in super().fetch_mentions(cursor and self.last):
            self.last = batch.cursor
            yield hub.Batch(batch.items, "somewhere")


@caught("test_ids_are_unique_and_stay[fetch_mentions]", "stored anew at every read")
class FreshIds(Changed):
    def mention(self, item: hub.Mention) -> hub.Mention:
        return structs.replace(item, remote_id=str(uuid.uuid4()))


@caught("test_ids_are_unique_and_stay[fetch_mentions]", "one item to the hub")
class PersonsAsIds(Changed):
    def mention(self, item: hub.Mention) -> hub.Mention:
        return structs.replace(item, remote_id=item.author.remote_id)


@caught("test_many_items_come_over_all_pages[fetch_mentions]", "only when no gap is left behind it")
class NewestPageOnly(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        yield from super().fetch_mentions(None)


class NumberedDouble(VillageDouble):
    """A village with offsets, newest first, as old networks page."""

    def answer(self, request: Request) -> Reply:
        if request.path == "/remarks" and "offset" in request.query:
            start = int(request.query["offset"])
            newest_first = self.shown_remarks()[::-1]
            return Reply([self._remark(remark) for remark in newest_first[start : start + 100]])
        return super().answer(request)


class Offsets(Village):
    """Reads by offsets, newest first, until it meets the cursor: rightly, but for what a subclass says."""

    step = 90

    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        newest, start, pages = int(cursor or 0), 0, []
        while True:
            page = self.http.get("/remarks", params={"offset": start}).decode(list[village.Said])
            newest = max([newest, *(item.id for item in page)])
            pages.append([village.to_mention(item) for item in page])
            if len(page) < 100 or cursor is None or page[-1].id < int(cursor):
                break
            start += self.step
        yield from self.given(pages, cursor, str(newest))

    def given(
        self, pages: list[list[hub.Mention]], cursor: str | None, newest: str
    ) -> Iterator[hub.Batch[hub.Mention]]:
        for page in pages[:-1]:
            yield hub.Batch(page, cursor)
        yield hub.Batch(pages[-1], newest)


@caught(
    "test_nothing_that_stays_is_skipped_while_the_list_moves[fetch_mentions]", "let pages overlap", NumberedDouble
)
class BareOffsets(Offsets):
    step = 100


@caught(
    "test_a_read_that_breaks_off_anywhere_goes_on_without_a_gap[fetch_mentions]",
    "hand the old cursor along until the last page",
    NumberedDouble,
)
class CursorTooSoon(Offsets):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        first = self.http.get("/remarks", params={"offset": 0}).decode(list[village.Said])
        newest = str(max([int(cursor or 0), *(item.id for item in first)]))
        yield hub.Batch([village.to_mention(item) for item in first], newest)
        yield from super().fetch_mentions(cursor)


@caught("test_a_read_that_breaks_off_anywhere_goes_on_without_a_gap[fetch_mentions]", "as if all was read")
class SwallowsErrors(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        with suppress(hub.HubError):
            yield from super().fetch_mentions(cursor)


class LastOfThePage(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        more = True
        while more:
            page = self.http.get("/remarks", params={"from": cursor, "limit": 100}).decode(list[village.Said])
            more = cursor is not None and len(page) == 100
            cursor = str(page[-1].id) if page else cursor or "0"
            yield hub.Batch([village.to_mention(item) for item in page], cursor)


_ORDER = "test_pages_in_another_order_or_with_repeats_skip_nothing"
caught(f"{_ORDER}[fetch_mentions-reversed]", "the same page again and again")(LastOfThePage)
caught(f"{_ORDER}[fetch_mentions-repeating]", "count no items to find the end")(LastOfThePage)


class ForgetfulDouble(VillageDouble):
    def answer(self, request: Request) -> Reply:
        if self.stale_cursors and "from" in request.query:
            return Reply({"error": "I do not know this cursor"}, status=400)
        return super().answer(request)


caught(
    "test_a_cursor_that_the_network_forgot_loses_nothing[fetch_mentions]", "Raise hub.StaleCursor", ForgetfulDouble
)(Village)


@caught("test_reading_changes_nothing_on_the_network[fetch_mentions]", "reading must not write")
class ThanksEverybody(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        for batch in super().fetch_mentions(cursor):
            for item in batch.items:
                if item.author.remote_id == "1":  # ourselves
                    continue
                self.reply(item, "Thank you for your message")
            yield batch


@caught("test_odd_characters_in_foreign_text_are_survived[fetch_replies]", "hub.clean_text")
class RawTexts(Village):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        page = self.http.get(f"/posts/{thread.remote_id}/remarks").decode(list[village.Said])
        items = [
            hub.Mention(remote_id=str(item.id), thread_id=item.post, text=item.text + item.text) for item in page
        ]
        yield hub.Batch(items, None, complete=True)


# Faults


@caught("test_one_fault_skips_nothing[fetch_replies-an answer without ids, after it was done]", "answer.misread")
class BareKeys(Village):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        page = self.http.get(f"/posts/{thread.remote_id}/remarks").json()
        items = [hub.Mention(remote_id=str(item["id"]), thread_id=item["post"]) for item in page]
        yield hub.Batch(items, None, complete=True)


@caught(
    "test_a_wrong_answer_that_stays_is_an_error[fetch_mentions-null, after it was done]", "ended with a success"
)
class TakesAnythingForNothing(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        if not self.http.get("/remarks").json():
            yield hub.Batch([], cursor or "0")
            return
        yield from super().fetch_mentions(cursor)


@caught("test_one_fault_skips_nothing[fetch_mentions-HTTP 500]", "a cursor was yielded that is past")
class CursorBeforeReading(Village):
    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        if cursor is not None:
            line, self.http.deadline = self.http.deadline, 0.01
            yield hub.Batch([], "999999")
            try:
                self.http.get("/remarks")
            finally:
                self.http.deadline = line
        yield from super().fetch_mentions(cursor)


@caught("test_a_fault_that_stays_is_a_transient_error[fetch_mentions-HTTP 500]", "raise hub.TransientError")
class BlamesTheCredentials(Village):
    def explain(self, answer: hub.Answer) -> hub.HubError | None:
        return hub.AuthError("something is wrong") if answer.status == 500 else None


# Mentions


@caught("test_a_mention_is_whole", "it is one of")
class OddKind(Changed):
    def mention(self, item: hub.Mention) -> hub.Mention:
        return structs.replace(item, kind="tweet")


@caught("test_authors_keep_their_ids", "the same for all they say")
class AuthorPerRemark(Changed):
    def mention(self, item: hub.Mention) -> hub.Mention:
        return structs.replace(item, author=hub.Author(remote_id=f"by-{item.remote_id}"))


@caught("test_an_answer_to_our_post_names_it_and_what_it_answers", "in no discussion")
class OwnThread(Changed):
    def mention(self, item: hub.Mention) -> hub.Mention:
        return structs.replace(item, thread_id=item.remote_id)


caught("test_every_answer_belongs_to_the_thread_and_to_its_parent", "refuses the whole page")(OwnThread)


@caught("test_an_answer_to_our_post_names_it_and_what_it_answers", "a remark that never comes")
class PostAsParent(Changed):
    def mention(self, item: hub.Mention) -> hub.Mention:
        return structs.replace(item, parent_id=item.parent_id or item.thread_id)


class TombstoneDouble(VillageDouble):
    """A village that goes on showing what was deleted, marked as such."""

    def answer(self, request: Request) -> Reply:
        for remark in self.remarks.values():
            remark.deleted = False
        return super().answer(request)


caught("test_a_deleted_mention_vanishes", "as if it stood", TombstoneDouble)(Village)
caught("test_a_deleted_answer_vanishes_and_may_return", "as if it stood", TombstoneDouble)(Village)


# Threads


class Threads(Village):
    """Reads a thread as the subclass says."""

    def said(self, thread: hub.Thread) -> list[hub.Mention]:
        found = self.http.get(f"/posts/{thread.remote_id}/remarks").decode(list[village.Said])
        return [village.to_mention(item) for item in found]


@caught("test_a_large_and_deep_thread_is_read_as_a_whole", "takes these for deleted")
class TopLevelOnly(Threads):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        yield hub.Batch([item for item in self.said(thread) if item.parent_id is None], None, complete=True)


@caught("test_only_the_last_batch_says_that_the_thread_is_complete", "not the last")
class CompleteAtOnce(Threads):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        found = self.said(thread)
        for start in range(0, max(len(found), 1), 100):
            yield hub.Batch(found[start : start + 100], None, complete=True)


@caught("test_a_complete_thread_is_only_claimed_for_a_whole_read", "brought only the news")
class CompleteNews(Threads):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        found = [item for item in self.said(thread) if int(item.remote_id) >= int(cursor or 0)]
        newest = max([int(cursor or 0), *(int(item.remote_id) for item in found)])
        yield hub.Batch(found, str(newest), complete=True)


@caught("test_an_unchanged_thread_costs_one_call", "one call must be enough")
class AsksForEachAuthor(Threads):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        found = self.said(thread)
        for _ in found:
            self.http.get("/me")
        yield hub.Batch(found, None, complete=True)


@caught("test_an_answer_whose_parent_is_not_shown_does_not_stop_the_read", "came before its parent")
class LooksUpTheParent(Threads):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        found = {item.remote_id: item for item in self.said(thread)}
        for item in found.values():
            assert item.parent_id is None or found[item.parent_id]
        yield hub.Batch(list(found.values()), None, complete=True)


@caught("test_an_edited_answer_shows_its_new_text", "still says")
class FirstWording(Threads):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        first = vars(self).setdefault("first", {})
        found = [first.setdefault(item.remote_id, item) for item in self.said(thread)]
        yield hub.Batch(found, None, complete=True)


@caught("test_what_the_hub_knows_is_not_called_deleted_while_it_stands", "called")
class KnownIsGone(Threads):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        found = [structs.replace(item, deleted=item.remote_id in thread.known) for item in self.said(thread)]
        yield hub.Batch(found, None, complete=True)


@caught("test_the_answers_under_a_post_that_is_gone_are_gone", "raise hub.GoneError")
class GoneIsEmpty(Village):
    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        try:
            yield from super().fetch_replies(thread, cursor)
        except hub.GoneError:
            yield hub.Batch([], None, complete=True)


# Replies


class Replies(Village):
    def say(self, mention: hub.Mention, text: str, **options: Any) -> Any:
        body = {"post": mention.thread_id, "parent": mention.remote_id, "text": text}
        return self.http.post("/remarks", json=body, **options)


@caught("test_the_answer_stands_under_what_it_answers", "taken for another one")
class ReceiptOfTheQuestion(Replies):
    def reply(self, mention: hub.Mention, text: str) -> hub.Receipt:
        self.say(mention, text)
        return hub.Receipt(remote_id=mention.remote_id)


@caught("test_a_lost_answer_to_a_reply_is_unknown_and_not_repeated[answer lost after it was done]", "never retry")
class RepliesAgain(Replies):
    def reply(self, mention: hub.Mention, text: str) -> hub.Receipt:
        made = self.say(mention, text, repeatable=True).decode(village.Made)
        return hub.Receipt(remote_id=str(made.id))


@caught("test_a_lost_answer_to_a_reply_is_unknown_and_not_repeated[null, after it was done]", "hub.UnknownOutcome")
class AnyAnswerIsFine(Replies):
    def reply(self, mention: hub.Mention, text: str) -> hub.Receipt:
        made = self.say(mention, text).json() or {}
        return hub.Receipt(remote_id=str(made.get("id", "somewhere")))


@caught("test_an_answer_to_what_vanished_is_refused", "raise hub.GoneError")
class AnswersNobody(Replies):
    def reply(self, mention: hub.Mention, text: str) -> hub.Receipt:
        self.say(mention, text, accept=(404,))
        return hub.Receipt(remote_id="1")


@caught("test_a_reply_that_failed_is_no_success[truncated answer]", "instead of UnknownOutcome")
class NeverComplains(Replies):
    def reply(self, mention: hub.Mention, text: str) -> hub.Receipt:
        with suppress(hub.HubError):
            return super().reply(mention, text)
        return hub.Receipt(remote_id="1")


# Searches


class SearchDouble(VillageDouble):
    """A village with a search."""

    def answer(self, request: Request) -> Reply:
        if request.path == "/search":
            word = request.query["q"].casefold()
            found = [remark for remark in self.shown_remarks() if word in remark.text.casefold()]
            return Reply([self._remark(remark) for remark in self._page(found, request)])
        return super().answer(request)


class Search(Village, hub.Searcher):
    """A village plugin that searches, as it should."""

    def search(self, query: str, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        while True:
            params = {"q": query, "from": cursor, "limit": 100}
            page = self.http.get("/search", params=params).decode(list[village.Said])
            newest = str(max([int(cursor or 0), *(item.id for item in page)]))
            yield hub.Batch([village.to_mention(item) for item in page], newest)
            if cursor in (None, newest):
                return
            cursor = newest


@caught("test_what_does_not_match_is_not_found", "did not reach the network", SearchDouble)
class FindsEverything(Search):
    def search(self, query: str, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        yield from self.fetch_mentions(cursor)


@caught("test_any_query_reaches_the_network[C++ & C#]", "so that it is escaped", SearchDouble)
class SplicesTheQuery(Search):
    def search(self, query: str, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        page = self.http.get(f"/search?q={query}").decode(list[village.Said])
        yield hub.Batch([village.to_mention(item) for item in page], "0")


# Contacts

_CREATION = "test_a_lost_answer_to_a_creation_is_unknown_and_the_next_pull_shows_the_record"


@caught("test_a_push_creates_once_and_then_updates_in_place", "another id", CrmDouble)
class AlwaysCreates(Crm):
    def push_contact(self, contact: hub.Contact, remote_id: str | None) -> hub.Receipt:
        return super().push_contact(structs.replace(contact, emails=()), None)


@caught("test_any_name_comes_and_goes_as_it_is[accents]", "was pushed and came back as", CrmDouble)
class AsciiNames(Crm):
    def push_contact(self, contact: hub.Contact, remote_id: str | None) -> hub.Receipt:
        name = contact.name.encode("ascii", "replace").decode()
        return super().push_contact(structs.replace(contact, name=name), remote_id)


@caught("test_many_items_come_over_all_pages[pull_contacts]", "skipped", CrmDouble)
class FirstPageOfContacts(Crm):
    def pull_contacts(self, cursor: str | None) -> Iterator[hub.Batch[hub.Contact]]:
        yield next(iter(super().pull_contacts(cursor)))


@caught(
    f"{_CREATION}[answer lost after it was done]",
    "never retry in push_contact",
    CrmDouble,
)
class CreatesAgain(Crm):
    def push_contact(self, contact: hub.Contact, remote_id: str | None) -> hub.Receipt:
        contact = structs.replace(contact, emails=())
        try:
            return super().push_contact(contact, remote_id)
        except hub.UnknownOutcome:
            return super().push_contact(contact, remote_id)


@caught(
    f"{_CREATION}[HTTP 500, after it was done]",
    "looks for the record before it tries again",
    CrmDouble,
)
class CreationSurelyFailed(Crm):
    def push_contact(self, contact: hub.Contact, remote_id: str | None) -> hub.Receipt:
        try:
            return super().push_contact(contact, remote_id)
        except hub.UnknownOutcome as error:
            raise hub.TransientError("it did not work") from error


@caught("test_a_note_is_there_once", "2 are there", CrmDouble)
class NotesTwice(Crm):
    def add_note(self, remote_id: str, note: hub.Note) -> hub.Receipt:
        super().add_note(remote_id, note)
        return super().add_note(remote_id, note)


@caught("test_a_changed_record_comes_with_the_next_pull", "the next pull left it", CrmDouble)
class PullsOnce(Crm):
    def pull_contacts(self, cursor: str | None) -> Iterator[hub.Batch[hub.Contact]]:
        if cursor is None:
            yield from super().pull_contacts(cursor)
        else:
            yield hub.Batch([], cursor)


@caught("test_an_update_sets_only_what_changed", "send only what contact.changed names", CrmDouble)
class SendsEverything(Crm):
    def push_contact(self, contact: hub.Contact, remote_id: str | None) -> hub.Receipt:
        return super().push_contact(structs.replace(contact, changed=None), remote_id)


@caught("test_what_was_emptied_is_empty_and_the_rest_stays", "is to be emptied", CrmDouble)
class NeverEmpties(Crm):
    def push_contact(self, contact: hub.Contact, remote_id: str | None) -> hub.Receipt:
        held = {*contact.fields, *(name for name in ("name", "emails", "phones") if getattr(contact, name))}
        changed = None if contact.changed is None else contact.changed & held
        return super().push_contact(structs.replace(contact, changed=changed), remote_id)


@caught("test_every_field_comes_back_as_it_was_given", "came back as", CrmDouble)
class LosesFields(Crm):
    def push_contact(self, contact: hub.Contact, remote_id: str | None) -> hub.Receipt:
        return super().push_contact(structs.replace(contact, fields={}), remote_id)


@caught("test_what_it_reads_and_writes_are_names_of_a_contact", "must be a frozenset", CrmDouble)
class ReadsAList(Crm):
    @property
    def reads(self) -> Any:
        return sorted(super().reads)


@caught("test_what_a_lost_answer_made_is_found", "find_contacts found []", CrmDouble)
class FindsNobody(Crm):
    def find_contacts(self, contact: hub.Contact) -> list[hub.Contact]:
        return []


@caught("test_what_a_lost_answer_made_is_found", "by the name alone", CrmDouble)
class FindsByName(Crm):
    def find_contacts(self, contact: hub.Contact) -> list[hub.Contact]:
        everyone = [one for batch in self.pull_contacts(None) for one in batch.items]
        return [one for one in everyone if one.name == contact.name]


@caught("test_one_record_is_as_it_was_pulled_and_none_when_it_is_gone", "return None for a record", CrmDouble)
class RemembersRecords(Crm):
    def get_contact(self, remote_id: str) -> hub.Contact | None:
        known: dict[str, hub.Contact | None] = vars(self).setdefault("known", {})
        if remote_id not in known:
            known[remote_id] = super().get_contact(remote_id)
        return known[remote_id]


@caught("test_a_deletion_takes_one_record_and_again_is_no_error", "it is a success", CrmDouble)
class DeletesOnce(Crm):
    def delete_contact(self, remote_id: str, version: str = "") -> None:
        if self.get_contact(remote_id) is None:
            raise hub.GoneError("there is no such contact")
        super().delete_contact(remote_id, version)


@caught("test_a_write_to_what_has_changed_since_is_refused", "raise hub.StaleRecord", CrmDouble)
class IgnoresTheVersion(Crm):
    def push_contact(self, contact: hub.Contact, remote_id: str | None) -> hub.Receipt:
        return super().push_contact(structs.replace(contact, version=""), remote_id)


@caught("test_of_many_the_bad_one_alone_fails", "outcomes for 5 pushes", CrmDouble)
class StopsAtTheBadOne(Crm):
    def push_contacts(self, pushes: Sequence[hub.Push]) -> Iterator[hub.Receipt | hub.HubError]:
        for outcome in super().push_contacts(pushes):
            yield outcome
            if isinstance(outcome, hub.HubError):
                return


@caught("test_of_many_whose_answer_is_lost_none_is_there_twice", "it must be hub.UnknownOutcome", CrmDouble)
class LostMeansNothingDone(Crm):
    def push_contacts(self, pushes: Sequence[hub.Push]) -> Iterator[hub.Receipt | hub.HubError]:
        for outcome in super().push_contacts(pushes):
            yield hub.TransientError("try again") if isinstance(outcome, hub.UnknownOutcome) else outcome


@caught("test_a_list_that_is_called_complete_has_every_record", "only the last may be", CrmDouble)
class EveryPageIsComplete(Crm):
    def pull_contacts(self, cursor: str | None) -> Iterator[hub.Batch[hub.Contact]]:
        for batch in super().pull_contacts(cursor):
            yield hub.Batch(batch.items, batch.cursor, complete=cursor is None)


@caught("test_a_list_that_is_called_complete_has_every_record", "takes these for deleted", CrmDouble)
class CompleteWithoutAPage(Crm):
    def pull_contacts(self, cursor: str | None) -> Iterator[hub.Batch[hub.Contact]]:
        for number, batch in enumerate(super().pull_contacts(cursor)):
            yield structs.replace(batch, items=()) if number == 1 else batch


@caught("test_a_record_that_is_gone_is_seen_to_be", "nor was a whole list complete", CrmDouble)
class NeverComplete(Crm):
    def pull_contacts(self, cursor: str | None) -> Iterator[hub.Batch[hub.Contact]]:
        for batch in super().pull_contacts(cursor):
            yield hub.Batch(batch.items, batch.cursor)


# Refusals


class RefusingDouble(VillageDouble):
    refusals: ClassVar = (
        Refusal("muted", Reply({"error": "you are muted for now"}, status=403), hub.TransientError, 60.0, "read"),
    )


caught("test_documented_errors_become_the_right_ones", "muted: read raised RejectedError", RefusingDouble)(Village)


@caught("test_documented_errors_become_the_right_ones", "a wait of 60 s", RefusingDouble)
class WrongWait(Village):
    def explain(self, answer: hub.Answer) -> hub.HubError | None:
        return hub.TransientError("you are muted for now", retry_after=5.0) if answer.status == 403 else None


@caught("test_documented_errors_become_the_right_ones", "does not say the network's reason", RefusingDouble)
class KeepsTheReason(Village):
    def explain(self, answer: hub.Answer) -> hub.HubError | None:
        return hub.TransientError("something went wrong", retry_after=60.0) if answer.status == 403 else None


@caught("test_refused_credentials_are_an_auth_error", "pauses the account")
class TriesCredentialsAgain(Village):
    def explain(self, answer: hub.Answer) -> hub.HubError | None:
        return hub.RejectedError("no") if answer.status == 401 else None


@caught("test_too_many_calls_wait_as_long_as_the_network_says[seconds]", "leave the status to the hub")
class OwnIdeaOfWaiting(Village):
    def explain(self, answer: hub.Answer) -> hub.HubError | None:
        return hub.TransientError("too many", retry_after=3.0) if answer.status == 429 else None


@caught("test_what_is_left_of_the_calls_is_known[X-RateLimit, epoch]", "let every call go through self.http")
class ForgetsLimits(Village):
    def explain(self, answer: hub.Answer) -> hub.HubError | None:
        self.http.rate_limits.clear()
        return None


# Resources


@caught("test_a_thousand_calls_leave_nothing_behind", "grows without bound")
class RemembersEverything(Village):
    def check(self) -> hub.Identity:
        vars(self).setdefault("answers", []).append(bytearray(50_000))
        return super().check()


@caught("test_a_thousand_calls_leave_nothing_behind", "threads behind")
class StartsThreads(Village):
    stop: ClassVar = threading.Event()
    _numbers: ClassVar = count()

    def check(self) -> hub.Identity:
        if next(self._numbers) % 20 == 0:
            threading.Thread(target=self.stop.wait, daemon=True).start()
        return super().check()


class OwnSockets(Village):
    def check(self) -> hub.Identity:
        place = self.settings.api_url.rpartition(":")[2]
        vars(self).setdefault("lines", []).append(socket.create_connection(("127.0.0.1", int(place))))
        return super().check()


caught("test_a_closed_account_leaves_no_connection_open", "call through self.http alone")(OwnSockets)


@caught("test_an_account_may_be_used_from_another_thread", "nothing in thread-locals")
class ThreadLocal(Village):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.local = threading.local()
        self.local.ready = True

    def check(self) -> hub.Identity:
        assert self.local.ready
        return super().check()


@caught("test_two_accounts_share_no_secret", "not on the class or the module")
class TokenOnTheClass(Village):
    token: ClassVar = ""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        type(self).token = self.settings.token.get_secret_value()

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@caught("test_nothing_is_kept_on_the_class", "which all accounts of the platform share")
class CacheOnTheClass(Village):
    known: ClassVar[dict[str, hub.Identity]] = {}

    def check(self) -> hub.Identity:
        who = super().check()
        self.known[who.remote_id] = who
        return who
