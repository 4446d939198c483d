"""What is said before a merge that a CRM would be told is what it then holds, and nothing else."""

from __future__ import annotations

from pathlib import Path

from contacts.memory_crm import NAMES, MemoryCrm, opened
from contacts.two_sides import Sides
from support import Clock

from hub.adapter import Adapter
from hub.contacts.crm import foretelling
from hub.contacts.identity import merging
from hub.contacts.identity.merging import Told
from hub.errors import UsageError
from hub.settings import Settings
from hub.store import Store, migrate


class House:
    """The CRMs of a test, by their accounts."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides

    @property
    def settings(self) -> Settings:
        return self._sides.settings

    def adapter(self, name: str) -> Adapter:
        if name not in self._sides.crms:
            raise UsageError("{name} is no account", name=name)
        return opened(name, self._sides.crms[name])


def sides_of(tmp_path: Path, crm: MemoryCrm, toml: str = "") -> Sides:
    store = Store.open(f"sqlite:///{tmp_path}/hub.db")
    migrate.upgrade(store)
    return Sides(store, Clock(), tmp_path, {"crm": crm}, toml)


def foretold(sides: Sides, one: int, other: int) -> list[Told]:
    return list(foretelling.told(House(sides), merging.preview(sides.store, one, other)))


def test_what_is_foretold_is_what_the_crm_then_holds(tmp_path: Path) -> None:
    crm = MemoryCrm(writes=NAMES - {"phones"})
    sides = sides_of(tmp_path, crm, '[contacts]\nnever = ["company"]\n[accounts.crm]\nplatform = "memory"\n')
    record = crm.add("Вера Ли", "vera@example.org")
    sides.tick()
    (there,) = sides.people()
    here = sides.type(emails=["li@example.org"], phones=["+79161234567"], company="Чай", url="https://li.example")
    told = foretold(sides, there, here)
    assert {one.field for one in told} == {"emails", "url"}, "no phones there; the company stays here"
    before = dict(crm.rows[record].values)
    merging.merge(sides.store, there, here, None, sides.clock())
    sides.tick(2)
    after = crm.rows[record].values
    assert {name for name in after if after[name] != before.get(name)} == {"emails", "url"}
    for one in told:
        held = after[one.field]
        assert (set(held) if one.field == "emails" else held) == (
            set(one.after) if one.field == "emails" else one.after
        )
    sides.store.close()


def test_a_crm_that_takes_nothing_is_told_nothing(tmp_path: Path) -> None:
    crm = MemoryCrm()
    sides = sides_of(tmp_path, crm, '[accounts.crm]\nplatform = "memory"\npush = false\n')
    crm.add("Вера Ли", "vera@example.org")
    sides.tick()
    (there,) = sides.people()
    here = sides.type(company="Чай")
    assert merging.preview(sides.store, there, here).crm
    assert foretold(sides, there, here) == []
    sides.store.close()
