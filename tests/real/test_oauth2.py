"""`hub accounts add` against a real authorization server, in whose place X's plugin believes X to be."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from real.command import Command
from real.oauth2 import OAuth2
from real.report import Note

from hub import OAuth, OAuthClient, settings
from hub.errors import AuthError
from hub.http import Http
from hub.oauth import Login, redirect_uri
from hub.store import Store
from hub.store.vault import StoreVault

DECLARED = OAuth(authorize_url="/i/oauth2/authorize", token_url="/2/oauth2/token", scopes=("read",))
BROWSER = """
import sys, urllib.error, urllib.request
url = sys.argv[1].replace("https://x.com", {server!r}) + {more!r}
try:
    urllib.request.urlopen(url, timeout=10).read()
except urllib.error.HTTPError as error:
    print("the page says", error.code, file=sys.stderr)
"""
HUB = [sys.executable, "-c", "import sys; from hub.cli.main import main; sys.exit(main())"]


def add(folder: Path, server: OAuth2, *more: str, browser: str = "") -> subprocess.CompletedProcess[str]:
    """Call `hub accounts add twitter`, with a browser that agrees at once, or does `browser` to the address."""
    script = folder / "browser.py"
    script.write_text(BROWSER.format(server=server.url, more=browser))
    given = ["--set", f"api_url={server.url}", "--set", "client_id=hub", "--port", "0", "--name", "bird"]
    return subprocess.run(
        [*HUB, "accounts", "add", "twitter", *given, "--json", "--config", str(folder / "hub.toml"), *more],
        env={**os.environ, "HUB_LANG": "en", "BROWSER": f"{sys.executable} {script} %s"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def vault(folder: Path) -> StoreVault:
    loaded = settings.load(folder / "hub.toml", {})
    return StoreVault(Store.open(loaded.database_url), "bird", loaded.key)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Command(tmp_path / "hub").folder


class TestOAuth2:
    runs = OAuth2

    def test_an_account_is_added(self, server: OAuth2, note: Note, folder: Path) -> None:
        before = (folder / "hub.toml").read_bytes()
        done = add(folder, server, "--yes")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert (document["remote_id"], document["name"]) == ("7", "John Doe")
        after = (folder / "hub.toml").read_bytes()
        assert after.startswith(before)
        table = tomllib.loads(after.decode())["accounts"]["bird"]
        assert table["token"] == {"vault": "token"}
        token, refresh = vault(folder).read("token"), vault(folder).read("refresh_token")
        assert token is not None
        assert refresh is not None
        assert token.count(".") == 2
        for text in (done.stdout, done.stderr, after.decode(), (folder / "hub.db").read_bytes().decode("latin-1")):
            assert token not in text
            assert refresh not in text

    def test_the_added_account_works(self, server: OAuth2, note: Note, folder: Path) -> None:
        assert add(folder, server, "--yes").returncode == 0
        done = subprocess.run(
            [*HUB, "check", "--json", "--config", str(folder / "hub.toml")],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert json.loads(done.stdout)["accounts"][0]["name"] == "John Doe"

    def test_rights_that_it_does_not_grant_need_a_yes(self, server: OAuth2, note: Note, folder: Path) -> None:
        """It grants a scope of its own, whatever was asked for."""
        before = (folder / "hub.toml").read_bytes()
        done = add(folder, server)
        assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "usage")
        assert "missing rights: tweet.read, tweet.write" in done.stderr
        assert (folder / "hub.toml").read_bytes() == before
        assert vault(folder).read("token") is None

    def test_a_person_who_says_no_is_believed(self, server: OAuth2, note: Note, folder: Path) -> None:
        before = (folder / "hub.toml").read_bytes()
        done = add(folder, server, "--yes", browser="&refuse=1")
        assert done.returncode == 4
        assert "did not let the hub in: access_denied" in json.loads(done.stdout)["error"]["message"]
        assert (folder / "hub.toml").read_bytes() == before
        assert vault(folder).read("token") is None

    def test_a_wrong_state_is_waited_out(self, server: OAuth2, note: Note, folder: Path) -> None:
        done = add(folder, server, "--yes", "--wait", "1", browser="&confuse=1")
        assert done.returncode == 4
        assert "nobody has logged in within 1 s" in json.loads(done.stdout)["error"]["message"]
        assert "the page says 400" in done.stderr
        assert vault(folder).read("token") is None

    @pytest.mark.parametrize("spoil", ["another verifier", "no challenge", "used twice"])
    def test_a_code_is_good_for_its_own_login_once(self, server: OAuth2, note: Note, spoil: str) -> None:
        line = Http(server.url, deadline=5)
        login = Login(DECLARED, server.url, OAuthClient(id="hub"), redirect_uri(50000))
        other = Login(DECLARED, server.url, OAuthClient(id="hub"), redirect_uri(50000))
        changes: dict[str, Callable[[str], str]] = {
            "no challenge": lambda url: "&".join(part for part in url.split("&") if "code_challenge" not in part)
        }
        code = login.code_in(lead(changes.get(spoil, str)(login.url())))
        if spoil == "used twice":
            assert login.exchange(code, line).access_token
        with pytest.raises(AuthError, match="gives no token"):
            (other if spoil == "another verifier" else login).exchange(code, line)
        line.close()


def lead(url: str) -> str:
    """Return where a browser is led that opens the address."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parse_qs(parts.query)["state"]
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    connection.request("GET", f"{parts.path}?{parts.query}")
    location = connection.getresponse().headers["Location"]
    connection.close()
    assert location is not None
    return location
