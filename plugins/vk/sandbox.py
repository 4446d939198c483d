"""A double of VK: one community's wall, its visitors and commenters, photos, mentions and search."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.testing import Held, Person, Remark, Reply, Request, SocialDouble
from plugins.vk.sandbox_form import (
    BIGGEST_PHOTO,
    LONGEST_TEXT,
    MOST_PHOTOS,
    PARAMS,
    USUAL,
    Failed,
    check_params,
    invalid,
    vk_error,
)
from plugins.vk.sandbox_refusals import REFUSALS

GROUP = 123
USER_TOKEN = "vk1.a.sandbox-user-token"
GROUP_TOKEN = "vk1.a.sandbox-group-token"

_ANY_TOKEN = frozenset({"wall.createComment", "users.get", "groups.getById"})  # the others: a user's only
_DAY = 24 * 3600


@dataclass
class Elsewhere:
    """A post on a wall by somebody else: on ours by a visitor, or on their own, perhaps naming us."""

    number: int
    owner: int
    person: Person
    text: str
    names_us: bool
    sent_at: datetime


class VKDouble(SocialDouble):
    """VK as the community 123 sees it.

    `calls_per_second` and `posts_per_day` are limits (None: none). `closed` closes the wall to us. `pinned` is
    the id of a post that stands first. `edited` holds when a post was changed, `photos` what was saved.
    `forgets_start`: a page that is to start at a comment since deleted is empty instead of the first one; what
    VK does there is undocumented. With `stale_cursors` the same holds for every comment, and a search cannot be
    gone on with.
    """

    shows_email = True
    refusals = REFUSALS
    us = Person(id=f"-{GROUP}", name="Our company", handle="company")

    def __init__(
        self,
        port: int = 0,
        *,
        latency: float = 0.0,
        calls_per_second: int | None = None,
        posts_per_day: int | None = None,
    ) -> None:
        super().__init__(port, latency=latency)
        self.group = GROUP
        self.tokens = {USER_TOKEN: "user", GROUP_TOKEN: "group"}
        self.user = self.add_person("Olga Editor", "olga")
        self.calls_per_second = calls_per_second
        self.posts_per_day = posts_per_day
        self.closed = False
        self.admin_level = 3
        self.forgets_start = False
        self.pinned = ""
        self.edited: dict[str, datetime] = {}
        self.photos: dict[str, dict[str, Any]] = {}
        self.elsewhere: list[Elsewhere] = []
        self._parts: dict[str, list[str]] = {}
        self._uploads: dict[str, bytes] = {}
        self._guids: dict[str, str] = {}
        self._recent: list[float] = []

    def account(self) -> dict[str, Any]:
        return {"api_url": self.url, "group": self.group, "token": USER_TOKEN}

    def new_remark_id(self, post_id: str) -> str:
        return f"{post_id.partition('_')[0]}_{self.next_id()}"

    def mention_us(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        """Let a person name the community on their own wall; return the post's id."""
        return self._put(int(person.id), person, text, True, sent_at)

    def mention(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        return self.mention_us(person, text, sent_at)

    def delete_remark(self, remark_id: str) -> None:
        with self.lock:
            left = [post for post in self.elsewhere if f"{post.owner}_{post.number}" != remark_id]
            if len(left) == len(self.elsewhere):
                super().delete_remark(remark_id)
            self.elsewhere = left

    def write_post(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        """Let a person write on their own wall."""
        return self._put(int(person.id), person, text, False, sent_at)

    def visit(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        """Let a person write on the community's wall."""
        return self._put(-self.group, person, text, False, sent_at)

    def _put(self, owner: int, person: Person, text: str, names_us: bool, sent_at: datetime | None) -> str:
        with self.lock:
            post = Elsewhere(self.next_id(), owner, person, text, names_us, sent_at or datetime.now(UTC))
            self.elsewhere.append(post)
        return f"{owner}_{post.number}"

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/upload/"):
            return self._take_upload(request)
        method = request.path.removeprefix("/method/")
        params = {**request.query, **request.form()}
        try:
            kind = self._admit(request, method, params)
            result = getattr(self, "_" + method.replace(".", "_").lower())(params, kind)
        except Failed as failed:
            return vk_error(failed.code, failed.text, params)
        return Reply(json={"response": result})

    def _admit(self, request: Request, method: str, params: dict[str, str]) -> str:
        """Check version, token, pace and parameters, in VK's order; return the kind of the token."""
        if method not in PARAMS:
            raise Failed(3, "Unknown method passed")
        if not re.fullmatch(r"5\.\d+", params.pop("v", "")):
            raise Failed(8, "Invalid request: v is required")
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = params.pop("access_token", bearer if scheme == "Bearer" else "")
        kind = self.tokens.get(token)
        if kind is None:
            raise Failed(5, "User authorization failed: invalid access_token (4).")
        if kind == "group" and method not in _ANY_TOKEN:
            raise Failed(27, "Group authorization failed: method is unavailable with group auth.")
        if self.calls_per_second is not None:
            now = time.monotonic()
            self._recent = [then for then in self._recent if now - then < 1]
            if len(self._recent) >= self.calls_per_second:
                raise Failed(6, "Too many requests per second")
            self._recent.append(now)
        check_params(method, params)
        return kind

    # Writing

    def _wall_post(self, params: dict[str, str], kind: str) -> dict[str, int]:
        if params.get("owner_id") != str(-self.group) or params.get("from_group") != "1":
            raise Failed(214, "Access to adding post denied: you can only write as the community here")
        guid = params.get("guid", "")
        # What VK does at a second guid is undocumented; here it gives back the first post.
        if guid and guid in self._guids:
            return {"post_id": _number(self._guids[guid])}
        if self.closed:
            raise Failed(214, "Access to adding post denied: access to the wall is closed")
        if self.posts_per_day is not None and len(self.posts) >= self.posts_per_day:
            raise Failed(214, f"Access to adding post denied: you can only add {self.posts_per_day} posts a day")
        text, parts, link = self._content(params)
        held = Held(id=f"-{self.group}_{self.next_id()}", text=text, link=link, alts=self._alts(parts))
        self.posts[held.id] = held
        self._parts[held.id] = parts
        if guid:
            self._guids[guid] = held.id
        return {"post_id": _number(held.id)}

    def _wall_edit(self, params: dict[str, str], kind: str) -> dict[str, int]:
        held = self._post(params)
        held.text, parts, held.link = self._content(params)
        held.alts, self._parts[held.id] = self._alts(parts), parts
        self.edited[held.id] = datetime.now(UTC)
        return {"post_id": _number(held.id)}

    def _wall_delete(self, params: dict[str, str], kind: str) -> int:
        held = self._post(params)
        del self.posts[held.id]
        return 1

    def _wall_createcomment(self, params: dict[str, str], kind: str) -> dict[str, Any]:
        post_id = f"{params.get('owner_id', self.user.id)}_{params['post_id']}"
        if not self._commentable(post_id):
            raise Failed(15, "Access denied: post was not found")
        guid = params.get("guid", "")
        if guid and guid in self._guids:
            return {"comment_id": _number(self._guids[guid]), "parents_stack": []}
        if not params.get("message"):
            raise invalid("message is undefined")
        if params.get("from_group", str(self.group)) != str(self.group):
            raise Failed(213, "Access to status replies denied")
        parent = None
        if "reply_to_comment" in params:
            parent = f"{post_id.partition('_')[0]}_{params['reply_to_comment']}"
            if parent not in self.remarks or self.remarks[parent].deleted:
                raise invalid("reply_to_comment")
        remark_id = self.say(self.us, post_id, params["message"], parent)
        if guid:
            self._guids[guid] = remark_id
        return {"comment_id": _number(remark_id), "parents_stack": self._stack(self.remarks[remark_id])}

    def _content(self, params: dict[str, str]) -> tuple[str, list[str], str]:
        text = params.get("message", "")
        parts = [part for part in params.get("attachments", "").split(",") if part]
        if not text and not parts:
            raise invalid("message is undefined")
        if len(text) > LONGEST_TEXT:
            raise invalid("message is too long")
        links = [part for part in parts if part.startswith(("http://", "https://"))]
        photos = [part for part in parts if part not in links]
        unknown = [part for part in photos if part.rpartition("_")[0] not in self.photos]
        if len(links) > 1 or unknown or len(photos) > MOST_PHOTOS:
            raise invalid("attachments")
        return text, parts, next(iter(links), "")

    def _alts(self, parts: list[str]) -> list[str]:
        photos = (self.photos.get(part.rpartition("_")[0]) for part in parts)
        return [str(photo["text"]) for photo in photos if photo is not None]

    def _post(self, params: dict[str, str]) -> Held:
        held = self.posts.get(f"{params.get('owner_id')}_{params.get('post_id')}")
        if held is None:
            raise Failed(104, "Not found")
        return held

    # Photos

    def _photos_getwalluploadserver(self, params: dict[str, str], kind: str) -> dict[str, Any]:
        upload = f"{self.url}/upload/{self.next_id()}"
        return {"album_id": -14, "upload_url": upload, "user_id": int(self.user.id), "group_id": self.group}

    def _take_upload(self, request: Request) -> Reply:
        kind, content = request.files().get("photo", ("", b""))
        if request.headers.get("authorization"):
            return Reply(status=403, json={"error": "ERR_AUTH: a token has no place here"})
        if not content or kind not in ("image/jpeg", "image/png", "image/gif"):
            return Reply(json={"error": "ERR_UPLOAD_BAD_IMAGE_FORMAT: bad image format"})
        if len(content) > BIGGEST_PHOTO:
            return Reply(json={"error": "ERR_UPLOAD_FILE_TOO_BIG: file is too big"})
        digest = f"hash{len(self._uploads)}"
        self._uploads[digest] = content
        photo = json.dumps([{"photo": digest, "sizes": []}])
        return Reply(json={"server": 7004, "photo": photo, "hash": digest})

    def _photos_savewallphoto(self, params: dict[str, str], kind: str) -> list[dict[str, Any]]:
        if params.get("hash") not in self._uploads:
            raise Failed(121, "Invalid hash")
        number = self.next_id()
        photo = {
            "id": number,
            "album_id": -14,
            "owner_id": -self.group,
            "date": int(time.time()),
            "text": params.get("caption", ""),
            "has_tags": False,
            "access_key": f"key{number}",
            "sizes": [
                {"type": "s", "width": 75, "height": 50, "url": f"{self.url}/photo/{number}/s.jpg"},
                {"type": "z", "width": 1080, "height": 720, "url": f"{self.url}/photo/{number}/z.jpg"},
            ],
        }
        self.photos[f"photo-{self.group}_{number}"] = photo
        return [photo]

    # Reading

    def _wall_get(self, params: dict[str, str], kind: str) -> dict[str, Any]:
        if params.get("owner_id") != str(-self.group):
            raise Failed(15, "Access denied: this double has one wall only")
        wanted = params.get("filter", "all")
        items = [] if wanted == "others" else [self._held_json(held) for held in self.shown_posts()]
        if wanted in ("others", "all"):
            items += [_elsewhere_json(post) for post in self.elsewhere if post.owner == -self.group]
        items.sort(key=lambda item: (item["id"] == _number(self.pinned), item["date"], item["id"]), reverse=True)
        return self._page("wall.get", params, items)

    def _newsfeed_getmentions(self, params: dict[str, str], kind: str) -> dict[str, Any]:
        named = [post for post in self.elsewhere if post.names_us]
        return self._page("newsfeed.getMentions", params, _since(named, params))

    def _newsfeed_search(self, params: dict[str, str], kind: str) -> dict[str, Any]:
        wanted = params.get("q", "").casefold()
        found = _since([post for post in self.elsewhere if wanted in post.text.casefold()], params)
        if self.stale_cursors and "start_from" in params:
            raise invalid("start_from is unknown")
        start = int(params.get("start_from", "0/").partition("/")[0])
        page = self._page("newsfeed.search", {**params, "offset": str(start)}, found)
        end = start + int(params.get("count", USUAL["newsfeed.search"]))
        if end < len(found):
            page["next_from"] = f"{end}/{found[end]['owner_id']}_{found[end]['id']}"
        return {**page, "total_count": len(found), "count": min(len(found), 1000)}

    def _wall_getcomments(self, params: dict[str, str], kind: str) -> dict[str, Any]:
        post_id = f"{params.get('owner_id')}_{params.get('post_id')}"
        if not self._commentable(post_id):
            raise Failed(15, "Access denied: post was not found")
        under: dict[int, list[Remark]] = {}
        for remark in self.remarks.values():
            if remark.post_id == post_id and remark.id not in self.hidden:
                top = next(iter(self._stack(remark)), 0)
                under.setdefault(top, []).append(remark)
        alive = {remark.id for remark in self.shown_remarks(post_id)}
        shown = {
            top: [one for one in level if one.id in alive or _answered(one, under, alive)]
            for top, level in under.items()
        }
        # Answers to a comment that is gone without a trace would be orphans; VK keeps a stub above them.
        level = sorted(shown.get(int(params.get("comment_id", 0)), []), key=lambda one: _number(one.id))
        if params.get("sort") == "desc":
            level.reverse()
        first = params.get("start_comment_id")
        places = [place for place, one in enumerate(level) if str(_number(one.id)) == first]
        if self.stale_cursors:
            places = []
        forgotten = self.forgets_start or self.stale_cursors
        start = places[0] if places else len(level) if first and forgotten else 0
        start = max(start + int(params.get("offset", 0)), 0)
        page = level[start : start + int(params.get("count", 10))]
        inner = int(params.get("thread_items_count", 0))
        items = self.arranged([self._remark_json(one, shown, inner) for one in page])
        answer: dict[str, Any] = {
            "count": sum(1 + len(shown.get(_number(one.id), ())) for one in shown.get(0, ())),
            "current_level_count": len(level),
            "items": items,
            "can_post": True,
            "show_reply_button": True,
            "groups_can_post": True,
        }
        return self._with_people(answer, params, items)

    def _users_get(self, params: dict[str, str], kind: str) -> list[dict[str, Any]]:
        if "user_ids" not in params:
            return [self._user_json(self.user)] if kind == "user" else []
        return [self._user_json(self.people[one]) for one in params["user_ids"].split(",") if one in self.people]

    def _groups_getbyid(self, params: dict[str, str], kind: str) -> dict[str, Any]:
        wanted = (params.get("group_ids") or params.get("group_id") or "").split(",")
        return {"groups": [self._group_json() for one in wanted if one == str(self.group)], "profiles": []}

    # Shapes

    def _page(self, method: str, params: dict[str, str], items: list[dict[str, Any]]) -> dict[str, Any]:
        start = int(params.get("offset", 0))
        page = items[start : start + int(params.get("count", USUAL[method]))]
        return self._with_people({"count": len(items), "items": self.arranged(page)}, params, page)

    def _with_people(
        self, answer: dict[str, Any], params: dict[str, str], items: list[dict[str, Any]]
    ) -> dict[str, Any]:
        if params.get("extended") != "1":
            return answer
        inner = [one for item in items for one in item.get("thread", {}).get("items", [])]
        who = {str(item["from_id"]) for item in (*items, *inner) if "from_id" in item}
        profiles = [self._user_json(self.people[one]) for one in sorted(who) if one in self.people]
        groups = [self._group_json()] if self.us.id in who else []
        return {**answer, "profiles": profiles, "groups": groups}

    def _held_json(self, held: Held) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []
        for part in self._parts[held.id]:
            photo = self.photos.get(part.rpartition("_")[0])
            link = {"url": part, "title": "", "caption": ""}
            parts.append({"type": "photo", "photo": photo} if photo else {"type": "link", "link": link})
        item = _post_json(_number(held.id), -self.group, -self.group, held.text, held.sent_at)
        if parts:
            item["attachments"] = parts
        if held.id in self.edited:
            item["edited"] = int(self.edited[held.id].timestamp())
        if held.id == self.pinned:
            item["is_pinned"] = 1
        return item

    def _remark_json(self, remark: Remark, shown: dict[int, list[Remark]], inner: int) -> dict[str, Any]:
        number, owner = _number(remark.id), int(remark.post_id.partition("_")[0])
        stack = self._stack(remark)
        item: dict[str, Any] = {"id": number, "parents_stack": stack, "date": int(remark.sent_at.timestamp())}
        if not stack:
            below = sorted(shown.get(number, []), key=lambda one: _number(one.id))
            answers = [self._remark_json(one, shown, 0) for one in below[:inner]]
            item["thread"] = {"count": len(below), "items": answers, "can_post": True, "show_reply_button": True}
        if remark.deleted:
            return {**item, "deleted": True}
        item |= {"from_id": int(remark.person.id), "owner_id": owner, "post_id": _number(remark.post_id)}
        item["text"] = remark.text
        if remark.parent_id is not None:
            item["reply_to_comment"] = _number(remark.parent_id)
            item["reply_to_user"] = int(self.remarks[remark.parent_id].person.id)
        return item

    def _stack(self, remark: Remark) -> list[int]:
        """Return the one comment at the top of the branch, if `remark` is not that itself."""
        top = remark
        while top.parent_id is not None:
            top = self.remarks[top.parent_id]
        return [] if top is remark else [_number(top.id)]

    def _commentable(self, post_id: str) -> bool:
        return post_id in self.posts or any(f"{post.owner}_{post.number}" == post_id for post in self.elsewhere)

    def _user_json(self, person: Person) -> dict[str, Any]:
        first, _, last = person.name.partition(" ")
        shown = {"first_name": first, "last_name": last, "screen_name": person.handle}
        return {"id": int(person.id), **shown, "about": f"Пишите: {person.email}" if person.email else ""}

    def _group_json(self) -> dict[str, Any]:
        rights = {"is_admin": int(self.admin_level > 0)} | (
            {"admin_level": self.admin_level} if self.admin_level else {}
        )
        return {"id": self.group, "name": self.us.name, "screen_name": self.us.handle, "type": "page", **rights}


def _answered(remark: Remark, under: dict[int, list[Remark]], alive: set[str]) -> bool:
    """Tell whether a comment has answers that are shown: then a stub of it stays when it is deleted."""
    return any(one.id in alive for one in under.get(_number(remark.id), []))


def _number(remote_id: str) -> int:
    return int(remote_id.partition("_")[2] or 0)


def _post_json(number: int, owner: int, sender: int, text: str, sent_at: datetime) -> dict[str, Any]:
    return {
        "inner_type": "wall_wallpost",
        "id": number,
        "owner_id": owner,
        "from_id": sender,
        "date": int(sent_at.timestamp()),
        "text": text,
        "post_type": "post",
    }


def _elsewhere_json(post: Elsewhere) -> dict[str, Any]:
    return _post_json(post.number, post.owner, int(post.person.id), post.text, post.sent_at)


def _since(posts: list[Elsewhere], params: dict[str, str]) -> list[dict[str, Any]]:
    """Return the posts since start_time (24 hours ago unless told), newest first."""
    since = int(params.get("start_time", time.time() - _DAY))
    found = [post for post in posts if post.sent_at.timestamp() >= since]
    return [
        _elsewhere_json(post) for post in sorted(found, key=lambda post: (post.sent_at, post.number), reverse=True)
    ]
