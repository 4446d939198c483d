"""A small hub that people talk to, with a team, tokens and the page on it, for tests without a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub.publishing import routes
from hub.store import Store
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts
from hub.store.team import users as stored
from hub.users import people, tokens
from hub.users.roles import Permission, Role, User
from hub.web.app import make_app
from hub.web.gate import SessionGate

TEXT = "Как вам новая книга?"


@dataclass
class Place:
    """The hub, its network, and its page."""

    hub: TestHub
    double: VillageDouble
    app: FastAPI
    people: Mapping[str, User]
    secrets: Mapping[str, str]

    def client(self, who: str | None) -> TestClient:
        """Return a client that speaks for somebody of the team by their token, or for nobody."""
        headers = {"authorization": f"Bearer {self.secrets[who]}"} if who else {}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)

    def say(self, text: str, name: str = "Игорь Иванов") -> None:
        """Let somebody answer our post, and bring it home."""
        person = next((p for p in self.double.people.values() if p.name == name), None)
        self.double.say(person or self.double.add_person(name, f"p{len(self.double.people)}"), "1", text)
        self.hub.tick_all()


@contextmanager
def opened(folder: Path) -> Iterator[Place]:
    """Open it: accounts `home` and `far` on one network, three remarks, and anna (owner), rita (reader), bob, who
    answers and sees `far` alone."""
    with VillageDouble() as double, VillageDouble() as other:
        named = {
            "home": {"platform": "village", **double.account()},
            "far": {"platform": "village", **other.account()},
        }
        with open_hub(write_config(folder, named), Village) as hub:
            routes.add_post(
                hub.store, NewPost(key="first", text=TEXT, publish_at=hub.clock()), ["home"], hub.clock()
            )
            hub.tick()
            anna = double.add_person("Анна Кузнецова", "anna")
            first = double.say(anna, double.held()[0].id, "Хорошая книга!")
            double.say(double.add_person("Игорь", "igor"), double.held()[0].id, "А мне нет <b>", first)
            double.mention(anna, "@club спасибо")
            hub.tick_all()
            store, now = hub.store, hub.clock()
            team = {
                "anna": _join(store, "anna", Role.OWNER, None, now),
                "rita": _join(store, "rita", Role.READER, None, now),
                "bob": _join(store, "bob", Role.RESPONDER, ["far"], now),
            }
            made = {
                name: tokens.make(store, user, "tests", [p for p in Permission if user.may(p)], now, None).secret
                for name, user in team.items()
            }
            yield Place(hub, double, make_app(hub.hub, SessionGate(hub.hub)), team, made)


def _join(store: Store, name: str, role: Role, accounts: Sequence[str] | None, now: datetime) -> User:
    """Add one of the team, who logs in by token alone: a password takes as long as all the rest."""
    row = store.write(lambda connection: stored.add(connection, name, role.value, "", now, accounts=accounts))
    assert row is not None
    return people.user_of(row)


def pause(place: Place, account: str, why: str) -> None:
    """Let an account be shut out by its network."""
    place.hub.store.write(accounts.pause, account, why, place.hub.clock())
