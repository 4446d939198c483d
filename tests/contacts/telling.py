"""A store with people who speak, and a CRM that does as it is told, for the tests of activities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hub import settings as configuration
from hub.adapter import Ability, AccountSettings, Adapter, ContactSync
from hub.contacts.activities import telling
from hub.errors import HubError
from hub.http import Http
from hub.models import Batch, Contact, Identity, Note, Receipt
from hub.settings import Settings
from hub.store import Store, tables
from hub.store.crm.activities import Activity, listed
from hub.store.database import upsert
from hub.store.discussions import threads
from hub.store.people import cards
from hub.store.running import accounts, leases

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLATFORMS = {"club": "vk", "bird": "twitter", "crm": "office", "crm2": "office"}


class OfficeSettings(AccountSettings):
    api_url: str = "http://127.0.0.1:1"


class Office(ContactSync):
    """A CRM in memory. `faults` are what the next calls of `add_note` end with: an error that is raised before
    the note is taken, or, as a pair with True, after it."""

    platform = "office"
    Settings = OfficeSettings

    def __init__(self, account: str, able: Sequence[Ability] = ("note", "task", "lead")) -> None:
        super().__init__(account, OfficeSettings(), Http("http://127.0.0.1:1"), None)  # type: ignore[arg-type]
        self.able = frozenset(able)
        self.notes: list[tuple[str, Note]] = []
        self.faults: list[tuple[BaseException | None, bool]] = []
        self.during: Callable[[], object] = lambda: None

    @property
    def abilities(self) -> frozenset[Ability]:
        return self.able

    def check(self) -> Identity:
        return Identity(remote_id="office", name="Office")

    def pull_contacts(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        yield Batch(items=(), cursor="1")

    def push_contact(self, contact: Contact, remote_id: str | None) -> Receipt:
        return Receipt(remote_id=remote_id or "1")

    def add_note(self, remote_id: str, note: Note) -> Receipt:
        error, taken = self.faults.pop(0) if self.faults else (None, True)
        if taken:
            self.notes.append((remote_id, note))
        self.during()
        if error is not None:
            raise error
        return Receipt(remote_id=f"n{len(self.notes)}", url=f"https://crm.example/notes/{len(self.notes)}")

    def told(self) -> list[str]:
        """Return how often each note is there, by its key, as a list that shows what is there twice."""
        return sorted(note.key for _, note in self.notes)


class Club(Adapter):
    """A network, which holds no contacts."""

    platform = "vk"
    Settings = OfficeSettings

    def __init__(self, account: str) -> None:
        super().__init__(account, OfficeSettings(), Http("http://127.0.0.1:1"), None)  # type: ignore[arg-type]

    def check(self) -> Identity:
        return Identity(remote_id="club", name="Club")


@dataclass
class Turn:
    """One turn at contacts, as the sync has it."""

    store: Store
    adapter: ContactSync
    fence: int
    clock: Callable[[], datetime]
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[HubError] = field(default_factory=list)


class Scene:
    """A hub's store, its hub.toml, and the CRMs."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.now = NOW
        self.crm = Office("crm")
        self.crm2 = Office("crm2")
        self.settings = self.configure()
        store.write(accounts.register, PLATFORMS, dict.fromkeys(PLATFORMS, ("contacts",)), NOW)
        self._last = 0
        self.people: dict[tuple[str, str], int] = {}

    def configure(self, rules: str = "", **options: str) -> Settings:
        """Write hub.toml with these rules, and further lines for accounts."""
        lines = ["[hub]", 'database = "sqlite:///hub.db"']
        for name, platform in PLATFORMS.items():
            lines += [f"[accounts.{name}]", f'platform = "{platform}"', options.get(name, "")]
        path = self.folder / "hub.toml"
        path.write_text("\n".join([*lines, rules]))
        self.settings = configuration.load(path, {})
        return self.settings

    def start(self, rules: str, **options: str) -> None:
        self.configure(rules, **options)
        telling.prepare(self.store, self.settings, self.adapter, self.now)

    def adapter(self, name: str) -> Adapter:
        return {"club": Club, "crm": lambda _: self.crm, "crm2": lambda _: self.crm2}[name](name)

    def say(
        self,
        text: str,
        by: str = "Anna",
        *,
        at: datetime | None = None,
        to: str = "club",
        thread: str = "p1",
        kind: Any = "comment",
    ) -> int:
        """Let somebody say something; return the mention's number."""
        self._last += 1
        platform = PLATFORMS[to]
        author = {"platform": platform, "remote_id": by.lower(), "name": by, "hash": 1, "known": 1}
        said = {
            "platform": platform,
            "remote_id": f"c{self._last}",
            "account": to,
            "kind": kind,
            "author_id": by.lower(),
            "text": text,
            "url": f"https://club.example/c{self._last}",
            "sent_at": at or self.now,
            "seen_at": self.now,
            "hash": self._last,
        }

        def work(connection: Any) -> int:
            (root,) = threads.ensure(connection, to, [thread], self.now).values()
            connection.execute(upsert(connection, tables.authors).values(author).on_conflict_do_nothing())
            insert = tables.mentions.insert().values({**said, "thread_id": root})
            return int(connection.execute(insert.returning(tables.mentions.c.id)).scalar_one())

        return self.store.write(work)

    def delete(self, mention_id: int) -> None:
        rows = tables.mentions.update().where(tables.mentions.c.id == mention_id).values(deleted_at=self.now)
        self.store.write(lambda connection: connection.execute(rows))

    def know(self, by: str, record: str = "", to: str = "club", account: str = "crm") -> int:
        """Make somebody who spoke a person, with a record in a CRM if one is named; return the person's number."""

        def work(connection: Any) -> int:
            place = (PLATFORMS[to], by.lower())
            if place not in self.people:
                self.people[place] = cards.create(
                    connection, {"name": by}, origin="author", source="author", now=self.now
                )
                author = tables.authors.c
                connection.execute(
                    tables.authors.update()
                    .where(author.platform == place[0], author.remote_id == place[1])
                    .values(contact_id=self.people[place])
                )
            if record:
                connection.execute(
                    tables.records.insert().values(
                        account=account,
                        remote_id=record,
                        contact_id=self.people[place],
                        state="synced",
                        hash=0,
                        url="",
                        error="",
                        updated_at=self.now,
                    )
                )
            return self.people[place]

        return self.store.write(work)

    def author_of(self, mention_id: int) -> str:
        return str(
            self._one(sa.select(tables.mentions.c.author_id).where(tables.mentions.c.id == mention_id))
        ).title()

    def discussion_of(self, mention_id: int | None) -> int:
        query = sa.select(tables.threads.c.discussion_id).join(
            tables.mentions, tables.mentions.c.thread_id == tables.threads.c.id
        )
        return int(self._one(query.where(tables.mentions.c.id == mention_id)))

    def _one(self, query: Any) -> Any:
        with self.store.read() as connection:
            return connection.execute(query).scalar()

    def owners(self) -> list[str]:
        return [f"p{number}" for number in range(self._last + 1)]

    def claim(self, account: str = "crm") -> int:
        """Begin a turn of an account, whoever has it now; return its fence."""
        fence = self.store.write(
            lambda connection: leases.claim(
                connection, account, f"p{self._last}", self.now + timedelta(days=400), timedelta(seconds=120)
            )
        )
        assert fence is not None
        return fence

    def begin_turn(self, account: str = "crm") -> int:
        """Begin a turn after the last one has ended."""
        self.store.write(leases.free, self.owners())
        return self.claim(account)

    def tell(self, office: Office | None = None, fence: int | None = None, **later: float) -> Turn:
        """Let a CRM's turn tell what there is to tell."""
        self.now += timedelta(**later)
        office = office or self.crm
        if fence is None:
            fence = self.begin_turn(office.account)
        turn = Turn(self.store, office, fence, lambda: self.now)
        telling.tell(turn, self.settings)
        return turn

    def rows(self) -> list[Activity]:
        """Return all activities, oldest first."""
        with self.store.read() as connection:
            return listed(connection, 10_000)[::-1]

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]
