"""A discussion on a blog and in two villages, for the tests of digests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub.discussions import digest
from hub.discussions.digest import Digest
from hub.publishing import routes
from hub.store.discussions import mentions
from hub.store.outbox.posts import NewPost
from hub.testing import Person, Remark, SocialDouble
from plugins.wordpress.sandbox import WordPressDouble


class Hamlet(Village):
    platform = "hamlet"


class Stage:
    """A post that is out on every account, and people who answer it there."""

    def __init__(self, hub: TestHub, doubles: dict[str, SocialDouble]) -> None:
        self.hub = hub
        self.store = hub.store
        self.doubles = doubles
        self.people: dict[tuple[str, str], Person] = {}
        now = hub.clock()
        new = NewPost(
            key="1", text="We roast anew", title="The news", link="https://company.example/news", publish_at=now
        )
        routes.add_post(hub.store, new, list(doubles), now)
        hub.tick()
        self.post = {name: double.held()[0].id for name, double in doubles.items()}

    def say(self, name: str, person: str, text: str, parent: str | None = None) -> str:
        """Let somebody say something under the post on an account; return the remark's id there."""
        double = self.doubles[name]
        if (name, person) not in self.people:
            email = f"{person.lower()}@example.org"
            add = double.add_guest if isinstance(double, WordPressDouble) else None
            self.people[name, person] = (
                add(person, email) if add else double.add_person(person, person.lower(), email)
            )
        return double.say(self.people[name, person], self.post[name], text, parent)

    def listen(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.hub.clock.forward(minutes=6)
            self.hub.tick_all()

    def number(self, text: str) -> int:
        """Return the number of the mention that says this."""
        with self.store.read() as connection:
            return next(each.id for each in mentions.newest(connection, 1000) if each.text == text)

    @property
    def discussion(self) -> int:
        return int(self.hub.rows("SELECT min(id) AS id FROM discussions")[0]["id"])

    def digest(self, only: list[int] | None = None) -> Digest:
        return digest.lines(self.store, self.discussion, only)

    def comments(self, name: str = "blog") -> list[Remark]:
        """Return the comments that stand on an account, the people's and ours."""
        return self.doubles[name].shown_remarks(self.post[name])


@contextmanager
def staged(folder: Path, database: str = "", **more: Any) -> Iterator[Stage]:
    """Open a hub with a blog (WordPress) and two villages."""
    with WordPressDouble() as blog, VillageDouble() as one, VillageDouble() as two:
        accounts = {
            "blog": {"platform": "wordpress", **_secret(folder, blog)},
            "one": {"platform": "village", **one.account()},
            "two": {"platform": "hamlet", **two.account()},
        }
        path = write_config(folder, accounts, database=database, **more)
        path.write_text(
            path.read_text().replace('password = "blog.password"', 'password = { file = "blog.password" }')
        )
        with open_hub(path, Village, Hamlet) as hub:
            yield Stage(hub, {"blog": blog, "one": one, "two": two})


def _secret(folder: Path, blog: WordPressDouble) -> dict[str, Any]:
    account = blog.account()
    (folder / "blog.password").write_text(account["password"])
    return {**account, "password": "blog.password"}
