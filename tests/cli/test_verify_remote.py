"""`hub db verify --remote` asks the networks, and says what it could not compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import write_config

from hub.cli.main import main
from plugins.vk.sandbox import VKDouble


def run(config: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = main(["--config", str(config), *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_sound_hub_is_compared_account_by_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with VKDouble() as double:
        config = write_config(tmp_path, {"club": {"platform": "vk", **double.account()}})
        run(config, "post", "Hello", "--to", "club", capsys=capsys)
        run(config, "tick", capsys=capsys)
        code, answer = run(config, "db", "verify", "--remote", capsys=capsys)
        assert (code, answer["problems"], answer["compared"]) == (0, [], ["club"])
        double.posts.clear()
        code, answer = run(config, "db", "verify", "--remote", capsys=capsys)
    assert code == 1
    assert "club: delivery 1 is published" in answer["problems"][0]


def test_an_account_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with VKDouble() as double:
        config = write_config(tmp_path, {"club": {"platform": "vk", **double.account()}})
        run(config, "post", "Hello", "--to", "club", capsys=capsys)
        run(config, "tick", capsys=capsys)
        with double.refusing():
            code, answer = run(config, "db", "verify", "--remote", capsys=capsys)
    assert (code, answer["problems"]) == (5, [])
    assert "no connection" in answer["not_compared"]["club"]
