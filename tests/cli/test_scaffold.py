"""`hub plugins new` makes a package whose names are all its own, and touches nothing that is there."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from hub.cli.main import main


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    code, answer = run("plugins", "new", "my_net", capsys=capsys)
    assert (code, answer["folder"]) == (0, "hub-my-net")
    return tmp_path / "hub-my-net"


def test_the_package_has_all_that_a_plugin_needs(made: Path) -> None:
    assert {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()} == {
        ".github/workflows/test.yml",
        ".gitignore",
        "Makefile",
        "README.md",
        "hub_my_net/__init__.py",
        "hub_my_net/sandbox.py",
        "pyproject.toml",
        "tests/test_my_net.py",
    }


def test_nothing_of_the_example_s_name_is_left(made: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in made.rglob("*") if path.is_file()]
    assert not [text for text in texts if "village" in text.lower()]


def test_its_entry_point_leads_to_its_module(made: Path) -> None:
    project = tomllib.loads((made / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["name"], project["entry-points"]["hub"]) == ("hub-my-net", {"my_net": "hub_my_net"})


def test_its_makefile_asks_for_the_hub_where_this_one_came_from(made: Path) -> None:
    (line,) = [line for line in (made / "Makefile").read_text().splitlines() if line.startswith("CROSSHUB")]
    assert line.startswith("CROSSHUB ?= crosshub[testing]")
    assert line != "CROSSHUB ?= crosshub[testing]"


def test_a_folder_that_is_there_stays_as_it_is(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (made / "hub_my_net" / "__init__.py").write_text("mine")
    code, answer = run("plugins", "new", "my_net", capsys=capsys)
    assert (code, answer["error"]["code"]) == (2, "usage")  # type: ignore[index]
    assert (made / "hub_my_net" / "__init__.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["My-Net", "1net", "net!", "_net", "сеть", "my__net", ""])
def test_a_name_that_no_module_can_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, answer = run("plugins", "new", name, capsys=capsys)
    assert code == 2
    assert "cannot be the name" in answer["error"]["message"]  # type: ignore[index]
    assert list(tmp_path.iterdir()) == []


def test_a_platform_that_is_installed_is_not_made_anew(capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = run("plugins", "new", "vk", capsys=capsys)
    assert code == 2
    assert "plugins.vk" in answer["error"]["message"]  # type: ignore[index]


def test_another_folder_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _answer = run("plugins", "new", "other", "--into", str(tmp_path / "deep" / "er"), capsys=capsys)
    assert code == 0
    assert (tmp_path / "deep" / "er" / "hub_other" / "__init__.py").exists()
