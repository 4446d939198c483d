"""The village in four kinds, one for each way to settle a lost answer, and a double that serves all four."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from support import Village, VillageDouble, load_example, village

from hub import HubError, Post, Receipt, StaleCursor
from hub.answer import Answer
from hub.testing import Held, Reply, Request


class Looked(Village):
    """Settled by a look into our own timeline."""

    platform = "looked"
    settle = "lookup"

    def explain(self, answer: Answer) -> HubError | None:
        return StaleCursor("the village does not know this bookmark") if answer.status == 410 else None


class Keyed(Village):
    """Settled by the same key again."""

    platform = "keyed"
    settle = "key"

    def publish(self, post: Post) -> Receipt:
        body = {"text": post.text, "images": [], "answers": post.reply_to and post.reply_to.remote_id}
        answer = self.http.post("/posts", json=body, headers={"Idempotency-Key": post.key})
        return _receipt(answer)


class Natural(Village):
    """Settled by an id of our own choosing."""

    platform = "natural"
    settle = "natural"

    def publish(self, post: Post) -> Receipt:
        body = {"text": post.text, "images": [], "answers": post.reply_to and post.reply_to.remote_id}
        return _receipt(self.http.request("PUT", f"/named/{_name(post)}", json=body))

    def find(self, post: Post) -> Receipt | None:
        answer = self.http.get(f"/named/{_name(post)}", accept=(404,))
        return None if answer.status == 404 else _receipt(answer)


class Blind(Village):
    """Nothing helps: a person is asked."""

    platform = "blind"
    settle = "none"


TOKEN: str = load_example("sandbox").TOKEN
KINDS: dict[str, type[Any]] = {"lookup": Looked, "key": Keyed, "natural": Natural, "none": Blind}
"""The adapter of each kind."""


def _receipt(answer: Any) -> Receipt:
    made = answer.decode(village.Made)
    return Receipt(remote_id=str(made.id), url=made.url)


def _name(post: Post) -> str:
    """Return the post's key as a piece of a path."""
    return post.key.encode().hex()


def is_publish(request: Request) -> bool:
    """Tell whether a request puts a post on the village, in whatever kind."""
    return (request.method, request.path) == ("POST", "/posts") or (
        request.method == "PUT" and request.path.startswith("/named/")
    )


class KindDouble(VillageDouble):
    """A village that keeps the promise of a key, and takes ids of our choosing.

    `clock` is its time, so that it is of one mind with a hub whose time a test moves. With `stale_cursors` it
    knows no bookmark.
    """

    def __init__(
        self, port: int = 0, *, latency: float = 0.0, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(port, latency=latency)
        self.clock = clock
        self._named: dict[str, str] = {}

    def answer(self, request: Request) -> Reply:
        if self.stale_cursors and request.method == "GET" and "from" in request.query:
            return Reply({"error": "no such bookmark"}, status=410)
        known = request.headers.get("authorization") == f"Bearer {TOKEN}" and not self.refuse_token
        if not known or not request.path.startswith(("/named/", "/posts")):
            return super().answer(request)
        key = request.headers.get("idempotency-key")
        if key is not None and request.method == "POST":
            return self._once(key, request.json())
        if request.path.startswith("/named/"):
            if request.method == "PUT":
                return self._once(request.path, request.json())
            found = self._named.get(request.path)
            return self._show(found) if found in self.posts else Reply({"error": "nothing here"}, status=404)
        return super().answer(request)

    def forget(self) -> None:
        """Hold nothing, as at the beginning."""
        with self.lock:
            self.calm()
            self.posts.clear()
            self._named.clear()

    def _once(self, name: str, wanted: dict[str, Any]) -> Reply:
        """Take a post under a name; the same name again is the same post."""
        if name in self._named:
            return self._show(self._named[name])
        reply = self._publish(wanted)
        if reply.status == 201:
            self._named[name] = str(reply.json["id"])
        return reply

    def _publish(self, wanted: dict[str, Any]) -> Reply:
        reply = super()._publish(wanted)
        if reply.status == 201:
            self.posts[str(reply.json["id"])].sent_at = self.clock()
            return Reply(self._post(self.posts[str(reply.json["id"])]), status=201)
        return reply

    def _show(self, post_id: str) -> Reply:
        return Reply(self._post(self.posts[post_id]))

    def shown_posts(self) -> list[Held]:
        now = self.clock()
        with self.lock:
            return [
                post for post in self.posts.values() if (now - post.sent_at).total_seconds() >= self.echo_delay
            ]
