"""Rows 1-3 and 8-14: whatever befalls the call that publishes, the post is there once, and nobody guesses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from faults.stage import HASTE, PATIENCE, Stage
from faults.truth import Tally
from settle_kinds import KINDS, is_publish

from hub.testing import Fault, faults

Staged = Callable[..., Stage]
Proved = Callable[[Stage, str, str], Tally]

# With these a call lasts as long as it may.
_WAITING = ("no answer", "slow", "HTTP 429")
# What the network says of itself is no doubt: it did nothing, and says so.
_SURE = {fault.name for fault in faults.UNDONE if "429" in fault.name}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", faults.DONE, ids=str)
def test_what_was_done_and_not_confirmed_is_there_once(
    staged: Staged, proved: Proved, fault: Fault, kind: str
) -> None:
    """Rows 1, 2, 8-12, 14: the network took the post. The hub finds it, or asks; it never sends a second one."""
    stage = staged(kind, deadline=HASTE if fault.name.startswith(_WAITING) else PATIENCE)
    stage.network.inject(fault, is_publish)
    stage.strike("Once")
    assert stage.states() == (["asked"] if kind == "none" else ["unknown"])
    stage.rest()
    assert stage.texts() == ["Once"]
    stage.decide()
    assert stage.everything_is_out()
    became = proved(stage, fault.name, kind)
    assert (became.settled, became.asked) == ((0, 1) if kind == "none" else (1, 0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", faults.UNDONE, ids=str)
def test_what_was_not_done_goes_out_later(staged: Staged, proved: Proved, fault: Fault, kind: str) -> None:
    """Rows 2, 5, 8, 10, 11: the network did nothing. The post goes out once, after a look where that can tell."""
    stage = staged(kind, deadline=HASTE if fault.name.startswith(_WAITING) else PATIENCE)
    stage.network.inject(fault, is_publish, times=5)
    stage.strike("Once")
    assert stage.texts() == []
    stage.rest()
    stage.network.calm()
    stage.decide()
    assert stage.texts() == ["Once"]
    assert stage.everything_is_out()
    became = proved(stage, fault.name, kind)
    assert became.asked == (1 if kind == "none" and fault.name not in _SURE else 0)
