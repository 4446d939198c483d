"""What a look into our own timeline can tell, and what it cannot: then a person is asked, nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from faults.stage import PATIENCE, Stage
from faults.truth import Tally
from settle_kinds import is_publish

from hub.testing import Fault, Request, faults

Staged = Callable[..., Stage]
Proved = Callable[[Stage, str, str], Tally]


def of(text: str) -> Callable[[Request], bool]:
    return lambda request: is_publish(request) and request.json()["text"] == text


@pytest.mark.parametrize("fault", [faults.LOST, faults.DROPPED], ids=str)
def test_a_timeline_that_does_not_reach_back_far_enough_proves_nothing(
    staged: Staged, proved: Proved, fault: Fault
) -> None:
    """A hundred and fifty posts went out since: the newest hundred do not show whether the first is there."""
    stage = staged("lookup", deadline=PATIENCE)
    texts = [f"post {number}" for number in range(150)]
    stage.network.inject(fault, of("post 0"))
    stage.strike(*texts)
    stage.rest()
    assert stage.states().count("asked") == 1
    stage.decide()
    assert sorted(stage.texts()) == sorted(texts)
    assert stage.everything_is_out()
    proved(stage, "a look that does not reach back", "lookup")


@pytest.mark.parametrize(
    "texts",
    [
        ("https://example.org/one", "https://example.org/two"),
        ("New: https://example.org/one", "New: https://example.org/two"),
        ("!!!", "???"),
    ],
    ids=["links alone", "links after the same words", "nothing but signs"],
)
@pytest.mark.parametrize("found", [0, 1], ids=["the first is there", "the second is there"])
def test_posts_that_differ_in_links_alone_are_not_taken_for_each_other(
    staged: Staged, proved: Proved, texts: Sequence[str], found: int
) -> None:
    """Both are in doubt at once, and one of them is there."""
    stage = staged("lookup", deadline=PATIENCE)
    stage.network.inject(faults.LOST, of(texts[found]))
    stage.network.inject(faults.DROPPED, of(texts[1 - found]))
    stage.accept(*texts)
    stage.hub.tick()
    stage.rest()
    stage.decide()
    assert sorted(stage.texts()) == sorted(texts)
    assert stage.everything_is_out()
    for row in stage.hub.rows("SELECT remote_id, text FROM deliveries WHERE account = 'struck'"):
        assert stage.network.posts[row["remote_id"]].text == row["text"]
    proved(stage, "two in doubt that differ in links", "lookup")
