"""`hub activities`: what the CRM was told, and a person's word on what is in doubt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.store import Store, migrate, tables
from hub.testing.world import World

Hub = Callable[..., Any]
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def told(small_world: World) -> World:
    """A hub with a rule, and one note of each state of interest."""
    small_world.config.write_text(
        small_world.config.read_text() + '\n[activities.leads]\nto = "crm_generic"\nwhen = "price"\n'
    )
    store = Store.open(f"sqlite:///{small_world.folder}/hub.db")
    migrate.upgrade(store)
    empty = {**dict.fromkeys(("record_id", "remote_id", "url"), ""), "created_at": NOW, "updated_at": NOW}
    rows = [
        {
            "account": "crm_generic",
            "rule": rule,
            "make": "note",
            "key": key,
            "state": state,
            "error": error,
            **empty,
        }
        for key, (rule, state, error) in enumerate(
            (("leads", "sent", ""), ("leads", "asked", "no answer"), ("talks", "failed", "no room")), 1
        )
    ]
    store.write(lambda connection: connection.execute(tables.activities.insert(), rows))
    store.close()
    return small_world


def test_they_are_listed_newest_first_and_by_rule_and_state(hub: Hub, told: World) -> None:
    listed = hub("activities", "--json").json["activities"]
    assert [(one["id"], one["rule"], one["state"]) for one in listed] == [
        (3, "talks", "failed"),
        (2, "leads", "asked"),
        (1, "leads", "sent"),
    ]
    assert listed[1]["error"] == "no answer"
    assert [one["id"] for one in hub("activities", "--rule", "leads", "--json").json["activities"]] == [2, 1]
    assert [one["id"] for one in hub("activities", "--state", "failed", "--json").json["activities"]] == [3]
    said = hub("activities")
    assert "no answer" in said.out
    assert "hub activities settle ID" in said.err


def test_a_person_says_what_became_of_one(hub: Hub, told: World) -> None:
    assert hub("activities", "settle", "2", "--sent", "--json").json["activity"]["state"] == "sent"
    assert "Activity 3 is now: dropped" in hub("activities", "settle", "3", "--drop").out
    again = hub("activities", "settle", "2", "--again", "--json")
    assert (again.code, again.error["code"]) == (2, "usage")
    unclear = hub("activities", "settle", "2", "--json")
    assert (unclear.code, unclear.error["message"]) == (2, "say one of --sent, --again and --drop")
    nobody = hub("activities", "settle", "99", "--drop", "--json")
    assert nobody.error["message"] == "there is no activity 99"


def test_a_rule_can_look_at_the_past(hub: Hub, told: World) -> None:
    assert hub("activities", "run", "leads", "--since", "2026-01-01", "--json").json == {"ok": True, "queued": 0}
    unknown = hub("activities", "run", "lead", "--since", "2026-01-01", "--json")
    assert (unknown.code, unknown.error["hint"]) == (2, "the rules are: leads")
    odd = hub("activities", "run", "leads", "--since", "yesterday", "--json")
    assert odd.error["message"] == "yesterday is no time"


def test_a_rule_that_cannot_work_stops_every_command_with_its_mend(hub: Hub, small_world: World) -> None:
    text = small_world.config.read_text()
    small_world.config.write_text(text + '\n[activities.leads]\nto = "vk"\n')
    said = hub("tick", "--json")
    assert said.code == 3
    assert "activities.leads.to: vk is no CRM" in said.error["message"]
    assert "`hub plugins`" in said.error["hint"]
