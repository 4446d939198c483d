"""The kit on settling holds for networks with a key, with an id of our choosing, and with nothing at all."""

from __future__ import annotations

from typing import Any

from support import Village, VillageDouble

import hub
from hub.testing import Reply, Request
from hub.testing.contract import Publishing, Settling


class KeyDouble(VillageDouble):
    """A village that does nothing twice under one key, and shows the post that has it."""

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        super().__init__(port, latency=latency)
        self.keys: dict[str, str] = {}

    def answer(self, request: Request) -> Reply:
        key = request.headers.get("idempotency-key", "")
        if request.path == "/posts" and request.method in ("POST", "HEAD") and key in self.keys:
            return Reply(self._post(self.posts[self.keys[key]]), headers={"X-Id": self.keys[key]})
        if request.method == "HEAD":
            return Reply({}, status=404)
        before = set(self.posts)
        reply: Reply = super().answer(request)
        for made in set(self.posts) - before:
            self.keys[key] = made
        return reply


class WithKey(Village):
    settle = "key"
    key = ""

    def sign(self, method: str, url: str) -> Any:
        return {**super().sign(method, url), **({"Idempotency-Key": self.key} if self.key else {})}

    def publish(self, post: hub.Post) -> hub.Receipt:
        self.key = post.key
        try:
            return super().publish(post)
        finally:
            self.key = ""


class WithNaturalKey(WithKey):
    settle = "natural"

    def find(self, post: hub.Post) -> hub.Receipt | None:
        found = self.http.request("HEAD", "/posts", headers={"Idempotency-Key": post.key}, accept=(404,))
        return None if found.status == 404 else hub.Receipt(remote_id=found.headers["x-id"])


class WithNothing(Village):
    settle = "none"


class TestWithKey(Settling, Publishing):
    adapter = WithKey
    double = KeyDouble


class TestWithNaturalKey(Settling, Publishing):
    adapter = WithNaturalKey
    double = KeyDouble


class TestWithNothing(Settling, Publishing):
    adapter = WithNothing
    double = VillageDouble
