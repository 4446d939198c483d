"""Breaks a copy of the program on purpose and runs tests on it: the copy's own code, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
# pytest's exit code for tests that failed; that it could not even collect them is 2.
FAILED = 1
# What is no part of the program, and large.
_LEFT_OUT = shutil.ignore_patterns("real", "*.db")


def copy_program(folder: Path) -> Path:
    """Copy the program and its tests, what is compiled too: compiling anew would take longer than the tests."""
    for name in ("hub", "plugins", "docs/example", "tests"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=_LEFT_OUT)
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    return folder


def replace_once(folder: Path, file: str, old: str, new: str) -> None:
    """Patch a file of the copy; AssertionError if what is to be replaced is not there exactly once."""
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} holds {text.count(old)} times: {old}"
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")


def run_tests(
    folder: Path, tests: Sequence[str], env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy until one fails; each is named from the folder of tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *(f"tests/{test}" for test in tests)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{folder / 'tests'}", **(env or {})},
        capture_output=True,
        text=True,
        timeout=280,
    )
