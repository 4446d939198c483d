"""Two snac2 servers that federate on loopback: ActivityPub with Mastodon's API, spoken in its own way."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
from real.mastodon import Api, plain, shown, words
from real.serving import NotInstallable, Server, apt, refuse_taken, run, until
from real.site import PEOPLE, Said, Shown, Site

from plugins.mastodon import Mastodon

HOME, AWAY = 15831, 15832
US, STRANGER = "company", "dora"
_KEYS = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"


class Snac(Server):
    """One server for us and three people, and another for a stranger."""

    name = "snac2"
    recipe: ClassVar[str] = "snac2 of bookworm-backports"
    url = f"http://localhost:{HOME}"
    away = f"http://localhost:{AWAY}"

    def install(self) -> str:
        """Install with lists of our own: the machine's sources stay as they are."""
        for folder in ("lists/partial", "cache/archives/partial"):
            (self.home / "apt" / folder).mkdir(parents=True)
        sources = self.home / "apt" / "sources.list"
        releases = ("bookworm", "bookworm-updates", "bookworm-backports")
        lines = [f"deb {_KEYS} {_mirror()} {release} main\n" for release in releases]
        sources.write_text("".join(lines), encoding="utf-8")
        own = {
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/nonexistent",
            "Dir::State::lists": self.home / "apt" / "lists",
            "Dir::Cache": self.home / "apt" / "cache",
            "APT::Default-Release": "bookworm-backports",
        }
        apt("snac2", options=[word for name, value in own.items() for word in ("-o", f"{name}={value}")])
        return run(["dpkg-query", "-W", "-f", "${Package} ${Version}", "snac2"])

    def start(self) -> None:
        refuse_taken(HOME, AWAY)
        self.passwords: dict[str, str] = {}
        for port, people in ((HOME, (US, *PEOPLE)), (AWAY, (STRANGER,))):
            base = self.room / str(port)
            answers = f"127.0.0.1\n{port}\nlocalhost:{port}\n\n\n"
            subprocess.run(["snac", "init", base], input=answers, text=True, check=True, capture_output=True)
            settings = json.loads((base / "server.json").read_text())
            # It calls itself: with a thread for each processor it waits for itself until the call times out.
            settings |= {"protocol": "http", "num_threads": 16, "queue_retry_minutes": 1}
            settings["disable_email_notifications"] = True
            (base / "server.json").write_text(json.dumps(settings), encoding="utf-8")
            for person in people:
                said = run(["snac", "adduser", base, person])
                self.passwords[person] = said.rpartition("password is ")[2].split()[0]
            self.spawn(["snac", "httpd", base])

    def ready(self) -> bool:
        try:
            urls = (f"{base}/api/v1/instance" for base in (self.url, self.away))
            return all(httpx.get(url, trust_env=False).status_code == 200 for url in urls)
        except httpx.TransportError:
            return False

    def prepare(self) -> None:
        """Log everybody in, and let those at home follow each other: a server shows what was sent to it."""
        self.logins = {
            name: Api(self.away if name == STRANGER else self.url, self._token(name)) for name in self.passwords
        }
        for name in (US, *PEOPLE):
            for other in {US, *PEOPLE} - {name}:
                self.follow(name, other)
        until(lambda: all(len(self.followers(name)) == 3 for name in (US, *PEOPLE)), "all follow all", 60)

    def follow(self, name: str, other: str) -> None:
        """Let somebody find another one, who is at home, and follow them."""
        login = self.logins[name]
        query = {"q": f"@{other}@localhost:{HOME}", "resolve": "true", "type": "accounts"}
        (found,) = login.get("/api/v2/search", **query)["accounts"]
        done = login.call("POST", f"/api/v1/accounts/{found['id']}/follow")
        assert done.status_code == 200, done.text

    def followers(self, name: str) -> list[Path]:
        return list((self.room / str(HOME) / "user" / name / "followers").glob("*.json"))

    def _token(self, name: str) -> str:
        """Walk through the login as a browser does."""
        url = self.away if name == STRANGER else self.url
        back = "http://localhost:1/cb"
        asked = {"client_name": "hub", "redirect_uris": back, "scopes": "read write follow", "website": ""}
        app = httpx.post(f"{url}/api/v1/apps", data=asked, trust_env=False).json()
        query = {
            "client_id": app["client_id"],
            "redirect_uri": back,
            "response_type": "code",
            "scope": "read write",
        }
        page = httpx.get(f"{url}/oauth/authorize", params=query, trust_env=False).text
        form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        (action,) = re.findall(r'action="([^"]+)"', page)
        form |= {"login": name, "passwd": self.passwords[name]}
        moved = httpx.post(url + urlsplit(action).path, data=form, trust_env=False).headers["location"]
        grant = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(moved).query)["code"][0],
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "redirect_uri": back,
        }
        token: str = httpx.post(f"{url}/oauth/token", data=grant, trust_env=False).json()["access_token"]
        return token


