"""Bluesky's own ways: sessions, record keys, link cards, facets, threads with holes, answers."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hub import AuthError, GoneError, Media, Mention, Post, RejectedError, Thread, TransientError, UnknownOutcome
from hub.publishing.text import fit
from hub.store import Store, migrate
from hub.store.vault import StoreVault
from hub.testing import MemoryVault, Reply, Request, faults, open_adapter
from plugins.bluesky import Bluesky
from plugins.bluesky.sandbox import PASSWORD, BlueskyDouble
from plugins.bluesky.sandbox_form import at_uri, xrpc_error
from plugins.bluesky.wire import tid

CREATE, REFRESH = "com.atproto.server.createSession", "com.atproto.server.refreshSession"
Open = Callable[..., Bluesky]


def named(*names: str) -> Callable[[Request], bool]:
    return lambda request: request.path.removeprefix("/xrpc/") in names


def count(network: BlueskyDouble, *names: str) -> int:
    return sum(map(named(*names), network.calls))


def png(width: int = 64, height: int = 48) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def sideways() -> bytes:
    """Return a photograph of 48 by 64 that its file holds lying on its side."""
    buffer = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48), "teal").save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.fixture
def network() -> Iterator[BlueskyDouble]:
    with BlueskyDouble() as running:
        yield running


@pytest.fixture
def opened(network: BlueskyDouble) -> Iterator[Open]:
    accounts: list[Bluesky] = []

    def open_one(vault: Any = None, deadline: float = 5.0, **changed: Any) -> Bluesky:
        settings = {**network.account(), **changed}
        accounts.append(open_adapter(Bluesky, settings, vault=vault, deadline=deadline, paced=False))
        return accounts[-1]

    yield open_one
    for account in accounts:
        account.http.close()


@pytest.fixture
def bluesky(opened: Open) -> Bluesky:
    return opened()


def record_of(network: BlueskyDouble, remote_id: str) -> dict[str, Any]:
    return network.records[remote_id]


def replies(bluesky: Bluesky, remote_id: str, *known: str) -> tuple[dict[str, Mention], bool]:
    batches = list(bluesky.fetch_replies(Thread(remote_id=remote_id, known=known), None))
    return {item.remote_id: item for batch in batches for item in batch.items}, batches[-1].complete


class TestSessions:
    def test_one_session_serves_every_opening(self, network: BlueskyDouble, opened: Open) -> None:
        vault = MemoryVault()
        for _ in range(3):
            opened(vault).check()
        assert (network.logins, network.refreshes) == (1, 0)

    def test_an_access_token_that_is_over_is_refreshed_and_the_call_made_again(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        bluesky.check()
        network.expire()
        bluesky.publish(Post(text="Hello", key="1"))
        assert (network.logins, network.refreshes, len(network.held())) == (1, 1, 1)

    def test_a_write_refused_with_an_expired_token_is_made_once(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        bluesky.check()
        network.inject(
            faults.answered(xrpc_error("ExpiredToken", "Token has expired")),
            named("com.atproto.repo.createRecord"),
        )
        bluesky.publish(Post(text="Hello", key="1"))
        assert (network.refreshes, len(network.held())) == (1, 1)

    def test_each_refresh_token_is_used_once(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        for _ in range(4):
            bluesky.check()
            network.expire()
        used = [call.headers["authorization"] for call in network.calls if named(REFRESH)(call)]
        assert len(used) == len(set(used)) == 3

    def test_a_session_that_cannot_be_refreshed_is_begun_anew(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        bluesky.check()
        network.revoke()
        bluesky.check()
        assert (network.logins, network.refreshes) == (2, 0)

    def test_a_lost_answer_to_a_refresh_costs_no_login_where_the_old_token_lives_on(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        network.grace = True
        bluesky.check()
        network.expire()
        network.inject(faults.LOST, named(REFRESH))
        bluesky.check()
        assert (network.logins, network.refreshes) == (1, 2)

    def test_a_lost_answer_to_a_refresh_is_mended_by_a_login_where_it_does_not(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        bluesky.check()
        network.expire()
        network.inject(faults.LOST, named(REFRESH))
        bluesky.check()
        assert (network.logins, network.refreshes) == (2, 1)

    def test_a_server_in_trouble_costs_neither_session_nor_login(
        self, network: BlueskyDouble, opened: Open
    ) -> None:
        vault = MemoryVault()
        opened(vault).check()
        kept = dict(vault.secrets)
        network.expire()
        network.inject(faults.server_error(502), named(REFRESH), times=50)
        with pytest.raises(TransientError):
            opened(vault, deadline=0.3).check()
        network.calm()
        assert (vault.secrets, network.logins) == (kept, 1)
        opened(vault).check()
        assert network.logins == 1

    def test_a_wrong_password_is_an_auth_error_that_says_what_mends_it(self, opened: Open) -> None:
        with pytest.raises(AuthError, match="Invalid identifier or password") as caught:
            opened(password="wrong-word").check()
        assert "app password" in caught.value.hint

    def test_another_password_in_the_settings_begins_another_session(
        self, network: BlueskyDouble, opened: Open
    ) -> None:
        vault = MemoryVault()
        opened(vault).check()
        with pytest.raises(AuthError):
            opened(vault, password="wrong-word").check()
        opened(vault).check()
        assert count(network, CREATE) == 2

    def test_a_session_that_somebody_refreshed_after_our_refusal_is_taken_over(
        self, network: BlueskyDouble, opened: Open
    ) -> None:
        vault = MemoryVault()
        ours, other = opened(vault), opened(vault)
        ours.check()
        network.expire()
        refused = ours.sign("GET", network.url)
        other.check()
        ours._session.renew()
        assert ours.sign("GET", network.url) == other.sign("GET", network.url) != refused
        assert network.refreshes == 1

    def test_two_processes_refresh_a_session_once(self, network: BlueskyDouble, tmp_path: Path) -> None:
        url = store_at(tmp_path)
        work_in_process(url, network.account(), 1)
        assert network.logins == 1
        network.expire()
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=work_in_process, args=(url, network.account(), 3)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0]
        assert (network.logins, network.refreshes) == (1, 1)

    def test_two_processes_begin_one_session(self, network: BlueskyDouble, tmp_path: Path) -> None:
        url = store_at(tmp_path)
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=work_in_process, args=(url, network.account(), 1)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0]
        assert network.logins == 1


def store_at(folder: Path) -> str:
    """Make an empty store; return its address."""
    url = f"sqlite:///{folder}/hub.db"
    store = Store.open(url)
    migrate.upgrade(store)
    store.close()
    return url


def work_in_process(url: str, settings: dict[str, Any], times: int) -> None:
    """Open the account on a store that others use too, and call so many times."""
    store = Store.open(url)
    vault: Any = StoreVault(store, "ours", lambda: b"k" * 32)
    account = open_adapter(Bluesky, settings, account="ours", vault=vault, paced=False)
    for _ in range(times):
        account.check()
    account.http.close()
    store.close()


class TestPublishing:
    def test_the_record_key_is_made_of_the_posts_key(self, bluesky: Bluesky) -> None:
        receipt = bluesky.publish(Post(text="Hello", key="one"))
        assert receipt.remote_id == at_uri(BlueskyDouble.us.id, tid("one"))
        assert receipt.url == f"https://bsky.app/profile/{BlueskyDouble.us.id}/post/{tid('one')}"

    def test_a_key_that_is_taken_is_looked_at_and_not_written(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        first = bluesky.publish(Post(text="Hello", key="one"))
        assert bluesky.publish(Post(text="Hello", key="one")) == first
        assert count(network, "com.atproto.repo.createRecord") == 1

    def test_a_key_that_is_taken_meanwhile_is_an_unknown_outcome_that_is_found(
        self, network: BlueskyDouble, bluesky: Bluesky, opened: Open
    ) -> None:
        """The server says HTTP 500, which might be anything."""
        post, done = Post(text="Hello", key="one"), []

        def publish_first(request: Request) -> None:
            if not done and named("com.atproto.repo.getRecord")(request):
                done.append(True)
                done.append(opened().publish(post))

        bluesky.check()
        network.after = publish_first
        with pytest.raises(UnknownOutcome):
            bluesky.publish(post)
        assert bluesky.find(post) == done[1]
        assert len(network.held()) == 1

    def test_a_link_becomes_a_card(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        post = Post(text="Our news\n\nRead on", link="https://example.org/a?b=1", key="1")
        record = record_of(network, bluesky.publish(post).remote_id)
        assert record["embed"] == {
            "$type": "app.bsky.embed.external",
            "external": {"uri": "https://example.org/a?b=1", "title": "Our news", "description": ""},
        }
        assert (record["text"], "facets" in record) == ("Our news\n\nRead on", False)

    @pytest.mark.parametrize(
        ("post", "title"),
        [
            (Post(title="A title", text="Text", link="https://example.org/a"), "A title"),
            (Post(text="Only one line", link="https://example.org/a"), "example.org"),
            (Post(link="https://example.org/a"), "example.org"),
        ],
    )
    def test_a_card_has_a_title(self, network: BlueskyDouble, bluesky: Bluesky, post: Post, title: str) -> None:
        record = record_of(network, bluesky.publish(post).remote_id)
        assert record["embed"]["external"]["title"] == title

    def test_beside_images_the_link_goes_into_the_text(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        assert bluesky.limits().link == "field"
        assert bluesky.limits().link_with_media == "text"
        picture = Media(content=png(), mime="image/png", alt="A wall")
        link = "https://example.org/a/long/way?b=1"
        (post,) = fit(Post(text="Ünï", link=link, media=(picture,), key="1"), bluesky.limits(), overflow="shorten")
        record = record_of(network, bluesky.publish(post).remote_id)
        assert record["text"] == f"Ünï\n\n{link}"
        assert record["facets"] == [link_facet(7, 7 + len(link), link)]
        assert record["embed"]["$type"] == "app.bsky.embed.images"

    @pytest.mark.parametrize(
        ("content", "ratio"),
        [
            (png(64, 48), {"width": 64, "height": 48}),
            (sideways(), {"width": 48, "height": 64}),
            (b"\x89PNG", None),
        ],
        ids=["upright", "sideways", "unreadable"],
    )
    def test_an_image_goes_with_its_description_and_proportions(
        self, network: BlueskyDouble, bluesky: Bluesky, content: bytes, ratio: dict[str, int] | None
    ) -> None:
        picture = Media(content=content, mime="image/png", alt="Дом «на горке»")
        record = record_of(network, bluesky.publish(Post(media=(picture,), key="1")).remote_id)
        (image,) = record["embed"]["images"]
        assert (image["alt"], image.get("aspectRatio")) == ("Дом «на горке»", ratio)
        (upload,) = [call for call in network.calls if named("com.atproto.repo.uploadBlob")(call)]
        assert (upload.body, upload.content_type) == (content, "image/png")

    def test_an_image_without_a_description_says_so(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        picture = Media(content=png(), mime="image/png")
        record = record_of(network, bluesky.publish(Post(media=(picture,), key="1")).remote_id)
        assert record["embed"]["images"][0]["alt"] == ""

    def test_the_cap_on_images_is_the_servers(self, network: BlueskyDouble, opened: Open) -> None:
        network.image_bytes = 1_000_000
        assert opened(image_bytes=1_000_000).limits().media_bytes == 1_000_000
        assert opened().limits().media_bytes == 2_000_000
        picture = Media(content=b"x" * 1_000_001, mime="image/png")
        with pytest.raises(RejectedError, match="too big"):
            opened().publish(Post(media=(picture,), key="1"))

    def test_languages_are_said(self, network: BlueskyDouble, opened: Open) -> None:
        receipt = opened(langs=["en", "ru"]).publish(Post(text="Hello", key="1"))
        assert record_of(network, receipt.remote_id)["langs"] == ["en", "ru"]

    def test_links_mentions_and_tags_are_facets_in_bytes(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        anna = network.add_person("Anna", "anna")
        text = "👩‍👩‍👧 @anna.test and @nobody.test: #ёлка https://example.org/ü."
        record = record_of(network, bluesky.publish(Post(text=text, key="1")).remote_id)
        found = {
            text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(): facet["features"]
            for facet in record["facets"]
        }
        assert found == {
            "@anna.test": [{"$type": "app.bsky.richtext.facet#mention", "did": anna.id}],
            "#ёлка": [{"$type": "app.bsky.richtext.facet#tag", "tag": "ёлка"}],
            "https://example.org/ü": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://example.org/ü"}],
        }

    def test_trouble_with_a_mention_publishes_nothing(self, network: BlueskyDouble, opened: Open) -> None:
        network.inject(faults.server_error(502), named("com.atproto.identity.resolveHandle"), times=50)
        with pytest.raises(TransientError):
            opened(deadline=0.3).publish(Post(text="@anna.test", key="1"))
        assert not network.held()

    def test_a_part_of_a_thread_names_root_and_parent(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        first = bluesky.publish(Post(text="One", key="1"))
        second = bluesky.publish(Post(text="Two", key="1.1", reply_to=first))
        third = bluesky.publish(Post(text="Three", key="1.2", reply_to=second))
        reply = record_of(network, third.remote_id)["reply"]
        assert (reply["root"]["uri"], reply["parent"]["uri"]) == (first.remote_id, second.remote_id)

    def test_an_edit_keeps_when_and_under_what_a_post_was_made(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        first = bluesky.publish(Post(text="One", key="1"))
        second = bluesky.publish(Post(text="Two", key="1.1", reply_to=first))
        before = record_of(network, second.remote_id)
        assert bluesky.edit(second.remote_id, Post(text="Two!")) == second
        assert record_of(network, second.remote_id) == {**before, "text": "Two!"}

    def test_an_edit_brings_back_nothing_that_was_deleted_meanwhile(
        self, network: BlueskyDouble, bluesky: Bluesky, opened: Open
    ) -> None:
        receipt = bluesky.publish(Post(text="One", key="1"))
        other = opened()
        other.check()

        def delete(request: Request) -> None:
            if named("com.atproto.repo.getRecord")(request):
                network.after = None
                other.delete(receipt.remote_id)

        network.after = delete
        with pytest.raises(TransientError):
            bluesky.http.deadline = 0.3
            bluesky.edit(receipt.remote_id, Post(text="Two"))
        assert not network.held()
        assert bluesky.edit(receipt.remote_id, Post(text="Two")) == receipt
        assert not network.held()


def link_facet(first: int, end: int, uri: str) -> dict[str, Any]:
    feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    return {"index": {"byteStart": first, "byteEnd": end}, "features": [feature]}


class TestThreads:
    def test_a_block_hides_its_own_branch_and_nothing_else(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        """Our block leaves out an answer to us without a word, and shows an answer to others as a block."""
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        anna, troll = network.add_person("Anna", "anna"), network.add_person("Troll", "troll")
        before, boo = network.say(anna, post, "before"), network.say(troll, post, "boo")
        below, hiss = network.say(anna, post, "below", boo), network.say(troll, post, "hiss", before)
        after = network.say(anna, post, "after", before)
        network.blocked.add(troll.id)
        found, complete = replies(bluesky, post)
        assert (set(found), complete) == ({before, after}, False)
        network.blocked.clear()
        assert set(replies(bluesky, post)[0]) == {before, boo, below, hiss, after}

    def test_a_thread_with_an_answer_that_is_left_out_is_not_complete(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        """Nothing but the count of answers tells that there is one."""
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        troll = network.add_person("Troll", "troll")
        network.say(troll, post, "boo")
        assert replies(bluesky, post)[1]
        network.blocked.add(troll.id)
        assert replies(bluesky, post) == ({}, False)

    @pytest.mark.parametrize("hidden", [True, False], ids=["blocked", "deleted"])
    def test_what_a_block_hides_is_not_deleted(
        self, network: BlueskyDouble, bluesky: Bluesky, hidden: bool
    ) -> None:
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        troll = network.add_person("Troll", "troll")
        boo = network.say(troll, post, "boo")
        network.blocked.add(troll.id)
        if not hidden:
            network.delete_remark(boo)
        found, complete = replies(bluesky, post, boo)
        assert (list(found), complete) == (([], False) if hidden else ([boo], True))
        assert all(item.deleted for item in found.values())

    def test_a_node_that_is_not_found_takes_nothing_along(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        """It may be gone or hidden: the network uses it for both."""
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        anna = network.add_person("Anna", "anna")
        one, two, three = (network.say(anna, post, text) for text in ("one", "two", "three"))
        network.missing.add(two)
        found, complete = replies(bluesky, post)
        assert (set(found), complete) == ({one, three}, False)

    def test_an_answer_to_a_deleted_answer_stands_where_it_stood(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        """No thread shows it any more, and it is there."""
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        anna = network.add_person("Anna", "anna")
        top = network.say(anna, post, "top")
        below = network.say(anna, post, "below", top)
        network.delete_remark(top)
        assert set(replies(bluesky, post)[0]) == set()
        found, complete = replies(bluesky, post, below)
        assert (found[below].parent_id, found[below].thread_id, complete) == (top, post, True)
        assert replies(bluesky, post, top)[0][top].deleted

    def test_a_thread_deeper_than_one_call_reaches_is_read_to_its_end(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        anna = network.add_person("Anna", "anna")
        chain = [network.say(anna, post, "0")]
        for number in range(1, 150):
            chain.append(network.say(anna, post, str(number), chain[-1]))
        found, complete = replies(bluesky, post)
        assert (set(found), complete) == (set(chain), True)
        assert [found[each].parent_id for each in chain] == [None, *chain[:-1]]

    def test_a_branch_that_goes_while_it_is_read_takes_nothing_along(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        anna = network.add_person("Anna", "anna")
        chain = [network.say(anna, post, "0")]
        for number in range(1, 80):
            chain.append(network.say(anna, post, str(number), chain[-1]))
        gone = faults.answered(xrpc_error("NotFound", "Post not found: at://x"))
        network.inject_sequence([None, gone], named("app.bsky.feed.getPostThread"))
        found, complete = replies(bluesky, post)
        assert (set(found), complete) == (set(chain[:60]), False)

    def test_a_thread_that_a_block_hides_is_not_gone(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        anna = network.add_person("Anna", "anna")
        theirs = network.mention(anna, "@company.test hello")
        network.blocked.add(anna.id)
        with pytest.raises(RejectedError, match="block") as caught:
            replies(bluesky, theirs)
        assert not isinstance(caught.value, GoneError)

    def test_a_thread_watched_by_its_handle_is_whole(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        """The hub knows the thread by the name that it was given."""
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        anna = network.add_person("Anna", "anna")
        said = network.say(anna, post, "one")
        named_so = at_uri("company.test", tid("1"))
        page = {"thread": {"$type": "app.bsky.feed.defs#threadViewPost", **thread_of(network, bluesky, post)}}
        network.inject(faults.answered(Reply(page)), named("app.bsky.feed.getPostThread"))
        found, _ = replies(bluesky, named_so)
        assert (found[said].thread_id, found[said].parent_id) == (named_so, None)


def thread_of(network: BlueskyDouble, bluesky: Bluesky, uri: str) -> dict[str, Any]:
    answer = bluesky._call("GET", "app.bsky.feed.getPostThread", params={"uri": uri})
    found: dict[str, Any] = answer.json()["thread"]
    return found


class TestReading:
    def test_reposts_are_not_ours(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        ours = bluesky.publish(Post(text="Ours", key="1"))
        anna = network.add_person("Anna", "anna")
        theirs = network.mention(anna, "@company.test look")
        page = bluesky._call("GET", "app.bsky.feed.getAuthorFeed", params={"actor": network.us.id}).json()
        view = thread_of(network, bluesky, theirs)["post"]
        reason = {"$type": "app.bsky.feed.defs#reasonRepost", "by": view["author"], "indexedAt": view["indexedAt"]}
        page["feed"].insert(0, {"post": view, "reason": reason})
        network.inject(faults.answered(Reply(page)), named("app.bsky.feed.getAuthorFeed"))
        items = [item for batch in bluesky.fetch_posts(None) for item in batch.items]
        assert [item.remote_id for item in items] == [ours.remote_id]

    def test_notifications_are_asked_for_by_reason(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        list(bluesky.fetch_mentions(None))
        assert network.calls[-1].query["reasons"] == "quote"

    def test_a_search_leaves_out_what_we_say_ourselves(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        bluesky.publish(Post(text="tea time", key="1"))
        theirs = network.mention(network.add_person("Anna", "anna"), "tea is better")
        items = [item for batch in bluesky.search("tea", None) for item in batch.items]
        assert [item.remote_id for item in items] == [theirs]

    def test_what_is_backdated_is_not_lost_behind_the_cursor(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        """A client's clock may be slow, and lists go by it: the news stands on the second page."""
        anna, now = network.add_person("Anna", "anna"), datetime.now(UTC)
        for number in range(150):
            network.mention(anna, f"@company.test {number}", now - timedelta(minutes=10))
        network.mention(anna, "@company.test now", now)
        cursor = list(bluesky.fetch_mentions(None))[-1].cursor
        late = network.mention(anna, "@company.test slow", now - timedelta(minutes=50))
        items = [item.remote_id for batch in bluesky.fetch_mentions(cursor) for item in batch.items]
        assert late in items

    def test_a_read_that_breaks_off_goes_on_where_the_last_whole_one_ended(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        """The newest come first: what stands behind them is older than the overlap."""
        anna, now = network.add_person("Anna", "anna"), datetime.now(UTC)
        network.mention(anna, "@company.test first", now - timedelta(hours=5))
        cursor = list(bluesky.fetch_mentions(None))[-1].cursor
        hours = [3] * 200 + [0] * 100
        wanted = {network.mention(anna, "@company.test more", now - timedelta(hours=each)) for each in hours}
        network.inject_sequence([None, faults.too_many("3600")], named("app.bsky.notification.listNotifications"))
        found: set[str] = set()
        with pytest.raises(TransientError):
            for batch in bluesky.fetch_mentions(cursor):
                cursor = batch.cursor
                found |= {item.remote_id for item in batch.items}
        assert len(found) == 100
        found |= {item.remote_id for batch in bluesky.fetch_mentions(cursor) for item in batch.items}
        assert wanted <= found


class TestAnswers:
    def test_an_answer_names_root_and_parent(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        post = bluesky.publish(Post(text="?", key="1")).remote_id
        anna = network.add_person("Anna", "anna")
        top = network.say(anna, post, "top")
        below = network.say(anna, post, "below", top)
        receipt = bluesky.reply(Mention(remote_id=below, thread_id=post), "Thanks")
        reply = record_of(network, receipt.remote_id)["reply"]
        assert (reply["root"]["uri"], reply["parent"]["uri"]) == (post, below)

    def test_an_answer_to_a_mention_is_rooted_in_it(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        theirs = network.mention(network.add_person("Anna", "anna"), "@company.test hello")
        receipt = bluesky.reply(Mention(remote_id=theirs, thread_id=theirs), "Thanks")
        reply = record_of(network, receipt.remote_id)["reply"]
        assert reply["root"] == reply["parent"] == {"uri": theirs, "cid": reply["root"]["cid"]}

    def test_the_same_answer_is_there_once_however_often_it_is_sent(
        self, network: BlueskyDouble, bluesky: Bluesky
    ) -> None:
        theirs = network.mention(network.add_person("Anna", "anna"), "@company.test hello")
        asked = Mention(remote_id=theirs, thread_id=theirs)
        network.inject(faults.LOST, named("com.atproto.repo.createRecord"))
        with pytest.raises(UnknownOutcome):
            bluesky.reply(asked, "Thanks")
        bluesky.reply(asked, "Thanks")
        ours = [one for one in network.shown_remarks() if one.person.id == network.us.id]
        assert len(ours) == 1


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "remote_id"),
        [
            ("https://bsky.app/profile/did:plc:abc/post/3kabc", "at://did:plc:abc/app.bsky.feed.post/3kabc"),
            (
                "https://bsky.app/profile/did%3Aplc%3Aabc/post/3kabc?x=1",
                "at://did:plc:abc/app.bsky.feed.post/3kabc",
            ),
            ("https://bsky.app/profile/anna.test/post/3kabc/", "at://anna.test/app.bsky.feed.post/3kabc"),
            ("https://bsky.app/profile/anna.test", None),
            ("https://bsky.app.example.org/profile/anna.test/post/3kabc", None),
            ("https://evil.example/bsky.app/profile/anna.test/post/3kabc", None),
            ("https://bsky.app/profile/anna.test/post/3kabc/liked-by", None),
            ("nonsense", None),
        ],
    )
    def test_a_post_is_read_from_its_address(self, bluesky: Bluesky, url: str, remote_id: str | None) -> None:
        assert bluesky.remote_id_of(url) == remote_id

    def test_our_own_handle_is_our_did(self, network: BlueskyDouble, bluesky: Bluesky) -> None:
        receipt = bluesky.publish(Post(text="Hello", key="1"))
        url = receipt.url.replace(network.us.id, "Company.test")
        calls = len(network.calls)
        assert bluesky.remote_id_of(url) == receipt.remote_id == bluesky.remote_id_of(receipt.url)
        assert len(network.calls) == calls

    def test_two_accounts_with_one_identifier_are_one_page(self) -> None:
        pages = {
            Bluesky.page(Bluesky.Settings(identifier=name, password=PASSWORD))
            for name in ("company.test", "@Company.Test")
        }
        assert pages == {"company.test"}
