"""A hub on two small networks, a team that writes for it, and a browser without JavaScript, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.testclient import TestClient
from httpx import Response
from PIL import Image
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Publisher
from hub.users.roles import Role, User
from hub.web.app import make_app

TEAM = {
    "anna": User(1, "anna", Role.OWNER),
    "petr": User(2, "petr", Role.PUBLISHER),
    "vera": User(3, "vera", Role.AUTHOR),
    "rita": User(4, "rita", Role.READER),
    # Publishes on `far` alone.
    "boris": User(5, "boris", Role.PUBLISHER, accounts=frozenset({"far"})),
}


class Blind(Publisher):
    """A network where nothing helps after a lost answer."""

    platform = "blind"
    settle = "none"
    Settings = Village.Settings
    sign = Village.sign
    check = Village.check
    limits = Village.limits
    publish = Village.publish

    def remote_id_of(self, url: str) -> str | None:
        return url.rpartition("/")[2] if url.startswith("https://village.example/") else None


@dataclass
class Form:
    """A form of a page: what its fields hold, and its buttons."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)

    def set(self, **values: Any) -> Form:
        """Fill fields in; a list is several values of one name, None is none. `_` stands for `-` in names."""
        for name, value in values.items():
            given = [] if value is None else value if isinstance(value, list) else [str(value)]
            self.fields[name.replace("__", "-")] = given
        return self


class Forms(HTMLParser):
    """Finds the forms of a page, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._area: str | None = None
        self._text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", "")))
        elif not self.found:
            return
        form = self.found[-1]
        name = given.get("name", "")
        if tag == "input" and name and given.get("type") != "file":
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            form.fields.setdefault(name, []).extend([given.get("value", "")] if ticked else [])
        elif tag == "textarea":
            self._area, self._text = name, ""
        elif tag == "button":
            form.buttons.append(given)

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            self.found[-1].fields.setdefault(self._area, []).append(self._text.removeprefix("\n"))
            self._area = None


@dataclass
class Press:
    hub: TestHub
    home: VillageDouble
    far: VillageDouble
    blind: VillageDouble
    client: TestClient

    def get(self, path: str, who: str = "anna") -> Response:
        return self.client.get(path, headers={"x-who": who})

    def form(self, path: str, action: str, who: str = "anna") -> Form:
        """Open a page and return its form with that action."""
        answer = self.get(path, who)
        assert answer.status_code == 200, answer.text
        return self.form_in(answer, action)

    @staticmethod
    def form_in(answer: Response, action: str) -> Form:
        return next(form for form in Forms(answer.text).found if form.action == action)

    def send(
        self, form: Form, who: str = "anna", do: str = "", to: str = "", files: Any = None, follow: bool = True
    ) -> Response:
        """Press a button of a form."""
        data = {**form.fields, **({"do": [do]} if do else {})}
        return self.client.post(
            to or form.action, data=data, files=files, headers={"x-who": who}, follow_redirects=follow
        )

    def draft(self, who: str = "anna", **fields: Any) -> tuple[Form, Response]:
        """Save a draft; return its form as it is then, and the answer."""
        form = self.form("/compose", "/compose", who).set(**fields)
        answer = self.send(form, who, "save")
        assert answer.status_code == 200, answer.text
        return self.form_in(answer, "/compose"), answer

    def at(self, **delta: float) -> str:
        """Return a time from now on as the browser writes it, by the hub's clock."""
        from datetime import timedelta

        moment = self.hub.clock() + timedelta(**delta)
        return moment.astimezone(self.hub.hub.settings.zone).strftime("%Y-%m-%dT%H:%M")


@contextmanager
def running(folder: Path, extra: str = 'timezone = "Europe/Berlin"') -> Iterator[Press]:
    """Open the hub with accounts `home` and `far`, and `blind`, where a lost answer is for a person."""
    with VillageDouble() as home, VillageDouble() as far, VillageDouble() as blind:
        accounts = {
            "home": {"platform": "village", **home.account()},
            "far": {"platform": "village", "overflow": "thread", **far.account()},
            "blind": {"platform": "blind", **blind.account()},
        }
        path = write_config(folder, accounts, extra=extra)
        with open_hub(path, Village, Blind) as hub:
            hub.tick()

            def gate(request: Request) -> User | None:
                return TEAM.get(request.headers.get("x-who", ""))

            with TestClient(make_app(hub.hub, gate), raise_server_exceptions=False) as client:
                yield Press(hub, home, far, blind, client)


def png(colour: str = "red") -> bytes:
    out = BytesIO()
    Image.new("RGB", (4, 4), colour).save(out, "PNG")
    return out.getvalue()
