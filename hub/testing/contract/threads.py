"""The kit on threads: everything under one post, at all depths, and what becomes of it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from msgspec import structs

from hub.adapter import Editor, Publisher, ThreadReader
from hub.errors import GoneError
from hub.models import Mention, Thread
from hub.testing.contract.ground import calls_of, needs
from hub.testing.contract.listening import check_authors, check_mentions
from hub.testing.contract.shelf import ReadingGround, Shelf, some
from hub.testing.contract.verbs import MANY, Answers
from hub.testing.social import SocialDouble

# How deep answers to answers go.
_DEPTH = 4


class Threads(ReadingGround):
    area: ClassVar[str] = "threads"

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_a_thread_without_answers_is_read(self, answers: Answers, account: Any) -> None:
        assert not _whole(answers, account).items, "a post that nobody has answered has answers"

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_a_large_and_deep_thread_is_read_as_a_whole(self, answers: Answers, account: Any) -> None:
        wanted: list[str] = []
        for number in range(MANY):
            parent = wanted[-1] if number % _DEPTH else None
            wanted.append(answers.put(f"Answer number {number}", parent=parent))
        shelf = _whole(answers, account)
        missing = set(wanted) - shelf.live
        complete = shelf.batches[-1].complete
        claim = "claims to be complete, so the hub takes these for deleted" if complete else "ended without them"
        assert not missing, (
            f"{len(missing)} of {MANY} answers are missing ({some(missing)}), and the read of the whole thread "
            f"{claim}. Read all pages and all depths; complete=True belongs on the last batch, when all is there"
        )

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_only_the_last_batch_says_that_the_thread_is_complete(self, answers: Answers, account: Any) -> None:
        answers.add(MANY)
        early = [batch for batch in _whole(answers, account).batches[:-1] if batch.complete]
        assert not early, "complete=True stands on a batch that is not the last: the hub would stop there"

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_a_complete_thread_is_only_claimed_for_a_whole_read(self, answers: Answers, account: Any) -> None:
        answers.add(3)
        first = _whole(answers, account)
        if first.cursor is None:
            pytest.skip("every read is one of the whole thread")
        later = Shelf(answers, account, first.cursor)
        later.read()
        if later.batches and later.batches[-1].complete:
            missing = first.live - later.items.keys()
            assert not missing, (
                "a read from a cursor brought only the news and said complete=True: the hub takes "
                f"{some(missing)} for deleted"
            )

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_an_unchanged_thread_costs_one_call(
        self, network: SocialDouble, answers: Answers, account: Any
    ) -> None:
        answers.add(20)
        shelf = _whole(answers, account)
        calls = calls_of(network, shelf.read)
        assert len(calls) <= 1, (
            f"nothing had changed, and fetch_replies made {len(calls)} calls to find that out: every thread is "
            "looked at again and again, so one call must be enough"
        )

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_every_answer_belongs_to_the_thread_and_to_its_parent(self, answers: Answers, account: Any) -> None:
        top = answers.put("An answer")
        below = answers.put("An answer to the answer", parent=top)
        deeper = answers.put("An answer to that", parent=below)
        items = _whole(answers, account).items
        check_mentions("fetch_replies", items)
        post = answers.thread.remote_id
        strangers = {item.thread_id for item in items.values()} - {post}
        assert not strangers, (
            f"asked for the thread {post}, fetch_replies brought items of {some(strangers)}: thread_id is the "
            "remote id of the thread that was asked for, or the hub refuses the whole page"
        )
        parents = {remote_id: items[remote_id].parent_id for remote_id in (top, below, deeper)}
        assert parents[top] is None, (
            f"an answer to the post itself has the parent_id {parents[top]!r}: None says that it answers the post"
        )
        assert parents[below] == top, f"the answer to {top} has the parent_id {parents[below]!r}"
        assert parents[deeper] in (below, top), (
            f"the answer to {below} has the parent_id {parents[deeper]!r}: where a network knows less depth it is "
            "the answer above, never another"
        )

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_authors_keep_their_ids_in_threads(
        self, network: SocialDouble, answers: Answers, account: Any
    ) -> None:
        check_authors("fetch_replies", network, lambda: answers.put("hello"), lambda: _whole(answers, account))

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_an_answer_whose_parent_is_not_shown_does_not_stop_the_read(
        self, network: SocialDouble, answers: Answers, account: Any
    ) -> None:
        top = answers.put("The parent")
        below = answers.put("The child", parent=top)
        other = answers.put("Somebody else")
        network.hidden.add(top)
        try:
            seen = _whole(answers, account).live
        except Exception as error:
            pytest.fail(
                f"an answer came before its parent, and fetch_replies raised {type(error).__name__}: {error}"
            )
        assert other in seen, "one answer whose parent is not shown hides the others"
        network.hidden.clear()
        missing = {top, below, other} - _whole(answers, account).live
        assert not missing, f"the parent came later, and {some(missing)} did not come with it"

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_an_edited_answer_shows_its_new_text(
        self, network: SocialDouble, answers: Answers, account: Any
    ) -> None:
        said = answers.put("The first wording")
        _whole(answers, account)
        network.edit_remark(said, "The second wording")
        items = _whole(answers, account).items
        assert said in items, f"an edited answer lost its id {said}: it would be stored a second time"
        assert "second wording" in items[said].text, f"an edited answer still says {items[said].text!r}"

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_a_deleted_answer_vanishes_and_may_return(
        self, network: SocialDouble, answers: Answers, account: Any
    ) -> None:
        gone, stays = answers.add(2)
        _whole(answers, account)
        network.delete_remark(gone)
        live = _whole(answers, account).live
        assert gone not in live, (
            f"the deleted answer {gone} is shown as if it stood: leave it out, or yield it with deleted=True"
        )
        assert stays in live, f"with {gone} deleted, {stays} is not shown any more"
        network.restore_remark(gone)
        assert gone in _whole(answers, account).live, f"{gone} returned to the network, and is not shown"

    @needs(ThreadReader, Publisher, SocialDouble)
    def test_what_the_hub_knows_is_not_called_deleted_while_it_stands(
        self, network: SocialDouble, answers: Answers, account: Any
    ) -> None:
        gone, *standing = answers.add(5)
        network.delete_remark(gone)
        known = structs.replace(answers.thread, known=(gone, *standing))
        items: dict[str, Mention] = {}
        for batch in account.fetch_replies(known, None):
            items |= {item.remote_id: item for item in batch.items}
        wrong = [remote_id for remote_id in standing if remote_id not in items or items[remote_id].deleted]
        assert not wrong, (
            f"told what the hub knows of a thread, fetch_replies called {some(wrong)} deleted, or hid them"
        )
        assert gone not in items or items[gone].deleted, f"the deleted answer {gone} is shown as if it stood"

    @needs(ThreadReader, Publisher, Editor, SocialDouble)
    def test_the_answers_under_a_post_that_is_gone_are_gone(self, answers: Answers, account: Any) -> None:
        thread: Thread = answers.thread
        answers.add(2)
        _whole(answers, account)
        account.delete(thread.remote_id)
        with pytest.raises(GoneError):
            shelf = _whole(answers, account)
            pytest.fail(
                f"the post {thread.remote_id} is gone, and fetch_replies ended with {len(shelf.live)} answers and "
                f"complete={shelf.batches[-1].complete if shelf.batches else None}: raise hub.GoneError, or the "
                "hub asks for ever, or takes all that was said for deleted"
            )


def _whole(answers: Answers, account: Any) -> Shelf:
    shelf = Shelf(answers, account)
    shelf.read()
    return shelf
