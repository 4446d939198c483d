"""A discussion of two sites, published into a real WordPress, stays in step with what people say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from real.command import Command
from real.doubles import DoubleSite
from real.proxy import FAULTS, FaultProxy
from real.report import Note
from real.site import PEOPLE
from real.story import LATE, word
from real.wordpress import WordPressServer, WordPressSite

from plugins.vk import VK
from plugins.vk.sandbox import VKDouble

ANN, BEN, CID = PEOPLE


class Talk:
    """An article of the blog that is out on VK too, and what is said about it on both."""

    def __init__(self, hub: Command, blog: WordPressSite, club: DoubleSite) -> None:
        self.hub = hub
        self.blog = blog
        self.club = club
        self.word = word()
        body = {
            "title": f"News {self.word}",
            "content": "<p>A new roast is on the shelf.</p>",
            "status": "publish",
        }
        self.article = str(blog.server.call("us", "POST", "/posts", json=body)["id"])
        hub.until(lambda: self._wall() is not None, "VK has the article")
        self.wall = str(self._wall())

    def _wall(self) -> str | None:
        return next((shown.id for shown in self.club.posts() if self.word in shown.text), None)

    def heard(self, *texts: str) -> None:
        """Tick until the hub has these remarks in one discussion."""
        self.hub.until(lambda: set(texts) <= self._texts(), f"the hub has {texts}")

    def _texts(self) -> set[str]:
        found: set[str] = set()
        stack = list(self.hub.tree(self.word))
        while stack:
            one = stack.pop()
            found.add(one["text"])
            stack += one["children"]
        return found

    @property
    def number(self) -> str:
        listed = self.hub("discussions")["discussions"]
        (found,) = [str(one["id"]) for one in listed if one["title"] == f"News {self.word}"]
        return found

    def inbox(self) -> list[str]:
        """Return what the hub says that others said of the article; the site has comments of other tests too."""
        ours = {one["id"] for one in self.hub("discussions")["discussions"] if self.word in one["title"]}
        listed = self.hub("inbox")["mentions"]
        return [one["text"] for one in listed if not one["deleted"] and one["discussion"] in ours]

    def comments(self) -> list[dict[str, Any]]:
        """Return the comments that stand under the article, as the site's editor sees them."""
        query = {"post": self.article, "per_page": 100, "context": "edit", "status": "all"}
        found: list[dict[str, Any]] = self.blog.server.call("admin", "GET", "/comments", params=query)
        return found

    def said(self) -> dict[str, str]:
        """Return the first line of each comment, by the name it bears."""
        return {one["author_name"]: unescape(one["content"]["raw"]).split("\n")[0] for one in self.comments()}

    def page(self) -> str:
        """Return the page that a visitor of the digest's post sees, or nothing before it is there."""
        query = {"search": self.word, "per_page": 100}
        posts = self.blog.server.call("admin", "GET", "/posts", params=query)
        found = [one["content"]["rendered"] for one in posts if "What was said" in one["title"]["rendered"]]
        assert len(found) <= 1, "the digest is there twice"
        return str(found[0]) if found else ""


@pytest.fixture
def club() -> Iterator[DoubleSite]:
    with VKDouble() as double:
        yield DoubleSite(VK, double)


def talk(blog: WordPressSite, club: DoubleSite, folder: Path, url: str = "") -> Talk:
    hub = Command(folder / "hub")
    hub.add("blog", blog.adapter, blog.account(url or blog.url))
    hub.add("club", VK, club.account(club.url))
    hub.append('[routes.news]\nfrom = ["blog"]\nto = ["club"]')
    hub("check")
    hub.tick()
    return Talk(hub, blog, club)


