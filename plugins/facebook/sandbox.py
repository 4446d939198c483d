"""A double of the Graph API for one page: its feed, its visitors, the comments, and the network's own errors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hub.testing import Held, Person, Remark, Reply, Request, SocialDouble
from plugins.facebook.sandbox_refusals import REFUSALS, graph_error

Item = dict[str, Any]
Check = Callable[[str], bool]


def _one_of(*values: str) -> Check:
    return lambda value: value in values


def _is_id(value: str) -> bool:
    return re.fullmatch(r"\d+(_\d+)*", value) is not None


def _is_media(value: str) -> bool:
    try:
        found = json.loads(value)
    except ValueError:
        return False
    return isinstance(found, dict) and set(found) == {"media_fbid"} and _is_id(str(found["media_fbid"]))


TOKEN = "EAAdouble-page-token"
# As others measured them, in no official page but for the last, which error 1366046 names.
LONGEST_TEXT = 63_206  # characters
MOST_PHOTOS = 10
BIGGEST_PHOTO = 4_000_000  # bytes

_TEXT: Check = lambda value: True  # noqa: E731
_BOOL = _one_of("true", "false", "1", "0")
_URL: Check = lambda value: value.startswith(("http://", "https://"))  # noqa: E731
_PAGING: dict[str, Check] = {"fields": _TEXT, "limit": str.isdigit, "after": _TEXT}
_FEED: dict[str, Check] = {**_PAGING, "include_hidden": _BOOL, "show_expired": _BOOL}
_TIME = re.compile(r"\d+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")

# What each call may be sent, and what each value must look like.
PARAMETERS: dict[tuple[str, str], dict[str, Check]] = {
    ("GET", "#get"): {"fields": _TEXT},
    ("GET", "published_posts"): _FEED,
    ("GET", "visitor_posts"): _FEED,
    ("GET", "tagged"): _PAGING,
    ("GET", "comments"): {
        **_PAGING,
        "filter": _one_of("stream", "toplevel"),
        "order": _one_of("chronological", "reverse_chronological"),
        "live_filter": _one_of("filter_low_quality", "no_filter"),
        "since": lambda value: _TIME.fullmatch(value) is not None,
    },
    ("POST", "feed"): {"message": _TEXT, "link": _URL, "published": _BOOL, "attached_media": _is_media},
    ("POST", "photos"): {
        "url": _URL,
        "caption": _TEXT,
        "published": _BOOL,
        "temporary": _BOOL,
        "alt_text_custom": _TEXT,
    },
    ("POST", "comments"): {"message": _TEXT, "attachment_id": _is_id, "attachment_url": _URL},
    ("POST", "#update"): {"message": _TEXT},
    ("DELETE", "#delete"): {},
}
FIELDS = {
    "Page": {"id", "name", "about", "link", "username"},
    "PagePost": {
        "id",
        "message",
        "from",
        "created_time",
        "updated_time",
        "permalink_url",
        "attachments",
        "full_picture",
    },
    "Comment": {"id", "message", "from", "created_time", "permalink_url", "parent", "comment_count"},
}
_DEFAULTS = {"Page": "id,name", "PagePost": "id,message,created_time", "Comment": "id,from,message,created_time"}


class _Failed(Exception):
    """The call ends with an error of the network."""

    def __init__(self, code: int, message: str, subcode: int = 0, status: int = 400) -> None:
        self.code, self.message, self.subcode, self.status = code, message, subcode, status


@dataclass(slots=True)
class Photo:
    """An image that was put up; `used` once a post holds it."""

    alt: str = ""
    content: bytes = b""
    url: str = ""
    used: bool = False


@dataclass(slots=True)
class Visit:
    """A post of somebody else: on the page (`visitor_posts`), or elsewhere naming it (`tagged`)."""

    id: str
    edge: str
    person: Person
    text: str
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class FacebookDouble(SocialDouble):
    """One page on a small Facebook.

    `largest_page` caps `limit`. `calls_allowed` is the page's budget: past it every call is refused with code
    32. `speaks_for` is whom the token belongs to. `hide_ids` and `hide_authors` show what a token without rights
    sees. Nobody's profile shows an e-mail: the network gives none.
    """

    us = Person(id="2121008874780932", name="Our company", handle="company")
    refusals = REFUSALS

    def __init__(
        self,
        port: int = 0,
        *,
        latency: float = 0.0,
        token: str = TOKEN,
        app_secret: str | None = None,
        largest_page: int = 100,
        calls_allowed: int | None = None,
    ) -> None:
        super().__init__(port, latency=latency)
        self.token = token
        self.app_secret = app_secret
        self.largest_page = largest_page
        self.calls_allowed = calls_allowed
        self.speaks_for = self.us
        self.refuses_duplicates = True
        self.hide_ids = False
        self.hide_authors = False
        self.photos: dict[str, Photo] = {}
        self.pictures: dict[str, list[str]] = {}
        self.visits: dict[str, Visit] = {}
        self.updated: dict[str, datetime] = {}
        self._spent = 0

    def account(self) -> dict[str, Any]:
        secret = {"app_secret": self.app_secret} if self.app_secret else {}
        return {"api_url": self.url, "page": self.us.id, "token": self.token, **secret}

    def new_remark_id(self, post_id: str) -> str:
        return f"{post_id.rpartition('_')[2]}_{self.next_id()}"

    def post_on_page(self, person: Person, text: str) -> str:
        """Let a visitor post on the page; return the post's id."""
        return self._visit("visitor_posts", f"{self.us.id}_{self.next_id()}", person, text)

    def tag_page(self, person: Person, text: str) -> str:
        """Let somebody name the page in a post of their own; return the post's id."""
        return self._visit("tagged", f"{person.id}_{self.next_id()}", person, text)

    def mention(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        with self.lock:
            post_id = self.tag_page(person, text)
            self.visits[post_id].sent_at = sent_at or self.visits[post_id].sent_at
        return post_id

    def delete_remark(self, remark_id: str) -> None:
        with self.lock:
            if self.visits.pop(remark_id, None) is None:
                super().delete_remark(remark_id)

    def _visit(self, edge: str, post_id: str, person: Person, text: str) -> str:
        with self.lock:
            self.visits[post_id] = Visit(id=post_id, edge=edge, person=person, text=text)
        return post_id

    def answer(self, request: Request) -> Reply:
        self._spent += 1
        try:
            return Reply(self._call(request), headers=self._usage())
        except _Failed as failed:
            return graph_error(
                failed.code,
                failed.message,
                failed.subcode,
                status=failed.status,
                headers=self._usage(),
                fbtrace_id=f"A{self._spent:020d}",
            )

    def _usage(self) -> dict[str, str]:
        percent = min(100, self._spent * 100 // self.calls_allowed) if self.calls_allowed else 1
        counts = {"call_count": percent, "total_cputime": 1, "total_time": 1}
        over = self.calls_allowed is not None and self._spent > self.calls_allowed
        page = {"type": "pages", **counts, "estimated_time_to_regain_access": 7 if over else 0}
        return {
            "X-App-Usage": json.dumps({**counts, "call_count": 1}),
            "X-Business-Use-Case-Usage": json.dumps({self.us.id: [page]}),
        }

    def _call(self, request: Request) -> Item:
        match = re.fullmatch(r"/v\d+\.\d+/([\w.]+)(?:/(\w+))?", request.path)
        if match is None:
            raise _Failed(2500, "Unknown path components", status=404)
        sent = dict(request.query if request.method in ("GET", "DELETE") else request.form())
        self._authorise(request, sent)
        node, edge = match[1], match[2] or {"GET": "#get", "POST": "#update"}.get(request.method, "#delete")
        allowed = PARAMETERS.get((request.method, edge))
        if allowed is None:
            raise _Failed(100, f"Unsupported {request.method.lower()} request", 33)
        for name, value in sent.items():
            check = allowed.get(name.partition("[")[0])
            if check is None:
                raise _Failed(100, f'Unexpected key "{name}" on parameters')
            if not check(value):
                raise _Failed(100, f"Param {name} is not valid")
        if edge in ("published_posts", "visitor_posts", "tagged", "feed", "photos") and node != self.us.id:
            raise _missing(node)
        made = {
            ("GET", "#get"): self._read_node,
            ("GET", "comments"): self._read_comments,
            ("POST", "feed"): self._publish,
            ("POST", "comments"): self._comment,
            ("POST", "#update"): self._update,
            ("DELETE", "#delete"): self._delete,
        }.get((request.method, edge))
        if made is not None:
            return made(node, sent)
        if edge == "photos":
            return self._put_up(sent, request.files())
        items: Iterable[Held | Visit] = self.shown_posts() if edge == "published_posts" else self.visits.values()
        shown = [item for item in items if isinstance(item, Held) or item.edge == edge]
        numbered = [(_number(item.id), item) for item in reversed(shown)]
        return self._paged(request.path, numbered, sent, self._post, falling=True)

    def _authorise(self, request: Request, sent: dict[str, str]) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        given = token if kind == "Bearer" else sent.pop("access_token", "")
        if not given:
            raise _Failed(104, "An access token is required to request this resource.")
        if given != self.token:
            raise _Failed(190, f"Malformed access token {given}")
        proof = sent.pop("appsecret_proof", None)
        if self.app_secret is not None:
            wanted = hmac.new(self.app_secret.encode(), self.token.encode(), hashlib.sha256).hexdigest()
            if proof is None:
                raise _Failed(100, "API calls from the server require an appsecret_proof argument")
            if proof != wanted:
                raise _Failed(100, "Invalid appsecret_proof provided in the API argument")
        if self.calls_allowed is not None and self._spent > self.calls_allowed:
            raise _Failed(32, "Page request limit reached")

    def _read_node(self, node: str, sent: Mapping[str, str]) -> Item:
        if node not in ("me", self.us.id):
            raise _missing(node)
        who = self.speaks_for if node == "me" else self.us
        return _chosen("Page", {"id": who.id, "name": who.name}, sent.get("fields"))

    def _read_comments(self, node: str, sent: Mapping[str, str]) -> Item:
        under = self.remarks.get(node)
        if node not in self.posts and node not in self.visits and (under is None or self._gone(under)):
            raise _missing(node)
        since = sent.get("since", "")
        path = f"/{node}/comments"
        start = datetime.fromtimestamp(int(since), UTC) if since.isdigit() else None
        start = start if start or not since else datetime.fromisoformat(since)
        shown = [
            (_number(remark.id), remark)
            for remark in self.shown_remarks()
            if self._stands_under(remark, node, deep=sent.get("filter") == "stream")
            and not self._gone(remark)
            and (start is None or remark.sent_at >= start)
        ]
        falling = sent.get("order") == "reverse_chronological"
        shown = shown[::-1] if falling else shown
        return self._paged(path, shown, sent, self._remark, falling=falling)

    def _stands_under(self, remark: Remark, node: str, *, deep: bool) -> bool:
        if remark.post_id == node:
            return deep or remark.parent_id is None
        parent = remark.parent_id
        while parent is not None and parent != node and deep:
            parent = self.remarks[parent].parent_id
        return parent == node

    def _gone(self, remark: Remark) -> bool:
        """A deleted comment takes its answers along, and nobody is told."""
        parent = self.remarks.get(remark.parent_id or "")
        return remark.deleted or (parent is not None and self._gone(parent))

    def _publish(self, node: str, sent: Mapping[str, str]) -> Item:
        ids = [str(json.loads(value)["media_fbid"]) for name, value in sent.items() if "[" in name]
        text, link = sent.get("message", ""), sent.get("link", "")
        if not (text or link or ids):
            raise _Failed(100, "You must provide at least one of message, link, attached_media")
        _check_length(text)
        if len(ids) > MOST_PHOTOS:
            raise _Failed(100, f"attached_media holds {MOST_PHOTOS} photos at most")
        if any(id not in self.photos or self.photos[id].used for id in ids):
            raise _Failed(100, "The media in attached_media is not an unpublished photo of this page")
        last = next(reversed(self.posts.values()), None)
        if self.refuses_duplicates and last and not ids and (last.text, last.link) == (text, link):
            raise _Failed(506, "Duplicate status message")
        for id in ids:
            self.photos[id].used = True
        post = Held(f"{node}_{self.next_id()}", text, link, [self.photos[id].alt for id in ids])
        self.posts[post.id] = post
        self.pictures[post.id] = ids
        return {"id": post.id}

    def _put_up(self, sent: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> Item:
        kind, content = files.get("source", ("", b""))
        if sent.get("published") not in ("false", "0"):
            raise _Failed(100, "This double takes unpublished photos only")
        if set(files) - {"source"} or not (content or sent.get("url")):
            raise _Failed(100, "A photo needs either source or url")
        if content and (kind not in ("image/jpeg", "image/png", "image/gif") or len(content) > BIGGEST_PHOTO):
            raise _Failed(324, "Missing or invalid image file", 1366046)
        photo_id = str(self.next_id())
        self.photos[photo_id] = Photo(sent.get("alt_text_custom", ""), content, sent.get("url", ""))
        return {"id": photo_id}

    def _comment(self, node: str, sent: Mapping[str, str]) -> Item:
        under = self.remarks.get(node)
        if node not in self.posts and node not in self.visits and (under is None or self._gone(under)):
            raise _missing(node)
        if not (sent.get("message") or sent.get("attachment_id") or sent.get("attachment_url")):
            raise _Failed(100, "Param message is required")
        post_id = under.post_id if under else node
        return {"id": self.say(self.us, post_id, sent.get("message", ""), under.id if under else None)}

    def _update(self, node: str, sent: Mapping[str, str]) -> Item:
        if node not in self.posts:
            raise _missing(node)
        _check_length(sent.get("message", ""))
        self.posts[node].text = sent.get("message", self.posts[node].text)
        self.updated[node] = datetime.now(UTC)
        return {"success": True}

    def _delete(self, node: str, sent: Mapping[str, str]) -> Item:
        if node in self.remarks and not self.remarks[node].deleted:
            self.remarks[node].deleted = True
        elif self.posts.pop(node, None) is None:
            raise _missing(node)
        return {"success": True}

    def _post(self, item: Held | Visit, fields: str | None) -> Item:
        whole: Item = {
            "id": item.id,
            "created_time": _stamp(item.sent_at),
            "updated_time": _stamp(self.updated.get(item.id, item.sent_at)),
            "permalink_url": _permalink(item.id),
        }
        if item.text:
            whole["message"] = item.text
        if not self.hide_authors:
            person = self.us if isinstance(item, Held) else item.person
            whole["from"] = {"name": person.name, "id": person.id}
        pictures = [
            {"type": "photo", "url": f"{whole['permalink_url']}?photo={id}", "media": {"image": {"src": src}}}
            for id in self.pictures.get(item.id, ())
            for src in [self.photos[id].url or f"https://scontent.example/{id}.jpg"]
        ]
        if isinstance(item, Held) and item.link:
            shim = f"https://l.facebook.com/l.php?u={item.link}"
            whole["attachments"] = {"data": [{"type": "share", "url": shim, "unshimmed_url": item.link}]}
        elif len(pictures) > 1:
            album = {"type": "album", "url": whole["permalink_url"], "subattachments": {"data": pictures}}
            whole["attachments"] = {"data": [album]}
        elif pictures:
            whole["attachments"] = {"data": pictures}
        return _chosen("PagePost", whole, fields)

    def _remark(self, item: Remark, fields: str | None) -> Item:
        chain = [item]
        while chain[-1].parent_id is not None:
            chain.append(self.remarks[chain[-1].parent_id])
        url = f"{_permalink(item.post_id)}?comment_id={_number(chain[-1].id)}"
        whole: Item = {"message": item.text, "created_time": _stamp(item.sent_at)}
        whole["permalink_url"] = url if len(chain) == 1 else f"{url}&reply_comment_id={_number(item.id)}"
        if not self.hide_authors:
            whole["from"] = {"name": item.person.name, "id": item.person.id}
        if item.parent_id is not None and not self.hide_ids:
            whole["parent"] = {"id": item.parent_id}
        if not self.hide_ids:
            whole["id"] = item.id
        return _chosen("Comment", whole, fields)

    def _paged(
        self,
        path: str,
        items: list[tuple[int, Any]],
        sent: Mapping[str, str],
        show: Callable[[Any, str | None], Item],
        *,
        falling: bool,
    ) -> Item:
        """Cut one page; the cursor names the last item shown, so that it holds when the list moves."""
        if "after" in sent:
            try:
                if self.stale_cursors:
                    raise ValueError("it is too old")
                last = int(base64.urlsafe_b64decode(sent["after"]))
            except ValueError:
                raise _Failed(100, "Invalid cursors values provided") from None
            items = [item for item in items if (item[0] < last if falling else item[0] > last)]
        size = min(int(sent.get("limit", 25)), self.largest_page)
        shown, more = items[:size], len(items) > size
        body: Item = {"data": self.arranged([show(item, sent.get("fields")) for _, item in shown])}
        if shown:
            before, after = (base64.urlsafe_b64encode(str(shown[at][0]).encode()).decode() for at in (0, -1))
            body["paging"] = {"cursors": {"before": before, "after": after}}
            if more:
                url = f"https://graph.facebook.com{path}?access_token={self.token}&limit={size}&after={after}"
                body["paging"]["next"] = url
        return body


def _missing(node: str) -> _Failed:
    return _Failed(
        100,
        f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation",
        33,
    )


def _check_length(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise _Failed(100, f"Param message must be no longer than {LONGEST_TEXT} characters")


def _chosen(kind: str, whole: Item, fields: str | None) -> Item:
    """Return the fields that were asked for, those that the network gives anyway, and no other."""
    asked = re.sub(r"\{(?:[^{}]|\{[^{}]*\})*\}", "", fields or _DEFAULTS[kind]).split(",")
    unknown = set(asked) - FIELDS[kind]
    if unknown:
        raise _Failed(100, f"Tried accessing nonexisting field ({min(unknown)}) on node type ({kind})")
    return {name: whole[name] for name in dict.fromkeys([*asked, "id"]) if name in whole}


def _number(remote_id: str) -> int:
    return int(remote_id.rpartition("_")[2])


def _permalink(post_id: str) -> str:
    return f"https://www.facebook.com/{post_id.replace('_', '/posts/', 1)}/"


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
