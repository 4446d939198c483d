"""The page over two small networks: what the tests of its rooms ask of it, as users of each role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi.testclient import TestClient
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub.discussions import desk
from hub.models import Author, Mention
from hub.store.discussions import ingesting, threads
from hub.store.team import users as stored
from hub.users.people import user_of
from hub.users.roles import Role, User
from hub.web.app import make_app


class Hamlet(Village):  # type: ignore[misc]
    """A second network of the same kind, with ids of its own."""

    platform = "hamlet"


class HamletDouble(VillageDouble):  # type: ignore[misc,valid-type]
    def __init__(self) -> None:
        super().__init__()
        self._last_id = 500_000


class Page:
    """The hub with its page and both networks: `club` is an account on one, `shop` on the other."""

    def __init__(self, hub: TestHub, club: Any, shop: Any) -> None:
        self.hub = hub
        self.doubles = {"club": club, "shop": shop}
        self.platforms = {"club": "village", "shop": "hamlet"}
        self._asking: User | None = None
        self.app = make_app(hub.hub, lambda request: self._asking)
        self.store = hub.store
        self._said = 0

    def user(self, name: str, role: Role = Role.OWNER, accounts: set[str] | None = None) -> User:
        """Add somebody to the team."""
        row = self.store.write(
            lambda connection: stored.add(
                connection, name, role.value, "", self.hub.clock(), display_name=name.title(), accounts=accounts
            )
        )
        assert row is not None
        return user_of(row)

    def ask(self, user: User | None) -> TestClient:
        """Return a browser in which this user is logged in; one at a time. It follows no redirect by itself."""
        self._asking = user
        return TestClient(self.app, base_url="http://localhost", follow_redirects=False)

    def ingest(self, account: str = "club", text: str = "Когда откроетесь?", **facts: Any) -> int:
        """Store a remark as if it had been read; return its number."""
        self._said += 1
        author = facts.pop("author", Author(remote_id="7", name="Вера Ли", handle="vera.li"))
        mention = Mention(
            remote_id=facts.pop("remote_id", f"m{self._said}"),
            thread_id=facts.pop("thread_id", "t1"),
            author=author,
            text=text,
            url=facts.pop("url", f"https://village.example/t1#m{self._said}"),
            sent_at=facts.pop("sent_at", self.hub.clock() + timedelta(seconds=self._said)),
            **facts,
        )
        return self.take(account, mention)

    def take(self, account: str, mention: Mention, at: datetime | None = None) -> int:
        """Store a remark, or what it has become; return its number."""
        platform = self.platforms[account]
        now = at or self.hub.clock()

        def work(connection: Any) -> int:
            known = threads.ensure(connection, account, [mention.thread_id], now)
            ingesting.ingest(connection, account, platform, known, [mention], now)
            where = "platform = :platform AND remote_id = :remote_id"
            row = connection.execute(
                sa.text(f"SELECT id FROM mentions WHERE {where}"),
                {"platform": platform, "remote_id": mention.remote_id},
            ).one()
            return int(row.id)

        number = self.store.write(work)
        desk.index(self.store)
        return number

    def hear(self, account: str = "club", text: str = "Есть ли без кофеина?", name: str = "Анна Смирнова") -> int:
        """Let somebody speak on the network itself, and read it; return the remark's number."""
        double = self.doubles[account]
        remote_id = double.mention(double.add_person(name, "anna"), text)
        self.hub.tick_all()
        platform = self.platforms[account]
        (row,) = self.hub.rows(
            f"SELECT id FROM mentions WHERE platform = '{platform}' AND remote_id = '{remote_id}'"
        )
        return int(row["id"])

    def answers(self, account: str = "club") -> list[str]:
        """Return what the network holds of our answers."""
        double = self.doubles[account]
        return [remark.text for remark in double.shown_remarks() if remark.person is double.us]


@contextmanager
def page_over(folder: Path, database: str = "") -> Iterator[Page]:
    """Start both networks, a hub with an account on each, and its page."""
    with VillageDouble() as club, HamletDouble() as shop:
        config = write_config(
            folder,
            {
                "club": {"platform": "village", **club.account()},
                "shop": {"platform": "hamlet", **shop.account()},
            },
            database=database,
        )
        with open_hub(config, Village, Hamlet) as hub:
            for account in ("club", "shop"):
                hub.hub.check(account)
            yield Page(hub, club, shop)


class Form:
    """A form of a page: where it leads, and what it sends if nothing is changed."""

    def __init__(self, action: str, method: str) -> None:
        self.action = action
        self.method = method
        self.fields: list[tuple[str, str]] = []
        self.buttons: list[dict[str, str | None]] = []

    def filled(self, **changes: str) -> dict[str, str]:
        return {**dict(self.fields), **changes}


class Parsed(HTMLParser):
    """A page as a browser without JavaScript has it: its elements, its forms, its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.forms: list[Form] = []
        self.text = ""
        self._by_id: dict[str, Form] = {}
        self._form: Form | None = None
        self._area: list[str] | None = None
        self._area_name = ""
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.elements.append((tag, facts))
        if tag == "form":
            self._form = Form(facts.get("action") or "", (facts.get("method") or "get").lower())
            self.forms.append(self._form)
            if facts.get("id"):
                self._by_id[str(facts["id"])] = self._form
        form = self._by_id.get(facts.get("form") or "", self._form)
        name = facts.get("name")
        if tag == "textarea":
            self._area, self._area_name = [], name or ""
        elif tag == "select" and name:
            self._select = (name, [])
        elif tag == "option" and self._select:
            self._select[1].append((facts.get("value") or "", "selected" in facts))
        elif tag == "button" and form is not None:
            form.buttons.append(facts)
        elif (
            tag == "input"
            and form is not None
            and name
            and (facts.get("type") not in ("checkbox", "radio") or "checked" in facts)
        ):
            form.fields.append((name, facts.get("value") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._area is not None:
            if self._form is not None and self._area_name:
                self._form.fields.append((self._area_name, "".join(self._area)))
            self._area = None
        elif tag == "select" and self._select is not None:
            name, options = self._select
            if self._form is not None and options:
                chosen = next((value for value, selected in options if selected), options[0][0])
                self._form.fields.append((name, chosen))
            self._select = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._area is not None:
            self._area.append(data)

    def form(self, action: str) -> Form:
        """Return the form that leads to an address."""
        return next(form for form in self.forms if form.action == action)

    def hrefs(self) -> list[str]:
        return [facts["href"] or "" for tag, facts in self.elements if tag == "a" and "href" in facts]

    def rows(self) -> list[int]:
        """Return the numbers of the remarks in the list, as they stand."""
        return [
            int(str(facts["id"]).removeprefix("row-"))
            for tag, facts in self.elements
            if tag == "li" and str(facts.get("id", "")).startswith("row-")
        ]
