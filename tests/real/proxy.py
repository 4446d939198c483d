"""mitmproxy between the hub and a real server: the server does its work, and its answer is lost on the way."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx
from real.serving import MATERIAL, Server, free_port, python_packages, run

# What strikes after the server has done its work.
FAULTS = ("lost", "bad_gateway", "late")


class FaultProxy(Server):
    """A reverse proxy before `upstream` that can be told to lose answers."""

    name = "faultproxy"
    recipe: ClassVar[str] = "mitmproxy==11.0.2"
    alone = False

    def __init__(self, upstream: str = "") -> None:
        super().__init__()
        self.upstream = upstream
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def install(self) -> str:
        programs = python_packages(self.home, self.recipe)
        return run([programs / "mitmdump", "--version"]).splitlines()[0].removeprefix("Mitmproxy: ")

    def start(self) -> None:
        words = [self.home / "venv/bin/mitmdump", "--quiet", "--set", f"confdir={self.room}"]
        words += ["--set", "connection_strategy=lazy", "--mode", f"reverse:{self.upstream}@127.0.0.1:{self.port}"]
        self.spawn([*words, "-s", MATERIAL / "faultproxy" / "faults.py"])

    def ready(self) -> bool:
        try:
            return self._control("GET").status_code == 200
        except httpx.TransportError:
            return False

    def strike(self, kind: str, method: str, path: str, *, seconds: float = 0.0) -> None:
        """Let the next request of this method and path (a regular expression) meet a fault of `FAULTS`."""
        rule = {"kind": kind, "method": method, "path": path, "times": 1, "seconds": seconds}
        self._control("POST", rule)

    def struck(self) -> list[dict[str, Any]]:
        """Return what struck since `calm`, each with the status that the server itself gave."""
        found: list[dict[str, Any]] = self._control("GET").json()
        return found

    def calm(self) -> None:
        """Forget all rules, and what struck."""
        self._control("DELETE")

    def _control(self, method: str, rule: dict[str, Any] | None = None) -> httpx.Response:
        return httpx.request(method, f"{self.url}/__faults", json=rule, trust_env=False)
