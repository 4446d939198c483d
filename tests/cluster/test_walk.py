"""The walk of docs/cluster.md, command by command: from the demo on SQLite to two workers, one of them killed."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa
import yaml
from conftest import named, psycopg_to

from hub.cli.main import _program
from hub.cli.output import Output
from hub.scheduling.hub import utc_now
from hub.store import Store, tables
from hub.store.running import workers
from hub.store.running.workers import Worker

DOC = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
WRITTEN = "postgresql://hub@localhost/hub"


@pytest.fixture
def database(postgresql: str) -> Iterator[str]:
    """What `createdb` of the walk makes."""
    name = f"walk{uuid.uuid4().hex}"
    with psycopg_to(postgresql) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    yield named(postgresql, name)
    with psycopg_to(postgresql) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Walk:
    """One shell: the commands of the walk, run as they are written."""

    def __init__(self, folder: Path, database: str, stack: ExitStack) -> None:
        self.folder = folder
        self._database = database
        self._stack = stack
        self.pid = 0

    def __call__(self, line: str) -> str:
        """Run a line and return what it says; what ends with `&` goes on beside it. `hub status` may exit 5."""
        line = line.replace(WRITTEN, self._database).replace("PID", str(self.pid))
        words = shlex.split(line)
        if words[0] == "cd":
            self.folder /= words[1]
        elif words[0] == "createdb":
            return ""
        elif words[-1] == "&":
            self.beside(*words[:-1])
        else:
            command = [sys.executable, "-m", *words] if words[0] == "hub" else words
            done = subprocess.run(
                command,
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
                env=_environment(),
            )
            assert done.returncode in ((0, 5) if words[1] == "status" else (0,)), done.stdout + done.stderr
            return done.stdout
        return ""

    def beside(self, *words: str) -> subprocess.Popen[str]:
        log = self.folder / f"{uuid.uuid4().hex}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=self.folder,
                stdout=out,
                stderr=out,
                text=True,
                env=_environment(),
            )
        process.log = log  # type: ignore[attr-defined]
        self._stack.callback(_end, process)
        self.started = process
        return process

    def block(self, number: int) -> list[str]:
        return [self(line) for line in BLOCKS[number].strip().splitlines()]

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("hub status --json"))
        return found


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(DOC.parents[1]), "HUB_CONFIG": ""} | {"LC_ALL": "C.UTF-8"}


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def until(met: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 90
    while not met():
        assert time.monotonic() < end, what
        time.sleep(0.3)


@pytest.mark.timeout(300)
def test_the_walk_goes_as_it_is_written(tmp_path: Path, database: str) -> None:
    with ExitStack() as stack:
        walk = Walk(tmp_path, database, stack)
        walk.block(0)
        demo = walk.started
        until(lambda: "The world keeps running" in demo.log.read_text(), "the demo does not end")  # type: ignore[attr-defined]
        shown = walk.block(1)[-1]
        assert "hub tick" in shown
        assert "ended" in shown
        moved = walk.block(2)[1]
        assert "counts and hashes are the same" in moved
        assert f'database = "{database}"'[:30] in moved
        walk.block(3)
        store = Store.open(database)
        stack.callback(store.close)
        until(lambda: len(_alive(store)) == 2, "the workers do not come")
        assert walk.status()["database"] == "postgresql"
        until(lambda: _states(store, "Two are better than one") == OUT, "the first post does not go out")
        walk.pid = _alive(store)[0].pid
        walk.block(4)
        until(lambda: _states(store, "One goes on") == OUT, "the second post does not go out")
        until(lambda: len(_alive(store)) == 1, "the dead one counts as alive")
        page = walk.beside(*shlex.split(BLOCKS[5]), "--port", "0")
        until(lambda: "the page is at" in page.log.read_text(), "the page does not open")  # type: ignore[attr-defined]
        address = re.search(r"the page is at (\S+);", page.log.read_text())[1]  # type: ignore[attr-defined, index]
        with urllib.request.urlopen(f"{address.rstrip('/')}/readyz", timeout=60) as answer:  # noqa: S310
            assert json.load(answer)["ok"]


OUT = ["published", "published"]


def _states(store: Store, text: str) -> list[str]:
    """Return the states of a post's deliveries."""
    of_text = sa.select(tables.posts.c.id).where(tables.posts.c.text == text).scalar_subquery()
    wanted = sa.select(tables.deliveries.c.state).where(tables.deliveries.c.post_id == of_text)
    with store.read() as connection:
        return list(connection.execute(wanted).scalars())


def _alive(store: Store) -> list[Worker]:
    """Return the workers that show signs of life; the demo's own rounds are none."""
    with store.read() as connection:
        return [one for one in workers.alive(connection, utc_now()) if one.how == "worker"]


def test_the_examples_of_units_and_containers_are_well_formed_and_name_commands_that_there_are() -> None:
    config = DOC.parents[1] / "config"
    wanted = [
        container["command"]
        for document in yaml.safe_load_all((config / "kubernetes.yaml").read_text())
        for container in document["spec"].get("template", {}).get("spec", {}).get("containers", ())
    ]
    assert len(wanted) == 3
    wanted.append(json.loads(re.findall(r"^CMD (.*)$", (config / "Containerfile").read_text(), re.MULTILINE)[0]))
    for unit in ("hub.service", "hub-worker@.service", "hub-serve.service"):
        (line,) = re.findall(r"^ExecStart=\S+/hub --config \S+ (.*)$", (config / unit).read_text(), re.MULTILINE)
        wanted.append(["hub", *shlex.split(line)])
    program = _program()
    for hub, *words in wanted:
        assert hub == "hub"
        context = click.Context(program, info_name="hub", obj=Output())
        command: click.Command = program
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, wanted
            command = found
        command.make_context("hub", list(words), parent=context)
