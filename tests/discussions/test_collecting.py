"""Collecting: every comment seen is stored once; edits and deletions follow; a quiet thread costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Author, Mention
from hub.discussions import replying, tree
from hub.discussions.collecting import watch
from hub.errors import UnknownOutcome, UsageError
from hub.publishing import routes
from hub.store.discussions import ingesting, mentions, threads
from hub.store.discussions.ingesting import Ingested
from hub.store.outbox.posts import NewPost
from hub.store.verify import verify
from hub.testing import Person, Reply, faults


class Stage:
    """A published post on two networks, and people who answer it."""

    def __init__(self, hub: TestHub, doubles: dict[str, VillageDouble]) -> None:
        self.hub = hub
        self.doubles = doubles
        self.anna: dict[str, Person] = {
            name: double.add_person("Анна", "anna") for name, double in doubles.items()
        }
        now = hub.clock()
        routes.add_post(hub.store, NewPost(key="1", text="Новость", publish_at=now), list(doubles), now)
        hub.tick()
        self.post = {name: double.held()[0].id for name, double in doubles.items()}

    def say(self, name: str, text: str, parent: str | None = None) -> str:
        return str(self.doubles[name].say(self.anna[name], self.post[name], text, parent))

    def listen(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.hub.tick(minutes=6)

    def mentions(self) -> list[mentions.StoredMention]:
        with self.hub.store.read() as connection:
            return mentions.newest(connection, 1000)


class OtherVillage(Village):
    platform = "hamlet"


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with VillageDouble() as one, VillageDouble() as two:
        accounts = {
            "one": {"platform": "village", **one.account()},
            "two": {"platform": "hamlet", **two.account()},
        }
        with open_hub(write_config(tmp_path, accounts, database=database_url), Village, OtherVillage) as hub:
            yield Stage(hub, {"one": one, "two": two})


def test_answers_of_all_depths_are_stored_once(stage: Stage) -> None:
    first = stage.say("one", "Первый")
    second = stage.say("one", "Ответ", first)
    stage.say("one", "Ответ на ответ", second)
    stage.listen(3)
    assert sorted(mention.text for mention in stage.mentions()) == ["Ответ", "Ответ на ответ", "Первый"]


def test_threads_under_the_copies_of_one_post_are_one_discussion(stage: Stage) -> None:
    first = stage.say("one", "С одного сайта")
    stage.say("one", "Ответ", first)
    stage.say("two", "С другого")
    stage.listen()
    joined = tree.load(stage.hub.store, stage.mentions()[0].discussion)
    assert sorted(joined.accounts) == ["one", "two"]
    lines = [(depth, node.mention.text) for depth, node in joined.walk() if node.mention]
    assert sorted(lines) == [(0, "С другого"), (0, "С одного сайта"), (1, "Ответ")]


def test_each_line_has_its_author_and_its_permalink(stage: Stage) -> None:
    said = stage.say("one", "Привет")
    stage.listen()
    mention = stage.mentions()[0]
    assert (mention.author_name, mention.author_handle) == ("Анна", "anna")
    assert mention.url == f"https://village.example/{stage.post['one']}#{said}"


def test_an_edit_keeps_what_was_said_before(stage: Stage) -> None:
    said = stage.say("one", "Хорошо")
    stage.listen()
    stage.doubles["one"].edit_remark(said, "Очень хорошо")
    stage.listen()
    mention = stage.mentions()[0]
    with stage.hub.store.read() as connection:
        before = [text for _, text in mentions.versions_of(connection, mention.id)]
    assert (mention.text, before) == ("Очень хорошо", ["Хорошо"])


def test_a_deleted_remark_is_believed_at_the_second_look_and_becomes_a_tombstone(stage: Stage) -> None:
    said = stage.say("one", "Зря я это написала")
    stage.say("one", "Ответ", said)
    stage.listen()
    stage.doubles["one"].delete_remark(said)
    stage.listen()
    assert [mention.deleted_at for mention in stage.mentions()] == [None, None]
    stage.listen()
    gone = next(mention for mention in stage.mentions() if mention.remote_id == said)
    assert gone.deleted_at is not None
    assert gone.text == ""
    assert verify(stage.hub.store) == []


def test_a_remark_that_was_only_out_of_sight_comes_back(stage: Stage) -> None:
    said = stage.say("one", "Я здесь")
    stage.listen()
    stage.doubles["one"].delete_remark(said)
    stage.listen(3)
    stage.doubles["one"].remarks[said].deleted = False
    stage.listen(2)
    mention = stage.mentions()[0]
    assert (mention.text, mention.deleted_at) == ("Я здесь", None)


def test_when_most_of_a_thread_vanishes_nothing_is_believed(stage: Stage) -> None:
    for number in range(20):
        stage.say("one", f"Remark {number}")
    stage.listen()
    for remark in list(stage.doubles["one"].remarks.values())[:15]:
        remark.deleted = True
    stage.hub.clock.forward(minutes=6)
    report = stage.hub.scheduler.tick()
    stage.listen(2)
    assert any("vanished" in str(error) for _, error in report.errors)
    assert all(mention.deleted_at is None for mention in stage.mentions())


def test_a_quiet_thread_costs_one_call_and_no_write(stage: Stage) -> None:
    stage.say("one", "Привет")
    stage.listen(3)
    double = stage.doubles["one"]
    writes, calls = stage.hub.store.content_writes(), len(double.calls)
    stage.listen()
    below = [call for call in double.calls[calls:] if call.path.endswith("/remarks") and "posts" in call.path]
    assert stage.hub.store.content_writes() == writes
    assert len(below) <= 1


def test_an_old_quiet_thread_is_looked_at_rarely(stage: Stage) -> None:
    stage.say("one", "Привет")
    stage.listen()
    stage.hub.tick(days=7)
    calls = len(stage.doubles["one"].calls)
    for _ in range(10):
        stage.hub.tick(minutes=30)
    below = [call for call in stage.doubles["one"].calls[calls:] if "/posts/" in call.path]
    assert len(below) == 0


def test_one_thread_that_cannot_be_read_leaves_the_others_their_turn(stage: Stage) -> None:
    now = stage.hub.clock()
    routes.add_post(stage.hub.store, NewPost(key="2", text="Ещё", publish_at=now), ["one"], now)
    stage.hub.tick()
    other = stage.doubles["one"].held()[1].id
    stage.doubles["one"].say(stage.anna["one"], other, "Под второй")
    del stage.doubles["one"].posts[stage.post["one"]]
    stage.listen(3)
    assert [mention.text for mention in stage.mentions()] == ["Под второй"]


def test_a_thread_watched_by_hand_is_read(stage: Stage) -> None:
    double = stage.doubles["one"]
    from hub.testing import Held

    double.posts["5000"] = Held("5000", "Somebody else's post")
    double.say(stage.anna["one"], "5000", "Не под нашей записью")
    discussion = watch(stage.hub.store, "one", "5000", "https://village.example/5000", stage.hub.clock())
    stage.listen()
    assert [mention.discussion for mention in stage.mentions()] == [discussion]


def test_our_reply_goes_to_the_network_where_it_was_said(stage: Stage) -> None:
    stage.say("two", "Вопрос?")
    stage.listen()
    mention = stage.mentions()[0]
    receipt = replying.reply(
        stage.hub.store, stage.hub.hub.adapter(mention.account), mention, "Ответ!", stage.hub.clock()
    )
    answer = stage.doubles["two"].remarks[receipt.remote_id]
    assert (answer.text, answer.parent_id) == ("Ответ!", mention.remote_id)


def test_our_own_words_stand_in_the_discussion_but_are_no_news(stage: Stage) -> None:
    stage.doubles["one"].say(stage.doubles["one"].us, stage.post["one"], "We answer")
    report = stage.hub.tick(minutes=6)
    assert report.counts["new mentions"] == 0
    assert stage.mentions() == []
    shown = tree.load(stage.hub.store, 1)
    assert [node.mention.text for _, node in shown.walk() if node.mention] == ["We answer"]


def test_a_reply_whose_answer_was_lost_is_not_sent_again(stage: Stage) -> None:
    stage.say("one", "Вопрос?")
    stage.listen()
    mention = stage.mentions()[0]
    stage.doubles["one"].inject(faults.LOST, lambda request: request.method == "POST")
    with pytest.raises(UnknownOutcome) as caught:
        replying.reply(stage.hub.store, stage.hub.hub.adapter("one"), mention, "Ответ!", stage.hub.clock())
    assert "look at" in caught.value.hint
    stage.listen(3)
    assert [remark.text for remark in stage.doubles["one"].remarks.values()].count("Ответ!") == 1


def test_an_empty_reply_and_one_to_nobody_are_refused(stage: Stage) -> None:
    stage.say("one", "Вопрос?")
    stage.listen()
    adapter = stage.hub.hub.adapter("one")
    with pytest.raises(UsageError):
        replying.reply(stage.hub.store, adapter, stage.mentions()[0], "  ", stage.hub.clock())
    with pytest.raises(UsageError):
        replying.find(stage.hub.store, 10_000)


def test_a_mention_elsewhere_is_stored_in_a_discussion_of_its_own(stage: Stage) -> None:
    from hub.testing import Held

    stage.doubles["one"].posts["5000"] = Held("5000", "Somebody else's post")
    stage.say("one", "Под нашей записью")
    stage.doubles["one"].say(stage.anna["one"], "5000", "Не под нашей записью")
    stage.listen()
    found = {mention.text: mention.discussion for mention in stage.mentions()}
    assert len(set(found.values())) == 2
    assert "Не под нашей записью" in found


def test_a_broken_page_moves_no_bookmark(stage: Stage) -> None:
    stage.say("one", "Привет")
    stage.doubles["one"].inject(faults.answered(Reply(body=b'[{"id"')), lambda request: request.path == "/remarks")
    stage.hub.hub.adapter("one").http.deadline = 0.2
    stage.listen(2)
    stage.hub.tick(hours=2)
    assert [mention.text for mention in stage.mentions()] == ["Привет"]


class TestOrder:
    """The store is the same for every order and repetition of what is seen."""

    def ingest(self, stage: Stage, *items: Mention) -> Ingested:
        now = stage.hub.clock()

        def work(connection: Any) -> Ingested:
            known = threads.ensure(connection, "one", [stage.post["one"]], now)
            return ingesting.ingest(connection, "one", "village", known, items, now)

        result: Ingested = stage.hub.store.write(work)
        return result

    def mention(self, stage: Stage, remote_id: str, **fields: Any) -> Mention:
        values: dict[str, Any] = {"text": "x", "author": Author(remote_id="9"), "sent_at": stage.hub.clock()}
        return Mention(remote_id=remote_id, thread_id=stage.post["one"], **{**values, **fields})

    def test_a_repeat_is_no_news(self, stage: Stage) -> None:
        item = self.mention(stage, "7")
        assert len(self.ingest(stage, item, item).new) == 1
        assert not self.ingest(stage, item)

    def test_a_child_before_its_parent_waits_under_a_stub(self, stage: Stage) -> None:
        self.ingest(stage, self.mention(stage, "8", parent_id="7", text="child"))
        nodes = tree.build(stage.mentions())
        assert [(node.mention, len(node.children)) for node in nodes] == [(None, 1)]
        self.ingest(stage, self.mention(stage, "7", text="parent"))
        nodes = tree.build(stage.mentions())
        assert [node.mention.text for node in nodes if node.mention] == ["parent"]
        assert [child.mention.text for child in nodes[0].children if child.mention] == ["child"]

    def test_a_tombstone_is_not_undone_by_an_older_event(self, stage: Stage) -> None:
        item = self.mention(stage, "7")
        self.ingest(stage, item)
        stage.hub.clock.forward(minutes=1)
        self.ingest(stage, self.mention(stage, "7", deleted=True, text="", author=None))
        self.ingest(stage, item)
        earlier = stage.hub.clock() - timedelta(seconds=30)
        self.ingest(stage, self.mention(stage, "7", text="an older edit", edited_at=earlier, sent_at=earlier))
        assert (stage.mentions()[0].deleted_at is not None, stage.mentions()[0].text) == (True, "")

    def test_a_restored_remark_with_a_newer_edit_stands_again(self, stage: Stage) -> None:
        self.ingest(stage, self.mention(stage, "7"))
        self.ingest(stage, self.mention(stage, "7", deleted=True))
        later = stage.hub.clock() + timedelta(hours=1)
        self.ingest(stage, self.mention(stage, "7", text="again", edited_at=later))
        assert (stage.mentions()[0].text, stage.mentions()[0].deleted_at) == ("again", None)

    def test_a_remark_first_seen_deleted_is_kept_as_a_tombstone(self, stage: Stage) -> None:
        self.ingest(stage, self.mention(stage, "7", deleted=True, text="", author=None, sent_at=None))
        assert stage.mentions()[0].deleted_at is not None

    def test_remarks_that_answer_each_other_in_a_circle_are_all_shown(self, stage: Stage) -> None:
        self.ingest(stage, self.mention(stage, "7", parent_id="8"), self.mention(stage, "8", parent_id="7"))
        nodes = tree.build(stage.mentions())
        shown = tree.Discussion(1, "", "", "", [], [], nodes)
        assert sorted(node.remote_id for _, node in shown.walk()) == ["7", "8"]
