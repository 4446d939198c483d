"""The kit names a plugin's mistake in words that its author understands."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.faults_long

HERE = Path(__file__).parent


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("careless", HERE / "careless.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MISTAKES = _load().MISTAKES


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], str]:
    """What the kit says of each mistake, from one run of just those tests; "" where it passed."""
    report = tmp_path_factory.mktemp("kit") / "report.xml"
    wanted = [f"{HERE / 'careless.py'}::{mistake.contract}::{mistake.test}" for mistake in MISTAKES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *wanted],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parents[1],
        timeout=400,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return {
        (case.attrib["classname"].rpartition(".")[2], case.attrib["name"]): _message(case)
        for case in ElementTree.parse(report).iter("testcase")  # noqa: S314  # our own file
    }


def _message(case: Any) -> str:
    return "".join(f"{one.attrib.get('message', '')}\n{one.text}" for one in case.iter("failure"))


@pytest.mark.timeout(420)
@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_the_mistake_is_named(mistake: Any, said: Mapping[tuple[str, str], str]) -> None:
    assert mistake.words in said[mistake.contract, mistake.test]
