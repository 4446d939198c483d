"""How far the updates were read, and which message of the group stands for which post of the channel."""

from __future__ import annotations

import msgspec

from hub import Mention
from plugins.telegram import wire

# Posts of which comments are still told apart from the rest of the group; the oldest is forgotten first.
MOST_POSTS = 1000


class Bookmark(msgspec.Struct):
    """The cursor of `fetch_mentions`, as JSON.

    `first` and `next` bound the numbers of the updates that were read last: these are stored, and `next` as
    offset confirms them. `group` is where a group went that became a supergroup. `posts` maps each automatic
    forward of a post (its number in the group) to the post's remote id: a comment names the forward alone, and
    the Bot API shows no history to look it up in. `album` and `parts` are the newest album and its forwards.
    """

    first: int = 0
    next: int = 0
    group: int = 0
    posts: dict[int, str] = {}
    album: str = ""
    parts: dict[int, int] = {}

    @classmethod
    def read(cls, cursor: str | None) -> Bookmark:
        """Read a cursor; one that cannot be read is none."""
        try:
            return msgspec.json.decode(cursor or "{}", type=cls)
        except msgspec.DecodeError:
            return cls()

    def cursor(self) -> str:
        return msgspec.json.encode(self).decode()

    def has(self, page: list[wire.Update]) -> bool:
        """Tell whether the page begins with what was read last, so that `next` drops nothing else.

        After a quiet week numbers begin anew, perhaps lower: an offset of the old ones would drop the new.
        """
        return self.first <= min((update.update_id for update in page), default=self.next) < self.next

    def hear(self, page: list[wire.Update], group: int, channel: int | str) -> list[Mention]:
        """Return what was said in the group, and move behind the page."""
        if page:
            numbers = [update.update_id for update in page]
            self.first, self.next = min(numbers), max(numbers) + 1
        found = []
        # By their numbers: a comment comes after the forward that it stands under.
        for update in sorted(page, key=lambda update: update.update_id):
            message = update.message or update.edited_message
            if message is None or message.chat.id not in (group, self.group):
                continue
            if message.migrate_to_chat_id:
                self.group = message.migrate_to_chat_id
            elif message.is_automatic_forward:
                self._learn(message, channel)
            elif message.said:
                found.append(wire.mention(message, self._post_of(message, channel)))
        return found

    def _post_of(self, message: wire.Message, channel: int | str) -> str | None:
        answered = message.reply_to_message
        if answered is not None and answered.is_automatic_forward:
            self._learn(answered, channel)
        root = self.posts.get(message.message_thread_id)
        return root or (self.posts.get(answered.message_id) if answered else None)

    def _learn(self, forward: wire.Message, channel: int | str) -> None:
        """Remember which post a forward stands for; an album's is all of its messages."""
        origin = forward.forward_origin
        if origin is None or origin.chat is None or not wire.is_channel(origin.chat, channel):
            return
        if forward.message_id in self.posts:  # it comes again, or was edited
            return
        if not forward.media_group_id or forward.media_group_id != self.album:
            self.album, self.parts = forward.media_group_id, {}
        self.parts[forward.message_id] = origin.message_id
        post = wire.post_id(self.parts.values())
        self.posts |= dict.fromkeys(self.parts, post)
        for number in sorted(self.posts)[:-MOST_POSTS]:
            del self.posts[number]
