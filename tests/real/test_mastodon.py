"""The hub on a server with Mastodon's API, its people acted by Mastodon.py."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import httpx
from real.command import Command
from real.mastodon import MastodonSite, Mock
from real.proxy import FaultProxy
from real.report import Note
from real.serving import Server
from real.site import PEOPLE
from real.story import Story, word

from hub import Post
from hub.http import Http
from hub.oauth import Login, redirect_uri
from hub.testing import open_adapter
from plugins.mastodon import Mastodon


class TestMastodon(Story):
    runs = Mock
    plays = MastodonSite

    def test_the_same_key_gives_the_same_status(self, site: MastodonSite, note: Note) -> None:
        mastodon = open_adapter(Mastodon, site.account(site.url))
        post = Post(text=f"{word()} once", key=word())
        first, second = mastodon.publish(post), mastodon.publish(post)
        assert mastodon.limits().maximum == 500
        mastodon.http.close()
        assert (first, mastodon.settle) == (second, "key")
        assert len([one for one in site.posts() if one.text == post.text]) == 1
        note.posts += 1

    def test_a_lost_answer_is_settled_by_the_key(
        self, site: MastodonSite, proxy: FaultProxy, tmp_path: Path, note: Note
    ) -> None:
        """The second request bears the same key, and the server answers with the status that it has."""
        hub = Command(tmp_path / "hub")
        hub.add("ours", site.adapter, {**site.account(proxy.url), "idempotency": "yes"})
        hub("check")
        proxy.calm()
        proxy.strike("lost", *site.publishes)
        one = word()
        number = hub.post(f"{one} once and no more", "ours")
        hub.published(number)
        assert len(proxy.struck()) == 1
        assert [delivery["attempts"] for delivery in hub.deliveries(number)] == [2]
        assert len([shown for shown in site.posts() if one in shown.text]) == 1
        note.posts += 1
        note.faults += 1

    def test_the_hub_registers_itself_and_is_given_a_token(self, site: MastodonSite, note: Note) -> None:
        """As far as the server goes: it takes the scope `read:accounts` for none that lets anybody read."""
        assert Mastodon.oauth is not None
        with closing(Http(site.url, deadline=10)) as line:
            client = Mastodon.register_client(line, redirect_uri(50001))
            assert client is not None
            login = Login(Mastodon.oauth, site.url, client, redirect_uri(50001))
            page = httpx.get(login.url(), trust_env=False).text
            form = {**dict(re.findall(r'name="(\w+)" value="([^"]*)"', page)), "username": "company"}
            moved = httpx.post(f"{site.url}/oauth/authorize", data=form, trust_env=False)
            grant = login.exchange(login.code_in(moved.headers["location"]), line)
        assert grant.missing(Mastodon.oauth.scopes) == []
        headers = {"Authorization": f"Bearer {grant.access_token}"}
        app = httpx.get(f"{site.url}/api/v1/apps/verify_credentials", headers=headers, trust_env=False).json()
        assert (app["name"], app["scopes"]) == ("crosshub", list(Mastodon.oauth.scopes))

    def test_a_mention_elsewhere_is_heard_once(
        self, site: MastodonSite, hub: Command, server: Server, note: Note
    ) -> None:
        assert isinstance(server, Mock)
        one = word()
        ann = PEOPLE[0]
        server.act(ann, "status_post", status=f"@company do you know {one}?")
        hub.until(lambda: self._heard(hub, one), "the mention is there")
        hub.tick()
        assert hub.news() == {"new": 0, "changed": 0, "deleted": 0}
        (mention,) = self._heard(hub, one)
        assert (mention["kind"], mention["author"]["handle"]) == ("mention", ann)
        note.comments += 1

    @staticmethod
    def _heard(hub: Command, one: str) -> list[dict[str, object]]:
        return [mention for mention in hub("inbox")["mentions"] if one in mention["text"]]
