"""Every guard of exactly-once is missed by a test when it is taken away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults.mutants import GUARDS
from models.mutants import Mutant

pytestmark = pytest.mark.mutants

CHECKOUT = Path(__file__).resolve().parents[2]
FAILED = 1  # pytest's exit code for tests that failed; that it could not even collect them is 2


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the program and its tests."""
    for name in ("hub", "plugins", "docs/example", "tests"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy, with the copy's code."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *(f"tests/{test}" for test in tests)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{folder / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.timeout(220)
@pytest.mark.parametrize("mutant", GUARDS, ids=lambda mutant: mutant.name)
def test_a_guard_that_is_gone_is_missed(copy: Path, mutant: Mutant) -> None:
    for file, old, new in mutant.patches:
        text = (copy / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds {text.count(old)} times: {old}"
        (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    done = run(copy, mutant.killer)
    assert done.returncode == FAILED, done.stdout[-2000:]
    assert f"FAILED tests/{mutant.killer}" in done.stdout, done.stdout[-2000:]
