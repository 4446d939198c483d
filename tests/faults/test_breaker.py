"""A network in trouble is left alone: few requests while it lasts, and every post there once when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Post, Publisher, Receipt, TransientError
from hub.publishing import routes
from hub.publishing.breaker import TROUBLES, Breaker
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts
from hub.store.verify import verify
from hub.testing import Reply, Request, faults

POSTS = 200


class Square(Publisher):
    """A village without anything to read, so that every request is one of the outbox."""

    platform = "square"
    settle = "lookup"
    settle_after = timedelta(seconds=30)
    Settings = Village.Settings
    sign = Village.sign
    check = Village.check
    limits = Village.limits
    publish = Village.publish

    def find(self, post: Post) -> Receipt | None:
        held = self.http.request("GET", "/posts", params={"limit": 1000}, repeatable=True).json()
        found = [one for one in held if one["text"] == post.text and str(one["id"]) not in post.taken]
        return Receipt(remote_id=str(found[-1]["id"])) if found else None


class KeyedSquare(Square):
    """One that keeps the promise of a key."""

    platform = "keyed"
    settle = "key"

    def publish(self, post: Post) -> Receipt:
        body = {"text": post.text, "images": [], "answers": None, "key": post.key}
        return Receipt(remote_id=str(self.http.post("/posts", json=body).json()["id"]))


class Storm(VillageDouble):
    """Answers 500 to everything, or to what `only` names, while `raging`; some of it takes effect all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.raging = False
        self.effective = False
        self.only: Callable[[Request], bool] = lambda request: True
        self._keys: dict[str, Reply] = {}

    def answer(self, request: Request) -> Reply:
        if self.raging and self.only(request):
            if self.effective:
                self._calm(request)
            return Reply({"error": "out of order"}, status=500)
        return self._calm(request)

    def _calm(self, request: Request) -> Reply:
        key = request.json().get("key") if request.method == "POST" else None
        if key not in self._keys or key is None:
            reply = super().answer(request)
            if key is None:
                return reply
            self._keys[key] = reply
        return self._keys[key]


@pytest.fixture
def double() -> Iterator[Storm]:
    with Storm() as running:
        yield running


def opened(folder: Path, double: Storm, adapter: type[Publisher], **more: Any) -> Any:
    account = {"platform": adapter.platform, **double.account()}
    return open_hub(write_config(folder, {"home": account}, **more), adapter)


def queue(hub: TestHub, count: int, first: int = 0) -> None:
    now = hub.clock()
    for number in range(first, first + count):
        text = f"post {number}"
        routes.add_post(hub.store, NewPost(key=text, text=text, publish_at=now), ["home"], now)


def posts(double: Storm) -> int:
    return sum(call.method == "POST" for call in double.calls)


def turns(hub: TestHub, **span: float) -> int:
    """Let time pass in steps of 10 s, a tick at each; return how many turns ended in trouble."""
    failed = 0
    for _ in range(round(timedelta(**span) / timedelta(seconds=10))):
        failed += len(hub.tick(seconds=10).errors)
    return failed


@pytest.mark.parametrize("effective", [False, True], ids=["without effect", "taken all the same"])
@pytest.mark.parametrize(("adapter", "per_probe", "hours"), [(KeyedSquare, 1, 4), (Square, 6, 1)])
def test_hours_of_errors_cost_few_requests_and_every_post_is_there_once_afterwards(
    tmp_path: Path, double: Storm, adapter: type[Publisher], per_probe: int, hours: int, effective: bool
) -> None:
    """A probe is one post, and where there is a look, one look of at most five tries."""
    with opened(tmp_path, double, adapter, extra='deadline = "2s"') as hub:
        hub.tick()
        queue(hub, POSTS)
        before = len(double.calls)
        double.raging, double.effective = True, effective
        probes = turns(hub, hours=hours)
        assert 6 <= probes <= 8 + hours
        assert len(double.calls) - before <= TROUBLES + per_probe * probes
        double.raging = False
        for _ in range(60):
            hub.tick(minutes=10)
        assert set(hub.states()) == {"published"}
        assert sorted(held.text for held in double.held()) == sorted(f"post {number}" for number in range(POSTS))
        assert verify(hub.store) == []


