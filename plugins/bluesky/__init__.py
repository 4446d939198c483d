"""Bluesky: publishes to a repository of the AT Protocol, reads what is said there and about it, answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeVar

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
    hookimpl,
)
from plugins.bluesky import facets, records, session, wire
from plugins.bluesky.refusals import Refused, explain

_PER_PAGE = 100  # posts, notifications: the maximum
_PER_LOOK = 25  # URIs for getPosts: the maximum
_DEPTH = 60  # levels of a thread in one call; what is deeper is asked for by itself
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# A list goes by the earlier of a client's clock and the server's: a new post may stand so far below older ones.
_LAG = timedelta(hours=1)


class _Page(Protocol):
    cursor: str

    @property
    def views(self) -> Any: ...


T = TypeVar("T")
P = TypeVar("P", bound=_Page)


class Bluesky(Publisher, Editor, Timeline, Listener, ThreadReader, Searcher, Responder):
    """One account on a PDS. Posts and mentions are known by their AT-URI.

    An edit changes the record, which its servers show at once; bsky.app may go on showing the first version.
    """

    platform: ClassVar[str] = "bluesky"
    calls_per_second: ClassVar[float | None] = 10.0  # 3000 in five minutes from one address
    settle = "natural"
    Settings = session.Settings
    settings: session.Settings

    def __init__(self, account: str, settings: session.Settings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        self._session = session.Session(account, settings, http, vault)

    @classmethod
    def page(cls, settings: session.Settings) -> str:  # type: ignore[override]  # they are its own
        return settings.identifier.removeprefix("@").lower()

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return self._session.sign(method, url)

    def explain(self, answer: Answer) -> HubError | None:
        return explain(answer, self.http.redact)

    def remote_id_of(self, url: str) -> str | None:
        """Return the AT-URI, with our DID for our own handle; another's handle stays in it."""
        uri = wire.uri_in(url)
        if uri is None:
            return None
        repo, key = wire.parts(uri)
        did, handle = self._session.known
        return wire.at_uri(did if did and repo.lower() == handle.lower() else repo, key)

    def check(self) -> Identity:
        me = self._get("com.atproto.server.getSession", wire.Me)
        missing = () if me.active else (f"an active account ({me.status or 'inactive'})",)
        return Identity(
            remote_id=me.did, name=me.handle, url=f"{wire.SITE}/{me.did}", kind="app password", missing=missing
        )

    def limits(self) -> Limits:
        """See lexicons/app/bsky/feed/post.json and embed/images.json of the AT Protocol."""
        return Limits(
            unit="grapheme",
            maximum=records.GRAPHEMES,
            max_bytes=records.BYTES,
            link_with_media="text",
            media_count=4,
            media_bytes=self.settings.image_bytes,
        )

    def publish(self, post: Post) -> Receipt:
        # A key that is taken is answered with HTTP 500, as is everything that goes wrong there: so look first.
        found = self.find(post)
        if found is not None:
            return found
        reply = self._answering(post.reply_to.remote_id) if post.reply_to else None
        return self._create(wire.tid(post.key), self._record(post, records.stamp(datetime.now(UTC)), reply))

    def find(self, post: Post) -> Receipt | None:
        return self._held_at(wire.tid(post.key))

    def edit(self, remote_id: str, post: Post) -> Receipt:
        repo, key = wire.parts(remote_id)
        try:
            held = self._held(remote_id)
        except GoneError:
            return _receipt(remote_id)
        record = self._record(post, held.value.created_at, held.value.reply)
        # Without the version that it replaces, the call would bring back a post that somebody has just deleted.
        self._post(
            "com.atproto.repo.putRecord",
            {"repo": repo, "collection": wire.COLLECTION, "rkey": key, "record": record, "swapRecord": held.cid},
            repeatable=True,
        ).decode(wire.Made)
        return _receipt(remote_id)

    def delete(self, remote_id: str) -> None:
        """Remove the record; the network answers the same where there is none."""
        repo, key = wire.parts(remote_id)
        body = {"repo": repo, "collection": wire.COLLECTION, "rkey": key}
        self._post("com.atproto.repo.deleteRecord", body, repeatable=True)

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        """Yield our posts, newest first; without a cursor the newest page. Reposts are left out."""
        me = self._session.begin()
        wanted = {"actor": me, "filter": "posts_with_replies"}
        for page, mark in self._newest_first("app.bsky.feed.getAuthorFeed", wire.Feed, cursor, **wanted):
            yield Batch([wire.post(view) for view in page.views if view.author.did == me], mark)

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield replies, mentions and quotes, newest first; without a cursor the newest page."""
        wanted = {"reasons": ["reply", "mention", "quote"]}
        name = "app.bsky.notification.listNotifications"
        for page, mark in self._newest_first(name, wire.Notifications, cursor, **wanted):
            yield Batch([wire.mention(view) for view in page.views], mark)

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield the whole thread. It is not called complete if something in it is hidden from us.

        A blocked answer is shown as such, or left out with all below it; what stands under a deleted one is in no
        thread any more. So what the hub knows and was not shown is looked up by itself.
        """
        tops, root = [thread.remote_id], ""
        seen: set[str] = set()
        hidden = False
        while tops:
            top = self._branch(tops.pop(), first=not root)
            root = root or _shown(top, thread.remote_id).uri
            found: list[Mention] = []
            level = [top]
            while level:
                node = level.pop()
                level += node.replies or ()
                if node.post is None:
                    hidden = True
                    continue
                if node.replies is not None:
                    hidden = hidden or node.post.reply_count > len(node.replies)
                elif node.post.reply_count and node is not top:
                    tops.append(node.post.uri)
                elif node.post.reply_count:
                    hidden = True
                if node is not top and node.post.uri not in seen:
                    found.append(wire.mention(node.post, thread_id=thread.remote_id, root=root))
                    seen.add(node.post.uri)
            if not tops:
                lost, unsure = self._missed(thread, sorted(set(thread.known) - seen), root)
                found, hidden = found + lost, hidden or unsure
            yield Batch(found, None, complete=not tops and not hidden)

    def search(self, query: str, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield what others say with the words of `query`; without a cursor the newest page."""
        me = self._session.begin()
        since = None if cursor is None else records.stamp(max(datetime.fromisoformat(cursor) - _LAG, _BEGINNING))
        wanted = {"q": query, "sort": "latest", "since": since}
        for page, mark in self._newest_first("app.bsky.feed.searchPosts", wire.Found, cursor, **wanted):
            yield Batch([wire.mention(view) for view in page.views if view.author.did != me], mark)

    def reply(self, mention: Mention, text: str) -> Receipt:
        """Answer; the same answer to the same mention is there once, however often it is given."""
        key = wire.tid(f"{mention.remote_id} {text}")
        found = self._held_at(key)
        if found is not None:
            return found
        # What others wrote is asked of the network: it is in another repository, on another server.
        views = self._look_up([mention.remote_id])
        if not views:
            raise GoneError("Bluesky shows {id} no more", id=mention.remote_id)
        parent = wire.Ref(views[0].uri, views[0].cid)
        above = views[0].record.reply
        reply = wire.ReplyRef(root=above.root if above else parent, parent=parent)
        return self._create(key, self._record(Post(text=text), records.stamp(datetime.now(UTC)), reply))

    # Writing

    def _record(self, post: Post, created_at: str, reply: wire.ReplyRef | None) -> wire.NewPost:
        """Upload the images and return the record; a post holds images or a link card, not both."""
        embed: wire.Images | wire.External | None = None
        if post.media:
            embed = wire.Images([self._image(media) for media in post.media])
        elif post.link:
            embed = wire.External(wire.Card(post.link, records.card_title(post), ""))
        found = facets.detect(post.text, self._resolve)
        return wire.NewPost(post.text, created_at, found, reply, embed, self.settings.langs)

    def _create(self, key: str, record: wire.NewPost) -> Receipt:
        """Make the one call that shows."""
        body = {"repo": self._session.begin(), "collection": wire.COLLECTION, "rkey": key, "record": record}
        return _receipt(self._post("com.atproto.repo.createRecord", body).decode(wire.Made).uri)

    def _image(self, media: Media) -> wire.Image:
        content = media.content or self.http.fetch(media.url).body
        answer = self._call(
            "POST",
            "com.atproto.repo.uploadBlob",
            content=content,
            repeatable=True,
            headers={"Content-Type": media.mime or "application/octet-stream"},
        )
        return wire.Image(answer.decode(wire.Uploaded).blob, media.alt, records.aspect_ratio(content))

    def _resolve(self, handle: str) -> str | None:
        """Return whose handle it is, None if nobody's."""
        try:
            return self._get("com.atproto.identity.resolveHandle", wire.Resolved, handle=handle).did
        except RejectedError:
            return None

    def _answering(self, uri: str) -> wire.ReplyRef:
        """Return what a part of a thread says of the part before it, which is ours."""
        held = self._held(uri)
        parent = wire.Ref(held.uri, held.cid)
        return wire.ReplyRef(root=held.value.reply.root if held.value.reply else parent, parent=parent)

    # Reading

    def _held_at(self, key: str) -> Receipt | None:
        try:
            return _receipt(self._held(wire.at_uri(self._session.begin(), key)).uri)
        except GoneError:
            return None

    def _held(self, uri: str) -> wire.Held:
        repo, key = wire.parts(uri)
        where = {"repo": repo, "collection": wire.COLLECTION, "rkey": key}
        return self._get("com.atproto.repo.getRecord", wire.Held, **where)

    def _look_up(self, uris: list[str]) -> list[wire.View]:
        return self._get("app.bsky.feed.getPosts", wire.Found, uris=uris).posts

    def _missed(self, thread: Thread, uris: list[str], root: str) -> tuple[list[Mention], bool]:
        """Return what became of answers that a thread did not show, and whether any is there and hidden."""
        found: list[Mention] = []
        unsure = False
        for first in range(0, len(uris), _PER_LOOK):
            some = uris[first : first + _PER_LOOK]
            standing = {view.uri: view for view in self._look_up(some)}
            found += [wire.mention(view, thread_id=thread.remote_id, root=root) for view in standing.values()]
            for uri in some:
                if uri in standing:
                    continue
                try:
                    self._held(uri)  # a repository knows no blocks
                    unsure = True
                except GoneError:
                    found.append(Mention(remote_id=uri, thread_id=thread.remote_id, deleted=True))
        return found, unsure

    def _branch(self, uri: str, *, first: bool) -> wire.Node:
        """Return a thread from one post down. Raises `GoneError` for the first; a later one may go meanwhile."""
        where = {"uri": uri, "depth": _DEPTH, "parentHeight": 0}
        try:
            return self._get("app.bsky.feed.getPostThread", wire.ThreadPage, **where).thread
        except GoneError:
            if first:
                raise
            return wire.Node(uri=uri, not_found=True)

    def _newest_first(
        self, name: str, shape: type[P], cursor: str | None, **params: Any
    ) -> Iterator[tuple[P, str | None]]:
        """Yield the pages of a list down to the cursor (None: one page), each with the cursor to hand on."""
        newest = datetime.fromisoformat(cursor) if cursor else _BEGINNING
        end = newest - _LAG if cursor and newest > _BEGINNING else _BEGINNING
        start = None
        while True:
            page = self._get(name, shape, **params, limit=_PER_PAGE, cursor=start)
            times = [wire.indexed(view) for view in page.views]
            newest = max([newest, *times])
            last = cursor is None or page.cursor in ("", start) or any(time < end for time in times)
            start = page.cursor
            yield page, newest.isoformat() if last else cursor
            if last:
                return

    def _get(self, name: str, shape: type[T], **params: Any) -> T:
        return self._call("GET", name, params=params).decode(shape)

    def _post(self, name: str, body: object, **options: Any) -> Answer:
        return self._call("POST", name, json=body, **options)

    def _call(self, method: str, name: str, **options: Any) -> Answer:
        """Make a call; if the session is over, refresh it and call once more: what was refused was not done."""
        self._session.begin()
        try:
            return self.http.request(method, f"/xrpc/{name}", **options)
        except Refused:
            self._session.renew()
            return self.http.request(method, f"/xrpc/{name}", **options)


def _receipt(uri: str) -> Receipt:
    return Receipt(remote_id=uri, url=wire.permalink(uri))


def _shown(top: wire.Node, wanted: str) -> wire.View:
    """Return the post at the top of a thread, or raise why there is none to be seen."""
    if top.post is not None:
        return top.post
    if top.blocked:
        raise RejectedError("Bluesky does not show {id}: a block is between its author and us", id=wanted)
    if top.not_found:
        raise GoneError("Bluesky has no post {id}", id=wanted)
    raise TransientError("Bluesky shows neither {id} nor that it is gone", id=wanted)


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [Bluesky]
