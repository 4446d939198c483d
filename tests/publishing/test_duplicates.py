"""A network that refuses the same words twice: what is there is adopted, and nothing goes round for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Answer, DuplicateError, HubError, Post, Receipt
from hub.publishing import routes
from hub.store.outbox.posts import NewPost
from hub.testing import Reply, Request, faults


class Fussy(Village):  # type: ignore[misc]  # loaded by path
    """Village, if it refused what was said before."""

    def explain(self, answer: Answer) -> HubError | None:
        return DuplicateError("you said that before") if answer.status == 409 else None


class FussyDouble(VillageDouble):  # type: ignore[misc]  # loaded by path
    def _publish(self, wanted: dict[str, Any]) -> Reply:
        if any(post.text == wanted["text"] for post in self.posts.values()):
            return Reply({"error": "again?"}, status=409)
        reply: Reply = super()._publish(wanted)
        return reply


@pytest.fixture
def double() -> Iterator[FussyDouble]:
    with FussyDouble() as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, double: FussyDouble) -> Iterator[TestHub]:
    with open_hub(
        write_config(tmp_path, {"square": {"platform": "village", **double.account()}}), Fussy
    ) as running:
        yield running


def is_publish(request: Request) -> bool:
    return (request.method, request.path) == ("POST", "/posts")


def post(hub: TestHub, key: str) -> None:
    now = hub.clock()
    routes.add_post(hub.store, NewPost(key=key, text="Good morning", publish_at=now), ["square"], now)


def rest(hub: TestHub) -> None:
    for _ in range(30):
        hub.tick(minutes=2)


def test_the_second_of_two_posts_with_the_same_words_fails(hub: TestHub, double: FussyDouble) -> None:
    post(hub, "one")
    post(hub, "two")
    rest(hub)
    assert (hub.states(), len(double.held())) == (["published", "failed"], 1)


def test_if_both_answers_were_lost_one_is_found_and_a_person_is_asked_about_the_other(
    hub: TestHub, double: FussyDouble
) -> None:
    post(hub, "one")
    post(hub, "two")
    double.inject(faults.LOST, is_publish, times=2)
    rest(hub)
    assert (sorted(hub.states()), len(double.held())) == (["asked", "published"], 1)


def test_a_defect_of_the_plugin_while_it_looks_for_the_duplicate_leaves_it_in_doubt(
    hub: TestHub, double: FussyDouble
) -> None:
    class Clumsy(Fussy):
        def find(self, post: Post) -> Receipt | None:
            raise KeyError("id")

    post(hub, "one")
    hub.tick()
    post(hub, "two")
    hub.hub.adapter("square").__class__ = Clumsy
    hub.tick()
    assert hub.states() == ["published", "unknown"]


def test_a_duplicate_that_shows_later_is_adopted(hub: TestHub, double: FussyDouble) -> None:
    double.echo_delay = 1_000_000
    post(hub, "one")
    double.inject(faults.LOST, is_publish)
    for _ in range(4):
        hub.tick(seconds=10)
    double.echo_delay = 0
    rest(hub)
    assert (hub.states(), len(double.held())) == (["published"], 1)
