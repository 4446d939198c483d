"""Publishes to X (Twitter), reads what is said there, and answers, by its API v2."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from msgspec import structs

from hub import (
    Adapter,
    Answer,
    Batch,
    Editor,
    GoneError,
    Http,
    HubError,
    Identity,
    Limits,
    Listener,
    Media,
    Mention,
    OAuth,
    Post,
    Publisher,
    Receipt,
    RejectedError,
    RemotePost,
    Responder,
    Searcher,
    Thread,
    ThreadReader,
    Timeline,
    Vault,
    find_in_timeline,
    hookimpl,
)
from plugins.twitter import auth, shapes, wire
from plugins.twitter.reading import Bookmark, pages
from plugins.twitter.refusals import Refused, explain

_SEARCH = "/2/tweets/search/recent"
_PER_PAGE = 100  # ids per look-up, posts per page: X's maximum
_ALT_MAXIMUM = 1000  # characters of an alternative text: X's maximum
_POLLS = 10  # how often to ask for an image that X is still working on


class Twitter(Publisher, Editor, Timeline, Listener, ThreadReader, Searcher, Responder):
    """One account on X.

    An edit makes a new id there. What is read bears the id of the first version for ever, with the newest text;
    the receipt of our own `edit` bears the new id, as X gives it.
    """

    platform: ClassVar[str] = "twitter"
    settle = "lookup"
    oauth: ClassVar[OAuth | None] = auth.OAUTH
    Settings = auth.Settings
    settings: auth.Settings

    def __init__(self, account: str, settings: auth.Settings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        self._login = auth.Login(account, settings, http, vault)
        self._me: shapes.User | None = None

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return self._login.sign(method, url)

    def explain(self, answer: Answer) -> HubError | None:
        return explain(answer, self.http)

    def remote_id_of(self, url: str) -> str | None:
        return wire.id_in(url)

    def check(self) -> Identity:
        answer = self._call("GET", "/2/users/me")
        self._me = me = answer.decode(shapes.Me).data
        level = answer.headers.get("x-access-level", "write")
        return Identity(
            remote_id=me.id,
            name=me.name or me.username,
            url=f"https://x.com/{me.username}",
            kind=self._login.kind,
            missing=() if "write" in level else ("tweet.write",),
        )

    def limits(self) -> Limits:
        """See https://docs.x.com/fundamentals/counting-characters; images of up to 5 MB each."""
        return Limits(unit="weighted", maximum=280, link_cost=23, link="text", media_count=4, media_bytes=5 << 20)

    def publish(self, post: Post) -> Receipt:
        return self._create(self._body(post))

    def find(self, post: Post) -> Receipt | None:
        return find_in_timeline(self, post)

    def edit(self, remote_id: str, post: Post) -> Receipt:
        """Make a new version. X allows five, within 30 minutes, and none of an answer to somebody else."""
        try:
            now = self._one(remote_id)
            latest = now.versions[-1]
            if latest != now.id:
                now = self._one(latest)
        except GoneError:
            return self._receipt(remote_id)
        if wire.same(now, _text(post), len(post.media)):
            return self._receipt(latest)
        controls = now.edit_controls or shapes.EditControls()
        if controls.is_edit_eligible is False or controls.edits_remaining == 0:
            hint = "delete it and publish it anew"
            raise RejectedError("X lets post {id} be edited no more", hint=hint, id=latest)
        return self._create({**self._body(post), "edit_options": {"previous_post_id": latest}})

    def delete(self, remote_id: str) -> None:
        """Remove a post with all its versions."""
        try:
            answer = self._call("DELETE", f"/2/tweets/{quote(remote_id, safe='')}", repeatable=True)
        except GoneError:
            return
        # What X answers about a post that is gone already is not documented: if in doubt, look.
        if not answer.decode(shapes.Deleted).data.deleted and self._look_up([remote_id]).data:
            raise RejectedError("X did not delete post {id}", hint="delete it on x.com", id=remote_id)

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        """Yield our posts, newest first; without a cursor the newest page. Reposts are left out."""
        me = self._whoami()
        found = self._pages(f"/2/users/{me.id}/tweets", cursor, whole=cursor is not None, exclude="retweets")
        for page, mark in found:
            yield Batch(wire.posts(page, me.username), str(mark))

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield mentions and replies, newest first; X reaches 800 back."""
        for page, mark in self._pages(f"/2/users/{self._whoami().id}/mentions", cursor):
            yield Batch(wire.mentions(page), str(mark))

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield what was said under a post in the last seven days: X's search shows no more, so never complete.

        On a first read, and whenever something new is there, what the hub knows and was not shown is looked up,
        and yielded as deleted if X has it no more.
        """
        begun = Bookmark.read(cursor)
        root = begun.root or thread.remote_id
        start = str(structs.replace(begun, root=root))
        moved = not begun.since
        seen: set[str] = set()
        for page, mark in self._pages(_SEARCH, start, query=f"conversation_id:{root}"):
            found = [structs.replace(each, thread_id=thread.remote_id) for each in wire.mentions(page)]
            seen.update(each.remote_id for each in found)
            moved = moved or any(int(post.id) > int(begun.since) for post in page.data)
            yield Batch([each for each in found if each.remote_id not in (root, thread.remote_id)], str(mark))
        asked = sorted(set(thread.known) - seen) if moved else []
        if not begun.root and root not in seen:
            # The search shows the post itself too, unless it is old, gone, or not the first of its conversation.
            asked.insert(0, root)
        for first in range(0, len(asked), _PER_PAGE):
            some = asked[first : first + _PER_PAGE]
            shown = self._look_up(some)
            if some[0] == root:
                conversation = self._found(root, shown).conversation_id or root
                if conversation != root:
                    yield from self.fetch_replies(thread, str(Bookmark(root=conversation)))
                    return
            gone = [error.resource_id for error in shown.errors if error.missing and error.resource_id in some]
            lost = [Mention(remote_id=each, thread_id=thread.remote_id, deleted=True) for each in gone]
            yield Batch(lost, str(mark))

    def search(self, query: str, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield what matches, see https://docs.x.com/x-api/posts/search; without a cursor the newest page."""
        for page, mark in self._pages(_SEARCH, cursor, whole=cursor is not None, query=query):
            yield Batch(wire.mentions(page), str(mark))

    def reply(self, mention: Mention, text: str) -> Receipt:
        return self._create({"text": text, "reply": {"in_reply_to_tweet_id": mention.remote_id}})

    def _body(self, post: Post) -> dict[str, Any]:
        """Upload the images and return the request that makes the post."""
        body: dict[str, Any] = {"text": _text(post)}
        if post.media:
            body["media"] = {"media_ids": [self._upload(image) for image in post.media]}
        if post.reply_to is not None:
            body["reply"] = {"in_reply_to_tweet_id": post.reply_to.remote_id}
        return body

    def _upload(self, image: Media) -> str:
        path = "/2/media/upload"
        form = {"media_category": "tweet_gif" if image.mime == "image/gif" else "tweet_image"}
        files = {"media": ("image", image.content, image.mime or "application/octet-stream")}
        done = shapes.upload(self._call("POST", path, form=form, files=files, repeatable=True))
        for _ in range(_POLLS):
            if done.processing_info.state not in ("pending", "in_progress"):
                break
            time.sleep(min(done.processing_info.check_after_secs, 5))
            done = shapes.upload(self._call("GET", path, params={"media_id": done.id}))
        if done.processing_info.state != "succeeded":
            raise RejectedError("X could not use an image ({state})", state=done.processing_info.state)
        if image.alt:
            alt = {"id": done.id, "metadata": {"alt_text": {"text": image.alt[:_ALT_MAXIMUM]}}}
            self._call("POST", "/2/media/metadata", json=alt, repeatable=True)
        return done.id

    def _create(self, body: Mapping[str, Any]) -> Receipt:
        """Make the one call that shows."""
        return self._receipt(self._call("POST", "/2/tweets", json=body).decode(shapes.Created).data.id)

    def _receipt(self, remote_id: str) -> Receipt:
        return Receipt(remote_id=remote_id, url=wire.permalink(remote_id, self._me.username if self._me else ""))

    def _one(self, remote_id: str) -> shapes.XPost:
        return self._found(remote_id, self._look_up([remote_id]))

    def _found(self, remote_id: str, page: shapes.Page) -> shapes.XPost:
        """Return a post that was looked up, or raise why it is not there."""
        for post in page.data:
            if post.id == remote_id:
                return post
        reasons = [error for error in page.errors if error.resource_id in ("", remote_id)]
        why = self.http.redact("; ".join(error.why for error in reasons)) or "X does not show it"
        hidden = reasons and not any(error.missing for error in reasons)
        raise (RejectedError if hidden else GoneError)("post {id}: {why}", id=remote_id, why=why)

    def _look_up(self, remote_ids: list[str]) -> shapes.Page:
        query = {"ids": ",".join(remote_ids), **wire.fields(self.settings.fields)}
        return self._call("GET", "/2/tweets", params=query).decode(shapes.Page)

    def _whoami(self) -> shapes.User:
        if self._me is None:
            self.check()
        assert self._me is not None
        return self._me

    def _pages(
        self, path: str, cursor: str | None, *, whole: bool = True, **query: str
    ) -> Iterator[tuple[shapes.Page, Bookmark]]:
        asked = {"max_results": str(_PER_PAGE), **query, **wire.fields(self.settings.fields)}

        def fetch(where: Mapping[str, str | None]) -> shapes.Page:
            return self._call("GET", path, params={**asked, **where}).decode(shapes.Page)

        return pages(fetch, Bookmark.read(cursor), whole=whole, forgets=path == _SEARCH)

    def _call(self, method: str, path: str, **options: Any) -> Answer:
        """Make a call; if its token is refused, renew it and call once more: a 401 says nothing was done."""
        try:
            return self.http.request(method, path, **options)
        except Refused:
            if not self._login.renewable:
                raise
            self._login.renew()
            return self.http.request(method, path, **options)


def _text(post: Post) -> str:
    """Return the text with its link: there is no field for one."""
    return post.text if post.link in post.text else f"{post.text}\n{post.link}".strip()


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [Twitter]
