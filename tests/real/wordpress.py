"""WordPress with MariaDB and PHP from Debian's packages: one site, its editor, and three subscribers."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any, ClassVar

import httpx
from real.serving import MATERIAL, NotInstallable, Server, apt, free_port, run, until
from real.site import PEOPLE, Said, Shown, Site

from plugins.wordpress import WordPress

_FILES = MATERIAL / "wordpress"
_TREE = Path("/usr/share/wordpress")
# No apache: the package wants a web server, and nginx, which is not started, is the smaller one.
_PACKAGES = (
    *("apache2-", "libapache2-mod-php-", "nginx-light", "php-fpm"),
    *("php-cli", "php-mysql", "php-gd", "php-xml", "php-mbstring", "php-curl"),
    *("mariadb-server", "wordpress", "wordpress-theme-twentytwentythree"),
)


class WordPressServer(Server):
    """A site on a database of its own, which is gone when it stops. Its clock is Moscow's."""

    name = "wordpress"
    recipe: ClassVar[str] = "Debian's wordpress, mariadb-server and php-cli"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.users: dict[str, dict[str, Any]] = {}

    def install(self) -> str:
        apt(*_PACKAGES)
        if not _TREE.is_dir() or shutil.which("mariadbd") is None:
            raise NotInstallable("Debian's packages did not bring WordPress and MariaDB")
        # Debian's tree has links to other packages, and a configuration of its own.
        shutil.copytree(_TREE, self.www, ignore=shutil.ignore_patterns("wp-config.php"))
        (self.www / "wp-content" / "mu-plugins").mkdir(exist_ok=True)
        (self.www / "wp-content" / "uploads").mkdir(exist_ok=True)
        listed = run(
            ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "wordpress", "php-cli", "mariadb-server"]
        )
        found = dict(line.split() for line in listed.splitlines())
        plain = {name: re.split(r"[+~-]", version.rpartition(":")[2])[0] for name, version in found.items()}
        return f"{plain['wordpress']}, PHP {plain['php-cli']}, MariaDB {plain['mariadb-server']}"

    @property
    def www(self) -> Path:
        return self.home / "www"

    @property
    def _env(self) -> dict[str, str]:
        return {"HUB_DB_SOCKET": str(self.room / "db.sock"), "HUB_WP_PORT": str(self.port)}

    def start(self) -> None:
        shutil.copy(_FILES / "wp-config.php", self.www)
        shutil.copy(_FILES / "hub-test.php", self.www / "wp-content" / "mu-plugins")
        data, socket = self.room / "db", self.room / "db.sock"
        own = ("--no-defaults", "--user=root", f"--datadir={data}")
        run(["mariadb-install-db", *own, "--auth-root-authentication-method=normal", "--skip-test-db"])
        small = ("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--skip-log-bin")
        pid = f"--pid-file={self.room / 'mariadb.pid'}"
        self.spawn(["mariadbd", *own, f"--socket={socket}", "--skip-networking", pid, *small])
        until(socket.exists, "MariaDB opens its socket")
        client = ("mariadb", "--no-defaults", "-uroot", f"--socket={socket}")
        run([*client, "-e", "CREATE DATABASE wp CHARACTER SET utf8mb4"])
        self.users = json.loads(self._php("setup.php").splitlines()[-1])
        serve = ["php", "-d", "upload_max_filesize=64M", "-d", "post_max_size=64M", "-S", f"127.0.0.1:{self.port}"]
        # Some pages call the site itself, so that one worker would wait for ever.
        workers = {**self._env, "PHP_CLI_SERVER_WORKERS": "4"}
        self.spawn([*serve, "-t", self.www, _FILES / "router.php"], env=workers)

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/wp-json/", trust_env=False, timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    def do(self, what: str, first: object = "", second: object = "") -> None:
        """Do what the REST API does not offer: set an `option`, run what is due (`cron`), `date` a comment."""
        self._php("do.php", what, str(first), str(second))

    def _php(self, script: str, *words: str) -> str:
        return run(["php", _FILES / script, *words], cwd=self.www, env=self._env)

    def call(self, who: str, method: str, path: str, **options: Any) -> Any:
        """Call the REST API as one of the users; raise if it refuses."""
        given = (who, self.users[who]["password"])
        url = f"{self.url}/wp-json/wp/v2{path}"
        answer = httpx.request(method, url, auth=given, trust_env=False, timeout=30, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()


class WordPressSite(Site):
    """The site, spoken to by its REST API. A subscriber may not change or delete a comment: the admin does."""

    adapter = WordPress
    publishes = ("POST", r"/wp-json/wp/v2/posts$")
    maximum = 0

    server: WordPressServer

    @property
    def url(self) -> str:
        return self.server.url

    def account(self, url: str) -> dict[str, Any]:
        return {"api_url": url, "user": "us", "password": self.server.users["us"]["password"]}

    def posts(self) -> list[Shown]:
        query = {"per_page": 100, "orderby": "id", "order": "asc", "context": "edit"}
        return [self._shown(item) for item in self.server.call("admin", "GET", "/posts", params=query)]

    def _shown(self, item: dict[str, Any]) -> Shown:
        html = item["content"]["raw"]
        images = re.findall(r'<img[^>]* alt="([^"]*)"', html)
        if item["featured_media"]:
            images.insert(0, self.server.call("admin", "GET", f"/media/{item['featured_media']}")["alt_text"])
        links = tuple(map(unescape, re.findall(r'<a href="([^"]*)"', html)))
        return Shown(str(item["id"]), text_of(html), links, [unescape(alt) for alt in images])

    def comment(self, person: str, post_id: str, text: str, answers: str | None = None) -> str:
        body = {"post": int(post_id), "content": text, "parent": number_of(answers) if answers else 0}
        return self._id(self.server.call(person, "POST", "/comments", json=body)["id"])

    def edit_comment(self, person: str, comment_id: str, text: str) -> None:
        self.server.call("admin", "POST", f"/comments/{number_of(comment_id)}", json={"content": text})

    def delete_comment(self, person: str, comment_id: str) -> None:
        self.server.call("admin", "DELETE", f"/comments/{number_of(comment_id)}")

    def comments(self, post_id: str) -> list[Said]:
        query = {"post": post_id, "per_page": 100, "context": "edit"}
        names = {self.server.users[name]["id"]: name for name in (*PEOPLE, "us")}
        found = self.server.call("admin", "GET", "/comments", params=query)
        return [
            Said(
                self._id(item["id"]),
                names.get(item["author"], item["author_name"]),
                unescape(item["content"]["raw"]),
                self._id(item["parent"]) if item["parent"] else None,
            )
            for item in found
        ]

    def _id(self, number: int) -> str:
        return f"127.0.0.1:{self.server.port}#comment-{number}"


def number_of(comment_id: str) -> int:
    return int(comment_id.rpartition("-")[2])


def text_of(html: str) -> str:
    """Return what a reader sees of a post's blocks."""
    paragraphs = re.findall(r"<p>(.*?)</p>", html, re.DOTALL)
    return "\n\n".join(unescape(re.sub(r"<[^>]*>", "", part.replace("<br>", "\n"))) for part in paragraphs)
