"""Accounts on two Mastodon servers in one hub: each server counts its people and statuses for itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import TestHub, open_hub, write_config

from hub import Post, Thread
from hub.discussions import collecting, replying
from hub.publishing import routes
from hub.store.outbox.posts import NewPost
from hub.testing import Remark, open_adapter
from plugins.mastodon import Mastodon
from plugins.mastodon.sandbox import MastodonDouble


@dataclass
class Servers:
    """Two servers that give out the same ids, and a hub with an account on each."""

    north: MastodonDouble
    south: MastodonDouble
    hub: TestHub

    def both(self) -> Iterator[tuple[str, MastodonDouble]]:
        yield "north", self.north
        yield "south", self.south

    def told(self) -> set[tuple[str, str, str]]:
        """Return which account heard what of whom."""
        rows = self.hub.rows(
            "SELECT account, authors.name, text FROM mentions JOIN authors ON authors.remote_id = author_id"
        )
        return {(row["account"], row["name"], row["text"]) for row in rows}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with MastodonDouble() as north, MastodonDouble() as south:
        accounts = {
            name: {"platform": "mastodon", **double.account()}
            for name, double in (("north", north), ("south", south))
        }
        with open_hub(write_config(tmp_path, accounts)) as hub:
            for name in accounts:
                hub.hub.check(name)
            hub.tick_all()
            yield Servers(north, south, hub)


def status_id(remote_id: str) -> str:
    return remote_id.rpartition("/")[2]


def test_people_and_remarks_of_two_servers_are_not_mixed_up(servers: Servers) -> None:
    said = {}
    for (name, double), who in zip(servers.both(), ("Ann", "Dora"), strict=True):
        person = double.add_person(who, who.lower())
        said[name] = person.id, status_id(double.mention(person, f"@company greetings from the {name}"))
    assert said["north"] == said["south"], "the ids coincide"
    servers.hub.tick_all()
    assert servers.told() == {
        ("north", "Ann", "@company greetings from the north"),
        ("south", "Dora", "@company greetings from the south"),
    }
    assert len(servers.hub.rows("SELECT remote_id FROM authors")) == 2


def test_one_person_seen_from_two_servers_is_one_author(servers: Servers) -> None:
    servers.south.add_person("Dora", "dora")  # so that the ids differ
    people = [double.add_person("Bob", "bob@far.example") for _, double in servers.both()]
    assert people[0].id != people[1].id
    for person, (name, double) in zip(people, servers.both(), strict=True):
        double.mention(person, f"@company I am on the {name} too")
    servers.hub.tick_all()
    assert len(servers.told()) == 2
    assert [row["remote_id"] for row in servers.hub.rows("SELECT remote_id FROM authors")] == [
        "https://far.example/@bob"
    ]


def test_answers_under_posts_with_one_id_stay_under_their_own(servers: Servers) -> None:
    posts, answers = set(), set()
    for name, double in servers.both():
        account = servers.hub.hub.adapter(name)
        assert isinstance(account, Mastodon)
        post = account.publish(Post(text=f"News of the {name}")).remote_id
        posts.add(post)
        ann = double.add_person("Ann", "ann")
        top = double.say(ann, post, f"top in the {name}")
        double.say(ann, post, f"below in the {name}", top)
        (batch,) = account.fetch_replies(Thread(remote_id=post), None)
        found = {item.text: item for item in batch.items}
        assert {item.thread_id for item in batch.items} == {post}
        assert found[f"top in the {name}"].parent_id is None
        assert found[f"below in the {name}"].parent_id == found[f"top in the {name}"].remote_id
        answers |= {item.remote_id for item in batch.items}
    assert (len(posts), len(answers)) == (1, 4)


def test_an_answer_goes_to_the_server_where_it_was_asked(servers: Servers) -> None:
    asked = {}
    for name, double in servers.both():
        asked[name] = double.mention(double.add_person("Ann", "ann"), f"@company how much in the {name}?")
    servers.hub.tick_all()
    rows = servers.hub.rows("SELECT id FROM mentions WHERE account = 'south'")
    mention = replying.find(servers.hub.store, rows[0]["id"])
    account = servers.hub.hub.adapter("south")
    receipt = replying.reply(servers.hub.store, account, mention, "Nothing", servers.hub.clock())
    (answer,) = _answers_of(servers.south)
    assert (answer.id, answer.parent_id, answer.text) == (receipt.remote_id, asked["south"], "@ann Nothing")
    assert not _answers_of(servers.north)


def test_what_we_say_ourselves_is_no_news_on_either(servers: Servers) -> None:
    now = servers.hub.clock()
    routes.add_post(servers.hub.store, NewPost(key="1", text="News", publish_at=now), ["north", "south"], now)
    servers.hub.tick_all()
    for _, double in servers.both():
        (post,) = double.posts
        double.say(double.us, post, "our own word", double.say(double.add_person("Ann", "ann"), post, "hello"))
    assert servers.hub.tick_all().counts["new mentions"] == 2
    assert {text for _, _, text in servers.told()} == {"hello", "our own word"}


def test_a_thread_that_somebody_else_began_is_named_with_its_server(servers: Servers) -> None:
    account = open_adapter(Mastodon, servers.north.account())
    ann = servers.north.add_person("Ann", "ann")
    first = servers.north.mention(ann, "nobody is named")
    second = servers.north.say(ann, first, "@company look", first)
    (batch, *_) = account.fetch_mentions(None)
    assert [(item.remote_id, item.thread_id, item.parent_id) for item in batch.items] == [(second, first, None)]
    (again,) = account.fetch_replies(Thread(remote_id=first), None)
    assert [(item.remote_id, item.thread_id, item.parent_id) for item in again.items] == [(second, first, None)]
    account.http.close()


def test_a_mention_that_begins_a_thread_is_not_taken_for_deleted_when_it_is_watched(servers: Servers) -> None:
    ann = servers.north.add_person("Ann", "ann")
    first = servers.north.mention(ann, "@company what do you think?")
    servers.hub.tick_all()
    (thread,) = servers.hub.rows("SELECT remote_id FROM threads")
    assert thread["remote_id"] == first
    collecting.watch(servers.hub.store, "north", first, "", servers.hub.clock())
    servers.north.say(ann, first, "nobody?", first)
    for _ in range(3):
        servers.hub.clock.forward(hours=2)
        servers.hub.tick_all()
    rows = servers.hub.rows("SELECT text, deleted_at FROM mentions ORDER BY id")
    assert [(row["text"], row["deleted_at"]) for row in rows] == [
        ("@company what do you think?", None),
        ("nobody?", None),
    ]


def _answers_of(double: MastodonDouble) -> list[Remark]:
    return [one for one in double.remarks.values() if one.person is double.us]
