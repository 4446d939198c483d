"""Makes pages of 100 comments as VK, Facebook and X send them, with Russian texts of about 99 characters."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from hub import Mention
from plugins.facebook import wire as facebook
from plugins.twitter import shapes as twitter_shapes
from plugins.twitter import wire as twitter
from plugins.vk import wire as vk

PER_PAGE = 100
_START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
_VK_OWNER, _FACEBOOK_PAGE = -188, "100064"
_TALK = """
    спасибо очень хорошая статья подскажите пожалуйста когда будет следующая часть я давно жду у меня вопрос
    про доставку в другой город сколько стоит и можно ли оплатить картой мы уже заказывали всё пришло вовремя
    только коробка помялась а так всё отлично буду советовать друзьям кто-нибудь пробовал новую модель говорят
    она тише старой но греется сильнее интересно так ли это на самом деле ждём подробный обзор от автора
"""
_WORDS = _TALK.split()
_FIRST = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Ирина", "Кирилл", "Лада", "Мирон")
_LAST = ("Соколова", "Лебедев", "Орлова", "Зайцев", "Волкова", "Беляев", "Морозова", "Крылов", "Фомина", "Гусев")


class Person(NamedTuple):
    id: int
    first: str
    last: str
    handle: str


class Page(NamedTuple):
    """One answer of a network: the id of the thread that it shows, and its bytes."""

    thread_id: str
    body: bytes


class Network(NamedTuple):
    """A network's pages, and the plugin's own way from bytes to mentions."""

    name: str
    people_per_page: int
    make: Callable[[random.Random, list[Person], int, int], Page]
    read: Callable[[Page], list[Mention]]

    def pages(self, count: int, seed: int = 1) -> Iterator[Page]:
        """Yield pages of as many threads; the same seed gives the same pages."""
        chance = random.Random(f"{self.name} {seed}")
        crowd = [_person(chance, number) for number in range(1, self.people_per_page * 20)]
        for number in range(count):
            people = chance.sample(crowd, self.people_per_page)
            yield self.make(chance, people, number + 1, number * PER_PAGE + 1)


def _person(chance: random.Random, number: int) -> Person:
    return Person(700_000 + number, chance.choice(_FIRST), chance.choice(_LAST), f"reader_{number}")


def say(chance: random.Random) -> str:
    """Return 80 to 118 characters of Russian."""
    length, text = chance.randint(80, 118), chance.choice(_WORDS).capitalize()
    while len(text) < length:
        text += " " + chance.choice(_WORDS)
    return text[:length].rstrip()


def _vk(chance: random.Random, people: list[Person], thread: int, first: int) -> Page:
    branch = {"count": 0, "items": [], "can_post": True, "show_reply_button": True, "groups_can_post": True}
    items: list[dict[str, Any]] = [
        {
            "id": number,
            "from_id": chance.choice(people).id,
            "date": int(_START.timestamp()) + 40 * number,
            "text": say(chance),
            "post_id": thread,
            "owner_id": _VK_OWNER,
            "parents_stack": [],
            "likes": {"can_like": 1, "count": chance.randint(0, 30), "user_likes": 0, "can_publish": 1},
            "thread": branch,
        }
        for number in range(first, first + PER_PAGE)
    ]
    profiles = [
        {
            "id": person.id,
            "first_name": person.first,
            "last_name": person.last,
            "can_access_closed": True,
            "is_closed": False,
            "sex": 1,
            "screen_name": person.handle,
            "photo_50": f"https://sun9-1.userapi.com/c{person.id}/a/{person.handle}_50.jpg?ava=1",
            "photo_100": f"https://sun9-1.userapi.com/c{person.id}/a/{person.handle}_100.jpg?ava=1",
            "online": chance.randint(0, 1),
            "online_info": {"visible": True, "last_seen": 1_772_000_000, "is_online": False, "is_mobile": False},
        }
        for person in people
    ]
    response = {
        "count": PER_PAGE,
        "items": items,
        "current_level_count": PER_PAGE,
        "can_post": True,
        "show_reply_button": True,
        "groups_can_post": True,
        "profiles": profiles,
        "groups": [],
    }
    return Page(f"{_VK_OWNER}_{thread}", json.dumps({"response": response}, ensure_ascii=False).encode())


def _read_vk(page: Page) -> list[Mention]:
    owner, thread = vk.ids(page.thread_id)
    answer = msgspec.json.decode(page.body, type=vk.Envelope[vk.Comments])
    return vk.remarks(answer.response, owner, thread)


def _facebook(chance: random.Random, people: list[Person], thread: int, first: int) -> Page:
    site, post = "https://www.facebook.com", f"{_FACEBOOK_PAGE}_{thread}"
    data = []
    for number in range(first, first + PER_PAGE):
        person = chance.choice(people)
        address = f"{site}/{_FACEBOOK_PAGE}/posts/{thread}?comment_id={number}"
        data.append(
            {
                "id": f"{thread}_{number}",
                "message": say(chance),
                "from": {"id": str(person.id), "name": f"{person.first} {person.last}"},
                "created_time": (_START + timedelta(seconds=40 * number)).strftime("%Y-%m-%dT%H:%M:%S+0000"),
                "permalink_url": address,
            }
        )
    paging = {"cursors": {"before": "WTI5dGJXVnVkRjlqZAZD", "after": "WTI5dGJXVnVkRjlqZAZE"}}
    # Facebook escapes whatever is not ASCII, and slashes.
    body = json.dumps({"data": data, "paging": paging}).replace("/", r"\/")
    return Page(post, body.encode())


def _read_facebook(page: Page) -> list[Mention]:
    answer = msgspec.json.decode(page.body, type=facebook.Listing[facebook.Comment])
    return facebook.comments_of(answer.data, page.thread_id)


def _x(chance: random.Random, people: list[Person], thread: int, first: int) -> Page:
    root = str(1_900_000_000_000_000_000 + thread)
    data = []
    for number in range(first, first + PER_PAGE):
        remote_id = str(1_910_000_000_000_000_000 + number)
        text = say(chance)
        handle = people[0].handle
        data.append(
            {
                "id": remote_id,
                "text": f"@{handle} {text}",
                "author_id": str(chance.choice(people).id),
                "conversation_id": root,
                "created_at": (_START + timedelta(seconds=40 * number)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "display_text_range": [len(handle) + 2, len(handle) + 2 + len(text)],
                "edit_history_tweet_ids": [remote_id],
                "edit_controls": {
                    "edits_remaining": 5,
                    "is_edit_eligible": False,
                    "editable_until": "2026-03-01T10:00:00.000Z",
                },
                "entities": {
                    "mentions": [
                        {"start": 0, "end": len(handle) + 1, "username": handle, "id": str(people[0].id)},
                    ]
                },
                "referenced_tweets": [{"type": "replied_to", "id": root}],
            }
        )
    users = [
        {
            "id": str(person.id),
            "name": f"{person.first} {person.last}",
            "username": person.handle,
            "description": say(chance),
        }
        for person in people
    ]
    meta = {"newest_id": data[-1]["id"], "oldest_id": data[0]["id"], "result_count": PER_PAGE}
    answer = {"data": data, "includes": {"users": users}, "meta": meta}
    return Page(root, json.dumps(answer, ensure_ascii=False).encode())


def _read_x(page: Page) -> list[Mention]:
    return twitter.mentions(msgspec.json.decode(page.body, type=twitter_shapes.Page))


NETWORKS = (
    Network("vk", 32, _vk, _read_vk),
    Network("facebook", 45, _facebook, _read_facebook),
    Network("twitter", 60, _x, _read_x),
)