def _mirror() -> str:
    """Return where this machine's Debian comes from."""
    files = [*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")]
    text = "\n".join(file.read_text() for file in files if file.exists())
    found = re.search(r"^(?:URIs:|deb )[^\n]*?(https?://\S+)", text, re.MULTILINE)
    if found is None or shutil.which("apt-get") is None:
        raise NotInstallable("it comes from Debian's packages, and this machine has no mirror of them")
    return found[1]


def lasting(status_id: str) -> str:
    """Return the id of a status as it stays: the first ten digits are the time of its last change."""
    return "0" * 10 + status_id[10:]


class SnacSite(Site):
    adapter = Mastodon
    publishes = ("POST", r"^/api/v1/statuses$")
    lacks: ClassVar[dict[str, str]] = {"delete": "its API cannot delete (404); the hub says so, see below"}
    maximum = 100_000

    server: Snac

    @property
    def url(self) -> str:
        return self.server.url

    def account(self, url: str) -> dict[str, Any]:
        return {"api_url": url, "token": self.ours.token}

    @property
    def ours(self) -> Api:
        return self.server.logins[US]

    def posts(self) -> list[Shown]:
        return [_source(one) for one in reversed(self.ours.get(f"/api/v1/accounts/{self.ours.me['id']}/statuses"))]

    def comment(self, person: str, post_id: str, text: str, answers: str | None = None) -> str:
        above = plain(answers or post_id)
        login = self.server.logins[person]
        until(lambda: login.call("GET", f"/api/v1/statuses/{above}").status_code == 200, f"{person} sees {above}")
        return self._named(login.post(status=text, in_reply_to_id=above)["id"])

    def edit_comment(self, person: str, comment_id: str, text: str) -> None:
        done = self.server.logins[person].call(
            "PUT", f"/api/v1/statuses/{plain(comment_id)}", json={"status": text}
        )
        assert done.status_code == 200, done.text

    def delete_comment(self, person: str, comment_id: str) -> None:
        """Delete on the server's own page: its API cannot."""
        login = self.server.logins[person]
        status = login.get(f"/api/v1/statuses/{plain(comment_id)}")
        form = {"id": status["uri"], "actor": login.me["url"], "action": "Delete"}
        door = (person, self.server.passwords[person])
        done = httpx.post(f"{self.url}/{person}/admin/action", data=form, auth=door, trust_env=False)
        assert done.status_code < 400, done.text

    def comments(self, post_id: str) -> list[Said]:
        return [
            Said(
                id=self._named(one["id"]),
                by=one["account"]["username"] if one["account"]["username"] in (*PEOPLE, STRANGER) else "us",
                text=one.get("text") or words(one["content"]),
                answers=None if above == post_id else self._named(above),
            )
            for one, above in self._below(post_id)
        ]

    def _named(self, status_id: str) -> str:
        return f"{urlsplit(self.url).netloc}/{lasting(status_id)}"

    def _below(self, status_id: str) -> Iterator[tuple[dict[str, Any], str]]:
        """Walk down a thread, of which one level is shown at a time."""
        for one in self.ours.get(f"/api/v1/statuses/{status_id}/context")["descendants"]:
            yield one, status_id
            yield from self._below(lasting(one["id"]))


def _source(status: dict[str, Any]) -> Shown:
    """Return a status as its author typed it: in the HTML, `<` and `&` are not escaped."""
    found = shown(status)
    answers = lasting(found.answers) if found.answers else None
    return Shown(lasting(found.id), status["text"], found.links, found.alts, answers)
