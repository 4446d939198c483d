"""Speaks for a Facebook page: publishes to its feed, reads what is said to it, answers comments."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr

from hub import (
    AccountSettings,
    Adapter,
    Answer,
    AuthError,
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
    Post,
    Publisher,
    Receipt,
    RejectedError,
    RemotePost,
    Responder,
    Thread,
    ThreadReader,
    Timeline,
    Vault,
    find_in_timeline,
    hookimpl,
    text_key,
)
from plugins.facebook import faults, wire

# Items on one page; the network gives no more.
_PAGE = 100
# Posts that a first read goes back: older ones are history, and every call counts.
_FIRST_READ = 500
# Seconds that a read goes back before its cursor: the network shows what it took with some delay.
_OVERLAP = 600


class Facebook(Publisher, Editor, Timeline, Listener, ThreadReader, Responder):
    """One page. The Graph API has no key against doubles: a lost answer is settled by reading the page's posts."""

    platform: ClassVar[str] = "facebook"
    settle = "lookup"

    class Settings(AccountSettings):
        """`page` is the numeric id, `token` the page's own; `app_secret` where the app requires proofs."""

        api_url: str = "https://graph.facebook.com"
        page: str = Field(pattern=r"^\d+$", coerce_numbers_to_str=True)
        token: SecretStr
        app_secret: SecretStr | None = None
        version: str = Field(default="v23.0", pattern=r"^v\d+\.\d+$")

    settings: Settings

    def __init__(self, account: str, settings: Settings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        self._token = settings.token.get_secret_value()
        self._base = f"/{settings.version}/"
        self._proof: dict[str, str] = {}
        http.add_secret(self._token)
        if settings.app_secret is not None:
            secret = settings.app_secret.get_secret_value()
            proof = hmac.new(secret.encode(), self._token.encode(), hashlib.sha256).hexdigest()
            self._proof = {"appsecret_proof": proof}
            http.add_secret(secret)
            http.add_secret(proof)

    @classmethod
    def page(cls, settings: AccountSettings) -> str:
        assert isinstance(settings, cls.Settings)
        return settings.page

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def explain(self, answer: Answer) -> HubError | None:
        usages = faults.usages(answer.headers)
        for name, usage in usages.items():
            self.http.rate_limits[name] = faults.rate_limit(usage)
        fault = faults.fault_of(answer)
        if fault is None:
            return None
        why = self.http.redact(fault.error_user_msg or fault.message)
        wait = max((usage.estimated_time_to_regain_access for usage in usages.values()), default=0.0) * 60
        return faults.error_of(fault, why, status=answer.status, repeatable=answer.repeatable, wait=wait)

    def remote_id_of(self, url: str) -> str | None:
        return wire.id_in(url, self.settings.page)

    def check(self) -> Identity:
        """Ask who the token speaks for. Its rights are only told to a call with the token in its URL: not made."""
        me = self._get("me", fields=wire.ME_FIELDS).decode(wire.Person)
        if me.id != self.settings.page:
            raise AuthError(
                "the token speaks for {name} ({id}), not for the page {page}",
                hint="take the page's own token from /me/accounts",
                name=me.name,
                id=me.id,
                page=self.settings.page,
            )
        return Identity(remote_id=me.id, name=me.name, url=f"{wire.SITE}/{me.id}", kind="page")

    def limits(self) -> Limits:
        """Text: 63,206 characters as measured by others, in no official page. Images: 4 MB (error 1366046)."""
        types = ("image/jpeg", "image/png", "image/gif")
        # A post holds a link preview or photos, not both.
        return Limits(
            maximum=63_206, link_with_media="text", media_count=10, media_bytes=4_000_000, media_types=types
        )

    def publish(self, post: Post) -> Receipt:
        photos = [self._upload(media) for media in post.media]
        if post.reply_to is None:
            form = {"message": post.text} | ({"link": post.link} if post.link else {})
            form |= {f"attached_media[{at}]": json.dumps({"media_fbid": id}) for at, id in enumerate(photos)}
            return wire.post_receipt(self._made(self._write(f"{self.settings.page}/feed", form)))
        if len(photos) > 1:
            raise RejectedError("a comment on Facebook holds one image", hint="put the images into the post")
        form = {"message": post.text, **({"attachment_id": photos[0]} if photos else {})}
        return Receipt(remote_id=self._made(self._write(f"{quote(post.reply_to.remote_id)}/comments", form)))

    def find(self, post: Post) -> Receipt | None:
        if post.reply_to is None:
            return find_in_timeline(self, post)
        wanted, page = text_key(post.text), self.settings.page
        for batch in self.fetch_replies(Thread(remote_id=post.reply_to.remote_id), None):
            for said in batch.items:
                ours = said.author is not None and said.author.remote_id == page
                if ours and said.remote_id not in post.taken and text_key(said.text) == wanted:
                    return Receipt(remote_id=said.remote_id, url=said.url)
        return None

    def edit(self, remote_id: str, post: Post) -> Receipt:
        """Change the text; the network lets nothing else of a published post be changed."""
        with suppress(GoneError):
            self._succeeded(self._write(quote(remote_id), {"message": post.text}, repeatable=True))
        return wire.post_receipt(remote_id)

    def delete(self, remote_id: str) -> None:
        with suppress(GoneError):
            path = self._base + quote(remote_id)
            self._succeeded(self.http.request("DELETE", path, params=self._proof, repeatable=True))

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        """Yield the page's posts, newest first; the cursor is the time of the newest, in epoch seconds."""
        for items, mark in self._newest("published_posts", wire.POST_FIELDS, cursor or ""):
            yield Batch(wire.remote_posts(items), mark or None)

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield posts that tag the page, then visitors' posts on it; the cursor holds a time for either."""
        marks = (cursor or ":").split(":")
        for place, edge in enumerate(("tagged", "visitor_posts")):
            for items, mark in self._newest(edge, wire.MENTION_FIELDS, marks[place]):
                marks[place] = mark
                yield Batch(wire.mentions_of(items, self.settings.page), ":".join(marks))

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield the comments of all depths, oldest first; with a cursor those since then, less an overlap."""
        newest = int(cursor or 0)
        query: dict[str, Any] = {"filter": "stream", "order": "chronological", "live_filter": "no_filter"}
        query["since"] = max(newest - _OVERLAP, 0) if cursor else None
        path = f"{quote(thread.remote_id)}/comments"
        for page, last in self._pages(path, wire.Listing[wire.Comment], fields=wire.COMMENT_FIELDS, **query):
            newest = max([newest, *(wire.seconds(item.created_time) for item in page.data)])
            items = wire.comments_of(page.data, thread.remote_id)
            yield Batch(items, str(newest) if last else cursor, complete=last and cursor is None)

    def reply(self, mention: Mention, text: str) -> Receipt:
        if mention.remote_id.startswith("http"):
            raise RejectedError(
                "Facebook did not tell the id of this comment, so it cannot be answered",
                hint="use the page's own token: others do not see ids",
            )
        made = self._made(self._write(f"{quote(mention.remote_id)}/comments", {"message": text}))
        return wire.reply_receipt(made, mention)

    def _get(self, path: str, **query: Any) -> Answer:
        return self.http.get(self._base + path, params={**query, **self._proof})

    def _write(self, path: str, form: Mapping[str, Any], *, repeatable: bool = False, **more: Any) -> Answer:
        return self.http.post(self._base + path, form={**form, **self._proof}, repeatable=repeatable, **more)

    def _made(self, answer: Answer) -> str:
        made = answer.decode(wire.Written).id
        if not made:
            raise answer.misread("no id")
        return made

    def _succeeded(self, answer: Answer) -> None:
        if not answer.decode(wire.Written).success:
            raise answer.misread("no success")

    def _upload(self, media: Media) -> str:
        """Put an image up unpublished: nobody sees it until a post holds it, so it may be repeated."""
        form = {"published": "false", "alt_text_custom": media.alt or None}
        path = f"{self.settings.page}/photos"
        if not media.content:
            return self._made(self._write(path, {**form, "url": media.url}, repeatable=True))
        files = {"source": ("image", media.content, media.mime or "image/jpeg")}
        return self._made(self._write(path, form, repeatable=True, files=files))

    def _pages(self, path: str, shape: Any, **query: Any) -> Iterator[tuple[Any, bool]]:
        """Read page after page by the network's own cursors; tell with each whether it is the last.

        They live for one read. Should the network not know one that it gave, the pages are read anew, once: that
        repeats some and skips none.
        """
        following: dict[str, str] = {}
        anew = False
        while True:
            try:
                answer = self._get(path, limit=_PAGE, **query, **following)
            except RejectedError:
                if anew or not following:
                    raise
                anew, following = True, {}
                continue
            page = answer.decode(shape)
            asked, following = following, wire.following(page)
            if following and following == asked:
                raise answer.misread("its next page is itself")
            yield page, not following
            if not following:
                return

    def _newest(self, edge: str, fields: str, mark: str) -> Iterator[tuple[list[wire.FeedPost], str]]:
        """Read a feed, newest first, back to `mark` ("": a first read).

        Only the last page comes with a new mark: a read that breaks off before starts over, and skips nothing.
        """
        since = max(int(mark) - _OVERLAP, 0) if mark else 0
        newest, seen = int(mark or 0), 0
        for page, last in self._pages(f"{self.settings.page}/{edge}", wire.Listing[wire.FeedPost], fields=fields):
            newest = max([newest, *(wire.seconds(item.created_time) for item in page.data)])
            seen += len(page.data)
            passed = bool(mark and page.data) and wire.seconds(page.data[-1].created_time) < since
            done = last or passed or (not mark and seen >= _FIRST_READ)
            yield [item for item in page.data if wire.touched(item) >= since], str(newest) if done else mark
            if done:
                return


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [Facebook]
