"""Speaks for an account on Mastodon, or on any server with its client API: GoToSocial, Pleroma, snac2 …"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import SecretStr

from hub import (
    AccountSettings,
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
    OAuthClient,
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
    TransientError,
    Vault,
    find_in_timeline,
    hookimpl,
)
from plugins.mastodon import login, wire
from plugins.mastodon.paging import pages, seen
from plugins.mastodon.refusals import explain

_PAGE = 40  # statuses on one page: Mastodon's maximum
_FIRST_POSTS = 100  # how far back a first read of our own posts goes, and with it a look for a lost one
_MOST_ANSWERS = 4096  # answers that a thread shows to those who are logged in
# Seconds between questions after an image that the server still works on: a quarter of a minute in all.
_POLLS = (0.2, 0.5, 1, 2, 3, 4, 5)


class Mastodon(Publisher, Editor, Timeline, Listener, ThreadReader, Searcher, Responder):
    """One account.

    A post always goes out with an `Idempotency-Key`. Mastodon keeps it for an hour, and there a lost answer is
    settled by it; until a server has proved to be Mastodon, and on those that are not, it is settled by a look.
    """

    platform: ClassVar[str] = "mastodon"
    settle: Literal["key", "lookup"] = "lookup"
    key_life: ClassVar[timedelta] = timedelta(minutes=50)
    settle_after: ClassVar[timedelta] = timedelta(seconds=10)
    oauth: ClassVar[OAuth | None] = login.OAUTH

    class Settings(AccountSettings):
        """`api_url` is the server, such as https://mastodon.social; without `visibility` the account's own holds.

        `warning` is a content warning for all posts. `idempotency` says whether the server keeps the key.
        """

        token: SecretStr
        visibility: Literal["public", "unlisted", "private", "direct"] | None = None
        warning: str = ""
        sensitive: bool | None = None
        language: str | None = None
        idempotency: Literal["auto", "yes", "no"] = "auto"

    settings: Settings

    def __init__(self, account: str, settings: Settings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        self._me: wire.Account | None = None
        self._server: wire.Instance | None = None
        self._site = wire.site_of(settings.api_url)
        if settings.idempotency == "yes":
            self._trust_the_key()

    @classmethod
    def register_client(cls, http: Http, redirect_uri: str) -> OAuthClient | None:
        return login.register(http, redirect_uri)

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    def explain(self, answer: Answer) -> HubError | None:
        return explain(answer, self.http)

    def remote_id_of(self, url: str) -> str | None:
        return wire.id_in(url, self.settings.api_url)

    def check(self) -> Identity:
        """Ask who the token speaks for; which scopes it has no call tells."""
        self._me = self.http.get("/api/v1/accounts/verify_credentials").decode(wire.Account)
        return wire.identity(self._me, self._site)

    def limits(self) -> Limits:
        return wire.limits(self._instance(), self.settings.warning)

    def publish(self, post: Post) -> Receipt:
        more = {"in_reply_to_id": self._id(post.reply_to.remote_id)} if post.reply_to else {}
        return wire.receipt(self._post({**self._content(post), **more}, self.settings.visibility, post.key))

    def find(self, post: Post) -> Receipt | None:
        return find_in_timeline(self, post)

    def edit(self, remote_id: str, post: Post) -> Receipt:
        # What an edit does not say again is taken away, images and warning too.
        try:
            answer = self.http.request("PUT", self._path(remote_id), json=self._content(post), repeatable=True)
        except GoneError:
            self._see_that_it_is_gone(remote_id, "edit")
            return Receipt(remote_id=remote_id)
        return wire.receipt(answer.decode(wire.Status))

    def delete(self, remote_id: str) -> None:
        try:
            self.http.request("DELETE", self._path(remote_id), repeatable=True).decode(wire.Status)
        except GoneError:
            self._see_that_it_is_gone(remote_id, "delete")

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        """Yield our posts, the newest page each time, so that its edits show; boosts are left out.

        What was said to followers or to one person only is not shown, unless the hub itself publishes so: a
        route would carry it to everybody.
        """
        shown = {"public", "unlisted", self._visibility()}

        def fetch(where: Mapping[str, str]) -> tuple[list[wire.Status], Mapping[str, str]]:
            path = f"/api/v1/accounts/{quote(self._whoami().id)}/statuses"
            answer = self.http.get(path, params={"limit": _PAGE, "exclude_reblogs": "true", **where})
            return answer.decode(list[wire.Status]), wire.following(answer.headers)

        for page, mark in pages(fetch, cursor, most=_FIRST_POSTS):
            ours = [one for one in page if one.reblog is None and one.visibility in shown]
            yield Batch([wire.remote_post(one) for one in ours], mark)

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield what names us; a server may show other notifications too, and kinds that nobody knows yet."""

        def fetch(where: Mapping[str, str]) -> tuple[list[wire.Notification], Mapping[str, str]]:
            query = {"types[]": "mention", "limit": _PAGE, **where}
            answer = self.http.get("/api/v1/notifications", params=query)
            return answer.decode(list[wire.Notification]), wire.following(answer.headers)

        known, roots = seen(cursor), dict[str, str]()
        for page, mark in pages(fetch, cursor, most=_PAGE):
            news = [one.status for one in page if one.type == "mention" and one.status and one.id not in known]
            yield Batch(list(self._in_threads(news, roots)), mark)

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield all answers that the server knows; it need not know all that were given elsewhere."""
        found: dict[str, wire.Status] = {}
        root = self._id(thread.remote_id)
        asked = [root]
        for status_id in asked:
            try:
                below = self._context(status_id).descendants
            except GoneError:
                if status_id == root:
                    raise
                continue
            found |= {one.id: one for one in below}
            if all(one.in_reply_to_id == status_id for one in below):
                # snac2 shows one level at a time.
                asked += [one.id for one in below if one.replies_count and one.id not in asked]
        items = [wire.mention(one, thread.remote_id, self._site) for one in found.values()]
        yield Batch(items, None, complete=len(found) < _MOST_ANSWERS)

    def search(self, query: str, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield what holds the words, see https://docs.joinmastodon.org/methods/search/.

        Without full-text search a server finds nothing, or only hashtags. Posts of ours are left out: the hub
        knows what it published.
        """

        def fetch(where: Mapping[str, str]) -> tuple[list[wire.Status], Mapping[str, str]]:
            words = {"q": query, "type": "statuses", "limit": _PAGE, **where}
            return self.http.get("/api/v2/search", params=words).decode(wire.Found).statuses, {}

        known, roots = seen(cursor), dict[str, str]()
        for page, mark in pages(fetch, cursor, most=_PAGE, upwards=False):
            news = [one for one in page if one.id not in known and not self._began(one)]
            yield Batch(list(self._in_threads(news, roots)), mark)

    def reply(self, mention: Mention, text: str) -> Receipt:
        """Answer under a mention, to no more people than it was said to. Its author must be named to be told."""
        asked = self.http.get(self._path(mention.remote_id)).decode(wire.Status)
        name = f"@{asked.account.acct}"
        if name.casefold() not in text.casefold().split():
            text = f"{name} {text}"
        body = {**self._content(Post(text=text)), "in_reply_to_id": asked.id}
        made = self._post(body, wire.answering(asked, self._visibility()), f"{asked.id} {text}")
        return Receipt(remote_id=wire.named(made.id, self._site), url=made.permalink)

    def _content(self, post: Post) -> dict[str, Any]:
        """Upload the images and return what makes a status; what is not set is left to the account."""
        settings = self.settings
        given = {"sensitive": settings.sensitive, "language": settings.language}
        return {
            "status": post.text if post.link in post.text else f"{post.text}\n\n{post.link}".strip(),
            "media_ids": [self._upload(image) for image in post.media],
            "spoiler_text": settings.warning,
            **{name: value for name, value in given.items() if value is not None},
        }

    def _post(self, body: Mapping[str, Any], visibility: str | None, key: str) -> wire.Status:
        """Make the one call that shows."""
        headers = {"Idempotency-Key": hashlib.sha256(key.encode()).hexdigest()}
        body = {**body, "visibility": visibility} if visibility else body
        return self.http.post("/api/v1/statuses", json=body, headers=headers).decode(wire.Status)

    def _upload(self, image: Media) -> str:
        """Upload an image, and wait until the server can show it: before that no status may hold it."""
        most = self._instance().configuration.media_attachments.description_limit
        files = {"file": ("image", image.content, image.mime or "application/octet-stream")}
        form = {"description": image.alt[:most] or None}
        answer = self.http.post("/api/v2/media", files=files, form=form, repeatable=True)
        uploaded = answer.decode(wire.Attachment)
        waits = iter(_POLLS)
        while answer.status in (202, 206):
            seconds = next(waits, None)
            if seconds is None:
                raise TransientError("the server still works on an image", retry_after=60)
            time.sleep(seconds)
            answer = self.http.get(f"/api/v1/media/{quote(uploaded.id)}")
            answer.decode(wire.Attachment)
        return uploaded.id

    def _see_that_it_is_gone(self, remote_id: str, verb: str) -> None:
        """Raise if a status is there that the server says it does not know: it does not know the verb."""
        try:
            self.http.get(self._path(remote_id)).decode(wire.Status)
        except GoneError:
            return
        raise RejectedError(
            "this server cannot {verb} a status through its API, and {id} is still there",
            hint="do it on the server's own page",
            verb=verb,
            id=remote_id,
        )

    def _in_threads(self, statuses: list[wire.Status], roots: dict[str, str]) -> Iterator[Mention]:
        """Find out in which thread each was said; `roots` are those that are known already.

        A thread that we began has the plain id of our post, any other that of a mention.
        """
        for one in statuses:
            root = wire.named(one.id, self._site)
            if one.in_reply_to_id is not None:
                try:
                    root = roots.get(one.in_reply_to_id) or self._root(one, roots)
                except GoneError:
                    continue
            roots[one.id] = root
            yield wire.mention(one, root, self._site)

    def _root(self, status: wire.Status, roots: dict[str, str]) -> str:
        assert status.in_reply_to_id is not None
        above = self._context(status.id).ancestors
        first, author = status.in_reply_to_id, status.in_reply_to_account_id
        if above:
            first, author = above[0].id, above[0].account.id
        root = first if author == self._whoami().id else wire.named(first, self._site)
        roots.update((one.id, root) for one in above)
        return root

    def _began(self, status: wire.Status) -> bool:
        """Tell whether it is a post of ours, not an answer."""
        return status.in_reply_to_id is None and status.account.id == self._whoami().id

    def _context(self, remote_id: str) -> wire.Context:
        return self.http.get(f"{self._path(remote_id)}/context").decode(wire.Context)

    def _id(self, remote_id: str) -> str:
        return wire.status_id(remote_id, self._site)

    def _path(self, remote_id: str) -> str:
        return f"/api/v1/statuses/{quote(self._id(remote_id), safe='')}"

    def _whoami(self) -> wire.Account:
        if self._me is None:
            self.check()
        assert self._me is not None
        return self._me

    def _visibility(self) -> str:
        """Return who sees what we publish: as the settings say, or as the account is set."""
        return self.settings.visibility or self._whoami().source.privacy

    def _instance(self) -> wire.Instance:
        """Ask the server once what it is and what it takes."""
        if self._server is None:
            try:
                answer = self.http.get("/api/v2/instance")
            except GoneError:
                answer = self.http.get("/api/v1/instance")
            self._server = answer.decode(wire.Instance)
            if self._server.is_mastodon and self.settings.idempotency == "auto":
                self._trust_the_key()
        return self._server

    def _trust_the_key(self) -> None:
        self.settle = "key"


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [Mastodon]