class TestDigest:
    runs = WordPressServer
    plays = WordPressSite

    def test_a_post_and_comments_follow_an_edit_and_a_deletion_at_the_source(
        self, site: WordPressSite, club: DoubleSite, tmp_path: Path, note: Note
    ) -> None:
        told = talk(site, club, tmp_path)
        hub = told.hub
        here = site.comment(ANN, told.article, "Said on the blog itself")
        first = club.comment(ANN, told.wall, "Is it 5 < 6 & “dark”? [gallery]")
        club.comment(BEN, told.wall, "It is, and I like it", answers=first)
        unwise = club.comment(CID, told.wall, "Something unwise")
        told.heard("Said on the blog itself", "It is, and I like it", "Something unwise")

        hub("digest", told.number, "--to", "blog")
        hub("digest", told.number, "--to", "blog", "--as", "comments")
        hub.until(
            lambda: told.page() and len(told.comments()) == 4, "the digest is out, as a post and as comments"
        )
        ann = next(one for one in told.comments() if one["author_name"].startswith("Ann ("))
        ben = next(one for one in told.comments() if one["author_name"].startswith("Ben ("))
        assert (ann["author"], ann["status"], ben["parent"]) == (0, "approved", ann["id"])
        assert ann["author_url"].startswith("https://vk.com/wall")
        assert ann["author_url"] in unescape(ann["content"]["rendered"])
        assert unescape(ann["content"]["raw"]).startswith("Is it 5 < 6 & “dark”? [gallery]")
        page = told.page()
        assert "Is it 5 &lt; 6 &amp; " in page
        # WordPress would have put its images in the place of it.
        assert "[gallery]" in unescape(page)
        assert re.search(r'<cite><a href="https://vk.com/wall[^"]+"[^>]*><bdi>Ann</bdi>', page)
        assert "<bdi>ann</bdi>" in page, "what was said on the blog is in it too"

        club.edit_comment(ANN, first, "Is it seven?")
        club.delete_comment(CID, unwise)
        hub.until(lambda: "Is it seven?" in told.said().values(), "the edit is in the comments")
        hub.until(lambda: "Something unwise" not in told.said().values(), "the deletion is in the comments")
        hub.until(lambda: "Is it seven?" in told.page(), "the edit is in the post")
        hub.until(lambda: "unwise" not in told.page(), "the deletion is in the post")
        assert "edited" in told.page()
        assert "5 &lt; 6" not in told.page()

        before = (told.comments(), told.page(), hub("discussions"), hub("posts"))
        for _ in range(5):
            hub.tick()
            assert hub.news() == {"new": 0, "changed": 0, "deleted": 0}
        assert (told.comments(), told.page(), hub("discussions"), hub("posts")) == before
        assert told._texts() >= {"Said on the blog itself", "Is it seven?", "It is, and I like it"}
        assert sorted(told.inbox()) == ["Is it seven?", "It is, and I like it", "Said on the blog itself"]

        # Somebody of the blog answers Ben's comment there: it stands under what Ben said on VK.
        site.comment(CID, told.article, "So do I", answers=f"{here.rpartition('-')[0]}-{ben['id']}")
        told.heard("So do I")
        hub.tick()
        document = hub("digest", told.number, "--form", "json")["digest"]["text"]
        assert re.search(r"So do I", document)
        assert len(told.comments()) == 4
        hub("digest", told.number, "--to", "blog", "--stop", "--delete")
        hub.until(lambda: not told.page(), "the post is taken away")
        hub.until(lambda: set(told.said()) == {"ann", "cid"}, "our comments are taken away")
        note.posts += 2
        note.comments += 7

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_comment_is_there_once_whatever_becomes_of_the_answer(
        self, site: WordPressSite, proxy: FaultProxy, club: DoubleSite, tmp_path: Path, note: Note, fault: str
    ) -> None:
        """The site takes the comment; its answer is lost, replaced by a 502, or comes too late."""
        told = talk(site, club, tmp_path, proxy.url)
        club.comment(ANN, told.wall, "I agree")
        club.comment(BEN, told.wall, "I agree")
        told.hub.until(lambda: told.inbox() == ["I agree"] * 2, "both are heard")
        proxy.calm()
        proxy.strike(fault, "POST", r"/wp-json/wp/v2/comments$", seconds=LATE)
        told.hub("digest", told.number, "--to", "blog", "--as", "comments")

        def states() -> dict[str, int]:
            (listed,) = told.hub("digests")["digests"]
            found: dict[str, int] = listed["states"]
            return found

        told.hub.until(lambda: states() == {"published": 2}, "both are published")
        (struck,) = proxy.struck()
        assert 200 <= struck["server_said"] < 300
        for _ in range(3):
            told.hub.tick()
        assert sorted(told.said()) == ["Ann (vk.com)", "Ben (vk.com)"]
        assert len(told.comments()) == 2
        assert told.inbox() == ["I agree"] * 2
        note.comments += 2
        note.faults += 1

    def test_a_post_is_there_once_whatever_becomes_of_the_answer(
        self, site: WordPressSite, proxy: FaultProxy, club: DoubleSite, tmp_path: Path, note: Note
    ) -> None:
        """And the route from the blog to VK carries nothing of it."""
        told = talk(site, club, tmp_path, proxy.url)
        club.comment(ANN, told.wall, "Is it “good”? - yes... (really)")
        told.hub.until(told.inbox, "it is heard")
        held = len(club.posts())
        proxy.calm()
        proxy.strike("lost", "POST", r"/wp-json/wp/v2/posts$")
        told.hub("digest", told.number, "--to", "blog")
        told.hub.until(told.page, "the digest is out")
        assert proxy.struck()
        for _ in range(4):
            told.hub.tick()
        assert told.page()
        assert len(club.posts()) == held
        note.posts += 1
        note.faults += 1

    def test_who_may_not_moderate_is_told_so(
        self, site: WordPressSite, club: DoubleSite, tmp_path: Path, note: Note
    ) -> None:
        told = talk(site, club, tmp_path)
        club.comment(ANN, told.wall, "A remark")
        told.heard("A remark")
        account = {**site.account(site.url), "user": "writer", "password": site.server.users["writer"]["password"]}
        other = Command(tmp_path / "hub")
        other.add("blog", site.adapter, account)
        other.add("club", VK, club.account(club.url))
        other.append('[routes.news]\nfrom = ["blog"]\nto = ["club"]')
        other("digest", told.number, "--to", "blog", "--as", "comments")
        other.tick()
        (listed,) = other("digests")["digests"]
        assert listed["states"] == {"failed": 1}
        assert "may moderate" in listed["error"]
        assert not told.comments()
        note.posts += 1
