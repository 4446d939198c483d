"""The story of the demo on one real network, with that network's own clients acting the people."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from PIL import Image
from real.command import Command
from real.proxy import FAULTS, FaultProxy
from real.report import Note
from real.serving import Server, until
from real.site import PEOPLE, Said, Shown, Site

# What a server may lack, by name, in `Site.lacks`.
STEPS = ("link", "image", "alt", "long", "comments", "comment edits", "comment deletes", "reply", "edit", "delete")
ANN, BEN, CID = PEOPLE
# A late answer comes when the hub's deadline for a call (4 s) is over.
LATE = 6.0


def image() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def word() -> str:
    """Make a word that no other post has."""
    return f"w{uuid4().hex[:10]}"


def forest(site: Site, post: str) -> set[tuple[str, str, str | None]]:
    """Return who said what in answer to which text, as the network has it."""
    said = {one.id: one for one in site.comments(post)}
    return {(one.by, one.text, said[one.answers].text if one.answers else None) for one in said.values()}


def told(mentions: list[dict[str, Any]], above: str | None = None) -> list[tuple[str, str | None]]:
    """Return what the hub has of it: text, and the text it answers."""
    found = []
    for one in mentions:
        if not one["deleted"]:
            found.append((one["text"], above))
        found += told(one["children"], one["text"])
    return found


class Story:
    """Made for each network: a subclass names the server that it `runs`, and who `plays` the people there."""

    runs: ClassVar[type[Server]]
    plays: ClassVar[type[Site]]

    @pytest.fixture
    def hub(self, site: Site, tmp_path: Path) -> Command:
        """A fresh hub with our account, which knows nothing yet."""
        hub = Command(tmp_path / "hub")
        hub.add("ours", site.adapter, site.account(site.url), overflow="thread")
        hub("check")
        hub.tick()
        return hub

    def test_a_text_is_published(self, site: Site, hub: Command, note: Note) -> None:
        text = f"{word()} says: «Привет, мир» & <good> morning 👩‍👩‍👧"
        (remote_id,) = hub.published(hub.post(text, "ours"))
        shown = self._shown(site, remote_id)
        assert shown.text == text
        note.posts += 1

    def test_a_link_leads_where_it_should(self, site: Site, hub: Command, note: Note) -> None:
        self._needs(site, "link")
        link = "https://example.org/news/?a=1&b=2"
        (remote_id,) = hub.published(hub.post(f"{word()} read on", "ours", "--link", link))
        assert link in self._shown(site, remote_id).links
        note.posts += 1

    def test_an_image_is_shown_with_its_description(
        self, site: Site, hub: Command, note: Note, tmp_path: Path
    ) -> None:
        self._needs(site, "image")
        path = tmp_path / "teal.png"
        path.write_bytes(image())
        alt = "A teal wall, «wet» & high"
        (remote_id,) = hub.published(hub.post(f"{word()} look", "ours", "--image", str(path), "--alt", alt))
        shown = self._shown(site, remote_id)
        assert len(shown.alts) == 1
        if "alt" not in site.lacks:
            assert shown.alts == [alt]
        note.posts += 1

    def test_a_long_text_arrives_whole(self, site: Site, hub: Command, note: Note) -> None:
        self._needs(site, "long")
        one = word()
        text = " ".join([one, *(f"sentence number {number} of a long story." for number in range(60))])
        ids = hub.published(hub.post(text, "ours"))
        parts = [self._shown(site, remote_id) for remote_id in ids]
        assert (len(parts) > 1) == bool(site.maximum and len(text) > site.maximum)
        # A part may bear a mark of its own, such as (1/3).
        said = " ".join(part.text for part in parts)
        assert all(f"sentence number {number} of" in said for number in range(60))
        assert [part.answers for part in parts] == [None, *ids[:-1]]
        note.posts += len(parts)

    def test_what_people_say_is_one_discussion(self, site: Site, hub: Command, note: Note) -> None:
        """Three people comment and answer each other; one changes a comment, one takes theirs back."""
        self._needs(site, "comments")
        one = word()
        (post,) = hub.published(hub.post(f"{one} what do you think?", "ours"))
        first = site.comment(ANN, post, "I like it")
        second = site.comment(BEN, post, "I do not, and here is why: «цена»", answers=first)
        site.comment(CID, post, "Ben is right", answers=second)
        third = site.comment(CID, post, "When does it come?")
        until(lambda: len(site.comments(post)) == 4, "the network shows four comments")
        note.comments += 4
        expected = {(text, above) for _, text, above in forest(site, post)}
        hub.until(lambda: set(told(hub.tree(one))) == expected, f"the hub has {expected}")

        if "comment edits" not in site.lacks:
            site.edit_comment(BEN, second, "I do, after all")
            hub.until(lambda: "I do, after all" in self._texts(hub, one), "the edit follows")
        if "comment deletes" not in site.lacks:
            site.delete_comment(CID, third)
            hub.until(lambda: "When does it come?" not in self._texts(hub, one), "the deletion follows")
        authors = {mention["author"]["name"] or mention["author"]["handle"] for mention in self._all(hub, one)}
        assert len(authors) == 3
        assert all(mention["url"].startswith("http") for mention in self._all(hub, one))

        before = hub("discussions")
        hub.tick()
        assert hub.news() == {"new": 0, "changed": 0, "deleted": 0}
        assert hub("discussions") == before

    def test_our_answer_stands_where_it_belongs(self, site: Site, hub: Command, note: Note) -> None:
        self._needs(site, "comments")
        self._needs(site, "reply")
        one = word()
        (post,) = hub.published(hub.post(f"{one} questions?", "ours"))
        asked = site.comment(ANN, post, "How much is it?")
        hub.until(lambda: hub.tree(one), "the question is there")
        (mention,) = hub.tree(one)
        hub("reply", str(mention["id"]), "Nothing at all.")

        def answered() -> Said | None:
            return next((said for said in site.comments(post) if said.by == "us"), None)

        until(answered, "the network shows our answer")
        answer = answered()
        assert answer is not None
        assert answer.answers == asked
        assert "Nothing at all." in answer.text
        for _ in range(3):
            hub.tick()
        assert self._texts(hub, one).count("How much is it?") == 1
        assert sum("Nothing at all." in text for text in self._texts(hub, one)) <= 1
        note.comments += 2

    def test_an_edit_follows(self, site: Site, hub: Command, note: Note) -> None:
        self._needs(site, "edit")
        one = word()
        number = hub.post(f"{one} tomorrow", "ours")
        hub.published(number)
        changed = f"{one} the day after tomorrow"
        hub("edit", str(number), changed)
        hub.until(lambda: self._shown(site, self._id(hub, number)).text == changed, "edited")
        assert [shown.text for shown in site.posts() if one in shown.text] == [changed]
        note.posts += 1

    def test_a_deletion_follows(self, site: Site, hub: Command, note: Note) -> None:
        self._needs(site, "delete")
        one = word()
        number = hub.post(f"{one} forget it", "ours")
        hub.published(number)
        hub("delete", str(number), "--yes")
        hub.until(lambda: not [shown for shown in site.posts() if one in shown.text], "deleted")
        note.posts += 1

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_post_is_there_once_whatever_becomes_of_the_answer(
        self, site: Site, proxy: FaultProxy, tmp_path: Path, note: Note, fault: str
    ) -> None:
        """The real server takes the post; its answer is lost, replaced by a 502, or comes too late."""
        hub = Command(tmp_path / "hub")
        hub.add("ours", site.adapter, site.account(proxy.url))
        hub("check")
        hub.tick()
        proxy.calm()
        proxy.strike(fault, *site.publishes, seconds=LATE)
        one = word()
        number = hub.post(f"{one} once and no more", "ours")
        hub.until(lambda: hub.states(number) == {site.settled}, f"the post is {site.settled}")
        (struck,) = proxy.struck()
        assert struck["kind"] == fault
        assert 200 <= struck["server_said"] < 300
        for _ in range(3):
            hub.tick()
        there = [shown for shown in site.posts() if one in shown.text]
        assert len(there) == 1
        if site.settled == "asked":
            hub("settle", str(self._delivery(hub, number)), "--sent", there[0].id)
        assert self._id(hub, number) == there[0].id
        assert hub.states(number) == {"published"}
        note.posts += 1
        note.faults += 1

    @staticmethod
    def _needs(site: Site, step: str) -> None:
        assert step in STEPS
        if step in site.lacks:
            pytest.skip(f"{type(site).__name__}: {site.lacks[step]}")

    @staticmethod
    def _shown(site: Site, remote_id: str) -> Shown:
        """Return our post; the network may need a moment until it lists it."""

        def find() -> Shown | None:
            return next((shown for shown in site.posts() if shown.id == remote_id), None)

        until(find, f"the network shows {remote_id}")
        found = find()
        assert found is not None
        return found

    @staticmethod
    def _id(hub: Command, number: int) -> str:
        (delivery,) = hub.deliveries(number)
        return str(delivery["remote_id"])

    @staticmethod
    def _delivery(hub: Command, number: int) -> int:
        (delivery,) = hub.deliveries(number)
        return int(delivery["id"])

    @classmethod
    def _all(cls, hub: Command, one: str) -> list[dict[str, Any]]:
        def walk(mentions: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
            for mention in mentions:
                if not mention["deleted"]:
                    yield mention
                yield from walk(mention["children"])

        return list(walk(hub.tree(one)))

    @classmethod
    def _texts(cls, hub: Command, one: str) -> list[str]:
        return [mention["text"] for mention in cls._all(hub, one)]
