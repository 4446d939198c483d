"""A CRM that answers from a script, and accounts of the presets on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hub.testing import Double, Reply, Request, open_adapter
from plugins.crm_generic import Crm


class Scripted(Double):
    """Answers a call with the reply of the first line of `script` that its method and path match.

    A line is "METHOD pattern"; what no line matches is a 404 that says so.
    """

    def __init__(self, script: Mapping[str, Reply]) -> None:
        super().__init__()
        self.script = dict(script)

    def answer(self, request: Request) -> Reply:
        for line, reply in self.script.items():
            method, _, pattern = line.partition(" ")
            if request.method == method and re.fullmatch(pattern, request.path):
                return reply
        return Reply({"message": f"the script has no {request.method} {request.path}"}, status=404)


@contextmanager
def preset(name: str, script: Mapping[str, Reply], **own: Any) -> Iterator[tuple[Scripted, Crm]]:
    """Open an account of a preset on a scripted CRM; `own` is what the account says itself."""
    with Scripted(script) as double:
        crm = open_adapter(Crm, {"preset": name, "api_url": double.url, **own}, deadline=2.0)
        try:
            yield double, crm
        finally:
            crm.http.close()
