"""What pytest says of a contract at the end, and what the kit costs those who do not use it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults_long

ROOT = Path(__file__).resolve().parents[2]
_PLUGIN = """
import pytest
from support import Village, VillageDouble
from hub import Identity
from hub.testing import AdapterContract, Replies, Reply

class TestVillage(AdapterContract):
    adapter = Village
    double = VillageDouble

class TestTable(AdapterContract):
    adapter = Village
    double = Replies({("GET", "/me"): Reply({"id": "1", "name": "We"})}, settings={"token": "village-token"})

class Stray(Village):
    settle = "somehow"

class TestStray(AdapterContract):
    adapter = Stray
    double = VillageDouble

class TestBrokenAtTheEnd(AdapterContract):
    adapter = Village
    double = VillageDouble

    @pytest.fixture(autouse=True)
    def break_at_the_end(self):
        yield
        raise RuntimeError("at the end")

    def test_of_my_own(self):
        pass
"""
_OPENING = "settled or permalink or wrong_secret or platform"


def run(folder: Path, *arguments: str) -> str:
    (folder / "test_net.py").write_text(_PLUGIN, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, f"--rootdir={ROOT}", *arguments, str(folder / "test_net.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=100,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def test_the_score_card_counts_by_area_and_tells_why_tests_were_skipped(tmp_path: Path) -> None:
    out = run(tmp_path, "-k", f"TestVillage and ({_OPENING} or same_key)")
    assert "conformance of TestVillage" in out
    assert re.search(r"^area +passed +failed +skipped$", out, re.MULTILINE)
    assert re.search(r"^opening +4 +0 +0$", out, re.MULTILINE)
    assert re.search(r"^settling +0 +0 +1$", out, re.MULTILINE)
    assert re.search(r"^skipped +1 +village settles by lookup$", out, re.MULTILINE)
    assert re.search(r"^score 4/4$", out, re.MULTILINE)


def test_a_failure_lowers_the_score(tmp_path: Path) -> None:
    assert re.search(r"^score 3/4$", run(tmp_path, "-k", f"TestStray and ({_OPENING})"), re.MULTILINE)


def test_what_fails_while_it_is_cleaned_up_failed_once(tmp_path: Path) -> None:
    assert re.search(r"^score 0/4$", run(tmp_path, "-k", f"TestBroken and ({_OPENING})"), re.MULTILINE)


def test_tests_of_the_authors_own_are_not_counted(tmp_path: Path) -> None:
    assert "score" not in run(tmp_path, "-k", "of_my_own")


def test_a_quiet_run_says_the_score_alone(tmp_path: Path) -> None:
    out = run(tmp_path, "-q", "-k", f"(TestVillage or TestTable) and ({_OPENING})")
    assert "TestVillage: score 4/4" in out
    assert "TestTable: score 2/2" in out
    assert "conformance of" not in out
    assert not re.search(r"^opening", out, re.MULTILINE)


def test_the_score_is_the_same_on_several_workers(tmp_path: Path) -> None:
    out = run(tmp_path, "-n", "2", "-k", f"TestVillage and ({_OPENING})")
    assert re.search(r"^score 4/4$", out, re.MULTILINE)


def test_a_table_of_replies_skips_what_looks_at_posts_by_name(tmp_path: Path) -> None:
    out = run(tmp_path, "-k", "TestTable and (check or receipt or registering or wrong_secret)")
    assert re.search(r"^skipped +\d+ +RepliesDouble is no SocialDouble$", out, re.MULTILINE)
    assert re.search(r"^skipped +1 +Replies checks no secret$", out, re.MULTILINE)
    passed, applied = re.findall(r"^score (\d+)/(\d+)$", out, re.MULTILINE)[0]
    assert int(passed) == int(applied) >= 9


def modules_after(statement: str) -> set[str]:
    code = f"import sys, pytest\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_pytest_plugin_imports_nothing_of_the_hub_but_itself() -> None:
    new = modules_after("import hub.testing.pytest_plugin") - modules_after("")
    assert new == {"hub", "hub.testing", "hub.testing.pytest_plugin"}


@pytest.mark.parametrize("module", ["hub.testing", "hub.testing.world", "hub.testing.desk", "hub.cli.demo"])
def test_what_the_demo_needs_works_without_pytest(module: str) -> None:
    code = (
        f"import sys\nsys.modules['pytest'] = None\nimport {module}\nfrom hub.testing import SocialDouble, faults"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
