"""How answers are printed: aligned, harmless to a terminal, one JSON document, and never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import structlog

from hub.cli import logging
from hub.cli.failures import failure_of
from hub.cli.output import Output, one_line, printable, short, width
from hub.cli.work import exit_code
from hub.errors import AuthError, HubError, TransientError
from hub.registry import Registry
from hub.scheduling.report import Report

Hub = Callable[..., Any]


def test_columns_line_up_whatever_the_alphabet(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(("Имя", "x"), [("日本", 1), ("e\u0301", 2), ("Анна", 3)])
    lines = capsys.readouterr().out.splitlines()
    assert {width(line[: line.rindex("  ") + 2]) for line in lines} == {6}


def test_what_steers_a_terminal_is_made_visible() -> None:
    assert printable("a\x1b[2Jb\u202ec\td\ne") == "a\ufffd[2Jb\ufffdc\td\ne"
    assert one_line("a\nb\x07") == "a b\ufffd"


def test_a_long_text_is_cut_for_a_listing() -> None:
    assert short("a" * 100, 10) == "a" * 9 + "…"


def test_a_json_answer_survives_an_old_terminals_alphabet(process: Callable[..., Any], configured: Path) -> None:
    said = process("post", "Привет 😀", "--to", "club", "--json", env={"PYTHONIOENCODING": "ascii"})
    assert said.json["post"]["text"] == "Привет 😀"


def test_global_options_stand_before_the_command_or_after_it(hub: Hub, configured: Path) -> None:
    configured.rename(configured.with_name("other.toml"))
    before = hub("--json", "--config", "other.toml", "posts")
    after = hub("posts", "--json", "--config", "other.toml")
    assert before.json == after.json == {"ok": True, "posts": [], "waits": [], "stopped": None}


def test_talk_goes_to_stderr_and_the_document_alone_to_stdout(hub: Hub, configured: Path) -> None:
    said = hub("post", "x", "--to", "club", "--at", "2020-01-01 10:00", "--json")
    assert said.err.startswith("Warning: ")
    assert list(json.loads(said.out)) == ["ok", "new", "post", "warnings", "stopped"]


def test_the_log_of_a_command_stays_off_stdout(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert hub("plugins").code == 0
    structlog.get_logger().warning("something odd", account="club", token="a b")
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(r'\d{4}-\d\d-\d\d [\d:]{8} warning something odd account=club token="a b"\n', said.err)


@pytest.mark.parametrize(
    "text",
    [
        "GET https://x/y?access_token=SECRET12&a=1",
        "Authorization: Bearer SECRET12",
        '{"refresh_token": "SECRET12"}',
        "client_secret=SECRET12",
    ],
)
def test_what_looks_like_a_secret_is_blotted_out(text: str) -> None:
    assert "SECRET12" not in logging.redact(text)
    assert "***" in logging.redact(text)


def test_a_defect_of_ours_is_one_line_with_the_story_in_a_file(tmp_path: Path) -> None:
    try:
        raise KeyError("Bearer abcdefghij")
    except KeyError as error:
        failure = failure_of(error, tmp_path)
    [file] = tmp_path.iterdir()
    assert (failure.code, failure.exit_code) == ("internal", 1)
    assert str(file) in failure.hint
    assert "Traceback" in file.read_text()
    assert "abcdefghij" not in file.read_text() + failure.message


def test_an_interrupt_is_exit_130(tmp_path: Path) -> None:
    assert failure_of(KeyboardInterrupt(), tmp_path).exit_code == 130
    assert failure_of(click.Abort(), tmp_path).exit_code == 130


def report(*errors: HubError, **counts: int) -> Report:
    made = Report("a", errors=list(errors))
    made.counts.update({name.replace("_", " "): count for name, count in counts.items()})
    return made


@pytest.mark.parametrize(
    ("reports", "code"),
    [
        ([], 0),
        ([report(published=1), report()], 0),
        ([report(TransientError("x"))], 6),
        ([report(TransientError("x")), report(waiting=1)], 6),
        ([report(AuthError("x")), report(AuthError("y"))], 4),
        ([report(unknown=1)], 7),
        ([report(asked=1)], 7),
        ([report(failed=1)], 1),
        ([report(AuthError("x")), report(TransientError("y"))], 5),
        ([report(AuthError("x")), report(published=1)], 5),
        ([report(failed=1, published=1)], 5),
    ],
)
def test_a_tick_says_by_its_exit_code_how_it_went(reports: list[Report], code: int) -> None:
    assert exit_code(reports) == code


def test_commands_of_plugins_are_found_by_name() -> None:
    from hub import hookimpl
    from hub.cli.plugins import plugin_commands

    plugin = ModuleType("shouting")

    @hookimpl
    def register_commands(cli: click.Group) -> None:
        cli.add_command(click.Command("shout", help="Say it loudly."))

    plugin.register_commands = register_commands  # type: ignore[attr-defined]
    assert list(plugin_commands(Registry.discover({"shouting": plugin}))) == ["shout"]
