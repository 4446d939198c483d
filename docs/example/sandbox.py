"""A double of Village: what the tests of the plugin and `hub demo` speak to."""

from typing import Any

import regex

from hub.testing import Held, Remark, Reply, Request, SocialDouble

TOKEN = "village-token"  # noqa: S105  # of a network that does not exist


class VillageDouble(SocialDouble):
    """Village on loopback: one JSON answer per call, ids that only grow."""

    shows_email = True
    refuse_token = False

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        super().__init__(port, latency=latency)
        self._alts: dict[int, str] = {}

    def account(self) -> dict[str, Any]:
        return {"api_url": self.url, "token": TOKEN}

    def answer(self, request: Request) -> Reply:
        if self.refuse_token or request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply({"error": "who are you?"}, status=401)
        kind, *rest = request.path.strip("/").split("/")
        match (request.method, kind, rest):
            case ("GET", "me", []):
                return Reply({"id": self.us.id, "name": self.us.name})
            case ("POST", "images", []):
                number = self.next_id()
                self._alts[number] = request.form()["alt"]
                return Reply({"id": number})
            case ("POST", "posts", []):
                return self._publish(request.json())
            case ("GET", "posts", []):
                return Reply([self._post(post) for post in self._page(self.shown_posts(), request)])
            case ("GET", "remarks", []):
                return Reply([self._remark(remark) for remark in self._page(self.shown_remarks(), request)])
            case ("POST", "remarks", []) if self._stands(request.json()["parent"]):
                said = request.json()
                return Reply(
                    self._remark(self.remarks[self.say(self.us, said["post"], said["text"], said["parent"])])
                )
            case (_, "posts", [post_id, *below]) if post_id in self.posts:
                return self._one(request, post_id, below)
        return Reply({"error": "nothing here"}, status=404)

    def _stands(self, remark_id: str) -> bool:
        return any(remark.id == remark_id for remark in self.shown_remarks())

    def _publish(self, wanted: dict[str, Any]) -> Reply:
        if not wanted["text"] and not wanted["images"]:
            return Reply({"error": "say something"}, status=422)
        if len(regex.findall(r"\X", wanted["text"])) > 500 or len(wanted["images"]) > 4:
            return Reply({"error": "too long"}, status=422)
        alts = [self._alts[image] for image in wanted["images"]]
        post = Held(str(self.next_id()), wanted["text"], alts=alts, reply_to=wanted["answers"])
        self.posts[post.id] = post
        return Reply(self._post(post), status=201)

    def _one(self, request: Request, post_id: str, below: list[str]) -> Reply:
        if below == ["remarks"]:
            return Reply([self._remark(remark) for remark in self.arranged(self.shown_remarks(post_id))])
        if request.method == "DELETE":
            del self.posts[post_id]
            return Reply({})
        if request.method == "PUT":
            self.posts[post_id].text = request.json()["text"]
        return Reply(self._post(self.posts[post_id]))

    def _page(self, items: list[Any], request: Request) -> list[Any]:
        """Return a page, oldest first: the newest there is, or on from the id that was asked for."""
        limit = int(request.query.get("limit", 20))
        if "from" not in request.query:
            return self.arranged(items[-limit:])
        start = int(request.query["from"])
        return self.arranged([item for item in items if int(item.id) >= start][:limit])

    def _post(self, post: Held) -> dict[str, Any]:
        return {
            "id": int(post.id),
            "text": post.text,
            "url": f"https://village.example/{post.id}",
            "at": post.sent_at.timestamp(),
            "answers": post.reply_to,
        }

    def _remark(self, remark: Remark) -> dict[str, Any]:
        who = remark.person
        emails = [who.email] if who.email else []
        return {
            "id": int(remark.id),
            "post": remark.post_id,
            "parent": remark.parent_id,
            "text": remark.text,
            "url": f"https://village.example/{remark.post_id}#{remark.id}",
            "at": remark.sent_at.timestamp(),
            "who": {"id": who.id, "name": who.name, "handle": who.handle, "emails": emails},
        }
