"""The reading half of the conformance kit catches each mistake, by a test whose message names it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sloppy_readers import MISTAKES, Mistake, Search, SearchDouble

from hub.testing import AdapterContract
from hub.testing.contract.searching import Searching

TESTS = Path(__file__).resolve().parents[1]

# All mistakes are run at once, by the first test that asks what was said of one.
pytestmark = [pytest.mark.timeout(300), pytest.mark.faults_long]

# Each mistake is a class, as in the tests of a plugin; of the kit it has the area that should catch it.
CLASSES = """
from sloppy_readers import MISTAKES

from hub.testing import AdapterContract

for number, mistake in enumerate(MISTAKES):
    name = f"TestMistake{number}"
    area = next(above for above in AdapterContract.__mro__ if mistake.test in vars(above))
    globals()[name] = type(name, (area,), {"adapter": mistake.adapter, "double": mistake.double})
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """What the kit says of every mistake: one run of pytest, as a plugin's author starts it."""
    folder = tmp_path_factory.mktemp("sloppy")
    (folder / "test_sloppy.py").write_text(CLASSES, encoding="utf-8")
    nodes = [f"test_sloppy.py::TestMistake{number}::{one.caught_by}" for number, one in enumerate(MISTAKES)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml=report.xml", *nodes],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=280,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
    )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[int, str] = {}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):  # noqa: S314  # our own
        number = int(case.get("classname", "").rpartition("TestMistake")[2])
        found[number] = "".join(part.get("message", "") for part in case.iter("failure"))
    return found


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[one.adapter.__name__ for one in MISTAKES])
def test_a_mistake_is_caught_and_named(number: int, said: dict[int, str]) -> None:
    mistake: Mistake = MISTAKES[number]
    assert said[number], f"{mistake.caught_by} passed"
    assert mistake.says in said[number]


def test_no_two_areas_define_the_same_name() -> None:
    """A test of one area would silently replace that of another."""
    owners = [above for above in AdapterContract.__mro__ if "area" in vars(above)]
    names = Counter(name for owner in owners for name in vars(owner) if not name.startswith("__"))
    assert {name for name, times in names.items() if times > 1} <= {"area"}


def test_every_area_has_a_name() -> None:
    assert len({vars(above)["area"] for above in AdapterContract.__mro__ if "area" in vars(above)}) > 10


class TestSearch(Searching):
    """What has none of these mistakes passes; the other areas are looked at with the worked example."""

    adapter = Search
    double = SearchDouble
