"""The docs say what is so: tables are fresh, links lead somewhere, configurations load, commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from hub import settings as configuration
from hub.cli.main import Commands
from hub.cli.table import TABLE
from hub.registry import Registry
from hub.testing import MemoryVault

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"`hub ((?:[a-z]|--)[^`]*)`")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *kinds: str) -> list[str]:
    return [body for kind, body in _BLOCK.findall(page.read_text(encoding="utf-8")) if kind in kinds]


def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", _BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def configurations() -> Iterator[Any]:
    """Yield every toml block that is a whole hub.toml."""
    for page in PAGES:
        for number, block in enumerate(blocks(page, "toml"), 1):
            found = tomllib.loads(block)
            accounts = found.get("accounts", {})
            if found.keys() <= {"hub", "accounts", "routes", "schedule", "webhooks"} and all(
                "platform" in account for account in accounts.values()
            ):
                yield pytest.param(block, id=f"{name_of(page)}-{number}")


def commands() -> Iterator[Any]:
    """Yield every command line that begins with `hub`, in the text or on a line of a shell block."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = _COMMAND.findall(_BLOCK.sub("", text))
        for block in blocks(page, "sh", "console", ""):
            lines += re.findall(r"^(?:\$ )?hub ([a-z-].*)$", block, re.MULTILINE)
        for line in dict.fromkeys(lines):
            yield pytest.param(line, id=f"{name_of(page)}: hub {line}")


def secrets_of(values: object) -> Iterator[tuple[str, str]]:
    """Yield what a configuration wants from the environment, from files and from the vault."""
    if isinstance(values, dict):
        for key, value in values.items():
            if key in ("env", "file", "vault") and isinstance(value, str):
                yield key, value
            else:
                yield from secrets_of(value)


def test_the_made_parts_of_the_docs_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "tools/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_page_is_shown_with_its_diff(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "tools" / "docs.py").write_bytes((ROOT / "tools" / "docs.py").read_bytes())
    (tmp_path / "README.md").write_text("<!-- made: commands -->\nold\n<!-- end: commands -->\n")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "tools" / "docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "-old" in done.stdout
    assert "+| `hub init` |" in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(_BLOCK.sub("", page.read_text(encoding="utf-8"))):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        if anchor:
            assert anchor[1:] in anchors(file), (target, anchor)


@pytest.mark.parametrize("block", list(configurations()))
def test_every_whole_hub_toml_loads(block: str, tmp_path: Path) -> None:
    registry = Registry.discover()
    environment: dict[str, str] = {}
    vault = MemoryVault()
    wanted = list(secrets_of(tomllib.loads(block)))
    for kind, secret in wanted:
        if kind == "env":
            environment[secret] = f"secret {len(environment)}"
        elif kind == "vault":
            vault.secrets[secret] = "secret"
        else:
            (tmp_path / secret).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / secret).write_text("secret\n")
    path = tmp_path / "hub.toml"
    path.write_text(block, encoding="utf-8")
    settings = configuration.load(path, environment)
    if all(account.platform in registry.adapters for account in settings.accounts.values()):
        registry.check_accounts(settings, lambda name: vault)


@pytest.mark.parametrize("line", list(commands()))
def test_every_command_in_the_docs_exists_with_its_options(line: str) -> None:
    words = shlex.split(line.replace("…", ""), comments=True)
    command: click.Command = Commands("hub")
    context = click.Context(command)
    while words and words[0].startswith("--config"):
        words = words[1:] if "=" in words[0] else words[2:]
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
    known = {option for param in command.get_params(context) for option in param.opts}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= {*known, "--help", "--version", "--json", "--config", "--lang", "--no-input"}, given - known


def test_the_help_lists_the_commands_of_the_docs() -> None:
    done = subprocess.run([sys.executable, "-m", "hub", "--help"], capture_output=True, text=True, check=True)
    for name in TABLE:
        assert f"\n  {name} " in done.stdout


def test_the_service_files_and_the_cron_line_call_commands_that_exist() -> None:
    files = [*sorted((ROOT / "config").glob("hub*.service")), ROOT / "config" / "hub.cron"]
    called = [re.search(r"/bin/hub (?:--config \S+ )?(\w+)", file.read_text(encoding="utf-8")) for file in files]
    assert [found and found[1] for found in called] == ["serve", "tick", "worker", "run", "tick"]


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {re.split(r"[\[<>=]", one)[0] for one in wanted} - {"crosshub"}
    told = re.findall(
        r"^\| `([^`]+)`", (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    explained = {name for name in names if name in told or name.startswith("types-")}
    assert explained == names
    assert set(told) <= names
