"""Network namespaces: a server side with a database's and a platform's network, and workers that hang on both.

Every address exists in the namespaces only. Their names bear the number of this process; what a dead one left over
is removed before new ones are made.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from typing import Literal, Self

_MARK = "hub"
_OURS = re.compile(rf"{_MARK}(\d+)[sw]")
_NEW_NETWORK = 0x40000000

Side = Literal["database", "platform"]
_SUBNETS: dict[Side, str] = {"database": "10.203.17", "platform": "10.203.18"}


def why_not() -> str:
    """Say why there can be no namespaces here; "" if there can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and the program ip"
    name = f"{_MARK}{os.getpid()}s"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"network namespaces are not allowed here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


class Networks:
    """The namespaces of a server side and of some workers."""

    def __init__(self, workers: int) -> None:
        self._workers = range(workers)
        self._server = f"{_MARK}{os.getpid()}s"

    def __enter__(self) -> Self:
        _sweep()
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in (*(self._worker(number) for number in self._workers), self._server):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", name)

    def _make(self) -> None:
        _ip("netns", "add", self._server)
        _ip("-n", self._server, "link", "set", "lo", "up")
        for side, subnet in _SUBNETS.items():
            _ip("-n", self._server, "link", "add", side, "type", "bridge")
            _ip("-n", self._server, "addr", "add", f"{subnet}.1/24", "dev", side)
            _ip("-n", self._server, "link", "set", side, "up")
        for number in self._workers:
            name = self._worker(number)
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            for side, subnet in _SUBNETS.items():
                far = f"{side}{number}"
                _ip("-n", self._server, "link", "add", far, "type", "veth", "peer", "name", side, "netns", name)
                _ip("-n", self._server, "link", "set", far, "master", side, "up")
                _ip("-n", name, "addr", "add", f"{subnet}.{10 + number}/24", "dev", side)
                _ip("-n", name, "link", "set", side, "up")

    def _worker(self, number: int) -> str:
        return f"{_MARK}{os.getpid()}w{number}"

    def address(self, side: Side) -> str:
        """Return where the server side is found by the workers."""
        return f"{_SUBNETS[side]}.1"

    @property
    def server_side(self) -> Sequence[str]:
        """The words that run a program on the server side."""
        return ["ip", "netns", "exec", self._server]

    def place(self, number: int) -> Sequence[str]:
        """Return the words that run a program where a worker is."""
        return ["ip", "netns", "exec", self._worker(number)]

    def cut(self, number: int, *sides: Side) -> None:
        """Let nothing through between a worker and these networks; nobody is told."""
        for side in sides:
            _ip("-n", self._server, "link", "set", f"{side}{number}", "down")

    def mend(self, number: int, *sides: Side) -> None:
        for side in sides:
            _ip("-n", self._server, "link", "set", f"{side}{number}", "up")

    def listen(self, side: Side, port: int) -> socket.socket:
        """Return a socket of this process that takes connections on the server side."""
        made: list[socket.socket] = []

        def enter() -> None:
            # It holds for this thread alone, which ends here; the socket stays where it was made.
            with open(f"/run/netns/{self._server}") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _NEW_NETWORK):
                    raise OSError(ctypes.get_errno(), "setns")
            taking = socket.socket()
            taking.bind((self.address(side), port))
            taking.listen(64)
            made.append(taking)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return made[0]


def _sweep() -> None:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        name = line.split()[0] if line.split() else ""
        ours = _OURS.match(name)
        if ours and not os.path.exists(f"/proc/{ours[1]}"):  # noqa: PTH110
            _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
