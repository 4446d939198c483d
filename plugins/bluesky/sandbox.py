"""A double of Bluesky: a PDS with our account, and the network that shows its posts and what others say."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.testing import Held, Person, Remark, Reply, Request, SocialDouble
from plugins.bluesky.sandbox_form import (
    COLLECTION,
    Failed,
    at_uri,
    blob,
    check_key,
    check_record,
    cid,
    did,
    invalid,
    tid,
)
from plugins.bluesky.sandbox_refusals import REFUSALS

PASSWORD = "sand-boxx-pass-word"
OUR_DID = did(0)
_MENTION = re.compile(r"(?<!\S)@([\w.-]*\w)")


@dataclass(frozen=True, slots=True)
class _Said:
    """A post of anybody's, as the network lists it; `order` is its place among those of one moment."""

    uri: str
    person: Person
    value: dict[str, Any]
    at: datetime
    order: int


class BlueskyDouble(SocialDouble):
    """Bluesky as one account sees it. Its PDS has posts at once, the network after `echo_delay`.

    `logins` and `refreshes` count sessions; `expire` ends all access tokens, `revoke` the refresh tokens too.
    `grace` lets an old refresh token work once more after it was replaced, as real servers do for two hours.
    Answers to us of people in `blocked` are left out, their answers to others are shown as blocks; those in
    `missing` as posts that are not found.
    `image_bytes` is the most that an image may have.
    """

    refusals = REFUSALS
    us = Person(id=OUR_DID, name="Our company", handle="company.test")

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        super().__init__(port, latency=latency)
        self.logins = self.refreshes = 0
        self.grace = False
        self.blocked: set[str] = set()
        self.missing: set[str] = set()
        self.image_bytes = 2_000_000
        self.records: dict[str, dict[str, Any]] = {}
        """What our repository holds, by URI."""
        self._blobs: dict[str, dict[str, Any]] = {}
        self._access: set[str] = set()
        self._refresh: set[str] = set()
        self._expired: set[str] = set()
        self._speaker = self.us
        self._begun = time.time_ns() // 1000

    def account(self) -> dict[str, Any]:
        return {"api_url": self.url, "identifier": self.us.handle, "password": PASSWORD}

    def expire(self) -> None:
        """Let the two hours of all access tokens be over."""
        with self.lock:
            self._expired |= self._access
            self._access.clear()

    def revoke(self) -> None:
        """End all sessions."""
        with self.lock:
            self.expire()
            self._expired |= self._refresh
            self._refresh.clear()

    # People

    def add_person(self, name: str, handle: str, email: str = "") -> Person:
        person = Person(id=did(self.next_id()), name=name, handle=f"{handle}.test", email=email)
        with self.lock:
            self.people[person.id] = person
        return person

    def say(self, person: Person, post_id: str, text: str, parent_id: str | None = None) -> str:
        with self.lock:
            self._speaker = person
            return super().say(person, post_id, text, parent_id)

    def new_remark_id(self, post_id: str) -> str:
        return at_uri(self._speaker.id, tid(self._begun + self.next_id()))

    def mention(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        """Let a person name us in a post of their own."""
        with self.lock:
            self._speaker = person
            uri = self.new_remark_id("")
            self.remarks[uri] = Remark(uri, uri, person, text, sent_at=sent_at or datetime.now(UTC))
        return uri

    # The server

    def answer(self, request: Request) -> Reply:
        name = request.path.removeprefix("/xrpc/")
        verb = _VERBS.get((request.method, name))
        try:
            if verb is None:
                raise Failed("MethodNotImplemented", "Method Not Implemented", 501)
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if name == "com.atproto.server.refreshSession":
                self._admit(token if scheme == "Bearer" else "", self._refresh)
            elif name != "com.atproto.server.createSession":
                self._admit(token if scheme == "Bearer" else "", self._access)
            result = verb(self, request)
        except Failed as failed:
            return failed.reply
        except (KeyError, TypeError, ValueError) as error:
            return invalid(f"Input/params must be as the lexicon says: {error!r}").reply
        reset = int(time.time()) // 300 * 300 + 300
        headers = {"RateLimit-Limit": "3000", "RateLimit-Remaining": "2999", "RateLimit-Reset": str(reset)}
        return Reply(result, headers={**headers, "RateLimit-Policy": "3000;w=300"})

    def _admit(self, token: str, known: set[str]) -> None:
        if not token:
            raise Failed("AuthMissing", "Authentication Required", 401)
        if token in self._expired:
            raise Failed("ExpiredToken", "Token has expired")
        if token not in known:
            raise Failed("InvalidToken", "Token could not be verified")

    def _create_session(self, request: Request) -> dict[str, Any]:
        given = request.json()
        if given["identifier"] not in (self.us.handle, self.us.id) or given["password"] != PASSWORD:
            raise Failed("AuthenticationRequired", "Invalid identifier or password", 401)
        self.logins += 1
        return self._session()

    def _refresh_session(self, request: Request) -> dict[str, Any]:
        old = request.headers["authorization"].partition(" ")[2]
        if not self.grace:
            self._refresh.discard(old)
            self._expired.add(old)
        self.refreshes += 1
        return self._session()

    def _session(self) -> dict[str, Any]:
        access, refresh = (f"eyJ0eXAi.{kind}.{secrets.token_urlsafe(24)}" for kind in ("access", "refresh"))
        self._access.add(access)
        self._refresh.add(refresh)
        return {"accessJwt": access, "refreshJwt": refresh, **self._me()}

    def _get_session(self, request: Request) -> dict[str, Any]:
        return self._me()

    def _me(self) -> dict[str, Any]:
        return {"handle": self.us.handle, "did": self.us.id, "active": True}

    def _resolve_handle(self, request: Request) -> dict[str, Any]:
        for person in (self.us, *self.people.values()):
            if person.handle == request.query["handle"].lower():
                return {"did": person.id}
        raise Failed("HandleNotFound", "Unable to resolve handle")

    # The repository

    def _upload_blob(self, request: Request) -> dict[str, Any]:
        if not request.body or request.content_type == "application/json":
            raise invalid("Request encoding (Content-Type) required but not provided")
        made = blob(request.body, request.content_type)
        self._blobs[made["ref"]["$link"]] = made
        return {"blob": made}

    def _create_record(self, request: Request) -> dict[str, Any]:
        given = request.json()
        uri = self._own(given)
        if uri in self.records:  # a real server does not expect it, and says nothing more
            raise Failed("InternalServerError", "Internal Server Error", 500)
        self._take(uri, given["record"])
        return self._written(uri)

    def _put_record(self, request: Request) -> dict[str, Any]:
        given = request.json()
        uri = self._own(given)
        current = self.records.get(uri)
        if current == given["record"]:
            return self._written(uri)
        if "swapRecord" in given and given["swapRecord"] != (current and cid(current)):
            raise Failed("InvalidSwap", f"Record was at {current and cid(current)}")
        if current is None:
            self._take(uri, given["record"])
            return self._written(uri)
        check_record(given["record"], self._blobs, self.image_bytes)
        self.records[uri] = given["record"]
        if uri in self.posts:
            changed = self._held(uri, given["record"])
            changed.sent_at = self.posts[uri].sent_at
            self.posts[uri] = changed
        else:
            self.remarks[uri].text = given["record"]["text"]
        return self._written(uri)

    def _delete_record(self, request: Request) -> dict[str, Any]:
        uri = self._own(request.json())
        if self.records.pop(uri, None) is None:
            return {}
        self.posts.pop(uri, None)
        self.remarks.pop(uri, None)
        return {"commit": {"cid": cid(uri), "rev": tid(self._begun + self.next_id())}}

    def _get_record(self, request: Request) -> dict[str, Any]:
        wanted = request.query
        uri = f"at://{wanted['repo']}/{wanted['collection']}/{wanted['rkey']}"
        value = self.records.get(uri)
        if value is None and uri in self.remarks and not self.remarks[uri].deleted:
            value = self._value(self.remarks[uri])  # of another repository, which the network knows
        if value is not None:
            return {"uri": uri, "cid": cid(value), "value": value}
        raise Failed("RecordNotFound", f"Could not locate record: {uri}")

    def _own(self, given: dict[str, Any]) -> str:
        if given["repo"] not in (self.us.id, self.us.handle):
            raise Failed("AuthMissing", "Authentication Required", 401)
        if given["collection"] != COLLECTION:
            raise invalid(f"this double knows no {given['collection']}")
        check_key(given["rkey"])
        return at_uri(self.us.id, given["rkey"])

    def _take(self, uri: str, record: dict[str, Any]) -> None:
        check_record(record, self._blobs, self.image_bytes)
        parent = record["reply"]["parent"]["uri"] if "reply" in record else None
        if parent is None or parent in self.posts:
            self.posts[uri] = self._held(uri, record)
        else:
            root = record["reply"]["root"]["uri"]
            self.remarks[uri] = Remark(uri, root, self.us, record["text"], parent)
        self.records[uri] = record

    def _held(self, uri: str, record: dict[str, Any]) -> Held:
        embed = record.get("embed", {})
        alts = [image["alt"] for image in embed.get("images", ())]
        links = [
            feature["uri"]
            for facet in record.get("facets", ())
            for feature in facet["features"]
            if feature["$type"].endswith("#link")
        ]
        link = embed.get("external", {}).get("uri") or next(iter(links), "")
        parent = record["reply"]["parent"]["uri"] if "reply" in record else None
        return Held(uri, record["text"], link, alts, parent)

    def _written(self, uri: str) -> dict[str, Any]:
        commit = {"cid": cid(uri), "rev": tid(self._begun + self.next_id())}
        return {"uri": uri, "cid": cid(self.records[uri]), "commit": commit, "validationStatus": "valid"}

    # The network

    def _said(self) -> list[_Said]:
        """Return all posts that the network shows, ours and theirs, oldest first."""
        ours = [(held.id, self.us, self.records[held.id], held.sent_at) for held in self.shown_posts()]
        theirs = [(one.id, one.person, self._value(one), one.sent_at) for one in self.shown_remarks()]
        said = [_Said(*one, order) for order, one in enumerate([*ours, *theirs])]
        return sorted(said, key=lambda one: (one.at, one.order))

    def _value(self, remark: Remark) -> dict[str, Any]:
        """Return the record of what a person said."""
        if remark.id in self.records:
            return self.records[remark.id]
        value: dict[str, Any] = {"$type": COLLECTION, "text": remark.text, "createdAt": _time(remark.sent_at)}
        dids = {person.handle: person.id for person in (self.us, *self.people.values())}
        found = [match for match in _MENTION.finditer(remark.text) if match[1] in dids]
        if found:
            value["facets"] = [
                {
                    "index": {
                        "byteStart": _bytes(remark.text[: match.start()]),
                        "byteEnd": _bytes(remark.text[: match.end()]),
                    },
                    "features": [{"$type": "app.bsky.richtext.facet#mention", "did": dids[match[1]]}],
                }
                for match in found
            ]
        if remark.post_id != remark.id:
            value["reply"] = {
                "root": self._ref(self._root(remark.post_id)),
                "parent": self._ref(remark.parent_id or remark.post_id),
            }
        return value

    def _root(self, uri: str) -> str:
        record = self.records.get(uri, {})
        return str(record["reply"]["root"]["uri"]) if "reply" in record else uri

    def _ref(self, uri: str) -> dict[str, str]:
        value = self.records.get(uri)
        if value is None and uri in self.remarks:
            value = self._value(self.remarks[uri])
        return {"uri": uri, "cid": cid(value or uri)}

    def _get_author_feed(self, request: Request) -> dict[str, Any]:
        ours = [one for one in self._said() if one.person.id == self.us.id == request.query["actor"]]
        return self._page("feed", ours, request, lambda one: {"post": self._view(one)})

    def _list_notifications(self, request: Request) -> dict[str, Any]:
        told = [one for one in self._said() if one.person.id != self.us.id and self._reason(one)]
        return {**self._page("notifications", told, request, self._notification), "priority": False}

    def _search_posts(self, request: Request) -> dict[str, Any]:
        query = request.query["q"].casefold()
        since = datetime.fromisoformat(request.query.get("since", "1970-01-01T00:00:00Z"))
        found = [one for one in self._said() if query in one.value["text"].casefold() and one.at >= since]
        return self._page("posts", found, request, self._view)

    def _get_posts(self, request: Request) -> dict[str, Any]:
        wanted = {value for name, value in request.parameters if name == "uris"}
        return {"posts": [self._view(one) for one in self._said() if one.uri in wanted and self._seen(one)]}

    def _get_post_thread(self, request: Request) -> dict[str, Any]:
        uri, depth = request.query["uri"], int(request.query.get("depth", 6))
        if not 0 <= depth <= 1000:
            raise invalid("Error: depth must be between 0 and 1000")
        said = self._said()
        below: dict[str, list[_Said]] = {}
        for one in said:
            if "reply" in one.value:
                below.setdefault(one.value["reply"]["parent"]["uri"], []).append(one)
        for one in said:
            if one.uri == uri:
                return {"thread": self._node(one, below, depth)}
        raise Failed("NotFound", f"Post not found: {uri}")

    def _node(self, one: _Said, below: dict[str, list[_Said]], depth: int) -> dict[str, Any]:
        if one.uri in self.missing:
            return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": one.uri, "notFound": True}
        if not self._seen(one):
            author = {"did": one.person.id, "viewer": {"blockedBy": False, "blocking": at_uri(self.us.id, tid(1))}}
            return {"$type": "app.bsky.feed.defs#blockedPost", "uri": one.uri, "blocked": True, "author": author}
        answers = below.get(one.uri, [])
        view = self._view(one, len(answers))
        # Between the author of a post and of its answer a block leaves nothing to be seen.
        answers = [each for each in answers if self._seen(each) or one.person.id != self.us.id]
        node: dict[str, Any] = {"$type": "app.bsky.feed.defs#threadViewPost", "post": view}
        if depth:
            node["replies"] = [self._node(each, below, depth - 1) for each in self.arranged(answers)]
        return node

    def _seen(self, one: _Said) -> bool:
        return one.person.id not in self.blocked

    def _page(
        self, name: str, items: list[_Said], request: Request, shape: Callable[[_Said], dict[str, Any]]
    ) -> dict[str, Any]:
        """Return a page, newest first, from the place that the cursor names on."""
        limit = int(request.query.get("limit", 50))
        if not 1 <= limit <= 100:
            raise invalid("Error: limit must be between 1 and 100")
        cursor = request.query.get("cursor")
        if cursor is not None:
            if self.stale_cursors:
                raise invalid("Malformed cursor")
            moment, _, uri = cursor.partition("::")
            place = (datetime.fromisoformat(moment), uri)
            items = [one for one in items if (one.at, one.uri) < place]
        newest = sorted(items, key=lambda one: (one.at, one.uri), reverse=True)
        page = newest[:limit]
        answer: dict[str, Any] = {name: self.arranged([shape(one) for one in page])}
        if len(newest) > limit:
            answer["cursor"] = f"{page[-1].at.isoformat()}::{page[-1].uri}"
        return answer

    def _view(self, one: _Said, replies: int = 0) -> dict[str, Any]:
        view = {
            "uri": one.uri,
            "cid": cid(one.value),
            "author": self._profile(one.person),
            "record": one.value,
            "replyCount": replies,
            "repostCount": 0,
            "likeCount": 0,
            "quoteCount": 0,
            "indexedAt": _time(one.at),
        }
        shown = self._shown_embed(one)
        return {**view, "embed": shown} if shown else view

    def _shown_embed(self, one: _Said) -> dict[str, Any] | None:
        embed = one.value.get("embed")
        if embed is None:
            return None
        if embed["$type"] == "app.bsky.embed.external":
            return {"$type": "app.bsky.embed.external#view", "external": embed["external"]}
        images = []
        for image in embed["images"]:
            address = f"{self.url}/img/{one.person.id}/{image['image']['ref']['$link']}@jpeg"
            shown = {key: value for key, value in image.items() if key != "image"}
            images.append({"thumb": address, "fullsize": address, **shown})
        return {"$type": "app.bsky.embed.images#view", "images": images}

    def _notification(self, one: _Said) -> dict[str, Any]:
        reply = one.value.get("reply")
        told = {
            "uri": one.uri,
            "cid": cid(one.value),
            "author": self._profile(one.person),
            "reason": self._reason(one),
            "record": one.value,
            "isRead": False,
            "indexedAt": _time(one.at),
        }
        return {**told, "reasonSubject": reply["parent"]["uri"]} if reply else told

    def _reason(self, one: _Said) -> str:
        reply = one.value.get("reply", {})
        if any(ref["uri"].startswith(f"at://{self.us.id}/") for ref in reply.values()):
            return "reply"
        return "mention" if f"@{self.us.handle}" in one.value["text"] else ""

    def _profile(self, person: Person) -> dict[str, Any]:
        return {"did": person.id, "handle": person.handle, "displayName": person.name}


_VERBS: dict[tuple[str, str], Callable[[BlueskyDouble, Request], dict[str, Any]]] = {
    ("POST", "com.atproto.server.createSession"): BlueskyDouble._create_session,
    ("POST", "com.atproto.server.refreshSession"): BlueskyDouble._refresh_session,
    ("GET", "com.atproto.server.getSession"): BlueskyDouble._get_session,
    ("GET", "com.atproto.identity.resolveHandle"): BlueskyDouble._resolve_handle,
    ("POST", "com.atproto.repo.uploadBlob"): BlueskyDouble._upload_blob,
    ("POST", "com.atproto.repo.createRecord"): BlueskyDouble._create_record,
    ("POST", "com.atproto.repo.putRecord"): BlueskyDouble._put_record,
    ("POST", "com.atproto.repo.deleteRecord"): BlueskyDouble._delete_record,
    ("GET", "com.atproto.repo.getRecord"): BlueskyDouble._get_record,
    ("GET", "app.bsky.feed.getAuthorFeed"): BlueskyDouble._get_author_feed,
    ("GET", "app.bsky.feed.getPosts"): BlueskyDouble._get_posts,
    ("GET", "app.bsky.feed.getPostThread"): BlueskyDouble._get_post_thread,
    ("GET", "app.bsky.feed.searchPosts"): BlueskyDouble._search_posts,
    ("GET", "app.bsky.notification.listNotifications"): BlueskyDouble._list_notifications,
}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
