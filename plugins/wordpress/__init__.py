"""WordPress over its REST API: the corporate blog, as a source and as a target."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import blake2s
from typing import Any, ClassVar

from hub import (
    AccountSettings,
    Adapter,
    Answer,
    Batch,
    Commenter,
    DuplicateError,
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
    Remark,
    RemotePost,
    Responder,
    Thread,
    ThreadReader,
    Timeline,
    UnknownOutcome,
    Vault,
    hookimpl,
    text_key,
)
from plugins.wordpress import comments, listing, markup, site, wire

# One of ours: WordPress has no limit, but each image is two calls.
_MOST_IMAGES = 20
_SUFFIX = {"image/png": "png", "image/gif": "gif", "image/webp": "webp"}
# Whatever has been public and is no more must be seen to be withdrawn elsewhere.
_STATUSES = "publish,future,draft,pending,private,trash"


class WordPress(Publisher, Editor, Timeline, Listener, ThreadReader, Responder, Commenter):
    """One site, WordPress 5.7 or newer, by an application password.

    A post's slug is made of its title and key, so that a lost one is found by it. What answers a post of ours
    (`Post.reply_to`, or a reply to a mention that is the post itself) is a comment under it. There is no search:
    `fetch_mentions` brings every comment of the site.

    A comment that is held for moderation is no mention until it is approved, else a digest would publish what the
    site does not. A user who may moderate sees held ones, so that the late approval is noticed at once; for
    another user a late one comes with the next whole read of its thread. `held = true` shows them at once.

    A comment of a digest bears its writer's name, which takes a user who may moderate. It has an e-mail of its
    own, made of its key, by which a lost one is found.
    """

    platform: ClassVar[str] = "wordpress"
    settle = "natural"
    settle_comments = "natural"

    Settings = site.Settings
    settings: site.Settings

    def __init__(self, account: str, settings: AccountSettings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        self._home, self._pretty = site.address(self.settings.api_url)
        self._site = self._home.partition("://")[2]
        password = self.settings.password.get_secret_value().replace(" ", "")
        self._basic = b64encode(f"{self.settings.user}:{password}".encode()).decode()
        http.add_secret(password)
        http.add_secret(self._basic)
        self._me: wire.User | None = None

    @classmethod
    def page(cls, settings: AccountSettings) -> str:
        """Name the site, whoever's posts are read: what one account put there another would read as new."""
        assert isinstance(settings, cls.Settings)
        return site.address(settings.api_url)[0].partition("://")[2]

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Basic {self._basic}"}

    def explain(self, answer: Answer) -> HubError | None:
        return wire.explain(answer, self.http.redact)

    def remote_id_of(self, url: str) -> str | None:
        return wire.id_in(url, self._site)

    def check(self) -> Identity:
        me = self._whoami(anew=True)
        self._categories()
        wanted = ["edit_posts", "upload_files"]
        wanted += {"publish": ["publish_posts"], "private": ["publish_posts"]}.get(self.settings.status, [])
        wanted += ["edit_others_posts"] if self.settings.author not in (None, me.id) else []
        return Identity(
            remote_id=f"{self._site}#user-{me.id}",
            name=markup.one_line(me.name),
            url=me.link,
            kind="application password",
            missing=[right for right in wanted if not me.may(right)],
        )

    def limits(self) -> Limits:
        return Limits(title="field", media_count=_MOST_IMAGES, media_bytes=self.settings.image_bytes)

    def publish(self, post: Post) -> Receipt:
        """Publish under the key's own slug, or as a comment if it answers a post of ours.

        Raises `DuplicateError` if an earlier attempt was stored meanwhile, which the slug tells; then the second
        copy is taken back.
        """
        if post.reply_to is not None:
            return self._comment(post.reply_to.remote_id, post.text)
        slug = markup.slug(post.key, post.title)
        there = self._slugged(slug=slug)
        if there:
            return _receipt(there[0])
        settings = self.settings
        body = self._content(post) | {
            "status": settings.status,
            "slug": slug,
            "categories": self._categories() or None,
            "author": settings.author,
            "comment_status": settings.comment_status,
        }
        made = self._write("/posts", body).decode(wire.Made)
        if made.slug.removeprefix(f"{slug}-").isdecimal():
            self._take_back(made.id)
            raise DuplicateError("the post {slug} is there already", slug=slug)
        return _receipt(made)

    def find(self, post: Post) -> Receipt | None:
        """Look for the slug; its title may have been changed since, so then for its end among the newest posts."""
        if post.reply_to is not None:
            return self._find_comment(post, post.reply_to.remote_id)
        found = self._slugged(slug=markup.slug(post.key, post.title))
        if not found:
            found = self._slugged(orderby="id", order="desc")
            known = [item for item in found if item.slug.endswith(markup.mark(post.key))]
            oldest = wire.utc(found[-1].date_gmt) if len(found) == listing.PER_PAGE else None
            if not known and post.since and oldest and oldest > post.since:
                raise UnknownOutcome("the {count} newest posts are all younger", count=len(found))
            found = known
        return _receipt(found[0]) if found else None

    def edit(self, remote_id: str, post: Post) -> Receipt:
        """Change text, title and images. Where `post` has no title or image, an editor's own stays."""
        path = wire.path_of(remote_id)
        body = {"content": markup.comment(post.text)} if path.startswith("/comments") else self._content(post)
        with suppress(GoneError):
            return _receipt(self._write(path, body, repeatable=True).decode(wire.Made), remote_id)
        return Receipt(remote_id=remote_id)

    def delete(self, remote_id: str) -> None:
        """Put a post, or a comment of ours, into the trash; with `trash = false` remove it for good."""
        force = None if self.settings.trash else "true"
        with suppress(GoneError):
            path = wire.path_of(remote_id)
            answer = self._request("DELETE", path, params={"force": force}, repeatable=True)
            gone = answer.decode(wire.Trashed)
            if not gone.deleted and gone.status != "trash":
                raise answer.misread("it is not in the trash")

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        """Yield what was published or changed, oldest first, and as deleted what is public no more.

        Raises nothing for what was removed for good: WordPress does not tell. A post that is put in with a date
        that is long past is not seen.
        """
        who = self.settings.author
        query = {"status": _STATUSES, "author": str(who) if who else None, "_embed": "wp:featuredmedia"}
        for items, mark in self._since("/posts", wire.Article, "modified", "future", cursor, **query):
            excerpt = self.settings.reads == "excerpt"
            yield Batch([wire.remote_post(item, excerpt=excerpt) for item in items], mark)

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield the comments of the whole site, oldest first."""
        status = "all" if self._whoami().may("moderate_comments") else None
        for items, mark in self._since("/comments", wire.Comment, "date", "hold", cursor, status=status):
            yield Batch(self._mentions(items), mark)

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield the comments under a post, oldest first; with a cursor those since then, less an hour.

        One call, and one more to see that the post is there if nobody has commented.
        """
        mark = listing.Mark.read(cursor) if cursor else listing.Mark()
        query = {"post": thread.remote_id, "status": "all" if self.settings.held else None}
        met = False
        for items, last in self._pages("/comments", wire.Comment, "date", mark, **query):
            met = met or bool(items)
            mark = mark.after(items, "date", lambda item: False)
            if last and not met and not cursor:
                self._must_stand(thread.remote_id)
            yield Batch(self._mentions(items), str(mark), complete=last and not cursor)

    def reply(self, mention: Mention, text: str) -> Receipt:
        """Answer a comment, or the post itself. Raises `DuplicateError` if we said just that there before."""
        if mention.remote_id == mention.thread_id:
            return self._comment(mention.thread_id, text)
        number = wire.number_in(mention.remote_id)
        # WordPress takes an answer to a comment that is not there.
        parent = self._get(f"/comments/{number}", context="edit" if self.settings.held else None)
        if parent.decode(wire.Comment).status not in ("approved", "hold"):
            raise GoneError("comment {number} is in the trash", number=number)
        return self._comment(mention.thread_id, text, number)

    def comment(self, thread_id: str, remark: Remark) -> Receipt:
        """Put it there approved, at its own time. What it answers may be gone by now: then it answers the post."""
        self._must_moderate()
        body = {"post": wire.number_in(thread_id), "parent": self._standing(remark.parent_id)}
        made = self._write("/comments", body | comments.new(remark)).decode(wire.Made)
        return _receipt(made, wire.comment_id(self._site, made.id))

    def edit_comment(self, remote_id: str, remark: Remark) -> None:
        self._write(f"/comments/{wire.number_in(remote_id)}", comments.said(remark), repeatable=True)

    def delete_comment(self, remote_id: str) -> None:
        """Remove it for good, whatever `trash` says: it is somebody's words. What answers it moves up."""
        with suppress(GoneError):
            path = f"/comments/{wire.number_in(remote_id)}"
            answer = self._request("DELETE", path, params={"force": "true"}, repeatable=True)
            if not answer.decode(wire.Trashed).deleted:
                raise answer.misread("it is not deleted")

    def find_comment(self, thread_id: str, remark: Remark) -> Receipt | None:
        """Look for its e-mail, which only who may moderate can."""
        self._must_moderate()
        query = {"post": thread_id, "author_email": comments.address(remark.key), "status": "all"}
        found = self._list("/comments", {**query, "context": "edit"}).decode(list[wire.Made])
        return _receipt(found[0], wire.comment_id(self._site, found[0].id)) if found else None

    def _must_moderate(self) -> None:
        if not self._whoami().may("moderate_comments"):
            raise RejectedError(
                "comments under other names take a user who may moderate",
                hint="give the user {user} the role of an editor",
                user=self.settings.user,
            )

    def _standing(self, comment_id: str | None) -> int | None:
        """Return the number of a comment if it is there: WordPress takes an answer to one that is not."""
        if comment_id is None:
            return None
        number = wire.number_in(comment_id)
        with suppress(GoneError):
            if self._get(f"/comments/{number}").decode(wire.Comment).status == "approved":
                return number
        return None

    def _comment(self, post_id: str, text: str, parent: int | None = None) -> Receipt:
        body = {"post": wire.number_in(post_id), "parent": parent, "content": markup.comment(text)}
        made = self._write("/comments", body).decode(wire.Made)
        return _receipt(made, wire.comment_id(self._site, made.id))

    def _find_comment(self, post: Post, post_id: str) -> Receipt | None:
        """Look for a comment of ours with the same words: WordPress takes no two under one post."""
        query = {"post": post_id, "author": str(self._whoami().id), "status": "all"}
        for items, _ in self._pages("/comments", wire.Comment, "date", listing.Mark(since=post.since), **query):
            for said in self._mentions(items, held=True):
                if said.remote_id not in post.taken and text_key(said.text) == text_key(post.text):
                    return Receipt(remote_id=said.remote_id, url=said.url)
        return None

    def _take_back(self, number: int) -> None:
        """Remove a second copy that was just made."""
        try:
            self._request("DELETE", f"/posts/{number}", params={"force": "true"}, repeatable=True)
        except HubError as error:
            why = "post {number} is there twice: {why}"
            raise UnknownOutcome(why, hint="delete it by hand", number=number, why=error) from error

    def _content(self, post: Post) -> dict[str, Any]:
        """Upload the images, the first as the featured one, and return what the post is to hold."""
        if len(post.media) > _MOST_IMAGES:
            raise RejectedError("a post takes {most} images at most", most=_MOST_IMAGES)
        pictures = [self._upload(image) for image in post.media]
        return {
            "title": post.title or None,
            "content": markup.blocks(post.text, post.link, pictures[1:], post.html),
            "excerpt": markup.excerpt(post.text) if self.settings.excerpt else None,
            "featured_media": pictures[0][0] if pictures else None,
        }

    def _upload(self, image: Media) -> tuple[int, Media]:
        """Return the image in the media library, under a slug of its content: it is put there once."""
        content = image.content or self.http.fetch(image.url).body
        name = f"hub-{blake2s(content + image.alt.encode(), digest_size=10).hexdigest()}"
        found = self._get("/media", slug=name).decode(list[wire.Upload])
        if not found:
            mime = image.mime or "image/jpeg"
            files = {"file": (f"{name}.{_SUFFIX.get(mime, 'jpg')}", content, mime)}
            form = {"slug": name, "title": image.alt or name, "alt_text": image.alt or None}
            # Until a post holds it nobody sees it.
            found = [self._request("POST", "/media", files=files, form=form, repeatable=True).decode(wire.Upload)]
        return found[0].id, Media(url=found[0].source_url, alt=image.alt)

    def _categories(self) -> list[int]:
        """Return the ids of the categories in the settings; raise `RejectedError` if the site has one not."""
        return [each if isinstance(each, int) else self._category(each) for each in self.settings.categories]

    def _category(self, name: str) -> int:
        wanted = name.casefold()
        for term in self._get("/categories", search=name, per_page=listing.PER_PAGE).decode(list[wire.Term]):
            if wanted in (markup.one_line(term.name).casefold(), term.slug):
                return term.id
        raise RejectedError("the site has no category {name}", name=name, hint="make it there, or mend hub.toml")

    def _slugged(self, **query: Any) -> list[wire.Made]:
        """Return posts by slug, in whatever state but the trash, the newest first."""
        fields = "id,link,status,slug,date_gmt"
        query |= {"status": "any", "context": "edit", "per_page": listing.PER_PAGE, "_fields": fields}
        return self._get("/posts", **query).decode(list[wire.Made])

    def _since(
        self, path: str, shape: Any, time: listing.Time, waits_in: str, cursor: str | None, **query: Any
    ) -> Iterator[tuple[list[Any], str]]:
        """Yield what is new since the cursor, and what has waited and is public now; with each the new cursor."""

        def waits(item: wire.Item) -> bool:
            return item.status == waits_in

        mark = listing.Mark.read(cursor) if cursor else listing.Mark()
        if cursor is None:
            items = listing.newest(lambda where: self._list(path, {**query, **where}), shape, time)
            yield items, str(mark.after(items, time, waits))
            return
        waiting = set(mark.waiting)
        for items, last in self._pages(path, shape, time, mark, **query):
            mark = mark.after(items, time, waits)
            waiting -= {item.id for item in items}
            if last and waiting:
                asked = {**query, "include": ",".join(map(str, sorted(waiting)))}
                found = self._list(path, asked).decode(list[shape])
                # Their times are past: only what still waits is kept in mind.
                still = {item.id for item in found if waits(item)}
                mark.waiting = [number for number in mark.waiting if number not in waiting or number in still]
                items = [*items, *found]
            yield items, str(mark)

    def _pages(self, path: str, shape: Any, time: listing.Time, mark: listing.Mark, **query: Any) -> Any:
        return listing.since(lambda where: self._list(path, {**query, **where}), shape, time, mark.since)

    def _list(self, path: str, query: Mapping[str, Any]) -> Answer:
        return self._get(path, per_page=listing.PER_PAGE, **query)

    def _mentions(self, items: list[wire.Comment], *, held: bool = False) -> list[Mention]:
        shown = ("approved", "hold") if held or self.settings.held else ("approved",)
        return [wire.mention(item, self._site) for item in items if item.status in shown]

    def _must_stand(self, post_id: str) -> None:
        """Raise `GoneError` if there is no such post or page, or if it is in the trash."""
        number = wire.number_in(post_id)
        try:
            answer = self._get(f"/posts/{number}", _fields="id,link,status")
        except GoneError:
            answer = self._get(f"/pages/{number}", _fields="id,link,status")
        if answer.decode(wire.Made).status == "trash":
            raise GoneError("post {number} is in the trash", number=number)

    def _whoami(self, *, anew: bool = False) -> wire.User:
        if self._me is None or anew:
            self._me = self._get("/users/me", context="edit").decode(wire.User)
        return self._me

    def _get(self, path: str, **query: Any) -> Answer:
        return self._request("GET", path, params=query)

    def _write(self, path: str, body: Mapping[str, Any], *, repeatable: bool = False) -> Answer:
        given = {name: value for name, value in body.items() if value is not None}
        return self._request("POST", path, json=given, repeatable=repeatable)

    def _request(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, **options: Any
    ) -> Answer:
        route = f"/wp/v2{path}"
        if self._pretty:
            return self.http.request(method, f"{self._home}/wp-json{route}", params=params, **options)
        asked = {"rest_route": route, **(params or {})}
        return self.http.request(method, f"{self._home}/", params=asked, **options)


def _receipt(made: wire.Made, remote_id: str = "") -> Receipt:
    return Receipt(remote_id=remote_id or str(made.id), url=made.link)


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [WordPress]
