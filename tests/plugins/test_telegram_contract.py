"""The Telegram plugin and its double against the Bot API as it is written down (10.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import Media, Mention, Post
from hub.publishing.length import measure
from hub.testing import Reply, Request, open_adapter
from plugins.telegram import Telegram, wire
from plugins.telegram.sandbox import TOKEN, TelegramDouble
from plugins.telegram.sandbox_form import PARAMS

pytestmark = pytest.mark.contract

PNG = Media(content=b"\x89PNG", mime="image/png", alt="A barn")
GIF = Media(content=b"GIF89a", mime="image/gif")
GOLDEN = Path(__file__).parent / "golden" / "telegram"


class Spec:
    """The Bot API's own list of methods and types."""

    def __init__(self, file: Path) -> None:
        content = json.loads(file.read_text(encoding="utf-8"))
        self.methods: dict[str, Any] = content["methods"]
        self.types: dict[str, Any] = content["types"]

    def wrong(self, value: Any, kinds: list[str], where: str) -> list[str]:
        """Return what is wrong with a value that is to be of one of these types."""
        each = [self._as(value, kind, where) for kind in kinds]
        return [] if [] in each else min(each, key=len)

    def _as(self, value: Any, kind: str, where: str) -> list[str]:
        inner = kind.removeprefix("Array of ")
        if inner != kind:
            if not isinstance(value, list):
                return [f"{where} is no array"]
            return [fault for n, one in enumerate(value) for fault in self._as(one, inner, f"{where}[{n}]")]
        plain = {"Integer": (int,), "String": (str,), "Boolean": (bool,), "Float": (int, float)}.get(kind)
        if plain is not None:
            right = isinstance(value, plain) and (kind == "Boolean" or not isinstance(value, bool))
            return [] if right else [f"{where} is {value!r}, not {kind}"]
        described = self.types[kind]
        if "subtypes" in described:
            return self.wrong(value, described["subtypes"], where)
        if not isinstance(value, dict):
            return [f"{where} is no {kind}"]
        return self.fields(value, described.get("fields", []), where)

    def fields(self, value: dict[str, Any], described: list[dict[str, Any]], where: str) -> list[str]:
        known = {field["name"]: field for field in described}
        faults = [f"{where}.{name} is unknown" for name in value.keys() - known.keys()]
        faults += [
            f"{where}.{name} is missing" for name, f in known.items() if f["required"] and name not in value
        ]
        for name in value.keys() & known.keys():
            faults += self.wrong(value[name], known[name]["types"], f"{where}.{name}")
            always = known[name]["description"].partition('always "')[2].partition('"')[0]
            if always and value[name] != always:
                faults.append(f"{where}.{name} is {value[name]!r}, not {always!r}")
        return faults


@pytest.fixture
def spec(contracts: Path) -> Spec:
    return Spec(contracts / "telegram" / "api.json")


class Noting(TelegramDouble):
    """The double, keeping what it answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[Request, Reply]] = []

    def answer(self, request: Request) -> Reply:
        reply = super().answer(request)
        self.answers.append((request, reply))
        return reply


class Quick(Telegram):
    """Telegram without its pace of one call a second."""

    calls_per_second = None


@pytest.fixture
def story() -> Iterator[list[tuple[Request, Reply]]]:
    """Let the plugin do all that it can, and return each call with its answer."""
    with Noting() as double:
        quiet = {"disable_notification": True, "protect_content": True, "link_preview": False}
        for more in ({}, quiet | {"group": None}):
            double.reads_all = not more
            telegram = open_adapter(Quick, {**double.account(), **more})
            telegram.check()
            text = telegram.publish(Post(text="Hello https://example.org"))
            telegram.publish(Post(text="And on", reply_to=text))
            picture = telegram.publish(Post(text="A barn", media=(PNG,)))
            telegram.publish(Post(media=(GIF,)))
            album = telegram.publish(Post(text="Barns", media=(PNG, PNG, PNG)))
            telegram.edit(text.remote_id, Post(text="Hello again"))
            telegram.edit(text.remote_id, Post(text="Hello again"))
            telegram.edit(picture.remote_id, Post(text="A red barn", media=(PNG,)))
            telegram.edit(album.remote_id, Post(text="Red barns", media=(PNG, PNG, PNG)))
            anna = double.add_person("Anna Kim", "anna")
            for post in (text, picture, album):
                top = double.say(anna, post.remote_id, "First")
                double.edit_remark(top, "The first")
                double.say(anna, post.remote_id, "Below", top)
            double.chat_in_group(anna, "Anybody?")
            cursor: str | None = None
            found: list[Mention] = []
            for _ in range(3):
                (batch,) = telegram.fetch_mentions(cursor)
                cursor, found = batch.cursor, [*found, *batch.items]
            telegram.reply(found[0], "Thank you")
            for post in (text, picture, album, text):
                telegram.delete(post.remote_id)
            telegram.http.close()
        yield double.answers


def _method(request: Request) -> str:
    return request.path.removeprefix(f"/bot{TOKEN}/")


def _given(request: Request, method: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a call as values: in a form all that is no text is JSON."""
    if request.content_type == "application/json":
        return dict(request.json())
    types = {field["name"]: field["types"] for field in method.get("fields", [])}
    given: dict[str, Any] = {}
    for name, text in {**request.query, **request.form()}.items():
        given[name] = text if "String" in types.get(name, ["String"]) else json.loads(text)
    # A file under a name of its own is named by attach://; else it is the parameter itself.
    return given | {name: {} for name in request.files() if name in types}