def test_a_word_to_wait_counts_for_the_whole_account_and_exactly_so_long(tmp_path: Path, double: Storm) -> None:
    with opened(tmp_path, double, Square) as hub:
        hub.tick()
        queue(hub, 5)
        calls = len(double.calls)
        double.inject(faults.answered(Reply({}, status=429, headers={"Retry-After": "600"})))
        (_, error), *_ = hub.tick().errors
        assert isinstance(error, TransientError)
        assert (error.retry_after, len(double.calls) - calls) == (600, 1)
        hub.tick(seconds=599)
        assert len(double.calls) - calls == 1
        hub.tick(seconds=1)
        assert sorted(held.text for held in double.held()) == [f"post {number}" for number in range(5)]


def test_the_other_kinds_of_work_wait_as_long_and_are_not_lost(tmp_path: Path, double: Storm) -> None:
    account = {"platform": "village", **double.account()}
    with open_hub(write_config(tmp_path, {"home": account}), Village) as hub:
        hub.tick()
        queue(hub, 1)
        hub.clock.forward(minutes=6)
        calls = len(double.calls)
        double.inject(
            faults.answered(Reply({}, status=429, headers={"Retry-After": "600"})),
            lambda request: request.method == "POST",
        )
        hub.store.write(accounts.reschedule, "home", {"publish": hub.clock() - timedelta(hours=1)}, None)
        hub.tick()
        assert [call.path for call in double.calls[calls:]] == ["/posts"]
        hub.tick(minutes=10)
        assert "/remarks" in [call.path for call in double.calls[calls:]]
        assert [held.text for held in double.held()] == ["post 0"]


def test_a_word_to_wait_for_ever_is_a_day(tmp_path: Path, double: Storm) -> None:
    class Odd(Square):
        platform = "odd"

        def publish(self, post: Post) -> Receipt:
            raise TransientError("come back in 30 years", retry_after=1e9)

    with opened(tmp_path, double, Odd) as hub:
        queue(hub, 1)
        hub.tick()
        with hub.store.read() as connection:
            (health,) = accounts.all_health(connection)
        assert health.not_before == hub.clock() + timedelta(days=1)


def test_three_troubles_in_a_row_end_the_turn_and_say_so(tmp_path: Path, double: Storm) -> None:
    with opened(tmp_path, double, Square) as hub:
        hub.tick()
        queue(hub, 10)
        double.raging = True
        ((_, error),) = hub.tick().errors
        assert str(error).startswith("3 attempts in a row came to nothing, the last one so: POST ")
        assert hub.states() == ["unknown"] * 3 + ["queued"] * 7


def test_two_troubles_and_a_success_do_not_end_the_turn(tmp_path: Path, double: Storm) -> None:
    with opened(tmp_path, double, KeyedSquare) as hub:
        hub.tick()
        queue(hub, 6)
        for text in ("post 0", "post 1", "post 3", "post 4"):
            double.inject(
                faults.answered(Reply({}, status=500)),
                lambda request, text=text: request.method == "POST" and request.json()["text"] == text,
            )
        assert hub.tick().errors == []
        assert hub.states() == ["unknown", "unknown", "published", "unknown", "unknown", "published"]


def test_a_refusal_is_an_answer_and_no_trouble(tmp_path: Path, double: Storm) -> None:
    with opened(tmp_path, double, Square) as hub:
        hub.tick()
        queue(hub, 5)
        for _ in range(5):
            double.inject(
                faults.answered(Reply({"error": "no"}, status=422)), lambda request: request.method == "POST"
            )
        assert hub.tick().errors == []
        assert hub.states() == ["failed"] * 5


