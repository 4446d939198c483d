"""Installs real servers once, starts them on loopback, stops them; and says which could not be had."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

ROOT = Path(__file__).resolve().parents[2]
# Installed once, kept between runs, ignored by git.
SERVERS = ROOT / ".servers"
MATERIAL = Path(__file__).parent / "servers"
"""Files that servers need and that are no Python: `servers/NAME/`."""

_INSTALLING = 600.0
# Seconds after which an installation that failed is tried again.
_IN_VAIN = 1800.0
# Node has a list of authorities of its own; this is the machine's, which may know one more, such as a mirror's.
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_STOPPING = 10.0
# A server is in a group of its own, which nobody ends when a run is broken off: the kernel does.
_WITH_US = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


class NotInstallable(Exception):
    """This machine cannot have the server; the message says why. Its tests are then not run, and named so."""


class Server(ABC):
    """A server of somebody else's making, on loopback.

    A subclass says how it is installed into `home` (once; again when `recipe` changes), started and asked whether
    it is ready. It runs in `room`, a folder that is new each time.
    """

    name: ClassVar[str]
    recipe: ClassVar[str]
    """What is installed, in a word that changes with it, such as `mastodon-mock==0.6.1`."""
    starting: ClassVar[float] = 180.0
    """How long it may take to be ready, in seconds."""
    alone: ClassVar[bool] = True
    """Whether one of its name may run at a time: its ports are fixed, or it writes where it is installed."""

    def __init__(self) -> None:
        self.version = ""
        self.install_seconds = 0.0
        self.start_seconds = 0.0
        self._running: list[subprocess.Popen[bytes]] = []
        self._held = contextlib.ExitStack()

    @property
    def home(self) -> Path:
        """Where it is installed."""
        return SERVERS / self.name

    @abstractmethod
    def install(self) -> str:
        """Install into `home`, which is empty, and return the version. Raises `NotInstallable`."""

    @abstractmethod
    def start(self) -> None:
        """Start its processes by `spawn`; it need not be ready yet."""

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether it answers."""

    def prepare(self) -> None:  # noqa: B027  # a server may need nothing more
        """Make users and tokens, once it is ready."""

    def __enter__(self) -> Self:
        self.install_once()
        if self.alone:
            self._held.enter_context(one_at_a_time(f"{self.name}.running"))
        self.room = Path(tempfile.mkdtemp(prefix=f"hub-{self.name}-"))
        begun = time.monotonic()
        try:
            self.start()
            self._wait(begun + self.starting)
            self.start_seconds = time.monotonic() - begun
            self.prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            _end(process)
        self._running.clear()
        shutil.rmtree(self.room, ignore_errors=True)
        self._held.close()

    def spawn(
        self, args: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process that is ended with the server; what it prints goes to `room/log`."""
        with (self.room / "log").open("ab") as log:
            process = subprocess.Popen(
                [*_WITH_US, *(str(arg) for arg in args)],
                cwd=cwd or self.room,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def log(self) -> str:
        """Return the end of what it printed."""
        path = self.room / "log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def _wait(self, until: float) -> None:
        while not self.ready():
            for process in self._running:
                if process.poll() not in (None, 0):
                    raise AssertionError(f"{self.name} ended with {process.returncode}:\n{self.log()}")
            if time.monotonic() > until:
                raise AssertionError(f"{self.name} is not ready after {self.starting:.0f} s:\n{self.log()}")
            time.sleep(0.05)

    def install_once(self) -> None:
        """Install it unless this checkout has it; raises `NotInstallable`.

        What failed is tried again after half an hour, not by each process that wants it.
        """
        SERVERS.mkdir(exist_ok=True)
        done = self.home / "installed.json"
        vain = SERVERS / f"{self.name}.vain"
        with one_at_a_time(self.name):
            if vain.exists() and time.time() - vain.stat().st_mtime < _IN_VAIN:
                raise NotInstallable(vain.read_text())
            known = json.loads(done.read_text()) if done.exists() else {}
            if known.get("recipe") != self.recipe:
                shutil.rmtree(self.home, ignore_errors=True)
                self.home.mkdir()
                begun = time.monotonic()
                try:
                    version = self.install()
                except NotInstallable as error:
                    vain.write_text(str(error))
                    raise
                seconds = round(time.monotonic() - begun, 1)
                known = {"recipe": self.recipe, "version": version, "seconds": seconds}
                done.write_text(json.dumps(known))
        self.version, self.install_seconds = known["version"], known["seconds"]


@contextlib.contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Let one process of this checkout do a thing at a time: apt, for one, refuses a second."""
    SERVERS.mkdir(exist_ok=True)
    with (SERVERS / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(args: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a step of an installation and return what it printed; raise `NotInstallable` if it fails."""
    words = [str(arg) for arg in args]
    trusted = {"NODE_EXTRA_CA_CERTS": str(_AUTHORITIES)} if _AUTHORITIES.exists() else {}
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**trusted, **os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_INSTALLING,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstallable(f"{words[0]}: {error}") from error
    if done.returncode:
        last = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise NotInstallable(f"{' '.join(words[:4])} ended with {done.returncode}: {last}")
    return done.stdout


def apt(*packages: str, options: Sequence[str] = ()) -> None:
    """Install Debian packages without letting dpkg start what is in them; needs root."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NotInstallable("it comes from Debian's packages, which need root and apt-get")
    with one_at_a_time("apt"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        policy = Path("/usr/sbin/policy-rc.d")
        if not policy.exists():
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        run(["apt-get", *options, "update", "-q"], env=quiet)
        run(["apt-get", *options, "install", "-y", "-q", "--no-install-recommends", *packages], env=quiet)


def python_packages(home: Path, *requirements: str) -> Path:
    """Make a virtual environment in `home/venv` with these packages; return its folder of programs."""
    run([sys.executable, "-m", "venv", home / "venv"])
    programs = home / "venv" / "bin"
    run([programs / "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
    return programs


def free_port() -> int:
    """Return a port of loopback that nobody has, below those that the kernel hands out (32768)."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port was found")


def refuse_taken(*ports: int) -> None:
    """Raise AssertionError if somebody listens on one of the ports: it would answer in our server's place."""
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)), f"port {port} is taken by another process"


def until(claim: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait until `claim` is true; raise AssertionError naming `what` if it never is."""
    end = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds:.0f} s: {what}")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: they share a group."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOPPING)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return
