"""`hub digest` and `hub digests`: a discussion printed, written, published, kept and stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import Hub, Said

from hub.testing import world


@pytest.fixture
def talked(small_world: world.World, hub: Hub) -> Callable[..., Said]:
    """A post that is out on VK, and three remarks under it; calls `hub`."""
    club = small_world.networks["vk"]

    def call(*args: str) -> Said:
        return hub(*args, "--config", str(small_world.config))

    assert call("post", "We roast anew", "--title", "The news", "--to", "vk").code == 0
    assert call("tick", "--all").code == 0
    post = club.held()[0].id
    anna, boris = club.add_person("Анна", "anna"), club.add_person("Boris", "boris")
    first = club.say(anna, post, "Is <b>it</b> good?")
    club.say(boris, post, "It is", first)
    club.say(boris, post, "*Very*")
    assert call("tick", "--all").code == 0
    return call


def number(call: Callable[..., Said], text: str) -> str:
    listed = call("inbox", "--json").json["mentions"]
    return next(str(one["id"]) for one in listed if one["text"] == text)


def test_it_is_printed_in_the_form_that_is_asked_for(talked: Callable[..., Said]) -> None:
    assert "Is &lt;b&gt;it&lt;/b&gt; good?" in talked("digest", "1").out
    assert talked("digest", "1").out.startswith("<!DOCTYPE html>\n")
    assert talked("digest", "1", "--form", "fragment").out.startswith("<article")
    assert "> \\*Very\\*" in talked("digest", "1", "--form", "markdown").out
    assert json.loads(talked("digest", "1", "--form", "json").out)["type"] == "OrderedCollection"
    assert talked("digest", "1", "--form", "atom").out.startswith("<?xml")
    document = talked("digest", "1", "--form", "text", "--json").json["digest"]
    assert (document["form"], document["remarks"]) == ("text", 3)
    assert "It is" in document["text"]


def test_it_speaks_the_language_that_is_asked_for(talked: Callable[..., Said]) -> None:
    assert '<html lang="ru">' in talked("digest", "1", "--lang", "ru").out


def test_only_what_is_chosen_is_shown(talked: Callable[..., Said]) -> None:
    chosen = number(talked, "It is")
    shown = talked("digest", "1", "--form", "text", "--only", chosen).out
    assert "It is" in shown
    assert "good?" not in shown


def test_a_file_takes_its_form_from_its_name_and_is_kept(talked: Callable[..., Said], tmp_path: Path) -> None:
    path = tmp_path / "digest.md"
    assert talked("digest", "1", "--out", str(path)).code == 0
    assert path.read_text().startswith("# What was said about")
    kept = tmp_path / "feed.xml"
    assert talked("digest", "1", "--out", str(kept), "--keep").code == 0
    assert talked("digest", "--leave-out", number(talked, "*Very*")).code == 0
    assert talked("tick").code == 0
    assert "Very" not in kept.read_text()
    assert "Very" in path.read_text()
    (listed,) = talked("digests", "--json").json["digests"]
    assert (listed["kind"], listed["file"], listed["form"], listed["state"]) == ("file", str(kept), "atom", "live")
    assert talked("digest", "1", "--out", str(kept), "--stop", "--delete").code == 0
    assert not kept.exists()


def test_it_is_published_once_and_stopped(talked: Callable[..., Said], small_world: world.World) -> None:
    club = small_world.networks["vk"]
    for _ in range(2):
        said = talked("digest", "1", "--to", "vk", "--json")
        assert said.json["digest"]["kind"] == "post"
        assert talked("tick", "--all").code == 0
    assert len(club.held()) == 2
    assert "It is" in club.held()[-1].text
    assert "vk" in talked("digests").out
    assert talked("digest", "--leave-out", number(talked, "It is")).code == 0
    assert talked("tick").code == 0
    assert "It is" not in club.held()[-1].text
    assert talked("digest", "--let-in", number(talked, "It is")).code == 0
    assert talked("tick").code == 0
    assert "It is" in club.held()[-1].text
    assert talked("digest", "1", "--to", "vk", "--stop", "--delete").code == 0
    assert talked("tick").code == 0
    assert len(club.held()) == 1
    assert talked("digests", "--json").json["digests"][0]["state"] == "ended"


def test_what_makes_no_sense_is_said(talked: Callable[..., Said]) -> None:
    """All on one discussion, which takes seconds to make: what is refused changes nothing."""
    before = talked("discussion", "1", "--json").json
    for words, told in (
        (("digest",), "no discussion is named"),
        (("digest", "99"), "there is no discussion 99"),
        (("digest", "1", "--only", "x"), "names no mentions"),
        (("digest", "1", "--only", "999"), "has no mention 999"),
        (("digest", "1", "--keep"), "there is no file to keep"),
        (("digest", "1", "--as", "comments"), "--as says how"),
        (("digest", "1", "--to", "vk", "--as", "comments"), "cannot publish comments of others"),
        (("digest", "1", "--to", "nobody"), "nobody is no account"),
        (("digest", "1", "--to", "vk", "--form", "json"), "the form of its network"),
        (("digest", "1", "--to", "vk", "--out", "x.html"), "two digests"),
        (("digest", "1", "--stop"), "what is to be stopped?"),
        (("digest", "1", "--to", "vk", "--stop"), "no digest there"),
        (("digest", "1", "--delete"), "--delete goes with --stop"),
        (("digest", "1", "--leave-out", "1"), "stand alone"),
        (("digest", "--leave-out", "999"), "no mention 999"),
        (("digest", "1", "--out", "no/such/folder.html"), "cannot be written"),
    ):
        said = talked(*words, "--json")
        assert (words, said.code) == (words, 2)
        assert told in said.error["message"]
    assert talked("discussion", "1", "--json").json == before
    assert talked("digests", "--json").json["digests"] == []
