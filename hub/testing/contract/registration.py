"""Imports a plugin in a process of its own, as a script, and writes down what that touched."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What a plugin imports where it is used: each costs every start of `hub` a tenth of a second or more.
_HEAVY = frozenset(
    [
        "PIL",
        "aiohttp",
        "alembic",
        "boto3",
        "botocore",
        "bs4",
        "cryptography",
        "feedparser",
        "google",
        "lxml",
        "matplotlib",
        "numpy",
        "oauthlib",
        "pandas",
        "playwright",
        "pytest",
        "requests",
        "scipy",
        "selenium",
        "sqlalchemy",
        "sqlmodel",
        "torch",
    ]
)
_NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostby", "socket.sendto", "urllib.")
_PROCESS = ("subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system", "os.spawn", "pty.spawn")
_DISK = (
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil.",
    "sqlite3",
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


@dataclass(frozen=True, slots=True)
class Registration:
    """What importing a plugin and calling its `register_adapters` did.

    `adapters` are the names of the classes it returned, None if there is no such function. `seconds` is the time
    that the processor took, beyond what the hub itself takes.
    """

    adapters: list[str] | None
    network: list[str]
    disk: list[str]
    processes: list[str]
    heavy: list[str]
    seconds: float


@functools.cache
def registration_of(module: str) -> Registration:
    """Import the module that a loaded one was imported from, alone, and tell what that did."""
    path = getattr(sys.modules[module], "__file__", "") or ""
    done = subprocess.run(  # noqa: S603  # our own file
        [sys.executable, "-B", "-W", "ignore", __file__, module, path, json.dumps(sys.path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{module} cannot be imported by itself:\n{done.stderr}"
    return Registration(**json.loads(done.stdout.splitlines()[-1]))


def _main(module: str, path: str, search: list[str]) -> None:
    sys.path[:] = search
    import hub

    for name in hub.__all__:
        getattr(hub, name)
    import typing  # noqa: F401  # what every plugin imports
    import urllib.parse  # noqa: F401

    seen: dict[str, list[str]] = {"network": [], "disk": [], "processes": []}
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching:
            return
        if event.startswith(_NETWORK):
            seen["network"].append(f"{event} {arguments[1:]!r}")
        elif event.startswith(_PROCESS):
            seen["processes"].append(f"{event} {arguments[:1]!r}")
        elif event.startswith(_DISK) or (event == "open" and _writes(arguments)):
            seen["disk"].append(f"{event} {arguments[:1]!r}")

    loaded = set(sys.modules)
    sys.addaudithook(watch)
    began = time.process_time()
    adapters = _register(module, path)
    seconds = time.process_time() - began
    watching = False
    heavy = sorted({name.partition(".")[0] for name in set(sys.modules) - loaded} & _HEAVY)
    print(json.dumps({"adapters": adapters, "heavy": heavy, "seconds": seconds, **seen}))  # noqa: T201


def _writes(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 else 0
    return isinstance(flags, int) and bool(flags & _WRITING)


def _register(module: str, path: str) -> list[str] | None:
    """Call `register_adapters` of the module, or of the nearest package above it."""
    _load(module, path)
    name = module
    while name:
        found = getattr(sys.modules.get(name), "register_adapters", None)
        if found is not None:
            return [adapter.__qualname__ for adapter in found()]
        name = name.rpartition(".")[0]
    return None


def _load(module: str, path: str) -> None:
    if importlib.util.find_spec(module.partition(".")[0]) is not None:
        importlib.import_module(module)
        return
    # It was loaded from its file, as tests do.
    spec = importlib.util.spec_from_file_location(module, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{module} comes from no file")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded
    spec.loader.exec_module(loaded)


if __name__ == "__main__":
    # The folder of this file stands first: its modules have the names of others.
    _main(
        sys.argv[1],
        sys.argv[2],
        [entry for entry in json.loads(sys.argv[3]) if Path(entry) != Path(__file__).parent],
    )