def test_one_trouble_is_enough_for_an_account_that_failed_before(tmp_path: Path, double: Storm) -> None:
    with opened(tmp_path, double, KeyedSquare) as hub:
        hub.tick()
        queue(hub, 10)
        double.raging = True
        hub.tick()
        sent = posts(double)
        ((_, error),) = hub.tick(seconds=31).errors
        assert str(error).startswith("the network is still in trouble: ")
        assert posts(double) - sent == 1


def test_a_success_closes_the_breaker_and_the_pause_starts_small_again(tmp_path: Path, double: Storm) -> None:
    with opened(tmp_path, double, KeyedSquare) as hub:
        hub.tick()
        queue(hub, 10)
        double.raging = True
        turns(hub, hours=1)
        double.raging = False
        hub.tick(hours=1)
        assert hub.states() == ["published"] * 10
        queue(hub, 10, 10)
        double.raging = True
        start = hub.clock()
        hub.tick()
        with hub.store.read() as connection:
            (health,) = accounts.all_health(connection)
        assert health.not_before == start + timedelta(seconds=30)


def test_a_turn_that_got_something_out_before_its_troubles_pauses_as_for_the_first_time(
    tmp_path: Path, double: Storm
) -> None:
    with opened(tmp_path, double, KeyedSquare) as hub:
        hub.tick()
        queue(hub, 20)
        double.raging = True
        turns(hub, hours=1)
        double.only = lambda request: len(double.posts) >= 5
        hub.tick(hours=1)
        assert len(double.held()) == 5
        with hub.store.read() as connection:
            (health,) = accounts.all_health(connection)
        assert health.not_before == hub.clock() + timedelta(seconds=30)


def test_what_is_in_doubt_is_settled_while_nothing_can_be_sent(tmp_path: Path, double: Storm) -> None:
    """Every second of them took effect; the looks go on while each post that is sent comes to nothing."""
    with opened(tmp_path, double, Square) as hub:
        hub.tick()
        queue(hub, 30)
        double.raging, double.effective = True, True
        double.only = lambda request: request.method == "POST"
        turns(hub, hours=2)
        states = hub.states()
        assert states.count("published") >= 8
        assert states.count("unknown") <= 3
        assert len(double.held()) == len({held.text for held in double.held()})


def test_a_network_that_cannot_be_looked_at_still_takes_posts(tmp_path: Path, double: Storm) -> None:
    with opened(tmp_path, double, Square, extra='deadline = "1s"') as hub:
        hub.tick()
        queue(hub, 1)
        double.inject(faults.LOST, lambda request: request.method == "POST")
        hub.tick()
        double.raging = True
        double.only = lambda request: request.path == "/posts" and request.method == "GET"
        for number in range(1, 4):
            hub.tick(minutes=2)
            queue(hub, 1, number)
        hub.tick(minutes=2)
        assert sorted(hub.states()) == ["published", "published", "published", "unknown"]


def test_others_keep_their_pace_while_one_network_is_in_trouble(tmp_path: Path, double: Storm) -> None:
    with VillageDouble() as well:
        configured = {
            "home": {"platform": "square", **double.account()},
            "away": {"platform": "village", **well.account()},
        }
        with open_hub(write_config(tmp_path, configured), Square, Village) as hub:
            hub.tick()
            now = hub.clock()
            for number in range(20):
                new = NewPost(key=str(number), text=f"post {number}", publish_at=now)
                routes.add_post(hub.store, new, ["home", "away"], now)
            double.raging = True
            hub.tick()
            assert len(well.held()) == 20


def test_a_breaker_that_is_half_open_closes_at_a_sign_of_life() -> None:
    breaker = Breaker(half_open=True)
    breaker.answered()
    trouble = TransientError("no")
    for _ in range(TROUBLES - 1):
        breaker.trouble(trouble, "no")
    with pytest.raises(TransientError, match="3 attempts in a row"):
        breaker.trouble(trouble, "no")
