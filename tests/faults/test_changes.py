"""A post that is edited or withdrawn while an outcome is in doubt: its copies end as the post did."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from faults.stage import PATIENCE, Stage
from faults.truth import Tally
from settle_kinds import KINDS, is_publish

from hub.publishing import routes
from hub.testing import Fault, faults

Staged = Callable[..., Stage]
Proved = Callable[[Stage, str, str], Tally]


def in_doubt(stage: Stage, fault: Fault) -> int:
    """Let a publish come to nothing or lose its answer; return the post's number."""
    stage.network.inject(fault, is_publish)
    (number,) = stage.accept("before")
    stage.hub.tick()
    return number


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [faults.LOST, faults.DROPPED], ids=str)
def test_an_edit_in_doubt_reaches_the_copy(staged: Staged, proved: Proved, fault: Fault, kind: str) -> None:
    """What is sent again under a key is what was sent: a network that knows the key ignores other words."""
    stage = staged(kind, deadline=PATIENCE)
    number = in_doubt(stage, fault)
    routes.change_post(stage.hub.store, number, stage.hub.clock(), text="after", title="", link="", images=[])
    stage.rest()
    stage.decide()
    assert stage.texts() == ["after"]
    assert stage.everything_is_out()
    proved(stage, "edited in doubt", kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [faults.LOST, faults.DROPPED], ids=str)
def test_a_post_withdrawn_in_doubt_is_not_there_at_the_end(
    staged: Staged, proved: Proved, fault: Fault, kind: str
) -> None:
    stage = staged(kind, deadline=PATIENCE)
    number = in_doubt(stage, fault)
    routes.delete_post(stage.hub.store, number, stage.hub.clock())
    stage.rest()
    stage.decide()
    assert stage.texts() == []
    assert stage.states() == ["deleted"]
    proved(stage, "withdrawn in doubt", kind)


@pytest.mark.parametrize("kind", ["lookup", "natural", "none"])
def test_a_withdrawn_post_that_is_surely_not_there_is_not_sent_any_more(staged: Staged, kind: str) -> None:
    """With a key the hub cannot look: it sends again, learns the id, and deletes."""
    stage = staged(kind, deadline=PATIENCE)
    number = in_doubt(stage, faults.DROPPED)
    routes.delete_post(stage.hub.store, number, stage.hub.clock())
    stage.rest()
    stage.decide()
    assert [call.method for call in stage.network.calls if is_publish(call)] == [
        "PUT" if kind == "natural" else "POST"
    ]
