"""Village, an imaginary network: a whole plugin with publish, edit, timeline, mentions and replies."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
from pydantic import SecretStr

import hub


class Person(msgspec.Struct):
    id: str
    name: str
    handle: str = ""
    emails: list[str] = []


class Made(msgspec.Struct):  # an answer of another shape leaves the outcome unknown
    id: int
    url: str = ""


class Shown(Made, kw_only=True):
    text: str
    at: float  # seconds since 1970
    answers: str | None = None


class Said(Shown, kw_only=True):
    post: str
    parent: str | None
    who: Person


class Village(hub.Publisher, hub.Editor, hub.Timeline, hub.Listener, hub.ThreadReader, hub.Responder):
    platform = "village"
    settle = "lookup"
    settle_after: ClassVar[timedelta] = timedelta(seconds=1)

    class Settings(hub.AccountSettings):
        api_url: str = "https://village.example/api"
        token: SecretStr

    settings: Settings

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    def check(self) -> hub.Identity:
        me = self.http.get("/me").decode(Person)
        return hub.Identity(remote_id=me.id, name=me.name)

    def limits(self) -> hub.Limits:
        return hub.Limits(unit="grapheme", maximum=500, link="text", media_count=4)

    def publish(self, post: hub.Post) -> hub.Receipt:
        # Uploading twice shows nowhere; posting twice does. So only the first call may be repeated.
        images = [self._upload(image) for image in post.media]
        body = {"text": post.text, "images": images, "answers": post.reply_to and post.reply_to.remote_id}
        made = self.http.post("/posts", json=body).decode(Made)
        return hub.Receipt(remote_id=str(made.id), url=made.url)

    def _upload(self, image: hub.Media) -> int:
        files = {"image": ("image", image.content, image.mime)}
        return self.http.post("/images", files=files, form={"alt": image.alt}, repeatable=True).decode(Made).id

    def find(self, post: hub.Post) -> hub.Receipt | None:
        return hub.find_in_timeline(self, post)

    def edit(self, remote_id: str, post: hub.Post) -> hub.Receipt:
        # Already gone is success, here and below.
        self.http.request("PUT", f"/posts/{remote_id}", json={"text": post.text}, repeatable=True, accept=(404,))
        return hub.Receipt(remote_id=remote_id)

    def delete(self, remote_id: str) -> None:
        self.http.request("DELETE", f"/posts/{remote_id}", repeatable=True, accept=(404,))

    def fetch_posts(self, cursor: str | None) -> Iterator[hub.Batch[hub.RemotePost]]:
        for page, last in self._pages("/posts", list[Shown], cursor):
            yield hub.Batch([to_post(item) for item in page], last)

    def fetch_mentions(self, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        for page, last in self._pages("/remarks", list[Said], cursor):
            yield hub.Batch([to_mention(item) for item in page], last)

    def fetch_replies(self, thread: hub.Thread, cursor: str | None) -> Iterator[hub.Batch[hub.Mention]]:
        page = self.http.get(f"/posts/{thread.remote_id}/remarks").decode(list[Said])
        yield hub.Batch([to_mention(item) for item in page], None, complete=True)

    def reply(self, mention: hub.Mention, text: str) -> hub.Receipt:
        body = {"post": mention.thread_id, "parent": mention.remote_id, "text": text}
        made = self.http.post("/remarks", json=body).decode(Made)
        return hub.Receipt(remote_id=str(made.id), url=made.url)

    def _pages(self, path: str, shape: Any, cursor: str | None) -> Iterator[tuple[list[Any], str]]:
        """Read the newest page, or on from the item that the cursor names: that one too, so none is skipped."""
        while True:
            page = self.http.get(path, params={"from": cursor, "limit": 100}).decode(shape)
            newest = str(max([int(cursor or 0), *(item.id for item in page)]))
            yield page, newest
            if cursor in (None, newest):
                return
            cursor = newest


def to_post(item: Shown) -> hub.RemotePost:
    at = datetime.fromtimestamp(item.at, UTC)
    return hub.RemotePost(remote_id=str(item.id), text=item.text, url=item.url, sent_at=at, reply_to=item.answers)


def to_mention(item: Said) -> hub.Mention:
    who = item.who
    return hub.Mention(
        remote_id=str(item.id),
        thread_id=item.post,
        parent_id=item.parent,
        author=hub.Author(remote_id=who.id, name=hub.clean_text(who.name), handle=who.handle, emails=who.emails),
        text=hub.clean_text(item.text),  # others write a NUL, half an emoji
        url=item.url,
        sent_at=datetime.fromtimestamp(item.at, UTC),
    )


@hub.hookimpl
def register_adapters() -> list[type[hub.Adapter]]:
    return [Village]
