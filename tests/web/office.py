"""The demo's small world after its story, and the page on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub import settings
from hub.cli.logging import configure
from hub.registry import Registry
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler, make_everything_due
from hub.store.discussions import mentions
from hub.store.people import contacts
from hub.testing import clients, office, story, world
from hub.users import sessions, setup
from hub.users.roles import Role, User
from hub.web.app import make_app
from hub.web.gate import SessionGate
from hub.web.server import running


@dataclass
class Office:
    """A hub on doubles that has lived through the demo's story, and its page at `url`."""

    world: world.World
    hub: Hub
    scheduler: Scheduler
    people: Mapping[Role, User]
    url: str
    # A hub where nobody has been yet, and the way in for its first owner.
    fresh: str

    def tick(self) -> None:
        """Do all work there is, due or not."""
        make_everything_due(self.hub)
        report = self.scheduler.tick()
        assert report.errors == []

    def cookie(self, role: Role) -> str:
        """Log somebody in; return what their cookie says."""
        return sessions.begin(self.hub.store, self.people[role].id, self.hub.clock())

    def mention(self, text: str) -> int:
        """Return the number of the newest remark with these words in it."""
        with self.hub.store.read() as connection:
            found = [one.id for one in mentions.newest(connection, 10_000) if text in one.text]
        assert found, f"nobody said {text!r}"
        return found[0]

    def contact(self, email: str) -> int:
        """Return the number of the contact with this e-mail and a record in the CRM."""
        with self.hub.store.read() as connection:
            found = [one.id for one in contacts.people(connection, 100, search=email) if one.records]
        assert found, f"nobody has {email}"
        return found[0]

    def say(self, text: str, *, network: str = "", name: str = "Лидия Тестова") -> int:
        """Let somebody new say something under our newest post on a network, and bring it home."""
        double = self.world.networks[network or next(iter(self.world.networks))]
        person = double.add_person(name, f"guest{len(double.remarks)}")
        double.say(person, double.held()[-1].id, text)
        self.tick()
        return self.mention(text)


@contextmanager
def opened(folder: Path) -> Iterator[Office]:
    """Let the story happen in a folder, and serve the page; and a hub beside it where nothing has happened yet."""
    # What goes wrong is said in one line: a traceback of the log's own takes a second to draw.
    configure("warning", json=False)
    folder.mkdir(parents=True)
    adapters = Registry.discover().adapters
    with world.started(folder, adapters) as small, Hub.open(settings.load(small.config)) as hub:
        scheduler = Scheduler(hub)
        try:
            people = office.hire(hub.store, hub.clock())
            with running(make_app(hub, SessionGate(hub))) as url, _fresh(folder) as fresh:
                found = Office(small, hub, scheduler, people, url, fresh)
                story.write_articles(small)
                found.tick()
                said = story.talk(small)
                found.tick()
                found.tick()
                story.change_minds(small, said)
                clients.care(hub.store, said.records, hub.clock())
                found.tick()
                found.tick()
                office.work(hub.store, people, list(small.networks), hub.clock())
                yield found
        finally:
            scheduler.close()


@contextmanager
def _fresh(folder: Path) -> Iterator[str]:
    config = folder / "fresh.toml"
    config.write_text('[hub]\ndatabase = "sqlite:///fresh.db"\n', encoding="utf-8")
    with Hub.open(settings.load(config)) as hub, running(make_app(hub, SessionGate(hub))) as url:
        yield f"{url}/setup?token={setup.offer(hub.store, hub.clock())}"
