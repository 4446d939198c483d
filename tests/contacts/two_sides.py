"""A hub's store with CRMs in memory on the other side, and the turns that keep them in step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from contacts.memory_crm import MemoryCrm, opened
from support import Clock

from hub.contacts import editing
from hub.contacts.crm.exchange import Exchange
from hub.contacts.crm.sync import sync
from hub.contacts.crm.threeway import Value
from hub.errors import HubError
from hub.settings import Settings, load
from hub.store import Store
from hub.store.crm import questions, records
from hub.store.crm.questions import Question
from hub.store.crm.records import Record
from hub.store.people import cards
from hub.store.privacy.tombstones import Tombstones
from hub.store.running import accounts

_FENCE = 0


class Sides:
    """The hub and its CRMs, by the names of their accounts."""

    def __init__(
        self, store: Store, clock: Clock, folder: Path, crms: Mapping[str, MemoryCrm], toml: str = ""
    ) -> None:
        self.store, self.clock, self.crms = store, clock, crms
        lines = [toml]
        for name in crms:
            if f"[accounts.{name}]" not in toml:
                lines += [f"[accounts.{name}]", 'platform = "memory"', 'create = "all"']
        path = folder / "hub.toml"
        path.write_text("\n".join(lines))
        self.settings: Settings = load(path, {})
        self.tombstones = Tombstones(lambda: b"\0" * 32)
        store.write(
            accounts.register, dict.fromkeys(crms, "memory"), {name: ["contacts"] for name in crms}, clock()
        )
        for crm in crms.values():
            crm.clock = clock

    def exchange(self, account: str, **more: Any) -> Exchange:
        plugin = opened(account, self.crms[account])
        return Exchange(self.store, plugin, self.clock, self.settings, _FENCE, self.tombstones, **more)

    def turn(self, account: str = "crm", **more: Any) -> Exchange:
        """Let one account have its turn; what ends it early is among its errors, as in a tick."""
        return self.run(self.exchange(account, **more))

    def run(self, exchange: Exchange) -> Exchange:
        try:
            sync(exchange, push=exchange.options.push)
        except HubError as error:
            exchange.errors.append(error)
        return exchange

    def tick(self, rounds: int = 1) -> Counter[str]:
        """Give each account its turn, an hour apart."""
        done: Counter[str] = Counter()
        for _ in range(rounds):
            self.clock.forward(hours=1, minutes=1)
            for name in self.crms:
                done += self.turn(name).counts
        return done

    def type(self, **values: Value) -> int:
        """Let somebody enter a contact at the hub."""
        return editing.add(self.store, values, None, self.clock())

    def edit(self, person: int, **values: Value) -> None:
        editing.edit(self.store, person, values, None, self.clock())

    def delete(self, person: int) -> None:
        editing.delete(self.store, person, None, self.clock())

    def people(self) -> dict[int, Mapping[str, Value]]:
        """Return what is shown of each person who is there, by their number."""
        with self.store.read() as connection:
            ids = connection.execute(
                sa.text("SELECT id FROM contacts WHERE id = person_id AND deleted_at IS NULL ORDER BY id")
            ).scalars()
            return {person: view.values for person, view in cards.views(connection, list(ids)).items()}

    def only(self) -> Mapping[str, Value]:
        (person,) = self.people().values()
        return person

    def names(self) -> list[str]:
        return sorted(str(person.get("name", "")) for person in self.people().values())

    def records(self, account: str = "crm") -> Sequence[Record]:
        with self.store.read() as connection:
            return records.in_states(connection, account, records.STATES)

    def questions(self) -> Sequence[Question]:
        with self.store.read() as connection:
            return questions.open(connection, 1000)

    def history(self) -> list[str]:
        """Return every value that the history holds."""
        with self.store.read() as connection:
            rows = connection.execute(sa.text("SELECT before, after FROM contact_history")).all()
        return [text for row in rows for text in row]


def quiet(sides: Sides) -> tuple[int, int]:
    """Return how many rows and how many writes to the CRMs were made so far."""
    return sides.store.content_writes(), sum(crm.writes_made() for crm in sides.crms.values())
