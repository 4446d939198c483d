"""`hub accounts add`: asks, logs in, checks, and then writes hub.toml and the vault, both or neither."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from hub import settings
from hub.cli.main import main
from hub.cli.writing import with_account
from hub.errors import ConfigError
from hub.registry import Registry
from hub.store import Store
from hub.store.vault import StoreVault
from hub.testing import Double, Reply, Request
from hub.testing.fresh import empty_database
from plugins.twitter.sandbox import TwitterDouble

ROOT = Path(__file__).resolve().parents[2]

# Three networks: one with a login, one with a token made by hand, and one where each hub registers itself.
PLUGIN = '''
from typing import Literal
import msgspec
from pydantic import Field, SecretStr, model_validator
import hub


class Me(msgspec.Struct):
    id: str
    name: str


class Base(hub.Adapter):
    def sign(self, method, url):
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    def check(self):
        me = self.http.get("/me").decode(Me)
        return hub.Identity(remote_id=me.id, name=me.name)


class Harbour(Base):
    platform = "harbour"
    oauth = hub.OAuth(
        authorize_url="/authorize", token_url="/token", scopes=("read", "write"), refresh_token="refresh_token"
    )

    class Settings(hub.AccountSettings):
        api_url: str
        token: SecretStr
        refresh_token: SecretStr | None = None
        client_id: str | None = None
        client_secret: SecretStr | None = None


class Pier(Base):
    platform = "pier"

    class Settings(hub.AccountSettings):
        """`berth` is the number on the pier."""

        api_url: str
        berth: int = Field(gt=0)
        token: SecretStr
        mode: Literal["quiet", "loud"] = "quiet"
        flags: tuple[str, ...] = ()
        lit: bool = False
        pin: SecretStr | None = None

        @model_validator(mode="after")
        def _whole(self):
            if self.mode == "loud" and self.pin is None:
                raise ValueError("loud needs a pin")
            return self

    @classmethod
    def page(cls, settings):
        return str(settings.berth)


class Lagoon(Base):
    platform = "lagoon"
    oauth = hub.OAuth(authorize_url="/authorize", token_url="/token", client_id="", client_secret="")

    class Settings(hub.AccountSettings):
        api_url: str
        token: SecretStr

    @classmethod
    def register_client(cls, http, redirect_uri):
        made = http.post("/apps", form={"redirect_uris": redirect_uri}).json()
        return hub.OAuthClient(id=made["client_id"], secret=made["client_secret"])


@hub.hookimpl
def register_adapters():
    return [Harbour, Pier, Lagoon]
'''

ACCESS, REFRESH, APP_SECRET = "access-canary-71c", "refresh-canary-52d", "app-secret-canary-9f"
TYPED = "typed-canary-8ab"
CANARIES = (ACCESS, REFRESH, APP_SECRET, TYPED)


class Town(Double):
    """The three networks on one address."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, dict[str, str]] = {}
        self.scope = "read write"
        self.says: dict[str, str] = {}
        self.name = "Harbour master"
        self.tokens = {ACCESS, TYPED}

    def answer(self, request: Request) -> Reply:
        match request.path:
            case "/authorize":
                return self._authorize(request)
            case "/token":
                return self._token(request)
            case "/apps":
                return Reply({"client_id": "registered", "client_secret": APP_SECRET})
            case "/me":
                token = request.headers.get("authorization", "").removeprefix("Bearer ")
                return Reply({"id": "7", "name": self.name} if token in self.tokens else {}, 200 if token else 401)
        return Reply({}, 404)

    def _authorize(self, request: Request) -> Reply:
        asked = dict(request.query)
        code = f"code-canary-{len(self.codes) + 1}"
        self.codes[code] = asked
        says = {"state": asked["state"], **(self.says or {"code": code})}
        return Reply({}, 302, {"Location": f"{asked['redirect_uri']}?{urlencode(says)}"})

    def _token(self, request: Request) -> Reply:
        from base64 import urlsafe_b64encode
        from hashlib import sha256

        form = request.form()
        asked = self.codes.get(form["code"], {})
        self.codes[form["code"]] = {}
        proof = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if asked.get("code_challenge") != proof or asked.get("redirect_uri") != form["redirect_uri"]:
            return Reply({"error": "invalid_grant"}, 400)
        return Reply(
            {"access_token": ACCESS, "token_type": "Bearer", "refresh_token": REFRESH, "scope": self.scope}
        )


@pytest.fixture
def town() -> Iterator[Town]:
    with Town() as double:
        yield double


