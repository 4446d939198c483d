"""The village: an imaginary network, as a whole plugin with publish, edit, timeline, mentions and replies."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import SecretStr

from hub import (
    AccountSettings,
    Adapter,
    Author,
    Batch,
    Editor,
    Identity,
    Limits,
    Listener,
    Mention,
    Post,
    Publisher,
    Receipt,
    RemotePost,
    Responder,
    Thread,
    ThreadReader,
    Timeline,
    find_in_timeline,
    hookimpl,
)


class Village(Publisher, Editor, Timeline, Listener, ThreadReader, Responder):
    platform = "village"
    settle = "lookup"
    settle_after: ClassVar[timedelta] = timedelta(seconds=1)

    class Settings(AccountSettings):
        api_url: str = "https://village.example/api"
        token: SecretStr

    settings: Settings

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    def check(self) -> Identity:
        me = self.http.get("/me").json()
        return Identity(remote_id=str(me["id"]), name=me["name"])

    def limits(self) -> Limits:
        return Limits(unit="grapheme", maximum=500, link="text", media_count=4)

    def publish(self, post: Post) -> Receipt:
        # Uploading twice shows nowhere; posting twice does. So only the second call must not be repeated.
        images = [self._upload(image.content, image.mime, image.alt) for image in post.media]
        body = {"text": post.text, "images": images, "answers": post.reply_to and post.reply_to.remote_id}
        answer = self.http.post("/posts", json=body)
        made = answer.json()
        if "id" not in made:
            raise answer.misread("no id")
        return Receipt(remote_id=str(made["id"]), url=made["url"])

    def _upload(self, content: bytes, mime: str, alt: str) -> int:
        files = {"image": ("image", content, mime)}
        return int(self.http.post("/images", files=files, form={"alt": alt}, repeatable=True).json()["id"])

    def find(self, post: Post) -> Receipt | None:
        return find_in_timeline(self, post)

    def edit(self, remote_id: str, post: Post) -> Receipt:
        made = self.http.request("PUT", f"/posts/{remote_id}", json={"text": post.text}, repeatable=True).json()
        return Receipt(remote_id=remote_id, url=made["url"])

    def delete(self, remote_id: str) -> None:
        self.http.request("DELETE", f"/posts/{remote_id}", repeatable=True, accept=(404,))

    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        for page, last in self._pages("/posts", cursor):
            yield Batch([to_post(item) for item in page], last)

    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        for page, last in self._pages("/remarks", cursor):
            yield Batch([to_mention(item) for item in page], last)

    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        page = self.http.get(f"/posts/{thread.remote_id}/remarks").json()
        yield Batch([to_mention(item) for item in page], None, complete=True)

    def reply(self, mention: Mention, text: str) -> Receipt:
        body = {"post": mention.thread_id, "parent": mention.remote_id, "text": text}
        made = self.http.post("/remarks", json=body).json()
        return Receipt(remote_id=str(made["id"]), url=made["url"])

    def _pages(self, path: str, cursor: str | None) -> Iterator[tuple[list[dict[str, Any]], str]]:
        """Read from the item that the cursor names, that item included, so that nothing is skipped."""
        last = cursor or "0"
        while True:
            page = self.http.get(path, params={"from": last, "limit": 100}).json()
            fresh = str(page[-1]["id"]) if page else last
            yield page, fresh
            if len(page) < 100:
                return
            last = fresh


def to_post(item: Mapping[str, Any]) -> RemotePost:
    return RemotePost(
        remote_id=str(item["id"]),
        text=item["text"],
        url=item["url"],
        sent_at=at(item["at"]),
        reply_to=item["answers"],
    )


def to_mention(item: Mapping[str, Any]) -> Mention:
    who = item["who"]
    return Mention(
        remote_id=str(item["id"]),
        thread_id=str(item["post"]),
        parent_id=item["parent"],
        author=Author(remote_id=str(who["id"]), name=who["name"], handle=who["handle"], emails=who["emails"]),
        text=item["text"],
        url=item["url"],
        sent_at=at(item["at"]),
    )


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@hookimpl
def register_adapters() -> list[type[Adapter]]:
    return [Village]
