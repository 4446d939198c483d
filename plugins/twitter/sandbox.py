"""A double of X: its API v2 on loopback, in both spellings, with its logins, limits, edits and t.co."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from hub.testing import Held, Person, Remark, Reply, Request, SocialDouble
from plugins.twitter.sandbox_door import Door, Failed, Login, failed
from plugins.twitter.sandbox_entries import Entry, Upload, Version, id_at, stamp
from plugins.twitter.sandbox_form import check_post, check_query, invalid, queries
from plugins.twitter.sandbox_refusals import REFUSALS

_ROUTE = re.compile(r"(?<=[a-z]/)\d+(?=/|$)")
_LINK = re.compile(
    r"https?://\S+|(?<![\w@./-])(?:[a-z0-9-]+\.)+(?:com|org|net|ru|io|dev|example)\b(?:/\S*)?", re.I
)
_SEARCHED = timedelta(days=7)
_EDITS = 5
_SIZES = {"tweet_image": 5 << 20, "tweet_gif": 15 << 20}


class TwitterDouble(SocialDouble):
    """X, as its documentation of 2026-08 has it ("post") or as before ("tweet").

    `login` is the kind of login that `account` gives; all kinds are let in. `limits` are calls in 15 minutes by
    route, see `RATE_LIMITS`. `editable_for` is in seconds. Remarks have the id of their first version. `shift`
    moves the double's clock, in seconds: what is said while it is negative was said long ago. `longest` is what a
    text may weigh: 280, and 25,000 for a subscriber. With `stale_cursors` no page token is known, and to the
    search no id: as after seven days.
    """

    shows_email = True
    refusals = REFUSALS

    def __init__(
        self,
        port: int = 0,
        *,
        latency: float = 0.0,
        spelling: str = "post",
        login: Login = "bearer",
        expires_in: float = 7200.0,
        limits: Mapping[str, int] | None = None,
        editable_for: float = 1800.0,
    ) -> None:
        super().__init__(port, latency=latency)
        self.spelling = spelling
        self.problems = f"https://api.{'x' if spelling == 'post' else 'twitter'}.com/2/problems/"
        self.door = Door(login, expires_in, limits or {}, self.problems)
        self.editable_for = editable_for
        self.shift = 0.0
        self.longest = 280
        self.access_level = "read-write"
        self.uploads: dict[str, Upload] = {}
        self.entries: dict[str, Entry] = {}
        self.people[self.us.id] = self.us
        self._short: dict[str, str] = {}
        self._newest = 0
        self._queries = queries(spelling)

    def account(self) -> dict[str, Any]:
        return {"api_url": self.url, "fields": self.spelling, **self.door.account()}

    def say(self, person: Person, post_id: str, text: str, parent_id: str | None = None) -> str:
        with self.lock:
            remark_id = super().say(person, post_id, text, parent_id)
            self.remarks[remark_id].sent_at = self.moment()
            self._add(self.remarks[remark_id])
        return remark_id

    def moment(self) -> datetime:
        """Return the time on the double's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.shift)

    def mention(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        """Let a person write a post of their own; return its id."""
        with self.lock:
            remark_id, moment = self.new_remark_id(""), sent_at or self.moment()
            remark = Remark(id=remark_id, post_id=remark_id, person=person, text=text, sent_at=moment)
            self.remarks[remark_id] = remark
            self._add(remark)
        return remark_id

    def edit_remark(self, remark_id: str, text: str) -> None:
        with self.lock:
            super().edit_remark(remark_id, text)
            entry = self.entries[remark_id]
            entry.versions.append(Version(self.new_remark_id(""), text, self.moment()))
            self.entries[entry.now.id] = entry

    def delete_remark(self, remark_id: str) -> None:
        with self.lock:
            super().delete_remark(remark_id)
            self.entries[remark_id].gone = True

    def restore_remark(self, remark_id: str) -> None:
        with self.lock:
            super().restore_remark(remark_id)
            self.entries[remark_id].gone = False

    def new_remark_id(self, post_id: str) -> str:
        """Make an id as X does: milliseconds, shifted, always rising."""
        with self.lock:
            self._newest = max(self._newest + 1, id_at(self.moment()))
            return str(self._newest)

    def answer(self, request: Request) -> Reply:
        if request.path == "/2/oauth2/token":
            return self.door.give(request)
        if request.path == "/i/oauth2/authorize":
            return self.door.authorize(request)
        image = self.uploads.get(request.path.removeprefix("/media/"))
        if image is not None:
            return Reply(body=image.content, content_type="image/jpeg")
        route = f"{request.method} {_ROUTE.sub(':id', request.path)}"
        headers = {"x-access-level": self.access_level}
        try:
            self.door.enter(request)
            headers |= self.door.count(route)
            reply = self._answer(route, request)
        except Failed as no:
            reply = no.reply
        return Reply(reply.json, reply.status, {**headers, **reply.headers}, content_type=reply.content_type)

    def _answer(self, route: str, request: Request) -> Reply:
        if route in self._queries:
            check_query(self._queries[route], request.query, self.problems)
        last = request.path.rpartition("/")[2]
        match route:
            case "GET /2/users/me":
                return Reply({"data": self._user(self.us, request.query)})
            case "POST /2/tweets":
                return self._create(request.json())
            case "GET /2/tweets":
                return self._look_up(request.query)
            case "DELETE /2/tweets/:id":
                return self._delete(last)
            case "GET /2/users/:id/tweets" | "GET /2/users/:id/mentions":
                if f"/users/{self.us.id}/" not in request.path:
                    raise failed(403, "Forbidden", "The double knows only its own account.")
                wanted = self._is_ours if last == "tweets" else self._is_to_us
                return self._list([each for each in self._all() if wanted(each)], request.query)
            case "GET /2/tweets/search/recent":
                return self._search(request.query)
            case "POST /2/media/upload":
                return self._take_media(request)
            case "GET /2/media/upload":
                return self._media_state(self.uploads.get(request.query["media_id"]))
            case "POST /2/media/metadata":
                return self._set_alt(request.json())
        raise failed(404, "Not Found", "Not Found")

    def _all(self) -> list[Entry]:
        """Return all that is listed, newest first, each chain once."""
        shown = {post.id for post in self.shown_posts()} | {remark.id for remark in self.shown_remarks()}
        alive = (
            entry
            for key, entry in self.entries.items()
            if key == entry.now.id and not entry.gone and not shown.isdisjoint({key, entry.versions[0].id})
        )
        return sorted(alive, key=lambda entry: int(entry.now.id), reverse=True)

    def _is_ours(self, entry: Entry) -> bool:
        return entry.author is self.us

    def _is_to_us(self, entry: Entry) -> bool:
        return entry.author is not self.us and f"@{self.us.handle}" in self._prefix(entry) + entry.now.text

    def _add(self, remark: Remark) -> None:
        parent = remark.parent_id or (remark.post_id if remark.post_id != remark.id else None)
        root = self.entries.get(remark.post_id)
        version = Version(remark.id, remark.text, remark.sent_at)
        conversation = root.conversation if root else remark.post_id
        self.entries[remark.id] = Entry(remark.person, conversation, parent, [version])

    def _create(self, body: Any) -> Reply:
        check_post(body, self.longest, self.problems)
        text = body.get("text", "")
        parent = body.get("reply", {}).get("in_reply_to_tweet_id")
        unknown = [each for each in body.get("media", {}).get("media_ids", ()) if each not in self.uploads]
        if unknown:
            raise invalid("Your media IDs are invalid.", {"media.media_ids": unknown}, self.problems)
        media = [self.uploads[each] for each in body.get("media", {}).get("media_ids", ())]
        previous = body.get("edit_options", {}).get("previous_post_id")
        if previous:
            return self._edit(previous, text, media)
        above = self.entries.get(parent or "")
        if parent and (above is None or above.gone):
            why = "You attempted to reply to a Tweet that is deleted or not visible to you."
            raise failed(403, "Forbidden", why)
        if any(
            each.author is self.us and not each.gone and (each.now.text, each.parent) == (text, parent)
            for each in self.entries.values()
            if not (media or each.media)
        ):
            why = "You are not allowed to create a Tweet with duplicate content."
            raise failed(403, "Forbidden", why)
        version = Version(self.new_remark_id(""), text, self.moment())
        entry = Entry(self.us, above.conversation if above else version.id, parent, [version], media)
        self.entries[version.id] = entry
        if above is None or above.versions[0].id not in self.remarks:
            self._hold(entry)
        else:
            answered = self.remarks[above.versions[0].id]
            remark = Remark(version.id, answered.post_id, self.us, text, answered.id, sent_at=version.sent_at)
            self.remarks[version.id] = remark
        return self._made(entry)

    def _edit(self, previous: str, text: str, media: list[Upload]) -> Reply:
        entry = self.entries.get(previous)
        if entry is None or entry.gone or entry.author is not self.us:
            raise failed(403, "Forbidden", "You are not permitted to perform this action.")
        if entry.now.id != previous or not self._controls(entry)["is_edit_eligible"]:
            raise failed(403, "Forbidden", "This Post can no longer be edited.")
        self.posts.pop(previous, None)
        entry.versions.append(Version(self.new_remark_id(""), text, self.moment()))
        entry.media = media
        self.entries[entry.now.id] = entry
        self._hold(entry)
        return self._made(entry)

    def _hold(self, entry: Entry) -> None:
        """Show one of our posts to those who look at the double's state."""
        link = _LINK.search(entry.now.text)
        self.posts[entry.now.id] = Held(
            id=entry.now.id,
            text=entry.now.text,
            link=link.group() if link else "",
            alts=[image.alt for image in entry.media],
            reply_to=entry.parent,
            sent_at=entry.versions[0].sent_at,
        )

    def _made(self, entry: Entry) -> Reply:
        data = {"id": entry.now.id, "text": self._wording(entry, entry.now)[0]}
        return Reply({"data": data | self._history(entry)}, 201)

    def _delete(self, remote_id: str) -> Reply:
        entry = self.entries.get(remote_id)
        if entry is None or entry.gone:
            raise self._not_found(remote_id, 404)
        if entry.author is not self.us:
            raise failed(403, "Forbidden", "You are not permitted to perform this action.")
        entry.gone = True
        self.posts.pop(entry.now.id, None)
        if entry.versions[0].id in self.remarks:
            self.remarks[entry.versions[0].id].deleted = True
        return Reply({"data": {"deleted": True}})

    def _look_up(self, query: Mapping[str, str]) -> Reply:
        found, errors = [], []
        for remote_id in query["ids"].split(","):
            entry = self.entries.get(remote_id)
            if entry is None or entry.gone:
                errors.append(self._not_found(remote_id, None).reply.json)
            else:
                found.append((entry, next(each for each in entry.versions if each.id == remote_id)))
        body = self._page(found, query)
        body.setdefault("errors", []).extend(errors)
        return Reply({name: value for name, value in body.items() if value})

    def _not_found(self, remote_id: str, status: int | None) -> Failed:
        more = {"value": remote_id, "resource_id": remote_id, "parameter": "ids", "resource_type": "post"}
        kind = self.problems + "resource-not-found"
        no = failed(
            status or 200, "Not Found Error", f"Could not find post with ids: [{remote_id}].", kind=kind, **more
        )
        if status is None:
            del no.reply.json["status"]
        return no

    def _search(self, query: Mapping[str, str]) -> Reply:
        oldest = id_at(self.moment() - _SEARCHED)
        for name in ("since_id", "until_id"):
            if int(query.get(name, oldest)) < oldest or (self.stale_cursors and name in query):
                why = f"'{name}' must be a tweet id created after [seven days ago]."
                raise invalid(why, {name: [query[name]]}, self.problems)
        words = query["query"].split()
        found = [each for each in self._all() if int(each.now.id) >= oldest and self._matches(each, words)]
        return self._list(found, query)

    def _matches(self, entry: Entry, words: Iterable[str]) -> bool:
        for word in words:
            operator, _, value = word.partition(":")
            if operator == "conversation_id":
                matches = entry.conversation == value
            elif operator == "from":
                matches = entry.author.handle == value
            else:
                matches = word.startswith("-") or word.casefold() in entry.now.text.casefold()
            if not matches:
                return False
        return True

    def _list(self, entries: list[Entry], query: Mapping[str, str]) -> Reply:
        token = query.get("pagination_token") or query.get("next_token")
        if token and (self.stale_cursors or not re.fullmatch(r"7140\d+", token)):
            raise invalid("The pagination token is not valid", {"pagination_token": [token]}, self.problems)
        if "replies" in query.get("exclude", ""):
            entries = [each for each in entries if each.parent is None]
        below = min(int(token[4:]) if token else 1 << 63, int(query.get("until_id", 1 << 63)))
        above = int(query.get("since_id", 0))
        entries = [each for each in entries if above < int(each.now.id) < below]
        size = int(query.get("max_results", 10))
        shown = [(each, each.now) for each in entries[:size]]
        body = self._page(self.arranged(shown), query)
        body["meta"] = {"result_count": len(shown)}
        if shown:
            body["meta"] |= {"newest_id": shown[0][1].id, "oldest_id": shown[-1][1].id}
        if len(entries) > size:
            body["meta"]["next_token"] = f"7140{shown[-1][1].id}"
        return Reply(body)

    def _page(self, shown: list[tuple[Entry, Version]], query: Mapping[str, str]) -> dict[str, Any]:
        """Make `data`, `includes` and `errors` of what is shown; all are absent when empty."""
        expansions = set(query.get("expansions", "").split(","))
        referred = f"referenced_{self.spelling}s"
        body: dict[str, Any] = {"data": [self._post(entry, version, query) for entry, version in shown]}
        includes: dict[str, Any] = {}
        if "author_id" in expansions:
            people = {entry.author.id: entry.author for entry, _ in shown}
            includes["users"] = [self._user(person, query) for person in people.values()]
        if "attachments.media_keys" in expansions:
            includes["media"] = [self._media(image, query) for entry, _ in shown for image in entry.media]
        if expansions & {"referenced_posts", "referenced_tweets.id"}:
            parents = {entry.parent: self.entries.get(entry.parent) for entry, _ in shown if entry.parent}
            alive = [each for each in parents.values() if each and not each.gone]
            includes[f"{self.spelling}s"] = [self._post(each, each.now, query) for each in alive]
            lost = [key for key, each in parents.items() if each is None or each.gone]
            body["errors"] = [self._not_found(each, None).reply.json | {"parameter": referred} for each in lost]
        body["includes"] = {name: values for name, values in includes.items() if values}
        return {name: values for name, values in body.items() if values}

    def _post(self, entry: Entry, version: Version, query: Mapping[str, str]) -> dict[str, Any]:
        expansions = set(query.get("expansions", "").split(","))
        asked = set(query.get(f"{self.spelling}.fields", "").split(",")) | {"id", "text"}
        asked |= {"author_id"} & expansions
        if expansions & {"referenced_posts", "referenced_tweets.id"}:
            asked.add(f"referenced_{self.spelling}s")
        text, entities, start = self._wording(entry, version)
        every: dict[str, Any] = {
            "id": version.id,
            "text": text,
            "author_id": entry.author.id,
            "conversation_id": entry.conversation,
            "created_at": stamp(version.sent_at),
            "edit_controls": self._controls(entry),
            "display_text_range": [start, len(text)],
        }
        if entities:
            every["entities"] = {"urls": entities}
        if entry.parent:
            every[f"referenced_{self.spelling}s"] = [{"type": "replied_to", "id": entry.parent}]
        if entry.media:
            every["attachments"] = {"media_keys": [image.key for image in entry.media]}
        if len(text) > 280:
            note = {"text": text} | ({"entities": {"urls": entities}} if entities else {})
            cut = [each for each in entities if each["end"] < 277]
            every |= {f"note_{self.spelling}": note, "text": text[:277] + "…", "entities": {"urls": cut}}
        return {name: value for name, value in every.items() if name in asked} | self._history(entry)

    def _history(self, entry: Entry) -> dict[str, Any]:
        return {f"edit_history_{self.spelling}_ids": [each.id for each in entry.versions]}

    def _controls(self, entry: Entry) -> dict[str, Any]:
        until = entry.versions[0].sent_at + timedelta(seconds=self.editable_for)
        left = _EDITS - len(entry.versions) + 1
        above = self.entries.get(entry.parent or "")
        to_others = above is not None and above.author is not entry.author
        return {
            "is_edit_eligible": left > 0 and self.moment() < until and not to_others,
            "edits_remaining": left,
            "editable_until": stamp(until),
        }

    def _prefix(self, entry: Entry) -> str:
        """Return the handles that X puts in front of an answer."""
        above = self.entries.get(entry.parent or "")
        root = self.entries.get(entry.conversation)
        people = dict.fromkeys(each.author.handle for each in (above, root) if above and each)
        people.pop(entry.author.handle, None)
        return "".join(f"@{handle} " for handle in people)

    def _wording(self, entry: Entry, version: Version) -> tuple[str, list[dict[str, Any]], int]:
        """Return a text as X shows it, its links and where the author's own words begin."""
        text = prefix = self._prefix(entry)
        links: list[dict[str, Any]] = []

        def link(target: str, shown: str, **more: str) -> str:
            short = self._short.setdefault(target, f"https://t.co/{len(self._short):010d}")
            place = {"start": len(text), "end": len(text) + len(short)}
            links.append({**place, "url": short, "expanded_url": target, "display_url": shown, **more})
            return short

        done = 0
        for found in _LINK.finditer(version.text):
            text += escape(version.text[done : found.start()], quote=False)
            bare = found.group().partition("://")[2] or found.group()
            text += link(found.group() if "://" in found.group() else f"http://{bare}", bare[:27])
            done = found.end()
        text += escape(version.text[done:], quote=False)
        for number, image in enumerate(entry.media, 1):
            own = f"https://x.com/{entry.author.handle}/status/{version.id}/photo/{number}"
            text += " " if text else ""
            text += link(own, f"pic.x.com/{image.id}", media_key=image.key)
        return text, links, len(prefix)

    def _user(self, person: Person, query: Mapping[str, str]) -> dict[str, Any]:
        asked = set(query.get("user.fields", "").split(",")) | {"id", "name", "username"}
        about = f"Write to {person.email}" if person.email else ""
        every = {"id": person.id, "name": person.name, "username": person.handle, "description": about}
        return {name: value for name, value in every.items() if name in asked}

    def _media(self, image: Upload, query: Mapping[str, str]) -> dict[str, Any]:
        asked = set(query.get("media.fields", "").split(",")) | {"media_key", "type"}
        every = {"media_key": image.key, "type": "photo", "url": f"{self.url}/media/{image.id}"}
        every |= {"alt_text": image.alt} if image.alt else {}
        return {name: value for name, value in every.items() if name in asked}

    def _take_media(self, request: Request) -> Reply:
        if request.content_type == "application/json":
            fields = dict(request.json())
            content = b64decode(fields.pop("media", ""))
        else:
            fields = dict(request.form())
            content = request.files().get("media", ("", b""))[1]
        kind = fields.pop("media_category", "")
        if fields or not content or kind not in _SIZES or len(content) > _SIZES.get(kind, 0):
            raise invalid(
                "media and media_category are not as they should be", {"media_category": [kind]}, self.problems
            )
        image = Upload(self.new_remark_id(""), content, polls=2 if kind == "tweet_gif" else 0)
        self.uploads[image.id] = image
        return self._media_state(image)

    def _media_state(self, image: Upload | None) -> Reply:
        if image is None:
            raise failed(404, "Not Found", "Not Found")
        data: dict[str, Any] = {"id": image.id, "media_key": image.key, "size": len(image.content)}
        data["expires_after_secs"] = 86400
        if image.polls:
            image.polls -= 1
            data["processing_info"] = {"state": "in_progress", "check_after_secs": 0}
        return Reply({"data": data})

    def _set_alt(self, body: Any) -> Reply:
        alt = body.get("metadata", {}).get("alt_text", {}).get("text") if isinstance(body, dict) else None
        if not isinstance(alt, str) or len(alt) > 1000 or set(body) != {"id", "metadata"}:
            raise invalid("the metadata is not as it should be", {}, self.problems)
        image = self.uploads.get(body["id"])
        if image is None:
            raise invalid("Your media IDs are invalid.", {"id": [body["id"]]}, self.problems)
        image.alt = alt
        return Reply({"data": {"id": image.id, "associated_metadata": body["metadata"]}})
