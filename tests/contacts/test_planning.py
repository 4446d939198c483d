"""A dry run shows what a sync then does, and writes nothing anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from contacts.memory_crm import MemoryCrm, copy_of
from contacts.two_sides import Sides
from support import Clock

from hub.contacts.crm.planning import Step, plan
from hub.store import Store, migrate

TOML = """
[accounts.crm]
platform = "memory"
create = "all"
deletions = "follow"
vanish = 100
[accounts.crm.policies]
company = "ask"
"""


@pytest.fixture
def sides(tmp_path: Path, database_url: str) -> Iterator[Sides]:
    store = Store.open(database_url)
    migrate.upgrade(store)
    yield Sides(store, Clock(), tmp_path, {"crm": MemoryCrm(feed=True)}, TOML)
    store.close()


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as connection:
        names = sa.inspect(connection).get_table_names()
        return {
            name: sorted((tuple(row) for row in connection.execute(sa.text(f'SELECT * FROM "{name}"'))), key=repr)
            for name in names
        }


def short(step: Step) -> str:
    tail = f" {step.field} {step.before}>{step.after}" if step.field else ""
    return f"{step.where} {step.what} {step.name}{tail}"


def test_a_dry_run_shows_every_step_and_the_sync_takes_them(sides: Sides) -> None:
    crm = sides.crms["crm"]
    anna = crm.add("Anna", "anna@example.org", company="Tula")
    boris = crm.add("Boris", "boris@example.org")
    crm.add("Cyril", "cyril@example.org")
    sides.tick(2)
    people = {person["name"]: number for number, person in sides.people().items()}
    sides.clock.forward(minutes=5)
    crm.edit(anna, name="Anna I", company="Perm")
    sides.edit(people["Anna"], company="Omsk", phones=("+79161234567",))
    crm.remove(boris)
    sides.delete(people["Cyril"])
    crm.add("Dora", "dora@example.org")
    sides.type(name="Egor", emails=("egor@example.org",))
    sides.type(name="Faina", emails=("faina@example.org",))
    crm.add("FAINA", "faina@example.org", company="Rose")
    before = everything(sides.store), copy_of(crm)
    steps = plan(sides.exchange("crm"))
    assert (everything(sides.store), copy_of(crm)) == before
    assert crm.writes_made() == 0
    assert [short(step) for step in steps] == [
        "here create Dora",
        "here join Faina",
        "here change Anna I name Anna>Anna I",
        "here delete Boris",
        "there delete Cyril",
        "here ask Anna I company Omsk>Perm",
        "there change Anna I phones >+79161234567",
        "there create Egor",
    ]
    sides.tick(3)
    assert sorted(row.values["name"] for row in crm.live()) == ["Anna I", "Dora", "Egor", "FAINA"]
    assert sides.names() == ["Anna I", "Dora", "Egor", "Faina"]
    assert [short(step) for step in plan(sides.exchange("crm"))] == []


def test_a_dry_run_says_that_too_many_would_vanish(sides: Sides) -> None:
    crm = sides.crms["crm"]
    ids = [crm.add(f"Person {number}", f"p{number}@example.org") for number in range(10)]
    sides.tick()
    for one in ids[:5]:
        crm.remove(one)
    exchange = sides.exchange("crm")
    account = exchange.settings.accounts["crm"]
    account.options = account.options.model_copy(update={"vanish": 10})
    assert [(step.where, step.what, step.before, step.after) for step in plan(exchange)] == [
        ("here", "stop", "10", "5")
    ]


def test_a_creation_that_the_crm_has_already_is_shown_as_that(sides: Sides) -> None:
    crm = sides.crms["crm"]
    sides.tick()
    anna = crm.add("Anna", "anna@example.org")
    crm.rows[anna].changed = 0
    sides.type(name="Anna", emails=("anna@example.org",))
    (step,) = plan(sides.exchange("crm"))
    assert (step.what, step.remote_id) == ("join", anna)
    sides.tick()
    assert len(crm.live()) == len(sides.people()) == 1