TOML = b"""# Ours. \xd0\x9d\xd0\xb5 \xd1\x82\xd1\x80\xd0\xbe\xd0\xb3\xd0\xb0\xd1\x82\xd1\x8c.
[hub]
timezone   =  'UTC'   # the clock

[accounts.blog]  # the blog
platform = "rss"
url = "https://example.org/feed.xml"
# user = "me"

# Routes: none yet.
# [routes.news]

[schedule]
publish = "every 1m"
"""


# The browser of these tests runs the Python in the file that DEED names, with the address in `url`.
BROWSER = """
import os, sys, time, urllib.error, urllib.parse, urllib.request
url = sys.argv[1]
print("noise of a browser", flush=True)
exec(open(os.environ["DEED"]).read())
"""
OPEN = """
try:
    urllib.request.urlopen(url, timeout=10).read()
except urllib.error.HTTPError as error:
    print("the page says", error.code, file=sys.stderr)
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that Python finds the plugin in, as if it were installed, and the browser."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "browser.py").write_text(BROWSER)
    (folder / "harbours.py").write_text(PLUGIN)
    about = folder / "harbours-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: harbours\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[hub]\nharbours = harbours\n")
    return folder


class Place:
    """A folder of a hub that has started before, a way to call `hub` there, and a browser that does as told."""

    def __init__(
        self,
        folder: Path,
        site: Path,
        command: list[str],
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        self.folder = folder
        self.config = folder / "hub.toml"
        self.config.write_bytes(TOML)
        self.config.chmod(0o640)
        (folder / "hub.db").write_bytes(empty_database())
        self.command = command
        self.monkeypatch = monkeypatch
        self.capfd = capfd
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delenv("HUB_CONFIG", raising=False)
        self.setenv("HUB_LANG", "en")
        self.setenv("TERM", "dumb")
        self.setenv("PYTHONPATH", os.pathsep.join([str(site), str(ROOT)]))
        self.setenv("DEED", str(site / f"deed-{folder.name}"))
        self.setenv("APP_SECRET", APP_SECRET)
        self.setenv("BROWSER", f"{sys.executable} {site / 'browser.py'} %s")
        self.browser(OPEN)

    def setenv(self, name: str, value: str) -> None:
        self.monkeypatch.setenv(name, value)

    def browser(self, deed: str) -> None:
        """Say in Python what the browser does with the address in `url`."""
        Path(os.environ["DEED"]).write_text(textwrap.dedent(deed))

    def start(self, *args: str, **more: Any) -> subprocess.Popen[str]:
        """Call `hub` in a process of its own."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.Popen([*self.command, *args], cwd=self.folder, text=True, **pipes)

    def __call__(self, *args: str) -> tuple[int, str, str]:
        """Call `hub` in this process; what its browser says is in stderr too."""
        self.monkeypatch.setattr(sys, "stdin", io.StringIO())
        self.capfd.readouterr()
        code = main(list(args))
        said = self.capfd.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    def secrets(self, account: str) -> dict[str, str]:
        """Return what the vault holds for an account."""
        loaded = settings.load(self.config, {})
        store = Store.open(loaded.database_url)
        try:
            vault = StoreVault(store, account, loaded.key)
            return {name: found for name in self.secret_rows(account) if (found := vault.read(name)) is not None}
        finally:
            store.close()

    def secret_rows(self, account: str = "%") -> list[str]:
        database = self.folder / "hub.db"
        if not database.exists():
            return []
        with closing(sqlite3.connect(database)) as connection:
            rows = connection.execute("SELECT name FROM secrets WHERE account LIKE ? ORDER BY 1", (account,))
            return [row[0] for row in rows]

    def assert_untouched(self) -> None:
        """Nothing was written: neither hub.toml nor the vault, and no file lies about."""
        assert self.config.read_bytes() == TOML
        assert self.secret_rows() == []
        self.assert_tidy()

    def assert_tidy(self) -> None:
        expected = {"hub.toml", "hub.db", "hub.db-wal", "hub.db-shm", "hub.key"}
        assert {path.name for path in self.folder.iterdir()} <= expected
        for path in self.folder.iterdir():
            if path.is_file():
                assert not any(canary.encode() in path.read_bytes() for canary in CANARIES), path


