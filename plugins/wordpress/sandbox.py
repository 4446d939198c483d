"""A double of one WordPress site: posts, the media library, threaded comments and their moderation."""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from html import escape, unescape
from typing import Any

from hub.testing import Person, Remark, Reply, Request, SocialDouble
from plugins.wordpress.sandbox_form import Article, Form, Item, Seen, Upload, number_of
from plugins.wordpress.sandbox_refusals import REFUSALS, page, problem

PASSWORD = "abcd EFGH 1234 ijkl MNOP 5678"  # of a site that does not exist
LONGEST_COMMENT = 65_525  # bytes
_AUTHOR = {"read", "edit_posts", "publish_posts", "upload_files"}
_RIGHTS = {
    "administrator": _AUTHOR | {"edit_others_posts", "moderate_comments", "unfiltered_html"},
    "author": _AUTHOR,
    "subscriber": {"read"},
}
_POST_STATUSES = ("publish", "future", "draft", "pending", "private")


class _Refused(Exception):
    """The call ends with an error of WordPress."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        self.reply = problem(status, code, message, **more)


class WordPressDouble(SocialDouble):
    """One site, three hours ahead of UTC.

    `role` is our account's. `held` are comments that wait for a moderator; `guests` the people who have no
    account. `trashed` are posts in the trash. `pretty` is false on a site without pretty permalinks.
    `flood_seconds` is how long who may not moderate must wait between two comments.
    """

    us = Person(id="1", name="Our company", handle="company", email="us@example.org")
    refusals = REFUSALS

    def __init__(self, port: int = 0, *, latency: float = 0.0, pretty: bool = True) -> None:
        super().__init__(port, latency=latency)
        self.pretty = pretty
        self.role = "administrator"
        self.form = Form(self.url, timezone(timedelta(hours=3)))
        self.flood_seconds = 15.0
        self.has_trash = True
        self.held_remarks: set[str] = set()
        self.guests: set[str] = set()
        self.homes: dict[str, str] = {}
        self.trashed: dict[str, Article] = {}
        self.uploads: dict[int, Upload] = {}
        self.categories = {1: "Uncategorized", 7: "News &amp; views"}

    def account(self) -> dict[str, Any]:
        url = self.url if self.pretty else f"{self.url}/?rest_route=/"
        return {"api_url": url, "user": self.us.handle, "password": PASSWORD}

    def new_remark_id(self, post_id: str) -> str:
        return f"127.0.0.1:{self.port}#comment-{self.next_id()}"

    def add_guest(self, name: str, email: str) -> Person:
        """Let somebody without an account come by."""
        person = self.add_person(name, "", email)
        self.guests.add(person.id)
        return person

    def write(self, title: str, html: str, **more: Any) -> str:
        """Let somebody write a post in the site's own editor; return its id."""
        with self.lock:
            made = Article(str(self.next_id()), Seen(html).text, raw=html, title=title, **more)
            made.slug = self._unique(made.slug or "a-post")
            self.posts[made.id] = made
        return made.id

    def answer(self, request: Request) -> Reply:
        query = dict(request.query)
        route = query.pop("rest_route", "") or (self.pretty and request.path.removeprefix("/wp-json"))
        if not route or not (self.pretty or "rest_route" in request.query) or route == request.path:
            return page(404, "Nothing here")
        for item in self._articles():
            if item.status == "future" and item.sent_at <= datetime.now(UTC):
                item.status = "publish"
        try:
            return self._call(request, route.removeprefix("/wp/v2").strip("/").split("/"), query)
        except _Refused as refused:
            return refused.reply

    def _call(self, request: Request, route: list[str], query: dict[str, str]) -> Reply:
        rights = self._rights(request)
        kind, number = route[0], route[1] if len(route) > 1 else ""
        if request.method == "POST" and "upload_files" not in rights and kind != "comments":
            raise _Refused(403, "rest_cannot_create", "Sorry, you are not allowed to create posts as this user.")
        match (request.method, kind, number):
            case ("GET", "users", "me"):
                if not rights:
                    raise _Refused(401, "rest_not_logged_in", "You are not currently logged in.")
                return Reply(self.form.user(self.us, self.role, rights))
            case ("GET", "categories", ""):
                terms = [self.form.term(each, name) for each, name in self.categories.items()]
                wanted = query.get("search", "").casefold()
                return Reply([term for term in terms if wanted in unescape(term["name"]).casefold()])
            case ("GET", "media", ""):
                return Reply([self.form.media(one) for one in self.uploads.values() if one.slug == query["slug"]])
            case ("POST", "media", ""):
                return Reply(self.form.media(self._upload(request)), status=201)
            case ("GET", "posts", ""):
                return self._list_posts(query, rights)
            case ("POST", "posts", ""):
                return Reply(self._post(self._publish(request.json()), {"context": "edit"}), status=201)
            case ("GET", "comments", ""):
                return self._list_comments(query, rights)
            case ("POST", "comments", ""):
                return Reply(self._comment(self._say(request.json(), rights)), status=201)
            case (_, "posts", _) if number.isdecimal():
                return self._one_post(request, number, query)
            case (_, "comments", _) if number.isdecimal():
                return self._one_comment(request, number, query, rights)
            case (_, "pages", _) if number.isdecimal():
                raise _Refused(404, "rest_post_invalid_id", "Invalid post ID.")
        raise _Refused(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _rights(self, request: Request) -> set[str]:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        name, _, password = b64decode(given).decode().partition(":") if kind == "Basic" else ("", "", "")
        known = (name, password.replace(" ", "")) == (self.us.handle, PASSWORD.replace(" ", ""))
        return _RIGHTS[self.role] if known else set()

    def _articles(self) -> list[Article]:
        """Return the posts as articles; the kit puts some there that are none."""
        for number, held in list(self.posts.items()):
            if not isinstance(held, Article):
                raw = f"<p>{escape(held.text, quote=False)}</p>"
                self.posts[number] = Article(number, held.text, sent_at=held.sent_at, raw=raw, slug=f"p{number}")
        return [post for post in self.posts.values() if isinstance(post, Article)]

    def _list_posts(self, query: Mapping[str, str], rights: set[str]) -> Reply:
        wanted = query.get("status", "publish").split(",")
        if wanted != ["publish"] and "edit_posts" not in rights:
            details = {
                "status": {"code": "rest_forbidden_status", "message": "Status is forbidden.", "data": None}
            }
            raise _Refused(400, "rest_invalid_param", "Invalid parameter(s): status", details=details)
        if query.get("context") == "edit" and "edit_posts" not in rights:
            raise _Refused(403, "rest_forbidden_context", "Sorry, you are not allowed to edit posts.")
        wanted = [*_POST_STATUSES] if wanted == ["any"] else wanted
        if set(wanted) - {*_POST_STATUSES, "trash"}:
            raise _Refused(400, "rest_invalid_param", "Invalid parameter(s): status")
        self._articles()
        shown = [post for post in self.shown_posts() if isinstance(post, Article)]
        found = [post for post in [*shown, *self.trashed.values()] if post.status in wanted]
        if "slug" in query:
            found = [post for post in found if post.slug in query["slug"].split(",")]
        if "author" in query:
            found = [post for post in found if post.author == int(query["author"])]
        times = {"date": lambda post: post.sent_at, "modified": lambda post: post.modified or post.sent_at}
        return self._paged(found, query, times, lambda post: self._post(post, query))

    def _list_comments(self, query: Mapping[str, str], rights: set[str]) -> Reply:
        status = query.get("status", "approve")
        if (status != "approve" or {"author", "author_email"} & query.keys()) and "edit_posts" not in rights:
            raise _Refused(403, "rest_forbidden_param", "Query parameter not permitted: status")
        states = {"all": ("approved", "hold"), "approve": ("approved",), "hold": ("hold",)}.get(status, ())
        found = [one for one in self.shown_remarks(query.get("post")) if self._state(one) in states]
        if "moderate_comments" not in rights:
            found = [one for one in found if self._state(one) == "approved"]
        # The comments of a post in the trash are there no more.
        found = [one for one in found if one.post_id not in self.trashed]
        if "author" in query:
            found = [one for one in found if one.person.id == query["author"] and one.person.id not in self.guests]
        if "author_email" in query:
            found = [one for one in found if one.person.email == query["author_email"]]
        return self._paged(found, query, {"date": lambda one: one.sent_at}, self._comment)

    def _paged(
        self,
        found: Sequence[Any],
        query: Mapping[str, str],
        times: Mapping[str, Callable[[Any], datetime]],
        show: Callable[[Any], Item],
    ) -> Reply:
        """Cut one page: times are the site's, in whole seconds, and `after` is exclusive."""
        size, number = int(query.get("per_page", 10)), int(query.get("page", 1))
        if not 1 <= size <= 100 or query.get("orderby", "date") not in (*times, "id"):
            raise _Refused(400, "rest_invalid_param", "Invalid parameter(s): per_page")
        for name, time in (("after", times["date"]), ("modified_after", times.get("modified", times["date"]))):
            if name in query:
                after = self._parsed(query[name])
                found = [one for one in found if self.form.clock(time(one)) > after]
        found = [one for one in found if str(number_of(one.id)) not in query.get("exclude", "").split(",")]
        if "include" in query:
            found = [one for one in found if str(number_of(one.id)) in query["include"].split(",")]
        column = times.get(query.get("orderby", "date"))
        falling = query.get("order", "desc") == "desc"
        ordered = sorted(
            found,
            key=lambda one: (self.form.clock(column(one)) if column else None, number_of(one.id)),
            reverse=falling,
        )
        start = int(query.get("offset", (number - 1) * size))
        headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(math.ceil(len(found) / size))}
        shown = self.arranged([show(one) for one in ordered[start : start + size]])
        return Reply([_chosen(item, query) for item in shown], headers=headers)

    def _parsed(self, stamp: str) -> datetime:
        moment = datetime.fromisoformat(stamp)
        return moment if moment.tzinfo is None else self.form.clock(moment)  # without a zone it is the site's own

    def _publish(self, sent: Item) -> Article:
        if not (sent.get("content") or sent.get("title") or sent.get("excerpt")):
            raise _Refused(400, "empty_content", "Content, title, and excerpt are empty.")
        made = Article(str(self.next_id()), "", status=sent.get("status", "draft"))
        if "date_gmt" in sent:
            made.sent_at = datetime.fromisoformat(sent["date_gmt"]).replace(tzinfo=UTC)
            if made.status == "publish" and made.sent_at > datetime.now(UTC) + timedelta(minutes=1):
                made.status = "future"
        made.slug = self._unique(sent.get("slug") or f"p{made.id}")
        made.author = sent.get("author", made.author)
        self._change(made, sent)
        self.posts[made.id] = made
        return made

    def _change(self, post: Article, sent: Item) -> None:
        post.raw, post.title = sent.get("content", post.raw), sent.get("title", post.title)
        post.excerpt, post.featured = sent.get("excerpt", post.excerpt), sent.get("featured_media", post.featured)
        post.categories = sent.get("categories", post.categories)
        post.comment_status = sent.get("comment_status", post.comment_status)
        post.status = sent.get("status", post.status) if post.status not in ("future", "trash") else post.status
        shown = Seen(post.raw)
        featured = [self.uploads[post.featured].alt] if post.featured else []
        post.text, post.alts = shown.text, [*featured, *shown.alts]

    def _unique(self, slug: str) -> str:
        taken = {post.slug for post in self._articles() if post.status not in ("draft", "pending")}
        return next(
            name for name in (slug, *(f"{slug}-{number}" for number in range(2, 999))) if name not in taken
        )

    def _one_post(self, request: Request, number: str, query: Mapping[str, str]) -> Reply:
        known = {post.id: post for post in self._articles()} | self.trashed
        post = known.get(number)
        if post is None:
            raise _Refused(404, "rest_post_invalid_id", "Invalid post ID.")
        if request.method == "POST":
            self._change(post, request.json())
            post.modified = datetime.now(UTC)
        elif request.method == "DELETE":
            return self._remove(post, query)
        return Reply(_chosen(self._post(post, query), query))

    def _remove(self, post: Article, query: Mapping[str, str]) -> Reply:
        if query.get("force") == "true":
            previous = self._post(post, query)
            self.posts.pop(post.id, None)
            self.trashed.pop(post.id, None)
            return Reply({"deleted": True, "previous": previous})
        if not self.has_trash:
            text = "The post does not support trashing. Set 'force=true' to delete."
            raise _Refused(501, "rest_trash_not_supported", text)
        if post.status == "trash":
            raise _Refused(410, "rest_already_trashed", "The post has already been deleted.")
        self.trashed[post.id] = post
        del self.posts[post.id]
        post.status, post.slug, post.modified = "trash", f"{post.slug}__trashed", datetime.now(UTC)
        return Reply(self._post(post, query))

    def _upload(self, request: Request) -> Upload:
        form, (mime, content) = request.form(), request.files()["file"]
        made = Upload(self.next_id(), form.get("slug", "image"), mime, content)
        made.alt, made.title = re.sub(r"<[a-z/][^>]*>", "", form.get("alt_text", "")), form.get("title", "")
        self.uploads[made.id] = made
        return made

    def _state(self, remark: Remark) -> str:
        if remark.deleted:
            return "trash"
        return "hold" if remark.id in self.held_remarks else "approved"

    def _say(self, sent: Item, rights: set[str]) -> Remark:
        post = next((one for one in self._articles() if one.id == str(sent.get("post"))), None)
        if str(sent.get("post")) in self.trashed:
            raise _Refused(403, "rest_comment_trash_post", "Sorry, you are not allowed to comment on this post.")
        if post is None:
            text = "Sorry, you are not allowed to create this comment without a post."
            raise _Refused(403, "rest_comment_invalid_post_id", text)
        if post.comment_status != "open":
            raise _Refused(403, "rest_comment_closed", "Sorry, comments are closed for this item.")
        if not sent.get("content"):
            raise _Refused(400, "rest_comment_content_invalid", "Invalid comment content.")
        if len(sent["content"].encode()) > LONGEST_COMMENT:
            raise _Refused(400, "comment_content_column_length", "Your comment is too long.")
        text = Seen(sent["content"]).text
        writer = self._writer(sent, rights)
        ours = [one for one in self.shown_remarks() if one.person.id == self.us.id]
        alike = [
            one
            for one in self.shown_remarks()
            if one.person.name == writer.name or (writer.email and one.person.email == writer.email)
        ]
        parent = self._remark_id(int(sent["parent"])) if sent.get("parent") else None
        if any((one.post_id, one.parent_id, one.text) == (post.id, parent, text) for one in alike):
            told = "Duplicate comment detected; it looks as though you&#8217;ve already said that!"
            raise _Refused(409, "comment_duplicate", told)
        since = datetime.now(UTC) - timedelta(seconds=self.flood_seconds)
        if "moderate_comments" not in rights and any(one.sent_at > since for one in ours):
            raise _Refused(400, "comment_flood", "You are posting comments too quickly. Slow down.")
        # A parent that is not there is taken as it is.
        made = self.remarks[self.say(writer, post.id, text, parent)]
        if writer is not self.us:
            self.people[writer.id] = writer
            self.guests.add(writer.id)
            self.homes[writer.id] = sent.get("author_url", "")
        if "date_gmt" in sent:
            made.sent_at = datetime.fromisoformat(sent["date_gmt"]).replace(tzinfo=UTC)
        if sent.get("status") != "approved" and writer is not self.us:
            self.held_remarks.add(made.id)
        return made

    def _writer(self, sent: Item, rights: set[str]) -> Person:
        """Return who a comment is by: the caller, unless it bears another name; then it needs an e-mail too."""
        if "status" in sent and "moderate_comments" not in rights:
            told = "Sorry, you are not allowed to edit 'status' for comments."
            raise _Refused(403, "rest_comment_invalid_status", told)
        name, email = sent.get("author_name", ""), sent.get("author_email", "")
        if not (name or email):
            return self.us
        if not (name and email):
            told = "Creating a comment requires valid author name and email values."
            raise _Refused(400, "rest_comment_author_data_required", told)
        for field, most in (("author_name", 245), ("author_url", 200)):
            if len(sent.get(field, "")) > most:
                raise _Refused(400, f"comment_{field}_column_length", "Your name or URL is too long.")
        return Person(id=str(self.next_id()), name=name, handle="", email=email)

    def _remark_id(self, number: int) -> str:
        return f"127.0.0.1:{self.port}#comment-{number}"

    def _one_comment(self, request: Request, number: str, query: Mapping[str, str], rights: set[str]) -> Reply:
        remark = self.remarks.get(self._remark_id(int(number)))
        if remark is None or remark.id in self.hidden:
            raise _Refused(404, "rest_comment_invalid_id", "Invalid comment ID.")
        if self._state(remark) != "approved" and "moderate_comments" not in rights:
            raise _Refused(403, "rest_cannot_read", "Sorry, you are not allowed to read this comment.")
        if request.method == "POST":
            sent = request.json()
            remark.text = Seen(sent.get("content", escape(remark.text))).text
            if "author_name" in sent:
                remark.person = replace(remark.person, name=sent["author_name"])
                self.homes[remark.person.id] = sent.get("author_url", "")
        elif request.method == "DELETE":
            if remark.deleted and query.get("force") != "true":
                raise _Refused(410, "rest_already_trashed", "The comment has already been trashed.")
            remark.deleted = True
            if query.get("force") == "true":
                previous = self._comment(remark)
                del self.remarks[remark.id]
                for one in self.remarks.values():
                    one.parent_id = remark.parent_id if one.parent_id == remark.id else one.parent_id
                return Reply({"deleted": True, "previous": previous})
        return Reply(_chosen(self._comment(remark), query))

    def _post(self, post: Article, query: Mapping[str, str]) -> Item:
        featured = self.uploads.get(post.featured) if "_embed" in query else None
        return self.form.post(post, featured, edit=query.get("context") == "edit")

    def _comment(self, remark: Remark) -> Item:
        known = {post.id: post for post in self._articles()} | self.trashed
        place = self.form.link(known[remark.post_id])
        return self.form.comment(remark, self._state(remark), place, guest=remark.person.id in self.guests) | {
            "author_url": self.homes.get(remark.person.id, "")
        }


def _chosen(item: Item, query: Mapping[str, str]) -> Item:
    """Return the fields that were asked for."""
    asked = {name.partition(".")[0] for name in query["_fields"].split(",")} if "_fields" in query else set(item)
    return json.loads(json.dumps({name: value for name, value in item.items() if name in asked}))  # type: ignore[no-any-return]
