"""A double of a Mastodon server: its client API on loopback, and the ways in which other servers speak it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hub.testing import Held, Person, Remark, Reply, Request, SocialDouble
from plugins.mastodon import wire
from plugins.mastodon.sandbox_door import Door
from plugins.mastodon.sandbox_form import (
    IMAGE_BYTES,
    LONGEST,
    MOST_IMAGES,
    account_json,
    html,
    instance_json,
    length,
    media_json,
    named_in,
    stamp,
    status_json,
)
from plugins.mastodon.sandbox_refusals import REFUSALS, error

TOKEN = "mastodon-sandbox-token"

_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


@dataclass
class Upload:
    """An image; `polls` are how often a question after it is still answered 206. `used`: a status holds it."""

    id: str
    mime: str
    alt: str
    polls: int = 0
    used: bool = False


@dataclass
class Status:
    """A status as the server keeps it, by its id there; text and parent stand in `Held` or `Remark`."""

    person: Person
    visibility: str = "public"
    warning: str = ""
    sensitive: bool = False
    language: str | None = "en"
    media: list[Upload] = field(default_factory=list)
    edited_at: datetime | None = None


@dataclass
class Notice:
    """A notification: `kind` happened to us by a status of somebody."""

    id: str
    kind: str
    status: str
    at: datetime


class MastodonDouble(SocialDouble):
    """A Mastodon 4.6 server as our account sees it.

    People of other servers have a handle such as `bob@far.example`. `privacy` is the visibility of a post that
    asks for none. `polls` are how often a question after an
    upload is answered 206 first. `keeps_keys`, `newest_api`, `links` and `deep` are false for a server of another
    kind, which knows no `Idempotency-Key`, only /api/v1/instance, no Link header, and shows one level of a thread.
    `boosts` are ids of statuses that we boosted, `noise` are notifications of other kinds.
    """

    refusals = REFUSALS

    def __init__(
        self,
        port: int = 0,
        *,
        latency: float = 0.0,
        keeps_keys: bool = True,
        newest_api: bool = True,
        links: bool = True,
        deep: bool = True,
    ) -> None:
        super().__init__(port, latency=latency)
        self.keeps_keys, self.newest_api, self.links, self.deep = keeps_keys, newest_api, links, deep
        self.door = Door(TOKEN)
        self.polls = 0
        self.privacy = "public"
        self.longest = LONGEST
        self.statuses: dict[str, Status] = {}
        self.uploads: dict[str, Upload] = {}
        self.notices: list[Notice] = []
        self.boosts: list[str] = []
        self.keys: dict[str, str] = {}
        # Ids that grow by a digit soon: who compares them as texts is found out.
        self._last_id = 9_970

    def account(self) -> dict[str, Any]:
        return {"api_url": self.url, "token": TOKEN}

    # People

    def say(self, person: Person, post_id: str, text: str, parent_id: str | None = None) -> str:
        with self.lock:
            remark_id = super().say(person, post_id, text, parent_id)
            self._appear(self._status_id(remark_id), Status(person), text)
        return remark_id

    def new_remark_id(self, post_id: str) -> str:
        return self._remark_id(str(self.next_id()))

    def _remark_id(self, status_id: str) -> str:
        return wire.named(status_id, f"127.0.0.1:{self.port}")

    def _status_id(self, remote_id: str) -> str:
        return wire.status_id(remote_id, f"127.0.0.1:{self.port}")

    def mention(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        """Let a person write a status of their own; it is a mention if it names us."""
        with self.lock:
            remark_id = self.new_remark_id("")
            moment = sent_at or datetime.now(UTC)
            self.remarks[remark_id] = Remark(remark_id, remark_id, person, text, sent_at=moment)
            self._appear(self._status_id(remark_id), Status(person), text)
        return remark_id

    def whisper(self, person: Person, text: str) -> str:
        """Let a person say something to us alone."""
        remark_id = self.mention(person, text)
        self.status(remark_id).visibility = "direct"
        return remark_id

    def status(self, remote_id: str) -> Status:
        """Return what the server keeps of a post or a remark."""
        return self.statuses[self._status_id(remote_id)]

    def write(self, text: str, visibility: str) -> str:
        """Let us write a status by hand, not through the hub."""
        with self.lock:
            held = Held(str(self.next_id()), text)
            self.posts[held.id] = held
            self.statuses[held.id] = Status(self.us, visibility)
        return held.id

    def notice(self, kind: str, remote_id: str) -> None:
        """Let something else happen to us, such as a favourite."""
        with self.lock:
            self.notices.append(Notice(str(self.next_id()), kind, self._status_id(remote_id), datetime.now(UTC)))

    def edit_remark(self, remark_id: str, text: str) -> None:
        with self.lock:
            super().edit_remark(remark_id, text)
            self.status(remark_id).edited_at = datetime.now(UTC)

    def _appear(self, status_id: str, status: Status, text: str) -> None:
        self.statuses[status_id] = status
        if status.person is not self.us and self.us in named_in(text, [self.us]):
            self.notice("mention", status_id)

    # The API

    def answer(self, request: Request) -> Reply:
        if request.path == "/api/v2/instance" and not self.newest_api:
            return error(404)
        if request.path in ("/api/v1/instance", "/api/v2/instance"):
            return Reply(instance_json(request.path, self.url, self.longest, real=self.newest_api))
        match (request.method, request.path):
            case ("POST", "/api/v1/apps"):
                return self.door.register(request)
            case ("GET", "/oauth/authorize"):
                return self.door.authorize(request)
            case ("POST", "/oauth/token"):
                return self.door.give(request)
        refused = self.door.refusal(request)
        if refused is not None:
            return refused
        version, *rest = request.path.strip("/").split("/")[1:]
        match (request.method, version, rest):
            case ("GET", "v1", ["accounts", "verify_credentials"]):
                return Reply(
                    {**account_json(self.us, self.url), "source": {"privacy": self.privacy, "language": "en"}}
                )
            case ("POST", "v2", ["media"]):
                return self._take_media(request)
            case ("GET", "v1", ["media", media_id]):
                return self._media(media_id)
            case ("POST", "v1", ["statuses"]):
                return self._create(request)
            case ("GET", "v1", ["accounts", self.us.id, "statuses"]):
                return self._page(request, self._ours(request), lambda one: self._show(one))
            case ("GET", "v1", ["notifications"]):
                shown = {self._status_id(remark.id) for remark in self.shown_remarks()}
                kinds = request.query.get("types[]")
                found = [one for one in self.notices if one.status in shown and kinds in (None, one.kind)]
                return self._page(request, found, self._notice)
            case ("GET", "v2", ["search"]):
                return self._search(request)
            case (_, "v1", ["statuses", status_id, *below]) if self._stands(status_id):
                return self._one(request, status_id, below)
        return error(404)

    def _stands(self, status_id: str) -> bool:
        remark = self._remark(status_id)
        return status_id in self.posts or (
            remark is not None and not remark.deleted and remark.id not in self.hidden
        )

    def _remark(self, status_id: str) -> Remark | None:
        return self.remarks.get(self._remark_id(status_id))

    def _one(self, request: Request, status_id: str, below: list[str]) -> Reply:
        ours = self.statuses[status_id].person is self.us
        match (request.method, below):
            case ("GET", []):
                return Reply(self._show(status_id))
            case ("GET", ["context"]):
                return Reply(self._context(status_id))
            case ("PUT", []) if ours:
                return self._edit(request, status_id)
            case ("DELETE", []) if ours:
                shown = self._show(status_id)
                shown["text"] = self._entry(status_id).text if shown.pop("content") else ""
                remark = self._remark(status_id)
                if remark is not None:
                    remark.deleted = True
                self.posts.pop(status_id, None)
                return Reply(shown)
        return error(404)

    def _create(self, request: Request) -> Reply:
        key = request.headers.get("idempotency-key", "")
        if self.keeps_keys and key in self.keys:
            return Reply(self._show(self.keys[key]))
        wanted = request.json()
        parent = wanted.get("in_reply_to_id")
        if parent is not None and not self._stands(parent):
            return error(404)
        status = Status(self.us, self.privacy)
        wrong = self._fill(status, wanted)
        if wrong is not None:
            return wrong
        answered = self._remark(parent or "")
        if answered is not None:
            made = self._status_id(super().say(self.us, answered.post_id, wanted["status"], answered.id))
        else:
            made = str(self.next_id())
            alts = [one.alt for one in status.media]
            self.posts[made] = Held(made, wanted["status"], alts=alts, reply_to=parent)
        self.statuses[made] = status
        if key:
            self.keys[key] = made
        return Reply(self._show(made))

    def _edit(self, request: Request, status_id: str) -> Reply:
        wanted = request.json()
        status = self.statuses[status_id]
        wrong = self._fill(status, wanted)
        if wrong is not None:
            return wrong
        status.edited_at = datetime.now(UTC)
        entry = self._entry(status_id)
        entry.text = wanted["status"]
        if isinstance(entry, Held):
            entry.alts = [one.alt for one in status.media]
        return Reply(self._show(status_id))

    def _fill(self, status: Status, wanted: dict[str, Any]) -> Reply | None:
        """Give a status what is wanted; what is not said is none. Return the refusal, if it cannot be."""
        text, warning = wanted.get("status") or "", wanted.get("spoiler_text") or ""
        media = [self.uploads.get(one) for one in wanted.get("media_ids") or ()]
        ready = [one for one in media if one is not None and not one.polls]
        if len(ready) < len(media) or any(one.used and one not in status.media for one in ready):
            return error(422, "メディアが存在しないか、すでに添付して投稿されています")
        if len(ready) > MOST_IMAGES:
            return error(422, "4枚以上の画像を添付することはできません")
        if not text and not ready:
            return error(422, "バリデーションに失敗しました: Textを入力してください")
        if length(text, warning) > self.longest:
            return error(422, f"バリデーションに失敗しました: 上限は{self.longest}文字です")
        if wanted.get("visibility", "public") not in ("public", "unlisted", "private", "direct"):
            return error(422, "バリデーションに失敗しました: Visibility")
        status.media, status.warning = ready, warning
        status.visibility = wanted.get("visibility", status.visibility)
        status.sensitive = bool(wanted.get("sensitive") or warning)
        status.language = wanted.get("language", status.language)
        for one in ready:
            one.used = True
        return None

    def _take_media(self, request: Request) -> Reply:
        mime, content = request.files().get("file", ("", b""))
        if not content or mime not in _IMAGES or len(content) > IMAGE_BYTES:
            return error(422, "バリデーションに失敗しました: ファイル")
        upload = Upload(str(self.next_id()), mime, request.form().get("description", ""), self.polls)
        self.uploads[upload.id] = upload
        return Reply(self._media_json(upload), status=202 if upload.polls else 200)

    def _media(self, media_id: str) -> Reply:
        upload = self.uploads.get(media_id)
        if upload is None:
            return error(404)
        upload.polls = max(upload.polls - 1, 0)
        return Reply(self._media_json(upload), status=206 if upload.polls else 200)

    def _media_json(self, upload: Upload) -> dict[str, Any]:
        return media_json(upload.id, upload.alt, self.url, ready=not upload.polls)

    # Reading

    def _ours(self, request: Request) -> list[Any]:
        shown = [post.id for post in self.shown_posts()]
        shown += [self._status_id(one.id) for one in self.shown_remarks() if one.person is self.us]
        if request.query.get("exclude_reblogs") != "true":
            shown += [f"{self._status_id(one)}9" for one in self.boosts]
        return _in_order(shown)

    def _page(self, request: Request, items: Sequence[Any], show: Callable[[Any], Any]) -> Reply:
        """Answer a page, newest first: what is just above `min_id`, or the newest between the other two ids."""
        query, address = request.query, f"{self.url}{request.path}"
        low = int(query.get("min_id", query.get("since_id", 0)))
        high = int(query.get("max_id", 1 << 63))
        size = min(int(query.get("limit", 20)), 40)
        found = [one for one in items if low < int(one.id) < high]
        page = found[:size] if "min_id" in query else found[-size:]
        links = []
        if len(page) == size:
            links.append(f'<{address}?limit={size}&max_id={page[0].id}>; rel="next"')
        if page:
            links.append(f'<{address}?limit={size}&min_id={page[-1].id}>; rel="prev"')
        headers = {"Link": ", ".join(links)} if links and self.links else {}
        return Reply([show(one) for one in self.arranged(page[::-1])], headers=headers)

    def _notice(self, notice: Notice) -> dict[str, Any]:
        return {
            "id": notice.id,
            "type": notice.kind,
            "created_at": stamp(notice.at),
            "group_key": f"ungrouped-{notice.id}",
            "account": account_json(self.statuses[notice.status].person, self.url),
            "status": self._show(notice.status),
        }

    def _search(self, request: Request) -> Reply:
        words = request.query["q"].casefold()
        texts: list[Held | Remark] = [*self.shown_posts(), *self.shown_remarks()]
        found = _in_order([self._status_id(one.id) for one in texts if words in one.text.casefold()])
        found = [one for one in found if int(one.id) < int(request.query.get("max_id", 1 << 63))]
        page = found[::-1][: min(int(request.query.get("limit", 20)), 40)]
        statuses = [self._show(one.id) for one in self.arranged(page)]
        return Reply({"accounts": [], "statuses": statuses, "hashtags": []})

    def _context(self, status_id: str) -> dict[str, Any]:
        above: list[str] = []
        parent = self._parent(status_id)
        while parent is not None and self._stands(parent):
            above.insert(0, parent)
            parent = self._parent(parent)
        below, level = list[str](), [status_id]
        standing = [*self.posts, *(self._status_id(one.id) for one in self.shown_remarks())]
        hidden = [self._status_id(one) for one in self.hidden]
        # What answers something hidden hangs in the air; the server shows it all the same.
        while level:
            level = [one for one in [*standing, *hidden] if self._parent(one) in level]
            below += [one for one in level if one in standing]
            if not self.deep:
                break
        return {
            "ancestors": [self._show(one) for one in above],
            "descendants": [self._show(one) for one in self.arranged(below)],
        }

    def _parent(self, status_id: str) -> str | None:
        entry = self._entry(status_id)
        if isinstance(entry, Held):
            return entry.reply_to
        above = entry.parent_id or (entry.post_id if entry.post_id != entry.id else None)
        return above and self._status_id(above)

    def _entry(self, status_id: str) -> Held | Remark:
        return self.posts.get(status_id) or self.remarks[self._remark_id(status_id)]

    def _show(self, one: Any) -> dict[str, Any]:
        status_id = one if isinstance(one, str) else one.id
        if status_id not in self.statuses:  # a boost
            inner = self._show(status_id[:-1])
            return {
                **inner,
                "id": status_id,
                "content": "",
                "reblog": inner,
                "account": account_json(self.us, self.url),
            }
        kept, text, parent = self.statuses[status_id], self._entry(status_id).text, self._parent(status_id)
        known = [self.us, *self.people.values()]
        return status_json(
            status_id,
            self.url,
            kept.person,
            content=html(text, known, self.url),
            named=named_in(text, known),
            answers=(parent, self.statuses[parent].person.id) if parent in self.statuses else (parent, None),
            made=(self._entry(status_id).sent_at, kept.edited_at),
            replies=sum(self._parent(other) == status_id for other in self.statuses if self._stands(other)),
            media=[self._media_json(image) for image in kept.media],
            spoiler_text=kept.warning,
            sensitive=kept.sensitive,
            visibility=kept.visibility,
            language=kept.language,
        )


@dataclass(frozen=True)
class Listed:
    """What stands on a list of statuses, by its id."""

    id: str


def _in_order(status_ids: Iterable[str]) -> list[Listed]:
    return sorted((Listed(one) for one in status_ids), key=lambda one: int(one.id))
