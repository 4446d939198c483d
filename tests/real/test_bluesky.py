"""The hub on Bluesky's own servers, and what only these have: record keys, rotating sessions, facets, blocks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from real.bluesky import POST, Agent, BlueskySite, Network, now
from real.command import Command
from real.report import Note
from real.serving import until
from real.story import Story, forest, image, told, word

from hub import Media, Post, UnknownOutcome
from hub.store import Store, migrate
from hub.store.vault import StoreVault
from hub.testing import open_adapter
from plugins.bluesky import Bluesky, wire

REFRESH, CREATE = "com.atproto.server.refreshSession", "com.atproto.server.createSession"
# What the servers of dev-env sign with.
SECRET = b"jwt-secret"


@pytest.fixture
def account(site: BlueskySite) -> Iterator[Bluesky]:
    """Our account, without a hub."""
    opened = open_adapter(Bluesky, site.account(site.url), deadline=20.0, paced=False)
    yield opened
    opened.http.close()


def shown(site: BlueskySite, uri: str) -> dict[str, Any]:
    """Return our post as the AppView shows it."""
    us = site.server.people["us"]
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = us.get("app.bsky.feed.getPosts", uris=uri)["posts"]
        return bool(found)

    until(look, f"the AppView shows {uri}")
    return found[0]


@contextmanager
def blocking(agent: Agent, other: Agent) -> Iterator[None]:
    """Let one person block another for a while."""
    block = agent.write({"subject": other.did}, "app.bsky.graph.block")["uri"]
    until(lambda: "blocking" in agent.get("app.bsky.actor.getProfile", actor=other.did)["viewer"], "it is known")
    try:
        yield
    finally:
        agent.remove(block)


def hides(agent: Agent, post: str, word: str) -> bool:
    """Tell whether a thread shows nothing with this word to somebody, though it stands there."""
    return f'"text":"{word}' not in json.dumps(
        agent.get("app.bsky.feed.getPostThread", uri=post, depth=100), separators=(",", ":")
    )


class TestBluesky(Story):
    runs = Network
    plays = BlueskySite

    def test_a_key_that_is_taken_is_answered_with_an_error_that_says_nothing(
        self, site: BlueskySite, account: Bluesky, note: Note
    ) -> None:
        """This is why the plugin looks first; should the server ever say more, the plugin may say it too."""
        receipt = account.publish(Post(text=f"{word()} once", key=word()))
        us = site.server.people["us"]
        repo, key = wire.parts(receipt.remote_id)
        record = {"$type": POST, "text": "twice", "createdAt": now()}
        body = {"repo": repo, "collection": POST, "rkey": key, "record": record}
        answer = httpx.post(
            f"{site.url}/xrpc/com.atproto.repo.createRecord", json=body, headers=us._proof, trust_env=False
        )
        assert (answer.status_code, answer.json()["error"]) == (500, "InternalServerError")
        note.posts += 1

    def test_one_key_is_one_post(self, site: BlueskySite, account: Bluesky, note: Note) -> None:
        one = word()
        post = Post(text=f"{one} once", key=one)
        first = account.publish(post)
        assert account.publish(post) == account.find(post) == first
        with pytest.raises(UnknownOutcome):
            account._create(wire.tid(one), wire.NewPost("twice", now()))
        assert [each.id for each in site.posts() if one in each.text] == [first.remote_id]
        account.delete(first.remote_id)
        account.delete(first.remote_id)
        assert account.find(post) is None
        note.posts += 1

    def test_two_processes_refresh_an_expired_session_once(
        self, site: BlueskySite, tmp_path: Path, note: Note
    ) -> None:
        url, settings = f"sqlite:///{tmp_path}/hub.db", site.account(site.url)
        store = Store.open(url)
        migrate.upgrade(store)
        call_in_process(url, settings)
        vault = StoreVault(store, "ours", lambda: b"k" * 32)
        kept = json.loads(vault.read("bluesky/ours") or "")
        vault.write("bluesky/ours", json.dumps({**kept, "access": expired(kept["access"])}))
        before = {name: site.server.calls(name) for name in (REFRESH, CREATE)}
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=call_in_process, args=(url, settings)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0]
        assert site.server.calls(REFRESH) == before[REFRESH] + 1
        assert site.server.calls(CREATE) == before[CREATE]
        fresh = json.loads(vault.read("bluesky/ours") or "")
        assert fresh["refresh"] != kept["refresh"]
        store.close()

    def test_an_image_is_shown_with_description_and_proportions(
        self, site: BlueskySite, account: Bluesky, note: Note
    ) -> None:
        picture = Media(content=image(), mime="image/png", alt="Стена «teal»")
        receipt = account.publish(Post(text=word(), media=(picture,), key=word()))
        (found,) = shown(site, receipt.remote_id)["embed"]["images"]
        assert (found["alt"], found["aspectRatio"]) == ("Стена «teal»", {"width": 64, "height": 48})
        items = [each for batch in account.fetch_posts(None) for each in batch.items]
        (item,) = [each for each in items if each.remote_id == receipt.remote_id]
        assert [(media.url, media.alt) for media in item.media] == [(found["fullsize"], "Стена «teal»")]
        note.posts += 1

    def test_facets_are_taken_and_a_mention_is_told(self, site: BlueskySite, account: Bluesky, note: Note) -> None:
        one, ann = word(), site.server.people["ann"]
        text = f"👩‍👩‍👧 {one} @{ann.handle} @nobody-at-all.test #ёлка example.org/ü, httpbin.org http:///x"
        receipt = account.publish(Post(text=text, key=one))
        facets = shown(site, receipt.remote_id)["record"]["facets"]
        found = {
            text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(): {
                key: value for key, value in facet["features"][0].items() if key != "$type"
            }
            for facet in facets
        }
        assert found == {
            f"@{ann.handle}": {"did": ann.did},
            "#ёлка": {"tag": "ёлка"},
            "example.org/ü": {"uri": "https://example.org/ü"},
            "httpbin.org": {"uri": "https://httpbin.org"},
        }

        def is_told() -> bool:
            told_of = ann.get("app.bsky.notification.listNotifications")["notifications"]
            return (receipt.remote_id, "mention") in {(each["uri"], each["reason"]) for each in told_of}

        until(is_told, "ann is told that she is mentioned")
        note.posts += 1

    def test_the_parts_of_a_long_text_are_one_thread(self, site: BlueskySite, hub: Command, note: Note) -> None:
        text = " ".join([word(), *(f"предложение номер {number}." for number in range(60))])
        ids = hub.published(hub.post(text, "ours"))
        assert len(ids) > 2
        until(lambda: len(site.comments(ids[0])) == len(ids) - 1, "the AppView shows one thread")
        references = [shown(site, each)["record"]["reply"] for each in ids[1:]]
        assert {each["root"]["uri"] for each in references} == {ids[0]}
        assert [each["parent"]["uri"] for each in references] == ids[:-1]
        note.posts += len(ids)

    def test_what_people_say_elsewhere_comes_as_a_mention(
        self, site: BlueskySite, hub: Command, account: Bluesky, note: Note
    ) -> None:
        one, us, ben = word(), site.server.people["us"], site.server.people["ben"]
        facet = {
            "index": {"byteStart": 0, "byteEnd": len(us.handle) + 1},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": us.did}],
        }
        said = ben.write({"text": f"@{us.handle} {one}", "facets": [facet]})
        hub.until(
            lambda: said["uri"] in {each["remote_id"] for each in hub("inbox")["mentions"]}, "the mention is there"
        )
        found = [each for batch in account.search(one, None) for each in batch.items]
        assert [each.remote_id for each in found] == [said["uri"]]
        note.comments += 1

    def test_a_block_hides_and_deletes_nothing_else(self, site: BlueskySite, hub: Command, note: Note) -> None:
        one, people = word(), site.server.people
        (post,) = hub.published(hub.post(f"{one} what do you think?", "ours"))
        first = site.comment("ann", post, "I like it")
        boo = site.comment("cid", post, "boo")
        site.comment("ben", post, "boo yourself", answers=boo)
        site.comment("cid", post, "boo again", answers=first)
        until(lambda: len(site.comments(post)) == 4, "the network shows four comments")
        expected = {(text, above) for _, text, above in forest(site, post)}
        hub.until(lambda: set(told(hub.tree(one))) == expected, f"the hub has {expected}")
        with blocking(people["us"], people["cid"]):
            until(lambda: hides(people["us"], post, "boo"), "the network hides three of them")
            for _ in range(4):
                hub.tick()
                assert hub.news()["deleted"] == 0
            assert set(told(hub.tree(one))) == expected
            site.delete_comment("cid", boo)
            hub.until(lambda: "boo" not in self._texts(hub, one), "what was deleted behind a block is gone")
            assert {"I like it", "boo yourself", "boo again"} <= set(self._texts(hub, one))
        note.comments += 4


def call_in_process(url: str, settings: dict[str, Any]) -> None:
    """Open the account on a store that others use too, and call."""
    store = Store.open(url)
    vault: Any = StoreVault(store, "ours", lambda: b"k" * 32)
    account = open_adapter(Bluesky, settings, account="ours", vault=vault, deadline=20.0, paced=False)
    account.check()
    account.http.close()
    store.close()


def expired(token: str) -> str:
    """Return the token as it will be when its two hours are over."""
    head, body, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims |= {"iat": claims["iat"] - 100_000, "exp": claims["exp"] - 100_000}
    signed = f"{head}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.digest(SECRET, signed.encode(), hashlib.sha256))}"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
