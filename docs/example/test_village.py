"""Tests of the village plugin, on its double: real sockets, nothing patched."""

from collections.abc import Iterator

import pytest
from hub_village import Village
from hub_village.sandbox import VillageDouble

from hub import GoneError, Media, Post, Thread, UnknownOutcome
from hub.testing import open_adapter


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


@pytest.fixture
def village(double: VillageDouble) -> Iterator[Village]:
    adapter = open_adapter(Village, double.account())
    yield adapter
    adapter.http.close()


def test_a_post_arrives_with_its_image_described(double: VillageDouble, village: Village) -> None:
    image = Media(content=b"...", mime="image/png", alt="Our mayor")
    receipt = village.publish(Post(text="Hello", media=[image]))
    held = double.posts[receipt.remote_id]
    assert (held.text, held.alts) == ("Hello", ["Our mayor"])


def test_a_lost_answer_is_unknown_and_the_post_is_found(double: VillageDouble, village: Village) -> None:
    post = Post(text="Hello")
    double.lose_answer(lambda request: request.method == "POST")
    with pytest.raises(UnknownOutcome):
        village.publish(post)
    receipt = village.find(post)
    assert receipt is not None
    assert list(double.posts) == [receipt.remote_id]


def test_reading_on_from_a_cursor_skips_nothing(double: VillageDouble, village: Village) -> None:
    anna = double.add_person("Anna", "anna")
    double.say(anna, "1", "first")
    (first,) = village.fetch_mentions(None)
    for number in range(250):
        double.say(anna, "1", f"remark {number}")
    texts = {item.text for batch in village.fetch_mentions(first.cursor) for item in batch.items}
    assert texts == {"first", *(f"remark {number}" for number in range(250))}


def test_the_answers_under_a_post_that_is_gone_are_gone(double: VillageDouble, village: Village) -> None:
    with pytest.raises(GoneError):
        list(village.fetch_replies(Thread(remote_id="404"), None))
