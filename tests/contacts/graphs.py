"""What the tests of the graph of people share: a store, settings, and short ways to make cards and voices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.contacts.identity import matching
from hub.models import Author, Contact, Mention
from hub.sections import ContactsSection, HubSection, ScheduleSection
from hub.settings import Settings
from hub.store import Store, migrate
from hub.store.discussions import ingesting, threads
from hub.store.people import cards, contacts, voices
from hub.store.people.contacts import Person
from hub.store.running import accounts
from hub.store.tables import authors, records

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Somebody(NamedTuple):
    """One of the team."""

    id: int = 7
    shown: str = "Olga"


OLGA = Somebody()


def settings(join_from: float = 0.9, region: str = "RU") -> Settings:
    section = ContactsSection(region=region, join_from=join_from)
    return Settings(Path("hub.toml"), HubSection(), {}, {}, ScheduleSection(), {}, contacts=section)


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = Store.open(url)
    migrate.upgrade(store)
    try:
        yield store
    finally:
        store.close()


class Graph:
    """A store with people in it."""

    def __init__(self, store: Store, join_from: float = 0.9) -> None:
        self.store = store
        self.settings = settings(join_from)
        self._said = 0

    def match(self) -> dict[str, int]:
        """Match; return what came of it."""
        counts = matching.match(self.store, self.settings, NOW)
        del counts["compared"]
        return dict(counts)

    def typed(self, source: str = "user", **values: str | Sequence[str]) -> int:
        """Make a card of what the team typed."""
        return self.store.write(cards.create, values, origin="typed", source=source, now=NOW, user_id=OLGA.id)

    def record(self, account: str, remote_id: str, **values: object) -> int:
        """Take a record in as a sync does; return its card."""
        item = Contact(remote_id=remote_id, **values)  # type: ignore[arg-type]

        def work(connection: Connection) -> int:
            (card,) = matching.place(connection, self.settings, [item], account, NOW)
            connection.execute(
                records.insert().values(account=account, remote_id=remote_id, contact_id=card, updated_at=NOW)
            )
            return card

        return self.store.write(work)

    def voice(self, platform: str, remote_id: str, *, said: str = "", **profile: object) -> int:
        """Let somebody speak whose profile is this; return their card."""
        author = Author(remote_id=remote_id, **profile)  # type: ignore[arg-type]
        self._said += 1
        mention = Mention(
            remote_id=f"m{self._said}",
            thread_id="1",
            author=author,
            text="Hello",
            url=said or f"https://{platform}.example/post/1",
            sent_at=NOW,
        )

        def speak(connection: Connection) -> None:
            accounts.register(connection, {platform: platform}, {platform: []}, NOW)
            ingesting.ingest(
                connection, platform, platform, threads.ensure(connection, platform, ["1"], NOW), [mention], NOW
            )

        self.store.write(speak)
        self.store.write(voices.meet_authors, 100, NOW)
        with self.store.read() as connection:
            query = sa.select(authors.c.contact_id).where(
                authors.c.platform == platform, authors.c.remote_id == remote_id
            )
            return int(connection.execute(query).scalar_one())

    def person(self, card: int) -> int:
        with self.store.read() as connection:
            found = cards.person_of(connection, card)
        assert found is not None
        return found

    def one(self, *numbers: int) -> bool:
        """Tell whether these cards are one person."""
        return len({self.person(number) for number in numbers}) == 1

    def people(self, search: str = "") -> list[Person]:
        with self.store.read() as connection:
            return contacts.people(connection, 1000, search=search)

    def values(self, card: int) -> dict[str, str | tuple[str, ...]]:
        with self.store.read() as connection:
            return dict(cards.view(connection, self.person(card)).values)
