"""Each rule that the rows can tell is checked: a store that breaks it is named, and a sound one is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub.discussions.collecting import watch
from hub.publishing import routes
from hub.store.outbox.posts import NewPost
from hub.store.verify import _CHECKS, verify

LONG = "It is so long that it goes out as a thread, in parts of five hundred letters each. " * 10

# What each rule is broken by. The deliveries 1 and 3 are the parts of a thread on `one`, 2 is a post on `two`.
BREAKS = {
    "one remote post that stands for two deliveries": [
        "UPDATE deliveries SET remote_id = (SELECT remote_id FROM deliveries WHERE id = 1) WHERE id = 3"
    ],
    "a delivery in a state that is none": ["UPDATE deliveries SET state = 'lost' WHERE id = 1"],
    "a delivery that waits for nothing": ["UPDATE deliveries SET state = 'unknown' WHERE id = 3"],
    "a part of a thread that waits though the part before it is out": [
        "UPDATE deliveries SET state = 'queued', remote_id = NULL WHERE id = 3"
    ],
    "a part of a thread that is out though the part before it never was": [
        "UPDATE deliveries SET state = 'failed', remote_id = NULL WHERE id = 1"
    ],
    "a delivery that is at rest and yet due": ["UPDATE deliveries SET due_at = 1 WHERE id = 1"],
    "a delivery of a turn that is still to come": ["UPDATE deliveries SET fence = 1000000 WHERE id = 1"],
    "a delivery that was sent without an attempt": ["UPDATE deliveries SET state = 'sending' WHERE id = 1"],
    "a published delivery without its remote id": ["UPDATE deliveries SET remote_id = NULL WHERE id = 2"],
    "a published delivery that the map of copies does not know": ["DELETE FROM copies WHERE account = 'two'"],
    "a published delivery whose remote post belongs to another one": [
        "UPDATE copies SET post_id = 1 WHERE account = 'two'"
    ],
    "a lease that nobody holds": ["UPDATE accounts SET lease_until = 1 WHERE name = 'one'"],
    "a mention in a thread of another account": ["UPDATE mentions SET account = 'two'"],
    "a bookmark of an account that there is not": ["UPDATE cursors SET account = 'three' WHERE account = 'two'"],
    "a deleted mention that still says something": ["UPDATE mentions SET deleted_at = 1"],
    "a post with two origins": [
        "INSERT INTO copies (account, remote_id, post_id, part, origin) VALUES ('two', '7000', 1, 0, true)",
        "INSERT INTO copies (account, remote_id, post_id, part, origin) VALUES ('two', '7001', 1, 0, true)",
    ],
    "a post that went back to where it came from": [
        "INSERT INTO copies (account, remote_id, post_id, part, origin) VALUES ('one', '7000', 1, 0, true)"
    ],
}


@pytest.fixture
def hub(tmp_path: Path, database_url: str) -> Iterator[TestHub]:
    """A thread on one account, answered by somebody, and a post on the other."""
    with VillageDouble() as one, VillageDouble() as two:
        accounts = {
            name: {"platform": "village", **double.account(), "overflow": "thread"}
            for name, double in (("one", one), ("two", two))
        }
        with open_hub(write_config(tmp_path, accounts, database=database_url), Village) as running:
            now = running.clock()
            for text, account in ((LONG, "one"), ("Hello", "two")):
                routes.add_post(running.store, NewPost(key=text, text=text, publish_at=now), [account], now)
            running.tick()
            one.say(one.add_person("Anna", "anna"), one.held()[0].id, "Hi")
            watch(running.store, "one", one.held()[0].id, "", now)
            running.tick(minutes=6)
            yield running


def test_a_sound_store_breaks_no_rule(hub: TestHub) -> None:
    assert hub.states() == ["published"] * 3
    assert verify(hub.store) == []


def test_every_rule_is_tried() -> None:
    assert BREAKS.keys() == _CHECKS.keys()


@pytest.mark.parametrize("rule", BREAKS)
def test_a_store_that_breaks_a_rule_is_named(hub: TestHub, rule: str) -> None:
    for statement in BREAKS[rule]:
        hub.store.write(lambda connection, statement=statement: connection.exec_driver_sql(statement))
    assert any(finding.startswith(f"{rule}: ") for finding in verify(hub.store))
