"""A stopped hub writes to no network, from the very next post on; it loses nothing and goes on where it was."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Batch, Contact, ContactSync, Identity, Mention, Note, Post, Receipt
from hub.discussions import replying
from hub.errors import StoppedError
from hub.publishing import routes
from hub.scheduling.tick import make_everything_due
from hub.store import Store
from hub.store.outbox import deliveries, sending
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts, switches
from hub.store.verify import verify
from hub.testing import faults


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, double: VillageDouble, database_url: str) -> Iterator[TestHub]:
    path = write_config(tmp_path, {"home": {"platform": "village", **double.account()}}, database=database_url)
    with open_hub(path, Village) as running:
        running.tick()
        yield running


def stop(hub: TestHub, reason: str = "") -> None:
    hub.store.write(switches.stop, reason, "me", hub.clock())


def resume(hub: TestHub) -> None:
    hub.store.write(switches.resume)
    hub.store.write(accounts.hasten, ["home"], "publish", hub.clock())


def queue(hub: TestHub, count: int = 1) -> int:
    now = hub.clock()
    for number in range(count):
        new = NewPost(key=uuid.uuid4().hex, text=f"post {number}", publish_at=now)
        last, _ = routes.add_post(hub.store, new, ["home"], now)
    return last


def writes(double: VillageDouble) -> int:
    return sum(call.method != "GET" for call in double.calls)


def test_nothing_is_begun_once_the_hub_is_stopped(hub: TestHub) -> None:
    """The statement that commits `sending` asks by itself, whoever made sure of anything before it."""
    queue(hub)
    with hub.store.read() as connection:
        (delivery,) = sending.due(connection, "home", hub.clock())
        fence = connection.exec_driver_sql("SELECT fence FROM accounts").scalar()
    stop(hub)
    assert hub.store.write(sending.begin, delivery, fence, hub.clock(), "post", 1) is None
    resume(hub)
    assert hub.store.write(sending.begin, delivery, fence, hub.clock(), "post", 1) is not None


def test_a_stop_takes_hold_between_two_posts_of_a_turn(tmp_path: Path, double: VillageDouble) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Waiting(Village):
        platform = "waiting"

        def publish(self, post: Post) -> Receipt:
            begun.set()
            go_on.wait(10)
            return super().publish(post)

    path = write_config(tmp_path, {"home": {"platform": "waiting", **double.account()}})
    with open_hub(path, Waiting) as hub:
        queue(hub, 3)
        (turn,) = hub.begin_due()
        assert begun.wait(10)
        other = Store.open(hub.hub.settings.database_url)
        other.write(switches.stop, "", "another process", hub.clock())
        other.close()
        go_on.set()
        report = turn.result(timeout=10)
        assert (report.errors, report.outcome) == ([], "stopped")
        assert [held.text for held in double.held()] == ["post 0"]
        assert hub.states() == ["published", "queued", "queued"]


def test_what_waited_goes_out_in_its_order_when_the_hub_goes_on(hub: TestHub, double: VillageDouble) -> None:
    stop(hub)
    queue(hub, 3)
    for _ in range(5):
        assert hub.tick(hours=1).errors == []
    assert (writes(double), hub.states()) == (0, ["queued"] * 3)
    resume(hub)
    hub.tick()
    assert [held.text for held in double.held()] == ["post 0", "post 1", "post 2"]
    assert verify(hub.store) == []


def test_edits_and_deletions_wait_too(hub: TestHub, double: VillageDouble) -> None:
    first, second = queue(hub), queue(hub)
    hub.tick()
    before = writes(double)
    stop(hub)
    routes.change_post(hub.store, first, hub.clock(), text="changed", title="", link="", images=[])
    routes.delete_post(hub.store, second, hub.clock())
    hub.tick(hours=1)
    assert writes(double) == before
    resume(hub)
    hub.tick()
    assert sorted(hub.states()) == ["deleted", "published"]
    assert [held.text for held in double.held()] == ["changed"]


def test_a_stopped_hub_takes_one_turn_for_what_waits_and_then_rests(hub: TestHub) -> None:
    queue(hub, 3)
    stop(hub)
    hub.tick()
    assert sum("stopped" in row["outcome"] for row in hub.rows("SELECT outcome FROM runs")) == 1
    with hub.store.read() as connection:
        assert accounts.jobs_of(connection, "home")["publish"] == hub.clock() + timedelta(hours=1)
    for _ in range(20):
        hub.tick(seconds=60)
    assert sum("stopped" in row["outcome"] for row in hub.rows("SELECT outcome FROM runs")) == 1


def test_a_hub_that_goes_on_while_a_turn_ends_does_not_wait_an_hour(tmp_path: Path, double: VillageDouble) -> None:
    class Resuming(Village):
        """Somebody resumes the hub between the refused post and the end of the turn."""

        platform = "resuming"
        store: Store

        def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
            if self.store.write(switches.resume):
                self.store.write(accounts.hasten, ["home"], "publish", datetime.now(UTC))
            return super().fetch_mentions(cursor)

    path = write_config(tmp_path, {"home": {"platform": "resuming", **double.account()}})
    with open_hub(path, Resuming) as hub:
        Resuming.store = hub.store
        queue(hub)
        stop(hub)
        assert hub.tick().counts["published"] == 1


def test_what_is_in_doubt_is_still_looked_at(hub: TestHub, double: VillageDouble) -> None:
    double.inject(faults.LOST, lambda request: request.method == "POST")
    queue(hub)
    hub.tick()
    queue(hub, 2)
    stop(hub)
    for _ in range(3):
        hub.tick(minutes=1)
    assert hub.states() == ["published", "queued", "queued"]


def test_reading_goes_on(hub: TestHub, double: VillageDouble) -> None:
    queue(hub)
    hub.tick()
    stop(hub)
    double.say(double.add_person("Anna", "anna"), double.held()[0].id, "Hi")
    hub.tick(minutes=6)
    assert [row["text"] for row in hub.rows("SELECT text FROM mentions")] == ["Hi"]


def test_a_reply_is_refused_and_nothing_is_written_down(hub: TestHub, double: VillageDouble) -> None:
    queue(hub)
    hub.tick()
    double.say(double.add_person("Anna", "anna"), double.held()[0].id, "Hi")
    hub.tick(minutes=6)
    stop(hub, "the shop is on fire")
    before = writes(double)
    mention = replying.find(hub.store, 1)
    with pytest.raises(StoppedError, match="the shop is on fire") as caught:
        replying.reply(hub.store, hub.hub.adapter("home"), mention, "Hello", hub.clock())
    assert caught.value.hint == "`hub resume` lets it go on"
    assert (writes(double), hub.rows("SELECT id FROM replies")) == (before, [])
    resume(hub)
    assert replying.reply(hub.store, hub.hub.adapter("home"), mention, "Hello", hub.clock()).remote_id


class Ledger(ContactSync):
    """A CRM that remembers what it was given."""

    platform = "ledger"
    Settings = Village.Settings
    given: list[str]

    def check(self) -> Identity:
        return Identity(remote_id="crm")

    def pull_contacts(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        pulled = [Contact(remote_id="1", name="Boris", handles={"village": "boris"})]
        yield Batch(pulled, "1")

    def push_contact(self, contact: Contact, remote_id: str | None) -> Receipt:
        self.given.append(contact.name)
        return Receipt(remote_id=contact.name)

    def add_note(self, remote_id: str, note: Note) -> Receipt:
        self.given.append(note.text)
        return Receipt(remote_id=note.key)


def test_a_crm_is_read_but_given_neither_contacts_nor_notes(tmp_path: Path, double: VillageDouble) -> None:
    Ledger.given = []
    configured = {
        "home": {"platform": "village", **double.account()},
        "crm": {"platform": "ledger", **double.account()},
    }
    with open_hub(write_config(tmp_path, configured), Village, Ledger) as hub:
        queue(hub)
        hub.tick()
        double.say(double.add_person("Anna", "anna"), double.held()[0].id, "Hi")
        double.say(double.add_person("Boris", "boris"), double.held()[0].id, "Ho")
        stop(hub)
        for _ in range(3):
            make_everything_due(hub.hub)
            assert hub.tick(hours=2).errors == []
        assert Ledger.given == []
        assert hub.rows("SELECT * FROM activities WHERE attempts > 0 OR state = 'sent'") == []
        assert [row["remote_id"] for row in hub.rows("SELECT remote_id FROM records")] == ["1"]
        resume(hub)
        for _ in range(2):
            make_everything_due(hub.hub)
            hub.tick(hours=2)
        assert sorted(given.rpartition(": ")[2] for given in Ledger.given) == ["Anna", "Hi", "Ho"]


def test_the_first_stop_counts(hub: TestHub) -> None:
    first, was_first = hub.store.write(switches.stop, "fire", "me", hub.clock())
    hub.clock.forward(hours=1)
    second, was_second = hub.store.write(switches.stop, "flood", "you", hub.clock())
    assert (second, was_first, was_second) == (first, True, False)
    assert hub.store.write(switches.resume) == first
    assert hub.store.write(switches.resume) is None


def test_a_slot_that_the_stop_took_is_made_up_for(tmp_path: Path, double: VillageDouble) -> None:
    path = write_config(
        tmp_path,
        {"home": {"platform": "village", **double.account()}},
        '[schedule]\npublish = "0 9 * * *"\n',
    )
    with open_hub(path, Village) as hub:
        hub.clock.now = hub.clock.now.replace(hour=10, minute=0) + timedelta(days=1)
        hub.tick()
        queue(hub)
        stop(hub)
        hub.tick(hours=23, minutes=5)
        resume(hub)
        hub.tick(minutes=5)
        assert [held.text for held in double.held()] == ["post 0"]


def test_once_the_stop_is_there_no_thread_begins_anything(hub: TestHub) -> None:
    queue(hub, 48)
    with hub.store.read() as connection:
        waiting = sending.due(connection, "home", hub.clock())
        fence = connection.exec_driver_sql("SELECT fence FROM accounts").scalar()
    begun: list[float] = []
    is_stopped = threading.Event()

    def begin(mine: list[deliveries.Delivery]) -> None:
        for delivery in mine:
            if delivery is mine[-1]:
                is_stopped.wait(30)
            at = time.monotonic()
            if hub.store.write(sending.begin, delivery, fence, hub.clock(), "post", 1) is not None:
                begun.append(at)

    threads = [threading.Thread(target=begin, args=(waiting[part::4],)) for part in range(4)]
    other = Store.open(hub.hub.settings.database_url)
    for thread in threads:
        thread.start()
    while len(begun) < 4:
        time.sleep(0.001)
    other.write(switches.stop, "", "me", hub.clock())
    stopped = time.monotonic()
    is_stopped.set()
    for thread in threads:
        thread.join()
    other.close()
    assert [at for at in begun if at > stopped] == []
    assert hub.states().count("sending") == len(begun) < 48