@pytest.fixture
def place(
    tmp_path: Path,
    site: Path,
    hub_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Place:
    return Place(tmp_path, site, hub_command, monkeypatch, capfd)


def login_arguments(town: Town, *more: str) -> list[str]:
    return ["accounts", "add", "harbour", "--set", f"api_url={town.url}", "--set", "client_id=app", *more]


BLOCK = """
[accounts.harbour]
platform = "harbour"
api_url = "{url}"
token = {{ vault = "token" }}
refresh_token = {{ vault = "refresh_token" }}
client_id = "app"
"""


class TestLogin:
    def test_an_account_is_added_and_works(self, place: Place, town: Town) -> None:
        code, out, err = place(*login_arguments(town, "--json"))
        assert code == 0, err
        document = json.loads(out)
        assert {key: document[key] for key in ("ok", "account", "platform", "remote_id", "name", "missing")} == {
            "ok": True,
            "account": "harbour",
            "platform": "harbour",
            "remote_id": "7",
            "name": "Harbour master",
            "missing": [],
        }
        assert place.secrets("harbour") == {"token": ACCESS, "refresh_token": REFRESH}
        code, out, _ = place("check", "harbour")
        assert (code, "we are Harbour master (7)" in out) == (0, True)
        code, out, _ = place("accounts", "--json")
        assert json.loads(out)["accounts"][1] == {
            "account": "harbour",
            "platform": "harbour",
            "state": "active",
            "name": "Harbour master",
            "remote_id": "7",
        }

    def test_hub_toml_keeps_every_other_byte_its_mode_and_its_link(self, place: Place, town: Town) -> None:
        real = place.folder / "kept" / "real.toml"
        real.parent.mkdir()
        place.config.rename(real)
        place.config.symlink_to(real)
        assert place(*login_arguments(town))[0] == 0
        above, below = TOML.split(b"\n# Routes:")
        assert real.read_bytes() == above + BLOCK.format(url=town.url).encode() + b"\n# Routes:" + below
        assert place.config.is_symlink()
        assert real.stat().st_mode & 0o777 == 0o640

    def test_no_secret_is_said_or_written_in_plain(self, place: Place, town: Town) -> None:
        arguments = login_arguments(town, "--set", "client_secret=env:APP_SECRET", "--json")
        code, out, err = place(*arguments)
        assert code == 0
        assert not any(canary in out + err for canary in (*CANARIES, "code-canary"))
        verifier = next(call for call in town.calls if call.path == "/token").form()["code_verifier"]
        assert verifier not in out + err
        _, out, err = place("trace", "harbour")
        assert not any(canary in out + err for canary in CANARIES)
        place.assert_tidy()

    def test_what_the_browser_prints_is_not_in_the_answer(self, place: Place, town: Town) -> None:
        process = place.start(*login_arguments(town, "--json"))
        out, err = process.communicate(timeout=60)
        assert json.loads(out)["ok"] is True
        assert "noise of a browser" in err

    def test_a_browser_that_goes_its_own_way_is_waited_for(self, place: Place, town: Town) -> None:
        place.setenv("BROWSER", os.environ["BROWSER"] + " &")
        place.browser("time.sleep(0.5)" + OPEN)
        process = place.start(*login_arguments(town, "--wait", "20"))
        process.communicate(timeout=60)
        assert process.returncode == 0

    def test_the_apps_secret_may_be_in_the_environment(self, place: Place, town: Town) -> None:
        assert place(*login_arguments(town, "--set", "client_secret=env:APP_SECRET"))[0] == 0
        call = next(call for call in town.calls if call.path == "/token")
        assert call.headers["authorization"].startswith("Basic ")
        assert 'client_secret = { env = "APP_SECRET" }' in place.config.read_text()
        assert "client_secret" not in place.secrets("harbour")

    def test_a_network_may_register_each_hub(self, place: Place, town: Town) -> None:
        assert place("accounts", "add", "lagoon", "--set", f"api_url={town.url}")[0] == 0
        registered = next(call for call in town.calls if call.path == "/apps").form()["redirect_uris"]
        asked = next(call for call in town.calls if call.path == "/authorize").query
        assert (asked["client_id"], asked["redirect_uri"]) == ("registered", registered)
        assert place.secrets("lagoon") == {"token": ACCESS}

    def test_the_port_is_another_each_time_unless_it_is_named(self, place: Place, town: Town) -> None:
        for name in ("one", "two"):
            assert place(*login_arguments(town, "--name", name))[0] == 0
        asked = [urlsplit(call.query["redirect_uri"]) for call in town.calls if call.path == "/authorize"]
        assert asked[0].port != asked[1].port
        assert {(one.hostname, one.path) for one in asked} == {("127.0.0.1", "/callback")}

    def test_rights_that_were_not_granted_need_a_yes(self, place: Place, town: Town) -> None:
        town.scope = "read"
        code, out, _ = place(*login_arguments(town, "--json"))
        assert (code, json.loads(out)["error"]["code"]) == (2, "usage")
        place.assert_untouched()
        code, out, err = place(*login_arguments(town, "--json", "--yes"))
        assert (code, json.loads(out)["missing"]) == (0, ["write"])
        assert "missing rights: write" in err


class TestAttacks:
    """Each leaves hub.toml and the vault as they were."""

    @pytest.mark.parametrize(
        ("says", "words"),
        [
            ({"error": "access_denied"}, "the network did not let the hub in: access_denied"),
            ({"error": "x", "error_description": "No \x1b[31mentry"}, "No \ufffd[31mentry"),
            ({"code": "code-of-somebody-else"}, "the network gives no token"),
            ({"nothing": "1"}, "without a code"),
        ],
    )
    def test_a_login_that_fails_writes_nothing(
        self, place: Place, town: Town, says: dict[str, str], words: str
    ) -> None:
        town.says = says
        code, out, err = place(*login_arguments(town))
        assert (code, out) == (4, "")
        assert words in err
        place.assert_untouched()

    def test_a_wrong_state_is_refused_and_the_right_one_still_taken(self, place: Place, town: Town) -> None:
        place.browser("""
            back = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["redirect_uri"][0]
            for query in ("code=evil&state=evil", "code=evil", "error=access_denied"):
                try:
                    urllib.request.urlopen(f"{back}?{query}", timeout=10)
                    sys.exit("it was taken")
                except urllib.error.HTTPError as error:
                    assert error.code == 400
            try:
                urllib.request.urlopen(back.replace("/callback", "/favicon.ico"), timeout=10)
            except urllib.error.HTTPError as error:
                assert error.code == 404
            urllib.request.urlopen(url, timeout=10).read()
            print("all was refused", file=sys.stderr)
        """)
        code, _, err = place(*login_arguments(town))
        assert (code, "all was refused" in err) == (0, True)
        assert [call.form()["code"] for call in town.calls if call.path == "/token"] == ["code-canary-1"]

    def test_a_wrong_state_alone_ends_with_the_time(self, place: Place, town: Town) -> None:
        town.says = {"state": "evil", "code": "evil"}
        code, _, err = place(*login_arguments(town, "--wait", "1"))
        assert (code, "nobody has logged in within 1 s" in err) == (4, True)
        assert [call.path for call in town.calls] == ["/authorize"]
        place.assert_untouched()

    def test_a_second_redirect_finds_nobody(self, place: Place, town: Town) -> None:
        place.browser("""
            answer = urllib.request.urlopen(url, timeout=10)
            time.sleep(0.3)
            try:
                urllib.request.urlopen(answer.url, timeout=10)
            except OSError as error:
                print("refused:", error, file=sys.stderr)
        """)
        process = place.start(*login_arguments(town), stdin=subprocess.DEVNULL)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "refused:" in err
        assert len([call for call in town.calls if call.path == "/token"]) == 1

    def test_ctrl_c_leaves_nothing_behind(self, place: Place, town: Town) -> None:
        place.browser("print('not today', file=sys.stderr)")
        process = place.start(*login_arguments(town))
        assert process.stderr is not None
        while "not today" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, "Traceback" in err) == (130, False)
        place.assert_untouched()

    def test_a_token_that_the_network_does_not_know_writes_nothing(self, place: Place, town: Town) -> None:
        town.tokens.clear()
        code, _, _ = place(*login_arguments(town))
        assert code != 0
        place.assert_untouched()

    def test_a_sudden_death_before_the_end_leaves_no_secret_and_no_account(self, place: Place, town: Town) -> None:
        process = place.start(*login_arguments(town), stdin=subprocess.DEVNULL)
        town.after = lambda request: process.kill() if request.path == "/me" else None
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert place.config.read_bytes() == TOML
        assert place.secret_rows() == []
        for path in place.folder.iterdir():
            assert not any(canary.encode() in path.read_bytes() for canary in CANARIES), path

    def test_of_two_at_once_each_is_whole_or_not_there(self, place: Place, town: Town) -> None:
        town.latency = 0.2
        names = ("one", "two")
        running = [place.start(*login_arguments(town, "--name", name), stdin=subprocess.DEVNULL) for name in names]
        for process in running:
            process.communicate(timeout=60)
        codes = {name: process.returncode for name, process in zip(names, running, strict=True)}
        assert set(codes.values()) <= {0, 3}
        assert 0 in codes.values()
        added = tomllib.loads(place.config.read_text())["accounts"]
        for name, code in codes.items():
            assert (name in added) == (code == 0)
            assert place.secrets(name) == ({"token": ACCESS, "refresh_token": REFRESH} if code == 0 else {})

    def test_a_hub_toml_that_changed_meanwhile_is_not_written_over(self, place: Place, town: Town) -> None:
        theirs = TOML + b"# a word of somebody else\n"

        def edit(request: Request) -> None:
            if request.path == "/me":
                place.config.write_bytes(theirs)

        town.after = edit
        code, _, err = place(*login_arguments(town))
        assert (code, "was changed by somebody else" in err) == (3, True)
        assert place.config.read_bytes() == theirs
        assert place.secret_rows() == []
        place.assert_tidy()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_cannot_be_written_is_said_before_the_login(self, place: Place, town: Town) -> None:
        place("posts")
        place.folder.chmod(0o500)
        code, _, _ = place(*login_arguments(town))
        place.folder.chmod(0o700)
        assert (code, town.calls) == (6, [])

    def test_a_vault_that_cannot_be_written_leaves_hub_toml(self, place: Place, town: Town) -> None:
        place("posts")
        (place.folder / "hub.key").write_text("no key")
        (place.folder / "hub.key").chmod(0o644)
        code, _, err = place(*login_arguments(town))
        assert (code, "can be read by others" in err) == (3, True)
        place.assert_untouched()

    def test_a_database_that_fails_at_the_commit_leaves_hub_toml(self, place: Place, town: Town) -> None:
        assert place("posts")[0] == 0
        with closing(sqlite3.connect(place.folder / "hub.db")) as connection:
            connection.executescript(
                "CREATE TABLE law (id INTEGER PRIMARY KEY);"
                "CREATE TABLE breach (law INTEGER REFERENCES law(id) DEFERRABLE INITIALLY DEFERRED);"
                "CREATE TRIGGER t AFTER INSERT ON secrets BEGIN INSERT INTO breach VALUES (1); END;"
            )
        code, _, err = place(*login_arguments(town))
        assert code != 0
        assert "FOREIGN KEY" in err
        for path in place.folder.glob("hub-error-*.log"):
            assert not any(canary in path.read_text() for canary in CANARIES)
            path.unlink()
        place.assert_untouched()

    def test_a_login_over_a_line_that_others_hear_is_refused(self, place: Place) -> None:
        code, _, err = place(
            "accounts", "add", "harbour", "--set", "api_url=http://n.example", "--set", "client_id=a"
        )
        assert (code, "is not https" in err) == (3, True)
        place.assert_untouched()


