"""The kit catches the mistakes that plugin authors make, each by a test that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from testing.mistakes import MISTAKES, Mistake

from hub.cli.scaffold import make


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the package's own tests, as its author does."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    make(tmp_path / "hub-village", "village")
    return tmp_path / "hub-village"


@pytest.mark.faults_long
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_mistake_is_caught_and_named(package: Path, mistake: Mistake) -> None:
    source = package / "hub_village" / "__init__.py"
    text = source.read_text(encoding="utf-8")
    assert text.count(mistake.old) == 1, "the example has changed: this mistake cannot be made in it any more"
    source.write_text(text.replace(mistake.old, mistake.new), encoding="utf-8")
    done = run(package, "-x", "-k", mistake.caught_by)
    caught = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert done.returncode == 1, done.stdout[-3000:]
    assert any(mistake.caught_by in line for line in caught), caught
    assert mistake.says in done.stdout, "\n".join(caught)


def test_there_are_more_than_twenty_five_and_each_is_another() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) > 25
    assert len({(mistake.old, mistake.new) for mistake in MISTAKES}) == len(MISTAKES)
