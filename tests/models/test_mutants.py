"""Every mutant is found by the model that is there for it; without any the models are green, see `make test`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from models.mutants import MUTANTS, Mutant
from mutating import FAILED, copy_program, replace_once, run_tests

pytestmark = pytest.mark.mutants


def run(folder: Path, tests: Sequence[str]) -> CompletedProcess[str]:
    """Run tests of the models in a copy."""
    return run_tests(folder, [f"models/{test}" for test in tests], {"HUB_MODELS": "mutants"})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_found(tmp_path: Path, mutant: Mutant) -> None:
    copy = copy_program(tmp_path)
    for patch in mutant.patches:
        replace_once(copy, *patch)
    done = run(copy, [mutant.killer])
    assert done.returncode == FAILED, done.stdout[-2000:]
    assert f"FAILED tests/models/{mutant.killer}" in done.stdout, done.stdout[-2000:]
