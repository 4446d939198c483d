"""How `hub` starts: light, quiet, and with help that says what the commands say of themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import hub as package
from hub.cli.table import TABLE

HEAVY = ("pydantic", "httpx", "msgspec", "sqlalchemy", "sqlmodel", "alembic", "structlog", "pluggy", "PIL")


def test_help_imports_click_and_nothing_heavy() -> None:
    code = "import sys; from hub.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert loaded.isdisjoint(HEAVY)
    assert {name for name in done.stderr.split() if name.startswith("hub.")} == {
        "hub.cli",
        "hub.i18n",
        "hub.cli.main",
        "hub.cli.output",
        "hub.cli.table",
    }


def test_every_public_name_can_be_imported() -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Store'"):
        _ = package.Store  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TABLE)
def test_the_listing_says_what_the_command_says_of_itself(name: str) -> None:
    entry = TABLE[name]
    command = getattr(import_module(f"hub.cli.{entry.module}"), entry.attribute)
    assert (command.name, command.help) == (name, entry.help)


def test_every_command_takes_json_after_its_name(hub: Callable[..., Any]) -> None:
    for name, entry in TABLE.items():
        command = getattr(import_module(f"hub.cli.{entry.module}"), entry.attribute)
        for leaf in getattr(command, "commands", {name: command}).values():
            assert "--json" in [option for param in leaf.params for option in param.opts], leaf.name


def test_without_a_command_the_help_is_shown(hub: Callable[..., Any]) -> None:
    said = hub()
    assert said.code == 0
    assert said.out.startswith("Usage: hub")


def test_a_closed_pipe_ends_the_command_quietly(hub_command: list[str], tmp_path: Path) -> None:
    running = subprocess.Popen(
        [*hub_command, "plugins"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    )
    assert running.stdout is not None
    running.stdout.close()
    _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, b"")


def test_no_colour_is_used_where_no_terminal_is(hub: Callable[..., Any]) -> None:
    assert "\x1b" not in hub("nope").err


def test_no_color_is_honoured_on_a_terminal(hub_command: list[str], tmp_path: Path) -> None:
    def on_terminal(**extra: str) -> bytes:
        ours, theirs = os.openpty()
        try:
            subprocess.run([*hub_command, "nope"], stderr=theirs, cwd=tmp_path, env={"HUB_LANG": "en", **extra})
            return os.read(ours, 1000)
        finally:
            os.close(ours)
            os.close(theirs)

    assert b"\x1b[" in on_terminal()
    assert b"\x1b[" not in on_terminal(NO_COLOR="1")
