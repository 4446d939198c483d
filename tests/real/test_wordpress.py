"""The WordPress plugin against WordPress: the story, and what only this network has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from real.command import Command
from real.proxy import FaultProxy
from real.report import Note
from real.serving import until
from real.story import Story, image, word
from real.wordpress import WordPressServer, WordPressSite, number_of

from hub import (
    AuthError,
    DuplicateError,
    GoneError,
    Media,
    Mention,
    Post,
    RejectedError,
    Thread,
    TransientError,
    UnknownOutcome,
)
from hub.testing import open_adapter
from plugins.wordpress import WordPress
from plugins.wordpress.sandbox import WordPressDouble
from plugins.wordpress.sandbox_form import Article


@pytest.fixture
def opened(site: WordPressSite) -> Iterator[Callable[..., WordPress]]:
    """A way to open the account, as another user or with other settings."""
    made: list[WordPress] = []

    def open_one(user: str = "us", deadline: float = 30.0, **changed: Any) -> WordPress:
        password = site.server.users[user]["password"]
        settings = {"api_url": site.url, "user": user, "password": password, **changed}
        made.append(open_adapter(WordPress, settings, deadline=deadline, paced=False))
        return made[-1]

    yield open_one
    for adapter in made:
        adapter.http.close()


def new(blog: WordPress, cursor: str | None) -> tuple[dict[str, Mention], str]:
    """Return the mentions since a cursor, and the new one."""
    batches = list(blog.fetch_mentions(cursor))
    assert batches[-1].cursor is not None
    return {item.remote_id: item for batch in batches for item in batch.items}, batches[-1].cursor


def post(text: str, **more: Any) -> Post:
    return Post(text=text, key=word(), **more)


class TestWordPress(Story):
    """The story on a site with pretty permalinks, as its editor, and then some."""

    runs = WordPressServer
    plays = WordPressSite

    def test_a_lost_post_is_found_by_its_slug_also_under_another_title(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        blog = opened()
        lost = post("Here I am", title=f"Новости: {word()} & «more»")
        made = blog.publish(lost)
        assert blog.publish(lost) == made
        assert blog.find(lost) == made
        assert blog.find(Post(text="changed", title="Another title", key=lost.key)) == made
        assert blog.find(post("Here I am", title=lost.title)) is None
        (item,) = site.server.call("admin", "GET", "/posts", params={"include": made.remote_id})
        assert item["slug"].startswith("novosti-w")
        assert item["link"] == made.url
        note.posts += 1

    def test_an_attempt_that_was_stored_meanwhile_is_adopted(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        """The site is slow: our first attempt is stored after we have looked for it."""
        blog, late = opened(), post(f"{word()} slow")
        first: list[str] = []

        class Slow(WordPress):
            def _slugged(self, **query: Any) -> list[Any]:
                found = super()._slugged(**query)
                if not first:
                    first.append("")
                    first[0] = blog.publish(late).remote_id
                return found

        settings = site.account(site.url)
        slow = open_adapter(Slow, settings, paced=False)
        with pytest.raises(DuplicateError):
            slow.publish(late)
        slow.http.close()
        found = blog.find(late)
        assert found is not None
        assert [found.remote_id] == first
        assert [shown.id for shown in site.posts() if late.text in shown.text] == first
        note.posts += 1

    def test_comments_of_one_second_are_all_read(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        """`after` is exclusive and knows whole seconds; the third comes after the cursor, with its very time."""
        blog = opened()
        under = blog.publish(post(f"{word()} how many?")).remote_id
        _, cursor = new(blog, None)
        now = datetime.now(UTC).replace(microsecond=0).strftime("%Y-%m-%d %H:%M:%S")
        for number in range(3):
            said = site.comment("ann", under, f"The same second, number {number}")
            site.server.do("date", number_of(said), now)
            found, cursor = new(blog, cursor)
            assert said in found
            assert found[said].sent_at == datetime.fromisoformat(now).replace(tzinfo=UTC)
        note.comments += 3

    def test_more_than_a_page_of_comments_is_read_whatever_their_seconds(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        blog = opened()
        under = blog.publish(post(f"{word()} a crowd")).remote_id
        _, cursor = new(blog, None)
        wanted = {site.comment("ben", under, f"One of many, {number}") for number in range(120)}
        found, _ = new(blog, cursor)
        assert wanted <= found.keys()
        *_, whole = blog.fetch_replies(Thread(remote_id=under), None)
        assert whole.complete
        read = {
            item.remote_id for batch in blog.fetch_replies(Thread(remote_id=under), None) for item in batch.items
        }
        assert read == wanted
        note.comments += 120

    def test_answering_too_fast_waits(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        writer = opened("writer")
        under = writer.publish(post(f"{word()} ask me")).remote_id
        asked = [site.comment("ann", under, f"Question {number}?") for number in range(2)]
        mentions = [Mention(remote_id=one, thread_id=under) for one in asked]
        site.server.do("option", "hub_flood", "on")
        try:
            writer.reply(mentions[0], "First answer")
            with pytest.raises(TransientError) as caught:
                opened("writer", deadline=2.0).reply(mentions[1], "Second answer")
            assert caught.value.retry_after == 15
            begun = time.monotonic()
            writer.reply(mentions[1], "Second answer")
            assert 5 < time.monotonic() - begun < 25
        finally:
            site.server.do("option", "hub_flood", "off")
        said = [(one.text, one.answers) for one in site.comments(under) if one.by == "writer"]
        assert sorted(said) == sorted(zip(("First answer", "Second answer"), asked, strict=True))
        note.comments += 4

    def test_a_held_comment_is_a_mention_when_it_is_approved(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        blog, frank, writer = opened(), opened(held=True), opened("writer")
        under = blog.publish(post(f"{word()} moderate me")).remote_id
        (_, ours), (_, open_), (_, theirs) = new(blog, None), new(frank, None), new(writer, None)
        site.server.do("option", "comment_moderation", "1")
        said = site.comment("cid", under, "Buy my watches")
        site.server.do("option", "comment_moderation", "0")
        other = site.comment("ben", under, "I was not held")
        # Longer ago than any overlap: nothing but the cursor's own memory brings it back.
        past = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%d %H:%M:%S")
        found, ours = new(blog, ours)
        assert said not in found
        assert other in found
        assert said in new(frank, open_)[0]
        site.server.do("date", number_of(said), past)
        assert said not in new(blog, ours)[0]
        assert said not in {one.remote_id for one in _whole(blog, under)}
        site.server.call("admin", "POST", f"/comments/{number_of(said)}", json={"status": "approved"})
        found, ours = new(blog, ours)
        assert found[said].text == "Buy my watches"
        assert f'"waiting":[{number_of(said)}]' not in ours
        # Who may not moderate finds it in its thread.
        assert said not in new(writer, theirs)[0]
        assert said in {one.remote_id for one in _whole(writer, under)}
        note.comments += 2

    def test_the_password_is_taken_with_and_without_spaces(
        self, site: WordPressSite, opened: Callable[..., WordPress]
    ) -> None:
        password = site.server.users["us"]["password"]
        assert " " in password
        names = {opened(password=given).check().name for given in (password, password.replace(" ", ""))}
        assert names == {"us"}
        for wrong in ("nonsense", "us-pass"):
            with pytest.raises(AuthError):
                opened(password=wrong).check()
        with pytest.raises(AuthError):
            opened(user="us", password="us-pass").publish(post("with the password of the login page"))

    def test_check_names_the_rights_that_are_missing(self, opened: Callable[..., WordPress]) -> None:
        assert opened().check().missing == []
        assert opened("writer", author=1).check().missing == ["edit_others_posts"]
        assert opened("ann").check().missing == ["edit_posts", "upload_files", "publish_posts"]
        with pytest.raises(AuthError, match="Invalid parameter"):
            opened("ann").publish(post("by a subscriber"))

    def test_a_scheduled_post_appears_when_it_is_due(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        blog, text = opened(), f"{word()} later"
        *_, first = blog.fetch_posts(None)
        # What is due within a minute WordPress publishes at once.
        due = datetime.now(UTC) + timedelta(seconds=63)
        body = {"title": "T", "content": f"<p>{text}</p>", "date_gmt": due.strftime("%Y-%m-%dT%H:%M:%S")}
        made = site.server.call("us", "POST", "/posts", json={**body, "status": "publish"})
        assert made["status"] == "future"
        number = str(made["id"])
        # An editor looks at it again: from now on its time of change is before it is public.
        site.server.call("us", "POST", f"/posts/{number}", json={"title": "Later"})
        *_, second = blog.fetch_posts(first.cursor)
        assert [item.deleted for item in second.items if item.remote_id == number] == [True]
        until(lambda: datetime.now(UTC) > due + timedelta(seconds=1), "it is due", 90)
        site.server.do("cron")
        *_, third = blog.fetch_posts(second.cursor)
        (item,) = [item for item in third.items if item.remote_id == number]
        assert (item.text, item.title, item.deleted) == (text, "Later", False)
        assert item.sent_at == due.replace(microsecond=0)
        note.posts += 1

    def test_a_post_that_is_withdrawn_is_shown_as_deleted(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        blog = opened()
        ids = [blog.publish(post(f"{word()} not for long")).remote_id for _ in range(2)]
        *_, batch = blog.fetch_posts(None)
        assert {item.remote_id for item in batch.items if not item.deleted} >= set(ids)
        site.server.call("us", "POST", f"/posts/{ids[0]}", json={"status": "draft"})
        blog.delete(ids[1])
        blog.delete(ids[1])
        *_, batch = blog.fetch_posts(batch.cursor)
        assert {item.remote_id for item in batch.items if item.deleted} >= set(ids)
        with pytest.raises(GoneError):
            list(blog.fetch_replies(Thread(remote_id=ids[1]), None))
        note.posts += 2

    def test_the_first_image_is_the_featured_one_and_is_uploaded_once(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        blog = opened(categories=["Uncategorized"], comment_status="closed", excerpt=True)
        picture = Media(content=image(), mime="image/png", alt='A "teal" wall & more')
        second = Media(content=image() + b"\0", mime="image/png", alt="Another")
        made = blog.publish(post("In short\n\nAnd at length", title='It\'s "so" - ...', media=(picture, second)))
        blog.edit(made.remote_id, post("In short\n\nAt length", media=(picture, second)))
        (item,) = site.server.call("admin", "GET", "/posts", params={"include": made.remote_id, "_embed": "1"})
        (featured,) = item["_embedded"]["wp:featuredmedia"]
        assert featured["alt_text"] == picture.alt
        assert item["content"]["rendered"].count("<img") == 1
        assert (item["comment_status"], item["categories"]) == ("closed", [1])
        assert "In short" in item["excerpt"]["rendered"]
        assert "length" not in item["excerpt"]["rendered"]
        library = site.server.call("admin", "GET", "/media", params={"search": picture.alt, "per_page": 100})
        assert [one["id"] for one in library] == [featured["id"]]
        *_, batch = blog.fetch_posts(None)
        (shown,) = [item for item in batch.items if item.remote_id == made.remote_id]
        assert [media.alt for media in shown.media] == [picture.alt, "Another"]
        assert (shown.title, shown.text) == ('It\'s "so" – ...', "In short\n\nAt length")
        assert blog.http.fetch(shown.media[0].url).body == picture.content
        with pytest.raises(RejectedError, match="comments are closed"):
            blog.reply(Mention(remote_id=made.remote_id, thread_id=made.remote_id), "No")
        note.posts += 1

    def test_comments_of_other_sites_go_back_under_the_post(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        """What a digest does: a comment of ours under our post, changed later, found again, taken back."""
        blog = opened()
        under = blog.publish(post(f"{word()} said elsewhere"))
        digest = post('Anna on VK: "5 < 6 & more"\nhttps://vk.com/wall-1_2', reply_to=under)
        made = blog.publish(digest)
        assert blog.find(digest) == made
        with pytest.raises(DuplicateError):
            blog.publish(digest)
        (said,) = _whole(blog, under.remote_id)
        assert (said.remote_id, said.text, said.url) == (made.remote_id, digest.text, made.url)
        assert said.author is not None
        assert said.author.remote_id == blog.check().remote_id
        blog.edit(made.remote_id, post("Anna and Ben on VK"))
        assert [one.text for one in _whole(blog, under.remote_id)] == ["Anna and Ben on VK"]
        blog.delete(made.remote_id)
        blog.delete(made.remote_id)
        assert not _whole(blog, under.remote_id)
        note.comments += 1

    def test_an_answer_to_a_comment_in_the_trash_is_refused(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        """WordPress itself would take it."""
        blog = opened()
        under = blog.publish(post(f"{word()} answers")).remote_id
        said = site.comment("ann", under, "Forget it")
        site.delete_comment("ann", said)
        for gone in (said, said.replace(f"-{number_of(said)}", "-99999")):
            with pytest.raises(GoneError):
                blog.reply(Mention(remote_id=gone, thread_id=under), "Too late")
        assert site.comments(under) == []

    def test_a_site_without_pretty_permalinks_is_spoken_to_by_its_query(
        self, site: WordPressSite, opened: Callable[..., WordPress], note: Note
    ) -> None:
        blog = opened(api_url=f"{site.url}/?rest_route=/")
        text = f"{word()} plainly"
        made = blog.publish(post(text))
        blog.edit(made.remote_id, post(f"{text} said"))
        *_, batch = blog.fetch_posts(None)
        assert f"{text} said" in [item.text for item in batch.items]
        blog.delete(made.remote_id)
        assert [shown for shown in site.posts() if text in shown.text] == []
        note.posts += 1

    def test_a_blog_post_is_routed_once(
        self, site: WordPressSite, opened: Callable[..., WordPress], tmp_path: Path, note: Note
    ) -> None:
        """The blog as a source: what an editor writes there goes to another site, once, and its edits follow."""
        with WordPressDouble() as other:
            hub = Command(tmp_path / "hub")
            hub.add("blog", WordPress, site.account(site.url))
            hub.add("copy", WordPress, other.account())
            hub.append('[routes.news]\nfrom = ["blog"]\nto = ["copy"]')
            hub("check")
            hub.tick()
            one = word()

            def copies() -> list[Article]:
                held = [copy for copy in other.held() if isinstance(copy, Article)]
                return [copy for copy in held if one in copy.text]

            body = {"title": f"{one} & more", "content": f"<p>{one} isn't it?</p>", "status": "publish"}
            number = site.server.call("admin", "POST", "/posts", json=body)["id"]
            hub.until(copies, "the copy is there")
            assert f"{one} isn't it?" in copies()[0].text
            site.server.call("admin", "POST", f"/posts/{number}", json={"content": f"<p>{one} it is.</p>"})
            hub.until(lambda: f"{one} it is." in copies()[0].text, "the edit follows")
            for _ in range(3):
                hub.tick()
            assert [copy.title for copy in copies()] == [f"{one} & more"]
            site.server.call("admin", "DELETE", f"/posts/{number}")
            hub.until(lambda: not copies(), "the copy is withdrawn")
        note.posts += 1

    def test_the_site_is_under_a_fault_proxy_and_a_comment_is_there_once(
        self, site: WordPressSite, proxy: FaultProxy, opened: Callable[..., WordPress], note: Note
    ) -> None:
        blog = opened(api_url=proxy.url, deadline=4.0)
        under = opened().publish(post(f"{word()} once"))
        digest = post("Only once", reply_to=under)
        proxy.calm()
        proxy.strike("lost", "POST", r"/comments$")
        with pytest.raises(UnknownOutcome, match="the answer was lost"):
            blog.publish(digest)
        found = blog.find(digest)
        assert found is not None
        assert [number_of(one.id) for one in site.comments(under.remote_id)] == [number_of(found.remote_id)]
        note.faults += 1


def _whole(blog: WordPress, post_id: str) -> list[Mention]:
    return [item for batch in blog.fetch_replies(Thread(remote_id=post_id), None) for item in batch.items]
