"""`hub sync`: a sync now, what it would do, and what it refuses, on a double of a CRM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contacts.test_sync import values

from plugins.crm_generic.sandbox import CrmDouble

Hub = Callable[..., Any]


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[CrmDouble]:
    with CrmDouble() as double:
        settings = double.account()
        (tmp_path / "crm.secret").write_text(settings["auth"]["secret"])
        settings["auth"]["secret"] = {"file": "crm.secret"}
        lines = [
            "[accounts.crm]",
            'platform = "crm_generic"',
            'create = "all"',
            'deletions = "follow"',
            'settle_after = "0s"',
            'full = "0s"',
        ]
        (tmp_path / "hub.toml").write_text("\n".join([*lines, *values(settings)]))
        yield double


def test_a_dry_run_shows_what_the_sync_then_does(hub: Hub, crm: CrmDouble) -> None:
    crm.add_contact("Anna", "anna@example.org")
    assert hub("contacts", "add", "name=Boris", "emails=boris@example.org").code == 0
    shown = hub("sync", "crm", "--dry-run")
    assert shown.out.splitlines() == ["crm: a new contact here: Anna", "crm: a new record there: Boris"]
    steps = hub("--json", "sync", "--dry-run").json["steps"]
    assert [(step["where"], step["what"], step["name"]) for step in steps] == [
        ("here", "create", "Anna"),
        ("there", "create", "Boris"),
    ]
    assert len(crm.contacts) == 1
    assert hub("sync").out == "crm: 1 contact taken in, 1 contact given to the CRM\n"
    assert sorted(name for name, _ in crm.people()) == ["Anna", "Boris"]
    hub("sync")
    assert "change nothing" in hub("sync", "--dry-run").out


def test_many_deletions_at_once_need_a_word(hub: Hub, crm: CrmDouble) -> None:
    ids = [crm.add_contact(f"Person {number}", f"p{number}@example.org") for number in range(10)]
    hub("sync")
    for one in ids[:5]:
        crm.remove_contact(one)
    hub("sync")
    stopped = hub("--json", "sync")
    assert stopped.code == 1
    (error,) = stopped.json["accounts"]["crm"]["errors"]
    assert "--accept-deletions" in error["hint"]
    assert hub("--json", "sync", "crm", "--accept-deletions").json["accounts"]["crm"]["gone"] == 5
    assert len(hub("--json", "contacts").json["contacts"]) == 5


def test_an_account_without_contacts_is_refused(hub: Hub, crm: CrmDouble) -> None:
    assert hub("sync", "nobody").code == 2
    (Path("hub.toml")).write_text("")
    assert hub("--json", "sync").error["message"] == "no account holds contacts"
