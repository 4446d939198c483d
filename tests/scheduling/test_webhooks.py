"""Webhooks: what happens is told, signed, at least once, failures first, and nobody waits for a bad listener."""

from __future__ import annotations

import base64
import http.server
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from support import Clock, TestHub, Village, VillageDouble, open_hub, write_config

from hub import Publisher, Receipt
from hub.errors import HubError
from hub.publishing import routes, settling
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler, make_everything_due
from hub.scheduling.webhooks import SCHEDULE, Sender, send_test
from hub.settings import load
from hub.store.outbox.posts import NewPost
from hub.store.running import webhooks
from hub.testing import Double, Reply, Request, faults
from hub.webhooks import EVENTS, read_key, signed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
KEY = base64.b64encode(bytes(range(32))).decode()
SECRET = f"whsec_{KEY}"


class Desk(Double):
    """A receiver: answers `status` unless `refuses` says otherwise, and waits at `gate` if that is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 204
        self.headers: dict[str, str] = {}
        self.body = b""
        self.refuses: Callable[[dict[str, Any]], bool] = lambda message: False
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def handle(self, request: Request, *more: Any) -> Reply | None:
        self.entered.set()
        self.gate.wait(10)
        return super().handle(request, *more)

    def answer(self, request: Request) -> Reply:
        refused = self.refuses(request.json())
        return Reply(status=500 if refused else self.status, headers=self.headers, body=self.body)

    def told(self) -> list[dict[str, Any]]:
        return [call.json() for call in self.calls]

    def types(self) -> list[str]:
        return [str(message["type"]) for message in self.told()]

    def ids(self) -> list[str]:
        return [call.headers["webhook-id"] for call in self.calls]


class Blind(Publisher):
    """A network where nothing helps after a lost answer."""

    platform = "blind"
    settle = "none"
    Settings = Village.Settings
    sign = Village.sign
    check = Village.check
    limits = Village.limits
    publish = Village.publish


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as running:
        yield running
        running.gate.set()


@pytest.fixture
def village() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


def config(folder: Path, village: VillageDouble, more: str = "", database: str = "", **hooks: str) -> Path:
    """Write a hub.toml with two accounts and these webhooks."""
    (folder / "desk.secret").write_text(SECRET + "\n")
    tables = [
        f'[webhooks.{name}]\nurl = "{url}"\nsecret = {{ file = "desk.secret" }}\n' for name, url in hooks.items()
    ]
    accounts = {name: {"platform": name, **village.account()} for name in ("village", "blind")}
    return write_config(folder, accounts, "\n".join(tables) + more, database=database)


@pytest.fixture
def hub(tmp_path: Path, desk: Desk, village: VillageDouble) -> Iterator[TestHub]:
    with open_hub(config(tmp_path, village, desk=desk.url + "/hub?token=of-theirs"), Village, Blind) as running:
        running.tick()
        yield running


def tell(hub: TestHub, *events: str) -> None:
    """Let something be told, without anything having happened."""
    for event in events or ("account.resumed",):
        hub.store.write(hub.hub.notices.account, event, "village", hub.clock())


def line(hub: TestHub) -> list[tuple[str, int]]:
    rows = hub.rows("SELECT state, attempts FROM notices ORDER BY id")
    return [(str(row["state"]), int(row["attempts"])) for row in rows]


def post(hub: TestHub, text: str, *targets: str, **more: Any) -> int:
    now = hub.clock()
    new = NewPost(key=text, text=text, publish_at=more.pop("publish_at", now), **more)
    return routes.add_post(hub.store, new, targets or ("village",), now)[0]


def is_publish(request: Request) -> bool:
    return request.method == "POST" and request.path == "/posts"


def receiver() -> dict[str, Any]:
    """Run the receiver of the docs as it stands there; return its names."""
    section = PAGE.read_text(encoding="utf-8").split("## Being told\n")[1].split("\n## ")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(code, names)  # noqa: S102  # our own page
    return names


# What is told


def test_the_receiver_of_the_docs_takes_what_the_hub_sends(
    tmp_path: Path, village: VillageDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_WEBHOOK_SECRET", SECRET)
    quiet = type("Quiet", (receiver()["Receiver"],), {"log_message": lambda *_: None})
    with http.server.HTTPServer(("127.0.0.1", 0), quiet) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        with open_hub(config(tmp_path, village, desk=address), Village, Blind) as hub:
            post(hub, "Hello")
            hub.tick()
            assert line(hub) == [("sent", 1)]
            (tmp_path / "desk.secret").write_text(base64.b64encode(bytes(32)).decode())
            assert send_test(hub.hub, "desk").status == 401
        server.shutdown()


@pytest.mark.parametrize("change", ["none", "body", "id", "timestamp", "secret", "no signature", "old"])
def test_the_receiver_of_the_docs_refuses_whatever_was_changed(
    hub: TestHub, desk: Desk, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(hub)
    if change == "old":
        hub.clock.forward(minutes=-6)
    hub.store.write(lambda c: c.exec_driver_sql("UPDATE notices SET due_at = 0"))
    hub.tick()
    (call,) = desk.calls
    headers: dict[str, str | None] = {
        name: call.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    }
    body = bytearray(call.body)
    if change == "body":
        body[-2] ^= 1
    elif change == "id":
        headers["webhook-id"] = "msg_other"
    elif change == "timestamp":
        headers["webhook-timestamp"] = str(int(call.headers["webhook-timestamp"]) + 1)
    elif change == "no signature":
        headers["webhook-signature"] = None
    secret = base64.b64encode(bytes(32)).decode() if change == "secret" else SECRET
    monkeypatch.setenv("DESK_WEBHOOK_SECRET", secret)
    assert receiver()["verified"](headers, bytes(body)) is (change == "none")


def test_the_signature_is_that_of_the_specification() -> None:
    """The vector of the reference libraries (standardwebhooks 1.0.0)."""
    headers = signed(
        read_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        SimpleNamespace(timestamp=lambda: 1614265330),  # type: ignore[arg-type]  # a moment
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_publication_is_told_with_all_that_a_receiver_needs(
    hub: TestHub, desk: Desk, village: VillageDouble
) -> None:
    post(hub, "Hello")
    hub.tick()
    (call,) = desk.calls
    held = village.held()[0]
    assert (call.method, call.path, call.content_type) == ("POST", "/hub", "application/json")
    assert call.json() == {
        "type": "delivery.published",
        "timestamp": hub.clock().isoformat().replace("+00:00", "Z"),
        "data": {
            "delivery": 1,
            "post": 1,
            "post_key": "Hello",
            "account": "village",
            "platform": "village",
            "part": 0,
            "action": "publish",
            "state": "published",
            "remote_id": held.id,
            "url": f"https://village.example/{held.id}",
            "attempts": 1,
            "error": None,
            "decision": None,
        },
    }


def refused(hub: TestHub, village: VillageDouble) -> None:
    village.inject(faults.answered(Reply({"error": "no advertising"}, status=422)), is_publish)
    post(hub, "Buy!")
    hub.tick()


def put_off(hub: TestHub, village: VillageDouble) -> None:
    village.inject(faults.answered(Reply({}, status=429, headers={"Retry-After": "600"})), is_publish)
    post(hub, "Wait")
    hub.tick()


def lost(hub: TestHub, village: VillageDouble) -> None:
    village.inject(faults.LOST, is_publish)
    post(hub, "Lost")
    hub.tick()
    hub.tick(minutes=1)


def lost_for_good(hub: TestHub, village: VillageDouble) -> None:
    village.inject(faults.LOST, is_publish)
    post(hub, "Lost", "blind")
    hub.tick()
    settling.decide(
        hub.store, hub.hub.adapter("blind"), 1, hub.clock(), sent=Receipt(remote_id="9"), notices=hub.hub.notices
    )
    hub.tick()


def too_late(hub: TestHub, village: VillageDouble) -> None:
    due = hub.clock() + timedelta(hours=1)
    post(hub, "News", publish_at=due, late_after=due + timedelta(hours=2))
    hub.tick(hours=8)


def changed(hub: TestHub, village: VillageDouble) -> None:
    number = post(hub, "Frist")
    hub.tick()
    content: dict[str, Any] = {"text": "First", "title": "", "link": "", "images": []}
    routes.change_post(hub.store, number, hub.clock(), notices=hub.hub.notices, **content)
    hub.tick()


def withdrawn(hub: TestHub, village: VillageDouble) -> None:
    number = post(hub, "Oops")
    hub.tick()
    routes.delete_post(hub.store, number, hub.clock(), notices=hub.hub.notices)
    hub.tick()


def withdrawn_unsent(hub: TestHub, village: VillageDouble) -> None:
    number = post(hub, "Oops", publish_at=hub.clock() + timedelta(hours=1))
    routes.delete_post(hub.store, number, hub.clock(), notices=hub.hub.notices)
    hub.tick()


def locked_out(hub: TestHub, village: VillageDouble) -> None:
    village.refuse_token = True
    post(hub, "Hello", "blind")
    hub.tick()
    village.refuse_token = False
    hub.hub.check("blind")
    hub.hub.check("blind")
    hub.tick()


def answered(hub: TestHub, village: VillageDouble) -> None:
    post(hub, "Hello")
    hub.tick()
    village.say(village.add_person("Anna", "anna"), village.held()[0].id, "Hi")
    make_everything_due(hub.hub)
    hub.tick()
    make_everything_due(hub.hub)
    hub.tick()


HAPPENINGS: dict[Callable[[TestHub, VillageDouble], None], list[tuple[str, str]]] = {
    refused: [("delivery.failed", "failed")],
    put_off: [("delivery.waiting", "waiting")],
    lost: [("delivery.unknown", "unknown"), ("delivery.published", "published")],
    lost_for_good: [("delivery.asked", "asked"), ("delivery.settled", "published")],
    too_late: [("delivery.missed", "missed")],
    changed: [("delivery.published", "published"), ("delivery.edited", "published")],
    withdrawn: [("delivery.published", "published"), ("delivery.deleted", "deleted")],
    withdrawn_unsent: [("delivery.deleted", "deleted")],
    locked_out: [("account.paused", "paused"), ("account.resumed", "active"), ("delivery.published", "published")],
    answered: [("delivery.published", "published"), ("mention.received", "")],
}


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda happening: happening.__name__)
def test_what_happens_is_told_once_with_the_state_it_left(
    hub: TestHub, desk: Desk, village: VillageDouble, happening: Callable[[TestHub, VillageDouble], None]
) -> None:
    happening(hub, village)
    told = [(message["type"], message["data"].get("state", "")) for message in desk.told()]
    # Two accounts on one double are locked out alike.
    assert list(dict.fromkeys(told)) == HAPPENINGS[happening]
    assert len(told) == len(HAPPENINGS[happening]) or happening is locked_out


def test_every_event_that_may_be_asked_for_is_told_by_some_happening() -> None:
    assert {event for events in HAPPENINGS.values() for event, _ in events} == set(EVENTS)


def test_a_failure_is_told_with_its_reason(hub: TestHub, desk: Desk, village: VillageDouble) -> None:
    refused(hub, village)
    error = desk.told()[0]["data"]["error"]
    assert error["code"] == "rejected"
    assert "no advertising" in error["message"]


def test_a_mention_is_told_with_its_author_and_its_number(
    hub: TestHub, desk: Desk, village: VillageDouble
) -> None:
    answered(hub, village)
    said = desk.told()[1]["data"]
    number = int(hub.rows("SELECT id FROM mentions")[0]["id"])
    assert (said["mention"], said["text"], said["author"]["name"], said["account"]) == (
        number,
        "Hi",
        "Anna",
        "village",
    )


def test_a_webhook_is_told_only_what_it_asked_for(tmp_path: Path, desk: Desk, village: VillageDouble) -> None:
    path = config(tmp_path, village, 'events = ["delivery.failed", "account"]\n', desk=desk.url)
    with open_hub(path, Village, Blind) as hub:
        tell(hub)
        refused(hub, village)
        post(hub, "Hello")
        hub.tick()
    assert sorted(desk.types()) == ["account.resumed", "delivery.failed"]


@pytest.mark.parametrize(("table", "left"), [("notices", []), ("copies", [])])
def test_a_notice_is_stored_with_the_change_that_it_tells_of_or_neither_is(
    hub: TestHub, desk: Desk, village: VillageDouble, table: str, left: list[Any]
) -> None:
    """The write fails in the middle: at the notice itself, or at what comes after it."""
    trigger = f"CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    hub.store.write(lambda c: c.exec_driver_sql(trigger))
    post(hub, "Hello")
    hub.tick()
    assert (hub.states(), hub.rows("SELECT * FROM copies"), line(hub)) == (["sending"], left, [])
    hub.store.write(lambda c: c.exec_driver_sql("DROP TRIGGER full"))
    for _ in range(3):
        hub.tick(hours=1)
    assert [held.text for held in village.held()] == ["Hello"]
    assert desk.types() == ["delivery.unknown", "delivery.published"]


def a_pause(hub: TestHub, village: VillageDouble) -> None:
    village.refuse_token = True
    with suppress(HubError, sa.exc.IntegrityError):
        hub.hub.check("village")


def a_mention(hub: TestHub, village: VillageDouble) -> None:
    village.say(village.add_person("Anna", "anna"), village.held()[0].id, "Hi")
    make_everything_due(hub.hub)
    hub.tick()


def a_decision(hub: TestHub, village: VillageDouble) -> None:
    with suppress(sa.exc.IntegrityError):
        settling.decide(hub.store, hub.hub.adapter("blind"), 2, hub.clock(), notices=hub.hub.notices)


def a_withdrawal(hub: TestHub, village: VillageDouble) -> None:
    with suppress(sa.exc.IntegrityError):
        routes.delete_post(hub.store, 2, hub.clock(), notices=hub.hub.notices)


@pytest.mark.parametrize(
    ("happening", "query"),
    [
        (a_pause, "SELECT 1 FROM accounts WHERE state = 'paused'"),
        (a_mention, "SELECT 1 FROM mentions"),
        (a_decision, "SELECT 1 FROM deliveries WHERE error_code = 'dropped'"),
        (a_withdrawal, "SELECT 1 FROM posts WHERE deleted_at IS NOT NULL"),
    ],
)
def test_what_cannot_be_told_is_not_stored_and_once_it_can_both_are(
    hub: TestHub, desk: Desk, village: VillageDouble, happening: Any, query: str
) -> None:
    post(hub, "Hello")
    hub.tick()
    village.inject(faults.answered(Reply({"error": "no"}, status=422)), is_publish)
    post(hub, "No", "blind")
    hub.tick()
    before = len(line(hub))
    trigger = "CREATE TRIGGER full BEFORE INSERT ON notices BEGIN SELECT RAISE(ABORT, 'no more'); END"
    hub.store.write(lambda c: c.exec_driver_sql(trigger))
    happening(hub, village)
    assert (hub.rows(query), len(line(hub))) == ([], before)
    hub.store.write(lambda c: c.exec_driver_sql("DROP TRIGGER full"))
    hub.clock.forward(hours=2)
    happening(hub, village)
    stored = len(hub.rows(query))
    assert stored
    assert len(line(hub)) == before + stored


def test_without_a_webhook_no_statement_is_spent(tmp_path: Path, village: VillageDouble) -> None:
    with open_hub(config(tmp_path, village), Village, Blind) as hub:
        spent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if re.search("notices|webhooks", statement):
                spent.append(statement)

        sa.event.listen(hub.store.engine, "before_cursor_execute", note)
        answered(hub, village)
        refused(hub, village)
        withdrawn(hub, village)
        assert spent == []


# When it is sent


def test_a_refused_call_is_made_again_by_the_schedule_and_then_given_up(hub: TestHub, desk: Desk) -> None:
    desk.status = 500
    tell(hub)
    hub.tick()
    for number, pause in enumerate(SCHEDULE, 1):
        assert (len(desk.calls), line(hub)) == (number, [("queued", number)])
        hub.clock.forward(seconds=pause.total_seconds() - 1)
        hub.tick()
        assert len(desk.calls) == number
        hub.clock.forward(seconds=pause.total_seconds() * 0.1 + 1)
        hub.tick()
    assert (len(desk.calls), line(hub)) == (10, [("dead", 10)])
    hub.tick(days=2)
    assert len(desk.calls) == 10


def test_every_try_has_the_same_id_and_body_and_its_own_time(hub: TestHub, desk: Desk) -> None:
    desk.status = 500
    tell(hub)
    hub.tick()
    hub.tick(seconds=6)
    first, second = desk.calls
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 6


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 429, 503])
def test_every_answer_but_2xx_is_a_failure_of_one_call(hub: TestHub, desk: Desk, status: int) -> None:
    desk.status, desk.headers = status, {"Location": desk.url, "Retry-After": "0"}
    tell(hub)
    hub.tick()
    assert (len(desk.calls), line(hub)) == (1, [("queued", 1)])


def test_a_lost_answer_is_a_failure_of_one_call(hub: TestHub, desk: Desk) -> None:
    desk.inject(faults.LOST)
    tell(hub)
    hub.tick()
    assert (len(desk.calls), line(hub)) == (1, [("queued", 1)])
    hub.tick(seconds=6)
    assert (desk.ids()[0], line(hub)) == (desk.ids()[1], [("sent", 2)])


def test_a_receiver_that_is_not_there_is_tried_again(hub: TestHub, desk: Desk) -> None:
    with desk.refusing():
        tell(hub)
        hub.tick()
        assert line(hub) == [("queued", 1)]
    hub.tick(seconds=6)
    assert line(hub) == [("sent", 2)]


def test_a_receiver_that_asks_to_wait_is_left_alone_that_long(hub: TestHub, desk: Desk) -> None:
    desk.status, desk.headers = 503, {"Retry-After": "600"}
    tell(hub)
    hub.tick()
    hub.tick(seconds=599)
    assert len(desk.calls) == 1
    hub.tick(seconds=2)
    assert len(desk.calls) == 2


def test_gone_is_given_up_at_once(hub: TestHub, desk: Desk) -> None:
    desk.status = 410
    tell(hub)
    hub.tick()
    assert line(hub) == [("dead", 1)]


def test_failures_go_first_and_the_rest_by_age(hub: TestHub, desk: Desk) -> None:
    names = ["account.resumed", "delivery.published", "account.paused", "mention.received", "delivery.failed"]
    post(hub, "Hello", publish_at=hub.clock() + timedelta(hours=1))
    for name in names:
        facts = (name, 1) if name.startswith("delivery") else ("account.paused", "village")
        teller = hub.hub.notices.delivery if name.startswith("delivery") else hub.hub.notices.account
        if name == "mention.received":
            continue
        hub.store.write(teller, *(facts if name != "account.resumed" else (name, "village")), hub.clock())
    hub.tick()
    assert desk.types() == ["account.paused", "delivery.failed", "account.resumed", "delivery.published"]


def test_while_a_webhook_fails_one_call_is_made_each_time_not_one_for_all_that_waits(
    hub: TestHub, desk: Desk
) -> None:
    desk.status = 500
    tell(hub, *["account.resumed"] * 5)
    hub.tick()
    tell(hub, "account.paused")
    hub.tick(seconds=1)
    assert len(desk.calls) == 1
    hub.tick(seconds=5)
    assert desk.types() == ["account.resumed", "account.paused"]
    hub.tick(minutes=4)
    assert len(desk.calls) == 2
    desk.status = 204
    hub.tick(minutes=2)
    assert [state for state, _ in line(hub)] == ["sent"] * 6


def test_one_notice_that_a_receiver_cannot_take_does_not_hold_the_others_for_long(
    hub: TestHub, desk: Desk
) -> None:
    post(hub, "Hello", publish_at=hub.clock() + timedelta(hours=1))
    desk.refuses = lambda message: message["type"] == "delivery.failed"
    hub.store.write(hub.hub.notices.delivery, "delivery.failed", 1, hub.clock())
    tell(hub, *["account.resumed"] * 3)
    hub.tick()
    hub.tick(seconds=6)
    hub.tick(minutes=6)
    assert line(hub) == [("queued", 3), ("sent", 1), ("sent", 1), ("sent", 1)]


def test_what_waited_as_long_as_all_tries_take_is_given_up_though_it_was_not_tried(
    hub: TestHub, desk: Desk
) -> None:
    desk.status = 500
    tell(hub, *["account.resumed"] * 30)
    for _ in range(50):
        hub.tick(hours=2)
    assert {state for state, _ in line(hub)} == {"dead"}
    assert hub.rows("SELECT count(*) AS number FROM notices WHERE error = ''")[0]["number"] == 0
    assert len(desk.calls) < 15


def test_what_was_given_up_is_sent_again_when_a_person_says_so(hub: TestHub, desk: Desk) -> None:
    desk.status = 410
    tell(hub)
    hub.tick()
    desk.status = 204
    assert hub.store.write(webhooks.retry, None, hub.clock()) == 1
    hub.tick()
    assert (line(hub), len(set(desk.ids()))) == ([("sent", 1)], 1)


def test_what_was_sent_is_forgotten_after_thirty_days_and_what_it_said_at_once(hub: TestHub, desk: Desk) -> None:
    tell(hub)
    hub.tick()
    assert hub.rows("SELECT body FROM notices")[0]["body"] == ""
    hub.clock.forward(days=31)
    tell(hub)
    hub.tick()
    assert line(hub) == [("sent", 1)]


# Side by side


def test_two_processes_send_each_notice_once(tmp_path: Path, desk: Desk, village: VillageDouble) -> None:
    path = config(tmp_path, village, desk=desk.url)
    desk.latency = 0.01
    with (
        open_hub(path, Village, Blind) as one,
        Hub.open(load(path, {}), clock=one.clock, plugins={"tests": one_plugin()}) as other,
    ):
        tell(one, *["account.resumed"] * 20)
        senders = [Sender(hub) for hub in (one.hub, other)]
        threads = [threading.Thread(target=sender.send_due) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for sender in senders:
            sender.close(timedelta(seconds=5))
        assert line(one) == [("sent", 1)] * 20
    assert (len(desk.ids()), len(set(desk.ids()))) == (20, 20)


def one_plugin() -> Any:
    from support import plugin

    return plugin(Village, Blind)


def test_a_round_whose_process_died_is_taken_over_when_its_lease_ends(hub: TestHub, desk: Desk) -> None:
    tell(hub)
    until = hub.clock() + timedelta(minutes=1)
    assert hub.store.write(webhooks.claim, "desk", hub.clock(), until) is not None
    hub.tick(seconds=59)
    assert desk.calls == []
    hub.tick(seconds=2)
    assert line(hub) == [("sent", 1)]


def test_a_sender_that_lost_its_lease_notes_no_failure_and_stops(hub: TestHub, desk: Desk) -> None:
    desk.status = 500
    desk.gate.clear()
    tell(hub)
    sender = Sender(hub.hub)
    (running,) = sender.start_due()
    assert desk.entered.wait(5)
    hub.clock.forward(minutes=5)
    assert hub.store.write(webhooks.claim, "desk", hub.clock(), hub.clock() + timedelta(minutes=1)) is not None
    desk.gate.set()
    running.result(5)
    sender.close(timedelta(seconds=5))
    assert line(hub) == [("queued", 0)]


def test_a_receiver_that_hangs_holds_up_neither_publishing_nor_another_webhook(
    tmp_path: Path, desk: Desk, village: VillageDouble
) -> None:
    with Desk() as other:
        path = config(tmp_path, village, desk=desk.url, other=other.url)
        with open_hub(path, Village, Blind, clock=Clock()) as hub:
            desk.gate.clear()
            stop = threading.Event()
            daemon = threading.Thread(target=Scheduler(hub.hub).run, args=(stop,))
            daemon.start()
            try:
                tell(hub)
                assert desk.entered.wait(10)
                post(hub, "Hello")
                until = time.monotonic() + 8
                while "delivery.published" not in other.types() and time.monotonic() < until:
                    time.sleep(0.02)
                assert [held.text for held in village.held()] == ["Hello"]
                assert (other.types(), desk.calls) == (["account.resumed", "delivery.published"], [])
            finally:
                desk.gate.set()
                stop.set()
                daemon.join(10)
            assert not daemon.is_alive()


def test_the_line_is_the_same_on_every_database(
    tmp_path: Path, desk: Desk, village: VillageDouble, database_url: str
) -> None:
    with open_hub(config(tmp_path, village, database=database_url, desk=desk.url), Village, Blind) as hub:
        desk.status = 500
        answered(hub, village)
        tell(hub, "account.paused")
        hub.tick(seconds=6)
        assert line(hub) == [("queued", 1), ("queued", 0), ("queued", 1)]
        desk.status = 204
        hub.tick(minutes=6)
        assert desk.types()[2:] == ["account.paused", "delivery.published", "mention.received"]
        tell(hub)
        assert hub.store.write(webhooks.retry, 4, hub.clock()) == 1
        assert hub.store.write(webhooks.drop, 4) == 1
        assert hub.store.write(webhooks.drop, None, []) == 0
        with hub.store.read() as connection:
            assert webhooks.count_by_state(connection) == {"desk": {"sent": 3}}
            assert webhooks.dead(connection, 5) == []


# What must not be seen


def test_the_secret_is_in_no_row_no_log_and_no_error(tmp_path: Path, hub: TestHub, desk: Desk) -> None:
    """The receiver says it back, as it came and without its prefix."""
    desk.status, desk.body = 500, f"the secret is {SECRET}, or {KEY}".encode()
    tell(hub)
    with structlog.testing.capture_logs() as logs:
        hub.tick()
        said = send_test(hub.hub, "desk").said
    files = b"".join(file.read_bytes() for file in tmp_path.glob("hub.db*"))
    assert "the secret is …" in said
    assert KEY not in said + json.dumps(logs, default=str)
    assert KEY.encode() not in files


def test_what_a_receiver_says_is_kept_short_and_storable(hub: TestHub, desk: Desk) -> None:
    desk.status, desk.body = 500, b"\0<html>\xff" + b"x" * 100_000
    tell(hub)
    hub.tick()
    error = str(hub.rows("SELECT error FROM notices")[0]["error"])
    assert error.startswith("HTTP 500: <html>")
    assert len(error) < 250


def test_a_webhook_without_its_secret_is_an_error_before_anything_is_called(
    tmp_path: Path, desk: Desk, village: VillageDouble
) -> None:
    path = config(tmp_path, village, desk=desk.url)
    (tmp_path / "desk.secret").write_text("password\n")
    with pytest.raises(HubError, match=r"webhooks\.desk\.secret is no key") as caught:
        Hub.open(load(path, {}), plugins={"tests": one_plugin()})
    assert "password" not in str(caught.value)
    assert "openssl" in caught.value.hint
    assert village.calls == []


def test_a_long_line_is_neither_read_through_nor_sorted(hub: TestHub) -> None:
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    sa.event.listen(hub.store.engine, "before_cursor_execute", note)
    with hub.store.read() as connection:
        webhooks.head(connection, "desk", hub.clock())
        webhooks.due(connection, ["desk"], hub.clock())
    sa.event.remove(hub.store.engine, "before_cursor_execute", note)
    found = [(statement, parameters) for statement, parameters in seen if statement.startswith("SELECT")]
    assert len(found) == 2
    for statement, parameters in found:
        with hub.store.read() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        story = " ".join(str(row[3]) for row in plan)
        assert "SEARCH notices USING" in story
        assert "SCAN notices" not in story
        assert "B-TREE" not in story
