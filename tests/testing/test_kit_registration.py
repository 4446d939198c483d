"""The kit sees what importing a plugin does: to the network, the disk, other processes, and the start of `hub`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.testing.contract.registration import Registration, registration_of

Watch = Callable[[str], Registration]


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A way to write a plugin and have its registration watched."""
    name = f"hub_{tmp_path.name.replace('-', '_')}"
    monkeypatch.syspath_prepend(tmp_path)

    def watch(source: str) -> Registration:
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        __import__(name)
        return registration_of(name)

    yield watch
    sys.modules.pop(name, None)


def test_a_plugin_that_only_registers_leaves_no_trace(registered: Watch) -> None:
    done = registered(
        "import hub\n\n\nclass Net(hub.Adapter): ...\n\n\ndef register_adapters():\n    return [Net]\n"
    )
    assert (done.adapters, done.network, done.disk, done.processes, done.heavy) == (["Net"], [], [], [], [])


def test_a_socket_is_seen(registered: Watch) -> None:
    source = "import socket\nwith socket.socket() as s:\n    s.bind(('127.0.0.1', 0))\n"
    assert registered(source).network[0].startswith("socket.bind")


def test_a_name_that_is_looked_up_is_seen(registered: Watch) -> None:
    assert registered("import socket\nsocket.getaddrinfo('127.0.0.1', 80)\n").network


def test_a_file_that_is_written_is_seen(registered: Watch) -> None:
    assert "open ('notes.txt',)" in registered("open('notes.txt', 'w').close()\n").disk


def test_a_folder_that_is_made_is_seen(registered: Watch) -> None:
    assert registered("import os\nos.makedirs('cache', exist_ok=True)\n").disk


def test_a_file_that_is_read_is_none_of_it(registered: Watch) -> None:
    assert not registered("open(__file__).close()\n").disk


def test_a_process_is_seen(registered: Watch) -> None:
    assert registered("import subprocess\nsubprocess.run(['true'], check=True)\n").processes


def test_what_register_adapters_does_counts_too(registered: Watch) -> None:
    assert registered("def register_adapters():\n    open('notes.txt', 'w').close()\n    return []\n").disk


def test_a_heavy_import_is_seen(registered: Watch) -> None:
    assert registered("import PIL.Image\n").heavy == ["PIL"]


def test_a_heavy_import_where_it_is_used_is_none(registered: Watch) -> None:
    assert not registered("def convert():\n    import PIL.Image\n").heavy
