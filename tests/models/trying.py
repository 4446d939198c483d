"""How hard a model tries, by the environment variable HUB_MODELS."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

FAULTS, MUTANTS = "faults", "mutants"


def trying(examples: int, *, fixed: bool = False, **more: int) -> settings:
    """Return the settings of a model that tries so many examples in `make test`.

    `HUB_MODELS=faults` tries ten times as many. `HUB_MODELS=mutants` is for code that is broken on purpose: the
    same examples at every run, and no time spent on making a failure small. A `fixed` model tries the same
    examples at every run of `make test` too.
    """
    level = os.environ.get("HUB_MODELS", "")
    common = {
        "deadline": None,
        "print_blob": True,
        "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
        **more,
    }
    if level == MUTANTS:
        return settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            **common,
        )
    if fixed and level != FAULTS:
        return settings(max_examples=examples, derandomize=True, database=None, **common)
    return settings(max_examples=examples * 10 if level == FAULTS else examples, derandomize=False, **common)
