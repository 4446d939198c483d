"""The simulation of large installations: what is needed grows as it must, and the limits are where it says."""

from __future__ import annotations

import pytest

from bench import simulation
from bench.simulation import ASSUMPTIONS, fills, limits, simulate

COSTS = simulation.read()


def test_ten_times_the_accounts_need_ten_times_the_work() -> None:
    small, large = simulate(COSTS, 10_000), simulate(COSTS, 100_000)
    for name in ("posts", "polls", "worker_cores", "statements", "start_seconds", "database_gb"):
        assert getattr(large, name) == pytest.approx(10 * getattr(small, name)), name
    assert large.workers > small.workers
    assert large.machines > small.machines


def test_one_account_needs_one_worker() -> None:
    assert simulate(COSTS, 1).workers == 1
    assert simulate(COSTS, 1).machines == 1


@pytest.mark.parametrize("limit", limits(), ids=lambda limit: limit.name)
def test_a_limit_is_reached_where_it_says(limit: simulation.Limit) -> None:
    count = fills(COSTS, limit)
    assert limit.needed(simulate(COSTS, count * 9 // 10)) <= limit.most
    assert limit.needed(simulate(COSTS, count * 11 // 10)) > limit.most


def test_the_page_names_every_assumption_and_every_limit() -> None:
    page = simulation.page(COSTS)
    for assumption in ASSUMPTIONS.values():
        assert f"| {assumption.value:g} | {assumption.what} |" in page
    for limit in limits():
        assert limit.name in page
