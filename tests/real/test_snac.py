"""The hub on snac2, which speaks Mastodon's API and means some of it otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from real.command import Command
from real.report import Note
from real.serving import until
from real.snac import STRANGER, US, Snac, SnacSite, lasting
from real.story import Story, word

from hub import AuthError, GoneError, Post
from hub.testing import open_adapter
from plugins.mastodon import Mastodon

HUB = [sys.executable, "-c", "import sys; from hub.cli.main import main; sys.exit(main())"]
# Fills in the form, and is led back.
BROWSER = """
import re, sys, urllib.parse, urllib.request
page = urllib.request.urlopen(sys.argv[1], timeout=10).read().decode()
form = dict(re.findall(r'<input type="hidden" name="(\\w+)" value="([^"]*)"', page))
form |= {{"login": {name!r}, "passwd": {password!r}}}
(action,) = re.findall(r'action="([^"]+)"', page)
where = {url!r} + urllib.parse.urlsplit(action).path
urllib.request.urlopen(where, urllib.parse.urlencode(form).encode(), timeout=10).read()
"""


class TestSnac(Story):
    runs = Snac
    plays = SnacSite

    def test_the_server_is_not_trusted_with_a_key(self, site: SnacSite, note: Note) -> None:
        """It makes a second status of the same key, so that a lost answer must be looked for."""
        mastodon = open_adapter(Mastodon, site.account(site.url))
        assert mastodon.limits().link_cost == 32
        assert mastodon.settle == "lookup"
        post = Post(text=f"{word()} once", key=word())
        receipts = []
        for _ in range(2):
            # It ends a connection after each answer and does not say so: a call at once may go into its end.
            time.sleep(0.3)
            receipts.append(mastodon.publish(post).remote_id)
        mastodon.http.close()
        assert receipts[0] != receipts[1]
        assert len([one for one in site.posts() if one.text == post.text]) == 2
        note.posts += 2

    def test_an_account_is_added_by_a_login(
        self, site: SnacSite, server: Snac, note: Note, tmp_path: Path
    ) -> None:
        browser = tmp_path / "browser.py"
        browser.write_text(BROWSER.format(url=site.url, name=US, password=server.passwords[US]))
        (tmp_path / "hub.toml").write_text("[hub]\n")
        words = ["accounts", "add", "mastodon", "--name", "village", "--set", f"api_url={site.url}", "--json"]
        done = subprocess.run(
            [*HUB, *words, "--config", str(tmp_path / "hub.toml")],
            env={**os.environ, "HUB_LANG": "en", "BROWSER": f"{sys.executable} {browser} %s"},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["remote_id"] == f"{site.url}/{US}"
        table = tomllib.loads((tmp_path / "hub.toml").read_text())["accounts"]["village"]
        assert table == {"platform": "mastodon", "api_url": site.url, "token": {"vault": "token"}}

    def test_a_wrong_token_is_refused(self, site: SnacSite, note: Note) -> None:
        """With 422 to the question who we are, with 401 elsewhere."""
        assert site.ours.call("GET", "/api/v1/accounts/verify_credentials").status_code == 200
        mastodon = open_adapter(Mastodon, {**site.account(site.url), "token": "wrong"})
        with pytest.raises(AuthError, match="422"):
            mastodon.check()
        with pytest.raises(AuthError, match="401"):
            mastodon.publish(Post(text="Who am I?"))
        mastodon.http.close()

    def test_a_post_that_cannot_be_deleted_is_not_called_gone(
        self, site: SnacSite, hub: Command, note: Note
    ) -> None:
        one = word()
        number = hub.post(f"{one} forget it", "ours")
        (remote_id,) = hub.published(number)
        hub("delete", str(number), "--yes")
        hub.tick()
        (delivery,) = hub.deliveries(number)
        assert delivery["state"] == "published"
        assert "still there" in delivery["error"]
        assert [shown.id for shown in site.posts() if one in shown.text] == [remote_id]
        note.posts += 1

    def test_what_is_gone_may_be_deleted_again(self, site: SnacSite, note: Note) -> None:
        mastodon = open_adapter(Mastodon, site.account(site.url))
        made = mastodon.publish(Post(text=f"{word()} by hand"))
        site.delete_comment(US, made.remote_id)
        path = f"/api/v1/statuses/{made.remote_id}"
        until(lambda: site.ours.call("GET", path).status_code == 404, "deleted by hand")
        mastodon.delete(made.remote_id)
        with pytest.raises(GoneError):
            mastodon.http.get(path)
        mastodon.http.close()

    def test_an_edit_changes_no_id_that_the_hub_knows(self, site: SnacSite, note: Note) -> None:
        mastodon = open_adapter(Mastodon, site.account(site.url))
        made = mastodon.publish(Post(text=f"{word()} before"))
        raw = site.ours.get(f"/api/v1/statuses/{made.remote_id}")["id"]
        edited = mastodon.edit(made.remote_id, Post(text=f"{word()} after"))
        mastodon.http.close()
        assert edited.remote_id == made.remote_id == lasting(raw)
        note.posts += 1

    def test_an_answer_from_another_server_is_in_the_discussion(
        self, site: SnacSite, hub: Command, server: Snac, note: Note
    ) -> None:
        one = word()
        stranger = server.logins[STRANGER]
        server.follow(STRANGER, US)
        until(lambda: len(server.followers(US)) == 4, "the stranger follows us", 60)
        hub.published(hub.post(f"{one} is anybody out there?", "ours"))

        def seen() -> list[dict[str, object]]:
            return [each for each in stranger.get("/api/v1/timelines/home") if one in each["content"]]

        until(seen, "the stranger's server has our post", 60)
        stranger.post(status="From afar, «да»", in_reply_to_id=seen()[0]["id"])
        hub.until(lambda: hub.tree(one), "the answer is in our discussion", 90)
        (mention,) = hub.tree(one)
        assert "From afar, «да»" in mention["text"]
        assert mention["author"]["handle"].startswith(f"{STRANGER}@localhost")
        assert mention["url"].startswith(server.away)
        note.posts += 1
        note.comments += 1
