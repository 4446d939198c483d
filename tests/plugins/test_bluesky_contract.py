"""Holds the Bluesky plugin and its double against the AT Protocol's lexicons and granary's conversions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import msgspec
import pytest
import regex

from hub import HubError, Limits, Media, Mention, Post, Thread
from hub.publishing.length import measure
from hub.testing import Reply, Request, open_adapter
from plugins.bluesky import Bluesky, wire
from plugins.bluesky.facets import Facet
from plugins.bluesky.sandbox import BlueskyDouble

pytestmark = pytest.mark.contract

PNG = Media(content=b"\x89PNG picture", mime="image/png", alt="A red barn")
FORMATS: dict[str, str] = {
    "did": r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]",
    "handle": r"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?",
    "at-uri": r"at://[a-zA-Z0-9._:%-]+(/[a-zA-Z0-9.-]+(/[a-zA-Z0-9._~:-]+)?)?",
    "cid": r"[a-zA-Z0-9+=]{8,256}",
    "uri": r"\w+:(//)?[^\s/][^\s]*",
    "nsid": r"[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*\.[a-zA-Z][a-zA-Z0-9]*",
    "record-key": r"[a-zA-Z0-9._~:-]{1,512}",
    "tid": r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}",
    "language": r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*",
    "datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
}


class Lexicons:
    """Checks values as the lexicons say: https://atproto.com/specs/lexicon."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def main(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._definition(name)[1]
        return found

    def errors(self, name: str, schema: dict[str, Any], value: Any) -> list[str]:
        """Return what is wrong with a value; `name` is the lexicon that the schema stands in."""
        return list(self._wrong(name, schema, value, "$"))

    def _definition(self, ref: str) -> tuple[str, dict[str, Any]]:
        name, _, part = ref.partition("#")
        path = self._folder.joinpath(*name.split(".")).with_suffix(".json")
        defs: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["defs"]
        return name, defs[part or "main"]

    def _wrong(self, name: str, schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        match schema["type"]:
            case "object" | "params":
                yield from self._wrong_object(name, schema, value, at)
            case "record":
                yield from self._wrong_object(name, schema["record"], value, at)
            case "array":
                if not isinstance(value, list) or len(value) > schema.get("maxLength", len(value)):
                    yield f"{at} is no such array: {value!r}"
                    return
                for place, item in enumerate(value):
                    yield from self._wrong(name, schema["items"], item, f"{at}[{place}]")
            case "ref":
                yield from self._wrong(*self._absolute(name, schema["ref"]), value, at)
            case "union":
                kinds = {ref if "." in ref.partition("#")[0] else name + ref for ref in schema["refs"]}
                kind = value.get("$type") if isinstance(value, dict) else None
                if kind not in kinds:
                    yield f"{at} is none of {sorted(kinds)}: {kind!r}"
                    return
                yield from self._wrong(*self._definition(kind), value, at)
            case "string":
                yield from self._wrong_string(schema, value, at)
            case "integer":
                whole = isinstance(value, int) and not isinstance(value, bool)
                if not whole or not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                    yield f"{at} is no such integer: {value!r}"
            case "boolean":
                if not isinstance(value, bool) or value is not schema.get("const", value):
                    yield f"{at} is no such boolean: {value!r}"
            case "blob":
                yield from self._wrong_blob(schema, value, at)
            case "unknown":
                if not isinstance(value, dict):
                    yield f"{at} is no object: {value!r}"
            case other:
                yield f"{at}: this check knows no {other}"

    def _absolute(self, name: str, ref: str) -> tuple[str, dict[str, Any]]:
        return self._definition(name + ref if ref.startswith("#") else ref)

    def _wrong_object(self, name: str, schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at} is no object: {value!r}"
            return
        properties = schema.get("properties", {})
        yield from (f"{at} lacks {one}" for one in schema.get("required", ()) if one not in value)
        # Objects are open; what a lexicon does not know is looked at where we are the ones who write.
        yield from (
            f"{at} has {one}, which is in no lexicon" for one in value.keys() - properties.keys() - {"$type"}
        )
        for one, inner in value.items():
            if one in properties and not (inner is None and one in schema.get("nullable", ())):
                yield from self._wrong(name, properties[one], inner, f"{at}.{one}")

    @staticmethod
    def _wrong_string(schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{at} is no string: {value!r}"
            return
        size, graphemes = len(value.encode()), len(regex.findall(r"\X", value))
        if size > schema.get("maxLength", size) or graphemes > schema.get("maxGraphemes", graphemes):
            yield f"{at} is too long"
        if wanted := schema.get("format"):
            kinds = ("did", "handle") if wanted == "at-identifier" else (wanted,)
            if not any(re.fullmatch(FORMATS[kind], value) for kind in kinds):
                yield f"{at} is no {wanted}: {value!r}"

    @staticmethod
    def _wrong_blob(schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict) or value.keys() != {"$type", "ref", "mimeType", "size"}:
            yield f"{at} is no blob: {value!r}"
            return
        if value["$type"] != "blob" or not re.fullmatch(FORMATS["cid"], value["ref"]["$link"]):
            yield f"{at} is no blob: {value!r}"
        if value["size"] > schema.get("maxSize", value["size"]):
            yield f"{at} is too large"
        if not any(fnmatch(value["mimeType"], kind) for kind in schema.get("accept", ["*"])):
            yield f"{at} is a {value['mimeType']}"


@pytest.fixture
def lexicons(contracts: Path) -> Lexicons:
    return Lexicons(contracts / "bluesky" / "lexicons")


class Noting(BlueskyDouble):
    """The double, keeping what it answered."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Request, Reply]] = []

    def answer(self, request: Request) -> Reply:
        reply = super().answer(request)
        self.told.append((request, reply))
        return reply


@pytest.fixture
def story() -> Iterator[list[tuple[str, Request, Reply]]]:
    """Let the plugin do all that it can; return each call's name, the call and its answer."""
    with Noting() as double:
        bluesky = open_adapter(Bluesky, {**double.account(), "langs": ["en", "ru"]}, paced=False)
        tell(bluesky, double)
        bluesky.http.close()
        yield [(request.path.removeprefix("/xrpc/"), request, reply) for request, reply in double.told]


def tell(bluesky: Bluesky, double: BlueskyDouble) -> None:
    bluesky.check()
    anna, troll = double.add_person("Anna", "anna"), double.add_person("Troll", "troll")
    text = "👩‍👩‍👧 @anna.test @nobody.test #ёлка $TEA https://example.org/ü"
    first = bluesky.publish(Post(text=text, media=(PNG,), link="https://example.org/a?b=1", key="1"))
    part = bluesky.publish(Post(text="Part two", key="1.1", reply_to=first))
    bluesky.publish(Post(text="x" * 300, link="https://example.org/", key="2"))
    bluesky.find(Post(key="1"))
    bluesky.edit(first.remote_id, Post(text="Changed"))
    top = double.say(anna, first.remote_id, "One")
    double.say(troll, top, "boo", top)
    gone = double.say(anna, first.remote_id, "gone", top)
    double.missing.add(double.say(anna, first.remote_id, "Missing"))
    double.delete_remark(gone)
    theirs = double.mention(anna, "@company.test hello")
    for number in range(120):
        double.mention(anna, f"@company.test number {number}")
    double.blocked.add(troll.id)
    double.expire()
    for verb in (bluesky.fetch_posts, bluesky.fetch_mentions, lambda cursor: bluesky.search("hello", cursor)):
        *_, last = verb(None)
        double.mention(anna, "@company.test hello again")
        list(verb(last.cursor))
    list(bluesky.fetch_replies(Thread(remote_id=first.remote_id, known=(top, gone)), None))
    bluesky.reply(Mention(remote_id=top, thread_id=first.remote_id), "Thanks")
    bluesky.reply(Mention(remote_id=theirs, thread_id=theirs), "Thanks")
    for refused in (
        lambda: bluesky.publish(Post(text="x" * 301, key="3")),
        lambda: list(bluesky.fetch_replies(Thread(remote_id=wire.at_uri(double.us.id, "3kxxxxxxxxxxx")), None)),
    ):
        with pytest.raises(HubError):
            refused()
    bluesky.delete(part.remote_id)
    bluesky.delete(part.remote_id)
    bluesky.edit(part.remote_id, Post(text="Gone"))


def params_of(request: Request, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the query with its values as the lexicon types them."""
    types = {name: one["type"] for name, one in schema.get("properties", {}).items()}
    read: dict[str, Callable[[str], Any]] = {"integer": int, "array": lambda text: [text]}
    return {name: read.get(types.get(name, ""), str)(text) for name, text in request.query.items()}


def test_every_call_of_a_full_story_is_one_that_its_lexicon_allows(
    lexicons: Lexicons, story: list[tuple[str, Request, Reply]]
) -> None:
    wrong = []
    for name, request, _ in story:
        main = lexicons.main(name)
        assert request.method == {"query": "GET", "procedure": "POST"}[main["type"]]
        params = main.get("parameters", {"type": "params"})
        wrong += [f"{name} {one}" for one in lexicons.errors(name, params, params_of(request, params))]
        given = main.get("input", {})
        if given.get("encoding") == "application/json":
            assert request.content_type == "application/json"
            wrong += [f"{name} {one}" for one in lexicons.errors(name, given["schema"], request.json())]
        elif not given:
            assert not request.body
    assert wrong == []


def test_every_record_that_is_written_is_one_that_its_lexicon_allows(
    lexicons: Lexicons, story: list[tuple[str, Request, Reply]]
) -> None:
    name = "app.bsky.feed.post"
    written = [
        request.json()["record"]
        for one, request, reply in story
        if "record" in (request.body or b"").decode("latin-1") and one.endswith(("createRecord", "putRecord"))
    ]
    assert len(written) >= 6
    wrong = [lexicons.errors(name, lexicons.main(name), record) for record in written]
    # One text was too long on purpose.
    assert [one for one in wrong if one] == [["$.text is too long"]]
    assert all(record["$type"] == name for record in written)
    assert {record["embed"]["$type"] for record in written if "embed" in record} == {
        "app.bsky.embed.images",
        "app.bsky.embed.external",
    }


def test_every_answer_of_the_double_is_one_that_its_lexicon_allows(
    lexicons: Lexicons, story: list[tuple[str, Request, Reply]]
) -> None:
    wrong = []
    for name, _, reply in story:
        main = lexicons.main(name)
        value = msgspec.json.decode(reply.encoded())
        if reply.status == 200:
            wrong += [f"{name} {one}" for one in lexicons.errors(name, main["output"]["schema"], value)]
            continue
        assert value.keys() == {"error", "message"}
        # Errors of the protocol itself are in no lexicon.
        named = {error["name"] for error in main.get("errors", ())} | {
            "ExpiredToken",
            "InvalidRequest",
            "NotFound",
        }
        wrong += [] if value["error"] in named else [f"{name} answers {value['error']}"]
    assert wrong == []


def test_every_record_that_the_double_shows_is_one_that_its_lexicon_allows(
    lexicons: Lexicons, story: list[tuple[str, Request, Reply]]
) -> None:
    name = "app.bsky.feed.post"
    found = [record for _, _, reply in story for record in records_in(reply.json)]
    assert len(found) > 100
    assert [one for record in found for one in lexicons.errors(name, lexicons.main(name), record)] == []


def records_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("$type") == "app.bsky.feed.post":
            yield value
        for inner in value.values():
            yield from records_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from records_in(inner)


def test_a_full_story_uses_every_method_that_the_double_knows(story: list[tuple[str, Request, Reply]]) -> None:
    from plugins.bluesky.sandbox import _VERBS

    assert {name for name, _, _ in story} == {name for _, name in _VERBS}


def test_the_check_itself_sees_what_is_wrong(lexicons: Lexicons) -> None:
    name = "app.bsky.feed.post"
    good = {"$type": name, "text": "x", "createdAt": "2026-01-01T00:00:00Z"}
    ref = {"uri": "at://did:plc:x/app.bsky.feed.post/3k", "cid": "bafyreiabc"}
    link = {"$type": "app.bsky.richtext.facet#link", "uri": "no address"}
    for wrong in (
        {"text": 7},
        {"text": "x" * 301},
        {"createdAt": "yesterday"},
        {"createdAt": "2026-01-01T00:00:00"},
        {"langs": ["en", "ru", "de", "fr"]},
        {"reply": {"root": ref}},
        {"embed": {"$type": "app.bsky.embed.external", "external": {"uri": "https://a.b", "title": ""}}},
        {"embed": {"$type": "app.bsky.embed.nonsense"}},
        {"facets": [{"index": {"byteStart": 0, "byteEnd": 1}, "features": [link]}]},
        {"facets": [{"index": {"byteStart": -1, "byteEnd": 1}, "features": []}]},
        {"unheard": 1},
    ):
        assert lexicons.errors(name, lexicons.main(name), {**good, **wrong}), wrong
    assert not lexicons.errors(name, lexicons.main(name), {**good, "reply": {"root": ref, "parent": ref}})


def test_the_limits_are_those_of_the_lexicons(lexicons: Lexicons) -> None:
    account = open_adapter(Bluesky, {"identifier": "x.test", "password": "none"})
    limits = account.limits()
    text = lexicons.main("app.bsky.feed.post")["record"]["properties"]["text"]
    images = lexicons.main("app.bsky.embed.images")["properties"]["images"]["maxLength"]
    image = lexicons._definition("app.bsky.embed.images#image")[1]["properties"]["image"]
    assert (limits.maximum, limits.max_bytes) == (text["maxGraphemes"], text["maxLength"])
    assert (limits.media_count, limits.media_bytes) == (images, image["maxSize"])


def test_the_lengths_of_texts_are_counted_as_they_are_elsewhere(contracts: Path) -> None:
    vectors = json.loads((contracts / "cross-platform" / "length_units.json").read_text(encoding="utf-8"))[
        "vectors"
    ]
    for vector in vectors:
        assert len(vector["text"].encode()) == vector["utf8"]
        assert measure(vector["text"], Limits(unit="byte")) == vector["utf8"]
    assert len(vectors) > 10


# What granary was recorded to read. Each answer lacks something that real ones have, as given here.
CONVERSIONS = {
    "note": {},
    "quote": {},
    "comment_inreplyto_id": {"author": {"did": "did:plc:asdf", "handle": "anna.test"}},
    "note_with_custom_feed": {
        "author": {"did": "did:plc:z72i7hd", "handle": "anna.test"},
        "indexedAt": "2023-05-27T01:42:36.501Z",
    },
}
# File and why it is not read here.
LEFT_OUT = {
    "actor*": "profiles are not read",
    "follow*": "follows are not read",
    "like*": "likes are not read",
    "repost*": "a repost is left out; its feed item is read below",
    "*.bsky-from-as.json": "what granary makes of ActivityStreams, by rules of its own",
    "note_with_article_tag_indices*": "a record without its view; its facets are read below",
    "note_with_mention_linked_text*": "a record without its view; its facets are read below",
    "quote_and_*.bsky.json": "its post has no address, which real ones have",
    "quote_with_image.bsky.json": "as `quote`, and the other way round",
}


def test_every_conversion_is_read_or_left_out_for_a_reason(contracts: Path) -> None:
    folder = contracts / "bluesky" / "granary-conversions"
    for path in folder.iterdir():
        read = path.name.partition(".")[0] in CONVERSIONS and not path.name.endswith(".bsky-from-as.json")
        assert read != any(fnmatch(path.name, one) for one in LEFT_OUT), path.name


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_post_is_read_as_granary_reads_it(contracts: Path, name: str) -> None:
    folder = contracts / "bluesky" / "granary-conversions"
    wanted = json.loads((folder / f"{name}.as-from-bsky.json").read_text(encoding="utf-8"))
    raw = json.loads((folder / f"{name}.bsky.json").read_text(encoding="utf-8"))["post"]
    view = msgspec.convert({**raw, **CONVERSIONS[name]}, wire.View, strict=False)
    post, said = wire.post(view), wire.mention(view)
    assert post.remote_id == said.remote_id == wanted["id"]
    assert post.text == said.text == wanted["content"]
    made = datetime.fromisoformat(wanted["published"])
    assert post.sent_at == said.sent_at == (made if made.tzinfo else made.replace(tzinfo=UTC))
    assert [image.url for image in post.media] == [image["url"] for image in wanted.get("image", ())]
    above = wanted.get("inReplyTo", [{}])[0]
    assert post.reply_to == said.parent_id == above.get("id")
    assert said.author is not None
    if "author" not in CONVERSIONS[name]:
        author = wanted["author"]
        assert (said.author.remote_id, said.author.name) == (author["id"], author["displayName"])
        assert said.author.handle == author["username"]
    links = [tag["url"] for tag in wanted.get("tags", ()) if tag["objectType"] == "article"]
    assert post.link == next(iter(links), "")


def test_a_recorded_repost_is_not_a_post_of_ours(contracts: Path) -> None:
    item = json.loads(
        (contracts / "bluesky" / "granary-conversions" / "repost.bsky.json").read_text(encoding="utf-8")
    )
    page = msgspec.convert({"feed": [item]}, wire.Feed, strict=False)
    assert (len(page.feed), page.views) == (1, [])


@pytest.mark.parametrize(
    ("name", "shown"), [("note_with_article_tag_indices", "foo"), ("note_with_mention_linked_text", "@alice")]
)
def test_recorded_facets_point_at_the_bytes_that_they_mean(contracts: Path, name: str, shown: str) -> None:
    folder = contracts / "bluesky" / "granary-conversions"
    raw = json.loads((folder / f"{name}.bsky.json").read_text(encoding="utf-8"))
    (facet,) = msgspec.convert(raw["facets"], list[Facet])
    assert raw["text"].encode()[facet.index.byte_start : facet.index.byte_end].decode() == shown
    assert wire.plain_text(msgspec.convert(raw, wire.Record)) == raw["text"]
