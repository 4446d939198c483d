"""One story on all networks at once: a real blog, Bluesky, two kinds of Mastodon server, and three doubles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from real.bluesky import BlueskySite, Network
from real.command import Command
from real.doubles import DoubleSite
from real.mastodon import MastodonSite, Mock
from real.report import KEY, Note
from real.serving import NotInstallable, until
from real.site import PEOPLE, Shown, Site
from real.snac import Snac, SnacSite
from real.story import forest, word
from real.wordpress import WordPressServer, WordPressSite

from plugins.facebook import Facebook
from plugins.facebook.sandbox import FacebookDouble
from plugins.twitter import Twitter
from plugins.twitter.sandbox import TwitterDouble
from plugins.vk import VK
from plugins.vk.sandbox import VKDouble

ANN, BEN, CID = PEOPLE
REAL = {
    "blog": (WordPressServer, WordPressSite),
    "sky": (Network, BlueskySite),
    "town": (Mock, MastodonSite),
    "village": (Snac, SnacSite),
}
PLAYED = {"vk": (VK, VKDouble), "facebook": (Facebook, FacebookDouble), "twitter": (Twitter, TwitterDouble)}


@dataclass
class World:
    """The sites that run on this machine, by the account's name; "blog" is the company's own."""

    sites: dict[str, Site]
    adapters: dict[str, Any]
    missing: dict[str, str]

    @property
    def blog(self) -> WordPressSite:
        blog = self.sites["blog"]
        assert isinstance(blog, WordPressSite)
        return blog

    def write(self, title: str, text: str, link: str = "") -> str:
        """Let an editor of the blog write an article by WordPress's own API; return its id."""
        content = f"<!-- wp:paragraph --><p>{text}</p><!-- /wp:paragraph -->"
        body = {"title": title, "content": content, "status": "publish"}
        return str(self.blog.server.call("us", "POST", "/posts", json=body)["id"])

    def rewrite(self, article: str, text: str) -> None:
        content = f"<!-- wp:paragraph --><p>{text}</p><!-- /wp:paragraph -->"
        self.blog.server.call("us", "POST", f"/posts/{article}", json={"content": content})

    def hub(self, folder: Path, names: Mapping[str, Site] | list[str], routes: Mapping[str, list[str]]) -> Command:
        """Set up a fresh hub that has read what there is."""
        hub = Command(folder / "hub")
        for name in names:
            hub.add(name, self.adapters[name], self.sites[name].account(self.sites[name].url))
        for source, targets in routes.items():
            hub.append(f'[routes.{source}]\nfrom = ["{source}"]\nto = {targets}'.replace("'", '"'))
        hub("check")
        hub.tick()
        return hub

    def copies(self, one: str) -> dict[str, list[Shown]]:
        """Return the posts that hold a word, for each site but the blog that has any."""
        found = {
            name: [shown for shown in site.posts() if one in shown.text]
            for name, site in self.sites.items()
            if name != "blog"
        }
        return {name: shown for name, shown in found.items() if shown}

    def our_answers(self, name: str, post: str) -> list[str | None]:
        """Return what our own comments under a post answer."""
        return [said.answers for said in self.sites[name].comments(post) if said.by == "us"]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Start all servers; one that cannot be installed is left out, loudly. Without a blog there is no story."""
    world = World({}, {}, {})
    with ExitStack() as stack:
        for name, (server, plays) in REAL.items():
            try:
                running = stack.enter_context(server())
            except NotInstallable as error:
                world.missing[server.name] = str(error)
                continue
            world.sites[name] = plays(running)
            world.adapters[name] = plays.adapter
        for name, (adapter, double) in PLAYED.items():
            world.sites[name] = DoubleSite(adapter, stack.enter_context(double()))
            world.adapters[name] = adapter
        yield world


@pytest.fixture(autouse=True)
def note(request: pytest.FixtureRequest, world: World) -> Note:
    for server, why in world.missing.items():
        request.node.user_properties.append((KEY, Note(server, missing=why).as_property()))
    if "blog" not in world.sites:
        pytest.skip(f"NOT RUN: there is no WordPress on this machine: {world.missing['wordpress']}")
    return Note("all together", version=f"{len(world.sites)} networks")


def told(discussion: dict[str, Any]) -> dict[str, set[tuple[str, str | None]]]:
    """Return what the hub has, account by account: each text and the text it answers."""
    found: dict[str, set[tuple[str, str | None]]] = {}

    def walk(mentions: list[dict[str, Any]], above: str | None) -> None:
        for one in mentions:
            found.setdefault(one["account"], set()).add((one["text"], above))
            walk(one["children"], one["text"])

    walk(discussion["mentions"], None)
    return found


def merges(
    world: World, hub: Command, discussion: Callable[[], dict[str, Any]], posts: Mapping[str, str], address: str
) -> None:
    """See one remark of one person on two networks once, and a post elsewhere about the article; undo both."""
    thought = "Bought a pound of the new roast yesterday, far better in a cezve than in the machine."
    two = [name for name in ("town", "village", "vk", "facebook") if name in world.sites][:2]
    for name, text in zip(two, (thought, thought.replace(", far", " – far") + " 🙂"), strict=True):
        world.sites[name].comment(ANN, posts[name], text)
    bird = world.sites["twitter"]
    assert isinstance(bird, DoubleSite)
    dora = bird.double.add_person("Dora Bird", "dora_bird")
    said = f"@{bird.double.us.handle} have you read this? {address}"
    bird.double.mention(dora, said)

    def lines() -> list[list[str]]:
        """Return the sites of each remark that matters here: one for each, and two for what is shown once."""
        return sorted(
            sorted([one["account"], *(again["account"] for again in one.get("repeats", ()))])
            for one in discussion()["mentions"]
            if one["text"].startswith(("Bought a pound", "@"))
        )

    # Which of the two comes first is chance: one of the servers tells whole seconds only.
    hub.until(lambda: lines() == sorted([sorted(two), ["twitter"]]), "one line for two, and a join", 90)
    number = str(discussion()["id"])
    why = hub("discussion", number, "--why")["discussion"]
    (join,), (repeat,) = why["joins"], why["repeats"]
    assert (join["kind"], join["account"], join["undone_at"]) == ("post", "twitter", None)
    assert repeat["confidence"] > 0.7
    hub("discussion", number, "--undo", join["id"])
    hub("discussion", number, "--undo", repeat["id"])
    for _ in range(3):
        hub.tick()
    assert lines() == sorted([name] for name in two)


def test_an_article_is_carried_to_all_and_answered_on_all(world: World, tmp_path: Path, note: Note) -> None:
    """One discussion holds it all, our answer goes where the question was, and the copies follow the article."""
    others = [name for name in world.sites if name != "blog"]
    hub = world.hub(tmp_path, world.sites, {"blog": others})
    one = word()
    article = world.write(f"News {one}", "A new roast is on the shelf.")

    hub.until(lambda: set(world.copies(one)) == set(others), "all others have it")
    note.posts += 1 + len(others)

    posts = {"blog": article, **{name: found[0].id for name, found in world.copies(one).items()}}
    expected, questions = {}, {}
    for name, site in world.sites.items():
        post = posts[name]
        first = site.comment(ANN, post, f"I like it, says Ann on {name}")
        questions[name] = site.comment(BEN, post, f"How much is it on {name}?", answers=first)
        site.comment(CID, post, f"Cid says hello on {name}")
        until(lambda site=site, post=post: len(site.comments(post)) == 3, f"{name} shows three comments")
        expected[name] = {(text, above) for _, text, above in forest(site, post)}
        note.comments += 3

    def discussion() -> dict[str, Any]:
        found = [each for each in hub("discussions")["discussions"] if one in each["title"]]
        return hub("discussion", str(found[0]["id"]))["discussion"] if len(found) == 1 else {"mentions": []}

    hub.until(lambda: told(discussion()) == expected, f"one discussion holds {expected}", 90)
    assert set(discussion()["accounts"]) == set(world.sites)
    assert len([each for each in hub("discussions")["discussions"] if one in each["title"]]) == 1

    asker = next(name for name in ("sky", "town", "village", "vk") if name in world.sites)
    asked = next(each for each in hub("inbox")["mentions"] if each["text"] == f"How much is it on {asker}?")
    hub("reply", str(asked["id"]), "Twelve a pound.")
    answered = [questions[asker]]
    until(lambda: world.our_answers(asker, posts[asker]) == answered, "our answer stands under Ben's question")
    assert not [name for name in posts if name != asker and world.our_answers(name, posts[name])]

    merges(world, hub, discussion, posts, str(world.blog.server.call("us", "GET", f"/posts/{article}")["link"]))

    world.rewrite(article, "A new roast is on the shelf, from Kenya.")

    def followed() -> set[str]:
        return {name for name, found in world.copies(one).items() if all("Kenya" in each.text for each in found)}

    hub.until(lambda: followed() == set(others), "the copies follow the article")
    for _ in range(5):
        hub.tick()
    assert {name: len(found) for name, found in world.copies(one).items()} == dict.fromkeys(others, 1)


def test_a_loop_of_routes_stays_quiet(world: World, tmp_path: Path, note: Note) -> None:
    """WordPress and Mastodon copy each other, Mastodon and Bluesky too: after fifty ticks nothing is new."""
    if not {"town", "sky"} <= set(world.sites):
        pytest.skip(f"NOT RUN: {world.missing}")
    blog, town, sky = world.blog, world.sites["town"], world.sites["sky"]
    assert isinstance(town, MastodonSite)
    assert isinstance(sky, BlueskySite)
    ring: dict[str, Site] = {"blog": blog, "town": town, "sky": sky}
    hub = world.hub(tmp_path, ring, {"blog": ["town"], "town": ["blog", "sky"], "sky": ["town"]})
    words = {name: word() for name in ring}
    world.write("Round and round", f"{words['blog']} on the blog")
    town.ours.post(status=f"{words['town']} in the town")
    sky.server.people["us"].write({"text": f"{words['sky']} in the sky"})
    # A copy is not copied on: what the blog says is in the town, and not in the sky.
    wanted = {"blog": {"blog", "town"}, "town": set(ring), "sky": {"sky", "town"}}

    def there() -> dict[str, list[str]]:
        texts = [(name, shown.text) for name, site in ring.items() for shown in site.posts()]
        return {source: [name for name, text in texts if one in text] for source, one in words.items()}

    hub.until(lambda: {name: set(at) for name, at in there().items()} == wanted, "each copy is where it belongs")
    held = {name: len(site.posts()) for name, site in ring.items()}
    for _ in range(50):
        said = hub.tick()
        assert (said["published"], said["errors"]) == (0, [])
    assert {name: len(site.posts()) for name, site in ring.items()} == held
    assert {name: len(at) for name, at in there().items()} == {"blog": 2, "town": 3, "sky": 2}
    note.posts += 7
