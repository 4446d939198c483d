"""A mitmproxy addon: does to the next matching request what it was told over HTTP, and counts what struck."""

import asyncio
import json
import re

from mitmproxy import http

CONTROL = "/__faults"


class Faults:
    """`POST /__faults` adds a rule, `DELETE` forgets all, `GET` tells what struck.

    A rule is {"kind", "method", "path" (a regular expression), "times"}. All kinds let the server do its work:
    `lost` then closes the connection, `bad_gateway` answers 502, `late` answers after `seconds`.
    """

    def __init__(self) -> None:
        self.rules = []
        self.struck = []

    def request(self, flow: http.HTTPFlow) -> None:
        if flow.request.path == CONTROL:
            flow.response = self._control(flow.request)
            return
        for rule in self.rules:
            wanted = rule["method"] == flow.request.method and re.search(rule["path"], flow.request.path)
            if wanted and rule["times"]:
                rule["times"] -= 1
                flow.metadata["rule"] = rule
                return

    async def response(self, flow: http.HTTPFlow) -> None:
        rule = flow.metadata.get("rule")
        if rule is None:
            return
        self.struck.append({"kind": rule["kind"], "server_said": flow.response.status_code})
        if rule["kind"] == "lost":
            flow.kill()
        elif rule["kind"] == "bad_gateway":
            flow.response = http.Response.make(502, "bad gateway")
        elif rule["kind"] == "late":
            await asyncio.sleep(rule["seconds"])

    def _control(self, request: http.Request) -> http.Response:
        if request.method == "POST":
            self.rules.append(json.loads(request.content))
        elif request.method == "DELETE":
            self.rules.clear()
            self.struck.clear()
        return http.Response.make(200, json.dumps(self.struck), {"content-type": "application/json"})


addons = [Faults()]