class TestNoBrowser:
    def start(self, place: Place, town: Town) -> tuple[subprocess.Popen[str], str]:
        process = place.start(*login_arguments(town, "--no-browser"))
        assert process.stderr is not None
        while not (line := process.stderr.readline()).startswith("http"):
            assert process.poll() is None
        return process, line.strip()

    def lead(self, town: Town, url: str) -> str:
        """Be a browser on another machine; return where it was led and could not go."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", town.port, timeout=5)
        connection.request("GET", url.removeprefix(town.url))
        location = str(connection.getresponse().headers["Location"])
        connection.close()
        return location

    def test_the_address_that_is_pasted_is_taken(self, place: Place, town: Town) -> None:
        process, url = self.start(place, town)
        port = urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0]).port or 0
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
        out, err = process.communicate(self.lead(town, url) + "\n", timeout=60)
        assert process.returncode == 0, err
        assert "we are Harbour master" in out
        assert place.secrets("harbour") == {"token": ACCESS, "refresh_token": REFRESH}

    @pytest.mark.parametrize(
        ("before", "after"), [("state=", "state=x"), ("/callback", "/other"), ("http://127.0.0.1", "http://evil")]
    )
    def test_another_address_is_refused(self, place: Place, town: Town, before: str, after: str) -> None:
        process, url = self.start(place, town)
        process.communicate(self.lead(town, url).replace(before, after) + "\n", timeout=60)
        assert process.returncode == 4
        assert all(call.path != "/token" for call in town.calls)
        place.assert_untouched()

    def test_without_an_answer_nothing_is_written(self, place: Place, town: Town) -> None:
        code, _, err = place(*login_arguments(town, "--no-browser", "--no-input"))
        assert (code, "is missing" in err) == (2, True)
        place.assert_untouched()


class Terminal:
    """A person at a terminal."""

    def __init__(self, place: Place, *args: str) -> None:
        self._ours, theirs = os.openpty()
        self._process = place.start(
            *args, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.screen = ""
        self._read = 0

    def expect(self, text: str, seconds: float = 20.0) -> None:
        """Wait until the terminal shows a text after what was expected before."""
        end = time.monotonic() + seconds
        while text not in self.screen[self._read :]:
            ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {text!r} in:\n{self.screen}"
            try:
                piece = os.read(self._ours, 65536)
            except OSError:
                piece = b""
            assert piece, f"it ended without {text!r}:\n{self.screen}"
            self.screen += piece.decode(errors="replace")
        self._read = self.screen.index(text, self._read) + len(text)

    def answer(self, question: str, line: str) -> None:
        self.expect(question)
        time.sleep(0.1)  # let it switch the echo off first
        os.write(self._ours, (line + "\n").encode())

    def end(self) -> tuple[int, str]:
        out, _ = self._process.communicate(timeout=30)
        while select.select([self._ours], [], [], 0)[0]:
            try:
                self.screen += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:
                break
        os.close(self._ours)
        return self._process.returncode, out


class TestAsking:
    def test_a_person_is_asked_for_everything_and_again_for_what_is_wrong(self, place: Place, town: Town) -> None:
        terminal = Terminal(place, "accounts", "add", "pier")
        terminal.answer("Name of the account in hub.toml [pier]: ", "blog")
        terminal.expect("there is an account blog already")
        terminal.answer("Name of the account", "No Name")
        terminal.expect("is not a usable name")
        terminal.answer("Name of the account", "north")
        terminal.expect("`berth` is the number on the pier.")
        terminal.answer("api_url (str): ", town.url)
        terminal.answer("berth (int): ", "many")
        terminal.expect("berth cannot be int")
        terminal.answer("berth (int): ", "-3")
        terminal.expect("greater than 0")
        terminal.answer("berth (int): ", "12")
        terminal.answer("token (secret): ", TYPED)
        terminal.answer("left out, too? (mode, flags, lit, pin)", "y")
        terminal.answer("mode (quiet | loud) [Enter: quiet]: ", "shy")
        terminal.expect("mode: Input should be 'quiet' or 'loud'")
        terminal.answer("mode (quiet | loud)", "loud")
        terminal.answer("flags (tuple) [Enter: none]: ", "red, green")
        terminal.answer("lit (bool) [Enter: False]: ", "yes")
        terminal.answer("pin (secret) [Enter: none]: ", "")
        terminal.expect("loud needs a pin")
        terminal.answer(f"api_url (str) [Enter: {town.url}]: ", "")
        terminal.answer("berth (int) [Enter: 12]: ", "")
        terminal.answer("token (secret) [Enter: as before]: ", "")
        terminal.answer("mode (quiet | loud) [Enter: loud]: ", "")
        terminal.answer("flags (tuple) [Enter: as before]: ", "")
        terminal.answer("lit (bool) [Enter: True]: ", "")
        terminal.answer("pin (secret) [Enter: none]: ", "0000")
        assert terminal.end()[0] == 0
        assert tomllib.loads(place.config.read_text())["accounts"]["north"] == {
            "platform": "pier",
            "api_url": town.url,
            "berth": 12,
            "token": {"vault": "token"},
            "mode": "loud",
            "flags": ["red", "green"],
            "lit": True,
            "pin": {"vault": "pin"},
        }
        assert place.secrets("north") == {"token": TYPED, "pin": "0000"}

    def test_what_is_typed_in_secret_is_shown_nowhere_and_kept_in_the_vault(
        self, place: Place, town: Town
    ) -> None:
        terminal = Terminal(place, "accounts", "add", "pier", "--name", "north")
        terminal.answer("api_url (str): ", town.url)
        terminal.answer("berth (int): ", "12")
        terminal.answer("token (secret): ", TYPED)
        terminal.answer("left out, too?", "n")
        code, out = terminal.end()
        assert (code, "ok, we are Harbour master (7)" in out) == (0, True)
        assert TYPED not in terminal.screen + out
        assert place.secrets("north") == {"token": TYPED}
        table = tomllib.loads(place.config.read_text())["accounts"]["north"]
        assert table == {"platform": "pier", "api_url": town.url, "berth": 12, "token": {"vault": "token"}}
        place.assert_tidy()

    def test_a_secret_may_stay_where_it_is(self, place: Place, town: Town) -> None:
        place.setenv("PIER_TOKEN", TYPED)
        terminal = Terminal(place, "accounts", "add", "pier", "--name", "north", "--set", "berth=1")
        terminal.answer("api_url (str): ", town.url)
        terminal.answer("token (secret): ", "env:NO_SUCH_TOKEN")
        terminal.expect("NO_SUCH_TOKEN, which is not set")
        terminal.answer("token (secret): ", "env:PIER_TOKEN")
        terminal.answer("left out, too?", "n")
        assert terminal.end()[0] == 0
        assert place.secrets("north") == {}
        assert 'token = { env = "PIER_TOKEN" }' in place.config.read_text()

    def test_a_login_asks_for_the_app_and_shows_its_redirect_address(self, place: Place, town: Town) -> None:
        terminal = Terminal(place, "accounts", "add", "harbour")
        terminal.answer("[harbour]: ", "")
        terminal.answer("Log in to harbour with the browser?", "y")
        terminal.answer("api_url (str): ", town.url)
        terminal.expect("must have this redirect address: http://127.0.0.1:")
        terminal.answer("client_id (str): ", "app")
        terminal.answer("client_secret (secret) [Enter: none]: ", APP_SECRET)
        code, _ = terminal.end()
        assert code == 0
        assert APP_SECRET not in terminal.screen
        assert place.secrets("harbour") == {
            "token": ACCESS,
            "refresh_token": REFRESH,
            "client_secret": APP_SECRET,
        }

    def test_who_does_not_want_to_log_in_gives_a_token(self, place: Place, town: Town) -> None:
        terminal = Terminal(place, "accounts", "add", "harbour", "--name", "hand")
        terminal.answer("Log in to harbour with the browser?", "n")
        terminal.answer("api_url (str): ", town.url)
        terminal.answer("token (secret): ", TYPED)
        terminal.answer("left out, too?", "n")
        assert terminal.end()[0] == 0
        assert {call.path for call in town.calls} == {"/me"}

    def test_the_end_of_the_input_ends_it_and_writes_nothing(self, place: Place) -> None:
        terminal = Terminal(place, "accounts", "add", "pier", "--name", "north")
        terminal.answer("api_url (str): ", "https://n.example")
        terminal.answer("berth (int): ", "\x04")
        assert terminal.end()[0] == 130
        place.assert_untouched()


class TestWithoutAPerson:
    @pytest.mark.parametrize(
        ("arguments", "code", "words", "hint"),
        [
            (["peir"], 2, "no plugin knows the platform peir", "did you mean pier?"),
            (["pier", "--name", "blog"], 2, "there is an account blog already", "--name"),
            (["pier", "--name", "No"], 3, "hub.toml: accounts.No is not a usable name", ""),
            (["pier"], 2, "pier needs api_url, berth, token", "KEY=env:NAME"),
            (["pier", "--set", "bert=1"], 2, "pier has no setting bert", "did you mean berth?"),
            (["pier", "--set", "berth=0"], 2, "berth: Input should be greater than 0", ""),
            (
                ["pier", "--set", f"token={TYPED}"],
                2,
                "token is a secret, and others can see",
                "--set token=env:NAME",
            ),
            (["pier", "--set", TYPED], 2, "--set wants KEY=VALUE", ""),
            (["pier", "--set", "token=env:NO_SUCH"], 3, "NO_SUCH, which is not set", "export"),
            (["pier", "--set", "overflow=never"], 2, "overflow: Input should be 'thread' or 'shorten'", ""),
            (["harbour", "--set", "api_url=https://n.example"], 2, "harbour needs client_id", ""),
        ],
    )
    def test_what_cannot_be_used_is_said_with_the_mend(
        self, place: Place, arguments: Sequence[str], code: int, words: str, hint: str
    ) -> None:
        ended, out, err = place("accounts", "add", *arguments, "--json")
        document = json.loads(out)
        assert (ended, document["ok"]) == (code, False)
        assert words in document["error"]["message"]
        assert hint in document["error"]["hint"]
        assert TYPED not in out + err
        place.assert_untouched()

    def test_everything_can_be_given(self, place: Place, town: Town) -> None:
        (place.folder / "kept").mkdir()
        (place.folder / "kept" / "token").write_text(TYPED)
        given = [
            f"api_url={town.url}",
            "berth=3",
            "token=file:kept/token",
            "flags=a,b",
            "lit=yes",
            "overflow=thread",
        ]
        code, _, err = place("accounts", "add", "pier", *(word for one in given for word in ("--set", one)))
        assert code == 0, err
        assert tomllib.loads(place.config.read_text())["accounts"]["pier"] == {
            "platform": "pier",
            "api_url": town.url,
            "berth": 3,
            "token": {"file": "kept/token"},
            "flags": ["a", "b"],
            "lit": True,
            "overflow": "thread",
        }

    def test_the_same_page_is_not_added_twice(self, place: Place, town: Town) -> None:
        place.setenv("TOKEN", TYPED)
        given = ["--set", f"api_url={town.url}", "--set", "berth=3", "--set", "token=env:TOKEN"]
        assert place("accounts", "add", "pier", *given)[0] == 0
        before = place.config.read_bytes()
        code, _, err = place("accounts", "add", "pier", "--name", "second", *given)
        assert (code, "pier is the same page on pier already: 3" in err) == (2, True)
        assert place.config.read_bytes() == before


WAYS = {
    "no accounts": "[hub]\n",
    "no last line end": "[hub]\ntimezone = 'UTC'",
    "nothing at all": "",
    "only comments": "# a\n\n# b\n",
    "Windows": "[hub]\r\n\r\n[accounts.a]\r\nplatform = 'x'\r\n\r\n# Routes\r\n[routes.r]\r\nfrom=['a']\r\n",
    "apart": "[accounts.a]\nk=1\n[hub]\n[accounts.b]\nk=1\n[accounts.b.c]\nk=1\n\n# z\n[routes]\n",
    "a head in a text": "[accounts.a]\nplatform='x'\nt = '''\n[accounts.no]\n\n[hub]\n'''\n\n[hub]\n",
    "a list over lines": "[accounts.a]\nplatform='x'\nt = [\n  ['x'],\n\n  ['y'],\n]\n\n[hub]\n",
    "one table of accounts": "[accounts]\na = { platform = 'x' }\n\n[hub]\n",
    "the last line is a comment": "[accounts.a]\nplatform='x'\n# end",
    "no blank lines": "[accounts.a]\nplatform='x'\n[hub]\n",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_table_is_put_between_what_is_there(way: str) -> None:
    text = WAYS[way]
    values = {"platform": "y", "token": {"vault": "token"}, "odd": 'a "b" \\ \x7f \u2028 я', "n": [1, "2"]}
    made = with_account(text, "new", values, Path("hub.toml"))
    known = tomllib.loads(text)
    assert tomllib.loads(made) == {**known, "accounts": {**known.get("accounts", {}), "new": values}}
    shared = next((n for n, (a, b) in enumerate(zip(text, made, strict=False)) if a != b), len(text))
    assert made.endswith(text[shared:])
    assert ("\r" in made.replace("\r\n", "")) is False
    if "\r\n" in text:
        assert "\n" not in made.replace("\r\n", "")


def test_accounts_that_leave_no_place_are_said() -> None:
    text = "accounts = { a = { platform = 'x' } }\n"
    with pytest.raises(ConfigError, match="has no place"):
        with_account(text, "new", {"platform": "y"}, Path("hub.toml"))


def test_an_account_on_x_is_logged_in_renewed_and_asks_no_more(place: Place) -> None:
    """X compares the whole redirect address, takes a code once, and ends a token after two hours."""
    with TwitterDouble() as x:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        x.door.redirects = (f"http://127.0.0.1:{port}/callback",)
        place.browser(f"urllib.request.urlopen(url.replace('https://x.com', '{x.url}'), timeout=10).read()")
        place.setenv("X_SECRET", x.door.client_secret)
        given = [f"api_url={x.url}", "client_id=client-1", "client_secret=env:X_SECRET"]
        words = [word for one in given for word in ("--set", one)]
        code, out, err = place("accounts", "add", "twitter", "--name", "bird", "--port", str(port), *words)
        assert code == 0, err
        assert "ok, we are Our company" in out
        assert set(place.secrets("bird")) == {"token", "refresh_token"}
        x.door.expire()
        assert place("check", "bird")[0] == 0
        assert "twitter/bird" in place.secrets("bird")
        x.door.expire()
        assert place("check", "bird")[0] == 0
        assert x.door.renewals == 3


def test_x_is_told_the_port_that_its_app_has_registered() -> None:
    declared = Registry.discover().adapters["twitter"].oauth
    assert declared is not None
    assert (declared.port, "offline.access" in declared.scopes) == (8722, True)


def test_what_a_plugin_declares_names_settings_that_it_has() -> None:
    declared = {one: one.oauth for one in Registry.discover().adapters.values() if one.oauth is not None}
    assert declared
    for adapter, oauth in declared.items():
        known = {field.alias or name for name, field in adapter.Settings.model_fields.items()}
        assert {oauth.token, oauth.refresh_token, oauth.client_id, oauth.client_secret} <= known | {""}, adapter


def test_accounts_are_listed_without_their_secrets(hub: Callable[..., Any], configured: Path) -> None:
    (configured.parent / "token").unlink()
    said = hub("accounts", "--json")
    assert [one["account"] for one in said.json["accounts"]] == ["club", "bird", "blog"]
    assert re.search(r"bird +twitter +active", hub("accounts").out)
