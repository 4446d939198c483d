"""Telegram's plugin against two emulators of the Bot API that others wrote; none of the two is the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from real.command import Command
from real.proxy import FaultProxy
from real.report import Note
from real.site import Site
from real.story import Story, word
from real.telegram import CHANNEL, GROUP, TOKEN, LoBotApi, TelegramSite, TelegramTestApi

from hub import Media, Mention, Post, RejectedError, UnknownOutcome
from hub.testing import open_adapter
from plugins.telegram import Telegram

PNG = Media(content=b"\x89PNG picture", mime="image/png")


class TestTelegram(Story):
    """The story on telegram-test-api, which holds what a bot sends."""

    runs = TelegramTestApi
    plays = TelegramSite

    def test_a_text_of_many_messages_is_a_thread(self, site: Site, hub: Command, note: Note) -> None:
        one = word()
        text = " ".join([one, *(f"sentence number {number} of a very long story." for number in range(220))])
        ids = hub.published(hub.post(text, "ours"))
        parts = [shown for shown in site.posts() if shown.id in ids]
        assert len(parts) == 3
        assert [part.answers for part in parts] == [None, *ids[:-1]]
        said = " ".join(part.text for part in parts)
        assert all(f"sentence number {number} of" in said for number in range(220))
        note.posts += len(parts)

    def test_a_lost_answer_is_settled_by_the_posts_own_link(
        self, site: Site, proxy: FaultProxy, tmp_path: Path, note: Note
    ) -> None:
        """A person copies the link in Telegram; nothing is sent a second time meanwhile."""
        hub = Command(tmp_path / "hub")
        hub.add("ours", site.adapter, site.account(proxy.url))
        hub("check")
        hub.tick()
        proxy.calm()
        proxy.strike("lost", *site.publishes)
        one = word()
        number = hub.post(f"{one} may be there", "ours")
        hub.until(lambda: hub.states(number) == {"asked"}, "a person is asked")
        for _ in range(3):
            hub.tick()
        (there,) = [shown for shown in site.posts() if one in shown.text]
        (delivery,) = hub.deliveries(number)
        hub("settle", str(delivery["id"]), "--sent", f"https://t.me/c/1987654321/{there.id}")
        (delivery,) = hub.deliveries(number)
        assert (delivery["state"], delivery["remote_id"]) == ("published", there.id)
        site.comment("ann", there.id, "Found it")
        hub.until(lambda: hub.tree(one), "the comment joins the settled post")
        note.posts += 1
        note.comments += 1
        note.faults += 1

    def test_no_token_is_in_what_the_hub_says_or_keeps(
        self, site: Site, proxy: FaultProxy, tmp_path: Path, note: Note
    ) -> None:
        hub = Command(tmp_path / "hub")
        hub.add("ours", site.adapter, site.account(proxy.url))
        hub("check")
        proxy.calm()
        for kind in ("lost", "bad_gateway"):
            proxy.strike(kind, *site.publishes)
            number = hub.post(f"{word()} {kind}", "ours")
            hub.until(lambda number=number: hub.states(number) == {"asked"}, "a person is asked")
            assert TOKEN not in str([hub.last, hub("posts"), hub("trace", str(number))])
        stored = [path for path in hub.folder.rglob("*") if path.is_file() and "secrets" not in path.parts]
        assert any(path.name == "hub.db" for path in stored)
        assert not [path for path in stored if TOKEN.encode() in path.read_bytes()]
        note.posts += 2
        note.faults += 2


class TestTelegramRequests:
    """What telegram-test-api has not: lo-bot-api-emulator refuses what is not as agreed, and keeps a queue."""

    runs = LoBotApi

    @pytest.fixture
    def telegram(self, server: LoBotApi, request: pytest.FixtureRequest) -> Iterator[Telegram]:
        """The account, with a token and so with a queue of its own."""
        adapter = open_adapter(Telegram, self._settings(server, request.node.name), paced=False)
        yield adapter
        adapter.http.close()

    @pytest.fixture
    def tell(self, server: LoBotApi, telegram: Telegram) -> Callable[[dict[str, Any]], int]:
        token = telegram.settings.token.get_secret_value()
        return lambda message: server.tell(message, token)

    @staticmethod
    def _settings(server: LoBotApi, name: str) -> dict[str, Any]:
        token = f"{TOKEN}{abs(hash(name))}"
        return {"api_url": server.url, "token": token, "channel": CHANNEL, "group": GROUP}

    @pytest.mark.parametrize("media", [(), (PNG,), (PNG, PNG, PNG)], ids=["text", "photo", "album"])
    def test_each_kind_of_post_is_taken(self, telegram: Telegram, note: Note, media: tuple[Media, ...]) -> None:
        receipt = telegram.publish(Post(text="Привет & <b>👨‍👩‍👧‍👧</b>", media=media))
        # The emulator gives all messages of an album one number.
        assert telegram.remote_id_of(receipt.url) == receipt.remote_id
        note.posts += 1

    def test_a_post_that_answers_is_taken(self, telegram: Telegram, note: Note) -> None:
        first = telegram.publish(Post(text="First"))
        second = telegram.publish(Post(text="Second", reply_to=first))
        third = telegram.publish(Post(text="Third", media=(PNG,), reply_to=second))
        assert int(first.remote_id) < int(second.remote_id) < int(third.remote_id)
        note.posts += 3

    def test_the_card_and_the_sound_can_be_left_out(self, server: LoBotApi, note: Note) -> None:
        settings = self._settings(server, "quiet") | {"disable_notification": True}
        adapter = open_adapter(Telegram, settings, paced=False)
        assert adapter.publish(Post(text="Hush")).remote_id
        adapter.http.close()
        note.posts += 1

    @pytest.mark.parametrize(("unit", "count"), [("a", 1), ("ж", 1), ("🔥", 2), ("👨‍👩‍👧‍👧", 11)])
    def test_the_longest_text_is_the_emulators_too(
        self, telegram: Telegram, note: Note, unit: str, count: int
    ) -> None:
        for media, most in (((), telegram.limits().maximum), ((PNG,), telegram.limits().maximum_with_media)):
            assert most
            text = unit * (most // count)
            text += "a" * (most - len(text.encode("utf-16-le")) // 2)
            assert telegram.publish(Post(text=text, media=media)).remote_id
            with pytest.raises(RejectedError):
                telegram.publish(Post(text=text + "a", media=media))
        note.posts += 2

    def test_eleven_images_are_refused(self, telegram: Telegram) -> None:
        assert telegram.publish(Post(media=(PNG,) * 10)).remote_id
        with pytest.raises(RejectedError, match="2 to 10 items"):
            telegram.publish(Post(media=(PNG,) * 11))

    def test_edits_deletions_and_answers_are_taken(self, telegram: Telegram, note: Note) -> None:
        post = telegram.publish(Post(text="Before"))
        assert telegram.edit(post.remote_id, Post(text="After")).remote_id == post.remote_id
        telegram.delete(post.remote_id)
        answer = telegram.reply(Mention(remote_id=f"{GROUP}/5", thread_id="1"), "Thank you")
        assert answer.remote_id.startswith(f"{GROUP}/")
        note.posts += 1

    def test_updates_are_confirmed_when_they_are_stored_and_not_before(
        self, telegram: Telegram, tell: Callable[[dict[str, Any]], int], note: Note
    ) -> None:
        for number in (1, 2, 3):
            tell(_message(number, f"Number {number}"))
        (lost,) = telegram.fetch_mentions(None)  # the hub dies before it has stored this
        (first,) = telegram.fetch_mentions(None)
        assert [one.text for one in lost.items] == [one.text for one in first.items] == NUMBERS
        tell(_message(4, "Number 4"))
        (second,) = telegram.fetch_mentions(first.cursor)
        (third,) = telegram.fetch_mentions(second.cursor)
        assert [one.text for one in second.items] == ["Number 4"]
        assert (list(third.items), third.cursor) == ([], second.cursor)
        note.comments += 4

    def test_more_updates_than_a_page_all_come(
        self, telegram: Telegram, tell: Callable[[dict[str, Any]], int], note: Note
    ) -> None:
        for number in range(250):
            tell(_message(number + 1, f"Number {number}"))
        cursor, found = None, set()
        for _ in range(4):
            (batch,) = telegram.fetch_mentions(cursor)
            cursor = batch.cursor
            found |= {one.text for one in batch.items}
        assert found == {f"Number {number}" for number in range(250)}
        note.comments += 250

    def test_a_page_of_updates_that_was_lost_comes_again(
        self, server: LoBotApi, telegram: Telegram, tell: Callable[[dict[str, Any]], int], note: Note
    ) -> None:
        """Once where the queue is looked at, once where what is stored is confirmed."""
        tell(_message(1, "Number 1"))
        (batch,) = telegram.fetch_mentions(None)
        for number in (2, 3):
            tell(_message(number, f"Number {number}"))
        found = []
        with FaultProxy(server.url) as proxy:
            settings = {**telegram.settings.model_dump(), "api_url": proxy.url}
            behind = open_adapter(Telegram, settings, paced=False)
            for path in (r"/getUpdates\?limit", r"/getUpdates\?offset"):
                proxy.strike("lost", "GET", path)
            for _ in range(2):
                (batch,) = behind.fetch_mentions(batch.cursor)
                found += [one.text for one in batch.items]
            assert [one["server_said"] for one in proxy.struck()] == [200, 200]
            behind.http.close()
        assert found == NUMBERS[1:]
        note.comments += 3
        note.faults += 2

    @pytest.mark.parametrize("media", [(), (PNG,), (PNG, PNG)], ids=["text", "photo", "album"])
    def test_a_post_whose_answer_was_lost_was_sent_once(
        self, server: LoBotApi, note: Note, media: tuple[Media, ...]
    ) -> None:
        """The emulator shows no messages, but it numbers them: the next one tells how many there are."""
        with FaultProxy(server.url) as proxy:
            adapter = open_adapter(Telegram, self._settings(server, "lost") | {"api_url": proxy.url}, paced=False)
            before = adapter.publish(Post(text="Before"))
            proxy.strike("lost", "POST", "/send")
            with pytest.raises(UnknownOutcome):
                adapter.publish(Post(text="Once", media=media))
            after = adapter.publish(Post(text="After"))
            assert len(proxy.struck()) == 1
            adapter.http.close()
        assert int(after.remote_id) - int(before.remote_id) - 1 == max(len(media), 1)
        note.posts += 3
        note.faults += 1

    def test_a_webhook_in_the_way_is_told(self, server: LoBotApi, telegram: Telegram) -> None:
        token = telegram.settings.token.get_secret_value()
        server.call("setWebhook", token, url="https://example.org/hook")
        with pytest.raises(RejectedError) as caught:
            list(telegram.fetch_mentions(None))
        assert "deleteWebhook" in caught.value.hint
        server.call("deleteWebhook", token)
        assert list(telegram.fetch_mentions(None))


NUMBERS = ["Number 1", "Number 2", "Number 3"]


def _message(number: int, text: str) -> dict[str, Any]:
    chat = {"id": GROUP, "type": "supergroup", "title": "Talk"}
    user = {"id": 5, "is_bot": False, "first_name": "Ann"}
    return {"message_id": number, "date": 1_700_000_000, "chat": chat, "from": user, "text": text}
