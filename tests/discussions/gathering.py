"""A store with an article on two sites, where tests let people speak without any network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from sqlalchemy.engine import Connection

from hub import Author, Mention
from hub.discussions import joining, tree
from hub.store import Store, migrate
from hub.store.discussions import ingesting, mentions, threads
from hub.store.outbox import copies as copy_map
from hub.store.outbox import posts
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ARTICLE = "https://blog.example/news/roast/"
SITES = {"club": "village", "page": "hamlet", "search": "harbour"}


class Gathering:
    """People on three sites; the article stands on the first two, as a copy of one post."""

    def __init__(self, url: str, *, migrated: bool = False) -> None:
        self.store = Store.open(url)
        if not migrated:
            migrate.upgrade(self.store)
        self.now = NOW
        self._ids = count(1)
        self.store.write(accounts.register, SITES, {name: ["listen"] for name in SITES}, NOW)

    def post(
        self, key: str = "roast", *, url: str = ARTICLE, link: str = "", copies: tuple[str, ...] = ("club", "page")
    ) -> int:
        """Let an article be out on some accounts; return its discussion."""

        def work(connection: Connection) -> int:
            new = NewPost(key=key, text=f"About {key}", publish_at=self.now, url=url, link=link)
            number, _ = posts.add(connection, new, self.now)
            discussion = threads.discussion_of_post(connection, number, self.now)
            for name in copies:
                copy_map.add(connection, name, f"{name}-{key}", number)
                address = f"https://{SITES[name]}.example/{name}-{key}"
                threads.add(connection, name, f"{name}-{key}", discussion, self.now, url=address, polled=True)
            return discussion

        return self.store.write(work)

    def say(
        self,
        account: str,
        text: str,
        *,
        thread: str = "",
        parent: str | None = None,
        who: tuple[str, str] = ("Анна Смирнова", "anna_s"),
        minutes: float = 0,
        links: tuple[str, ...] = (),
        id: str = "",
        edited: bool = False,
        emails: tuple[str, ...] = (),
        deleted: bool = False,
    ) -> str:
        """Let somebody say something on an account's site; return its remote id. Without a thread it is a root."""
        remote_id = id or f"{account}-{next(self._ids)}"
        root = thread or remote_id
        platform = SITES[account]
        item = Mention(
            remote_id=remote_id,
            thread_id=root,
            parent_id=parent,
            kind="mention" if root == remote_id else "comment",
            author=Author(remote_id=f"{platform}:{who[1] or who[0]}", name=who[0], handle=who[1], emails=emails),
            text=text,
            url=f"https://{platform}.example/{root}#{remote_id}"
            if thread
            else f"https://{platform}.example/{remote_id}",
            sent_at=self.now + timedelta(minutes=minutes),
            edited_at=self.now + timedelta(minutes=minutes + 1) if edited else None,
            links=links,
            deleted=deleted,
        )

        def work(connection: Connection) -> None:
            known = threads.ensure(connection, account, [root], self.now)
            ingesting.ingest(connection, account, platform, known, [item], self.now)

        self.store.write(work)
        return remote_id

    def delete(self, account: str, id: str, thread: str) -> None:
        """Let a network say that a remark is gone."""
        self.say(account, "", id=id, thread=thread, deleted=True)

    def merge(self, *names: str) -> None:
        for name in names or SITES:
            joining.merge(self.store, name, lambda: self.now)

    def where(self, account: str, remote_id: str) -> int:
        """Return the discussion that a remark is in."""
        return self.stored(account, remote_id).discussion

    def stored(self, account: str, remote_id: str) -> mentions.StoredMention:
        with self.store.read() as connection:
            found = mentions.newest(connection, 1000)
        return next(one for one in found if (one.account, one.remote_id) == (account, remote_id))

    def lines(self, discussion: int, order: tree.Order = "tree") -> list[tuple[int, str]]:
        """Return depth and text of each remark that is shown."""
        walked = tree.load(self.store, discussion, order).walk()
        return [(depth, node.mention.text) for depth, node in walked if node.mention is not None]

    def written(self) -> int:
        return sum(self.store.writes.values())
