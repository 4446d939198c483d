"""Runs variants in turns, so that a noisy neighbour meets all of them, and keeps what their ratios were."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Literal, NamedTuple

Aim = Literal["at least", "at most"]


class Figure(NamedTuple):
    """One line of the table: the middle of all rounds, the extremes, and what we aim at.

    `unit` is "x" for a ratio. `rates` are medians per second of one run, to explain the ratio and not to be
    compared with those of another. `costs` are what a thing costs on this machine, by the names that the
    simulation knows.
    """

    benchmark: str
    what: str
    middle: float
    lowest: float
    highest: float
    unit: str = "x"
    aim: Aim | None = None
    target: float | None = None
    rates: Mapping[str, float] = {}
    note: str = ""
    costs: Mapping[str, float] = {}

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.middle >= self.target if self.aim == "at least" else self.middle <= self.target


def in_turns(variants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run each variant once a round, in the other order every other round; return what each gave, by round."""
    results: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        for name in list(variants) if number % 2 == 0 else reversed(list(variants)):
            gc.collect()
            results[name].append(variants[name]())
    return results


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def ratio(
    benchmark: str,
    what: str,
    results: Mapping[str, list[float]],
    ours: str,
    limit: str,
    *,
    aim: Aim | None = None,
    target: float | None = None,
    note: str = "",
) -> Figure:
    """Compare two variants round by round: the figure is the median of the ratios, not a ratio of medians."""
    ratios = [one / other for one, other in zip(results[ours], results[limit], strict=True)]
    return Figure(
        benchmark,
        what,
        median(ratios),
        min(ratios),
        max(ratios),
        aim=aim,
        target=target,
        rates={name: median(values) for name, values in results.items() if name in (ours, limit)},
        note=note,
    )
