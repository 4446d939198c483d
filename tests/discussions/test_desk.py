"""Answering: two people do not answer the same person, a form is sent once, and our answers are known again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub.discussions import desk, replying, tree
from hub.discussions.query import parse
from hub.errors import HubError
from hub.models import Receipt
from hub.publishing import routes
from hub.store import Store, tables
from hub.store.desk import replies
from hub.store.outbox.posts import NewPost
from hub.testing import Person, Reply, faults
from hub.users.roles import Role, User

ANNA = User(1, "anna", Role.OWNER, "Anna")
BORIS = User(2, "boris", Role.RESPONDER)


class Stage:
    """A post on one network, and somebody who asks something under it."""

    def __init__(self, hub: TestHub, double: VillageDouble) -> None:
        self.hub = hub
        self.double = double
        self.store = hub.store
        self.asker: Person = double.add_person("Вера", "vera")
        now = hub.clock()
        routes.add_post(hub.store, NewPost(key="1", text="Новость", publish_at=now), ["one"], now)
        hub.tick()
        self.post = double.held()[0].id
        self.said = str(double.say(self.asker, self.post, "Когда откроетесь?", None))
        self.listen()

    def listen(self) -> None:
        self.hub.tick(minutes=6)

    @property
    def item(self) -> desk.Item:
        (item,) = desk.page(self.store, parse(""), ANNA, self.hub.clock()).items
        return item

    def answers(self) -> list[str]:
        """Return what the network shows under the question."""
        return [
            remark.text for remark in self.double.shown_remarks(self.post) if remark.text != "Когда откроетесь?"
        ]

    def reply(self, text: str, by: User | None = ANNA, seen: int | None = 0, key: str | None = None) -> Receipt:
        adapter = self.hub.hub.adapter("one")
        now = self.hub.clock()
        return replying.reply(self.store, adapter, self.item.mention, text, now, by=by, seen=seen, key=key)

    def stored(self) -> list[replies.StoredReply]:
        with self.store.read() as connection:
            return replies.of_mention(connection, self.item.mention.id)


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with VillageDouble() as double:
        accounts = {"one": {"platform": "village", **double.account()}}
        with open_hub(write_config(tmp_path, accounts, database=database_url), Village) as hub:
            yield Stage(hub, double)


def test_of_two_who_answer_at_once_one_sends_and_the_other_sees_the_first_answer(stage: Stage) -> None:
    stage.hub.hub.adapter("one")
    start = threading.Barrier(2)
    sent: list[Receipt] = []
    refused: list[replying.AnsweredError] = []

    def answer(user: User) -> None:
        start.wait(10)
        try:
            sent.append(stage.reply(f"Отвечает {user.name}", user))
        except replying.AnsweredError as error:
            refused.append(error)

    people = [threading.Thread(target=answer, args=(user,)) for user in (ANNA, BORIS)]
    for one in people:
        one.start()
    for one in people:
        one.join(30)
    assert (len(sent), len(refused), len(stage.answers())) == (1, 1, 1)
    first = refused[0].reply
    assert [first.text] == stage.answers()
    assert first.by in ("Anna", "boris")


def test_who_has_seen_the_first_answer_may_send_a_second(stage: Stage) -> None:
    stage.reply("В девять")
    (first,) = stage.stored()
    with pytest.raises(replying.AnsweredError) as caught:
        stage.reply("В десять", BORIS)
    assert (caught.value.reply.id, caught.value.code) == (first.id, "answered")
    stage.reply("Или в десять", BORIS, seen=first.id)
    assert len(stage.answers()) == 2


def test_two_processes_wait_for_each_other(stage: Stage, database_url: str) -> None:
    """The second begins while the first has not committed yet: it sees the first answer all the same."""
    mention = stage.item.mention
    inside, outcomes = threading.Event(), list[object]()

    def first(connection: Connection) -> None:
        replying._begin(connection, mention, "Из первого", stage.hub.clock(), ANNA, 0, None)
        inside.set()
        time.sleep(0.5)

    def second() -> None:
        other = Store.open(database_url)
        try:
            outcomes.append(other.write(replying._begin, mention, "Из второго", stage.hub.clock(), BORIS, 0, None))
        except replying.AnsweredError as error:
            outcomes.append(error.reply.text)
        finally:
            other.close()

    writers = [threading.Thread(target=stage.store.write, args=(first,)), threading.Thread(target=second)]
    writers[0].start()
    assert inside.wait(10)
    writers[1].start()
    for one in writers:
        one.join(30)
    assert outcomes == ["Из первого"]


def test_a_form_that_is_handed_in_twice_is_sent_once(stage: Stage) -> None:
    receipts = {stage.reply("Один раз", key="form", seen=0).remote_id for _ in range(3)}
    assert (len(receipts), stage.answers()) == (1, ["Один раз"])


def test_a_form_that_is_handed_in_twice_at_once_is_sent_once(stage: Stage) -> None:
    stage.hub.hub.adapter("one")
    start = threading.Barrier(4)
    outcomes: list[object] = []

    def hand_in() -> None:
        start.wait(10)
        try:
            outcomes.append(stage.reply("Один раз", key="form"))
        except replying.AnsweredError as error:
            outcomes.append(error)

    hands = [threading.Thread(target=hand_in) for _ in range(4)]
    for one in hands:
        one.start()
    for one in hands:
        one.join(30)
    assert (len(outcomes), stage.answers()) == (4, ["Один раз"])
    assert all(one.same_form for one in outcomes if isinstance(one, replying.AnsweredError))


def test_a_refused_form_may_be_handed_in_again(stage: Stage) -> None:
    refusal = faults.answered(Reply({"error": "too rude"}, status=400))
    stage.double.inject(refusal, lambda request: request.method == "POST")
    with pytest.raises(HubError):
        stage.reply("Ещё раз", key="form")
    stage.reply("Ещё раз", key="form")
    assert [one.state for one in stage.stored()] == ["failed", "published"]


def test_an_answered_mention_waits_and_says_who_answered(stage: Stage) -> None:
    stage.reply("В девять")
    assert (stage.item.status, stage.item.replies) == ("waiting", 1)
    assert [(one.by, one.text, one.state) for one in stage.stored()] == [("Anna", "В девять", "published")]
    events = desk.history(stage.store, stage.item.mention.id)
    assert [(event.by.name, event.kind) for event in events] == [("Anna", "replied")]


def test_our_answer_comes_back_as_one_remark_of_the_tree_under_the_users_name(stage: Stage) -> None:
    stage.reply("В девять")
    stage.listen()
    lines = [node.mention for _, node in tree.load(stage.store, stage.item.mention.discussion).walk()]
    assert [(one.text, one.ours, one.by) for one in lines if one is not None] == [
        ("Когда откроетесь?", False, ""),
        ("В девять", True, "Anna"),
    ]
    assert len(stage.stored()) == 1
    assert desk.counts(stage.store, parse(""), ANNA, stage.hub.clock()).all == 1


def test_an_answer_whose_news_was_lost_is_settled_when_it_is_seen(stage: Stage) -> None:
    mention = stage.item.mention.id
    stage.reply("В девять")

    def lose(connection: Connection) -> None:
        connection.execute(tables.replies.update().values(state="unknown", remote_id=None, error="no answer"))
        connection.execute(tables.mentions.update().values(status="open", answered_at=None))

    stage.store.write(lose)
    stage.listen()
    (settled,) = stage.stored()
    assert (settled.mention_id, settled.state, settled.by, settled.error) == (mention, "published", "Anna", "")
    assert settled.remote_id is not None
    assert stage.item.status == "waiting"


def test_an_answer_by_hand_refuses_one_that_did_not_see_it(stage: Stage) -> None:
    us = stage.double.us
    stage.double.say(us, stage.post, "Отвечаю сама", stage.said)
    stage.listen()
    with pytest.raises(replying.AnsweredError) as caught:
        stage.reply("Отвечаю через хаб")
    assert (caught.value.reply.text, caught.value.reply.by) == ("Отвечаю сама", "")


def test_an_answer_of_unknown_outcome_counts_as_one_that_may_be_there(stage: Stage) -> None:
    mention = stage.item.mention

    def lost(connection: Connection) -> None:
        number = replies.begin(connection, mention.id, "one", "Может быть", stage.hub.clock(), BORIS)
        replies.finish(connection, number, state="unknown", error="no answer")

    stage.store.write(lost)
    with pytest.raises(replying.AnsweredError):
        stage.reply("Ещё одна")
    assert stage.answers() == []
    assert stage.item.status == "new"