def test_every_call_of_a_full_story_is_one_that_the_bot_api_has(
    spec: Spec, story: list[tuple[Request, Reply]]
) -> None:
    wrong = []
    for request, _ in story:
        method = spec.methods[_method(request)]
        wrong += spec.fields(_given(request, method), method.get("fields", []), _method(request))
    assert not wrong


def test_the_story_calls_all_that_the_double_knows(story: list[tuple[Request, Reply]]) -> None:
    assert {_method(request) for request, _ in story} == PARAMS.keys()


def test_every_answer_of_the_double_is_one_that_the_bot_api_gives(
    spec: Spec, story: list[tuple[Request, Reply]]
) -> None:
    wrong, failures = [], 0
    for request, reply in story:
        method = _method(request)
        if reply.json["ok"]:
            wrong += spec.wrong(reply.json["result"], spec.methods[method]["returns"], method)
        else:
            failures += 1
            assert {"error_code", "description"} <= reply.json.keys()
            wrong += spec.wrong(reply.json.get("parameters", {}), ["ResponseParameters"], method)
    assert not wrong
    assert failures, "nothing was refused: an edit that changes nothing and a second deletion should be"


def test_every_attached_file_comes_along(story: list[tuple[Request, Reply]]) -> None:
    attached = 0
    for request, _ in story:
        media = json.loads(request.form().get("media", "[]")) if request.files() else []
        named = [one["media"].removeprefix("attach://") for one in (media if isinstance(media, list) else [media])]
        assert not named or set(named) == request.files().keys()
        attached += len(named)
    assert attached


@pytest.mark.parametrize("name", sorted(PARAMS))
def test_the_double_takes_what_the_bot_api_takes(spec: Spec, name: str) -> None:
    needed, more = PARAMS[name]
    fields = {field["name"]: field["required"] for field in spec.methods[name].get("fields", [])}
    assert needed | more <= fields.keys()
    assert {field for field, required in fields.items() if required} <= needed


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_every_golden_update_is_one_that_the_bot_api_tells(spec: Spec, file: Path) -> None:
    told = json.loads(file.read_text(encoding="utf-8"))["told"]
    assert told
    assert not spec.wrong(told, ["Array of Update"], file.stem)


def test_the_check_itself_sees_what_is_wrong(spec: Spec) -> None:
    chat = {"id": 1, "type": "channel"}
    right = {"message_id": 1, "date": 1, "chat": chat}
    assert not spec.wrong(right, ["Message"], "m")
    for wrong in (
        {},
        right | {"message_id": "1"},
        right | {"chat": {"id": 1}},
        right | {"no_such_field": 1},
        right | {"is_automatic_forward": 1},
        right | {"forward_origin": {"type": "chat", "date": 1, "chat": chat, "message_id": 1}},
        right | {"entities": [{"type": "url", "offset": 0}]},
    ):
        assert spec.wrong(wrong, ["Message"], "m"), wrong


def test_what_the_plugin_reads_of_a_message_is_there_to_be_read(spec: Spec) -> None:
    shapes = {"Chat": wire.Chat, "ChatFullInfo": wire.FullChat, "User": wire.User, "Message": wire.Message}
    shapes |= {"MessageEntity": wire.Entity, "Update": wire.Update, "Sticker": wire.Sticker}
    shapes |= {"MessageOriginChannel": wire.Origin, "ChatMemberAdministrator": wire.Member}
    for name, shape in shapes.items():
        known = {field["name"] for field in spec.types[name]["fields"]}
        assert set(shape.__struct_encode_fields__) <= known, name
        required = {field["name"] for field in spec.types[name]["fields"] if field["required"]}
        optional = set(
            shape.__struct_encode_fields__[len(shape.__struct_fields__) - len(shape.__struct_defaults__) :]
        )
        # What the plugin cannot do without must always be there.
        assert set(shape.__struct_encode_fields__) - optional <= required, name


def test_the_limits_are_those_of_the_bot_api(spec: Spec) -> None:
    def said(method: str, name: str) -> str:
        return str(next(f["description"] for f in spec.methods[method]["fields"] if f["name"] == name))

    with TelegramDouble() as double:
        limits = open_adapter(Quick, double.account()).limits()
    assert f"1-{limits.maximum} characters after entities parsing" in said("sendMessage", "text")
    assert f"0-{limits.maximum_with_media} characters after entities parsing" in said("sendPhoto", "caption")
    assert f"2-{limits.media_count} items" in said("sendMediaGroup", "media")
    assert f"at most {limits.media_bytes >> 20} MB" in said("sendPhoto", "photo")


def test_lengths_and_offsets_are_counted_in_utf16(contracts: Path) -> None:
    vectors = json.loads((contracts / "cross-platform" / "length_units.json").read_text(encoding="utf-8"))
    with TelegramDouble() as double:
        limits = open_adapter(Quick, double.account()).limits()
    assert vectors["vectors"]
    for vector in vectors["vectors"]:
        text = vector["text"]
        if not text.startswith("http"):
            assert measure(text, limits) == vector["utf16"], text
        # A word behind this text has a link: it is found by the length of what stands before it.
        span = wire.Entity("text_link", vector["utf16"], 4, "https://a.b")
        assert wire.plain(f"{text}word.", [span]) == f"{text}word (https://a.b)."


def test_a_link_counts_as_it_is_long(contracts: Path) -> None:
    vectors = json.loads((contracts / "cross-platform" / "length_units.json").read_text(encoding="utf-8"))
    link = next(vector for vector in vectors["vectors"] if vector["text"].startswith("http"))
    with TelegramDouble() as double:
        limits = open_adapter(Quick, double.account()).limits()
    assert measure(link["text"], limits) == link["utf16"]
