"""The kit on reads that meet a fault: raised or mended, in bounded time, and nothing skipped either way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from hub.errors import HubError, RejectedError, TransientError
from hub.testing import faults
from hub.testing.contract.shelf import ReadingGround, Shelf, named, raised_by, some
from hub.testing.contract.verbs import Reading
from hub.testing.double import Double
from hub.testing.faults import Fault

PASSING: tuple[Fault, ...] = (
    faults.DROPPED,
    faults.RESET,
    faults.server_error(500),
    faults.server_error(502),
    faults.too_many(),
    faults.TRUNCATED,
)
"""What goes by: a read is tried again."""

MISSHAPEN: tuple[Fault, ...] = (
    faults.MALFORMED.after,
    faults.HTML.after,
    faults.OTHER_SHAPE.after,
    faults.NO_ID.after,
    faults.WRONG_TYPE.after,
    faults.NULL.after,
)
"""Successes by their status whose body is not what was agreed; `after`, so that the rest of it is real."""

HUGE: tuple[Fault, ...] = (faults.GIANT, faults.GZIP_BOMB)
SLOW: tuple[Fault, ...] = (faults.SILENCE, faults.SLOW_HEADERS, faults.SLOW_BODY)

# Seconds; enough for a call on this machine, and a fault that stays is tried again until they are over.
_SHORT = 0.25
# Seconds that a read may take beyond the deadline of each of its calls, on a machine that is busy.
_PATIENCE = 8.0


class FaultyReads(ReadingGround):
    area: ClassVar[str] = "faulty reads"

    @pytest.mark.parametrize("fault", (*PASSING, *MISSHAPEN, *HUGE), ids=str)
    def test_one_fault_skips_nothing(
        self, fault: Fault, reading: Reading, network: Double, opened: Callable[..., Any]
    ) -> None:
        first = Shelf(reading, opened())
        first.read()
        wanted = reading.add(5)
        shelf = Shelf(reading, opened(), first.cursor)
        network.inject(fault)
        raised = raised_by(shelf.read)
        _is_a_hub_error(reading.verb, fault, raised)
        network.calm()
        missing = shelf.read_all(wanted)
        assert not missing, (
            f"{reading.verb} met {fault}, {'raised' if raised else 'ended as if all were well'}, and "
            f"{some(missing)} never came: a cursor was yielded that is past what was not read. An answer that "
            "cannot be right must raise answer.misread(...)"
        )

    @pytest.mark.parametrize("fault", PASSING, ids=str)
    def test_a_fault_that_stays_is_a_transient_error(
        self, fault: Fault, reading: Reading, network: Double, opened: Callable[..., Any]
    ) -> None:
        reading.add(2)
        shelf = Shelf(reading, opened(deadline=_SHORT))
        network.inject(fault, times=100)
        began = time.monotonic()
        raised = raised_by(shelf.read)
        _is_a_hub_error(reading.verb, fault, raised)
        assert isinstance(raised, TransientError), (
            f"{fault} met {reading.verb} at every call, and it ended with {named(raised)}: raise "
            "hub.TransientError, or let what self.http raises go by"
        )
        _in_time(reading.verb, fault, began)
        network.calm()

    @pytest.mark.parametrize("fault", (*MISSHAPEN, *HUGE), ids=str)
    def test_a_wrong_answer_that_stays_is_an_error(
        self, fault: Fault, reading: Reading, network: Double, opened: Callable[..., Any]
    ) -> None:
        reading.add(2)
        shelf = Shelf(reading, opened(deadline=2.0))
        network.inject(fault, times=100)
        raised = raised_by(shelf.read)
        network.calm()
        _is_a_hub_error(reading.verb, fault, raised)
        assert isinstance(raised, TransientError | RejectedError), (
            f"{fault} met {reading.verb} at every call, and it ended with {named(raised)}: an answer of a wrong "
            "shape must raise answer.misread(...), which Answer.decode(shape) does by itself; `.json()` and "
            '`.get("items", [])` take anything for nothing'
        )

    @pytest.mark.parametrize("fault", SLOW, ids=str)
    def test_a_slow_network_costs_no_more_than_the_deadline(
        self, fault: Fault, reading: Reading, network: Double, opened: Callable[..., Any]
    ) -> None:
        reading.add(2)
        shelf = Shelf(reading, opened(deadline=_SHORT))
        network.inject(fault, times=100)
        began = time.monotonic()
        raised = raised_by(shelf.read)
        network.calm()
        assert isinstance(raised, TransientError), (
            f"{fault} met {reading.verb}, and it ended with {named(raised)} instead of hub.TransientError"
        )
        _in_time(reading.verb, fault, began)


def _is_a_hub_error(verb: str, fault: Fault, raised: Exception | None) -> None:
    assert raised is None or isinstance(raised, HubError), (
        f"{verb} met {fault} and raised {named(raised)}, which the hub can only take for a defect of the plugin: "
        "an answer of a wrong shape must raise answer.misread(...), which Answer.decode(shape) does by itself"
    )


def _in_time(verb: str, fault: Fault, began: float) -> None:
    took = time.monotonic() - began
    assert took < _SHORT + _PATIENCE, (
        f"{fault}: {verb} took {took:.1f} s with a deadline of {_SHORT} s per call: do not try again by "
        "yourself, self.http does"
    )
