"""How hard a model tries, by the environment variable HUB_MODELS."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

FAULTS, MUTANTS = "faults", "mutants"


def trying(examples: int, *, mutants: int = 0, **more: int) -> settings:
    """Return the settings of a model that tries so many examples in `make test`.

    `HUB_MODELS=faults` tries ten times as many. `HUB_MODELS=mutants` is for code that is broken on purpose: the
    same examples at every run, as many as `mutants` says if not as many as ever, and no time spent on making a
    failure small.
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
            max_examples=mutants or examples,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            **common,
        )
    return settings(max_examples=examples * 10 if level == FAULTS else examples, derandomize=False, **common)
