"""Logging in to Mastodon with the browser: the hub registers itself, and asks for no more than it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub import AuthError, Media, Mention, Post, Thread, settings
from hub.store import Store
from hub.store.vault import StoreVault
from hub.testing import open_adapter
from plugins.mastodon import Mastodon
from plugins.mastodon.sandbox import MastodonDouble

HUB = [sys.executable, "-c", "import sys; from hub.cli.main import main; sys.exit(main())"]
# The double leads a browser back at once.
BROWSER = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=10).read()
except urllib.error.HTTPError as error:
    print("the page says", error.code, file=sys.stderr)
"""


@pytest.fixture
def double() -> Iterator[MastodonDouble]:
    with MastodonDouble() as running:
        yield running


def add(folder: Path, double: MastodonDouble) -> subprocess.CompletedProcess[str]:
    """Call `hub accounts add mastodon` with nothing but the server's address."""
    (folder / "browser.py").write_text(BROWSER)
    (folder / "hub.toml").write_text("[hub]\n")
    words = ["accounts", "add", "mastodon", "--name", "town", "--set", f"api_url={double.url}", "--json"]
    return subprocess.run(
        [*HUB, *words, "--config", str(folder / "hub.toml")],
        env={**os.environ, "HUB_LANG": "en", "BROWSER": f"{sys.executable} {folder / 'browser.py'} %s"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


def kept(folder: Path) -> str | None:
    """Return the token in the vault."""
    loaded = settings.load(folder / "hub.toml", {})
    with closing(Store.open(loaded.database_url)) as store:
        return StoreVault(store, "town", loaded.key).read("token")


def test_an_account_is_added_by_a_login(double: MastodonDouble, tmp_path: Path) -> None:
    done = add(tmp_path, double)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["remote_id"], document["name"]) == (f"{double.url}/@company", "Our company")
    table = tomllib.loads((tmp_path / "hub.toml").read_text())["accounts"]["town"]
    assert table == {"platform": "mastodon", "api_url": double.url, "token": {"vault": "token"}}
    token = kept(tmp_path)
    assert token in double.door.tokens
    (app,) = double.door.apps.values()
    assert app.name == "crosshub"
    for text in (done.stdout, done.stderr):
        assert token not in text
        assert app.secret not in text


def test_a_person_who_does_not_agree_adds_no_account(double: MastodonDouble, tmp_path: Path) -> None:
    double.door.refusing = True
    done = add(tmp_path, double)
    assert done.returncode == 4
    assert "did not let the hub in" in json.loads(done.stdout)["error"]["message"]
    assert (tmp_path / "hub.toml").read_text() == "[hub]\n"
    assert len(double.door.tokens) == 1


def use(double: MastodonDouble, scopes: set[str]) -> None:
    """Do all that the plugin can with a token of these scopes."""
    double.door.tokens["limited"] = scopes
    account: Any = open_adapter(Mastodon, {**double.account(), "token": "limited"})
    with closing(account.http):
        account.check()
        double.polls = 2
        picture = Media(content=b"\x89PNG", mime="image/png")
        post = account.publish(Post(text="Look", media=[picture], key="1"))
        said = double.say(double.add_person("Ann", "ann"), post.remote_id, "@company nice")
        for reading in (
            account.fetch_posts(None),
            account.fetch_mentions(None),
            account.fetch_replies(Thread(remote_id=post.remote_id), None),
            account.search("nice", None),
        ):
            assert sum(len(batch.items) for batch in reading) == 1
        account.reply(Mention(remote_id=said, thread_id=post.remote_id), "Thank you")
        account.edit(post.remote_id, Post(text="Look here"))
        account.delete(post.remote_id)


def wanted() -> set[str]:
    assert Mastodon.oauth is not None
    return set(Mastodon.oauth.scopes)


def test_what_the_login_asks_for_is_enough_for_all_that_the_plugin_does(double: MastodonDouble) -> None:
    use(double, wanted())


@pytest.mark.parametrize("scope", sorted(wanted()))
def test_nothing_is_asked_for_that_is_not_needed(double: MastodonDouble, scope: str) -> None:
    with pytest.raises(AuthError, match="outside the authorized scopes"):
        use(double, wanted() - {scope})
