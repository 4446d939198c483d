"""A Mastodon API that its author tests against Mastodon.py, and that client acting the people."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
from real.serving import MATERIAL, Server, python_packages, refuse_taken, run
from real.site import PEOPLE, Said, Shown, Site

from plugins.mastodon import Mastodon

PORT = 15821


class Mock(Server):
    """mastodon-mock, which keeps `Idempotency-Key` and says that it is Mastodon 4.6."""

    name = "mastodon-mock"
    recipe: ClassVar[str] = "mastodon-mock==0.6.1, Mastodon.py==2.3.3"
    url = f"http://127.0.0.1:{PORT}"

    def install(self) -> str:
        python_packages(self.home, *self.recipe.split(", "))
        return self.recipe.replace("==", " ")

    def start(self) -> None:
        refuse_taken(PORT)
        # It obeys these two whatever its command line says.
        unset = {name: "" for name in ("PORT", "HOST") if name in os.environ}
        words = [self.home / "venv/bin/mastodon_mock", "serve", "--config", MATERIAL / "mastodon" / "mock.toml"]
        words += ["--in-memory", "--host", "127.0.0.1", "--port", str(PORT), "--log-level", "warning"]
        self.spawn(["env", *(f"--unset={name}" for name in unset), *words])

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v1/instance", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def act(self, person: str, method: str, **arguments: Any) -> Any:
        """Let a person call a method of Mastodon.py."""
        words = [self.home / "venv/bin/python", MATERIAL / "mastodon" / "people.py", self.url, f"{person}-token"]
        return json.loads(run([*words, method, json.dumps(arguments)]))


class Api:
    """One login on a server, by HTTP alone."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.me: dict[str, Any] = self.get("/api/v1/accounts/verify_credentials")

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.request(method, self.url + path, headers=headers, trust_env=False, timeout=20, **more)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"
        return answer.json()

    def post(self, **body: Any) -> Any:
        """Publish a status."""
        answer = self.call("POST", "/api/v1/statuses", json=body)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:200]}"
        return answer.json()


def shown(status: dict[str, Any]) -> Shown:
    """Return a status as a reader sees it; a link is what it leads to."""
    links = [unescape(href) for href in re.findall(r'<a [^>]*?href="([^"]*)"', status["content"])]
    return Shown(
        id=status["id"],
        text=words(status["content"]),
        links=links,
        alts=[image["description"] or "" for image in status["media_attachments"]],
        answers=status["in_reply_to_id"],
    )


def words(html: str) -> str:
    text = re.sub(r"</p>\s*<p>", "\n\n", re.sub(r"<br\s*/?>", "\n", html))
    return unescape(re.sub(r"</?(?:p|span|a|i|b|code|strong|em)\b[^>]*>", "", text)).strip()


def plain(comment_id: str) -> str:
    """Return what the server calls a comment that the plugin names with its host."""
    return comment_id.rpartition("/")[2]


class MastodonSite(Site):
    adapter = Mastodon
    publishes = ("POST", r"^/api/v1/statuses$")
    maximum = 500

    server: Mock

    def __init__(self, server: Mock) -> None:
        super().__init__(server)
        self.ours = Api(server.url, "company-token")

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def host(self) -> str:
        """What the plugin calls the server in the ids of what others say."""
        return urlsplit(self.url).netloc

    def account(self, url: str) -> dict[str, Any]:
        return {"api_url": url, "token": self.ours.token}

    def posts(self) -> list[Shown]:
        return [
            shown(one) for one in reversed(list(self._pages(f"/api/v1/accounts/{self.ours.me['id']}/statuses")))
        ]

    def comment(self, person: str, post_id: str, text: str, answers: str | None = None) -> str:
        above = plain(answers or post_id)
        made = self.server.act(person, "status_post", status=text, in_reply_to_id=above)
        return f"{self.host}/{made['id']}"

    def edit_comment(self, person: str, comment_id: str, text: str) -> None:
        self.server.act(person, "status_update", id=plain(comment_id), status=text)

    def delete_comment(self, person: str, comment_id: str) -> None:
        self.server.act(person, "status_delete", id=plain(comment_id))

    def comments(self, post_id: str) -> list[Said]:
        below = self.ours.get(f"/api/v1/statuses/{post_id}/context")["descendants"]
        return [
            Said(
                id=f"{self.host}/{one['id']}",
                by=one["account"]["username"] if one["account"]["username"] in PEOPLE else "us",
                text=words(one["content"]),
                answers=None if one["in_reply_to_id"] == post_id else f"{self.host}/{one['in_reply_to_id']}",
            )
            for one in below
        ]

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        page = self.ours.get(path, limit=40)
        while page:
            yield from page
            page = self.ours.get(path, limit=40, max_id=page[-1]["id"])
