"""Which process is this, does another one still live, and the lock that keeps a second daemon off one file."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import IO, Any


def process_name() -> str:
    """Name this process so that another can tell whether it still lives: host, number, start."""
    return f"{host()}:{os.getpid()}:{_started(os.getpid())}"


def alive(owner: str) -> bool:
    """Tell whether the process of that name may still live; on another host it may."""
    try:
        place, number, started = owner.rsplit(":", 2)
        pid = int(number)
    except ValueError:
        return True
    if place != host():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return started == _started(pid)


def host() -> str:
    """Name the place whose process numbers we see: containers may share a host's name, and not its numbers."""
    try:
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').readlink()}".replace(":", "")
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks: a number given out twice is then no twin."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # Field 22, counted after the name in brackets, which may hold anything.
    return stat.rpartition(")")[2].split()[19]


class DaemonLock:
    """Keeps a second daemon off one SQLite file; the kernel lets go of it when the process ends, however."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[Any] | None = None

    def acquire(self) -> bool:
        import fcntl

        self._file = self._path.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            self._file = None
            return False
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
