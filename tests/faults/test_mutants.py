"""Every guard of exactly-once is missed by a test when it is taken away."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.mutants import GUARDS
from models.mutants import Mutant
from mutating import FAILED, copy_program, replace_once, run_tests

pytestmark = pytest.mark.mutants


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", GUARDS, ids=lambda mutant: mutant.name)
def test_a_guard_that_is_gone_is_missed(tmp_path: Path, mutant: Mutant) -> None:
    copy = copy_program(tmp_path)
    for patch in mutant.patches:
        replace_once(copy, *patch)
    done = run_tests(copy, [mutant.killer])
    assert done.returncode == FAILED, done.stdout[-2000:]
    assert f"FAILED tests/{mutant.killer}" in done.stdout, done.stdout[-2000:]
