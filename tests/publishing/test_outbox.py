"""Publishing: each accepted post is there exactly once, whatever the network answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Post, Publisher, Receipt, RejectedError
from hub.publishing import routes, settling
from hub.store.outbox import deliveries, posts, sending
from hub.store.outbox.posts import NewPost
from hub.store.verify import verify
from hub.testing import Reply, Request, faults


class KeyVillage(Village):
    """A village that keeps the promise of a key: the same key twice is one post."""

    platform = "keyed"
    settle = "key"

    def publish(self, post: Post) -> Receipt:
        made = self.http.post("/posts", json={"text": post.text, "images": [], "answers": None, "key": post.key})
        return Receipt(remote_id=str(made.json()["id"]), url="")


class NaturalVillage(Village):
    platform = "natural"
    settle = "natural"


class BlindVillage(Publisher):
    """A network where nothing helps after a lost answer."""

    platform = "blind"
    settle = "none"
    Settings = Village.Settings
    sign = Village.sign
    check = Village.check
    limits = Village.limits
    publish = Village.publish


class KeyedDouble(VillageDouble):
    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, Reply] = {}

    def answer(self, request: Request) -> Reply:
        if request.method == "POST" and request.path == "/posts":
            key = request.json().get("key")
            if key in self.keys:
                return self.keys[key]
            reply = super().answer(request)
            if key and reply.status == 201:
                self.keys[key] = reply
            return reply
        return super().answer(request)


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with KeyedDouble() as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, double: VillageDouble) -> Iterator[TestHub]:
    platforms = {"village": Village, "keyed": KeyVillage, "natural": NaturalVillage, "blind": BlindVillage}
    accounts = {name: {"platform": name, **double.account()} for name in platforms}
    with open_hub(write_config(tmp_path, accounts), *platforms.values()) as running:
        running.tick()
        yield running


def post(hub: TestHub, text: str, *targets: str, **more: Any) -> int:
    now = hub.clock()
    new = NewPost(key=text, text=text, publish_at=more.pop("publish_at", now), **more)
    number, _ = routes.add_post(hub.store, new, targets or ("village",), now)
    return number


def is_publish(request: Request) -> bool:
    return request.method == "POST" and request.path == "/posts"


def texts(double: VillageDouble) -> list[str]:
    return [held.text for held in double.held()]


def test_an_accepted_post_is_published_once_and_its_receipt_kept(hub: TestHub, double: VillageDouble) -> None:
    post(hub, "Hello")
    hub.tick()
    hub.tick(minutes=5)
    assert texts(double) == ["Hello"]
    row = hub.rows("SELECT * FROM deliveries")[0]
    assert (row["state"], row["remote_id"]) == ("published", double.held()[0].id)
    assert row["url"].startswith("https://village.example/")


def test_the_same_key_is_the_same_post(hub: TestHub, double: VillageDouble) -> None:
    assert post(hub, "Hello") == post(hub, "Hello")
    hub.tick()
    assert texts(double) == ["Hello"]


def test_a_scheduled_post_waits_for_its_time(hub: TestHub, double: VillageDouble) -> None:
    post(hub, "Later", publish_at=hub.clock() + timedelta(hours=3))
    hub.tick(hours=2)
    assert texts(double) == []
    hub.tick(hours=1)
    assert texts(double) == ["Later"]


def test_a_post_that_is_too_late_is_missed_and_not_sent(hub: TestHub, double: VillageDouble) -> None:
    due = hub.clock() + timedelta(hours=1)
    post(hub, "News", publish_at=due, late_after=due + timedelta(hours=2))
    hub.tick(hours=8)
    assert (texts(double), hub.states()) == ([], ["missed"])


def test_a_missed_post_goes_out_when_a_person_says_so(hub: TestHub, double: VillageDouble) -> None:
    due = hub.clock() + timedelta(hours=1)
    post(hub, "News", publish_at=due, late_after=due + timedelta(hours=2))
    hub.tick(hours=8)
    number = int(hub.rows("SELECT id FROM deliveries")[0]["id"])
    settling.decide(hub.store, hub.hub.adapter("village"), number, hub.clock(), again=True)
    hub.tick(minutes=1)
    assert (texts(double), hub.states()) == (["News"], ["published"])


@pytest.mark.parametrize("account", ["village", "keyed", "natural"])
def test_a_lost_answer_is_settled_to_exactly_one_post(hub: TestHub, double: VillageDouble, account: str) -> None:
    double.inject(faults.LOST, is_publish)
    post(hub, "Once", account)
    hub.tick()
    assert hub.states() == ["unknown"]
    for _ in range(4):
        hub.tick(minutes=1)
    assert (texts(double), hub.states()) == (["Once"], ["published"])
    assert verify(hub.store) == []


@pytest.mark.parametrize("account", ["village", "keyed", "natural"])
def test_a_request_that_was_lost_is_sent_again_after_looking(
    hub: TestHub, double: VillageDouble, account: str
) -> None:
    double.inject(faults.DROPPED, is_publish)
    post(hub, "Once", account)
    for _ in range(5):
        hub.tick(minutes=1)
    assert (texts(double), hub.states()) == (["Once"], ["published"])


def test_two_looks_must_find_nothing_before_a_post_is_sent_again(hub: TestHub, double: VillageDouble) -> None:
    double.inject(faults.DROPPED, is_publish)
    post(hub, "Once")
    hub.tick()
    hub.tick(minutes=1)
    assert (texts(double), hub.states()) == ([], ["unknown"])
    hub.tick(minutes=1)
    assert texts(double) == ["Once"]


def test_where_nothing_helps_a_person_is_asked(hub: TestHub, double: VillageDouble) -> None:
    double.inject(faults.LOST, is_publish)
    post(hub, "Once", "blind")
    for _ in range(5):
        hub.tick(minutes=10)
    assert (texts(double), hub.states()) == (["Once"], ["asked"])


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_after_acceptance_does_not_double_the_post(
    hub: TestHub, double: VillageDouble, status: int
) -> None:
    double.inject(faults.answered(Reply({"error": "oops"}, status=status)).after, is_publish)
    post(hub, "Once")
    for _ in range(5):
        hub.tick(minutes=1)
    assert (texts(double), hub.states()) == (["Once"], ["published"])


@pytest.mark.parametrize("body", [b"", b"<html>maintenance</html>", b'{"id": ', b"{}"])
def test_an_answer_that_is_none_counts_as_unknown_never_as_published(
    hub: TestHub, double: VillageDouble, body: bytes
) -> None:
    double.inject(faults.answered(Reply(body=body)), is_publish)
    post(hub, "Once")
    hub.tick()
    assert hub.states() == ["unknown"]
    for _ in range(4):
        hub.tick(minutes=1)
    assert (texts(double), hub.states()) == (["Once"], ["published"])


def test_an_older_post_with_the_same_words_is_not_taken_for_the_lost_one(
    hub: TestHub, double: VillageDouble
) -> None:
    number = post(hub, "Good morning")
    hub.tick()
    hub.clock.forward(hours=24)
    double.inject(faults.DROPPED, is_publish)
    new = NewPost(key="tomorrow", text="Good morning", publish_at=hub.clock())
    other, _ = routes.add_post(hub.store, new, ["village"], hub.clock())
    for _ in range(5):
        hub.tick(minutes=1)
    assert number != other
    assert (texts(double), hub.states()) == (["Good morning"] * 2, ["published"] * 2)
    assert verify(hub.store) == []


def test_a_refusal_fails_the_delivery_with_the_networks_reason(hub: TestHub, double: VillageDouble) -> None:
    double.inject(faults.answered(Reply({"error": "no advertising"}, status=422)), is_publish)
    post(hub, "Buy!")
    hub.tick()
    row = hub.rows("SELECT state, error FROM deliveries")[0]
    assert row["state"] == "failed"
    assert "no advertising" in row["error"]


def test_a_refusal_of_a_resend_in_doubt_is_asked_not_failed(hub: TestHub, double: VillageDouble) -> None:
    double.inject(faults.LOST, is_publish)
    double.inject(faults.answered(Reply({"error": "closed"}, status=422)), is_publish)
    post(hub, "Once", "keyed")
    for _ in range(3):
        hub.tick(minutes=1)
    assert hub.states() == ["asked"]


def test_a_rate_limit_puts_the_post_back_for_as_long_as_the_network_says(
    hub: TestHub, double: VillageDouble
) -> None:
    double.inject(faults.answered(Reply({}, status=429, headers={"Retry-After": "600"})), is_publish)
    post(hub, "Wait")
    hub.tick()
    hub.tick(minutes=9)
    assert (texts(double), hub.states()) == ([], ["waiting"])
    hub.tick(minutes=2)
    assert texts(double) == ["Wait"]


def test_a_refused_token_pauses_the_account_and_keeps_its_queue(hub: TestHub, double: VillageDouble) -> None:
    double.refuse_token = True
    post(hub, "One")
    post(hub, "Two")
    report = hub.tick()
    hub.tick(hours=3)
    assert [account for account, _ in report.errors] == ["village"]
    assert hub.states() == ["queued", "queued"]
    double.refuse_token = False
    hub.hub.check("village")
    hub.tick()
    assert texts(double) == ["One", "Two"]


def test_a_long_text_goes_out_as_a_thread_each_part_once(tmp_path: Path, double: VillageDouble) -> None:
    accounts = {"club": {"platform": "village", "overflow": "thread", **double.account()}}
    with open_hub(write_config(tmp_path, accounts), Village) as hub:
        hub.tick()
        double.inject(faults.LOST, lambda request: is_publish(request) and len(double.posts) == 1)
        text = " ".join(f"word{number}" for number in range(200))
        post(hub, text, "club")
        for _ in range(8):
            hub.tick(minutes=1)
        held = double.held()
        assert " ".join(part.text for part in held) == text
        assert [part.reply_to for part in held] == [None, *(part.id for part in held[:-1])]
        assert set(hub.states()) == {"published"}


def test_a_look_for_a_part_of_a_thread_knows_what_the_part_answers(tmp_path: Path, double: VillageDouble) -> None:
    class Looking(Village):  # type: ignore[misc]  # the example is untyped here
        platform = "looking"
        sought: ClassVar[list[Receipt | None]] = []

        def find(self, post: Post) -> Receipt | None:
            self.sought.append(post.reply_to)
            return super().find(post)

    accounts = {"club": {"platform": "looking", "overflow": "thread", **double.account()}}
    with open_hub(write_config(tmp_path, accounts), Looking) as hub:
        double.inject(faults.LOST, lambda request: is_publish(request) and len(double.posts) == 1)
        post(hub, " ".join(f"word{number}" for number in range(100)), "club")
        for _ in range(4):
            hub.tick(minutes=1)
        first, _ = double.held()
        assert [answered and answered.remote_id for answered in Looking.sought] == [first.id]


def test_an_edit_follows_to_the_copy(hub: TestHub, double: VillageDouble) -> None:
    number = post(hub, "Frist")
    hub.tick()
    routes.change_post(hub.store, number, hub.clock(), text="First", title="", link="", images=[])
    hub.tick()
    assert (texts(double), hub.states()) == (["First"], ["published"])


def test_an_edit_of_a_post_that_was_not_sent_sends_the_new_text_only(hub: TestHub, double: VillageDouble) -> None:
    number = post(hub, "Frist", publish_at=hub.clock() + timedelta(hours=1))
    routes.change_post(hub.store, number, hub.clock(), text="First", title="", link="", images=[])
    hub.tick(hours=1)
    assert texts(double) == ["First"]


def test_an_edit_while_the_outcome_is_unknown_follows_once_it_is_settled(
    hub: TestHub, double: VillageDouble
) -> None:
    double.inject(faults.LOST, is_publish)
    number = post(hub, "Frist")
    hub.tick()
    routes.change_post(hub.store, number, hub.clock(), text="First", title="", link="", images=[])
    for _ in range(4):
        hub.tick(minutes=1)
    assert (texts(double), hub.states()) == (["First"], ["published"])


def test_a_lost_answer_to_an_edit_is_edited_again(hub: TestHub, double: VillageDouble) -> None:
    number = post(hub, "Frist")
    hub.tick()
    double.inject(faults.LOST, lambda request: request.method == "PUT")
    routes.change_post(hub.store, number, hub.clock(), text="First", title="", link="", images=[])
    for _ in range(3):
        hub.tick(minutes=1)
    assert (texts(double), hub.states()) == (["First"], ["published"])


def test_a_withdrawn_post_is_deleted_everywhere_and_not_sent_where_it_waits(
    hub: TestHub, double: VillageDouble
) -> None:
    number = post(hub, "Oops")
    hub.tick()
    waiting = post(hub, "Later", publish_at=hub.clock() + timedelta(hours=1))
    for one in (number, waiting):
        assert routes.delete_post(hub.store, one, hub.clock())
    hub.tick(hours=2)
    assert (texts(double), hub.states()) == ([], ["deleted", "deleted"])


def test_a_network_that_cannot_edit_keeps_its_copy_and_says_so(hub: TestHub, double: VillageDouble) -> None:
    number = post(hub, "Frist", "blind")
    hub.tick()
    routes.change_post(hub.store, number, hub.clock(), text="First", title="", link="", images=[])
    hub.tick()
    row = hub.rows("SELECT state, error FROM deliveries")[0]
    assert (texts(double), row["state"]) == (["Frist"], "published")
    assert "cannot edit" in row["error"]


def test_a_turn_whose_lease_was_taken_sends_and_changes_nothing(hub: TestHub, double: VillageDouble) -> None:
    post(hub, "Mine")
    with hub.store.read() as connection:
        delivery = sending.due(connection, "village", hub.clock())[0]
    stale = 1
    hub.store.write(lambda c: c.exec_driver_sql("UPDATE accounts SET fence = 7 WHERE name = 'village'"))
    begun = hub.store.write(sending.begin, delivery, stale, hub.clock(), "Mine", 1)
    finished = hub.store.write(
        lambda c: sending.finish(c, delivery.id, 99, hub.clock(), state="published", remote_id="x")
    )
    assert (begun, finished, hub.states()) == (None, False, ["queued"])


def test_what_a_dead_turn_was_sending_is_unknown_not_unsent(hub: TestHub, double: VillageDouble) -> None:
    post(hub, "Once")
    with hub.store.read() as connection:
        delivery = sending.due(connection, "village", hub.clock())[0]
    hub.store.write(
        lambda c: c.exec_driver_sql(
            "UPDATE deliveries SET state = 'sending', attempts = 1, fence = 0, text = 'Once', due_at = NULL"
        )
    )
    assert delivery.state == "queued"
    hub.tick_all()
    assert (texts(double), hub.states()) == ([], ["unknown"])
    for _ in range(4):
        hub.tick(minutes=1)
    assert (texts(double), hub.states()) == (["Once"], ["published"])


def test_a_plugin_that_raises_while_publishing_leaves_the_outcome_unknown(
    tmp_path: Path, double: VillageDouble
) -> None:
    class Clumsy(Village):
        platform = "clumsy"
        settle = "lookup"

        def publish(self, post: Post) -> Receipt:
            super().publish(post)
            raise KeyError("id")

    accounts = {"clumsy": {"platform": "clumsy", **double.account()}}
    with open_hub(write_config(tmp_path, accounts), Clumsy) as hub:
        hub.tick()
        post(hub, "Once", "clumsy")
        for _ in range(4):
            hub.tick(minutes=1)
        assert (texts(double), hub.states()) == (["Once"], ["published"])


def test_a_plugin_may_veto_a_post_with_its_reason(tmp_path: Path, double: VillageDouble) -> None:
    from hub import hookimpl, settings
    from hub.scheduling.hub import Hub
    from hub.scheduling.tick import Scheduler

    class Censor:
        @hookimpl
        def register_adapters(self) -> list[Any]:
            return [Village]

        @hookimpl
        def prepare_post(self, post: Post) -> Post | None:
            if "secret" in post.text:
                raise RejectedError("not before Friday")
            return None

    path = write_config(tmp_path, {"club": {"platform": "village", **double.account()}})
    with Hub.open(settings.load(path, {}), plugins={"censor": Censor()}) as hub:
        scheduler = Scheduler(hub)
        now = hub.clock()
        routes.add_post(hub.store, NewPost(key="1", text="a secret", publish_at=now), ["club"], now)
        scheduler.tick()
        scheduler.close()
        with hub.store.read() as connection:
            stored = posts.newest(connection, 1)[0]
            delivery = deliveries.of_posts(connection, [stored.id])[stored.id][0]
    assert (delivery.state, delivery.error) == ("failed", "not before Friday")
    assert texts(double) == []


class TestDecisions:
    """What a person says settles what nothing else could."""

    @pytest.fixture
    def asked(self, hub: TestHub, double: VillageDouble) -> int:
        double.inject(faults.LOST, is_publish)
        post(hub, "Once", "blind")
        hub.tick()
        return int(hub.rows("SELECT id FROM deliveries")[0]["id"])

    def test_sent_adopts_the_post_that_the_person_saw(
        self, hub: TestHub, double: VillageDouble, asked: int
    ) -> None:
        receipt = Receipt(remote_id=double.held()[0].id, url="https://village.example/x")
        settling.decide(hub.store, hub.hub.adapter("blind"), asked, hub.clock(), sent=receipt)
        hub.tick(minutes=5)
        assert (texts(double), hub.states()) == (["Once"], ["published"])
        assert verify(hub.store) == []

    def test_again_sends_it_once_more(self, hub: TestHub, double: VillageDouble, asked: int) -> None:
        settling.decide(hub.store, hub.hub.adapter("blind"), asked, hub.clock(), again=True)
        hub.tick(minutes=5)
        assert (len(texts(double)), hub.states()) == (2, ["published"])

    def test_drop_leaves_it(self, hub: TestHub, double: VillageDouble, asked: int) -> None:
        settling.decide(hub.store, hub.hub.adapter("blind"), asked, hub.clock())
        hub.tick(minutes=5)
        assert (len(texts(double)), hub.states()) == (1, ["failed"])


def test_a_text_at_the_limit_fits_and_one_beyond_is_shortened(hub: TestHub, double: VillageDouble) -> None:
    post(hub, "я" * 500)
    post(hub, "ю" * 501)
    hub.tick()
    assert [len(text) for text in texts(double)] == [500, 500]
    assert texts(double)[1].endswith("…")
