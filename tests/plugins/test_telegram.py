"""The Telegram plugin against its double: each role, each trap of the network."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pydantic
import pytest

from hub import (
    AuthError,
    Batch,
    HubError,
    Media,
    Mention,
    Post,
    RejectedError,
    TransientError,
    UnknownOutcome,
)
from hub.testing import Reply, Request, faults, open_adapter
from plugins.telegram import Telegram
from plugins.telegram.sandbox import BOT, CHANNEL, GROUP, TOKEN, TelegramDouble
from plugins.telegram.sandbox_form import failed

PNG = Media(content=b"\x89PNG picture", mime="image/png", alt="A red barn")
JPEG = Media(content=b"\xff\xd8 jpeg", mime="image/jpeg")
GIF = Media(content=b"GIF89a moving", mime="image/gif")


class Quick(Telegram):
    """Telegram without its pace of one call a second."""

    calls_per_second = None


@pytest.fixture
def double() -> Iterator[TelegramDouble]:
    with TelegramDouble() as running:
        yield running


@pytest.fixture
def opened(double: TelegramDouble) -> Iterator[Callable[..., Telegram]]:
    """Return a way to open the account with changed settings, closed at the end."""
    adapters: list[Telegram] = []

    def open_one(deadline: float = 5.0, **changed: object) -> Telegram:
        adapters.append(open_adapter(Quick, {**double.account(), **changed}, deadline=deadline))
        return adapters[-1]

    yield open_one
    for adapter in adapters:
        adapter.http.close()


@pytest.fixture
def telegram(opened: Callable[..., Telegram]) -> Telegram:
    return opened()


def of(method: str) -> Callable[[Request], bool]:
    return lambda request: request.path.endswith(f"/{method}")


def calls(double: TelegramDouble, method: str = "") -> list[Request]:
    return [call for call in double.calls if not method or call.path.endswith(f"/{method}")]


def heard(telegram: Telegram, cursor: str | None = None) -> tuple[list[Mention], str]:
    """Read once; return what came, and the cursor that the hub would store."""
    (batch,) = list[Batch[Mention]](telegram.fetch_mentions(cursor))
    assert batch.cursor is not None
    return list(batch.items), batch.cursor


# check


def test_check_names_the_channel_and_all_is_well(telegram: Telegram) -> None:
    identity = telegram.check()
    assert (identity.remote_id, identity.name, identity.kind) == (str(CHANNEL), "Our company", "bot")
    assert identity.url == "https://t.me/company_news"
    assert not identity.missing


def test_check_tells_that_the_bot_may_not_post(double: TelegramDouble, telegram: Telegram) -> None:
    double.can_post = False
    assert telegram.check().missing == ("post in the channel",)


@pytest.mark.parametrize(
    ("reads_all", "standing", "missing"),
    [
        (True, "member", ""),
        (False, "administrator", ""),
        (False, "member", "read the group (privacy mode off, or administrator there)"),
        (True, "left", f"be a member of the group {GROUP}"),
        (True, "kicked", f"be a member of the group {GROUP}"),
    ],
)
def test_check_tells_that_the_bot_hears_nothing_in_the_group(
    double: TelegramDouble, telegram: Telegram, reads_all: bool, standing: str, missing: str
) -> None:
    double.reads_all, double.in_group = reads_all, standing
    assert telegram.check().missing == ((missing,) if missing else ())


def test_check_tells_where_the_group_went(double: TelegramDouble, telegram: Telegram) -> None:
    double.migrated = -1_005_555_555_555
    assert telegram.check().missing == (f"group = {double.migrated} in hub.toml: the group became a supergroup",)


@pytest.mark.parametrize(
    "refusal",
    [
        failed(400, "Bad Request: chat not found"),
        failed(403, "Forbidden: bot is not a member of the supergroup chat"),
    ],
    ids=["not found", "no member"],
)
def test_check_tells_that_the_bot_does_not_know_the_group(
    double: TelegramDouble, telegram: Telegram, refusal: Reply
) -> None:
    double.inject(faults.answered(refusal), lambda call: call.query.get("chat_id") == str(GROUP))
    assert telegram.check().missing == (f"be a member of the group {GROUP}",)


def test_check_tells_that_the_group_is_not_the_channels(double: TelegramDouble, telegram: Telegram) -> None:
    double.linked = 0
    assert telegram.check().missing == (f"the discussion group {GROUP} linked to the channel",)


def test_a_channel_that_does_not_exist_is_told_with_its_mend(opened: Callable[..., Telegram]) -> None:
    with pytest.raises(RejectedError, match="chat not found") as caught:
        opened(channel="@nowhere").check()
    assert "@name" in caught.value.hint


@pytest.mark.parametrize("token", ["7123456789:AAH-another-token-of-no-bot-at-all", "no-token-at-all"])
def test_a_wrong_token_is_an_auth_error(opened: Callable[..., Telegram], token: str) -> None:
    with pytest.raises(AuthError):
        opened(token=token).check()


@pytest.mark.parametrize(
    ("channel", "meant"),
    [
        ("@company_news", "@company_news"),
        ("company_news", "@company_news"),
        ("https://t.me/company_news", "@company_news"),
        ("-1001987654321", CHANNEL),
        (CHANNEL, CHANNEL),
    ],
)
def test_the_channel_may_be_written_in_several_ways(
    double: TelegramDouble, channel: int | str, meant: int | str
) -> None:
    settings = Telegram.Settings.model_validate({**double.account(), "channel": channel})
    assert settings.channel == meant


@pytest.mark.parametrize("channel", ["", "@", "two words", "@naïve", "https://example.org/x"])
def test_what_is_no_channel_is_refused_at_the_start(double: TelegramDouble, channel: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="write @name"):
        Telegram.Settings.model_validate({**double.account(), "channel": channel})


def test_the_settings_alone_tell_the_page(double: TelegramDouble) -> None:
    pages = {
        Telegram.page(Telegram.Settings.model_validate({**double.account(), "channel": channel}))
        for channel in ("@Company_News", "https://t.me/company_news")
    }
    assert pages == {"t.me @company_news"}


def test_the_pace_is_that_of_one_chat() -> None:
    assert Telegram.calls_per_second == 1


# publish


def test_a_text_goes_out_as_it_is(double: TelegramDouble, telegram: Telegram) -> None:
    text = "*a* _b_ [c](d) <b>&amp; /start $USD https://example.org 👨‍👩‍👧‍👧"
    receipt = telegram.publish(Post(text=text, key="k"))
    assert [(held.id, held.text) for held in double.held()] == [(receipt.remote_id, text)]
    assert receipt.url == f"https://t.me/company_news/{receipt.remote_id}"
    (call,) = double.calls
    assert call.json() == {"chat_id": "@company_news", "text": text}


def test_a_private_channel_has_private_links(double: TelegramDouble, opened: Callable[..., Telegram]) -> None:
    double.channel_name = ""
    telegram = opened(channel=CHANNEL)
    receipt = telegram.publish(Post(text="Hello"))
    assert receipt.url == f"https://t.me/c/1987654321/{receipt.remote_id}"
    assert telegram.remote_id_of(receipt.url) == receipt.remote_id


def test_an_image_alone_is_a_photo(double: TelegramDouble, telegram: Telegram) -> None:
    telegram.publish(Post(text="Look", media=(PNG,)))
    (call,) = double.calls
    assert call.path.endswith("/sendPhoto")
    assert call.files() == {"photo": ("image/png", PNG.content)}
    assert call.form() == {"chat_id": "@company_news", "caption": "Look"}


def test_a_post_may_be_an_image_without_a_text(double: TelegramDouble, telegram: Telegram) -> None:
    telegram.publish(Post(media=(PNG,)))
    assert "caption" not in double.calls[0].form()


def test_a_gif_alone_moves(double: TelegramDouble, telegram: Telegram) -> None:
    telegram.publish(Post(media=(GIF,)))
    assert double.calls[0].path.endswith("/sendAnimation")


def test_a_gif_is_not_frozen_in_an_album(double: TelegramDouble, telegram: Telegram) -> None:
    with pytest.raises(RejectedError, match="GIF"):
        telegram.publish(Post(media=(PNG, GIF)))
    assert not double.calls


def test_several_images_are_one_album_with_the_text_on_the_first(
    double: TelegramDouble, telegram: Telegram
) -> None:
    receipt = telegram.publish(Post(text="Three", media=(PNG, JPEG, PNG)))
    numbers = receipt.remote_id.split(",")
    assert [sent.text for sent in double.sent.values()] == ["Three", "", ""]
    assert numbers == [str(number) for number in double.sent]
    assert receipt.url == f"https://t.me/company_news/{numbers[0]}"
    assert len(double.calls) == 1


@pytest.mark.parametrize("settings", [{}, {"disable_notification": True, "protect_content": True}])
@pytest.mark.parametrize("media", [(), (PNG,), (PNG, PNG)])
def test_the_account_says_how_loud_a_post_is(
    double: TelegramDouble, opened: Callable[..., Telegram], settings: dict[str, bool], media: tuple[Media, ...]
) -> None:
    opened(**settings).publish(Post(text="Hush", media=media))
    (call,) = double.calls
    given = call.form() if media else {name: str(value).lower() for name, value in call.json().items()}
    wanted = dict.fromkeys(settings, "true")
    assert {name: given[name] for name in ("disable_notification", "protect_content") if name in given} == wanted


def test_the_card_of_a_link_can_be_left_out(double: TelegramDouble, opened: Callable[..., Telegram]) -> None:
    opened(link_preview=False).publish(Post(text="https://example.org"))
    assert double.calls[0].json()["link_preview_options"] == {"is_disabled": True}


def test_a_part_of_a_thread_answers_the_part_before_even_an_album(
    double: TelegramDouble, telegram: Telegram
) -> None:
    album = telegram.publish(Post(text="First", media=(PNG, PNG)))
    second = telegram.publish(Post(text="Second", reply_to=album))
    third = telegram.publish(Post(text="Third", media=(PNG,), reply_to=second))
    assert [held.reply_to for held in double.held()] == [None, album.remote_id, second.remote_id]
    assert third.remote_id in double.posts


def test_a_message_that_telegram_keeps_for_later_is_no_receipt(double: TelegramDouble, telegram: Telegram) -> None:
    # "this field will be 0 and the relevant message will be unusable until it is actually sent"
    body = {"message_id": 0, "date": 1, "chat": {"id": CHANNEL, "type": "channel"}}
    double.inject(faults.answered(Reply({"ok": True, "result": body})), of("sendMessage"))
    with pytest.raises(UnknownOutcome):
        telegram.publish(Post(text="Later"))


def test_an_album_that_came_back_smaller_is_in_doubt(double: TelegramDouble, telegram: Telegram) -> None:
    body = {"message_id": 5, "date": 1, "chat": {"id": CHANNEL, "type": "channel"}}
    double.inject(faults.answered(Reply({"ok": True, "result": [body]})), of("sendMediaGroup"))
    with pytest.raises(UnknownOutcome):
        telegram.publish(Post(media=(PNG, PNG)))


def test_a_bot_without_rights_pauses_the_account(double: TelegramDouble, telegram: Telegram) -> None:
    double.in_channel = "kicked"
    with pytest.raises(AuthError, match="kicked"):
        telegram.publish(Post(text="Hello"))


def test_a_flood_waits_as_long_as_telegram_says(double: TelegramDouble, telegram: Telegram) -> None:
    flood = failed(429, "Too Many Requests: retry after 41", {"retry_after": 41})
    double.inject(faults.answered(flood), of("sendMessage"))
    with pytest.raises(TransientError) as caught:
        telegram.publish(Post(text="Hello"))
    assert caught.value.retry_after == 41
    assert not double.held()


@pytest.mark.parametrize(("said", "wait"), [(10**12, 24 * 3600.0), (-5, 0.0)])
def test_a_flood_of_nonsense_is_bounded(
    double: TelegramDouble, opened: Callable[..., Telegram], said: int, wait: float
) -> None:
    double.inject(faults.answered(failed(429, "Too Many Requests", {"retry_after": said})), times=50)
    with pytest.raises(TransientError) as caught:
        opened().publish(Post(text="Hello"))
    assert caught.value.retry_after == wait


# edit and delete


def test_an_album_is_edited_image_by_image(double: TelegramDouble, telegram: Telegram) -> None:
    album = telegram.publish(Post(text="Before", media=(PNG, PNG)))
    telegram.edit(album.remote_id, Post(text="After", media=(PNG, JPEG)))
    assert [(sent.text, sent.file) for sent in double.sent.values()] == [
        ("After", PNG.content),
        ("", JPEG.content),
    ]
    assert double.held()[0].text == "After"


def test_an_edit_that_broke_off_may_be_repeated(double: TelegramDouble, opened: Callable[..., Telegram]) -> None:
    telegram = opened(deadline=2.0)
    album = telegram.publish(Post(text="Before", media=(PNG, PNG)))
    after = Post(text="After", media=(JPEG, JPEG))
    double.inject_sequence([None, *[faults.DROPPED] * 20], of("editMessageMedia"))
    with pytest.raises(TransientError):
        telegram.edit(album.remote_id, after)
    double.calm()
    telegram.edit(album.remote_id, after)
    assert [sent.file for sent in double.sent.values()] == [JPEG.content] * 2


def test_an_album_keeps_its_number_of_images(double: TelegramDouble, telegram: Telegram) -> None:
    album = telegram.publish(Post(text="Before", media=(PNG, PNG)))
    double.calls.clear()
    for media in ((), (PNG,), (PNG, PNG, PNG)):
        with pytest.raises(RejectedError) as caught:
            telegram.edit(album.remote_id, Post(text="After", media=media))
        assert "anew" in caught.value.hint
    assert not double.calls


def test_a_text_may_become_a_photo_and_not_the_other_way(double: TelegramDouble, telegram: Telegram) -> None:
    post = telegram.publish(Post(text="Before"))
    telegram.edit(post.remote_id, Post(text="After", media=(PNG,)))
    assert double.held()[0].alts == [""]
    with pytest.raises(RejectedError) as caught:
        telegram.edit(post.remote_id, Post(text="Bare"))
    assert "image" in caught.value.hint


def test_what_is_not_modified_is_edited(double: TelegramDouble, telegram: Telegram) -> None:
    post = telegram.publish(Post(text="The same"))
    assert telegram.edit(post.remote_id, Post(text="The same")) == post


def test_an_album_is_deleted_as_a_whole_and_the_neighbours_stay(
    double: TelegramDouble, telegram: Telegram
) -> None:
    before = telegram.publish(Post(text="Before"))
    album = telegram.publish(Post(media=(PNG, PNG, PNG)))
    after = telegram.publish(Post(text="After"))
    telegram.delete(album.remote_id)
    assert list(double.posts) == [before.remote_id, after.remote_id]
    telegram.delete(album.remote_id)
    assert list(double.sent) == [int(before.remote_id), int(after.remote_id)]


def test_an_album_of_which_a_part_is_gone_is_deleted(double: TelegramDouble, telegram: Telegram) -> None:
    album = telegram.publish(Post(media=(PNG, PNG)))
    telegram.delete(album.remote_id.split(",")[0])
    telegram.delete(album.remote_id)
    assert not double.sent


def test_what_is_older_than_two_days_is_refused_with_its_mend(double: TelegramDouble, telegram: Telegram) -> None:
    post = telegram.publish(Post(text="Old"))
    double.sent[int(post.remote_id)].sent_at -= timedelta(hours=49)
    with pytest.raises(RejectedError, match="can't be deleted") as caught:
        telegram.delete(post.remote_id)
    assert "48 hours" in caught.value.hint
    assert double.held()


# listen


def test_a_comment_stands_under_the_channels_post(double: TelegramDouble, telegram: Telegram) -> None:
    post = telegram.publish(Post(text="Hello"))
    anna = double.add_person("Anna Kim", "anna")
    top = double.say(anna, post.remote_id, "First")
    below = double.say(anna, post.remote_id, "Below", top)
    deep = double.say(anna, post.remote_id, "Deep", below)
    mentions, _ = heard(telegram)
    assert [(one.remote_id, one.thread_id, one.parent_id, one.kind) for one in mentions] == [
        (top, post.remote_id, None, "comment"),
        (below, post.remote_id, top, "reply"),
        (deep, post.remote_id, below, "reply"),
    ]


def test_a_comment_on_an_album_stands_under_it(double: TelegramDouble, telegram: Telegram) -> None:
    album = telegram.publish(Post(text="Three", media=(PNG, PNG, PNG)))
    double.say(double.add_person("Anna Kim", "anna"), album.remote_id, "Nice")
    (mention,), _ = heard(telegram)
    assert mention.thread_id == album.remote_id


def test_a_reply_after_a_restart_stands_under_its_post(
    double: TelegramDouble, opened: Callable[..., Telegram]
) -> None:
    post = opened().publish(Post(text="Hello"))
    anna = double.add_person("Anna Kim", "anna")
    top = double.say(anna, post.remote_id, "First")
    _, cursor = heard(opened())
    double.say(anna, post.remote_id, "Below", top)
    # What Telegram tells of an answer to a comment does not name the post.
    (mention,), _ = heard(opened(), cursor)
    assert (mention.text, mention.thread_id, mention.parent_id) == ("Below", post.remote_id, top)


def test_only_what_the_hub_has_stored_is_confirmed(double: TelegramDouble, telegram: Telegram) -> None:
    anna = double.add_person("Anna Kim", "anna")
    double.mention(anna, "One")
    waiting = double.waiting
    first, cursor = heard(telegram)
    assert double.waiting == waiting
    again, _ = heard(telegram)
    assert [one.text for one in first] == [one.text for one in again] == ["One"]
    double.mention(anna, "Two")
    second, cursor = heard(telegram, cursor)
    assert [one.text for one in second] == ["Two"]
    assert double.waiting == 1
    none, after = heard(telegram, cursor)
    assert (none, after, double.waiting) == ([], cursor, 0)


def test_a_quiet_read_is_one_call_and_moves_nothing(double: TelegramDouble, telegram: Telegram) -> None:
    double.mention(double.add_person("Anna Kim", "anna"), "One")
    _, cursor = heard(telegram)
    heard(telegram, cursor)
    double.calls.clear()
    assert heard(telegram, cursor) == ([], cursor)
    assert len(double.calls) == 1


def test_numbers_that_begin_anew_after_a_quiet_week_skip_nothing(
    double: TelegramDouble, telegram: Telegram
) -> None:
    anna = double.add_person("Anna Kim", "anna")
    double.mention(anna, "Before")
    _, cursor = heard(telegram)
    heard(telegram, cursor)
    double.stale_cursors = True
    double.mention(anna, "After")
    # An offset of the old numbers would confirm, and with that drop, the new and lower ones.
    mentions, cursor = heard(telegram, cursor)
    assert [one.text for one in mentions] == ["After"]
    double.mention(anna, "On")
    mentions, _ = heard(telegram, cursor)
    assert [one.text for one in mentions] == ["On"]


def test_only_messages_and_their_edits_are_asked_for(double: TelegramDouble, telegram: Telegram) -> None:
    heard(telegram)
    assert double.allowed == ["message", "edited_message"]
    double.tell("channel_post", {"message_id": 5, "chat": {"id": CHANNEL, "type": "channel"}, "date": 1})
    assert double.waiting == 0


def test_an_edit_of_a_comment_follows(double: TelegramDouble, telegram: Telegram) -> None:
    anna = double.add_person("Anna Kim", "anna")
    remark = double.mention(anna, "Befour")
    _, cursor = heard(telegram)
    double.edit_remark(remark, "Before")
    (edited,), _ = heard(telegram, cursor)
    assert (edited.remote_id, edited.text) == (remark, "Before")
    assert edited.edited_at is not None
    assert edited.sent_at is not None


def test_the_talk_beside_the_posts_is_heard_in_a_thread_of_its_own(
    double: TelegramDouble, telegram: Telegram
) -> None:
    anna, ben = double.add_person("Anna Kim", "anna"), double.add_person("Ben Lee", "ben")
    asked = double.chat_in_group(anna, "Anybody here?")
    answered = double.chat_in_group(ben, "Yes", answers=asked)
    mentions, _ = heard(telegram)
    assert [(one.remote_id, one.thread_id, one.kind) for one in mentions] == [
        (asked, asked, "message"),
        (answered, asked, "message"),
    ]


def test_without_a_group_in_the_settings_telegram_is_asked_once(
    double: TelegramDouble, opened: Callable[..., Telegram]
) -> None:
    telegram = opened(group=None)
    double.mention(double.add_person("Anna Kim", "anna"), "Hello")
    (mention,), cursor = heard(telegram)
    heard(telegram, cursor)
    assert mention.text == "Hello"
    assert len(calls(double, "getChat")) == 1


def test_a_channel_without_a_group_leaves_the_bots_updates_alone(
    double: TelegramDouble, opened: Callable[..., Telegram]
) -> None:
    double.linked = 0
    mentions, cursor = heard(opened(group=None))
    assert (mentions, bool(cursor)) == ([], True)
    assert not calls(double, "getUpdates")


def test_a_webhook_in_the_way_is_told_with_its_mend(double: TelegramDouble, telegram: Telegram) -> None:
    double.webhook = "https://elsewhere.example/hook"
    with pytest.raises(RejectedError, match="webhook is active") as caught:
        heard(telegram)
    assert "deleteWebhook" in caught.value.hint


def test_another_reader_of_the_queue_passes(double: TelegramDouble, opened: Callable[..., Telegram]) -> None:
    other = failed(409, "Conflict: terminated by other getUpdates request")
    double.inject(faults.answered(other), times=50)
    with pytest.raises(TransientError) as caught:
        heard(opened())
    assert "bot of its own" in caught.value.hint


def test_a_group_that_became_a_supergroup_is_followed(double: TelegramDouble, telegram: Telegram) -> None:
    anna = double.add_person("Anna Kim", "anna")
    new = -1_005_555_555_555
    group = {"id": GROUP, "title": "Old", "type": "group"}
    double.tell("message", {"message_id": 1, "chat": group, "date": 1, "migrate_to_chat_id": new})
    _, cursor = heard(telegram)
    double.migrated = new
    double.chat_in_group(anna, "We moved")
    (mention,), _ = heard(telegram, cursor)
    assert (mention.text, mention.remote_id.partition("/")[0]) == ("We moved", str(new))


# reply


def test_our_answer_stands_under_the_comment(double: TelegramDouble, telegram: Telegram) -> None:
    remark = double.mention(double.add_person("Anna Kim", "anna"), "What does it cost?")
    (mention,), _ = heard(telegram)
    receipt = telegram.reply(mention, "Nothing *at all*")
    answer = double.remarks[receipt.remote_id]
    assert (answer.text, answer.parent_id) == ("Nothing *at all*", remark)
    assert receipt.url == f"https://t.me/c/2147483999/{receipt.remote_id.partition('/')[2]}"


def test_an_answer_to_our_answer_comes_with_its_parent(double: TelegramDouble, telegram: Telegram) -> None:
    anna = double.add_person("Anna Kim", "anna")
    double.mention(anna, "What does it cost?")
    (mention,), cursor = heard(telegram)
    receipt = telegram.reply(mention, "Nothing")
    double.say(anna, mention.thread_id, "Thanks", receipt.remote_id)
    (thanks,), _ = heard(telegram, cursor)
    assert (thanks.parent_id, thanks.thread_id) == (receipt.remote_id, mention.thread_id)


def test_an_answer_follows_a_group_that_became_a_supergroup(double: TelegramDouble, telegram: Telegram) -> None:
    remark = double.mention(double.add_person("Anna Kim", "anna"), "What does it cost?")
    (mention,), _ = heard(telegram)
    double.migrated = -1_005_555_555_555
    telegram.reply(mention, "Nothing")
    assert [call.json()["chat_id"] for call in calls(double, "sendMessage")] == [GROUP, double.migrated]
    ours = [one for one in double.remarks.values() if one.person == double.us]
    assert [one.parent_id for one in ours] == [remark]


# the token


def raised_by(work: Callable[[], Any]) -> str:
    with pytest.raises(HubError) as caught:
        work()
    error = caught.value
    return f"{error} {error!r} {error.facts} {error.hint} {''.join(traceback.format_exception(error))}"


@pytest.mark.parametrize(
    "fault",
    [
        faults.DROPPED,
        faults.server_error(502),
        faults.HTML,
        faults.answered(Reply(status=418, body=f"no /bot{TOKEN}/ here".encode())),
        faults.answered(failed(400, f"Bad Request: what is {TOKEN}, or {TOKEN.partition(':')[2]}?")),
        faults.redirected(f"https://elsewhere.example/bot{TOKEN}/x"),
    ],
    ids=str,
)
def test_the_token_in_the_path_shows_in_no_error_and_no_log(
    double: TelegramDouble, opened: Callable[..., Telegram], caplog: pytest.LogCaptureFixture, fault: faults.Fault
) -> None:
    caplog.set_level(logging.DEBUG)
    telegram = opened(deadline=0.3)
    works = (telegram.check, lambda: telegram.publish(Post(text="Hi", media=(PNG,))), lambda: heard(telegram))
    for work in works:
        double.inject(fault, times=50)
        said = raised_by(work) + caplog.text + repr(telegram) + repr(telegram.http.rate_limits)
        double.calm()
        for secret in (TOKEN, TOKEN.partition(":")[2], TOKEN.replace(":", "%3A")):
            assert secret not in said
    assert str(BOT) in TOKEN
