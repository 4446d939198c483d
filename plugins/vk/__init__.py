"""VK: publishes to a community's wall, reads what is said under it and about it, answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import msgspec
from pydantic import Field, SecretStr

from hub import (
    AccountSettings,
    Adapter,
    Answer,
    Author,
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
    Vault,
    find_in_timeline,
    hookimpl,
)
from plugins.vk import problems, wire

T = TypeVar("T")

# The texts of a profile in which people show an e-mail.
USER_FIELDS = "screen_name,site,status,about"
GROUP_FIELDS = "screen_name,site,status,description"
FIELDS = USER_FIELDS + ",description"
LAG = 3600  # seconds: a postponed post or a mention may show up this long after the date that it bears
OVERLAP = 10  # items read twice where VK pages by offset only, so that a deletion in between skips none
_NAMES = {"image/png": "image.png", "image/gif": "image.gif"}


class VK(Publisher, Editor, Timeline, Listener, ThreadReader, Searcher, Responder):
    """A community on VK. Publishing needs a user's token with the rights wall and photos."""

    class Settings(AccountSettings):
        """`group` is the community's number without its minus sign."""

        api_url: str = "https://api.vk.com"
        group: int = Field(gt=0)
        token: SecretStr
        version: str = "5.199"
        text_limit: int = Field(16_384, gt=0)  # codepoints; often quoted, in no official source

    platform = "vk"
    calls_per_second: ClassVar[float | None] = 3.0  # for a user's token; dev.vk.com/ru/api/api-requests
    settle = "lookup"  # `guid` goes along as a second wall: VK does not say how long it remembers one
    settings: Settings

    def __init__(self, account: str, settings: AccountSettings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        http.add_secret(self.settings.token.get_secret_value())
        self._owner = -self.settings.group
        self._people: dict[int, Author] = {}

    @classmethod
    def page(cls, settings: AccountSettings) -> str:
        return f"club{settings.group}" if isinstance(settings, cls.Settings) else ""

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    def explain(self, answer: Answer) -> HubError | None:
        # VK's errors come with HTTP 200; another status is not VK's own word.
        if not answer.ok or b'"error"' not in answer.body[:64]:
            return None
        problem = answer.decode(problems.Failure).error
        if problem is None:
            return None
        return problems.explain(problem, self.http.redact(problem.error_msg), answer.repeatable)

    def remote_id_of(self, url: str) -> str | None:
        return wire.id_in(url)

    def check(self) -> Identity:
        # A community's token has no user behind it; VK is known, though not documented, to give an empty list.
        users = self._read(wire.Envelope[list[wire.Profile]], "users.get")
        groups = self._groups([self.settings.group])
        if not groups:
            hint = "write the community's own number, as in vk.com/club123, without a minus sign"
            raise GoneError("VK has no community {group}", group=self.settings.group, hint=hint)
        group = groups[0]
        editor = group.admin_level >= 2 or (group.is_admin and not group.admin_level)
        missing = () if users and editor else ("editor of the community",) if users else ("a user's token",)
        known = wire.author(group, self._owner)
        kind = "user" if users else "community"
        return Identity(remote_id=known.remote_id, name=known.name, url=known.url, kind=kind, missing=missing)

    def limits(self) -> Limits:
        types = ("image/jpeg", "image/png", "image/gif")
        return Limits(maximum=self.settings.text_limit, media_bytes=50 * 1024 * 1024, media_types=types)

    def publish(self, post: Post) -> Receipt:
        """Publish on the community's wall. A part of a thread is a post of its own: posts cannot answer posts."""
        content = self._content(post)
        content |= {"owner_id": self._owner, "from_group": 1, "guid": post.key or None}
        answer = self._write("wall.post", repeatable=False, **content)
        number = answer.decode(wire.Envelope[wire.Made]).response.post_id
        if number <= 0:
            raise answer.misread("no post_id")
        return self._receipt(f"{self._owner}_{number}")

    def find(self, post: Post) -> Receipt | None:
        # VK shows `[club1|Name]` back as it was written; both sides are compared without such markup.
        return find_in_timeline(self, msgspec.structs.replace(post, text=wire.plain(post.text)))

    def edit(self, remote_id: str, post: Post) -> Receipt:
        owner, number = wire.ids(remote_id)
        # Attachments that are not named again are taken off the post.
        content = self._content(post)
        try:
            answer = self._write("wall.edit", owner_id=owner, post_id=number, repeatable=True, **content)
            answer.decode(wire.Envelope[Any])
        except GoneError:
            pass
        return self._receipt(remote_id)

    def delete(self, remote_id: str) -> None:
        owner, number = wire.ids(remote_id)
        try:
            answer = self._write("wall.delete", owner_id=owner, post_id=number, repeatable=True)
            answer.decode(wire.Envelope[Any])
        except GoneError:
            pass

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        since, newest = _since(cursor)
        # The schema lists `domain` alone; `owner_id` is the older name that VK takes as well.
        for page, last in self._newest_first("wall.get", 100, since, owner_id=self._owner, filter="owner"):
            ours = [item for item in page.items if item.from_id in (0, self._owner)]
            newest = max([newest, *(item.date for item in ours)])
            items = [wire.post(item) for item in ours if max(item.date, item.edited) >= (since or 0)]
            yield Batch(items, str(newest) if last else cursor)

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield posts and comments that name the community, then visitors' posts on its wall.

        A first read goes back 24 hours for the former: VK's own default.
        """
        since, newest = _since(cursor)
        named = {"owner_id": self._owner, "start_time": since}
        for page, _ in self._newest_first("newsfeed.getMentions", 50, since or 0, **named):
            newest = max([newest, *(item.date for item in page.items)])
            yield Batch(wire.mentions(page.items, self._authors(page)), cursor)
        visits = {"owner_id": self._owner, "filter": "others", "extended": 1, "fields": FIELDS}
        for page, last in self._newest_first("wall.get", 100, since, **visits):
            items = [item for item in page.items if item.from_id != self._owner]
            newest = max([newest, *(item.date for item in items)])
            people = wire.authors(page.profiles, page.groups)
            yield Batch(wire.mentions(items, people), str(newest) if last else cursor)

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Read from the newest comment back, and no further than the thread's growth needs."""
        owner, number = wire.ids(thread.remote_id)
        seen = wire.seen(cursor)
        pages = self._level(owner, number)
        page: wire.Comments | None = next(pages)
        assert page is not None
        found = wire.remarks(page, owner, number)
        now = wire.state(page, found)
        if seen is not None and now.like(seen):
            yield Batch((), cursor)
            return
        if seen is not None and (now.long or len(page.items) < page.on_this_level):
            found += self._branches(owner, number, page, seen.long, seen.last)
            numbers = set(map(wire.number, found))
            if now.count - seen.count == sum(number > seen.last for number in numbers):
                now.last = max(numbers | {seen.last})
                yield Batch(found, now.cursor())
                return
        # A first read, a thread of one page, or one whose change is not all on its newest page.
        while page is not None:
            found = wire.remarks(page, owner, number) + self._branches(owner, number, page, {}, 0)
            now.last = max([now.last, *map(wire.number, found)])
            page = next(pages, None)
            yield Batch(found, cursor if page else now.cursor(), complete=page is None)

    def search(self, query: str, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield posts of others; a first read goes back 24 hours, VK's own default. VK allows 1000 calls a day."""
        since, newest = _since(cursor)
        wanted = {"q": query, "extended": 1, "fields": FIELDS, "count": 200, "start_time": since}
        start, anew = "", False
        while True:
            try:
                page = self._read(wire.Envelope[wire.Wall], "newsfeed.search", **wanted, start_from=start or None)
            except RejectedError:
                # VK does not say how long it knows a start_from: read from the first page again, once.
                if anew or not start:
                    raise
                start, anew = "", True
                continue
            last = not page.items or page.next_from in ("", start)
            start = page.next_from
            items = [item for item in page.items if item.from_id != self._owner]
            newest = max([newest, *(item.date for item in items)])
            people = wire.authors(page.profiles, page.groups)
            yield Batch(wire.mentions(items, people), str(newest) if last else cursor)
            if last:
                return

    def reply(self, mention: Mention, text: str) -> Receipt:
        owner, post = wire.ids(mention.thread_id)
        answered = wire.ids(mention.remote_id)[1] if mention.remote_id != mention.thread_id else None
        answer = self._write(
            "wall.createComment",
            owner_id=owner,
            post_id=post,
            reply_to_comment=answered,
            from_group=self.settings.group,
            message=text,
            guid=hashlib.blake2b(f"{mention.remote_id} {text}".encode(), digest_size=16).hexdigest(),
            repeatable=False,
        )
        number = answer.decode(wire.Envelope[wire.Made]).response.comment_id
        if number <= 0:
            raise answer.misread("no comment_id")
        return Receipt(remote_id=f"{owner}_{number}", url=wire.remark_url(owner, post, number))

    def _read(self, shape: type[wire.Envelope[T]], method: str, **params: Any) -> T:
        answer = self.http.get(f"/method/{method}", params={**params, "v": self.settings.version})
        return answer.decode(shape).response

    def _write(self, method: str, *, repeatable: bool, **form: Any) -> Answer:
        form["v"] = self.settings.version
        return self.http.post(f"/method/{method}", form=form, repeatable=repeatable)

    def _receipt(self, remote_id: str) -> Receipt:
        return Receipt(remote_id=remote_id, url=f"{wire.SITE}wall{remote_id}")

    def _content(self, post: Post) -> dict[str, Any]:
        parts = [self._upload(media) for media in post.media]
        if post.link:
            # One external link at most; a comma would end it.
            parts.append(post.link.replace(",", "%2C"))
        return {"message": post.text or None, "attachments": ",".join(parts) or None}

    def _upload(self, media: Media) -> str:
        group = self.settings.group
        server = self._read(wire.Envelope[wire.UploadServer], "photos.getWallUploadServer", group_id=group)
        content = media.content or self.http.fetch(media.url).body
        file = (_NAMES.get(media.mime, "image.jpg"), content, media.mime or "image/jpeg")
        answer = self.http.post(server.upload_url, files={"photo": file}, foreign=True, repeatable=True)
        taken = answer.decode(wire.Upload)
        if taken.error or taken.photo in ("", "[]"):
            hint = "it must be a JPG, PNG or GIF of at most 50 MB, 14000 pixels in width and height together"
            raise RejectedError("VK did not take the image ({why})", why=taken.error or "no reason", hint=hint)
        saved = self._write(
            "photos.saveWallPhoto",
            group_id=group,
            server=taken.server,
            photo=taken.photo,
            hash=taken.hash,
            # VK has no alternative text; a photo's caption is the text that describes it, of 2048 characters.
            caption=media.alt[:2048] or None,
            repeatable=True,
        )
        photos = saved.decode(wire.Envelope[list[wire.Photo]]).response
        if not photos:
            raise saved.misread("no photo")
        return photos[0].attachment

    def _groups(self, numbers: list[int]) -> list[wire.Profile]:
        wanted = {"group_ids": ",".join(map(str, numbers)), "fields": GROUP_FIELDS}
        found = self._read(wire.Envelope[wire.Groups | list[wire.Profile]], "groups.getById", **wanted)
        return found.groups if isinstance(found, wire.Groups) else found

    def _authors(self, page: wire.Wall) -> Mapping[int, Author]:
        """Look up who wrote the items of a page that came without profiles, each author once."""
        self._people |= wire.authors(page.profiles, page.groups)
        unknown = {item.from_id for item in page.items} - self._people.keys()
        users = ",".join(str(number) for number in sorted(unknown) if number > 0)
        groups = [-number for number in sorted(unknown) if number < 0]
        shape = wire.Envelope[list[wire.Profile]]
        profiles = self._read(shape, "users.get", user_ids=users, fields=USER_FIELDS) if users else []
        self._people |= wire.authors(profiles, self._groups(groups) if groups else [])
        return self._people

    def _newest_first(
        self, method: str, size: int, since: int | None, **params: Any
    ) -> Iterator[tuple[wire.Wall, bool]]:
        """Yield the pages of a list down to `since` (None: one page), and whether each is the last."""
        offset = 0
        while True:
            page = self._read(wire.Envelope[wire.Wall], method, **params, count=size, offset=offset or None)
            # A pinned post stands first however old it is. getMentions, whose order is undocumented, is cut by
            # its start_time, so that nothing there is older.
            reached = since is None or any(item.date < since and not item.is_pinned for item in page.items)
            last = reached or not page.items or offset + size >= page.count
            yield page, last
            if last:
                return
            offset += size - OVERLAP

    def _level(self, owner: int, number: int, top: int | None = None) -> Iterator[wire.Comments]:
        """Yield the pages of the comments under a post, or under one comment (`top`), newest first.

        Each page starts at the last comment of the one before; should that one be gone, by its place.
        """
        params = {"owner_id": owner, "post_id": number, "comment_id": top, "count": 100, "sort": "desc"}
        params |= {"extended": 1, "fields": FIELDS, "thread_items_count": None if top else 10}
        met: set[int] = set()
        start = offset = None
        while True:
            where = {"start_comment_id": start, "offset": offset}
            page = self._read(wire.Envelope[wire.Comments], "wall.getComments", **params, **where)
            fresh = {item.id for item in page.items} - met
            met |= fresh
            yield page
            if len(met) >= page.on_this_level or (not fresh and offset is not None):
                return
            start, offset = (page.items[-1].id, None) if fresh else (None, max(len(met) - OVERLAP, 0))

    def _branches(
        self, owner: int, number: int, page: wire.Comments, known: Mapping[int, int], last: int
    ) -> list[Mention]:
        """Return what is in the long branches of a page, of those that are not as long as `known`, past `last`."""
        found = []
        for item in page.items:
            if item.is_long and item.thread.count != known.get(item.id):
                for inner in self._level(owner, number, top=item.id):
                    found += wire.remarks(inner, owner, number)
                    if any(comment.id <= last for comment in inner.items):
                        break
        return found


def _since(cursor: str | None) -> tuple[int | None, int]:
    """Return from when to read (epoch seconds; None: a first read) and the newest date met so far."""
    if cursor is None or not cursor.isdecimal():
        return None, 0
    return max(int(cursor) - LAG, 1), int(cursor)


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [VK]
