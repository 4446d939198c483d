"""Rows 8-12, 22 and 24-28: whatever befalls a read, everything said ends in the store, once, as it was said last.

One plain example of each; every order, every page and every delay of them are the models' work (tests/models).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from faults.stage import PATIENCE, STRUCK, Stage
from faults.truth import Tally, audit
from settle_kinds import TOKEN, KindDouble, Looked, is_publish
from support import Clock, open_hub, write_config

from hub.publishing import routes
from hub.store.discussions import threads
from hub.store.outbox.posts import NewPost
from hub.testing import Fault, Person, Request, faults

Staged = Callable[..., Stage]
Proved = Callable[[Stage, str, str], Tally]
# What a read makes of these is no matter of whether the network did something.
READS = {fault.name.removesuffix(", after it was done"): fault for fault in (*faults.UNDONE, *faults.DONE)}


def is_remarks(request: Request) -> bool:
    return request.method == "GET" and request.path.endswith("remarks")


@pytest.fixture
def stage(staged: Staged) -> Stage:
    """One post of ours is out, and Anna has seen it."""
    stage = staged("lookup", listen="every 5m", deadline=PATIENCE)
    stage.strike("Ours")
    anna(stage)
    return stage


def anna(stage: Stage) -> Person:
    network = stage.network
    return next(iter(network.people.values()), None) or network.add_person("Anna", "anna")


def ours(stage: Stage) -> str:
    return next(iter(stage.network.posts))


def say(stage: Stage, text: str, parent: str | None = None) -> str:
    return stage.network.say(anna(stage), ours(stage), text, parent)


def listen(stage: Stage, times: int = 1) -> None:
    for _ in range(times):
        stage.hub.tick(minutes=10)


def stored(stage: Stage) -> dict[str, str]:
    """Return what is stored of each remark on the struck network, "" for a tombstone."""
    rows = stage.hub.rows(f"SELECT remote_id, text FROM mentions WHERE account = '{STRUCK}'")
    return {row["remote_id"]: row["text"] for row in rows}


@pytest.mark.parametrize("fault", READS.values(), ids=READS)
def test_a_read_that_fails_moves_no_bookmark_and_loses_nothing(stage: Stage, proved: Proved, fault: Fault) -> None:
    """Rows 8-12: the bookmark stays, the account says what is wrong, and the next read has it all."""
    listen(stage)
    said = {say(stage, f"remark {number}"): f"remark {number}" for number in range(3)}
    with stage.hub.store.read() as connection:
        before = threads.read_cursor(connection, STRUCK, "mentions")
    stage.network.inject(fault, is_remarks, times=20)
    stage.hub.hub.adapter(STRUCK).http.deadline = 0.3
    report = stage.hub.tick(minutes=10)
    with stage.hub.store.read() as connection:
        after = threads.read_cursor(connection, STRUCK, "mentions")
    assert (after, stored(stage)) == (before, {})
    assert {account for account, _ in report.errors} == {STRUCK}
    stage.network.calm()
    stage.hub.hub.adapter(STRUCK).http.deadline = 5
    stage.hub.tick(hours=2)
    assert stored(stage) == said
    proved(stage, "a read: any fault", "lookup")


def test_an_echo_before_the_answer_is_linked_and_not_routed(room: Path, record: Callable[..., None]) -> None:
    """Rows 22 and 42: of two accounts that feed each other one loses an answer; its echo is recognised."""
    clock = Clock()
    with KindDouble(clock=clock) as one, KindDouble(clock=clock) as other:
        networks = {"one": one, "other": other}
        tables = {name: {"platform": "looked", **double.account()} for name, double in networks.items()}
        circle = '[routes.there]\nfrom = ["one"]\nto = ["other"]\n[routes.back]\nfrom = ["other"]\nto = ["one"]\n'
        with open_hub(write_config(room, tables, circle), Looked, clock=clock) as hub:
            hub.tick()
            one.inject(faults.LOST, is_publish)
            now = clock()
            routes.add_post(hub.store, NewPost(key="1", text="Once", publish_at=now), list(networks), now)
            hub.tick()
            assert hub.states() == ["unknown", "published"]
            for _ in range(5):
                hub.tick_all()
                clock.forward(minutes=10)
            assert [held.text for held in (*one.held(), *other.held())] == ["Once", "Once"]
            assert hub.states() == ["published", "published"]
            assert hub.rows("SELECT count(*) AS count FROM posts")[0]["count"] == 1
            assert audit(hub.store, networks, secret=TOKEN) == []
    record("an echo before the answer", "lookup", Tally(attempts=2, settled=1))


def test_an_edit_is_stored_with_what_was_said_before(stage: Stage, proved: Proved) -> None:
    """Row 24. All orders: tests/models/test_order.py."""
    remark = say(stage, "Good morning")
    listen(stage)
    stage.network.edit_remark(remark, "Good evening")
    listen(stage)
    assert stored(stage) == {remark: "Good evening"}
    assert [row["text"] for row in stage.hub.rows("SELECT text FROM mention_versions")] == ["Good morning"]
    proved(stage, "a remark is edited", "lookup")


def test_a_deletion_is_believed_at_the_second_look_and_a_return_at_the_first(stage: Stage, proved: Proved) -> None:
    """Row 25. All orders: tests/models/test_threads.py."""
    remark, other = say(stage, "Shame"), say(stage, "Praise")
    listen(stage)
    stage.network.delete_remark(remark)
    listen(stage)
    assert stored(stage)[remark] == "Shame"
    listen(stage, 2)
    assert stored(stage) == {remark: "", other: "Praise"}
    stage.network.restore_remark(remark)
    stage.network.edit_remark(remark, "Shame, still")
    listen(stage, 2)
    assert stored(stage) == {remark: "Shame, still", other: "Praise"}
    proved(stage, "a remark is deleted, and returns", "lookup")


def test_an_answer_is_stored_before_what_it_answers(stage: Stage, proved: Proved) -> None:
    """Row 26: the parent is out of sight at first. All orders: tests/models/test_order.py."""
    parent = say(stage, "A question")
    child = say(stage, "An answer", parent)
    stage.network.hidden = {parent}
    listen(stage)
    assert stored(stage) == {child: "An answer"}
    stage.network.hidden = set()
    listen(stage)
    assert stored(stage) == {parent: "A question", child: "An answer"}
    proved(stage, "an answer before what it answers", "lookup")


def test_a_bookmark_that_the_network_forgot_loses_nothing(stage: Stage, proved: Proved) -> None:
    """Row 27: the hub reads anew what the network shows. Who is told what: tests/discussions/test_forgotten.py."""
    said = {say(stage, "before"): "before"}
    listen(stage)
    stage.network.stale_cursors = True
    said[say(stage, "after")] = "after"
    report = stage.hub.tick(minutes=10)
    stage.network.stale_cursors = False
    listen(stage)
    assert (report.errors, stored(stage)) == ([], said)
    proved(stage, "a bookmark is forgotten", "lookup")


def test_items_that_come_and_go_between_two_pages_are_not_skipped(stage: Stage, proved: Proved) -> None:
    """Row 28: while the hub reads on, remarks are added and others vanish. All ways: test_paging.py."""
    listen(stage)
    first = [say(stage, f"remark {number}") for number in range(250)]
    moves = iter(range(3))

    def move(request: Request) -> None:
        if is_remarks(request) and (number := next(moves, None)) is not None:
            stage.network.delete_remark(first[number])
            say(stage, f"late {number}")

    stage.network.after = move
    listen(stage)
    stage.network.after = None
    listen(stage, 2)
    assert stage.audit("") == []
    assert {text for text in stored(stage).values() if text.startswith("late")} == {"late 0", "late 1", "late 2"}
    proved(stage, "items come and go between two pages", "lookup")


def test_what_the_network_repeats_and_shuffles_is_stored_once(stage: Stage, proved: Proved) -> None:
    """Row 28: a page twice over, newest first."""
    listen(stage)
    said = {say(stage, f"remark {number}"): f"remark {number}" for number in range(20)}
    stage.network.arrange = lambda page: [*reversed(page), *page]
    listen(stage, 3)
    assert stored(stage) == said
    proved(stage, "items repeated and out of order", "lookup")
