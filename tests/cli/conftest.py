"""What the tests of the command line share: a way to call `hub`, and small configurations for it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.cli.main import main
from hub.registry import Registry
from hub.testing import world
from hub.testing.fresh import empty_database

HUB = [sys.executable, "-c", "import sys; from hub.cli.main import main; sys.exit(main())"]


@dataclass
class Said:
    """What one call of `hub` said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The document on stdout; there must be exactly one."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def error(self) -> dict[str, str]:
        assert self.json["ok"] is False
        error: dict[str, str] = self.json["error"]
        return error


Hub = Callable[..., Said]


@pytest.fixture
def hub(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    """Call `hub` in this process, in a fresh folder, in English."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_LANG", "en")
    monkeypatch.delenv("HUB_CONFIG", raising=False)

    def call(*args: str, stdin: bytes = b"") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Said]:
    """Call `hub` in a process of its own, as a person or cron does."""

    def call(*args: str, env: dict[str, str] | None = None) -> Said:
        done = subprocess.run(
            [*HUB, *args],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "HUB_LANG": "en", **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return call


CONFIG = """
[hub]
timezone = "Europe/Berlin"

[accounts.club]
platform = "vk"
group = 123
token = { file = "token" }
api_url = "http://127.0.0.1:1"

[accounts.bird]
platform = "twitter"
token = { file = "token" }
api_url = "http://127.0.0.1:1"

[accounts.blog]
platform = "rss"
url = "http://127.0.0.1:1/feed.xml"
"""


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A hub.toml with accounts whose networks are not there, and the database of a hub that has started before."""
    (tmp_path / "token").write_text("secret-token\n")
    path = tmp_path / "hub.toml"
    path.write_text(CONFIG, encoding="utf-8")
    (tmp_path / "hub.db").write_bytes(empty_database())
    return path


@pytest.fixture
def small_world(tmp_path: Path) -> Iterator[world.World]:
    """The doubles of a few plugins of every sort, a hub.toml for them, and the database of an earlier start."""
    installed = Registry.discover().adapters
    few = {name: installed[name] for name in ("vk", "facebook", "twitter", "rss", "crm_generic")}
    (tmp_path / "hub.db").write_bytes(empty_database())
    with world.started(tmp_path, few, schedule="every 1h") as started:
        yield started


@pytest.fixture
def hub_command() -> list[str]:
    """The words that start `hub`, for tests that start it by themselves."""
    return HUB
