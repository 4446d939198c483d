"""Every mutant is found by the model that is there for it, and nothing else is wrong where it is looked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from models.mutants import MUTANTS, Mutant

pytestmark = pytest.mark.mutants

CHECKOUT = Path(__file__).resolve().parents[2]
FAILED = 1  # pytest's exit code for tests that failed; that it could not even collect them is 2


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the models need."""
    for name in ("hub", "plugins", "docs/example"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/support.py", *_models()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    return tmp_path


def _models() -> list[str]:
    return [str(path.relative_to(CHECKOUT)) for path in Path(__file__).parent.glob("*.py")]


def run(folder: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run tests of the models in a copy, with the copy's code."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *(f"tests/models/{test}" for test in tests)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{folder / 'tests'}", "HUB_MODELS": "mutants"},
        capture_output=True,
        text=True,
        timeout=280,
    )


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_found(copy: Path, mutant: Mutant) -> None:
    for file, old, new in mutant.patches:
        text = (copy / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds {text.count(old)} times: {old}"
        (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    done = run(copy, [mutant.killer])
    assert done.returncode == FAILED, done.stdout[-2000:]
    assert f"FAILED tests/models/{mutant.killer}" in done.stdout, done.stdout[-2000:]


def test_without_a_mutant_nothing_is_found(copy: Path) -> None:
    done = run(copy, sorted({mutant.killer for mutant in MUTANTS}))
    assert done.returncode == 0, done.stdout[-2000:]
